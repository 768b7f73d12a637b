"""All accuracy metrics, and which one is the headline of a problem."""

from ..problem import Problem
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
