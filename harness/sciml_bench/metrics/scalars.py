"""How far predicted numbers are from the true ones, where a sample has a single number: table regression.

p is the prediction, u the truth, n the number of test samples, ⟨·⟩ the mean over them and Var u = ⟨(u − ⟨u⟩)²⟩ the
variance of the true numbers of the test part. Arrays have the dimension `sample` alone.
"""

import math

import numpy as np
import xarray as xr

from ..errors import UndefinedScoreError
from ..problem import SAMPLE, Source, Variable
from .base import Metric

SKLEARN = Source(
    citation="Pedregosa et al., Scikit-learn: machine learning in Python, JMLR 12 (2011)",
    doi="10.48550/arXiv.1201.0490",
)


def square_error(prediction: xr.DataArray, truth: xr.DataArray) -> xr.DataArray:
    """(p − u)² of each sample. The score is the root of its mean over samples, in the target's unit."""
    return _array((prediction.values - truth.values) ** 2)


def relative_square_error(prediction: xr.DataArray, truth: xr.DataArray) -> xr.DataArray:
    """(p − u)² / Var u of each sample; its mean over samples is 1 − R².

    Raises UndefinedScoreError if the true numbers are all equal.
    """
    variance = float(np.var(truth.values))
    if variance == 0:
        raise UndefinedScoreError(
            f"the true values of the {truth.size} test samples are all equal: an error relative to their spread does "
            "not exist; let the headline be mae, or use fewer folds"
        )
    return _array((prediction.values - truth.values) ** 2 / variance)


def absolute_error(prediction: xr.DataArray, truth: xr.DataArray) -> xr.DataArray:
    """|p − u| of each sample, in the target's unit."""
    return _array(np.abs(prediction.values - truth.values))


def _array(values: np.ndarray) -> xr.DataArray:
    return xr.DataArray(values, dims=[SAMPLE])


def _scalar(variable: Variable) -> bool:
    return variable.kind == "scalar"


SCALARS = (
    Metric(
        name="nrmse_std",
        statistic=relative_square_error,
        finish=math.sqrt,
        applies=_scalar,
        formula="√(⟨(p−u)²⟩ / Var u) over the test samples",
        unit="1",
        better="lower",
        source=SKLEARN,
    ),
    Metric(
        name="r2",
        statistic=relative_square_error,
        finish=lambda mean: 1.0 - mean,
        applies=_scalar,
        formula="1 − ⟨(p−u)²⟩ / Var u over the test samples",
        unit="1",
        better="higher",
        source=SKLEARN,
    ),
    Metric(
        name="rmse",
        statistic=square_error,
        finish=math.sqrt,
        applies=_scalar,
        formula="√⟨(p−u)²⟩ over the test samples",
        unit="target",
        better="lower",
        source=SKLEARN,
    ),
    Metric(
        name="mae",
        statistic=absolute_error,
        applies=_scalar,
        formula="⟨|p−u|⟩ over the test samples",
        unit="target",
        better="lower",
        source=SKLEARN,
    ),
)
"""The metrics of a scalar, `nrmse_std` first."""
