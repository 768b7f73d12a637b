"""The folder of one cell, and what becomes of it where the run that made it was killed: the next run removes it.

The maker holds a lock on a file in the folder for as long as it uses it, and the system frees the lock when that process ends,
however it does. No number of a process is kept that another one could have later. A folder goes only if its file says that it was
made since this system was started and where it sees the same disks, as locks need not be seen from elsewhere; one without such a
file stays. Nobody looks for abandoned folders while another one is being made.
"""

import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from .sandbox import cells_folder

OWNER, GATE = ".owner", ".gate"
START, DISKS = Path("/proc/sys/kernel/random/boot_id"), Path("/proc/self/ns/mnt")
"""What names the start of the system and the view of the disks, both on Linux alone: elsewhere nothing is removed."""


@dataclass(frozen=True)
class CellFolder:
    """A folder that is in use, and the descriptor that holds its lock."""

    path: Path
    owner: int

    def close(self) -> None:
        """Remove the folder and give up its lock."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self.owner)


def make() -> CellFolder:
    """Make the folder of a cell."""
    base = cells_folder()
    with _gate(base, fcntl.LOCK_SH):
        path = Path(tempfile.mkdtemp(dir=base))
        owner = os.open(path / OWNER, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with suppress(OSError):  # where no lock can be had nothing is written, and so nothing is ever removed
            fcntl.flock(owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.write(owner, _here())
    return CellFolder(path, owner)


def remove_abandoned() -> None:
    """Remove the folders whose makers are gone; leave it to a later run while one is being made."""
    base, here = cells_folder(), _here()
    if not here:
        return
    with suppress(OSError), _gate(base, fcntl.LOCK_EX | fcntl.LOCK_NB, needed=True):
        for folder in [p for p in base.iterdir() if _abandoned(p, here)]:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _gate(base: Path, kind: int, *, needed: bool = False) -> Iterator[None]:
    """Hold the lock of the folder of all cells; raises OSError where it is `needed` and cannot be had."""
    with open(base / GATE, "a") as handle:
        try:
            fcntl.flock(handle, kind)
        except OSError:
            if needed:
                raise
        yield


def _abandoned(folder: Path, here: bytes) -> bool:
    """Whether a folder was made here and nobody holds its lock."""
    try:
        owner = os.open(folder / OWNER, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:  # it has none, or is no folder
        return False
    try:
        fcntl.flock(owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return stat.S_ISREG(os.fstat(owner).st_mode) and os.read(owner, 1000) == here
    except OSError:
        return False
    finally:
        os.close(owner)


def _here() -> bytes:
    """Return what names this system since its start and the disks that this process sees; empty where nothing does."""
    try:
        return f"{START.read_text().strip()} {os.readlink(DISKS)}".encode()
    except OSError:
        return b""
