"""All accuracy metrics, and which one is the headline of a problem."""

from collections.abc import Callable

from ..problem import Problem
from .base import identity
from .fields import FIELDS
from .labels import LABELS
from .scalars import SCALARS

BY_KIND = {"fields": FIELDS, "scalars": SCALARS, "labels": LABELS}
ACCURACY = tuple(metric for metrics in BY_KIND.values() for metric in metrics)
"""Each applies to targets of its own kind; two of one name are the same thing for two kinds."""


def primary(problem: Problem) -> str:
    """Return the headline metric of a problem, lower is better: its own choice, else that of the kind of its targets.

    `rel_l2` for fields, `nrmse_std` for scalars, `error_rate` for labels; of mixed targets that of the fields.
    """
    kinds = {v.kind for v in problem.targets}
    if problem.primary:
        return problem.primary
    if "field" in kinds:
        return "rel_l2"
    return "nrmse_std" if "scalar" in kinds else "error_rate"


def finish(headline: str) -> Callable[[float], float]:
    """Return what makes a score of the mean statistic: a root for `nrmse_std`, say; of an unknown metric, nothing.

    `headline` may name one target behind a slash. Of a single sample's statistic it gives that sample's error.
    """
    name = headline.partition("/")[0]
    return next((m.finish for m in ACCURACY if m.name == name), identity)
