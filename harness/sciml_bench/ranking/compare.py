"""Two methods on one dataset, paired: the same folds, the same test samples.

With aᵢ and bᵢ the primary statistic of the two methods on test sample i, from models that did not see it, the effect is

    δ = γ log(ā / b̄),   100·(exp δ − 1) per cent more error than the other,

γ = ½ where the score is the root of its mean statistic, else 1, ā and b̄ means over all test samples of all folds and
repetitions. A difference counts only if it survives two doubts:

- other test samples: a percentile bootstrap of δ over independent units (samples, unless a data file's `group` puts several into
  one), 2000 draws, the same for both methods;
- other trainings: Student's t on the K values δ_k of the folds, K − 1 degrees, each with the fold's own models and samples, whose
  mean has the variance (1/K + n_test/n_train) s², as training sets overlap.

The p-value is the larger of the two; several comparisons are corrected after Holm. With a single fold there is no second
reason to test, and none is claimed. Source of the second: Nadeau & Bengio 2003, doi:10.1023/A:1024068626366, section 5; without
the overlap the test finds differences too often (Dietterich 1998, doi:10.1162/089976698300017197).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import scipy

from .. import metrics
from ..records.record import Record
from .intervals import test_over_train

DRAWS = 2000
LEVEL = 0.95
TINY = 1e-300
"""Stands for an error of exactly zero, of which there is no logarithm."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """How much larger the error of `first` is than that of `second`."""

    dataset: str
    tier: str
    first: str
    second: str
    metric: str
    errors: tuple[float, float]
    ratio: float
    low: float
    high: float
    p_value: float
    folds: int
    samples: int
    wins: float
    """Share of the test samples on which `first` has the smaller error; ties count half."""
    tied_by_floor: bool
    adjusted: float | None = None
    """The p-value after correction for the number of comparisons."""

    @property
    def different(self) -> bool:
        """Whether the data tell the two apart."""
        p = self.p_value if self.adjusted is None else self.adjusted
        return p < 1 - LEVEL and not self.tied_by_floor

    @property
    def sentence(self) -> str:
        """Say it in plain words."""
        where = f"on {self.dataset} ({self.tier}, {self.folds} folds, {self.samples} test samples)"
        more = f"{self.metric} {self.errors[0]:.3g} against {self.errors[1]:.3g}"
        if self.tied_by_floor:
            return f"{self.first} and {self.second} tie {where}: both are within the error of the truth itself ({more})"
        span = f"ratio {self.ratio:.3g}, 95% interval {self.low:.3g} to {self.high:.3g}"
        if not self.different:
            lost = self.p_value < 1 - LEVEL and self.adjusted is not None
            why = (
                f"; p = {self.p_value:.2g} alone, {self.adjusted:.2g} corrected for all that are shown (Holm)"
                if lost
                else ""
            )
            return f"no difference between {self.first} and {self.second} can be told {where}: {more}, {span}{why}"
        better, worse = (self.first, self.second) if self.ratio < 1 else (self.second, self.first)
        part = min(self.ratio, 1 / self.ratio)
        less = f"{100 * (1 - part):.0f}%" if part > 0.01 else f"{1 / part:.3g} times"
        return f"{better} has {less} less error than {worse} {where}: {more}, {span}"


def compare(first: Sequence[Record], second: Sequence[Record], *, seed: int = 0) -> Comparison:
    """Compare two rows; both must hold records that succeeded on the same folds of the same data.

    Raises ValueError where there is nothing paired to compare.
    """
    found = compare_all([first, second], seed=seed)
    if not found:
        raise ValueError("the two rows share no fold of the same data that both scored on the same test samples")
    return found[0, 1]


def compare_all(rows: Sequence[Sequence[Record]], *, seed: int = 0) -> dict[tuple[int, int], Comparison]:
    """Compare each row with each later one, by their positions; pairs without a fold in common are left out.

    Each pair gets what `compare` says of it. The bootstrap of a row is done once for all its pairs.
    """
    units: dict[str, dict[int, int]] = {}
    for record in (r for row in rows for r in row):
        units.setdefault(record.provenance.data_digest, {}).update(_units(record))
    sides = [_Side(row, samples_of(row), units[row[0].provenance.data_digest], seed) for row in rows]
    return {
        (i, j): found
        for i, one in enumerate(sides)
        for j, other in enumerate(sides[i + 1 :], i + 1)
        if (found := _pair(one, other)) is not None
    }


@dataclass(frozen=True, eq=False)
class _Whole:
    """Of some folds of a row: the mean score, the statistic of the samples, the logarithm of its mean, that of every draw."""

    score: float
    values: np.ndarray
    log: float
    drawn: np.ndarray


@dataclass(eq=False)
class _Side:
    """One row: its statistic by fold and sample, and what was computed of it for earlier pairs."""

    records: Sequence[Record]
    samples: dict[int, dict[int, float]]
    units: dict[int, int]
    """The independent unit of each sample of the data, where any record of them names it."""
    seed: int

    @cached_property
    def folds(self) -> dict[int, np.ndarray]:
        """The statistic of the samples of each fold, in their order."""
        return {k: np.array([v for _, v in sorted(fold.items())]) for k, fold in self.samples.items()}

    @cached_property
    def logs(self) -> dict[int, float]:
        """The logarithm of the mean over the samples of each fold."""
        return {k: _log_mean(values) for k, values in self.folds.items()}

    @cached_property
    def _whole(self) -> dict[tuple[int, ...], _Whole]:
        return {}

    def _of_units(self, folds: tuple[int, ...], values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the sum of the statistic over the samples of each independent unit, and how many they are."""
        if not self.units:
            return values, np.ones(len(values))
        unit = np.array([self.units.get(s, -1 - s) for k in folds for s in sorted(self.samples[k])])
        place = np.unique(unit, return_inverse=True)[1]
        return np.bincount(place, values), np.bincount(place).astype(np.float64)

    def whole(self, folds: tuple[int, ...]) -> _Whole:
        """Return what is known of the samples of some folds together."""
        if folds not in self._whole:
            values = np.concatenate([self.folds[k] for k in folds])
            sums, sizes = self._of_units(folds, values)
            often = _resampled(len(sums), self.seed)
            means = (often @ sums) / (often @ sizes)
            scores = [r.scores[r.primary] for r in self.records if r.cell.fold in folds and r.primary in r.scores]
            self._whole[folds] = _Whole(
                float(np.mean(scores)), values, _log_mean(values), np.log(np.maximum(means, TINY))
            )
        return self._whole[folds]


