"""What a metric is, and how a prediction is scored: statistic of each sample, mean over samples, finish."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import xarray as xr

from ..errors import ContractError, NotFiniteError, UndefinedScoreError
from ..problem import CLASS, RAGGED, SAMPLE, Source, Variable
from ..problem.samples import blocks
from .sharing import sharing

Statistic = Callable[[xr.DataArray, xr.DataArray], xr.DataArray | None]
"""(prediction, truth) → one value for each `sample`; None where the grid leaves nothing to measure."""


def identity(mean: float) -> float:
    """Return the mean as it is."""
    return mean


@dataclass(frozen=True, kw_only=True)
class Metric:
    """score = finish(mean over samples of statistic(prediction, truth)).

    `statistic` gets float64 arrays of the same dimensions in the same order and averages over all of them but
    `sample`; its docstring says in which order. Of a mesh or graph it gets one sample at a time, its nodes along `node`;
    of a label it gets probabilities along `class` and class numbers. `applies` tells from a target whether the metric
    means anything. `unit` is "1" for a pure number and "target" for the unit of the target variable.
    """

    name: str
    statistic: Statistic
    finish: Callable[[float], float] = identity
    applies: Callable[[Variable], bool]
    formula: str
    unit: Literal["1", "target"]
    better: Literal["lower", "higher"]
    source: Source


def evaluate(
    metrics: Iterable[Metric],
    prediction: xr.Dataset,
    truth: xr.Dataset,
    targets: tuple[Variable, ...],
    undefined: dict[str, str] | None = None,
) -> tuple[dict[str, float], dict[str, np.ndarray]]:
    """Return the scores by name and the statistic of every sample by name.

    Each target is scored alone and the scores are averaged over the targets to which the metric applies; with
    several targets `name/variable` holds each one's own. The arrays of samples are averaged over those
    targets likewise, before any `finish`. Metrics of one name are the same thing for other kinds of targets. A
    metric that applies to no target, or has nothing to measure on the grid, is left out. `truth` holds the counts of
    its ragged dimensions. A metric that the truth leaves undefined is left out whole, no sample is: `undefined` then gets
    its name and why; without `undefined` UndefinedScoreError is raised.

    Raises ContractError where prediction and truth do not match and NotFiniteError at any NaN or infinity.
    """
    pairs = {v: _pairs(prediction, truth, v) for v in targets}
    each: dict[str, dict[str, float]] = {}
    values: dict[str, dict[str, np.ndarray]] = {}
    with sharing():
        found = [(metric, _defined(metric, pairs, undefined)) for metric in metrics]
    for metric, statistics in found:
        for name, value in statistics.items():
            each.setdefault(metric.name, {})[name] = metric.finish(float(np.mean(value)))
            values.setdefault(metric.name, {})[name] = value
    scores = {metric: float(np.mean(list(those.values()))) for metric, those in each.items()}
    samples = {metric: np.mean(list(those.values()), axis=0) for metric, those in values.items()}
    if len(targets) > 1:
        scores |= {f"{metric}/{name}": score for metric, those in each.items() for name, score in those.items()}
        samples |= {f"{metric}/{name}": value for metric, those in values.items() for name, value in those.items()}
    return scores, samples


def aligned(prediction: xr.Dataset, truth: xr.Dataset, name: str, extra: tuple[str, ...] = ()) -> xr.DataArray:
    """Return the prediction of `name` in the truth's order of dimensions and with its coordinates.

    `extra` dimensions, which the truth lacks, come first. Raises ContractError where variable, dimensions,
    sizes or coordinates differ, and NotFiniteError if a value is NaN or infinite.
    """
    u = _variable(truth, name, "truth")
    p = _variable(prediction, name, "prediction")
    _check_shapes(name, p, u, extra)
    _check_coordinates(name, p, u)
    p = p.transpose(*extra, *u.dims)
    check_finite(name, p, "prediction", NotFiniteError)
    coords = {d: u.coords[d] for d in u.dims if d in u.coords}
    return xr.DataArray(p.values, dims=p.dims, coords=coords, name=name)


def finite(data: xr.Dataset, name: str) -> xr.DataArray:
    """Return variable `name` of the truth; raise ContractError if it is missing or holds NaN or infinity."""
    u = _variable(data, name, "truth")
    check_finite(name, u, "truth", ContractError)
    return u


def check_finite(name: str, a: xr.DataArray, role: str, error: type[ContractError]) -> None:
    """Raise `error` if variable `name` holds NaN or infinity, saying how many and in how many samples."""
    bad = ~np.isfinite(a.values)
    if not bad.any():
        return
    unit = SAMPLE if SAMPLE in a.dims else str(a.dims[0])
    hit = bad.any(axis=tuple(i for i, d in enumerate(a.dims) if d != unit))
    raise error(
        f"the {role} of '{name}' holds NaN or infinity: {int(bad.sum())} of {bad.size} values, "
        f"in {int(hit.sum())} of {hit.size} {unit}s"
    )


Pair = tuple[xr.DataArray, xr.DataArray]


def _pairs(prediction: xr.Dataset, truth: xr.Dataset, variable: Variable) -> list[Pair]:
    """Return prediction and truth of a target in float64: of all samples, or of each one if they differ in size."""
    if variable.kind == "label":
        return [_probabilities(prediction, truth, variable)]
    u = _bare(finite(truth, variable.name))
    p = _bare(aligned(prediction, truth, variable.name))
    return list(zip(blocks(truth, p), blocks(truth, u), strict=True))


def _bare(array: xr.DataArray) -> xr.DataArray:
    """Return the array in float64 without coordinates, which arithmetic would compare each time."""
    return xr.DataArray(array.values.astype(np.float64), dims=array.dims, name=array.name)


def _probabilities(prediction: xr.Dataset, truth: xr.Dataset, variable: Variable) -> Pair:
    """Return the predicted probabilities, (sample, class), and the true class numbers; refuse what is no distribution."""
    p = aligned(prediction, truth, variable.name, (CLASS,)).transpose(SAMPLE, CLASS).astype(np.float64)
    if p.sizes[CLASS] != len(variable.classes):
        raise ContractError(
            f"the prediction of '{variable.name}' has {p.sizes[CLASS]} classes, and there are {len(variable.classes)}"
        )
    if (p.values < 0).any() or np.abs(p.values.sum(axis=1) - 1).max() > 1e-6:
        raise ContractError(
            f"the prediction of '{variable.name}' is no distribution: give non-negative probabilities "
            "that add up to 1 over 'class'"
        )
    return p, _variable(truth, variable.name, "truth")


def _defined(
    metric: Metric, pairs: dict[Variable, list[Pair]], undefined: dict[str, str] | None
) -> dict[str, np.ndarray]:
    """Return the statistics of a metric, none if the truth leaves it undefined and that may be noted."""
    try:
        return _statistics(metric, pairs)
    except UndefinedScoreError as error:
        if undefined is None:
            raise
        undefined[metric.name] = str(error)
        return {}


def _statistics(metric: Metric, pairs: dict[Variable, list[Pair]]) -> dict[str, np.ndarray]:
    """Return the statistic of every sample for each target to which the metric applies."""
    found: dict[str, np.ndarray] = {}
    for variable, parts in pairs.items():
        if not metric.applies(variable):
            continue
        values = [metric.statistic(p, u) for p, u in parts]
        known = [_checked(metric, variable, v) for v in values if v is not None]
        if len(known) == len(values):
            found[variable.name] = np.concatenate(known)
    return found


def _checked(metric: Metric, variable: Variable, value: xr.DataArray) -> np.ndarray:
    if value.dims != (SAMPLE,):
        raise ContractError(f"the statistic of metric '{metric.name}' has dimensions {value.dims}, not 'sample' alone")
    if not np.isfinite(value.values).all():
        raise ContractError(
            f"metric '{metric.name}' of '{variable.name}' is not finite though prediction and truth are: "
            "values so large that their squares overflow cannot be scored"
        )
    return np.asarray(value.values)


def _variable(data: xr.Dataset, name: str, role: str) -> xr.DataArray:
    if name not in data:
        held = ", ".join(str(v) for v in data.data_vars) or "nothing"
        raise ContractError(f"the {role} lacks the target '{name}' (it holds {held}): return every target by name")
    array = data[name]
    if SAMPLE not in array.dims and not set(RAGGED) & set(array.dims):
        raise ContractError(f"the {role} of '{name}' has dimensions {array.dims} and no 'sample'")
    if array.size == 0:
        raise ContractError(f"the {role} of '{name}' is empty (sizes {dict(array.sizes)}): nothing can be scored")
    return array


def _check_shapes(name: str, p: xr.DataArray, u: xr.DataArray, extra: tuple[str, ...]) -> None:
    if set(p.dims) != {*u.dims, *extra}:
        expected = (*extra, *u.dims)
        raise ContractError(f"the prediction of '{name}' has dimensions {p.dims}; expected {expected}")
    for dim in u.dims:
        if p.sizes[dim] != u.sizes[dim]:
            raise ContractError(
                f"the prediction of '{name}' has {p.sizes[dim]} entries along '{dim}' where the truth has "
                f"{u.sizes[dim]}: predict the same samples, on the same grid, at the same times"
            )


def _check_coordinates(name: str, p: xr.DataArray, u: xr.DataArray) -> None:
    """Refuse a prediction that says of itself that it is for other samples, places or times."""
    for dim in u.dims:
        if dim in p.coords and dim in u.coords and not _same(p[dim].values, u[dim].values):
            raise ContractError(
                f"the prediction of '{name}' has other coordinates along '{dim}' than the truth: "
                "predict the same samples in the same order, on the same grid, at the same times"
            )


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    if a.dtype.kind == "f" and b.dtype.kind in "fiu":  # a coordinate may have gone through single precision
        return bool(np.allclose(a, b, rtol=1e-5, atol=1e-6 * float(np.abs(b).max())))
    return bool(np.array_equal(a, b))
