"""Taking a subset of samples: the contract's own operation, the same for grids and for ragged graphs.

Samples of one size carry a `sample` dimension. Samples of varying size are stored flat along a ragged dimension
(`node`, `edge`), never padded; `<dim>_count` along `sample` says how many entries each one owns, in order, and the
dataset's attribute `ragged` lists those dimensions. Indices inside a sample (an edge's end points) are local to it, so
that taking a subset renumbers nothing.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import xarray as xr

from ..errors import ContractError
from .variable import SAMPLE


def count(data: xr.Dataset) -> int:
    """Return the number of samples."""
    return int(data.sizes[SAMPLE])


def ragged_dims(data: xr.Dataset) -> tuple[str, ...]:
    """Return the dimensions along which samples differ in size."""
    names = str(data.attrs.get("ragged", "")).split()
    for name in names:
        if f"{name}_count" not in data:
            raise ContractError(
                f"the ragged dimension '{name}' has no variable '{name}_count' that says how many entries each sample owns"
            )
    return tuple(names)


def take(data: xr.Dataset, samples: Sequence[int] | np.ndarray) -> xr.Dataset:
    """Return the given samples, in the given order; `data` stays as it is."""
    index = np.asarray(samples, dtype=np.int64)
    selection: dict[str, np.ndarray] = {SAMPLE: index}
    for dim in ragged_dims(data):
        counts = data[f"{dim}_count"].values
        starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
        pieces = [np.arange(starts[i], starts[i] + counts[i]) for i in index]
        selection[dim] = np.concatenate(pieces) if pieces else np.empty(0, np.int64)
    return data.isel(selection)


def only(data: xr.Dataset, names: Iterable[str]) -> xr.Dataset:
    """Return some variables, and the counts of the ragged dimensions that go with all of them."""
    return data[[*names, *(f"{d}_count" for d in ragged_dims(data))]]


def like(bare: xr.Dataset, data: xr.Dataset) -> xr.Dataset:
    """Return `bare`, a prediction say, with the counts of the ragged dimensions of `data`, whose samples it holds."""
    dims = [d for d in ragged_dims(data) if d in bare.dims]
    if not dims:
        return bare
    counts = {f"{d}_count": data[f"{d}_count"] for d in dims}
    return bare.assign(counts).assign_attrs(ragged=" ".join(dims))


def dense(data: xr.Dataset) -> list[xr.Dataset]:
    """Return each sample of ragged data as a dataset whose arrays all carry `sample`, of length 1; all others as one."""
    if not ragged_dims(data):
        return [data]
    singles = [take(data, [i]) for i in range(count(data))]
    return [
        xr.Dataset({n: v if SAMPLE in v.dims else v.expand_dims(SAMPLE) for n, v in one.data_vars.items()})
        for one in singles
    ]


def blocks(data: xr.Dataset, array: xr.DataArray) -> list[xr.DataArray]:
    """Return dense views of one array, `sample` among their dimensions: a single one, or one of each sample if it is ragged.

    `data` holds the counts of its ragged dimensions; `array` may be a prediction that lies flat in the same order.
    """
    dim = next((str(d) for d in array.dims if d in ragged_dims(data)), None)
    if dim is None:
        return [array]
    ends = np.cumsum(data[f"{dim}_count"].values)
    if array.sizes[dim] != ends[-1]:
        raise ContractError(
            f"there are {array.sizes[dim]} entries along '{dim}' where the samples have {ends[-1]} in all"
        )
    pieces = np.split(array.transpose(dim, ...).values, ends[:-1])
    dims = (SAMPLE, dim, *(d for d in array.dims if d != dim))
    return [xr.DataArray(piece[None], dims=dims, name=array.name, attrs=array.attrs) for piece in pieces]


def join(parts: Iterable[xr.Dataset]) -> xr.Dataset:
    """Put parts with samples of their own one behind the other; the opposite of `take`."""
    pieces = list(parts)
    flat = set(ragged_dims(pieces[0]))
    variables: dict[str, xr.Variable] = {}
    for name, first in pieces[0].variables.items():
        along = next((str(d) for d in first.dims if d == SAMPLE or d in flat), None)
        variables[str(name)] = (
            first if along is None else xr.Variable.concat([p.variables[name] for p in pieces], along)
        )
    coordinates = [str(c) for c in pieces[0].coords]
    return xr.Dataset(variables, attrs=pieces[0].attrs).set_coords(coordinates)