@lru_cache(maxsize=1)
def _resampled(n: int, seed: int) -> np.ndarray:
    """Return how often each unit is in each draw, (draw, unit): the same for all rows."""
    units = np.random.default_rng(seed).integers(n, size=(DRAWS, n)) + n * np.arange(DRAWS)[:, None]
    return np.bincount(units.ravel(), minlength=DRAWS * n).reshape(DRAWS, n).astype(np.float64)


def _pair(one: _Side, other: _Side) -> Comparison | None:
    folds = tuple(k for k in sorted(one.samples) if one.samples[k].keys() == other.samples.get(k, {}).keys())
    first, second = one.records[0], other.records[0]
    if not folds or (first.provenance.data_digest, first.cell.folds) != (
        second.provenance.data_digest,
        second.cell.folds,
    ):
        return None
    floor = max(first.floor.get(first.primary, 0.0), 0.0)
    a, b = one.whole(folds), other.whole(folds)
    gamma = _exponent(first.primary)
    overlap = max(test_over_train(one.records), test_over_train(other.records))
    p, low, high = _doubts(gamma * (a.drawn - b.drawn), [gamma * (one.logs[k] - other.logs[k]) for k in folds], overlap)
    errors = a.score, b.score
    return Comparison(
        dataset=first.cell.dataset,
        tier=first.cell.tier,
        first=first.row,
        second=second.row,
        metric=first.primary,
        errors=errors,
        ratio=math.exp(gamma * (a.log - b.log)),
        low=math.exp(low),
        high=math.exp(high),
        p_value=p,
        folds=len(folds),
        samples=len(a.values),
        wins=float(np.mean((a.values < b.values) + 0.5 * (a.values == b.values))),
        tied_by_floor=max(errors) <= floor,
    )


def holm(p_values: Sequence[float]) -> list[float]:
    """Return the p-values corrected for their number: max over j ≤ i of (m − j + 1) p₍ⱼ₎, at most 1, for the i-th smallest of m.

    Source: Holm 1979, Scand. J. Statist. 6, 65–70. statsmodels has it too, and collects the garbage of the whole process at
    each call, which takes longer than a page.
    """
    order = np.argsort(p_values, kind="stable")
    adjusted = np.empty(len(order))
    adjusted[order] = np.maximum.accumulate(np.asarray(p_values, dtype=float)[order] * np.arange(len(order), 0, -1))
    return [float(p) for p in np.minimum(adjusted, 1.0)]


def _units(record: Record) -> dict[int, int]:
    """Return the unit of each test sample, if the record names them."""
    each = record.per_sample
    return {} if each is None or each.units is None else dict(zip(each.samples, each.units, strict=True))


def samples_of(records: Sequence[Record]) -> dict[int, dict[int, float]]:
    """Return fold → test sample → statistic, mean over repetitions."""
    found: dict[int, dict[int, list[float]]] = {}
    for record in records:
        if record.per_sample is not None:
            fold = found.setdefault(record.cell.fold, {})
            for sample, value in zip(record.per_sample.samples, record.per_sample.values, strict=True):
                fold.setdefault(sample, []).append(value)
    return {k: {s: sum(v) / len(v) for s, v in fold.items()} for k, fold in found.items()}


def _log_mean(values: np.ndarray) -> float:
    return float(np.log(max(values.mean(), TINY)))


def _exponent(headline: str) -> float:
    """Return γ: score = (mean statistic)^γ, up to a constant."""
    return math.log(metrics.finish(headline)(4.0)) / math.log(4.0)


def _doubts(draws: np.ndarray, folds: Sequence[float], overlap: float) -> tuple[float, float, float]:
    """Return the p-value and the ends of the interval of δ, the wider of the two."""
    tail = (1 - LEVEL) / 2
    low, high = (float(q) for q in np.quantile(draws, [tail, 1 - tail]))
    below = (float((draws <= 0).mean()), float((draws >= 0).mean()))
    p = min(1.0, 2 * max(min(below), 1 / (2 * DRAWS)))
    if len(folds) < 2:
        return p, low, high
    k, spread = len(folds), float(np.std(folds, ddof=1)) * math.sqrt(1 / len(folds) + overlap)
    half = float(scipy.special.stdtrit(k - 1, 1 - tail)) * spread
    centre = float(np.mean(folds))
    t = abs(centre) / spread if spread > 0 else (math.inf if centre else 0.0)
    p_folds = 2 * float(scipy.special.stdtr(k - 1, -t)) if math.isfinite(t) else 0.0
    return max(p, p_folds), min(low, centre - half), max(high, centre + half)
