"""A user's own data: any NetCDF4 or HDF5 file that xarray reads and whose attributes name the roles.

File attributes: `inputs` and `targets` (names of variables, separated by spaces or commas, or a list) and `sample` (the name of
the sample dimension); optional `group` (a variable along the sample dimension, of numbers or words, whose equal values stay in one
part of a split), `order` (one of numbers or dates: a method is trained on what comes before its test part alone), `title` and
`description`. Attributes of a target variable: optional `initial` (the input that holds its state at the start) and `periodic`
(1 or 0). Coordinates of a dimension are optional; those of time have to rise, those of space to rise or fall, and where a target
is periodic in equal steps.
"""

import warnings
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from .. import digest
from ..errors import DataFileError
from ..paths import cache_folder, ensure_writable
from .card import Kind
from .dataset import Problem
from .generation import Cached, inspect, save
from .samples import count
from .variable import HISTORY, SAMPLE, SPACE, TIME, Variable

KNOWN_DIMS = (TIME, HISTORY, "channel", *(d for d in SPACE if d != "node"), "feature")
GROUP, ORDER = "group", "order"
SWITCH = {"0": False, "1": True, "false": False, "true": True, "no": False, "yes": True}
NEEDS_PYTHON = ("node", "edge")
ROUNDING = 2 * float(np.finfo(np.float32).eps)
UNEVEN = 1e-4
"""By how much of the usual step another one may differ on a periodic axis, beside the rounding of single precision."""
EXAMPLE = 'for example ds.attrs.update(inputs="u0", targets="u", sample="sample")'


@dataclass(frozen=True)
class UserFile:
    """A user's file, checked and copied into the cache under the contract's names."""

    title: str
    description: str
    problem: Problem
    cached: Cached


def load(path: Path) -> UserFile:
    """Check the file and return it as a problem with its data."""
    if not path.is_file():
        found = "is a folder" if path.is_dir() else "is no ordinary file" if path.exists() else "does not exist"
        raise DataFileError(f"the data file '{path.name}' {found}; give the path of a NetCDF4 or HDF5 file")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # arrays without named dimensions are refused below, in a sentence
            with xr.open_dataset(path, engine="h5netcdf") as opened:
                raw = opened.load()
    except Exception as error:
        raise DataFileError(
            f"the data file '{path.name}' cannot be read by xarray as NetCDF4 or HDF5 ({type(error).__name__}: {error}); "
            "write it with xarray, as README shows"
        ) from error
    data, inputs, targets = _normalise(raw, path.name)
    problem = Problem(name=path.stem, kind=_kind(targets), inputs=inputs, targets=targets)
    return UserFile(
        title=str(raw.attrs.get("title", path.stem)),
        description=str(raw.attrs.get("description", f"The user's own file {path.name}.")),
        problem=problem,
        cached=_keep(path.stem, data),
    )


