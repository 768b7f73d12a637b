"""Plain arrays of a problem's variables, put under their names, dimensions, units and coordinates."""

from collections.abc import Iterable, Mapping

import numpy as np
import xarray as xr

from .variable import RAGGED, SAMPLE, Variable

_AXES = {
    "time": ("t", "time"),
    "history": ("t", "time of a given frame"),
    "x": ("x", "first coordinate"),
    "y": ("y", "second coordinate"),
    "z": ("z", "third coordinate"),
}


def labelled(
    variables: Iterable[Variable],
    arrays: Mapping[str, np.ndarray],
    axes: Mapping[str, np.ndarray] | None = None,
    *,
    counts: Mapping[str, np.ndarray] | None = None,
) -> xr.Dataset:
    """Return the arrays, `sample` first, with the dimensions, units and names of their variables.

    `axes` gives the coordinate values of those dimensions that have any, dimensionless. `counts` says of each ragged
    dimension how many entries every sample owns; the arrays of such variables hold the samples one behind the other.
    """
    data = {v.name: (v.stored, arrays[v.name], {"units": v.unit, "long_name": v.description}) for v in variables}
    used = {dim for dims, _, _ in data.values() for dim in dims}
    coordinates = {
        name: (name, values, {"units": "1", "long_name": _AXES[name][1], "symbol": _AXES[name][0]})
        for name, values in (axes or {}).items()
        if name in used
    }
    ragged = [d for d in RAGGED if counts and d in counts]
    for dim in ragged:
        data[f"{dim}_count"] = (
            (SAMPLE,),
            np.asarray((counts or {})[dim], np.int64),
            {"long_name": f"{dim}s of a sample"},
        )
    return xr.Dataset(data, coords=coordinates, attrs={"ragged": " ".join(ragged)} if ragged else {})
