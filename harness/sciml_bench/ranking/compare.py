"""Two methods on one dataset, paired: the same folds, the same test samples.

With aᵢ and bᵢ the primary statistic of the two methods on test sample i, from models that did not see it, the effect is

    δ = γ log(ā / b̄),   100·(exp δ − 1) per cent more error than the other,

γ = ½ where the score is the root of its mean statistic, else 1, ā and b̄ means over all test samples of all folds and
repetitions. A difference counts only if it survives two doubts:

- other test samples: a percentile bootstrap of δ over independent units, 2000 draws, the same for both methods;
- other trainings: Student's t on the K values δ_k of the folds, K − 1 degrees, each with the fold's own models and samples.

The p-value is the larger of the two; several comparisons are corrected after Holm. With a single fold there is no second
reason to test, and none is claimed. Source of the second: Dietterich 1998, doi:10.1162/089976698300017197, section 3.3; the
training sets overlap, but both methods share them, so that what they have in common cancels from δ_k.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr, stdtrit

from .. import metrics
from ..records.record import Record

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
            return f"no difference between {self.first} and {self.second} can be told {where}: {more}, {span}"
        better, worse = (self.first, self.second) if self.ratio < 1 else (self.second, self.first)
        share = 100 * (1 - min(self.ratio, 1 / self.ratio))
        return f"{better} has {share:.0f}% less error than {worse} {where}: {more}, {span}"


def compare(first: Sequence[Record], second: Sequence[Record], *, seed: int = 0) -> Comparison:
    """Compare two rows; both must hold records that succeeded on the same folds of the same data.

    Raises ValueError where there is nothing paired to compare.
    """
    a, b = _samples(first), _samples(second)
    folds = sorted(set(a) & set(b))
    pairs = {k: (a[k], b[k]) for k in folds if set(a[k]) == set(b[k])}
    if not pairs:
        raise ValueError("the two rows share no fold that both scored on the same test samples")
    one, other = first[0], second[0]
    floor = max(one.floor.get(one.primary, 0.0), 0.0)
    stacks = {k: _stack(*pair) for k, pair in pairs.items()}
    values = np.concatenate(list(stacks.values()))
    gamma = _exponent(one.primary)
    delta = gamma * _delta(values)
    draws = gamma * _draws(values, np.random.default_rng(seed))
    p, low, high = _doubts(draws, [gamma * _delta(v) for v in stacks.values()])
    errors = _score(first), _score(second)
    return Comparison(
        dataset=one.cell.dataset,
        tier=one.cell.tier,
        first=one.row,
        second=other.row,
        metric=one.primary,
        errors=errors,
        ratio=math.exp(delta),
        low=math.exp(low),
        high=math.exp(high),
        p_value=p,
        folds=len(pairs),
        samples=len(values),
        wins=float(np.mean((values[:, 0] < values[:, 1]) + 0.5 * (values[:, 0] == values[:, 1]))),
        tied_by_floor=max(errors) <= floor,
    )


def holm(p_values: Sequence[float]) -> list[float]:
    """Return the p-values corrected for their number: Holm 1979, Scand. J. Statist. 6, 65–70."""
    from statsmodels.stats.multitest import multipletests

    return [float(p) for p in multipletests(list(p_values), method="holm")[1]] if p_values else []


def _samples(records: Sequence[Record]) -> dict[int, dict[int, float]]:
    """Return fold → test sample → statistic, mean over repetitions."""
    found: dict[int, dict[int, list[float]]] = {}
    for record in records:
        if record.per_sample is not None:
            fold = found.setdefault(record.cell.fold, {})
            for sample, value in zip(record.per_sample.samples, record.per_sample.values, strict=True):
                fold.setdefault(sample, []).append(value)
    return {k: {s: float(np.mean(v)) for s, v in fold.items()} for k, fold in found.items()}


def _stack(a: Mapping[int, float], b: Mapping[int, float]) -> np.ndarray:
    """Return (sample, method)."""
    return np.array([(a[s], b[s]) for s in sorted(a)])


def _delta(values: np.ndarray) -> float:
    return float(np.log(max(values[:, 0].mean(), TINY)) - np.log(max(values[:, 1].mean(), TINY)))


def _exponent(headline: str) -> float:
    """Return γ: score = (mean statistic)^γ, up to a constant."""
    name = headline.partition("/")[0]
    metric = next((m for m in metrics.ACCURACY if m.name == name), None)
    return 1.0 if metric is None else math.log(metric.finish(4.0)) / math.log(4.0)


def _draws(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return δ of every bootstrap draw of the units."""
    n = len(values)
    means = np.maximum(values[rng.integers(n, size=(DRAWS, n))].mean(axis=1), TINY)
    return np.asarray(np.log(means[:, 0]) - np.log(means[:, 1]))


def _doubts(draws: np.ndarray, folds: Sequence[float]) -> tuple[float, float, float]:
    """Return the p-value and the ends of the interval of δ, the wider of the two."""
    tail = (1 - LEVEL) / 2
    low, high = (float(q) for q in np.quantile(draws, [tail, 1 - tail]))
    below = (float((draws <= 0).mean()), float((draws >= 0).mean()))
    p = min(1.0, 2 * max(min(below), 1 / (2 * DRAWS)))
    if len(folds) < 2:
        return p, low, high
    k, spread = len(folds), float(np.std(folds, ddof=1)) / math.sqrt(len(folds))
    half = float(stdtrit(k - 1, 1 - tail)) * spread
    centre = float(np.mean(folds))
    t = abs(centre) / spread if spread > 0 else (math.inf if centre else 0.0)
    p_folds = 2 * float(stdtr(k - 1, -t)) if math.isfinite(t) else 0.0
    return max(p, p_folds), min(low, centre - half), max(high, centre + half)


def _score(records: Sequence[Record]) -> float:
    return float(np.mean([r.scores[r.primary] for r in records if r.primary in r.scores]))
