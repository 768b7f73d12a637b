"""The random forest, from scikit-learn."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
import xarray as xr

from sciml_bench.method import Budget, Log, Method, Predictor
from sciml_bench.method.tabular import (
    Model,
    Numbers,
    Probabilities,
    Target,
    check_outputs,
    check_positive,
    choose,
    fit_targets,
    threads,
    why_not_a_table,
)
from sciml_bench.problem import MethodCard, Problem, Source

LEAVES = (1, 5)
"""Least numbers of samples in a leaf that are tried."""


@dataclass(frozen=True, kw_only=True)
class RandomForest(Method):
    """û(x) = (1/B) Σ_b T_b(x): B regression trees, each grown on a bootstrap sample, each split among m random columns.

    Splits minimise the variance within the halves (of classes the Gini impurity). m is √d, d/3 or d of d columns, at
    most `most_features`, and the smallest leaf holds 1 or 5 samples: what is best on the validation part. Splits do not
    change when a column is scaled or bent monotonically. It is constant beyond the training range.

    `trees` is B: more are never worse, only slower.

    Source: Breiman 2001, doi:10.1023/A:1010933404324.
    """

    card: ClassVar[MethodCard] = MethodCard(
        title="Random forest",
        family="tree",
        framework="sklearn",
        summary="the mean of many trees, each grown on a resampled table",
        description="The method of tables that needs the least care. Columns per split and size of the leaves are "
        "chosen on the validation part.",
        sources=(
            Source(citation="L. Breiman, Random forests, Machine Learning 45 (2001)", doi="10.1023/A:1010933404324"),
        ),
    )
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
        {"smoke": {"trees": 20}, "small": {}, "full": {"trees": 500}}
    )

    trees: int = 300
    most_features: int = 128

    def applies_to(self, problem: Problem) -> str | None:
        """Only where the targets are a few numbers or a class."""
        return why_not_a_table(problem)

    def fit(
        self,
        train: xr.Dataset,
        valid: xr.Dataset,
        *,
        problem: Problem,
        budget: Budget,  # noqa: ARG002
        seed: int,
        device: str,  # noqa: ARG002
        log: Log,
    ) -> Predictor:
        """Grow a forest for each choice and keep the best on `valid`."""
        check_positive(self, "trees", "most_features")

        def build(target: Target) -> Model:
            check_outputs(target)
            columns = target.x.shape[1]
            tried = sorted({min(int(np.ceil(m)), self.most_features) for m in (columns**0.5, columns / 3, columns)})
            return choose("features, leaf", product(tried, LEAVES), lambda c: self._grow(*c, target, seed), target, log)

        return fit_targets(build, train, valid, problem=problem)

    def _grow(self, features: int, leaf: int, target: Target, seed: int) -> Model:
        from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

        cls = RandomForestClassifier if target.label else RandomForestRegressor
        forest = cls(
            self.trees,
            max_features=features,
            min_samples_leaf=leaf,
            random_state=seed % 2**32,
            n_jobs=threads(len(target.x)),
        )
        answers = target.classes if target.label else target.y
        forest.fit(target.x, answers[:, 0] if answers.shape[1:] == (1,) else answers)
        forest.n_jobs = 1  # threads would add up the trees in any order
        return Probabilities(forest, target.y.shape[1]) if target.label else Numbers(forest)
