"""What is drawn beside the scores: the error along a rollout and the energy spectrum."""

import numpy as np
import xarray as xr

from ..errors import ContractError
from ..problem import SAMPLE, TIME
from .accuracy import nrmse_at_times
from .fourier import energy


def error_over_time(prediction: xr.DataArray, truth: xr.DataArray) -> list[float]:
    """⟨‖p(t) − u(t)‖₂ / ‖u(t)‖₂⟩ over samples, for each output time; norms over space.

    First the ratio, then the mean over samples; the mean of these numbers is the score `nrmse_per_time`.
    Unit: 1.
    Raises ContractError if the target has no time, and UndefinedScoreError if its truth is zero at some time.
    """
    if TIME not in truth.dims:
        raise ContractError(f"a target with dimensions {truth.dims} has no 'time' along which its error could grow")
    each = nrmse_at_times(prediction, truth).transpose(SAMPLE, TIME)
    return [float(value) for value in each.values.mean(axis=0)]


def spectrum(field: xr.DataArray) -> np.ndarray:
    """E_j = Σ_{j ≤ |k| < j+1} |f̂(k)|² / N², mean over samples, at the last output time.

    f̂ is the discrete Fourier transform over the N points of a uniform grid, k counts waves across the
    domain, and the sum runs over the whole spectrum. Then comes the mean over samples (and channels). The
    entries, j = 0, 1, …, add up to the mean square of the field. Unit: the field's, squared.
    """
    last = field.isel({TIME: -1}) if TIME in field.dims else field
    modes, k = energy(last)
    mean = modes.mean([d for d in modes.dims if d != "mode"], skipna=False)
    return np.bincount(np.floor(k).astype(np.int64), weights=mean.values)