def _normalise(raw: xr.Dataset, file: str) -> tuple[xr.Dataset, tuple[Variable, ...], tuple[Variable, ...]]:
    roles = {role: _words(raw.attrs, role, file) for role in ("inputs", "targets", "sample")}
    sample = roles["sample"][0] if roles["sample"] else ""
    empty = [str(d) for d, size in raw.sizes.items() if size == 0]
    if empty:
        raise DataFileError(f"the dimension '{empty[0]}' of the data file '{file}' is empty; write values along it")
    if any(str(d).startswith("phony_dim") for d in raw.sizes):
        raise DataFileError(
            f"the arrays of the data file '{file}' have no named dimensions; write it with xarray, or attach dimension scales"
        )
    if sample not in raw.sizes:
        raise DataFileError(
            f"the data file '{file}' names '{sample}' as its sample dimension "
            f"but has the dimensions {', '.join(map(str, raw.sizes))}; name one of these"
        )
    given = {role: _words(raw.attrs, role, file) for role in (GROUP, ORDER) if role in raw.attrs}
    along = {role: names[0] for role, names in given.items() if names}
    for role, named in (("sample", roles["sample"]), *given.items()):
        if len(named) > 1:
            raise DataFileError(f"the data file '{file}' has {role}=\"{' '.join(named)}\"; name one alone")
    variables = list(dict.fromkeys([*roles["inputs"], *roles["targets"]]))
    names = list(dict.fromkeys([*variables, *along.values()]))
    if not roles["inputs"] or not roles["targets"]:
        raise DataFileError(
            f"the data file '{file}' names no inputs or no targets; name at least one of each, {EXAMPLE}"
        )
    for name in names:
        if name not in raw.variables:
            raise DataFileError(
                f"the data file '{file}' names '{name}' as a variable but holds {', '.join(map(str, raw.data_vars))}; "
                "name one of these"
            )
        if name in raw.dims and name in variables:
            raise DataFileError(
                f"the data file '{file}' names '{name}' as an input or a target, but these are the coordinates of a dimension; "
                f"write them as a variable of another name too"
            )
    both = set(roles["inputs"]) & set(roles["targets"])
    if both:
        raise DataFileError(
            f"the data file '{file}' names '{sorted(both)[0]}' both as an input and as a target; give it one role"
        )
    for role, does in ((GROUP, "keeps samples together"), (ORDER, "puts samples in order")):
        if role in variables:
            raise DataFileError(
                f"an input or a target of '{file}' is called '{role}', the name of what {does}; rename it"
            )
    if len(along) > 1:
        raise DataFileError(
            f"the data file '{file}' has both a group and an order; give one: samples of equal order stay together too"
        )
    data = raw.reset_coords([n for n in variables if n in raw.coords])[variables]
    if sample != SAMPLE and SAMPLE in data.dims:
        raise DataFileError(
            f"the data file '{file}' has sample=\"{sample}\" and also a dimension called '{SAMPLE}'; rename one of them"
        )
    if sample != SAMPLE:
        data = data.rename({sample: SAMPLE})
    if count(data) < 3:
        raise DataFileError(
            f"the data file '{file}' holds {count(data)} samples; at least 3 are needed to train, validate and test"
        )
    checked = {n: _variable(data, n, file, roles["inputs"]) for n in variables}
    converted = {n: data[n].transpose(SAMPLE, *v.dims).astype(np.float64) for n, v in checked.items()}
    for role, name in along.items():
        labels = [SAMPLE if d == sample else str(d) for d in raw[name].dims]
        converted[role] = _numbered(xr.DataArray(raw[name].values, dims=labels), name, role, file, sample)
    _check_axes(data, {d for n in roles["targets"] if checked[n].periodic for d in checked[n].space}, file)
    kept = xr.Dataset(converted)
    return (
        kept.drop_vars([c for c in kept.coords if kept[c].dtype.kind not in "fiu"]),
        tuple(checked[n] for n in roles["inputs"]),
        tuple(checked[n] for n in roles["targets"]),
    )


def _words(attrs: Mapping[Hashable, Any], role: str, file: str) -> list[str]:
    """Return the names that an attribute holds: words, or a list of them."""
    value = attrs.get(role)
    if value is None:
        raise DataFileError(f"the data file '{file}' has no attribute '{role}'; set it, {EXAMPLE}")
    return " ".join(str(v) for v in np.ravel(value)).replace(",", " ").split()


def _check_axes(data: xr.Dataset, periodic: set[str], file: str) -> None:
    """Refuse coordinates that cannot be those of an axis; words and other labels are not looked at."""
    for dim in KNOWN_DIMS:
        if dim not in data.coords or dim not in data.dims or data[dim].dtype.kind not in "fiumM":
            continue
        named, given = f"the coordinates of '{dim}' in '{file}'", data[dim].values
        bad = np.flatnonzero(np.isnat(given) if given.dtype.kind in "mM" else ~np.isfinite(given))
        if bad.size:
            raise DataFileError(
                f"{named} hold NaN or infinity, the first at place {bad[0]} (counted from 0); give every place a number, or "
                f"leave them out, as in ds.drop_vars('{dim}')"
            )
        if dim not in (TIME, HISTORY, *SPACE) or given.size < 2:
            continue
        places = given.astype(np.int64 if given.dtype.kind in "mM" else np.float64)
        steps = np.diff(places).astype(np.float64)
        rises = dim in (TIME, HISTORY) or (steps > 0).sum() >= (steps < 0).sum()
        wrong = np.flatnonzero(steps <= 0 if rises else steps >= 0)
        if wrong.size:
            at = wrong[0]
            what, cure = (
                ("hold the same value twice", f"keep one of the two places, as in ds.drop_duplicates('{dim}')")
                if steps[at] == 0
                else ("are not in order", f"put the data in the order of it, as in ds.sortby('{dim}')")
            )
            raise DataFileError(
                f"{named} {what}: {given[at]} at place {at} (counted from 0) is followed by {given[at + 1]}; {cure}"
            )
        usual = float(np.median(steps))
        allowed = UNEVEN * abs(usual) + ROUNDING * float(np.abs(places).max()) if dim in periodic else np.inf
        uneven = np.flatnonzero(np.abs(steps - usual) > allowed)
        if uneven.size:
            at = uneven[0]
            raise DataFileError(
                f"{named} are uneven: from place {at} (counted from 0) to the next the step is {steps[at]:.6g}, where others are "
                f"{usual:.6g}; a periodic target needs equal steps: interpolate to such, or set periodic=0"
            )


