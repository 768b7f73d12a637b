"""The two physics-informed networks side by side: iterations a second on the same network and points.

    python benchmarks/speed/pinn_frameworks.py [--dataset burgers_shock] [--tier small] [--width 32] [--layers 4] …

Alternates between DeepXDE on PyTorch and JAX, so that both meet the same load of the machine, and prints the rates of
each turn, their medians and the ratio of these. One thread each; compilation and imports are not counted, DeepXDE's
evaluations for its log neither. Both take the same Adam steps; L-BFGS differs in its line search.
"""

import argparse
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")

import statistics

import torch

from sciml_bench.method.collocation import Collocation
from sciml_bench.registry import dataset_class, method_class

METHODS = {"DeepXDE": "pinn", "JAX": "pinn_jax"}
PHASES = {"Adam": "adam_rate", "L-BFGS": "lbfgs_rate"}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", default="burgers_shock")
    parser.add_argument("--tier", default="small")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--updates", type=int, default=100, help="of Adam and of L-BFGS, in each turn")
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--points", type=int, default=2500)
    parser.add_argument("--precision", default="64-true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    rates = measure(options)
    for phase in PHASES:
        found = {name: statistics.median(rates[name, phase]) for name in METHODS}
        shown = ", ".join(f"{name} {rate:.1f}" for name, rate in found.items())
        print(f"{phase}: {shown} iterations a second; JAX over DeepXDE {found['JAX'] / found['DeepXDE']:.2f}")


def measure(options: argparse.Namespace) -> dict[tuple[str, str], list[float]]:
    """Return the iterations a second of each turn, by method and phase."""
    dataset = dataset_class(options.dataset).tier(options.tier)
    data = dataset.generate(0, [0])
    collocation = Collocation.of(dataset.problem(), data, points=options.points, seed=0)
    instance, box = collocation.instance(data, 0), collocation.box(data)
    settings = {k: getattr(options, k) for k in ("width", "layers", "points", "precision")}
    settings |= {"adam_updates": options.updates, "lbfgs_updates": options.updates, "rounds": 1}
    solvers = {name: method_class(file)(**settings).solver(collocation, "cpu") for name, file in METHODS.items()}
    rates: dict[tuple[str, str], list[float]] = {(name, phase): [] for name in METHODS for phase in PHASES}
    for turn in range(options.turns):
        for name, solve in solvers.items():
            found = solve(instance, box)
            for phase, rate in PHASES.items():
                rates[name, phase].append(getattr(found, rate))
            line = ", ".join(f"{phase} {rates[name, phase][-1]:.1f}" for phase in PHASES)
            print(f"turn {turn + 1}, {name}: {line} iterations a second", flush=True)
    return rates


if __name__ == "__main__":
    main()
