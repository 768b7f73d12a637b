"""What a pull request is put through: `pull_request.py BASE OUT`, in a checkout of the branch.

The contract on every changed method and dataset, then the smoke tier on one dataset of each shape that a method fits, then a
review of submitted records. OUT gets `checks.json` and the smoke records. Runs contributed code: give it no credentials.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from changed import changed

SMOKE = ("--tier", "smoke", "--folds", "3", "--no-page")
MOST_DATASETS = 3
LONGEST = 100
"""Characters of a path that are shown."""
ENDINGS = ("passed", "failed", "declared", "not reached")
FITTING = """
import sys
from sciml_bench.apart import prints_apart
from sciml_bench.testing.benches import fitting
with prints_apart():  # what the method prints is no name of a dataset
    found = fitting(sys.argv[1])
print(*found)
"""


def sciml_bench(*words: str) -> subprocess.CompletedProcess[str]:
    """Run the command of this checkout."""
    print("$ sciml-bench", *words, flush=True)
    return _said("-m", "sciml_bench", *words)


def _said(*words: str) -> subprocess.CompletedProcess[str]:
    """Run Python and keep its standard output, which may hold any bytes."""
    return subprocess.run(
        [sys.executable, *words], stdout=subprocess.PIPE, encoding="utf-8", errors="replace", check=False
    )


def conformance(name: str) -> dict[str, Any]:
    """Return how many checks a method or dataset passes, and of those that it does not the sentences and the number."""
    done = sciml_bench("check", name, "--json")
    try:
        ended = [(o["ending"], _of(o)) for o in json.loads(done.stdout)]
    except (ValueError, TypeError, KeyError):
        ended = []
    if not ended:
        return verdict(name, failed=["the check ended without an answer; its log has the reason"])
    of = {kind: [sentence for ending, sentence in ended if ending == kind] for kind in ENDINGS}
    return verdict(name, len(of["passed"]), of["failed"], of["declared"], len(of["not reached"]))


def _of(outcome: dict[str, str]) -> str:
    """Return what a check says, with the dataset that a method was tried on; a dataset itself is tried on none."""
    on = f" on {outcome['subject']}" if outcome["subject"] else ""
    return f"{outcome['check']}{on}: {outcome['sentence']}"


def verdict(
    name: str, passed: int = 0, failed: Sequence[str] = (), declared: Sequence[str] = (), unreached: int = 0
) -> dict[str, Any]:
    """Return an entry of checks.json; `declared` says what fails as the class itself says, and why."""
    return {"name": name, "passed": passed, "failed": failed, "declared": declared, "unreached": unreached}


def unnamed(path: str) -> dict[str, Any]:
    """Return the verdict on a file that cannot be checked, as its name is none."""
    shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in path)
    shown = shown if len(shown) <= LONGEST else f"{shown[: LONGEST - 1]}…"
    expected = "a lower-case name of up to 61 letters, digits and _, starting with a letter"
    return verdict(shown, failed=[f"{shown} is not checked: expected {expected}"])


def smoke(method: str, dataset: str, out: Path) -> bool:
    """Run one method beside the baselines; whether all cells succeeded."""
    return sciml_bench("run", "-m", method, "-d", dataset, *SMOKE, "--results", str(out / "smoke")).returncode == 0


def fitting(method: str) -> list[str]:
    """Return a few datasets, each of another shape, to which the method applies."""
    return _said("-c", FITTING, method).stdout.split()[:MOST_DATASETS]


def main(base: str, out: Path) -> bool:
    """Put the branch through everything, whatever fails on the way; whether all was well."""
    found = changed(base)
    out.mkdir(parents=True, exist_ok=True)
    checks = [conformance(name) for name in (*found["methods"], *found["datasets"])] + [*map(unnamed, found["odd"])]
    (out / "checks.json").write_text(json.dumps(checks), encoding="utf-8")
    well = [not c["failed"] for c in checks]
    well += [smoke(m, d, out) for m in found["methods"] for d in fitting(m)]
    well += [smoke("mean", d, out) for d in found["datasets"]]
    if found["results"]:
        review = sciml_bench("records", "check", "--against", base, "--results", "results")
        print(review.stdout)
        well.append(review.returncode == 0)
    for check in checks:
        told = [*check["failed"], *(f"as declared: {sentence}" for sentence in check["declared"])]
        print(f"{check['name']}: {check['passed']} passed, {check['unreached']} not reached", *told, sep="\n  ")
    return all(well)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(
            "pull_request.py: expected two arguments, the commit to compare with and a folder for what comes of it"
        )
    sys.exit(not main(sys.argv[1], Path(sys.argv[2])))
