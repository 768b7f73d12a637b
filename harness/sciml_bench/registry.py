"""Finding methods and datasets: every file of the plugin folders, and any file that a user points to.

A plugin is the one public class of its module that is a concrete `Method` or `Dataset`. Nothing is registered by hand. An
installed package may offer modules of its own as entry points of the groups `sciml_bench.methods` and `sciml_bench.datasets`;
a name that the suite has already stays the suite's.
"""

import hashlib
import importlib
import importlib.util
import inspect
import os
import pkgutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, get_type_hints

from . import benchmarks as track_folder
from . import datasets as dataset_folder
from . import methods as method_folder
from . import naming
from .apart import prints_apart
from .complaint import bare, complaint
from .errors import ContractError, SciMLBenchError, UnknownNameError, UsageError
from .method.contract import Method
from .problem import TIERS, Dataset, DatasetCard, MethodCard, Problem
from .protocol.track import Track
from .raised import told
from .values import coerce

USER_MODULE = "sciml_bench_user_"
"""How the modules of a user's own files are called."""
DATA_SUFFIXES = (".h5", ".hdf5", ".hdf", ".nc", ".nc4", ".netcdf")
OTHER_SUFFIXES = (".csv", ".tsv", ".json", ".parquet", ".npy", ".npz", ".mat", ".pt", ".pkl", ".xlsx", ".zarr", ".txt")
"""Ends of names that can only be meant as files of data, which are told what to do."""
EITHER = "method or dataset"
"""The kind of a name that may be of either."""


@dataclass(frozen=True)
class Broken:
    """A plugin that could not be imported, with the reason."""

    name: str
    reason: str


def method_names() -> list[str]:
    """Return the names of all methods without importing them."""
    return sorted(_own(method_folder) | _offered("methods").keys())


def dataset_names() -> list[str]:
    """Return the names of all datasets without importing them."""
    return sorted(_own(dataset_folder) | _offered("datasets").keys())


def _own(folder: ModuleType) -> set[str]:
    """Return the names of the modules in a plugin folder."""
    return {m.name for m in pkgutil.iter_modules(folder.__path__)}


@cache
def _offered(kind: str) -> dict[str, str]:
    """Return name → module of what installed packages offer."""
    return {e.name: e.module for e in entry_points(group=f"sciml_bench.{kind}")}


def _module(folder: ModuleType, kind: str, name: str) -> ModuleType | None:
    """Import the plugin `name`; None if there is none. Installed packages are asked only for what the suite has not."""
    module = f"{folder.__name__}.{name}" if name in _own(folder) else _offered(kind).get(name)
    try:
        return None if module is None else importlib.import_module(module)
    except (Exception, SystemExit) as error:
        raise UsageError(
            f"the {kind.removesuffix('s')} '{name}' fails on import with {type(error).__name__}: {error}"
        ) from error


def track_names() -> list[str]:
    """Return the names of all tracks without importing them."""
    return sorted(_own(track_folder))


def track(name: str) -> Track:
    """Return the track called `name`."""
    if name not in track_names():
        raise UnknownNameError("track", name, track_names())
    found = getattr(importlib.import_module(f"{track_folder.__name__}.{name}"), "TRACK", None)
    if not isinstance(found, Track):
        raise ContractError(f"the track '{name}' must define the constant TRACK, a Track")
    return found


def all_methods() -> Iterator[tuple[str, type[Method] | Broken]]:
    """Import every method and yield its class, or why it is broken."""
    for name in method_names():
        try:
            yield name, method_class(name)
        except Exception as error:
            yield name, Broken(name, _said(error))


def all_datasets() -> Iterator[tuple[str, type[Dataset] | Broken]]:
    """Import every dataset and yield its class, or why it is broken."""
    for name in dataset_names():
        try:
            yield name, dataset_class(name)
        except Exception as error:
            yield name, Broken(name, _said(error))


def _said(error: Exception) -> str:
    """Return an error in words: the package's own are sentences."""
    return str(error) if isinstance(error, SciMLBenchError) else f"{type(error).__name__}: {error}"


def method_class(name: str) -> type[Method]:
    """Return the method called `name`, or that of the file `name`, or a wrapper around one."""
    parts = naming.parse(name)
    if parts is not None:
        return _wrapped(parts)
    name = canonical(name)
    if is_path(name):
        return _the_class(_module_from_file(name, "method"), Method, name)
    module = _module(method_folder, "methods", name)
    if module is None:
        check_source("method", name)
        raise UnknownNameError("method", name, method_names())
    return _the_class(module, Method, name)


def _wrapped(parts: naming.Wrapped) -> type[Method]:
    from .method.wrapping import Wrapper, wrap

    wrapper = method_class(parts.wrapper)
    if not issubclass(wrapper, Wrapper):
        raise UsageError(f"'{parts.wrapper}' takes no method in parentheses: it is no wrapper, as ensemble is")
    inner = method_class(parts.inner)
    known = get_type_hints(wrapper)
    names = [f.name for f in fields(wrapper)]
    for key in parts.options:
        if key not in names:
            raise UnknownNameError("option", key, names, owner=parts.wrapper)
    return wrap(wrapper, inner, {k: coerce(k, v, known[k]) for k, v in parts.options.items()})