def _numbered(labels: xr.DataArray, name: str, role: str, file: str, sample: str) -> xr.DataArray:
    """Return the number of each sample's group, or its place in order."""
    does = "groups" if role == GROUP else "orders"
    if labels.dims != (SAMPLE,):
        raise DataFileError(
            f"the variable '{name}' of '{file}' {does} samples, so that it needs the sample dimension and no other; "
            f"name a variable that has '{sample}' alone"
        )
    values = labels.values
    lacking = (
        not np.isfinite(values).all()
        if values.dtype.kind == "f"
        else np.isnat(values).any()
        if values.dtype.kind in "mM"
        else False
    )
    if lacking:
        raise DataFileError(f"the variable '{name}' of '{file}' {does} samples but holds NaN; give each sample a value")
    if role == ORDER and values.dtype.kind not in "fiumM":
        raise DataFileError(
            f"the variable '{name}' of '{file}' orders samples and has the type {values.dtype}; expected numbers or dates: "
            "write these, or name it as the group if it only keeps samples together"
        )
    _, numbers = np.unique(values.astype(str) if values.dtype.kind == "O" else values, return_inverse=True)
    return xr.DataArray(numbers.astype(np.int64), dims=SAMPLE)


def _periodic(value: Any, name: str, file: str) -> bool:
    word = f"{value:g}" if isinstance(value, (int, float, np.number)) else str(value).lower()
    if word not in SWITCH:
        raise DataFileError(f"the target '{name}' of '{file}' has periodic={value!r}; expected 1 or 0")
    return SWITCH[word]


def _variable(data: xr.Dataset, name: str, file: str, inputs: list[str]) -> Variable:
    array = data[name]
    if SAMPLE not in array.dims:
        raise DataFileError(
            f"the variable '{name}' of '{file}' lacks the sample dimension; every input and target needs it: "
            "write its values for each sample, or leave it out of the roles"
        )
    if array.dtype.kind not in "fiub":
        raise DataFileError(
            f"the variable '{name}' of '{file}' has the type {array.dtype}; expected numbers: write it as such, or leave it out "
            "of the roles"
        )
    dims = tuple(str(d) for d in array.dims if d != SAMPLE)
    for dim in dims:
        if dim in NEEDS_PYTHON:
            raise DataFileError(
                f"the variable '{name}' of '{file}' has the dimension '{dim}', and a data file holds no graphs and meshes; give "
                "them by a Python file, as CONTRIBUTING shows under 'Graphs and meshes'"
            )
        if dim not in KNOWN_DIMS:
            raise DataFileError(
                f"the variable '{name}' of '{file}' has the dimension '{dim}'; rename it to one of {', '.join(KNOWN_DIMS)}, "
                "so that metrics know what is space and what is time"
            )
    bad = int((~np.isfinite(array.values.astype(np.float64))).sum())
    if bad:
        where = int(
            np.flatnonzero(~np.isfinite(array.transpose(SAMPLE, ...).values.reshape(count(data), -1)).all(axis=1))[0]
        )
        raise DataFileError(
            f"the variable '{name}' of '{file}' holds {bad} values that are NaN or infinite, the first in sample {where}; "
            "remove those samples or fill the values"
        )
    initial = array.attrs.get("initial")
    if initial is not None and str(initial) not in inputs:
        raise DataFileError(
            f"the target '{name}' of '{file}' names '{initial}' as its initial state, which is not among the inputs; "
            f"name one of {', '.join(inputs)}, or leave `initial` out"
        )
    rank = {d: i for i, d in enumerate(KNOWN_DIMS)}
    return Variable(
        name=name,
        dims=tuple(sorted(dims, key=rank.__getitem__)),
        description=str(array.attrs.get("long_name", name)),
        unit=str(array.attrs.get("units", "1")),
        initial=None if initial is None else str(initial),
        periodic=_periodic(array.attrs.get("periodic", 0), name, file),
        kind="field" if dims else "scalar",
    )


def _kind(targets: tuple[Variable, ...]) -> Kind:
    if all(v.steps for v in targets):
        return "evolution"
    return "steady" if any(v.space for v in targets) else "regression"


def _keep(name: str, data: xr.Dataset) -> Cached:
    folder = cache_folder() / "files"
    ensure_writable(folder, "cache folder")
    path = folder / f"{name}-{digest.of_arrays(data)[:16]}.h5"
    found = inspect(path) if path.exists() else None
    return found or save(path, data, 0.0)
