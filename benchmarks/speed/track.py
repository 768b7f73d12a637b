"""Time this commit with asv and keep the result for the history page: `results/speed/<class of machine>/<commit>.json`.

    python benchmarks/speed/track.py [--bench REGEX] [--quick]

Runs in the environment at hand. The machine is named by its processor and number of cores, never by its host, so that
machines of one class share a history; compare no numbers of two classes. What is kept is asv's own result without the
folders of the machine, with the units of the benchmarks. `--quick` runs each benchmark once and keeps nothing.
"""

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from sciml_bench.paths import write_text
from sciml_bench.records.provenance import libraries, processor, threads

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
KEPT = ("commit_hash", "date", "result_columns", "results", "version")


def main() -> None:
    """Run asv and keep what it found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", help="only benchmarks that match")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    machine = machine_class()
    _asv("machine", "--yes", "--machine", machine, "--os", sys.platform, "--cpu", processor())
    words = ["--python=same", "--machine", machine, "--show-stderr"]
    if options.bench:
        words += ["--bench", options.bench]
    if options.quick:
        _asv("run", *words, "--quick", "--dry-run")
        return
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=HERE, check=True, capture_output=True, text=True)
    _asv("run", *words, "--set-commit-hash", commit.stdout.strip())
    found = ROOT / "build" / "asv" / "results"
    for path in (found / machine).glob(f"{commit.stdout.strip()[:8]}-*.json"):
        keep(path, found / "benchmarks.json", ROOT / "results" / "speed" / machine)


def _asv(*words: str) -> None:
    """Run a command of asv; a benchmark that fails is a result, and not the command's failure."""
    done = subprocess.run([sys.executable, "-m", "asv", *words], cwd=HERE)
    if done.returncode not in (0, 2):
        sys.exit(done.returncode)


def keep(result: Path, benchmarks: Path, folder: Path) -> None:
    """Write one result of asv to the folder of its class of machine, without what tells of the machine itself."""
    given: dict[str, Any] = json.loads(result.read_text(encoding="utf-8"))
    about: dict[str, Any] = json.loads(benchmarks.read_text(encoding="utf-8"))
    kept = {name: given[name] for name in KEPT}
    kept["units"] = {name: about[name]["unit"] for name in given["results"]}
    kept["python"] = ".".join(map(str, sys.version_info[:2]))
    kept["libraries"] = libraries()
    write_text(folder / f"{given['commit_hash'][:12]}.json", json.dumps(kept, indent=1, sort_keys=True) + "\n")


def machine_class() -> str:
    """Return such as `amd-epyc-2`: the processor's name without marks and clock, and the cores that may be used."""
    name = re.sub(r"\([^)]*\)|@.*|\bcpu\b|\bprocessor\b", " ", processor().lower())
    return "-".join([*re.findall(r"[a-z0-9]+", name), str(threads())])


if __name__ == "__main__":
    main()
