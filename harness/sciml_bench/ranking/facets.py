"""What beside accuracy sets the methods of a league apart: physics, uncertainty, speed, each as one number over its datasets.

With x(m, d) a cost or an error of method m on dataset d, x̃(d) its median over the methods, and x₀(d) the truth's own,

    relative(m)     exp(mean over d of log clip(max(x(m, d), x₀(d)) / max(x̃(d), x₀(d)), 10⁻³, 10³))

is below 1 if it is better than the median. An x that cannot be measured, as the reference solver cannot go on from the
predictions, is infinite. The mean is over the datasets on which the method has it, whose number stands beside.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean, median

from .summary import PDE, Row, of_common_data

CLIP = 1e3
ROUNDING = 1.2e-7
"""Relative resolution of single precision, in which predictions are made."""


@dataclass(frozen=True)
class Facet:
    """One number, and on how many datasets it rests."""

    value: float
    datasets: int
    off: float = 0.0
    """Of a coverage how far it is from its level, in the mean over datasets: too much on one makes up for no other."""


def physics_score(rows: Sequence[Row]) -> str | None:
    """Return the score of physics that heads a board: of the equation, else of a conserved quantity, else of a symmetry.

    Energy goes before other quantities; a symmetry counts only where a method breaks it by more than rounding.
    """
    names = dict.fromkeys(n for r in rows if not r.solver for n in r.scores)
    conserved = sorted((n for n in names if n.startswith("conservation/")), key=lambda n: ("energy" not in n, n))
    worst = {n: max(r.scores[n].mean for r in rows if n in r.scores) for n in names if n.startswith("symmetry/")}
    symmetric = sorted((n for n in worst if worst[n] > _least(n)), key=lambda n: (-worst[n], n))
    return next((n for n in (*PDE, *conserved, *symmetric) if n in names), None)


def facets(rows: Sequence[Row]) -> dict[str, dict[str, Facet]]:
    """Return method's name → facet's name → number; solvers set no median and get none.

    `physics` and `crps` are relative; `coverage` is the mean of coverage_90, with how far it is off; `throughput` (samples a
    second), `fit` (seconds) and `speed_up` (at equal error) are geometric means.
    """
    methods = [r for r in of_common_data(rows) if not r.solver and r.error is not None]
    boards: dict[str, list[Row]] = {}
    for row in methods:
        boards.setdefault(row.dataset, []).append(row)
    heads = {d: physics_score(found) for d, found in boards.items()}
    found: dict[str, dict[str, Facet]] = {}
    for name in dict.fromkeys(r.name for r in methods):
        own = [r for r in methods if r.name == name]
        values: dict[str, list[float]] = {
            "physics": [v for r in own if (v := _relative(r, heads[r.dataset], boards[r.dataset])) is not None],
            "crps": [v for r in own if (v := _relative(r, "crps", boards[r.dataset])) is not None],
            "throughput": _logs(r.cost.get("throughput") for r in own),
            "fit": _logs(r.fit_seconds for r in own),
            "speed_up": _logs(None if r.tradeoff is None else r.tradeoff.speed_up for r in own),
        }
        found[name] = {k: Facet(math.exp(fmean(v)), len(v)) for k, v in values.items() if v}
        covered = [r.scores["coverage_90"].mean for r in own if "coverage_90" in r.scores]
        if covered:
            found[name]["coverage"] = Facet(fmean(covered), len(covered), fmean(abs(c - 0.9) for c in covered))
    return found


def _relative(row: Row, score: str | None, board: Sequence[Row]) -> float | None:
    """Return the logarithm of a score over its median on the board."""
    known = {r.name: v for r in board if (v := _value(r, score)) is not None}
    if score is None or row.name not in known:
        return None
    least = max(row.floor.get(score, 0.0), _least(score))
    middle = median(known.values())
    if math.isinf(middle):
        middle = max((v for v in known.values() if math.isfinite(v)), default=0.0)
    middle = max(middle, least)
    if middle <= 0:
        return None
    ratio = max(known[row.name], least) / middle
    return math.log(min(max(ratio, 1 / CLIP), CLIP))


def _value(row: Row, score: str | None) -> float | None:
    """Return the mean of a score, infinite where the reference solver could not go on from the predictions."""
    if score in PDE and row.unfollowed:
        return math.inf
    return row.scores[score].mean if score in row.scores else None


def _least(score: str) -> float:
    """Return the value below which a score tells of rounding alone: a symmetry has no floor of the truth."""
    return ROUNDING if score.startswith("symmetry/") else 0.0


def _logs(values: Iterable[float | None]) -> list[float]:
    return [math.log(v) for v in values if v is not None and v > 0]
