"""How predictions are scored: accuracy, physics, uncertainty, and what is drawn beside them."""

from . import physics, uncertainty
from .accuracy import ACCURACY, PRIMARY
from .base import Metric, evaluate
from .diagnostics import error_over_time, spectrum
from .uncertainty import Conformal, calibrate, mean_prediction

__all__ = [
    "ACCURACY",
    "PRIMARY",
    "Conformal",
    "Metric",
    "calibrate",
    "error_over_time",
    "evaluate",
    "mean_prediction",
    "physics",
    "spectrum",
    "uncertainty",
]
