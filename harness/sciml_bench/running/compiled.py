"""Where JAX and torch keep compiled programs: each cell is a process of its own and would else compile the same solver again."""

import contextlib
import os
from pathlib import Path

from ..paths import cache_folder

VARIABLES = {"JAX_COMPILATION_CACHE_DIR": "jax", "TORCHINDUCTOR_CACHE_DIR": "inductor", "TRITON_CACHE_DIR": "triton"}


def keep() -> None:
    """Let the frameworks keep them in the cache folder, unless the user decided otherwise; for workers as well.

    The folders are made here, as a worker can use none that is made after its barrier has closed.
    """
    for variable, folder in VARIABLES.items():
        place = os.environ.setdefault(variable, str((cache_folder() / folder).absolute()))
        with contextlib.suppress(OSError):  # it is a cache: without it, programs are compiled again
            os.makedirs(place, exist_ok=True)
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")


def folders() -> list[Path]:
    """Return the folders that the environment names."""
    return [Path(os.environ[variable]) for variable in VARIABLES if os.environ.get(variable)]
