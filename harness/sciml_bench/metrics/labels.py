"""How well a class is predicted.

A prediction gives each sample i a probability p_i(c) for every class c, arrays (sample, class); ŷ_i is the most probable
one (the first of equals) and y_i the true class number. C classes, n samples.
"""

import numpy as np
import xarray as xr

from ..problem import SAMPLE, Source, Variable
from .base import Metric
from .scalars import SKLEARN

SMALLEST = float(np.finfo(np.float64).eps)
"""A probability under this counts as this in `log_loss`, as a certain mistake would cost infinitely much."""
BINS = 10
"""Bins of confidence in `reliability`."""

BRIER = Source(
    citation="Brier, Verification of forecasts expressed in terms of probability, Mon. Weather Rev. 78 (1950)",
    doi="10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2",
)


def error_rate(prediction: xr.DataArray, truth: xr.DataArray) -> xr.DataArray:
    """[ŷ_i ≠ y_i]: 1 for a mistake, 0 for a hit; the mean over samples is the share of mistakes."""
    return _array(_chosen(prediction) != truth.values)


def accuracy(prediction: xr.DataArray, truth: xr.DataArray) -> xr.DataArray:
    """[ŷ_i = y_i]: the mean over samples is the share of hits."""
    return _array(_chosen(prediction) == truth.values)


def f1_macro(prediction: xr.DataArray, truth: xr.DataArray) -> xr.DataArray:
    """Sample i's share of (1/C) Σ_c 2·TP_c / (true_c + predicted_c), times n, so that its mean over samples is the score.

    TP_c counts the hits of class c, true_c and predicted_c the samples that are and are taken to be of class c, over the
    whole test part. C counts the classes that occur in either, as in scikit-learn.
    """
    chosen, actual = _chosen(prediction), truth.values
    classes = prediction.sizes["class"]
    total = np.bincount(actual, minlength=classes) + np.bincount(chosen, minlength=classes)
    weight = 2.0 * len(actual) / (np.maximum(total, 1) * (total > 0).sum())
    return _array(np.where(chosen == actual, weight[actual], 0.0))


def log_loss(prediction: xr.DataArray, truth: xr.DataArray) -> xr.DataArray:
    """−log p_i(y_i), in nats; a probability under 2.2·10⁻¹⁶ counts as that."""
    own = np.take_along_axis(prediction.values, truth.values[:, None], axis=1)[:, 0]
    return _array(-np.log(np.maximum(own, SMALLEST)))


def brier(prediction: xr.DataArray, truth: xr.DataArray) -> xr.DataArray:
    """Σ_c (p_i(c) − [c = y_i])²: 0 for a certain hit, 2 for a certain mistake."""
    hits = np.eye(prediction.sizes["class"])[truth.values]
    return _array(((prediction.values - hits) ** 2).sum(axis=1))


def confusion(prediction: xr.DataArray, truth: xr.DataArray, classes: int) -> list[list[int]]:
    """Return how many samples of each true class (rows) were taken for each class (columns)."""
    matrix = np.zeros((classes, classes), np.int64)
    np.add.at(matrix, (truth.values, _chosen(prediction)), 1)
    return [[int(n) for n in row] for row in matrix]


def reliability(prediction: xr.DataArray, truth: xr.DataArray) -> tuple[float, dict[str, list[float]]]:
    """Return Σ_b (n_b/n) |accuracy_b − confidence_b| and the diagram: mean confidence and accuracy of each bin.

    The confidence of a sample is max_c p_i(c); the bins b are ten equal parts of [0, 1], empty ones are left out.
    Source: Guo et al. 2017, arXiv:1706.04599, eq. (3).
    """
    confidence = prediction.transpose(SAMPLE, "class").values.max(axis=1)
    hit = _chosen(prediction) == truth.values
    bins = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
    used = np.unique(bins)
    levels = [float(confidence[bins == b].mean()) for b in used]
    found = [float(hit[bins == b].mean()) for b in used]
    share = [float((bins == b).mean()) for b in used]
    error = sum(s * abs(f - c) for s, f, c in zip(share, found, levels, strict=True))
    return error, {"levels": levels, "coverage": found}


def _chosen(prediction: xr.DataArray) -> np.ndarray:
    return np.asarray(prediction.transpose(SAMPLE, "class").values.argmax(axis=1))


def _array(values: np.ndarray) -> xr.DataArray:
    return xr.DataArray(np.asarray(values, np.float64), dims=[SAMPLE])


def _label(variable: Variable) -> bool:
    return variable.kind == "label"


LABELS = (
    Metric(
        name="error_rate",
        statistic=error_rate,
        applies=_label,
        formula="share of the test samples whose most probable class is wrong",
        unit="1",
        better="lower",
        source=SKLEARN,
    ),
    Metric(
        name="accuracy",
        statistic=accuracy,
        applies=_label,
        formula="share of the test samples whose most probable class is right",
        unit="1",
        better="higher",
        source=SKLEARN,
    ),
    Metric(
        name="f1_macro",
        statistic=f1_macro,
        applies=_label,
        formula="mean over classes of 2·TP / (true + predicted)",
        unit="1",
        better="higher",
        source=SKLEARN,
    ),
    Metric(
        name="log_loss",
        statistic=log_loss,
        applies=_label,
        formula="⟨−log p(y)⟩ over the test samples, in nats",
        unit="1",
        better="lower",
        source=SKLEARN,
    ),
    Metric(
        name="brier",
        statistic=brier,
        applies=_label,
        formula="⟨Σ_c (p(c) − [c=y])²⟩ over the test samples",
        unit="1",
        better="lower",
        source=BRIER,
    ),
)
"""The metrics of a label, `error_rate` first."""