def dataset_class(name: str) -> type[Dataset]:
    """Return the dataset called `name`, or that of the Python file `name`."""
    name = canonical(name)
    if is_path(name):
        return _the_class(_module_from_file(name, "dataset"), Dataset, name)
    module = _module(dataset_folder, "datasets", name)
    if module is None:
        check_source("dataset", name)
        raise UnknownNameError("dataset", name, dataset_names())
    return _the_class(module, Dataset, name)


def dataset_at(name: str, tier: str) -> Dataset:
    """Return a dataset at a tier whose problem can be asked for; raises UsageError that says what stands in the way."""
    cls = dataset_class(name)
    try:
        found = cls.tier(tier)
        problem, samples = found.problem(), found.samples
    except SciMLBenchError:
        raise
    except (Exception, SystemExit) as error:
        raise UsageError(
            f"the tier '{tier}' of the dataset '{short_name(name)}' cannot be used: {told(error)}"
        ) from error
    if not isinstance(problem, Problem):
        raise UsageError(
            f"problem() of the dataset '{short_name(name)}' returned a {type(problem).__name__}: expected a Problem"
        )
    if not isinstance(samples, int) or samples < 1:
        raise UsageError(
            f"the tier '{tier}' of the dataset '{short_name(name)}' has samples={samples!r}: expected a whole number above 0"
        )
    return found


def plugin_class(name: str) -> type[Method] | type[Dataset]:
    """Return the method or the dataset, whichever it is, of this name or of a Python file of the user's own."""
    if not is_path(name):
        if name in dataset_names():
            return dataset_class(name)
        if name in method_names():
            return method_class(name)
        check_source(EITHER, name)
        raise UnknownNameError(EITHER, name, [*dataset_names(), *method_names()])
    module = _module_from_file(name, EITHER)
    bases = [b for b in (Method, Dataset) if _classes(module, b)] or [
        b for b in (Method, Dataset) if _lacking(module, b)
    ]
    if len(bases) != 1:
        raise UsageError(
            f"'{name}' defines {'both a Method and a Dataset' if bases else 'neither a Method nor a Dataset'}: "
            "expected one public class that implements one of them"
        )
    found: type[Method] | type[Dataset] = _the_class(module, bases[0], name)
    return found


def is_path(name: str) -> bool:
    """Whether the name is a path to a file of the user's own."""
    return "/" in name or "\\" in name or name.lower().endswith((".py", *DATA_SUFFIXES, *OTHER_SUFFIXES))


def is_data_file(name: str) -> bool:
    """Whether the name is that of a file of the user's own data."""
    return name.lower().endswith(DATA_SUFFIXES)


def check_source(kind: str, name: str) -> None:
    """Refuse a folder, a pipe and a file whose suffix tells neither Python nor data; whatever else is wrong is not looked at."""
    place = os.path.expanduser(name)
    if not os.path.exists(place) or is_data_file(name) or name in (*method_names(), *dataset_names()):
        return
    if os.path.isfile(place):
        if name.lower().endswith((".py", *OTHER_SUFFIXES)):
            return
        found = "has the name of neither Python nor data"
    else:
        found = "is a folder" if os.path.isdir(place) else "is no ordinary file"
    data = "" if kind == "method" else f" or of a file of data ({', '.join(DATA_SUFFIXES)})"
    raise UsageError(f"'{name}' {found}; give the name of a {kind}, or the path of a Python file (.py){data}")


def short_name(name: str) -> str:
    """Return the name under which a plugin or a file appears in records.

    A plugin's own name, or the stem of a user's file; a file that is called like a plugin keeps its suffix, so that
    the two are not taken for each other.
    """
    parts = naming.parse(name)
    if parts is not None:
        return str(replace(parts, inner=short_name(parts.inner)))
    name = canonical(name)
    if not is_path(name):
        return name
    path = Path(name)
    return path.name if path.stem in {*method_names(), *dataset_names()} else path.stem


def canonical(name: str) -> str:
    """Return a plugin's name if `name` is the path of its file, else `name`; inside a wrapper too."""
    parts = naming.parse(name)
    if parts is not None:
        return str(replace(parts, inner=canonical(parts.inner)))
    if not is_path(name):
        return name
    path = Path(name).expanduser().resolve()
    if path.name == "__init__.py":
        path = path.parent
    folders = [Path(p).resolve() for p in (*method_folder.__path__, *dataset_folder.__path__)]
    return path.stem if path.parent in folders and path.suffix in ("", ".py") else name


