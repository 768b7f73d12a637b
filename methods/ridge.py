"""Ridge regression on the columns of a table; for classes, its logistic counterpart."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import xarray as xr

from sciml_bench.method import Budget, Log, Method, Predictor
from sciml_bench.method.tabular import (
    Certain,
    Model,
    Numbers,
    Probabilities,
    Target,
    check_outputs,
    choose,
    fit_targets,
    why_not_a_table,
)
from sciml_bench.problem import MethodCard, Problem, Source

if TYPE_CHECKING:
    from sklearn.linear_model import LogisticRegression

PENALTIES = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0, 10.0)
"""Ridge penalties that are tried, for each training sample."""


@dataclass(frozen=True, kw_only=True)
class Ridge(Method):
    """ŷ = x W + b, (W, b) = argmin (1/n) ‖x W + b − y‖² + λ ‖W‖²; of classes, argmin of −(1/n) Σ log p + ½λ ‖W‖².

    x are the standardised columns, p = softmax(x W + b). λ is the one of a grid with the least error on the
    validation part. Exact, but for the smallest λ, for an affine map. `iterations` bounds the search for W of classes.

    Source: Hoerl & Kennard 1970, doi:10.1080/00401706.1970.10488634.
    """

    card: ClassVar[MethodCard] = MethodCard(
        title="Ridge regression",
        family="baseline",
        framework="sklearn",
        summary="the best linear function of the columns, its slopes held small",
        description="The linear model of a table, and logistic regression where the target is a class. The penalty is "
        "chosen on the validation part. What a nonlinear method adds is its distance to this row.",
        sources=(
            Source(
                citation="A. E. Hoerl and R. W. Kennard, Ridge regression, Technometrics 12 (1970)",
                doi="10.1080/00401706.1970.10488634",
            ),
        ),
    )

    iterations: int = 1000

    def applies_to(self, problem: Problem) -> str | None:
        """Only where the targets are a few numbers or a class: `linear` treats fields."""
        return why_not_a_table(problem)

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
        """Solve for each penalty and keep the best on `valid`."""

        def build(target: Target) -> Model:
            check_outputs(target)
            log.fact("parameters", target.y.shape[1] * (target.x.shape[1] + 1))
            if target.label and len(set(target.classes)) == 1:
                return Certain(target.y[0])
            return choose("penalty", PENALTIES, lambda penalty: self._solve(penalty, target), target, log)

        return fit_targets(build, train, valid, problem=problem)

    def _solve(self, penalty: float, target: Target) -> Model:
        from sklearn.linear_model import LogisticRegression
        from sklearn.linear_model import Ridge as Solver

        n = len(target.x)
        if target.label:
            model = LogisticRegression(
                C=1 / (n * penalty), max_iter=self.iterations, tol=1e-6, solver="newton-cholesky"
            )
            return Probabilities(_in_row_space(model, target), target.y.shape[1])
        return Numbers(Solver(alpha=n * penalty).fit(target.x, target.y))


def _in_row_space(model: "LogisticRegression", target: Target) -> "LogisticRegression":
    """Fit in the coordinates of the samples' row space where columns outnumber samples.

    The penalised W has no part outside of it, so that the model is the same; the search is for n unknowns a class and not for
    thousands.
    """
    if target.x.shape[1] <= target.x.shape[0]:
        return model.fit(target.x, target.classes)
    _, _, rows = np.linalg.svd(target.x, full_matrices=False)
    model.fit(target.x @ rows.T, target.classes)
    model.coef_ = model.coef_ @ rows
    model.n_features_in_ = target.x.shape[1]
    return model
