"""The mean of the training targets, whatever the input: what any method that reads its input must beat."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import xarray as xr

from sciml_bench.method import Budget, Log, Method, Predictor
from sciml_bench.method.template import Template
from sciml_bench.problem import MethodCard, Problem, Source, Variable


@dataclass(frozen=True, kw_only=True)
class Mean(Method):
    """û = (1/N) Σᵢ uᵢ over the N training samples, point by point: the best constant in the mean square.

    On meshes and graphs the mean runs over all nodes, as no node of one has a counterpart in another. Of a label it is the
    share of each class. Its error is the spread of the truth; a relative error near 1 means that the mean tells nothing.

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
        template = Template.of(problem, train)
        means = {v.name: _values(train, v).mean(axis=0) for v in problem.targets}
        log.progress(1.0)
        return Constant(template=template, means=means)


def _values(data: xr.Dataset, target: Variable) -> np.ndarray:
    """Return a target with samples, or the nodes of all of them, along the first axis; of a label 1 at its class."""
    if target.kind == "label":
        return np.eye(len(target.classes))[data[target.name].to_numpy()]
    return np.asarray(data[target.name].transpose(*target.stored).to_numpy(), np.float64)


@dataclass(frozen=True, kw_only=True)
class Constant:
    """Predicts the same targets for every sample."""

    template: Template
    means: dict[str, np.ndarray]

    def __call__(self, inputs: xr.Dataset) -> xr.Dataset:
        """Return the means once for each sample or node; `ContractError` on another grid than in training."""
        self.template.require_grid(inputs, "the training mean")
        arrays = {}
        for target in self.template.targets:
            mean = self.means[target.name]
            arrays[target.name] = np.broadcast_to(mean, (inputs.sizes[target.stored[0]], *mean.shape))
        return self.template.dress(arrays, inputs)
