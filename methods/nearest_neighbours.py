"""The nearest neighbours: the mean of the targets of the samples whose inputs are most alike."""

from dataclasses import dataclass
from itertools import product
from typing import ClassVar

import xarray as xr

from sciml_bench.errors import UsageError
from sciml_bench.method import Budget, Log, Method, Predictor
from sciml_bench.method.tabular import Model, Numbers, Probabilities, Target, choose, fit_targets
from sciml_bench.method.vectors import why_not_vectors
from sciml_bench.problem import MethodCard, Problem, Source

COUNTS = (1, 2, 3, 5, 8, 13, 21, 34, 55)
WEIGHTS = ("uniform", "distance")


@dataclass(frozen=True, kw_only=True)
class NearestNeighbours(Method):
    """û(x) = Σ_i w_i u_i / Σ_i w_i over the k training samples nearest to x; of classes, the share of each.

    Distances are Euclidean, between inputs of which each scalar is standardised, and each field by its overall mean and
    spread. w_i is 1, or 1/‖x − x_i‖. k and the weights are those with the least error on the validation part. It never
    leaves the range of the training targets. `most` bounds k.

    Source: Cover & Hart 1967, doi:10.1109/TIT.1967.1053964.
    """

    card: ClassVar[MethodCard] = MethodCard(
        title="Nearest neighbours",
        family="kernel",
        framework="sklearn",
        summary="the mean of the targets of the most similar training samples",
        description="Looking up instead of learning. It needs no model, and shows how densely the training samples "
        "fill the space of inputs. The number of neighbours is chosen on the validation part.",
        sources=(
            Source(
                citation="T. Cover and P. Hart, Nearest neighbor pattern classification, IEEE Trans. Inf. Theory 13 (1967)",
                doi="10.1109/TIT.1967.1053964",
            ),
        ),
    )

    most: int = 55

    def applies_to(self, problem: Problem) -> str | None:
        """Only where all samples have one size."""
        return why_not_vectors(problem, labels=True)

    def fit(
        self,
        train: xr.Dataset,
        valid: xr.Dataset,
        *,
        problem: Problem,
        budget: Budget,  # noqa: ARG002
        seed: int,  # noqa: ARG002
        device: str,  # noqa: ARG002
        log: Log,
    ) -> Predictor:
        """Store the training part; choose k and the weights on `valid`."""
        if self.most < 1:
            raise UsageError(f"most is {self.most}, but must be at least 1")

        def build(target: Target) -> Model:
            counts = [k for k in COUNTS if k <= min(self.most, len(target.x))]
            return choose("neighbours", product(counts, WEIGHTS), lambda c: _store(*c, target), target, log)

        return fit_targets(build, train, valid, problem=problem)


def _store(count: int, weights: str, target: Target) -> Model:
    from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

    if target.label:
        model = KNeighborsClassifier(count, weights=weights).fit(target.x, target.classes)
        return Probabilities(model, target.y.shape[1])
    return Numbers(KNeighborsRegressor(count, weights=weights).fit(target.x, target.y))
