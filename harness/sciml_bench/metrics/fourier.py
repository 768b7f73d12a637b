"""Energy of a field over its Fourier modes, ordered by the length of the wavenumber."""

import numpy as np
import scipy
import xarray as xr

from ..errors import ContractError
from ..problem import Variable

GRID = ("x", "y", "z")
"""Dimensions of a uniform grid."""


def on_grid(variable: Variable) -> bool:
    """Whether the variable is a field on a uniform grid."""
    return variable.kind == "field" and bool(variable.space) and set(variable.space) <= set(GRID)


def wavenumber(sizes: tuple[int, ...]) -> np.ndarray:
    """|k| of every mode of a real transform: waves per domain, shape (n₁, …, n_d//2 + 1).

    Integers along each axis, whatever the domain's length: k = 3 is three waves across the domain.
    """
    axes = [np.fft.fftfreq(n) * n for n in sizes[:-1]] + [np.arange(sizes[-1] // 2 + 1)]
    grids = np.meshgrid(*axes, indexing="ij")
    return np.sqrt(np.sum([np.rint(g) ** 2 for g in grids], axis=0))


def energy(field: xr.DataArray | xr.Variable) -> tuple[xr.DataArray, np.ndarray]:
    """E(k) = |f̂(k)|² / N², f̂ the discrete transform over the N grid points; also the |k| of each mode.

    By Parseval the sum over all modes is the mean square of the field over space. The whole spectrum is
    there: the half that a real transform leaves out is the mirror image of the stored one, so the modes that
    have a mirror image count twice. Returns an array with the field's other dimensions and `mode`, and |k|
    along `mode`.
    """
    space = [d for d in GRID if d in field.dims]
    if not space:
        raise ContractError(f"a field with dimensions {field.dims} has no grid dimension {GRID}: it has no spectrum")
    kept = [d for d in field.dims if d not in space]
    values = field.transpose(*kept, *space).values.astype(np.float64, copy=False)
    sizes = values.shape[len(kept) :]
    modes = scipy.fft.rfftn(values, axes=tuple(range(len(kept), values.ndim)), norm="forward")
    square = modes.real**2 + modes.imag**2
    square[..., 1 : (sizes[-1] + 1) // 2] *= 2
    return xr.DataArray(square.reshape(*square.shape[: len(kept)], -1), dims=[*kept, "mode"]), wavenumber(sizes).ravel()
