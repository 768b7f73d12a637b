"""What fields u(x) on a periodic line of equally spaced points share: means, and the moves that equations may not notice."""

import numpy as np
import xarray as xr


def mean(u: xr.DataArray) -> xr.DataArray:
    """Return the mean of u over the circle, which is ∫u where its length is one."""
    return u.mean("x")


def mean_square(u: xr.DataArray) -> xr.DataArray:
    """Return the mean of u² over the circle."""
    return (u**2).mean("x")


def root_mean_square(u: xr.DataArray) -> xr.DataArray:
    """Return the root of the mean of u² over the circle, one number a sample for a start u(x)."""
    return mean_square(u) ** 0.5


def translate(data: xr.Dataset) -> xr.Dataset:
    """Move every field by a quarter of the circle, whole grid points."""
    return data.roll(x=data.sizes["x"] // 4, roll_coords=False)


def negate(data: xr.Dataset) -> xr.Dataset:
    """Return −u(x) for every field u(x)."""
    return -data


def reflect(data: xr.Dataset) -> xr.Dataset:
    """Return u(−x) for every field u(x); the point 0 stays where it is."""
    return data.map(lambda u: u.copy(data=np.roll(u.values[..., ::-1], 1, axis=-1)))
