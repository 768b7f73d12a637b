"""The suite beside the libraries of the field, on the same work: training, physics-informed networks, generating data.

    python benchmarks/speed/peers.py [training] [pinn] [navier_stokes] [--turns 5]

The parties alternate, so that all meet the same load of the machine, on one thread each; imports and compilation are not counted.
Printed are the median seconds of each, and the ratio to ours: the median over turns, with the smallest and the largest. Ratios are
of processor seconds, which a loaded machine disturbs less than wall time; above 1 the other is slower.
"""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")
os.environ.setdefault("DDE_BACKEND", "pytorch")

import statistics
import time

import torch

sys.path.insert(0, str(Path(__file__).parent))  # as a script it finds its folder; asv and tests do not

import peer_navier_stokes
import peer_pinn
import peer_training

Call = Callable[[], object]
PARTS: dict[str, Callable[[], tuple[str, dict[str, Call]]]] = {
    "training": peer_training.parties,
    "pinn": peer_pinn.parties,
    "navier_stokes": peer_navier_stokes.parties,
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="all of them if none is named")
    parser.add_argument("--turns", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    for part in options.parts or PARTS:
        title, parties = PARTS[part]()
        print(f"{part}: {title}", flush=True)
        report(measure(parties, options.turns))


def measure(parties: dict[str, Call], turns: int) -> dict[str, list[float]]:
    """Return the processor seconds of each turn; one more turn comes first, which compiles and is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in parties}
    for turn in range(turns + 1):
        for name, call in parties.items():
            begun = time.process_time()
            call()
            if turn:
                seconds[name].append(time.process_time() - begun)
    return seconds


def report(seconds: dict[str, list[float]]) -> None:
    """Print the medians and the ratios to the first party."""
    ours = next(iter(seconds.values()))
    for name, spent in seconds.items():
        ratios = [s / o for s, o in zip(spent, ours, strict=True)]
        shown = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        print(f"  {name:34s} {statistics.median(spent):8.3f} s   over ours {shown}", flush=True)


if __name__ == "__main__":
    main()
