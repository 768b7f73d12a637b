"""The interval of a cross-validated mean.

    mean ± t_{J−1, 0.975} · sqrt((1/J + n_test/n_train) · s²)

over J folds (and repetitions), where s² is the variance between them. The second term corrects for training sets that overlap:
without it the interval of a 5-fold mean is too narrow. Nadeau & Bengio (2003), doi:10.1023/A:1024068626366, eq. 9.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import scipy

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


def corrected(values: Sequence[float], test_over_train: float) -> Interval:
    """Return the corrected interval of the mean; errors that are never negative are cut off at zero."""
    array = np.asarray(values, dtype=np.float64)
    mean = float(array.mean())
    if len(array) < 2:
        return Interval(mean, None, None, mean, mean)
    spread = math.sqrt((1 / len(array) + test_over_train) * float(array.var(ddof=1)))
    half = float(scipy.special.stdtrit(len(array) - 1, 0.5 + LEVEL / 2)) * spread
    low = mean - half
    cut = len(array) // 4
    inner = np.sort(array)[cut : len(array) - cut]
    return Interval(
        mean=mean,
        low=max(low, 0.0) if array.min() >= 0 else low,
        high=mean + half,
        median=float(np.median(array)),
        interquartile_mean=float(inner.mean()),
    )
