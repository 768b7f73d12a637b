"""What is said of the best method beside the classical solver: which of the two is the better choice, and by how much.

Wall time varies: where the times of the folds of the two overlap, neither is called the faster one. Nor is the method where it
owes that to the distance between two settings of the solver.
"""

from dataclasses import dataclass

from ..ranking.summary import Row
from . import text
from .board import Board, RowView
from .suite import of

METHOD, SOLVER, EQUAL = "method wins", "solver wins", "about equal"
KINDS = {METHOD: "good", SOLVER: "bad", EQUAL: "plain"}


@dataclass(frozen=True)
class Rivalry:
    """The verdict, nothing where there is none, and by how much who wins is better."""

    verdict: str
    told: str

    @property
    def kind(self) -> str:
        """The kind of the label that shows the verdict."""
        return KINDS[self.verdict]


def against_solver(board: Board, best: RowView) -> Rivalry:
    """Return what the solver's settings say of a method."""
    tradeoff = best.row.tradeoff
    if not any(v.solver and v.shown for v in board.rows):
        return Rivalry("", "none to compare with")
    if tradeoff is None:
        return Rivalry("", text.NONE)
    if tradeoff.speed_up is None:
        return Rivalry(METHOD, "no setting of the solver is as accurate")
    solver = of(board, tradeoff.solver)
    if solver is not None and overlap(solver.row, best.row):
        return Rivalry(EQUAL, "the times of the folds overlap")
    if tradeoff.speed_up < 1:
        return Rivalry(SOLVER, f"{text.number(1 / tradeoff.speed_up, 2)}× faster at equal error")
    if tradeoff.between is not None and tradeoff.between < 1:
        return Rivalry(EQUAL, "faster than the solver’s next finer setting, slower than the line between its settings")
    return Rivalry(METHOD, f"{text.number(tradeoff.speed_up, 2)}× faster at equal error")


def overlap(first: Row, second: Row) -> bool:
    """Whether the ranges over cells of the seconds for one sample have a part in common."""
    (a, b), (c, d) = _range(first), _range(second)
    return max(a, c) <= min(b, d)


def _range(row: Row) -> tuple[float, float]:
    found = [
        r.cost.predict_seconds / r.cost.predict_samples for r in row.records if r.status == "ok" and r.cost is not None
    ]
    return min(found), max(found)
