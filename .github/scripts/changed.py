"""Which methods and datasets a branch changes, as JSON: `changed.py BASE`. Read from git alone; nothing is imported."""

import json
import re
import subprocess
import sys
from collections.abc import Iterable

PLUGIN = re.compile(r"(methods|datasets)/([a-z][a-z0-9_]{0,60})(?:\.py|/[^\0]+)")


def changed(base: str) -> dict[str, list[str]]:
    """Return the names of methods and datasets that differ from where the branch left `base`, and the changed results."""
    words = [
        "git",
        "diff",
        "--name-only",
        "--no-renames",
        "--diff-filter=d",
        "-z",
        "--end-of-options",
        f"{base}...HEAD",
    ]
    return sorted_out(subprocess.run(words, capture_output=True, check=True, text=True).stdout.split("\0"))


def sorted_out(paths: Iterable[str]) -> dict[str, list[str]]:
    """Return what the paths of changed files stand for."""
    found: dict[str, set[str]] = {"methods": set(), "datasets": set(), "results": set()}
    for path in paths:
        plugin = PLUGIN.fullmatch(path)
        if plugin:
            found[plugin[1]].add(plugin[2])
        elif path.startswith("results/"):
            found["results"].add(path)
    return {kind: sorted(names) for kind, names in found.items()}


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("changed.py: expected one argument, the commit to compare with")
    print(json.dumps(changed(sys.argv[1])))
