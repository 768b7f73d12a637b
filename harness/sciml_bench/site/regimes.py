"""The error of a row in each regime of a division of the samples, such as those of one sex, and how it compares with its mean.

    ratio R = mean of e_f / mean of a_f

over the folds f whose test part has samples of the regime: e_f is their error, a_f that of all test samples of the fold. Its
interval is that of the mean of R + (e_f − R a_f) / mean(a): a fold that is hard as a whole does not widen it. Cochran, Sampling
Techniques (1977), section 6.4.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from ..problem import Problem
from ..ranking.intervals import Interval, corrected, of_folds, test_over_train
from ..ranking.summary import Row
from . import text
from .board import RowView

NONNEGATIVE = (0.0, math.inf)
SIZES = ("small", "medium", "large")


@dataclass(frozen=True, kw_only=True)
class Regime:
    """A row's error in one regime, and that over its mean error in the same folds."""

    division: str
    name: str
    error: Interval
    over: Interval
    folds: int
    """So many folds have samples of it in their test part."""
    whole: bool
    """Whether all folds of the row have."""


@dataclass(frozen=True, kw_only=True)
class Division:
    """One division of the samples into regimes: its regimes, and each row's error there."""

    name: str
    description: str
    regimes: tuple[str, ...]
    rows: tuple[tuple[RowView, tuple[Regime | None, ...], Regime | None], ...]
    """Each row, its regimes, and the worst of them if it is surely worse than the mean."""


def regimes(row: Row) -> tuple[Regime, ...]:
    """Return the error in each regime, those of a division together in their own order."""
    means = of_folds(row.records, row.primary)
    ratio = test_over_train(row.records)
    found = []
    for name, error in row.scores.items():
        division, sep, rest = name.removeprefix("regime:").partition("=")
        there = of_folds(row.records, name) if name.startswith("regime:") and sep else {}
        if any(means[fold] for fold in there):
            found.append(
                Regime(
                    division=division,
                    name=rest.removesuffix(f"/{row.primary}"),
                    error=error,
                    over=corrected(_over(list(there.values()), [means[fold] for fold in there]), ratio, NONNEGATIVE),
                    folds=len(there),
                    whole=len(there) == row.succeeded,
                )
            )
    return tuple(sorted(found, key=lambda r: (r.division, _order(r.name))))


def divisions(views: Sequence[RowView], problem: Problem | None) -> tuple[Division, ...]:
    """Return the tables of a board: one for each division that any of its rows was scored in."""
    found = [(view, {(r.division, r.name): r for r in regimes(view.row)}) for view in views]
    named: dict[str, set[str]] = {}
    for _, there in found:
        for division, name in there:
            named.setdefault(division, set()).add(name)
    known = {} if problem is None else problem.regimes
    return tuple(
        Division(
            name=text.words(division),
            description=known[division].description if division in known else "",
            regimes=(names := tuple(sorted(unsorted, key=_order))),
            rows=tuple((view, *_line([there.get((division, name)) for name in names])) for view, there in found),
        )
        for division, unsorted in named.items()
    )


def _over(errors: Sequence[float], means: Sequence[float]) -> list[float]:
    """Return for each fold a value whose mean is the ratio of the means, and whose spread is that of the ratio."""
    mean = fmean(means)
    ratio = fmean(errors) / mean
    return [ratio + (e - ratio * a) / mean for e, a in zip(errors, means, strict=True)]


def _line(found: Sequence[Regime | None]) -> tuple[tuple[Regime | None, ...], Regime | None]:
    """Return the regimes and the worst of those that every fold has samples of, if two have and its interval lies above 1."""
    whole = [r for r in found if r is not None and r.whole]
    worst = max(whole, key=lambda r: r.over.mean) if len(whole) > 1 else None
    return tuple(found), worst if worst is not None and (worst.over.low or 0.0) > 1 else None


def _order(name: str) -> tuple[float, int, str]:
    """Return where a regime stands among those of its division: `under 42`, `42 to 54`, `55 and over`; small to large."""
    if name in SIZES:
        return SIZES.index(name), 0, name
    number = re.search(r"\d+(\.\d+)?", name)
    words = set(name.split())
    side = -1 if words & {"under", "below"} else 1 if words & {"over", "above"} else 0
    return float(number[0]) if number else math.inf, side, name
