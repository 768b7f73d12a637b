"""How well a method knows its own error: scores of a predicted distribution.

A prediction with a `member` dimension is a distribution as it is: its members, drawn from it, or its quantiles where the
dimension has a coordinate of fractions, their levels. Any other becomes one by split conformal prediction: the residuals of
the validation part, place by place, are laid around it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from ..errors import ContractError
from ..problem import MEMBER, SAMPLE, levels_of
from .base import aligned, finite

LEVELS = tuple(range(10, 100, 10))
"""Levels of the central intervals, in per cent."""

WIDTH_LEVEL = 90
COVERAGE_LEVELS = (50, 90)

RESOLUTION = float(np.finfo(np.float32).eps)
"""A spread under this share of the truth's RMS is below what single precision can tell."""

RANKED = 4_000
"""At most so many places enter the rank correlation of spread and error."""

BLOCK = 2**17
"""About so many numbers are worked on at once."""


@dataclass(frozen=True)
class Conformal:
    """Split conformal prediction: the residuals u − p of n validation samples, at each output location.

    The interval of level c at a location is p ± h, h the ⌈(n+1)c⌉-th smallest |u − p| of the validation part
    there. If validation and test samples are exchangeable, it holds the truth with probability ⌈(n+1)c⌉/(n+1)
    ≥ c, whatever the method and the noise; on average over validation parts, not for each one. They are not quite:
    methods stop, select and are tuned on the validation part, so that on small tables coverage falls some per cent
    short. Where ⌈(n+1)c⌉ > n the interval is infinite.

    `residuals` has the targets' variables with `member` in place of `sample`, in float32.
    Sources: Vovk, Gammerman & Shafer 2005, doi:10.1007/b106715; Lei et al. 2018,
    doi:10.1080/01621459.2017.1307116.
    """

    residuals: xr.Dataset

    @property
    def n(self) -> int:
        """The number of validation samples."""
        return int(self.residuals.sizes[MEMBER])

    def missing(self, level: int) -> str | None:
        """Return why there is no finite interval of a level in per cent, or None if there is one."""
        if _rank_of(level, self.n) <= self.n:
            return None
        least = -(-level // (100 - level))
        return f"an interval of {level} % takes at least {least} validation samples, and there are {self.n}"

    def members(self, prediction: xr.Dataset) -> xr.Dataset:
        """Return the ensemble p + (u − p)ᵢ, i = 1 … n, which is n times as large as the prediction."""
        return xr.Dataset(
            {
                name: (prediction[name] + self.residuals[name]).transpose(MEMBER, *prediction[name].dims)
                for name in self.residuals.data_vars
            }
        )


def calibrate(prediction: xr.Dataset, truth: xr.Dataset) -> Conformal:
    """Return the residuals of a prediction of the validation part: {u − p}, at each output location.

    Raises ContractError if the prediction has a `member` dimension already, or there are fewer than two
    samples.
    """
    residuals = {}
    for name in _names(prediction):
        u = finite(truth, name).transpose(SAMPLE, ...)
        residual = _deviation(aligned(prediction, truth, name).transpose(*u.dims), u)
        residuals[name] = residual.rename({SAMPLE: MEMBER})
        if residual.sizes[SAMPLE] < 2:
            raise ContractError(f"conformal prediction of '{name}' takes at least 2 validation samples, and there is 1")
    return Conformal(residuals=xr.Dataset(residuals))


def mean_prediction(prediction: xr.Dataset) -> xr.Dataset:
    """(1/M) Σₘ pₘ: the mean over members, or the prediction itself if it has none."""
    return prediction.mean(MEMBER, skipna=False) if MEMBER in prediction.dims else prediction


def evaluate(
    prediction: xr.Dataset, truth: xr.Dataset, conformal: Conformal | None
) -> tuple[dict[str, float], dict[str, list[float]]]:
    """Return the scores of a predicted distribution and its reliability diagram: `levels` and `coverage`.

    x₁ ≤ … ≤ x_M are the members at one place and time, u the truth there. Unless another order is stated, a
    score is the mean over places and times, then over samples, then over targets.

    `crps`: (1/M) Σₘ |xₘ − u| − 1/(2M(M−1)) Σₘₙ |xₘ − xₙ|, the fair estimator: its expectation is the CRPS of
    the distribution from which the members are drawn, whatever their number. Quantiles are not drawn, and it would make
    them too good, by 2% for 39 of a normal distribution: for them the second term is 1/(2M²) Σₘₙ |xₘ − xₙ|, which is the
    CRPS of the M values themselves, 0.1% too large there. Unit: the target's. Ferro 2014, doi:10.1002/qj.2270.

    `coverage_50`, `coverage_90`: share of the truth inside the central interval, both ends included; best at
    the level itself. The interval of members lies between their quantiles (1∓c)/2, where xₘ is the quantile
    m/(M+1), or of the level that it comes with: a truth drawn like the members is below xₘ with just that
    probability. Beyond x₁ and x_M the quantile stays there, so that few members cannot cover a high level. The
    interval of a conformal prediction is that of `Conformal`.

    `width_90`: the width of that interval. Unit: the target's.

    `nll`: ½ log 2πσ² + (u − x̄)²/2σ², x̄ the members' mean and σ² their variance (divisor M−1). σ is at least
    1.2·10⁻⁷, the resolution of single precision, of the sample's root mean square truth: members that agree
    exactly would have no density, and this is the least spread that a prediction can mean. It is in nats,
    with the target in its own unit. Left out where members agree exactly on a sample whose truth is zero everywhere.

    `calibration_error`: (1/9) Σ_c |coverage(c) − c|, c = 0.1, 0.2, …, 0.9; the coverages are means over
    samples, then come the difference and the mean over levels. Unit: 1.

    `spread_error_correlation`: Spearman's rank correlation over places and times of σ with |u − x̄| (with |u
    − p| if conformal), for each sample, then the mean over samples. Of more than 4 000 places and times
    every j-th is taken, with the smallest sufficient j. 0 if the spread or the error is the same everywhere
    and so ranks nothing. Unit: 1.

    Levels that too few validation samples leave without an interval are left out, with the scores that need
    them; `Conformal.missing` gives the reason. Raises ContractError if prediction, truth and calibration do
    not match.
    """
    each = [_variable_scores(prediction, truth, name, conformal) for name in _names(prediction)]
    common = [key for key in each[0] if all(key in scores for scores in each)]
    found = {key: float(np.mean([scores[key] for scores in each])) for key in common}
    levels = [level for level in LEVELS if f"coverage_{level}" in found]
    diagram = {
        "levels": [level / 100 for level in levels],
        "coverage": [found[f"coverage_{level}"] for level in levels],
    }
    shown = {f"coverage_{level}" for level in COVERAGE_LEVELS}
    return {k: v for k, v in found.items() if k in shown or not k.startswith("coverage_")}, diagram


@dataclass(frozen=True)
class _Forecast:
    """Members at some locations, sorted along axis 0: (M, L); level → ends of the central interval, (L,)."""

    members: np.ndarray
    intervals: dict[int, tuple[np.ndarray, np.ndarray]]
    drawn: bool = True
    """Whether the members are draws and not quantiles."""


def _variable_scores(
    prediction: xr.Dataset, truth: xr.Dataset, name: str, conformal: Conformal | None
) -> dict[str, float]:
    u = finite(truth, name).transpose(SAMPLE, ...)
    if MEMBER in prediction[name].dims:
        p = aligned(prediction, truth, name, (MEMBER,)).transpose(MEMBER, *u.dims)
        if p.sizes[MEMBER] < 2:
            raise ContractError(f"the prediction of '{name}' has 1 member: a distribution takes at least 2")
        samples = _of_members(_flat(p, 2), _flat(u, 1), levels_of(prediction[name]))
    else:
        if conformal is None:
            raise ContractError(f"the prediction of '{name}' has no 'member' and no calibration: calibrate it first")
        p = aligned(prediction, truth, name).transpose(*u.dims)
        residuals = _matching(conformal, name, u)
        samples = _of_residuals(_flat(residuals, 1), _flat(_deviation(p, u), 1), _resolution(_flat(u, 1)))
    scores = {key: float(value.mean()) for key, value in samples.items() if np.isfinite(value).all()}
    gaps = [abs(scores[f"coverage_{c}"] - c / 100) for c in LEVELS if f"coverage_{c}" in scores]
    return scores | ({"calibration_error": float(np.mean(gaps))} if gaps else {})


def _of_members(members: np.ndarray, truth: np.ndarray, levels: np.ndarray | None) -> dict[str, np.ndarray]:
    """Scores of each sample; members (M, sample, L), truth (sample, L); `levels` (M,) of quantiles."""
    rows: list[dict[str, np.ndarray]] = []
    for s in range(truth.shape[0]):
        x, u = members[:, s].astype(np.float64), truth[s : s + 1].astype(np.float64)
        ordered = np.sort(x, axis=0)
        row = _scores(_Forecast(ordered, _quantiles(ordered, levels), levels is None), u, _resolution(u))
        step = _stride(u.shape[1])
        thin = x[:, ::step]
        row["spread_error_correlation"] = _rank_correlation(
            thin.std(axis=0, ddof=1), np.abs(u[:, ::step] - thin.mean(axis=0))
        )
        rows.append(row)
    return {key: np.concatenate([row[key] for row in rows]) for key in rows[0]}


def _of_residuals(residuals: np.ndarray, deviations: np.ndarray, floor: np.ndarray) -> dict[str, np.ndarray]:
    """Scores of each sample; residuals (n, L), deviations u − p (sample, L): a shift by p changes none."""
    samples, places = deviations.shape
    totals: dict[str, np.ndarray] = {}
    for block in _blocks(places, max(samples, residuals.shape[0])):
        r, d = residuals[:, block].astype(np.float64), deviations[:, block].astype(np.float64)
        part = _scores(_Forecast(np.sort(r, axis=0), _half_widths(r)), d, floor)
        weight = r.shape[1] / places
        totals = {key: totals.get(key, 0.0) + value * weight for key, value in part.items()}
    step = _stride(places)
    spread = residuals[:, ::step].astype(np.float64).std(axis=0, ddof=1)
    totals["spread_error_correlation"] = _rank_correlation(spread, np.abs(deviations[:, ::step]))
    return totals


def _scores(forecast: _Forecast, truth: np.ndarray, floor: np.ndarray) -> dict[str, np.ndarray]:
    """Scores of each sample, averaged over L locations; truth (sample, L), least spread `floor` (sample,)."""
    scores = {
        "crps": _crps(forecast.members, truth, fair=forecast.drawn).mean(axis=1),
        "nll": _nll(forecast.members, truth, floor).mean(axis=1),
    }
    for level, (low, high) in forecast.intervals.items():
        scores[f"coverage_{level}"] = ((truth >= low) & (truth <= high)).mean(axis=1)
        if level == WIDTH_LEVEL:
            scores[f"width_{level}"] = np.full(truth.shape[0], (high - low).mean())
    return scores


def _crps(members: np.ndarray, truth: np.ndarray, *, fair: bool = True) -> np.ndarray:
    """(1/M) Σₘ |xₘ − u| − Σₘ (2m−M−1) xₘ / (M(M−1)), members sorted: the fair estimator, O(M) a truth.

    Without `fair` the divisor is M². With k members ≤ u and P_k the sum of those, Σₘ |xₘ − u| = (2k−M) u + P_M − 2 P_k.
    Members (M, L), truth (sample, L).
    """
    M = members.shape[0]
    partial = np.concatenate([np.zeros((1, members.shape[1])), np.cumsum(members, axis=0)])
    k = np.zeros(truth.shape, dtype=np.min_scalar_type(M))
    for member in members:
        k += member <= truth
    below = np.take_along_axis(partial, k.astype(np.intp), axis=0)
    distance = ((2.0 * k - M) * truth + partial[-1] - 2.0 * below) / M
    weights = (2.0 * np.arange(1, M + 1) - M - 1) / (M * (M - fair))
    return distance - (weights[:, None] * members).sum(axis=0)


def _nll(members: np.ndarray, truth: np.ndarray, floor: np.ndarray) -> np.ndarray:
    """½ log 2πσ² + (u − x̄)²/2σ², σ at least `floor`, infinite if that leaves it zero; members (M, L), truth (sample, L)."""
    sigma = np.maximum(members.std(axis=0, ddof=1), floor[:, None])
    if not (sigma > 0).all():
        return np.full(np.broadcast_shapes(sigma.shape, truth.shape), np.inf)
    return 0.5 * np.log(2 * np.pi) + np.log(sigma) + 0.5 * ((truth - members.mean(axis=0)) / sigma) ** 2


def _quantiles(members: np.ndarray, levels: np.ndarray | None) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """Level → members' quantiles (1∓c)/2, the m-th of M sorted members being the quantile m/(M+1), or that of its level."""
    ends = {c: ((100 - c) / 200, (100 + c) / 200) for c in LEVELS}
    return {c: (_quantile(members, low, levels), _quantile(members, high, levels)) for c, (low, high) in ends.items()}


def _quantile(members: np.ndarray, q: float, levels: np.ndarray | None = None) -> np.ndarray:
    M = members.shape[0]
    place = min(max((M + 1) * q - 1, 0.0), M - 1.0) if levels is None else float(np.interp(q, levels, np.arange(M)))
    m = min(int(place), M - 2)
    return members[m] + (place - m) * (members[m + 1] - members[m])


def _half_widths(residuals: np.ndarray) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """Level → ∓h, h the ⌈(n+1)c⌉-th smallest |residual| at each location; infinite ones are left out."""
    n = residuals.shape[0]
    size = np.sort(np.abs(residuals), axis=0)
    ranks = {c: _rank_of(c, n) for c in LEVELS}
    return {c: (-size[rank - 1], size[rank - 1]) for c, rank in ranks.items() if rank <= n}


def _rank_of(level: int, n: int) -> int:
    """⌈(n+1)c⌉ for a level c in per cent, in whole numbers, so that rounding cannot move it."""
    return -(-(n + 1) * level // 100)


def _rank_correlation(spread: np.ndarray, error: np.ndarray) -> np.ndarray:
    """Spearman's correlation of spread (L,) with error (sample, L) over L; 0 where either is constant."""
    a = _ranks(spread[None])[0] - (spread.size + 1) / 2
    b = _ranks(error) - (spread.size + 1) / 2
    scale = np.sqrt(np.square(a).sum() * np.square(b).sum(axis=1))
    return np.divide((b * a).sum(axis=1), scale, out=np.zeros(error.shape[0]), where=scale > 0)


def _ranks(rows: np.ndarray) -> np.ndarray:
    """Return the ranks within each row, from 1, ties at their mean; not SciPy's, whose import takes as long as a small cell."""
    ranks: np.ndarray = pd.DataFrame(rows).rank(axis=1).to_numpy()
    return ranks


def _resolution(truth: np.ndarray) -> np.ndarray:
    """The least spread that single precision can tell, for each sample."""
    return RESOLUTION * np.sqrt(np.square(truth, dtype=np.float64).mean(axis=1))


def _deviation(p: xr.DataArray, u: xr.DataArray) -> xr.DataArray:
    """(u − p) in float32: rounded alike in calibration and test, so that the two stay exchangeable."""
    exact = u.values.astype(np.float64) - p.values.astype(np.float64)
    if np.abs(exact).max() > np.finfo(np.float32).max:
        raise ContractError(f"the prediction of '{p.name}' is beyond single precision: its error cannot be calibrated")
    return xr.DataArray(exact.astype(np.float32), dims=u.dims, name=p.name)


def _matching(conformal: Conformal, name: str, truth: xr.DataArray) -> xr.DataArray:
    if name not in conformal.residuals:
        raise ContractError(f"'{name}' was not calibrated: calibrate on a prediction of every target")
    residuals = conformal.residuals[name].transpose(MEMBER, ...)
    if residuals.dims[1:] != truth.dims[1:] or residuals.shape[1:] != truth.shape[1:]:
        raise ContractError(
            f"'{name}' was calibrated on {dict(residuals.sizes)} and is scored on {dict(truth.sizes)}: "
            "conformal prediction needs the same places and times"
        )
    return residuals


def _names(prediction: xr.Dataset) -> list[str]:
    if not prediction.data_vars:
        raise ContractError("the prediction holds no variable: return every target by name")
    return [str(name) for name in prediction.data_vars]


def _flat(array: xr.DataArray, kept: int) -> np.ndarray:
    """The values with all axes behind the first `kept` laid out as one."""
    return array.values.reshape(*array.shape[:kept], -1)


def _stride(places: int) -> int:
    return -(-places // RANKED)


def _blocks(places: int, rows: int) -> Iterator[slice]:
    """Slices of the locations, so that each block of `rows` has about BLOCK numbers."""
    size = max(1, BLOCK // rows)
    return (slice(start, start + size) for start in range(0, places, size))
