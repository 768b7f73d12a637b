"""Reading parts of a NetCDF4 file, and writing small ones, straight through h5py.

xarray spends some 40 ms on opening a file; a cell reads and writes a dozen. Only what is asked for is read: samples that are
not named stay on disk.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import h5py
import numpy as np
import xarray as xr

from ..errors import StoreError
from ..paths import ensure_room
from .variable import MEMBER, SAMPLE


def read_samples(path: Path, variables: Iterable[str], samples: Sequence[int] | np.ndarray | None) -> xr.Dataset:
    """Return the given variables of the given samples (None: all), with the coordinates of their dimensions."""
    with h5py.File(path, "r") as file:
        ragged = _text(file.attrs.get("ragged", "")).split()
        counts = {d: file[f"{d}_count"][...] for d in ragged}
        names = [*variables, *(f"{d}_count" for d in ragged)]
        found = {name: _read(file, name, samples, counts) for name in names}
        dims = dict.fromkeys(d for ds, _ in found.values() for d in ds)  # in order: a message may name the first
        coordinates = {d: (d, file[d][...]) for d in dims if d not in (SAMPLE, *ragged) and _is_coordinate(file, d)}
    attributes = {"ragged": " ".join(ragged)} if ragged else {}
    return xr.Dataset(found, coords=coordinates, attrs=attributes)


def read_whole(path: Path) -> xr.Dataset:
    """Return all variables of a file, with its attributes and the coordinates of its dimensions."""
    with h5py.File(path, "r") as file:
        found = {n: _read(file, n, None, {}) for n, stored in file.items() if not stored.is_scale}
        dims = dict.fromkeys(d for ds, _ in found.values() for d in ds)
        coordinates = {d: (d, file[d][...]) for d in dims if _is_coordinate(file, d)}
        attributes = {n: v for n, v in file.attrs.items() if not n.startswith("_")}
    return xr.Dataset(found, coords=coordinates, attrs=attributes)


def write_parts(path: Path, parts: dict[str, xr.Dataset]) -> None:
    """Write several datasets into one HDF5 file, a group each; an attribute `dims` of each array names its dimensions.

    Of coordinates only that of `member` is kept, the levels of quantiles, as an attribute.
    """
    ensure_room(path, sum(data.nbytes for data in parts.values()))
    with h5py.File(path, "w") as file:
        for part, data in parts.items():
            group = file.create_group(part)
            for name, array in data.data_vars.items():
                written = group.create_dataset(str(name), data=np.ascontiguousarray(array.values))
                written.attrs["dims"] = " ".join(map(str, array.dims))
                if MEMBER in array.coords and array.coords[MEMBER].dtype.kind == "f":
                    written.attrs[MEMBER] = array.coords[MEMBER].values


def read_parts(path: Path) -> dict[str, xr.Dataset]:
    """Read what `write_parts` wrote."""
    try:
        with h5py.File(path, "r") as file:
            return {
                part: xr.Dataset({n: _array(stored) for n, stored in group.items()}) for part, group in file.items()
            }
    except (OSError, AttributeError, KeyError, ValueError) as error:
        raise StoreError(f"the predictions in '{path.name}' cannot be read ({error}); run the cell again") from error


def _array(stored: h5py.Dataset) -> xr.DataArray:
    levels = {MEMBER: stored.attrs[MEMBER]} if MEMBER in stored.attrs else None
    return xr.DataArray(stored[...], coords=levels, dims=str(stored.attrs["dims"]).split())


def _read(
    file: h5py.File, name: str, samples: Sequence[int] | np.ndarray | None, counts: dict[str, np.ndarray]
) -> tuple[tuple[str, ...], np.ndarray]:
    stored = file[name]
    dims = tuple(scale[0].name.strip("/") for scale in stored.dims)
    if samples is None or not dims:
        return dims, stored[...]
    if dims[0] == SAMPLE:
        picked = np.empty((len(samples), *stored.shape[1:]), stored.dtype)
        for row, i in enumerate(samples):
            picked[row] = stored[int(i)]
        return dims, picked
    if dims[0] in counts:
        ends = np.cumsum(counts[dims[0]])
        pieces = [stored[ends[i] - counts[dims[0]][i] : ends[i]] for i in samples]
        return dims, np.concatenate(pieces) if pieces else stored[:0]
    return dims, stored[...]


def _is_coordinate(file: h5py.File, dim: str) -> bool:
    """Whether a dimension has values of its own; NetCDF marks one that has none."""
    return dim in file and not _text(file[dim].attrs.get("NAME", "")).startswith("This is a netCDF dimension but not")


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
