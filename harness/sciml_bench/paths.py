"""Folders that are written to, and how: atomically, so that nothing is ever half there."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from platformdirs import user_cache_path

from .errors import UsageError


def cache_folder() -> Path:
    """Return the folder of generated data: `SCIML_BENCH_CACHE`, or the user's cache folder."""
    given = os.environ.get("SCIML_BENCH_CACHE")
    return Path(given) if given else user_cache_path("sciml-bench")


def ensure_writable(folder: Path, what: str) -> None:
    """Make the folder, or raise the sentence that says why it cannot be written to."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UsageError(
            f"the {what} '{folder}' cannot be written to ({error.strerror}); give another folder or change its permissions"
        ) from error


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path` that takes its place on success and vanishes on failure."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield temporary
        with open(temporary, "rb") as handle:
            os.fsync(handle.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
