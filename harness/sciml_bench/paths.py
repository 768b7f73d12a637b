"""Folders that are written to, and how: atomically, so that nothing is ever half there."""

import errno
import fcntl
import glob
import os
import re
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
def atomic(path: Path, room: int = 0) -> Iterator[Path]:
    """Give a temporary path beside `path` that takes its place on success and vanishes on failure.

    Raises OSError before anything is written if there is no room for about `room` bytes.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        ensure_room(temporary, room)
        yield temporary
        with open(temporary, "rb") as handle:
            os.fsync(handle.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def ensure_room(path: Path, size: int) -> None:
    """Raise OSError if `path` cannot grow to about `size` bytes, as HDF5's library crashes on a disk that fills up under it."""
    if size and hasattr(os, "posix_fallocate"):
        with open(path, "wb") as handle:
            os.posix_fallocate(handle.fileno(), 0, size + size // 10 + 2**14)


def full_disk(error: BaseException) -> str | None:
    """Return the system's words if an error says that there is no room for more, also inside a message of HDF5's library."""
    said = re.search(r"errno = (\d+)", str(error))
    number = error.errno if isinstance(error, OSError) and error.errno else int(said[1]) if said else 0
    return os.strerror(number) if number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) else None


def remove_unfinished(path: Path) -> int:
    """Remove what interrupted writers of `path` left beside it, and return how many; for whoever alone may write it now."""
    found = list(path.parent.glob(f".{glob.escape(path.name)}.*.part"))
    for part in found:
        part.unlink(missing_ok=True)
    return len(found)


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def append_line(path: Path, text: str) -> None:
    """Add one line durably: whole or not at all, in one write under a lock, then synced.

    After a line that a power cut left unfinished it begins a new one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "ab+") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        line = text.encode() + b"\n"
        end = handle.seek(0, os.SEEK_END)
        if end:
            handle.seek(end - 1)
            if handle.read(1) != b"\n":
                line = b"\n" + line
        _write_whole(handle.fileno(), line, end)


def _write_whole(descriptor: int, line: bytes, end: int) -> None:
    """Write all bytes and sync them, or leave the file as it was."""
    try:
        view = memoryview(line)
        while view:
            view = view[os.write(descriptor, view) :]
        os.fsync(descriptor)
    except OSError:
        os.ftruncate(descriptor, end)
        raise
