"""From the predictions of a cell to its scores. Runs in the parent: the worker never meets a test target."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from .. import digest, metrics
from ..errors import ContractError, UndefinedScoreError
from ..metrics.fourier import on_grid
from ..problem import MEMBER, RAGGED, SAMPLE, Evolution, Steady, Variable
from ..problem.samples import count, like, take
from ..problem.storage import read_parts, read_samples
from ..protocol.instances import test_samples
from ..records.record import PerSample
from . import probes
from .cell import Cell
from .task import Task
from .worker import PREDICTIONS

PHYSICS_SAMPLES = 4
"""Physics is measured on the first so many test samples: it takes a solver run for every predicted state."""
CALIBRATED = 1000
"""At most so many nodes of the validation part calibrate a conformal prediction on meshes and graphs."""


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


def get_ready(task: Task, reader: DataReader) -> None:
    """Read the data and compile the solver that measures physics, while the first worker prepares."""
    if isinstance(task.problem.solver, Evolution | Steady):
        some = reader.part(task, task.splits[0].test[:PHYSICS_SAMPLES])
        _physics(task, some, some)


def score(cell: Cell, folder: Path, reader: DataReader) -> Scored:
    """Score all parts that the worker left in `folder`."""
    task, split = cell.task, cell.task.splits[cell.fold]
    problem = task.problem
    chosen = test_samples(cell.method.card, task.source.tier, split.test)
    test = reader.part(task, chosen)
    parts = read_parts(folder / PREDICTIONS)
    prediction = parts["test"]
    mean = like(metrics.mean_prediction(prediction), test)
    headline = metrics.primary(problem)
    with ThreadPoolExecutor(2) as pool:  # NumPy and the solver let go of Python's lock
        physics = pool.submit(_physics, task, mean, test)
        uncertain = pool.submit(_uncertainty, task, parts, test, lambda: reader.part(task, split.valid))
        scores, per_sample, undefined = metrics.of_accuracy(mean, test, problem)
        scores |= {n: float(v.mean()) for n, v in metrics.atomistic.evaluate(mean, test, problem).items()}
        shifts = _shifts(task, parts, reader)
        uncertainty, reliability = uncertain.result()
        physical, notes = physics.result()
    skipped = ""
    if any(name.startswith(("symmetry-", "gradient-")) for name in parts):
        try:
            physical |= probes.measure(problem, parts, test)
        except ContractError as error:
            skipped = str(error)
    primary = per_sample[headline]
    return Scored(
        scores=scores | physical | uncertainty | _regimes(task, test, headline, primary) | shifts,
        per_sample=PerSample(
            metric=headline,
            samples=[int(i) for i in chosen],
            values=[float(v) for v in primary],
            units=None if task.units is None else [int(task.units[i]) for i in chosen],
        ),
        diagnostics={
            "reliability": reliability,
            **_curves(task, mean, test),
            **({"notes": undefined | notes} if undefined or notes else {}),
            **({"skipped_probes": skipped} if skipped else {}),
            "worst_sample": int(chosen[int(primary.argmax())]),
            "largest_over_mean": float(primary.max() / primary.mean()) if primary.mean() > 0 else 1.0,
        },
        prediction_digest=prediction_digest(prediction),
        prediction=mean,
        truth=test,
    )


def prediction_digest(prediction: xr.Dataset) -> str:
    """Return what a record keeps of its test predictions, by which they are known again."""
    return digest.of_arrays(prediction)[:16]


def _regimes(task: Task, test: xr.Dataset, headline: str, primary: np.ndarray) -> dict[str, float]:
    """Return `regime:<division>=<name>/<primary>`, of each regime, and the worst one over the mean of all samples."""
    finish = metrics.finish(headline)
    found: dict[str, float] = {}
    for division, regime in task.problem.regimes.items():
        names = np.asarray(regime.of(test)).astype(str)
        each = {str(n): finish(float(primary[names == n].mean())) for n in np.unique(names)}
        found |= {f"regime:{division}={n}/{headline}": v for n, v in each.items()}
        overall = finish(float(primary.mean()))
        if overall > 0:
            found[f"regime:{division}/worst_over_mean"] = max(each.values()) / overall
    return found


def _curves(task: Task, prediction: xr.Dataset, truth: xr.Dataset) -> dict[str, Any]:
    """Return what is drawn of each target: its error over time and its energy spectrum beside the truth's."""
    found: dict[str, Any] = {}
    for variable in task.problem.targets:
        p, u = prediction[variable.name], truth[variable.name]
        if variable.kind == "label":
            found.setdefault("confusion", {})[variable.name] = {
                "classes": list(variable.classes),
                "counts": metrics.labels.confusion(p, u, len(variable.classes)),
            }
        if variable.kind != "field" or variable.ragged:
            continue
        if variable.steps:
            with suppress(UndefinedScoreError):
                found.setdefault("error_over_time", {})[variable.name] = metrics.error_over_time(p, u)
            found["times"] = [
                float(t) for t in (u["time"].values if "time" in u.coords else range(1, u.sizes["time"] + 1))
            ]
        if on_grid(variable):
            found.setdefault("spectrum", {})[variable.name] = {
                "prediction": [float(e) for e in metrics.spectrum(p)],
                "truth": [float(e) for e in metrics.spectrum(u)],
            }
    return found


