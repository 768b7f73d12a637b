"""Boosted trees, from LightGBM."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
import xarray as xr

from sciml_bench.errors import UsageError
from sciml_bench.method import Budget, Log, Method, Predictor
from sciml_bench.method.boosting import Grown, Rows, boost
from sciml_bench.method.tabular import check_positive, check_share, fit_targets, threads, why_not_a_table
from sciml_bench.problem import MethodCard, Problem, Source

LEAVES = (4, 15, 63)
"""Numbers of leaves that are tried."""


@dataclass(frozen=True, kw_only=True)
class LightGBM(Method):
    """û(x) = Σ_t η f_t(x): each tree f_t is grown leaf by leaf, always where the loss falls most, up to `leaves` leaves
    (4, 15 or 63, what is best on the validation part, if None).

    The loss is the square error, of classes the log loss. Columns are binned into at most 255 values. A leaf holds at
    least `min_child` samples; a tree sees the fractions `rows` of the samples and `columns` of the columns. η is
    `learning_rate`, `penalty` that of the squared values of the leaves. Boosting ends after `patience` rounds without a
    better validation loss, at the latest after `rounds`; the best round counts. It runs on the CPU.

    Works well: a learning rate of 0.02 to 0.1, 7 to 63 leaves, and at least 5 samples in each on small tables.

    Source: Ke et al. 2017, LightGBM: a highly efficient gradient boosting decision tree, NeurIPS 30.
    """

    card: ClassVar[MethodCard] = MethodCard(
        title="LightGBM",
        family="tree",
        framework="sklearn",
        summary="boosted trees grown leaf by leaf on binned columns",
        description="The fastest of the common boosting libraries on large tables. Each predicted number has its own "
        "trees; their number is chosen on the validation part.",
        sources=(
            Source(
                citation="G. Ke et al., LightGBM: a highly efficient gradient boosting decision tree, NeurIPS 30 (2017)"
            ),
        ),
        needs=("lightgbm",),
    )
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
        {"smoke": {"rounds": 100, "learning_rate": 0.1, "min_child": 2}, "small": {}, "full": {"rounds": 10_000}}
    )
    search: ClassVar[Mapping[str, tuple[Any, ...]]] = MappingProxyType(
        {
            "learning_rate": (0.03, 0.05, 0.1, 0.2),
            "min_child": (3, 5, 10),
            "rows": (0.5, 0.75, 1.0),
            "penalty": (0.1, 1.0, 10.0),
        }
    )

    rounds: int = 3000
    learning_rate: float = 0.05
    leaves: int | None = None
    min_child: int = 5
    rows: float = 0.5
    columns: float = 1.0
    penalty: float = 1.0
    patience: int = 100

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
        """Boost until the validation loss stops falling."""
        sizes = LEAVES if self.leaves is None else (self.leaves,)
        check_positive(self, "rounds", "learning_rate", "min_child", "patience")
        if min(sizes) < 2:
            raise UsageError(f"leaves is {self.leaves}, but must be at least 2")
        check_share(self, "rows", "columns")
        return fit_targets(
            lambda target: boost("leaves", sizes, partial(self._grow, seed), target, log), train, valid, problem=problem
        )

    def _grow(self, seed: int, leaves: int, rows: Rows) -> Grown:
        import lightgbm

        settings: dict[str, Any] = {
            "objective": "multiclass" if rows.classes else "regression",
            "metric": "multi_logloss" if rows.classes else "rmse",
            "learning_rate": self.learning_rate,
            "num_leaves": leaves,
            "min_data_in_leaf": self.min_child,
            "min_data_in_bin": 1,
            "bagging_fraction": self.rows,
            "bagging_freq": 1,
            "feature_fraction": self.columns,
            "lambda_l2": self.penalty,
            "seed": seed,
            "deterministic": True,
            "force_row_wise": True,
            "num_threads": threads(len(rows.x)),
            "verbosity": -1,
        }
        if rows.classes:
            settings["num_class"] = rows.classes
        given = lightgbm.Dataset(rows.x, rows.y)
        kept = lightgbm.Dataset(rows.valid_x, rows.valid_y, reference=given)
        curves: dict[str, dict[str, list[float]]] = {}
        booster = lightgbm.train(
            settings,
            given,
            self.rounds,
            valid_sets=[given, kept],
            valid_names=["training", "valid"],
            callbacks=[lightgbm.early_stopping(self.patience, verbose=False), lightgbm.record_evaluation(curves)],
        )
        best = booster.best_iteration or booster.current_iteration()
        (loss,), (valid_loss,) = (curves[part].values() for part in ("training", "valid"))
        return Grown(predict=Trees(booster, best), best=best, loss=loss, valid_loss=valid_loss)


@dataclass(frozen=True)
class Trees:
    """A booster of LightGBM."""

    booster: Any
    rounds: int

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Return numbers (sample,) or probabilities (sample, class)."""
        return np.asarray(self.booster.predict(x, num_iteration=self.rounds))
