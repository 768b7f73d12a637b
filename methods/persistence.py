"""The last given state, repeated: what any forecast must beat."""

from dataclasses import dataclass
from typing import ClassVar

import xarray as xr

from sciml_bench.method import Budget, Log, Method, Predictor
from sciml_bench.method.template import Template
from sciml_bench.problem import HISTORY, TIME, MethodCard, Problem, Source


@dataclass(frozen=True, kw_only=True)
class Persistence(Method):
    """û(x, tₖ) = u(x, t₀) for every output time tₖ, with t₀ the time of the last given state.

    Nothing is learnt. It is exact for a steady state; its error is the distance that the system travels.

    Source: Murphy 1992, doi:10.1175/1520-0434(1992)007<0692:CPALCO>2.0.CO;2.
    """

    card: ClassVar[MethodCard] = MethodCard(
        title="Persistence",
        family="control",
        framework="numpy",
        summary="repeats the last given state",
        description="The forecast that nothing changes. Any method of use does better, and soon after "
        "the start it is hard to beat.",
        sources=(
            Source(
                citation="A. H. Murphy, Climatology, persistence, and their linear combination as "
                "standards of reference in "
                "skill scores, Weather and Forecasting 7 (1992)",
                doi="10.1175/1520-0434(1992)007<0692:CPALCO>2.0.CO;2",
            ),
        ),
        uses_data=False,
    )

    def applies_to(self, problem: Problem) -> str | None:
        """Only where there is a given state to repeat."""
        if problem.evolves:
            return None
        return "It repeats the state at the start, but the targets have no time axis that starts from a given state."

    def fit(
        self,
        train: xr.Dataset,
        valid: xr.Dataset,  # noqa: ARG002
        *,
        problem: Problem,
        budget: Budget,  # noqa: ARG002
        seed: int,  # noqa: ARG002
        device: str,  # noqa: ARG002
        log: Log,
    ) -> Predictor:
        """Remember the output times; nothing else is taken from the data."""
        log.progress(1.0)
        return Repeat(template=Template.of(problem, train))


@dataclass(frozen=True, kw_only=True)
class Repeat:
    """Repeats each target's initial state at the times of `template`."""

    template: Template

    def __call__(self, inputs: xr.Dataset) -> xr.Dataset:
        """Return the last given state at every output time."""
        arrays = {}
        for v in self.template.targets:
            state = inputs[str(v.initial)]
            if HISTORY in state.dims:
                state = state.isel({HISTORY: -1}, drop=True)
            steps = self.template.sizes[TIME]
            arrays[v.name] = state.expand_dims({TIME: steps}).transpose(*v.stored).to_numpy()
        return self.template.dress(arrays, inputs)