def _physics(task: Task, prediction: xr.Dataset, test: xr.Dataset) -> tuple[dict[str, float], dict[str, str]]:
    """Return the physics errors on the first test samples, and the note that the solver could not follow the prediction."""
    some = range(min(PHYSICS_SAMPLES, count(test)))
    if not isinstance(task.problem.solver, Evolution | Steady):
        some = range(count(test))  # no solver has to run
    part, guess = take(test, some), take(prediction, some)
    notes: dict[str, str] = {}
    try:
        errors = metrics.physics.evaluate(guess, part, task.problem, truth=part)
    except ContractError as error:
        notes = {"physics": str(error)}  # it blew up on an unphysical prediction: a finding, not a failure
        errors = {}
        with suppress(ContractError):
            errors = metrics.physics.evaluate(guess, part, task.problem, truth=part, solver=False)
    return {name: float(values.mean()) for name, values in errors.items()}, notes


def _uncertainty(
    task: Task, parts: dict[str, xr.Dataset], truth: xr.Dataset, valid_truth: Callable[[], xr.Dataset]
) -> tuple[dict[str, float], dict[str, Any]]:
    """Return the scores of the predicted distribution, mean over targets, and its reliability diagram."""
    own = MEMBER in parts["test"].dims
    if not own and "valid" not in parts and any(v.kind != "label" for v in task.problem.targets):
        return {}, {}
    each, diagrams = [], []
    for variable in task.problem.targets:
        if variable.kind == "label":
            error, diagram = metrics.labels.reliability(parts["test"][variable.name], truth[variable.name])
            each.append({"calibration_error": error})
            diagrams.append({**diagram, "source": "its own probabilities"})
            continue
        p, u = _flat(parts["test"], variable), _flat(truth, variable)
        conformal = None
        if not own:
            conformal = metrics.calibrate(*_thinned(_flat(parts["valid"], variable), _flat(valid_truth(), variable)))
        scores, diagram = metrics.uncertainty.evaluate(p, u, conformal)
        each.append(scores)
        source = "its own distribution" if own else "split-conformal on the validation part"
        diagrams.append({**diagram, "source": source})
    shared = [name for name in each[0] if all(name in scores for scores in each)]
    return {name: float(np.mean([scores[name] for scores in each])) for name in shared}, _joined(diagrams)


def _joined(diagrams: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the mean of diagrams of the same levels, else the first one."""
    if any(d["levels"] != diagrams[0]["levels"] for d in diagrams):
        return diagrams[0]
    return {**diagrams[0], "coverage": [float(c) for c in np.mean([d["coverage"] for d in diagrams], axis=0)]}


def _flat(data: xr.Dataset, variable: Variable) -> xr.Dataset:
    """Return one target alone; of a mesh or graph with its nodes as samples."""
    array = data[variable.name]
    dim = next((d for d in RAGGED if d in array.dims), None)
    return xr.Dataset({variable.name: array if dim is None else array.rename({dim: SAMPLE})})


def _thinned(*datasets: xr.Dataset) -> list[xr.Dataset]:
    """Return every k-th sample, so that at most `CALIBRATED` are left."""
    stride = -(-datasets[0].sizes[SAMPLE] // CALIBRATED)
    return [d.isel({SAMPLE: slice(None, None, stride)}) for d in datasets]


def _shifts(task: Task, parts: dict[str, xr.Dataset], reader: DataReader) -> dict[str, float]:
    """Score the out-of-distribution sets that the method could predict: `shift:<name>/<metric>`."""
    headline = metrics.primary(task.problem)
    kept = {headline, headline.partition("/")[0], "rmse"}
    chosen = [m for m in metrics.ACCURACY if m.name in kept]
    found: dict[str, float] = {}
    for shift in task.shifts:
        if f"shift-{shift}" not in parts:
            continue  # the worker has said why
        truth = reader.shift(task, shift)
        prediction = like(metrics.mean_prediction(parts[f"shift-{shift}"]), truth)
        scores, _ = metrics.evaluate(chosen, prediction, truth, task.problem.targets, {})
        found |= {f"shift:{shift}/{k}": v for k, v in scores.items() if k in kept}
    return found