def _module_from_file(name: str, kind: str) -> ModuleType:
    check_source(kind, name)
    path = Path(name).expanduser().resolve()
    if not path.is_file():
        raise UsageError(
            f"the {kind} file '{name}' does not exist; give a path to a Python file, or a name from `sciml-bench list`"
        )
    if is_data_file(name):
        raise UsageError(
            f"'{name}' is a file of data, in which there is no {kind}; `sciml-bench info {path.name}` shows what it is taken for"
        )
    if name.lower().endswith(OTHER_SUFFIXES):
        raise UsageError(
            f"'{name}' cannot be read: data are read from HDF5 or NetCDF4 ({', '.join(DATA_SUFFIXES)}), in which inputs, targets "
            "and units have names; README shows how xarray writes them"
        )
    if path.suffix != ".py":
        raise UsageError(f"the {kind} file '{name}' is not a Python file; expected a name that ends in .py")
    module_name = (
        f"{USER_MODULE}{kind.replace(' ', '_')}_{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
    )
    if module_name in sys.modules:
        return sys.modules[module_name]
    spec = importlib.util.spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None:
        raise UsageError(f"the {kind} file '{name}' cannot be imported as Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    try:
        with prints_apart():  # what it prints is no part of what a command prints
            spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[module_name]
        raise UsageError(f"the {kind} file '{name}' fails on import with {type(error).__name__}: {error}") from error
    return module


def _classes(module: ModuleType, base: type) -> list[type]:
    """Return the public classes of a module that implement `base`."""
    return [c for c in _public(module, base) if not inspect.isabstract(c)]


def _public(module: ModuleType, base: type) -> list[type]:
    """Return the public classes of a module that are derived from `base`."""
    return [
        c
        for n, c in vars(module).items()
        if inspect.isclass(c) and issubclass(c, base) and c.__module__ == module.__name__ and not n.startswith("_")
    ]


def _lacking(module: ModuleType, base: type) -> dict[str, str]:
    """Return class → what it does not implement, of the public ones that are derived from `base`."""
    return {
        c.__name__: " and ".join(sorted(c.__abstractmethods__))  # type: ignore[attr-defined]
        for c in _public(module, base)
        if inspect.isabstract(c)
    }


def _the_class(module: ModuleType, base: type, name: str) -> Any:
    found = _classes(module, base)
    if len(found) != 1:
        lacking = [f"{c}, which does not implement {lost}" for c, lost in _lacking(module, base).items()]
        names = ", ".join([c.__name__ for c in found] or lacking) or "none"
        raise UsageError(
            f"'{name}' must define exactly one public {base.__name__} class that implements every abstract method; found {names}"
        )
    lacks = complaint(found[0], MethodCard if base is Method else DatasetCard)
    if lacks is not None:
        raise UsageError(f"the class {found[0].__name__} of '{name}' cannot be used: {lacks}")
    return found[0]


def build_method(cls: type[Method], tier: str, tuned: Mapping[str, Any], given: Mapping[str, Any]) -> Method:
    """Return the method with its hyperparameters: field defaults < the tier's < tuned ones < those given by the user.

    Raises UsageError if the class has no such hyperparameter, cannot be made with these values or has no usable `tiers`.
    """
    hints = get_type_hints(cls)
    known = {f.name: hints[f.name] for f in fields(cls)}  # type: ignore[arg-type]
    try:
        merged = {**cls.tiers.get(tier, {}), **tuned, **given}
    except (Exception, SystemExit) as error:
        raise UsageError(
            f"the tier '{tier}' of {cls.__name__} cannot be looked up in `tiers`: {told(error)}"
        ) from error
    checked = {}
    for key, value in merged.items():
        if key not in known:
            raise no_hyperparameter(cls, key)
        checked[key] = coerce(key, value, known[key])
    try:
        return cls(**checked)
    except SciMLBenchError:
        raise
    except (Exception, SystemExit) as error:
        values = ", ".join(f"{k}={v!r}" for k, v in checked.items()) or "its defaults"
        raise UsageError(f"{cls.__name__} cannot be made with {values}: {told(error)}") from error


def no_hyperparameter(cls: type[Method], key: str, owner: str = "") -> UsageError:
    """Return the error that a class has no hyperparameter of this name, which says so where an annotation alone is missing."""
    said = bare(cls, Method).get(key)
    known = [f.name for f in fields(cls)]  # type: ignore[arg-type]
    return UnknownNameError("hyperparameter", key, known, owner=owner) if said is None else UsageError(said)


def why_not(method: Method, problem: Problem) -> str | None:
    """Return why a method does not apply to a problem, or None; UsageError if it cannot tell, or with what is no sentence."""
    name = type(method).__name__
    try:
        reason = method.applies_to(problem)
    except SciMLBenchError:
        raise
    except (Exception, SystemExit) as error:
        raise UsageError(f"applies_to of {name} fails on the problem '{problem.name}' with {told(error)}") from error
    if reason is not None and not (isinstance(reason, str) and reason):
        raise UsageError(
            f"applies_to of {name} returned {reason!r} for the problem '{problem.name}'; expected None where it applies, "
            "or a sentence that says why not"
        )
    return reason


def check_tier(tier: str) -> None:
    """Raise if there is no such tier."""
    if tier not in TIERS:
        raise UnknownNameError("tier", tier, TIERS)
