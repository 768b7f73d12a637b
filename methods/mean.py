"""The mean of the training targets, whatever the input: what any method that reads its input must beat."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import xarray as xr

from sciml_bench.method import Budget, Log, Method, Predictor
from sciml_bench.method.vectors import VectorCodec, why_not_vectors
from sciml_bench.problem import SAMPLE, MethodCard, Problem, Source


@dataclass(frozen=True, kw_only=True)
class Mean(Method):
    """û = (1/N) Σᵢ uᵢ over the N training samples, point by point: the best constant in the mean square.

    Its error is the spread of the truth; a relative error near 1 means that the mean tells nothing.

    Source: Murphy 1992, doi:10.1175/1520-0434(1992)007<0692:CPALCO>2.0.CO;2.
    """

    card: ClassVar[MethodCard] = MethodCard(
        title="Training mean",
        family="control",
        framework="numpy",
        summary="predicts the mean of the training targets, whatever the input",
        description="The climatology of the data. A method that does no better has learnt nothing from its inputs.",
        sources=(
            Source(
                citation="A. H. Murphy, Climatology, persistence, and their linear combination as "
                "standards of reference in "
                "skill scores, Weather and Forecasting 7 (1992)",
                doi="10.1175/1520-0434(1992)007<0692:CPALCO>2.0.CO;2",
            ),
        ),
    )

    def applies_to(self, problem: Problem) -> str | None:
        """Only where all samples have one size and the targets are numbers."""
        return why_not_vectors(problem)

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
        """Average the training targets."""
        codec = VectorCodec.of(problem, train)
        means = tuple(t.mean(axis=0) for t in codec.encode_targets(train))
        log.progress(1.0)
        return Constant(codec=codec, means=means)


@dataclass(frozen=True, kw_only=True)
class Constant:
    """Predicts the same targets for every sample."""

    codec: VectorCodec
    means: tuple[np.ndarray, ...]

    def __call__(self, inputs: xr.Dataset) -> xr.Dataset:
        """Return the means once for each sample; `ContractError` on another grid than in training."""
        self.codec.template.require_grid(inputs, "the training mean")
        n = inputs.sizes[SAMPLE]
        return self.codec.decode([np.broadcast_to(m, (n, m.size)) for m in self.means], inputs)
