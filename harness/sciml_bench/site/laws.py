"""Which shifts change the law itself, by what no input tells.

A method that has learnt the law of the training data is wrong there by what that law is wrong by, and the better it has, the
nearer to that: such a shift says how far the laws lie apart, and nothing of the method.
"""

from collections.abc import Mapping

from ..problem import Dataset, Evolution, Problem
from ..records.record import CellId
from . import cards


def untold_shifts(cell: CellId) -> frozenset[str]:
    """Return the names of those shifts of a cell's dataset; none where it cannot be asked."""
    dataset = cards.dataset_of(cell)
    if dataset is None:
        return frozenset()
    try:
        law, shifts = dataset.problem(), shifts_of(dataset)
        return frozenset(name for name, other in shifts.items() if _differ(law, other.problem()))
    except Exception:  # of another version: a page that says less is better than no page
        return frozenset()


def shifts_of(dataset: Dataset | None) -> Mapping[str, Dataset]:
    """Return a dataset's shifts by name; none where it cannot be asked."""
    try:
        return dataset.shifts() if dataset else {}
    except Exception:
        return {}


def _differ(one: Problem, other: Problem) -> bool:
    """Whether two problems have other constants in their equation or, where none is written, other solvers for a step."""
    if one.equation is not None and other.equation is not None:
        return dict(one.equation.parameters) != dict(other.equation.parameters)
    return isinstance(one.solver, Evolution) and one.solver != other.solver
