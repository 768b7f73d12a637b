"""What a pull request is put through: `pull_request.py BASE OUT`, in a checkout of the branch.

The contract on every changed method and dataset, then the smoke tier on one dataset of each shape that a method fits, then a
review of submitted records. OUT gets `checks.json` and the smoke records. Runs contributed code: give it no credentials.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from changed import changed

SMOKE = ("--tier", "smoke", "--folds", "3", "--no-page")
MOST_DATASETS = 3


def sciml_bench(*words: str) -> subprocess.CompletedProcess[str]:
    """Run the command of this checkout."""
    print("$ sciml-bench", *words, flush=True)
    return subprocess.run([sys.executable, "-m", "sciml_bench", *words], stdout=subprocess.PIPE, text=True, check=False)


def conformance(name: str) -> dict[str, Any]:
    """Return how many checks a method or dataset passes, and the sentence of each that it does not."""
    done = sciml_bench("check", name, "--json")
    if not done.stdout.strip():
        return {"name": name, "passed": 0, "failed": ["the check ended without an answer; its log has the reason"]}
    outcomes = json.loads(done.stdout)
    failed = [f"{o['check']} on {o['subject']}: {o['sentence']}" for o in outcomes if o["ending"] == "failed"]
    return {"name": name, "passed": sum(o["ending"] == "passed" for o in outcomes), "failed": failed}


def smoke(method: str, dataset: str, out: Path) -> bool:
    """Run one method beside the baselines; whether all cells succeeded."""
    return sciml_bench("run", "-m", method, "-d", dataset, *SMOKE, "--results", str(out / "smoke")).returncode == 0


def fitting(method: str) -> list[str]:
    """Return a few datasets, each of another shape, to which the method applies."""
    code = "import sys; from sciml_bench.testing.benches import fitting; print(' '.join(fitting(sys.argv[1])))"
    done = subprocess.run([sys.executable, "-c", code, method], stdout=subprocess.PIPE, text=True, check=False)
    return done.stdout.split()[:MOST_DATASETS]


def main(base: str, out: Path) -> bool:
    """Put the branch through everything, whatever fails on the way; whether all was well."""
    found = changed(base)
    out.mkdir(parents=True, exist_ok=True)
    checks = [conformance(name) for name in (*found["methods"], *found["datasets"])]
    (out / "checks.json").write_text(json.dumps(checks), encoding="utf-8")
    well = [not c["failed"] for c in checks]
    well += [smoke(m, d, out) for m in found["methods"] for d in fitting(m)]
    well += [smoke("mean", d, out) for d in found["datasets"]]
    if found["results"]:
        review = sciml_bench("records", "check", "--against", base, "--results", "results")
        print(review.stdout)
        well.append(review.returncode == 0)
    for check in checks:
        print(f"{check['name']}: {check['passed']} checks passed", *check["failed"], sep="\n  ")
    return all(well)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(
            "pull_request.py: expected two arguments, the commit to compare with and a folder for what comes of it"
        )
    sys.exit(not main(sys.argv[1], Path(sys.argv[2])))
