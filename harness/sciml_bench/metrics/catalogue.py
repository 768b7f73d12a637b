"""All accuracy metrics, and which one is the headline of a problem."""

import math
from collections.abc import Callable

import numpy as np
import xarray as xr

from ..errors import ContractError, UndefinedScoreError
from ..problem import Problem
from .base import evaluate, identity
from .fields import FIELDS
from .labels import LABELS
from .scalars import SCALARS

BY_KIND = {"fields": FIELDS, "scalars": SCALARS, "labels": LABELS}
ACCURACY = tuple(metric for metrics in BY_KIND.values() for metric in metrics)
"""Each applies to targets of its own kind; two of one name are the same thing for two kinds."""


def of_accuracy(
    prediction: xr.Dataset, truth: xr.Dataset, problem: Problem
) -> tuple[dict[str, float], dict[str, np.ndarray], dict[str, str]]:
    """Return all scores of accuracy, the statistics of every sample, and why the metrics are left out that the truth leaves so.

    Raises UndefinedScoreError if the headline is one of those, else as `evaluate`.
    """
    undefined: dict[str, str] = {}
    scores, samples = evaluate(ACCURACY, prediction, truth, problem.targets, undefined)
    headline = primary(problem)
    if headline not in samples:
        name = headline.partition("/")[0]
        raise UndefinedScoreError(
            undefined.get(name, f"the headline of '{problem.name}' is {headline}, which has no value here")
        )
    return scores, samples, undefined


def primary(problem: Problem) -> str:
    """Return the headline metric of a problem, lower is better: its own choice, else that of the kind of its targets.

    `rel_l2` for fields, `nrmse_std` for scalars, `error_rate` for labels; of mixed targets that of the fields.

    Raises ContractError for a choice that means for these targets another thing than its name alone tells: `rmse` of scalars is a
    root, of fields none.
    """
    kinds = {v.kind for v in problem.targets}
    if problem.primary:
        name = problem.primary.partition("/")[0]
        meant = {m.finish for kind in kinds for m in BY_KIND[f"{kind}s"] if m.name == name}
        if meant - {finish(name)}:
            raise ContractError(
                f"the headline of '{problem.name}' is {problem.primary}, which is not told by its name for targets like these; "
                "choose another, such as nrmse_std"
            )
        return problem.primary
    if "field" in kinds:
        return "rel_l2"
    return "nrmse_std" if "scalar" in kinds else "error_rate"


_ANYTHING, _SIGNED, _SHARE = (-math.inf, math.inf), (-1.0, 1.0), (0.0, 1.0)
_BOUNDS = {
    "nll": _ANYTHING,
    "r2": (-math.inf, 1.0),
    "spread_error_correlation": _SIGNED,
    "force_cosine": _SIGNED,
    **dict.fromkeys(
        ("valid_time", "coverage_50", "coverage_90", "calibration_error", "error_rate", "accuracy", "f1_macro"), _SHARE
    ),
}


def bounds(score: str) -> tuple[float, float]:
    """Return between what values a score is by its definition; an error is not negative, and has no other end."""
    metric = score.rpartition(":")[2].partition("/")
    return _BOUNDS.get(metric[2] if ":" in score else metric[0], (0.0, math.inf))


def finish(headline: str) -> Callable[[float], float]:
    """Return what makes a score of the mean statistic: a root for `nrmse_std`, say; of an unknown metric, nothing.

    `headline` may name one target behind a slash. Of a single sample's statistic it gives that sample's error.
    """
    name = headline.partition("/")[0]
    return next((m.finish for m in ACCURACY if m.name == name), identity)
