"""Which problems a method is tried on: one of each shape that it applies to, with a little data."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import cache

import numpy as np
import xarray as xr

from ..method.contract import Method
from ..problem import Problem
from ..problem.generation import some
from ..problem.samples import only, take
from ..registry import Broken, all_datasets, build_method, dataset_class, method_class, why_not
from .method_checks import Bench

TRAIN, VALID, TEST = 12, 4, 4
SEED = 1


def shape(problem: Problem) -> tuple[object, ...]:
    """Return what a method may care about: the kind of task, and how inputs and targets lie in space."""
    variables = (*problem.inputs, *problem.targets)
    ragged = any(v.ragged for v in variables)
    return problem.kind, len(problem.space), ragged, tuple(sorted({v.kind for v in problem.targets}))


@cache
def shapes() -> dict[tuple[object, ...], str]:
    """Return the first dataset of each shape; one whose problem cannot be had is for its own check to report."""
    found: dict[tuple[object, ...], str] = {}
    for name, cls in all_datasets():
        if not isinstance(cls, Broken):
            with suppress(Exception):
                found.setdefault(shape(cls.tier("smoke").problem()), name)
    return found


def fitting(method: str | type[Method], datasets: Iterable[str] = ()) -> list[str]:
    """Return the datasets, of those named or one of each shape, to which a method applies."""
    built = build_method(_class(method), "smoke", {}, {})
    names = list(datasets) or list(shapes().values())
    return [n for n in names if why_not(built, dataset_class(n).tier("smoke").problem()) is None]


@cache
def made(dataset: str) -> xr.Dataset:
    """Return the little data of a dataset on which methods are tried."""
    return some(dataset_class(dataset).tier("smoke"), SEED, range(TRAIN + VALID + TEST))


def benches(
    method: str | type[Method], datasets: Iterable[str] = (), data: Callable[[str], xr.Dataset] = made
) -> Iterator[tuple[str, Bench]]:
    """Yield each such dataset with its bench at smoke tier; `data` is asked for the data of one when its turn comes."""
    cls = _class(method)
    problems = {n: dataset_class(n).tier("smoke").problem() for n in fitting(cls, datasets)}
    for dataset, problem in problems.items():
        yield dataset, _bench(cls, problem, data(dataset))


def _bench(cls: type[Method], problem: Problem, data: xr.Dataset) -> Bench:
    inputs = only(data, [v.name for v in problem.inputs])
    start = TRAIN + VALID
    test = np.arange(start, start + (1 if cls.card.per_instance else TEST))
    return Bench(cls, problem, take(data, np.arange(TRAIN)), take(data, np.arange(TRAIN, start)), take(inputs, test))


def _class(method: str | type[Method]) -> type[Method]:
    return method_class(method) if isinstance(method, str) else method
