"""How far a predicted field is from the truth: one statistic for each sample.

Throughout, p is the prediction, u the truth, N the number of grid points, T the number of output times; norms
and means run over every dimension that is named, and over `channel` wherever they run over space. Shapes are
(sample, time, space …) with or without `time`. All arithmetic is in double precision, and no value is
skipped.
"""

import numpy as np
import xarray as xr

from ..errors import ContractError, UndefinedScoreError
from ..problem import SAMPLE, SPACE, TIME
from .fourier import GRID, energy
from .sharing import shared

VRMSE_FLOOR = 1e-7
"""Added to the variance in `vrmse` by its definition in The Well; in the square of the target's unit."""

VALID_CORRELATION = 0.8
"""A rollout counts as valid until its correlation with the truth first falls under this."""


def rel_l2(prediction: xr.DataArray, truth: xr.DataArray) -> xr.DataArray:
    """‖p − u‖₂ / ‖u‖₂, norms over space and time together.

    One ratio for each sample, then the mean over samples. On a uniform grid it converges to the ratio of the
    L² norms over the domain and the time interval. Zero for an exact prediction, 1 for a prediction of zero.
    Unit: 1.
    Raises UndefinedScoreError if the truth of a sample is zero everywhere.
    Source: Li et al. 2021, arXiv:2010.08895.
    """
    error, scale = _norms(prediction, truth)
    return xr.DataArray(error / _nonzero(scale, "rel_l2"))


def rel_l2_final(prediction: xr.DataArray, truth: xr.DataArray) -> xr.DataArray:
    """‖p(T) − u(T)‖₂ / ‖u(T)‖₂, norms over space at the last output time T alone.

    One ratio for each sample, then the mean over samples. Converges to the ratio of the L² norms over the
    domain at the last time; it stands beside errors published for a map from the initial state to u(T). Unit:
    1.
    Raises UndefinedScoreError if the truth of a sample is zero at the last time.
    Source: Li et al. 2021, arXiv:2010.08895 (Burgers, u₀ ↦ u(1)).
    """
    error, scale = _norms(prediction.isel({TIME: -1}), truth.isel({TIME: -1}))
    return xr.DataArray(error / _nonzero(scale, "rel_l2_final"))


def nrmse_per_time(prediction: xr.DataArray, truth: xr.DataArray) -> xr.DataArray:
    """(1/T) Σₜ ‖p(t) − u(t)‖₂ / ‖u(t)‖₂, norms over space.

    First the ratio at each time, then the mean over times, then over samples: a time at which the truth is
    small weighs as much as any other. Converges to the time average of the ratio of L² norms over the domain.
    Unit: 1.
    Raises UndefinedScoreError if the truth of a sample is zero at some time.
    Source: Takamoto et al. 2022, doi:10.48550/arXiv.2210.07182 (nRMSE).
    """
    return xr.DataArray(_mean(_ratios(prediction, truth)))


def gmean_nrmse(prediction: xr.DataArray, truth: xr.DataArray) -> xr.DataArray:
    """exp((1/T) Σₜ log(‖p(t) − u(t)‖₂ / ‖u(t)‖₂)), norms over space.

    First the ratio at each time, then the geometric mean over times, then the arithmetic mean over samples:
    errors that grow exponentially along a rollout do not drown its beginning. Converges to the exponential of
    the time average of the logarithm. Zero as soon as one time is predicted exactly. Unit: 1.
    Raises UndefinedScoreError if the truth of a sample is zero at some time.
    Source: Koehler et al. 2024, arXiv:2411.00180.
    """
    with np.errstate(divide="ignore"):  # log 0 = −∞ is meant: the geometric mean of a set with a zero is zero
        logarithm = _each(np.log, _ratios(prediction, truth))
    return xr.DataArray(_each(np.exp, _mean(logarithm)))


def vrmse(prediction: xr.DataArray, truth: xr.DataArray) -> xr.DataArray:
    """(1/T) Σₜ √(⟨(p − u)²⟩ₓ / (⟨(u − ⟨u⟩ₓ)²⟩ₓ + 10⁻⁷)), averages ⟨·⟩ₓ over space.

    First the root at each time (and channel), then the mean over those, then over samples. Predicting the
    truth's own mean over space gives 1. Converges to the time average of the root of error energy over the
    variance on the domain. The 10⁻⁷ is part of the published definition and keeps a constant truth from
    dividing by zero; where the variance is not large beside it (in the target's unit squared) the value
    depends on the unit. Unit: 1.
    Source: Ohana et al. 2024, arXiv:2412.00568 (VRMSE).
    """
    space = [d for d in SPACE if d in truth.dims]
    error = _difference(prediction, truth)
    variance = _plain(truth).var(space, skipna=False)
    ratio = (error * error).mean(space, skipna=False) / (variance + VRMSE_FLOOR)
    return xr.DataArray(_mean(_root(ratio)))


