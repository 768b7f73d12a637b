"""A logarithmic scale on which the intervals of one table are drawn, and where a value stands on it.

at(x) = 100 · (log x − log low) / (log high − log low)
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeGuard

from ..ranking.intervals import Interval
from . import text

FAR = 1e3
"""A floor so many times under the least error is told of and not drawn: all errors would stand in a corner."""


@dataclass(frozen=True)
class LogScale:
    """From `low` to `high`, both positive, drawn 100 units wide."""

    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float], floor: float | None) -> "LogScale":
        """Return the scale that shows all values above the floor, and the floor just off its left end unless it is far below."""
        positive = [v for v in values if v > 0]
        if drawn(floor, positive):
            positive = [max(v, floor) for v in positive] + [floor]
        low, high = min(positive, default=1.0), max(positive, default=1.0)
        margin = max(high / low, 10.0) ** 0.04
        if high / low < 10:
            low, high = low / 2, high * 2
        return cls(low / margin, high * margin)

    def at(self, value: float) -> float:
        """Return where a value stands, from 0 to 100; values off the scale stand at its ends."""
        if value <= self.low:
            return 0.0
        share = math.log(value / self.low) / math.log(self.high / self.low)
        return round(100 * min(share, 1.0), 2)

    def shows(self, value: float | None) -> bool:
        """Whether a value is on the scale."""
        return value is not None and value >= self.low

    @property
    def ticks(self) -> list[tuple[float, str]]:
        """The powers of ten on the scale, thinned to at most four, as (position, text)."""
        first, last = math.ceil(math.log10(self.low)), math.floor(math.log10(self.high))
        stride = max(1, math.ceil((last - first + 1) / 4))
        return [(self.at(10.0**e), text.power(e)) for e in range(first, last + 1, stride)]


def drawn(floor: float | None, errors: Iterable[float]) -> TypeGuard[float]:
    """Whether a floor is drawn beside these errors: it is above zero and not far below the least."""
    return floor is not None and floor > 0 and floor >= min(errors, default=0.0) / FAR


@dataclass(frozen=True)
class Mark:
    """An interval as it is drawn: positions on the scale. `cut` tells that the low end lies off it."""

    mean: float
    low: float | None
    high: float | None
    cut: bool


def mark(interval: Interval, scale: LogScale) -> Mark:
    """Return how an interval is drawn."""
    if interval.low is None or interval.high is None:
        return Mark(scale.at(interval.mean), None, None, interval.mean < scale.low)
    return Mark(scale.at(interval.mean), scale.at(interval.low), scale.at(interval.high), interval.low < scale.low)
