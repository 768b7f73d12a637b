"""Boosted trees, from XGBoost."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
import xarray as xr

from sciml_bench.method import Budget, Log, Method, Predictor
from sciml_bench.method.boosting import Grown, Rows, boost
from sciml_bench.method.tabular import check_positive, check_share, fit_targets, threads, why_not_a_table
from sciml_bench.problem import MethodCard, Problem, Source

DEPTHS = (2, 4, 6)
"""Depths that are tried."""


@dataclass(frozen=True, kw_only=True)
class XGBoost(Method):
    """û(x) = Σ_t η f_t(x): each tree f_t is a Newton step of the loss, with ½λ Σ_leaf w² to hold its leaves small.

    The loss is the square error, of classes the log loss. A tree has at most `depth` levels (2, 4 or 6, what is best on the
    validation part, if None) and at least `min_child` (sum of second derivatives, for numbers the count of samples) in a
    leaf; it sees the fractions `rows` of the samples and `columns` of the columns. η is `learning_rate`, λ `penalty`.
    Boosting ends after `patience` rounds without a better validation loss, at the latest after `rounds`; the best round
    counts. It works in single precision.

    Works well: a learning rate of 0.02 to 0.1, depth 3 to 8.

    Source: Chen & Guestrin 2016, doi:10.1145/2939672.2939785, equations 2 to 6.
    """

    card: ClassVar[MethodCard] = MethodCard(
        title="XGBoost",
        family="tree",
        framework="sklearn",
        summary="boosted trees by Newton steps, grown level by level",
        description="The library that wins most contests on tables. Each predicted number has its own trees; their "
        "number is chosen on the validation part.",
        sources=(
            Source(
                citation="T. Chen and C. Guestrin, XGBoost: a scalable tree boosting system, KDD 2016",
                doi="10.1145/2939672.2939785",
            ),
        ),
        needs=("xgboost",),
    )
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
        {"smoke": {"rounds": 100, "learning_rate": 0.1}, "small": {}, "full": {"rounds": 10_000}}
    )
    search: ClassVar[Mapping[str, tuple[Any, ...]]] = MappingProxyType(
        {
            "learning_rate": (0.03, 0.05, 0.1, 0.2),
            "min_child": (1.0, 3.0, 10.0),
            "rows": (0.5, 0.75, 1.0),
            "penalty": (0.1, 1.0, 10.0),
        }
    )

    rounds: int = 3000
    learning_rate: float = 0.05
    depth: int | None = None
    min_child: float = 1.0
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
        device: str,
        log: Log,
    ) -> Predictor:
        """Boost until the validation loss stops falling."""
        depths = DEPTHS if self.depth is None else (self.depth,)
        check_positive(self, "rounds", "learning_rate", "patience", *(() if self.depth is None else ("depth",)))
        check_share(self, "rows", "columns")
        return fit_targets(
            lambda target: boost("depth", depths, partial(self._grow, seed, device), target, log),
            train,
            valid,
            problem=problem,
        )

    def _grow(self, seed: int, device: str, depth: int, rows: Rows) -> Grown:
        import xgboost

        settings: dict[str, Any] = {
            "objective": "multi:softprob" if rows.classes else "reg:squarederror",
            "eta": self.learning_rate,
            "max_depth": depth,
            "min_child_weight": self.min_child,
            "subsample": self.rows,
            "colsample_bytree": self.columns,
            "lambda": self.penalty,
            "seed": seed,
            "device": device,
            "nthread": threads(len(rows.x)),
            "verbosity": 0,
        }
        if rows.classes:
            settings["num_class"] = rows.classes
        given, kept = xgboost.DMatrix(rows.x, rows.y), xgboost.DMatrix(rows.valid_x, rows.valid_y)
        curves: dict[str, dict[str, list[float]]] = {}
        booster = xgboost.train(
            settings,
            given,
            self.rounds,
            evals=[(given, "train"), (kept, "valid")],
            early_stopping_rounds=self.patience,
            evals_result=curves,
            verbose_eval=False,
        )
        best = booster.best_iteration + 1
        (loss,), (valid_loss,) = (curves[part].values() for part in ("train", "valid"))
        return Grown(predict=Trees(booster[:best]), best=best, loss=loss, valid_loss=valid_loss)


@dataclass(frozen=True)
class Trees:
    """A booster of XGBoost."""

    booster: Any

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Return numbers (sample,) or probabilities (sample, class)."""
        import xgboost

        return np.asarray(self.booster.predict(xgboost.DMatrix(x)))
