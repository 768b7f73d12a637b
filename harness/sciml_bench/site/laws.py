"""Which shifts change the law itself, by what no input tells.

A method that has learnt the law of the training data is wrong there by what that law is wrong by, and the better it has, the
nearer to that: such a shift says how far the laws lie apart, and nothing of the method.
"""

from ..problem import Dataset, Evolution, Problem
from . import cards


def untold_shifts(dataset: Dataset | None) -> frozenset[str]:
    """Return the names of those shifts of a dataset; none where it cannot be asked."""
    return (cards.quietly(lambda: _untold(dataset)) if dataset else None) or frozenset()


def _untold(dataset: Dataset) -> frozenset[str]:
    law = dataset.problem()
    return frozenset(name for name, other in dataset.shifts().items() if _differ(law, other.problem()))


def _differ(one: Problem, other: Problem) -> bool:
    """Whether two problems have other constants in their equation or, where none is written, other solvers for a step."""
    if one.equation is not None and other.equation is not None:
        return dict(one.equation.parameters) != dict(other.equation.parameters)
    return isinstance(one.solver, Evolution) and one.solver != other.solver