def rmse(prediction: xr.DataArray, truth: xr.DataArray) -> xr.DataArray:
    """√⟨(p − u)²⟩, average over space and time together.

    The root is taken for each sample, then the mean over samples. Converges to the L² norm of the error over
    domain and time interval, divided by the root of their measure. Unit: the target's.
    Source: Takamoto et al. 2022, doi:10.48550/arXiv.2210.07182.
    """
    error, _ = _squares(prediction, truth)
    total = error.sum(_but(error, SAMPLE), skipna=False)
    return xr.DataArray(_root(total / (truth.size / truth.sizes[SAMPLE])))


def mae(prediction: xr.DataArray, truth: xr.DataArray) -> xr.DataArray:
    """⟨|p − u|⟩, average over space and time together, then the mean over samples.

    Converges to the L¹ norm of the error over domain and time interval, divided by their measure. Unit: the
    target's.
    Source: Ohana et al. 2024, arXiv:2412.00568.
    """
    return xr.DataArray(_mean(abs(_difference(prediction, truth))))


def max_error(prediction: xr.DataArray, truth: xr.DataArray) -> xr.DataArray:
    """‖p − u‖_∞ = max |p − u| over space and time together, then the mean over samples.

    Converges to the L^∞ norm of the error over domain and time interval if the error is continuous. Unit: the
    target's.
    Source: Takamoto et al. 2022, doi:10.48550/arXiv.2210.07182.
    """
    error = abs(_difference(prediction, truth))
    return xr.DataArray(error.max(_but(error, SAMPLE), skipna=False))


def frmse(prediction: xr.DataArray, truth: xr.DataArray, *, low: float, high: float = np.inf) -> xr.DataArray | None:
    """(1/T) Σₜ √(Σ_{low ≤ |k| < high} |ê(k, t)|² / N²), ê the discrete Fourier transform of p − u over space.

    First the root at each time, then the mean over times, then over samples; without `time`, the root alone.
    The sum runs over the whole spectrum, every sign of every component of k, and k counts waves across the
    domain. So by Parseval the squares of the three shells add up to the mean square error over space of that
    time (for a steady target: to rmse²). Converges to the norm of the part of the error in that band, as
    `rmse` does. On a field that is not periodic the jump between opposite edges puts energy at high |k|.
    Unit: the target's.
    Returns None if the grid has no wavenumber in the shell.
    Source: after Takamoto et al. 2022, doi:10.48550/arXiv.2210.07182 (fRMSE), with shells over the whole
    spectrum.
    """
    modes, k = _error_energy(prediction, truth)
    shell = (k >= low) & (k < high)
    if not shell.any():
        return None
    inside = (modes * xr.Variable(["mode"], shell)).sum("mode", skipna=False)
    if "channel" in inside.dims:
        inside = inside.mean("channel", skipna=False)
    return xr.DataArray(_mean(_root(inside)))


@shared
def _error_energy(prediction: xr.DataArray, truth: xr.DataArray) -> tuple[xr.Variable, np.ndarray]:
    """The energy of the error over its modes."""
    modes, k = energy(_difference(prediction, truth))
    return modes.variable, k


def brmse(prediction: xr.DataArray, truth: xr.DataArray) -> xr.DataArray:
    """√⟨(p − u)²⟩, average over the edge points of the grid and over time together.

    The root is taken for each sample, then the mean over samples. A point is on the edge if it is first or
    last along any space dimension; a corner counts once. Converges to the L² norm of the error on the
    domain's boundary, divided by the root of its measure. Means nothing for a periodic field, which has no
    edge. Unit: the target's.
    Source: Takamoto et al. 2022, doi:10.48550/arXiv.2210.07182 (bRMSE).
    """
    square = _difference(prediction, truth) ** 2
    mask = edge(square).variable
    total = (square * mask).sum(_but(square, SAMPLE), skipna=False)
    share = int(mask.sum()) / mask.size
    return xr.DataArray(_root(total / (share * square.size / square.sizes[SAMPLE])))


def valid_time(prediction: xr.DataArray, truth: xr.DataArray) -> xr.DataArray:
    """(number of output times before the first with ρ(t) < 0.8) / T, ρ the correlation of p and u over space.

    One share for each sample, then the mean over samples: 1 if the correlation never falls under 0.8, 0 if it
    is under at the first output time. Converges, with the output interval, to the share of the horizon before
    the crossing. A prediction that is constant in space has no pattern to correlate: its ρ is 0. Unit: 1.
    Raises UndefinedScoreError if the truth is constant in space at some time: then no correlation exists.
    Source: correlation time, see Koehler et al. 2024, arXiv:2411.00180.
    """
    rho = _correlation(prediction, truth).transpose(SAMPLE, TIME)
    valid = np.logical_and.accumulate(rho.values >= VALID_CORRELATION, axis=1)
    return xr.DataArray(valid.mean(axis=1), dims=[SAMPLE])


