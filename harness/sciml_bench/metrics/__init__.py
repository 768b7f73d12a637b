"""How predictions are scored: accuracy, physics, uncertainty, and what is drawn beside them."""

from . import atomistic, labels, physics, uncertainty
from .base import Metric, evaluate
from .catalogue import ACCURACY, BY_KIND, bounds, finish, of_accuracy, primary
from .diagnostics import error_over_time, spectrum
from .uncertainty import Conformal, calibrate, mean_prediction

__all__ = [
    "ACCURACY",
    "BY_KIND",
    "Conformal",
    "Metric",
    "atomistic",
    "bounds",
    "calibrate",
    "error_over_time",
    "evaluate",
    "finish",
    "labels",
    "mean_prediction",
    "of_accuracy",
    "physics",
    "primary",
    "spectrum",
    "uncertainty",
]
