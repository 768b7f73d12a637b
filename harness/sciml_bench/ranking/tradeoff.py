"""Accuracy against cost: where a method stands against the dataset's own solver, coarsened.

With e the method's error, p its predict seconds a sample, f the seconds of data generation, tuning (where it is recorded) and
fit, and (eᵢ, sᵢ) the error and seconds a sample of the solver's cost points:

    speed-up at equal error   min{sᵢ : eᵢ ≤ max(e, floor)} / p           below 1 the solver is faster
    error at equal cost       min{eᵢ : sᵢ ≤ p} / e                       below 1 the solver is more accurate
    break-even count          the smallest N with f + N·p < N·s          s: the solver's seconds at equal error

The comparison is the fair one of McGreivy & Hakim (2024), doi:10.1038/s42256-024-00897-5: at equal accuracy or at equal time,
against an efficient solver of the same equation.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Point:
    """One cost point of the solver, or one method: error, and seconds for one sample."""

    name: str
    error: float
    seconds: float


@dataclass(frozen=True)
class Tradeoff:
    """Where one method stands. None means that there is no such number, and `note` says why."""

    speed_up: float | None
    error_ratio: float | None
    break_even: int | None
    dominated: bool
    note: str
    solver: str = ""
    """The solver's point at equal error, nothing where it has none."""
    between: float | None = None
    """The speed-up with the solver's seconds at just the method's error, on a line between its points in logarithms."""


def place(method: Point, invested: float, solver: Sequence[Point], floor: float) -> Tradeoff:
    """Place a method that took `invested` seconds of data, tuning and fit against the solver's points."""
    if not solver:
        return Tradeoff(None, None, None, False, "no reference solver to compare with")
    equal = [s for s in solver if s.error <= max(method.error, floor)]
    affordable = [s for s in solver if s.seconds <= method.seconds]
    own = max(method.error, floor)
    error_ratio = max(min(s.error for s in affordable), floor) / own if affordable and own > 0 else None
    if not equal:
        return Tradeoff(None, error_ratio, None, False, "more accurate than every solver point")
    cheapest = min(equal, key=lambda s: s.seconds)
    gain = cheapest.seconds - method.seconds
    return Tradeoff(
        speed_up=cheapest.seconds / method.seconds,
        error_ratio=error_ratio,
        break_even=math.floor(invested / gain) + 1 if gain > 0 else None,
        dominated=gain <= 0,
        note=f"at equal error: {cheapest.name}"
        if gain > 0
        else f"never: {cheapest.name} is faster and at least as accurate",
        solver=cheapest.name,
        between=_between(method, cheapest, solver),
    )


def _between(method: Point, equal: Point, solver: Sequence[Point]) -> float | None:
    """Return the speed-up where the solver's line from the point at equal error to the next coarser one has the method's error."""
    coarser = min((s for s in solver if s.error > method.error), key=lambda s: s.error, default=None)
    if coarser is None or not 0 < equal.error < method.error or coarser.seconds >= equal.seconds:
        return None
    share = math.log(method.error / equal.error) / math.log(coarser.error / equal.error)
    seconds = math.exp((1 - share) * math.log(equal.seconds) + share * math.log(coarser.seconds))
    return seconds / method.seconds
