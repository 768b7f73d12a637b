"""How Python is started for children: no file of the user's folder, `random.py` say, may take the place of a library's module."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

VARIABLE, OURS = "PYTHONSAFEPATH", "sciml-bench"
"""Where it holds any text Python does not look for modules in the folder that it is started in."""


@contextmanager
def safe_path() -> Iterator[None]:
    """Start children without the present folder on their path; one that the user has said so for stays as it is."""
    if os.environ.get(VARIABLE):
        yield
        return
    os.environ[VARIABLE] = OURS
    try:
        yield
    finally:
        del os.environ[VARIABLE]


def forget() -> None:
    """Undo it in a child, for what the child starts in turn: a method may start programs of its own."""
    if os.environ.get(VARIABLE) == OURS:
        del os.environ[VARIABLE]
