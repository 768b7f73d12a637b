"""What the harness itself costs: the share of a run's wall time outside data generation, fit and predict.

    python benchmarks/speed/overhead.py [--dataset navier_stokes] [--tier small]

Runs the command into empty folders and prints where its time went. Cells run on one core each, so that after the data were made
each second counts once for every core; a core that waits for the last cell counts as the harness's. The aim is 5% of a small run.
Machines are noisy: read the shares, not the seconds.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import h5py

from sciml_bench.records.provenance import threads


def main() -> None:
    """Run once and print the shares."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--method", default="fno")
    parser.add_argument("--dataset", default="navier_stokes")
    parser.add_argument("--tier", default="small")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        words = ["run", "--method", options.method, "--dataset", options.dataset, "--tier", options.tier]
        done = subprocess.run(
            [sys.executable, "-m", "sciml_bench", *words, "--json", "--results", str(Path(folder) / "results")],
            env={**os.environ, "SCIML_BENCH_CACHE": str(Path(folder) / "cache")},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        total = time.perf_counter() - begun
        data = sum(_seconds(p) for p in Path(folder, "cache", "data").glob("*.h5"))
        certificate = sum(
            json.loads(p.read_text())["seconds"] for p in Path(folder, "cache", "data").glob("*.certificate.json")
        )
    cores = threads()
    cells = [c["cost"] for c in json.loads(done.stdout)["cells"] if c["cost"]]
    fit = sum(c["fit_seconds"] for c in cells)
    predict = sum(c["predictor_seconds"] for c in cells)
    spent = data + certificate + cores * (total - data - certificate)
    rest = spent - data - certificate - fit - predict
    rows = [
        ("data", data),
        ("certificate of the data", certificate),
        ("fit", fit),
        ("predict", predict),
        ("harness", rest),
    ]
    print(
        f"{options.method} on {options.dataset}, {options.tier}: {len(cells)} cells, {total:.1f} s, {spent:.1f} core seconds"
    )
    for name, seconds in rows:
        print(f"  {name:24s} {seconds:8.1f} s  {100 * seconds / spent:5.1f}%")


def _seconds(path: Path) -> float:
    with h5py.File(path, "r") as file:
        return float(file.attrs["generation_seconds"].item())


if __name__ == "__main__":
    main()
