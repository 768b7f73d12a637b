"""Where JAX and torch keep compiled programs: each cell is a process of its own and would else compile the same solver again."""

import contextlib
import os
import tempfile
from pathlib import Path

from ..paths import cache_folder

VARIABLES = {"JAX_COMPILATION_CACHE_DIR": "jax", "TORCHINDUCTOR_CACHE_DIR": "inductor", "TRITON_CACHE_DIR": "triton"}


def keep() -> None:
    """Let the frameworks keep them in the cache folder, unless the user decided otherwise; for workers as well.

    The folders are made here, as a worker can use none that is made after its barrier has closed. Where the cache folder
    may only be read they lie among temporary files.
    """
    for variable, folder in VARIABLES.items():
        if variable not in os.environ:
            place = cache_folder().absolute() / folder
            if not _made(place):
                place = Path(tempfile.gettempdir()) / f"sciml-bench-{os.getuid()}-{folder}"
            os.environ[variable] = str(place)
        _made(Path(os.environ[variable]))
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")


def _made(folder: Path) -> bool:
    """Make a folder and say whether it can be written to; it is a cache: without it, programs are compiled again."""
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
    return os.access(folder, os.W_OK)


def folders() -> list[Path]:
    """Return the folders that the environment names."""
    return [Path(os.environ[variable]) for variable in VARIABLES if os.environ.get(variable)]
