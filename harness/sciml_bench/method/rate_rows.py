"""The rows of methods that learn a right-hand side from rates."""

from collections.abc import Mapping
from typing import Any

from ..problem import Problem


def rows_of(problem: Problem) -> Mapping[str, Mapping[str, Any]]:
    """Return label → hyperparameters: rates as the problem gives them and, where it has observed ones, those along its rollouts.

    Observed rates are a target beside the state; they may hold at noisy states, and others learn from the rollouts alone.
    """
    plain: dict[str, Mapping[str, Any]] = {"": {}}
    return plain if len(problem.targets) == 1 else plain | {"rollouts": {"learn_from": "rollouts"}}
