"""The interval of a cross-validated mean.

    mean ± t_{J−1, 0.975} · sqrt((1/J + n_test/n_train) · s²)

over J folds, each the mean of its repetitions, where s² is the variance between them. The second term corrects for training sets
that overlap: without it the interval of a 5-fold mean is too narrow. Repetitions share their folds and count no further: they
are no new test samples. Nadeau & Bengio (2003), doi:10.1023/A:1024068626366, eq. 9.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean

import numpy as np
import scipy

from ..records.record import Record

LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """A mean with the ends of its 95% interval, which are None where one value alone gives none."""

    mean: float
    low: float | None
    high: float | None
    median: float | None = None
    interquartile_mean: float | None = None
    """The mean of the values between the quartiles: a quarter of them, rounded down, is left out at either end."""

    def as_dict(self) -> dict[str, float | None]:
        """Return the interval as plain data."""
        return asdict(self)


ANYTHING = (-math.inf, math.inf)


def corrected(values: Sequence[float], test_over_train: float, bounds: tuple[float, float] = ANYTHING) -> Interval:
    """Return the corrected interval of the mean; what can be no score, outside `bounds`, is cut off."""
    array = np.asarray(values, dtype=np.float64)
    mean = float(array.mean())
    if len(array) < 2:
        return Interval(mean, None, None, mean, mean)
    spread = math.sqrt((1 / len(array) + test_over_train) * float(array.var(ddof=1)))
    half = float(scipy.special.stdtrit(len(array) - 1, 0.5 + LEVEL / 2)) * spread
    cut = len(array) // 4
    inner = np.sort(array)[cut : len(array) - cut]
    return Interval(
        mean=mean,
        low=min(max(mean - half, bounds[0]), mean),
        high=max(min(mean + half, bounds[1]), mean),
        median=float(np.median(array)),
        interquartile_mean=float(inner.mean()),
    )


def of_folds(records: Iterable[Record], name: str) -> dict[int, float]:
    """Return fold → score, mean over repetitions; of the folds whose cells succeeded and have that score."""
    found: dict[int, list[float]] = {}
    for record in records:
        if record.status == "ok" and name in record.scores:
            found.setdefault(record.cell.fold, []).append(record.scores[name])
    return {fold: fmean(scores) for fold, scores in sorted(found.items())}


def test_over_train(records: Iterable[Record]) -> float:
    """Return n_test / n_train of a row, mean over its cells: how much the folds have in common; 0 where no record tells."""
    known = []
    for record in records:
        scored = record.diagnostics.get("test_samples")
        tested = scored if record.per_sample is None else len(record.per_sample.samples)
        trained = record.diagnostics.get("train_samples")
        if tested and trained:
            known.append(tested / trained)
    return fmean(known) if known else 0.0
