"""The dataset's own solver, made cheaper: the classical method that a learned one has to beat."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import xarray as xr

from sciml_bench.errors import ContractError, UnknownNameError
from sciml_bench.method import Budget, Log, Method, Predictor
from sciml_bench.problem import MethodCard, Problem, Solver


@dataclass(frozen=True, kw_only=True)
class ReferenceSolver(Method):
    """û = solve(inputs) with the program that made the truth, at one of its cost points.

    `cost` names one of the solver's cost points, a resolution, a step and a precision; "" is the truth's own,
    the last of them. With no cost set, the method fills one row for each point: the accuracy-cost curve
    against which learned methods stand. It sees the inputs alone, as they do, and learns nothing from data. A
    cost point whose step is unstable fails, and the row says so.
    """

    card: ClassVar[MethodCard] = MethodCard(
        title="Reference solver",
        family="solver",
        framework="jax",
        summary="the dataset's own solver, from coarse and cheap to the truth's own setting",
        description="A classical solver needs no data and no training. Its rows show what accuracy each "
        "second buys, hence when "
        "a learned method is worth its training.",
        uses_data=False,
    )

    cost: str = ""

    def applies_to(self, problem: Problem) -> str | None:
        """Only where the dataset has a solver."""
        return None if problem.solver else "The dataset has no reference solver."

    def variants(self, problem: Problem) -> Mapping[str, Mapping[str, Any]]:
        """One row for each cost point of the solver."""
        return {name: {"cost": name} for name in problem.solver.costs} if problem.solver else {}

    def fit(
        self,
        train: xr.Dataset,  # noqa: ARG002
        valid: xr.Dataset,  # noqa: ARG002
        *,
        problem: Problem,
        budget: Budget,  # noqa: ARG002
        seed: int,  # noqa: ARG002
        device: str,
        log: Log,
    ) -> Predictor:
        """Look up the cost point; the data are ignored."""
        if problem.solver is None:
            raise ContractError("the reference solver was run on a problem that has none; ask `applies_to` first")
        costs = problem.solver.costs
        name = self.cost or list(costs)[-1]
        if name not in costs:
            raise UnknownNameError("cost", name, costs)
        log.fact("cost", name)
        log.progress(1.0)
        return Solve(solver=problem.solver, device=device, knobs=dict(costs[name]))


@dataclass(frozen=True, kw_only=True)
class Solve:
    """Solves each sample from its inputs."""

    solver: Solver
    device: str
    knobs: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self, inputs: xr.Dataset) -> xr.Dataset:
        """Return the solver's targets for `inputs`."""
        return self.solver.solve(inputs, device=self.device, **self.knobs)
