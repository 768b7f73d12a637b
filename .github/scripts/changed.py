"""Which methods and datasets a branch changes, as JSON: `changed.py BASE`. Read from git alone; nothing is imported."""

import json
import re
import subprocess
import sys
from collections.abc import Iterable

PLUGIN = re.compile(r"(methods|datasets)/([a-z][a-z0-9_]{0,60})(?:\.py|/[^\0]+)")
ODD = re.compile(r"(?:methods|datasets)/(?!__init__\.py$)(?:[^/]+\.py|[^/]+/__init__\.py)", re.DOTALL)
"""What Python takes for a plugin, whatever its name."""
OWN_MODULE = (".py", "/__init__.py")
"""How the file that makes a plugin ends, after its name."""


def changed(base: str) -> dict[str, list[str]]:
    """Return the names of methods and datasets that differ from where the branch left `base`, and the changed results.

    `odd` are the files of plugins whose names cannot be used.
    """
    if not base:
        sys.exit(
            "the commit to compare with is an empty word: give one, as `git merge-base origin/main HEAD` prints it"
        )
    words = ["git", "diff", "--name-status", "--no-renames", "-z", "--end-of-options", f"{base}...HEAD"]
    done = subprocess.run(words, capture_output=True, encoding="utf-8", errors="replace", check=False)
    if done.returncode:
        sys.exit(f"git cannot compare '{base}' with HEAD: {' '.join(done.stderr.split())}")
    told = done.stdout.split("\0")
    return sorted_out(zip(told[::2], told[1::2], strict=False))


def sorted_out(files: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Return what changed files stand for, each with what git says of it.

    Of what is gone, results count, and the parts of a plugin that stays: one whose own module is not gone.
    """
    files = list(files)
    gone = {path for status, path in files if status == "D"}
    found: dict[str, set[str]] = {"methods": set(), "datasets": set(), "results": set(), "odd": set()}
    for _, path in files:
        plugin = PLUGIN.fullmatch(path)
        if path.startswith("results/"):
            found["results"].add(path)
        elif path in gone and (plugin is None or {f"{plugin[1]}/{plugin[2]}{end}" for end in OWN_MODULE} & gone):
            continue
        elif plugin:
            found[plugin[1]].add(plugin[2])
        elif ODD.fullmatch(path):
            found["odd"].add(path)
    return {kind: sorted(names) for kind, names in found.items()}


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("changed.py: expected one argument, the commit to compare with")
    print(json.dumps(changed(sys.argv[1])))
