"""Keeping what contributed code prints out of what a command prints."""

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout


@contextmanager
def prints_apart() -> Iterator[None]:
    """Send what is printed meanwhile to standard error, from Python, from a library or from a process that is started."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        for stream in (sys.stdout, sys.__stdout__):
            if stream is not None and not stream.closed:
                stream.flush()
        ctypes.CDLL(None).fflush(None)  # what C has printed may still wait in its own buffer
        os.dup2(kept, 1)
        os.close(kept)
