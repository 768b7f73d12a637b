"""Work that several metrics of one pair of arrays have in common, done once.

Inside `with sharing():` a function decorated with `@shared` remembers its results for the arrays that it was given, by identity;
outside it computes anew. Nothing is remembered beyond the block.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

_memory: ContextVar[dict[tuple[Any, ...], tuple[tuple[Any, ...], Any]] | None] = ContextVar("memory", default=None)


@contextmanager
def sharing() -> Iterator[None]:
    """Let shared functions remember their results until the end of the block."""
    token = _memory.set({})
    try:
        yield
    finally:
        _memory.reset(token)


def shared(function: Callable[P, R]) -> Callable[P, R]:
    """Let a function of positional arguments remember its results inside `sharing`; it must not change its arguments."""

    @wraps(function)
    def remembering(*args: P.args, **kwargs: P.kwargs) -> R:
        memory = _memory.get()
        if memory is None or kwargs:
            return function(*args, **kwargs)
        key = (function, *(a if isinstance(a, str) else id(a) for a in args))
        if key not in memory:
            memory[key] = (
                args,
                function(*args, **kwargs),
            )  # the arguments are kept, so that their identities stay theirs
        found: R = memory[key][1]
        return found

    return remembering
