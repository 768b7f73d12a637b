"""From the predictions of a cell to its scores. Runs in the parent: the worker never meets a test target."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from .. import digest, metrics
from ..errors import ContractError
from ..problem.samples import count, take
from ..problem.storage import read_parts, read_samples
from ..records.record import PerSample
from .cell import Cell
from .task import Task
from .worker import PREDICTIONS, SYMMETRY_SAMPLES

PHYSICS_SAMPLES = 4
"""Physics is measured on the first so many test samples: it takes a solver run for every predicted state."""
SHIFT_METRICS = (metrics.PRIMARY, "rmse")


@dataclass(frozen=True, kw_only=True)
class Scored:
    """What scoring yields."""

    scores: dict[str, float]
    per_sample: PerSample
    diagnostics: dict[str, Any]
    prediction_digest: str
    prediction: xr.Dataset
    truth: xr.Dataset


class DataReader:
    """Reads a task's data once and keeps them, as many cells of one task are scored in a row."""

    def __init__(self) -> None:
        self._kept: dict[Path, xr.Dataset] = {}
        self._task: Path | None = None

    def part(self, task: Task, samples: np.ndarray) -> xr.Dataset:
        """Return inputs and targets of the given samples."""
        return take(self._whole(task, task.data.path), samples)

    def shift(self, task: Task, name: str) -> xr.Dataset:
        """Return inputs and targets of an out-of-distribution set."""
        return self._whole(task, task.shifts[name].path)

    def _whole(self, task: Task, path: Path) -> xr.Dataset:
        if self._task != task.data.path:
            self._kept, self._task = {}, task.data.path
        if path not in self._kept:
            names = [v.name for v in (*task.problem.inputs, *task.problem.targets)]
            self._kept[path] = read_samples(path, names, None)
        return self._kept[path]


def score(cell: Cell, folder: Path, reader: DataReader) -> Scored:
    """Score all parts that the worker left in `folder`."""
    task, split = cell.task, cell.task.splits[cell.fold]
    problem = task.problem
    names = [v.name for v in problem.targets]
    test = reader.part(task, split.test)
    parts = read_parts(folder / PREDICTIONS)
    prediction = parts["test"]
    mean = metrics.mean_prediction(prediction)
    with ThreadPoolExecutor(1) as pool:  # the solver runs beside the arithmetic of the other metrics
        physics = pool.submit(_physics, task, mean, test)
        scores, per_sample = metrics.evaluate(metrics.ACCURACY, mean, test[names], problem.targets)
        uncertainty, reliability = _uncertainty(parts, test[names], reader.part(task, split.valid)[names])
        shifts = _shifts(task, parts, reader)
        physical, notes = physics.result()
    scores |= physical | _symmetries(task, parts) | uncertainty
    primary = per_sample[metrics.PRIMARY]
    return Scored(
        scores=scores | shifts,
        per_sample=PerSample(
            metric=metrics.PRIMARY, samples=[int(i) for i in split.test], values=[float(v) for v in primary]
        ),
        diagnostics={
            "reliability": reliability,
            **_curves(task, mean, test),
            **({"notes": notes} if notes else {}),
            "worst_sample": int(split.test[int(primary.argmax())]),
            "largest_over_mean": float(primary.max() / primary.mean()) if primary.mean() > 0 else 1.0,
        },
        prediction_digest=digest.of_arrays(prediction)[:16],
        prediction=mean,
        truth=test,
    )


def _curves(task: Task, prediction: xr.Dataset, truth: xr.Dataset) -> dict[str, Any]:
    """Return what is drawn of each target: its error over time and its energy spectrum beside the truth's."""
    found: dict[str, Any] = {}
    for variable in task.problem.targets:
        p, u = prediction[variable.name], truth[variable.name]
        if variable.steps:
            found.setdefault("error_over_time", {})[variable.name] = metrics.error_over_time(p, u)
            found["times"] = [float(t) for t in u["time"].values]
        if variable.space and "node" not in variable.space:
            found.setdefault("spectrum", {})[variable.name] = {
                "prediction": [float(e) for e in metrics.spectrum(p)],
                "truth": [float(e) for e in metrics.spectrum(u)],
            }
    return found


def _physics(task: Task, prediction: xr.Dataset, test: xr.Dataset) -> tuple[dict[str, float], dict[str, str]]:
    """Return the physics errors on the first test samples, or the note that the solver could not follow the prediction."""
    some = range(min(PHYSICS_SAMPLES, count(test)))
    inputs = test[[v.name for v in task.problem.inputs]]
    try:
        errors = metrics.physics.evaluate(take(prediction, some), take(inputs, some), task.problem)
    except ContractError as error:
        return {}, {"physics": str(error)}  # it blew up on an unphysical prediction: a finding, not a failure
    return {name: float(values.mean()) for name, values in errors.items()}, {}


def _symmetries(task: Task, parts: dict[str, xr.Dataset]) -> dict[str, float]:
    found = {}
    prediction = metrics.mean_prediction(parts["test"])
    some = take(prediction, range(min(SYMMETRY_SAMPLES, count(prediction))))
    for name, symmetry in task.problem.symmetries.items():
        other = metrics.mean_prediction(parts[f"symmetry-{name}"])
        found[f"symmetry/{name}"] = float(metrics.physics.symmetry_error(other, symmetry.targets(some)).mean())
    return found


def _uncertainty(
    parts: dict[str, xr.Dataset], truth: xr.Dataset, valid_truth: xr.Dataset
) -> tuple[dict[str, float], dict[str, Any]]:
    conformal = metrics.calibrate(parts["valid"], valid_truth) if "valid" in parts else None
    scores, reliability = metrics.uncertainty.evaluate(parts["test"], truth, conformal)
    source = "its own distribution" if conformal is None else "split-conformal on the validation part"
    return scores, {**reliability, "source": source}


def _shifts(task: Task, parts: dict[str, xr.Dataset], reader: DataReader) -> dict[str, float]:
    """Score the out-of-distribution sets that the method could predict: `shift:<name>/<metric>`."""
    names = [v.name for v in task.problem.targets]
    chosen = [m for m in metrics.ACCURACY if m.name in SHIFT_METRICS]
    found: dict[str, float] = {}
    for shift in task.shifts:
        if f"shift-{shift}" not in parts:
            continue  # the worker has said why
        prediction = metrics.mean_prediction(parts[f"shift-{shift}"])
        truth = reader.shift(task, shift)[names]
        scores, _ = metrics.evaluate(chosen, prediction, truth, task.problem.targets)
        found |= {f"shift:{shift}/{k}": v for k, v in scores.items()}
    return found
