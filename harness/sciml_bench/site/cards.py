"""The cards of the datasets and methods that records name, where the suite still has them.

A record may name a method that is gone or was a user's own file, or parameters that a dataset no longer has.
Its rows are then shown without a card.
"""

import functools
import inspect
from collections.abc import Callable
from typing import Any

from .. import registry
from ..method.contract import Method
from ..problem import Dataset, DatasetCard
from ..problem.card import MethodCard
from ..records.record import CellId


@functools.cache
def method_class(name: str) -> type[Method] | None:
    """Return a method of the suite, or None; a wrapped one is not unwrapped."""
    if name not in registry.method_names():
        return None
    try:
        return registry.method_class(name)
    except Exception:  # a plugin that fails on import must not take the pages of all others with it
        return None


def method_card(name: str) -> MethodCard | None:
    """Return the card of a method of the suite, or None."""
    cls = method_class(name)
    return None if cls is None else cls.card


@functools.cache
def _dataset_class(name: str) -> type[Dataset] | None:
    if name not in registry.dataset_names():
        return None
    try:
        return registry.dataset_class(name)
    except Exception:  # as above
        return None


def account(method: str) -> tuple[str, ...]:
    """Return the paragraphs of a method's docstring, of which the first is its equation; none of a method that is gone."""
    cls = method_class(method)
    return () if cls is None else _paragraphs(cls)


def definition(cell: CellId) -> tuple[str, ...]:
    """Return what a cell's dataset is, and what its parameters mean, in its docstring and those that it builds on."""
    cls = None if cell.tier == "file" else _dataset_class(cell.dataset)
    return _paragraphs(*(c for c in (cls.__mro__ if cls else ()) if issubclass(c, Dataset) and c is not Dataset))


def _paragraphs(*classes: type) -> tuple[str, ...]:
    told = (inspect.cleandoc(vars(c).get("__doc__") or "") for c in classes)
    return tuple(" ".join(p.split()) for text in told for p in text.split("\n\n") if p)


def dataset_card(cell: CellId) -> DatasetCard | None:
    """Return the card of a cell's dataset, or None if it was a user's file or is gone."""
    cls = None if cell.tier == "file" else _dataset_class(cell.dataset)
    return None if cls is None else cls.card


def dataset_of(cell: CellId) -> Dataset | None:
    """Return the dataset with the parameters of the cell, or None if there is no such dataset any more."""
    cls = None if cell.tier == "file" else _dataset_class(cell.dataset)
    if cls is None or cls.version != cell.dataset_version:
        return None
    try:
        return cls(**cell.dataset_parameters)
    except Exception:  # parameters of another version
        return None


def quietly(made: Callable[[], Any]) -> Any:
    """Return what a dataset says of itself, or None: another version may not know these parameters."""
    try:
        return made()
    except Exception:  # a page without its card is better than no page
        return None