def nrmse_at_times(prediction: xr.DataArray, truth: xr.DataArray) -> xr.DataArray:
    """‖p(t) − u(t)‖₂ / ‖u(t)‖₂, norms over space: one ratio for each sample and output time.

    Raises UndefinedScoreError if the truth of a sample is zero at some time.
    """
    return xr.DataArray(_ratios(prediction, truth))


@shared
def _ratios(prediction: xr.DataArray, truth: xr.DataArray) -> xr.Variable:
    """What `nrmse_at_times` returns."""
    error, scale = _norms(prediction, truth, TIME)
    return error / _nonzero(scale, "the error relative to the truth at each time")


def edge(field: xr.DataArray | xr.Variable) -> xr.DataArray:
    """Whether a grid point is first or last along any space dimension; dimensions: those of space."""
    space = [d for d in GRID if d in field.dims]
    if not space:
        raise ContractError(f"a field with dimensions {field.dims} has no grid dimension {GRID}: it has no edge")
    inner = np.zeros([field.sizes[d] for d in space], dtype=bool)
    inner[(slice(1, -1),) * len(space)] = True
    return xr.DataArray(~inner, dims=space)


def _but(array: xr.Variable, *kept: str) -> list[str]:
    """Return the dimensions of `array` other than those kept."""
    return [str(d) for d in array.dims if d not in kept]


def _mean(array: xr.Variable) -> xr.Variable:
    """Return the mean over everything but samples."""
    return array.mean(_but(array, SAMPLE), skipna=False)


def _root(array: xr.Variable) -> xr.Variable:
    """Return the square root of each value."""
    return _each(np.sqrt, array)


def _each(function: np.ufunc, array: xr.Variable) -> xr.Variable:
    """Return a function of each value."""
    return xr.Variable(array.dims, function(array.values))


@shared
def _difference(prediction: xr.DataArray, truth: xr.DataArray) -> xr.Variable:
    """(p − u) point by point."""
    return _plain(prediction.transpose(*truth.dims)) - _plain(truth)


def _plain(array: xr.DataArray) -> xr.Variable:
    """Return the array in float64 without coordinates: xarray drops points where they differ, and compares them each time."""
    return xr.Variable(array.dims, array.values.astype(np.float64, copy=False))


def _norms(prediction: xr.DataArray, truth: xr.DataArray, *kept: str) -> tuple[xr.Variable, xr.Variable]:
    """‖p − u‖₂ and ‖u‖₂ over everything but samples and the dimensions kept."""
    error, size = _squares(prediction, truth)
    dims = _but(error, SAMPLE, *kept)
    return _root(error.sum(dims, skipna=False)), _root(size.sum(dims, skipna=False))


@shared
def _squares(prediction: xr.DataArray, truth: xr.DataArray) -> tuple[xr.Variable, xr.Variable]:
    """Σ (p − u)² and Σ u² over everything but samples and times."""
    error, u = _difference(prediction, truth), _plain(truth)
    dims = _but(u, SAMPLE, TIME)
    return (error * error).sum(dims, skipna=False), (u * u).sum(dims, skipna=False)


def _nonzero(scale: xr.Variable, metric: str) -> xr.Variable:
    """Return the truth's norm if none is zero."""
    zeros = int((scale.values == 0).sum())
    if zeros:
        raise UndefinedScoreError(
            f"{metric} divides by the norm of the truth, which is zero for {zeros} of {scale.size} "
            "samples and times: leave those out of the dataset or let its headline be rmse"
        )
    return scale


def _correlation(prediction: xr.DataArray, truth: xr.DataArray) -> xr.Variable:
    """ρ(t) of p(t) and u(t) over everything but samples and times; 0 for a constant prediction."""
    p, u = _plain(prediction.transpose(*truth.dims)), _plain(truth)
    space = _but(u, SAMPLE, TIME)
    constant = u.max(space, skipna=False) == u.min(space, skipna=False)
    if constant.any():
        raise UndefinedScoreError(
            "valid_time correlates with the truth over space, and the truth is constant in space at "
            f"{int(constant.sum())} of {constant.size} samples and times: leave those out of the dataset"
        )
    u, p = u - u.mean(space, skipna=False), p - p.mean(space, skipna=False)
    product = (p * u).sum(space, skipna=False)
    scale = _root((p * p).sum(space, skipna=False) * (u * u).sum(space, skipna=False))
    rho = np.divide(product.values, scale.values, out=np.zeros(product.shape), where=scale.values > 0)
    return product.copy(data=rho)
