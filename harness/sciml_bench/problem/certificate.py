"""The certificate of a dataset: how far its truth is from a finer one, and its own physics error.

    floor = mean over samples of metric(truth, refined truth)

on the same data grid, where the refined truth has twice the points in space and half the step, or a smaller tolerance. It is an
estimate: for a method of order p the truth errs by 2^p/(2^p − 1) times that difference, from twice (first order) down to once
(spectral), and the refined truth by 1/(2^p − 1) of it. No method is ranked below the floor.
A truth in closed form has rounding for its floor; one that was measured has an error that nobody knows, and no floor.
"""

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import xarray as xr

from .. import metrics
from ..errors import ContractError
from ..paths import write_text
from .dataset import Dataset, Problem
from .generation import Progress, refuse_nan, same_on_any_cores, silent, some
from .variable import CLASS, SAMPLE

SAMPLES = 4


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """The floor of every metric, on how many samples it was measured, and against what."""

    floor: dict[str, float]
    worst: float
    samples: int
    against: str
    seconds: float


def certify(
    dataset: Dataset,
    seed: int,
    *,
    samples: int = SAMPLES,
    device: str = "cpu",
    progress: Progress = silent,
    stored: Callable[[range], xr.Dataset] | None = None,
) -> Certificate:
    """Compare the first `samples` samples of the truth with the refined truth; `stored` reads the former if it was made before."""
    begun = time.perf_counter()
    chosen = range(min(samples, dataset.samples))
    problem = dataset.problem()
    progress(0.1, "the truth")
    if stored is not None:
        truth = stored(chosen)
    else:
        with same_on_any_cores():
            truth = some(dataset, seed, chosen, device=device)
        refuse_nan(type(dataset).__name__, truth)
    try:
        finer = dataset.refined()
    except NotImplementedError:
        return _without_refinement(dataset, truth, len(chosen), device, begun)
    progress(0.3, "the refined truth")
    with same_on_any_cores():
        refined = some(finer, seed, chosen, device=device)
    scores, per_sample, _ = metrics.of_accuracy(as_prediction(truth, problem), refined, problem)
    progress(0.8, "physics of the truth")
    scores |= physics_floor(problem, truth, device)
    progress(1.0, "")
    return Certificate(
        floor=scores,
        worst=float(per_sample[metrics.primary(problem)].max()),
        samples=len(chosen),
        against=", ".join(f"{k} {v}" for k, v in finer.parameters().items() if v != dataset.parameters()[k]),
        seconds=time.perf_counter() - begun,
    )


def _without_refinement(dataset: Dataset, truth: xr.Dataset, samples: int, device: str, begun: float) -> Certificate:
    """Return the certificate of a closed form, exact to rounding, or of measured data, of unknown error."""
    if dataset.card.truth == "refined":
        raise ContractError(
            f"the card of {type(dataset).__name__} says that its truth is refined, and refined() raises NotImplementedError: "
            "implement it, or let the card say truth='closed_form' or 'measured'"
        )
    problem = dataset.problem()
    exact = dataset.card.truth == "closed_form"
    rounding = {metrics.primary(problem): float(np.finfo(np.float64).eps)}
    return Certificate(
        floor=(rounding if exact else {}) | physics_floor(problem, truth, device),
        worst=rounding[metrics.primary(problem)] if exact else 0.0,
        samples=samples,
        against="a closed form, exact to rounding" if exact else "nothing: measured data, whose error is not known",
        seconds=time.perf_counter() - begun,
    )


def as_prediction(truth: xr.Dataset, problem: Problem) -> xr.Dataset:
    """Return the truth as a perfect predictor would give it: labels as certain probabilities, all else as it is."""
    found = truth
    for v in problem.targets:
        if v.kind == "label":
            found = found.assign({v.name: ((SAMPLE, CLASS), np.eye(len(v.classes))[truth[v.name].values])})
    return found


def physics_floor(problem: Problem, truth: xr.Dataset, device: str) -> dict[str, float]:
    """Return the physics error of the truth itself."""
    values = metrics.physics.evaluate(truth, truth, problem, truth=truth, device=device)
    return {name: float(v.mean()) for name, v in values.items()}


def read(path: Path) -> Certificate | None:
    """Return the certificate kept beside the data, or None if there is none that can be read."""
    try:
        return Certificate(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def write(path: Path, certificate: Certificate) -> None:
    """Keep a certificate beside the data."""
    write_text(path, json.dumps(asdict(certificate), indent=1, sort_keys=True) + "\n")
