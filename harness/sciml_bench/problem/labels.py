"""Plain arrays of a problem's variables, put under their names, dimensions, units and coordinates."""

from collections.abc import Iterable, Mapping

import numpy as np
import xarray as xr

from .variable import SAMPLE, Variable

_AXES = {
    "time": ("t", "time"),
    "history": ("t", "time of a given frame"),
    "x": ("x", "first coordinate"),
    "y": ("y", "second coordinate"),
}


def labelled(
    variables: Iterable[Variable], arrays: Mapping[str, np.ndarray], axes: Mapping[str, np.ndarray]
) -> xr.Dataset:
    """Return the arrays, `sample` first, with the dimensions, units and names of their variables.

    `axes` gives the coordinate values of each dimension but `sample`, dimensionless.
    """
    data = {
        v.name: ((SAMPLE, *v.dims), arrays[v.name], {"units": v.unit, "long_name": v.description}) for v in variables
    }
    used = {dim for dims, _, _ in data.values() for dim in dims}
    coordinates = {
        name: (name, values, {"units": "1", "long_name": _AXES[name][1], "symbol": _AXES[name][0]})
        for name, values in axes.items()
        if name in used
    }
    return xr.Dataset(data, coords=coordinates)
