"""The barrier that a method meets inside a worker: from `fit` on, generated data and results are out of its reach.

The worker has read the training and validation parts and the test inputs when the barrier closes; the files that also
hold the test targets stay on disk. On Linux since 5.13 the kernel closes them (Landlock, which needs no privilege): they cannot
be opened by any library, nor by a process that the worker starts, nor through the memory or the open files of its parent.
Writing is shut everywhere but in the cell's own folder, which vanishes with it and which no other cell can read: what a fold
wrote elsewhere the next one could read, and it has trained on that one's test samples. Elsewhere an audit hook refuses what
Python and h5py open, which stops carelessness but not native code.

What no barrier in one process can stop, and what stands against it: a method that makes the data anew from the protocol's seed
(`verify --blind-seed` scores on samples from another one), code that runs when its module is imported, before the barrier
(contributed code is reviewed, and run in a container), and what it hides in a compiler's cache or in shared memory, which stay
open (`verify` of single cells on a machine without those files).
"""

import ctypes
import errno
import os
import stat
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from platformdirs import user_cache_path

from .._layout import PACKAGE, root
from ..errors import StoreError
from ..paths import cache_folder
from ..problem import TIERS
from . import compiled

SENTENCE = (
    "inside a cell neither generated data nor results can be opened, and nothing can be written but in its own folder: "
    "a method learns from the arguments of fit alone, and keeps files of its own in the folder that it is started in"
)
# linux/landlock.h; the numbers of the system calls are the same on all architectures.
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
VERSION_FLAG, PATH_BENEATH, NO_NEW_PRIVILEGES = 1, 1, 38
WRITE_FILE, READ_FILE, REFER, TRUNCATE = (1 << n for n in (1, 2, 13, 14))
REMOVE_OR_MAKE = sum(1 << n for n in range(4, 13))
"""To remove folders and files, and to make each kind of them."""
CHANGE = WRITE_FILE | REMOVE_OR_MAKE | REFER | TRUNCATE
FILE_RIGHTS = WRITE_FILE | READ_FILE | TRUNCATE
SYSTEM = ("/dev", "/proc", os.path.expanduser("~/.nv"))
"""What libraries write to by themselves: devices and shared memory, names of threads, the GPU driver's compiler."""
SINCE = {REFER: 2, TRUNCATE: 3}
"""The version of Landlock that brought a right."""


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("folder", ctypes.c_int32))


def cells_folder() -> Path:
    """Return the user's folder in which every cell has its own: it is hidden from all of them, each but for its own part.

    Cells of other folds, beside this one or before it, have predicted samples of which this one must not learn.
    """
    folder = Path(tempfile.gettempdir()) / f"sciml-bench-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise StoreError(
            f"the folder for temporary files of cells, '{folder}', belongs to somebody else: remove it or set TMPDIR"
        )
    return folder


def enclose(scratch: Path, secret: Iterable[Path]) -> str:
    """Move this process into `scratch`, its folder for temporary files too, and close the barrier; return what it is made of.

    `secret` and the cached data of the suite cannot be read from then on, and nothing changed but in the folder that holds
    `scratch`, which may lie in a secret one, and in what systems and compilers need. There is no way back.
    """
    hidden = sorted({*map(str, _absolute([*_cached(), *secret, *published(root("results"))]))})
    cell, *needed = (os.path.realpath(p) for p in map(str, (scratch.parent, *compiled.folders(), *SYSTEM)))
    _settle(scratch)
    version = landlock_version()
    if version == 0:
        _listen(hidden, cell, needed)
        return "audit hook"
    open_ones = [*_beside(hidden), cell]
    _restrict(READ_FILE | REFER, open_ones, version)
    _restrict(CHANGE, [cell, *_within(needed, hidden, open_ones)], version)
    return f"landlock {version}"


def published(results: Path) -> list[Path]:
    """Return the folders of a results folder that may hold the truth of test samples."""
    return [results / tier for tier in (*TIERS, "file")]


def _cached() -> list[Path]:
    """Return the folders of generated data and of copies of users' files."""
    return [f / kind for f in (cache_folder(), user_cache_path("sciml-bench")) for kind in ("data", "files")]


def _absolute(paths: Iterable[Path]) -> list[Path]:
    """Return the real paths, without those that the program itself stands in."""
    needed = [Path(p).resolve() for p in (sys.prefix, sys.base_prefix, PACKAGE)]
    return [p for p in (Path(os.path.realpath(q)) for q in paths) if not any(n.is_relative_to(p) for n in needed)]


def _settle(scratch: Path) -> None:
    """Make `scratch` the folder where relative and temporary files go: it is the cell's own and vanishes with it."""
    scratch.mkdir(exist_ok=True)
    sys.path[:] = [os.path.abspath(p) for p in sys.path]
    os.chdir(scratch)
    os.environ["TMPDIR"] = str(scratch)
    tempfile.tempdir = None


def landlock_version() -> int:
    """Return the version of Landlock that the kernel offers; 0 if none."""
    if not sys.platform.startswith("linux"):
        return 0
    return max(0, int(_libc().syscall(CREATE_RULESET, None, ctypes.c_size_t(0), VERSION_FLAG)))


def _libc() -> Any:
    return ctypes.CDLL(None, use_errno=True)


def _restrict(rights: int, granted: Iterable[str], version: int) -> None:
    """Take `rights` on everything but what is `granted` from this thread and all that it starts."""
    libc = _libc()
    for right, since in SINCE.items():
        if version < since:
            rights &= ~right
    handled = ctypes.c_uint64(rights)
    rules = _checked(libc.syscall(CREATE_RULESET, ctypes.byref(handled), ctypes.c_size_t(8), 0))
    try:
        for path in granted:
            with suppress(OSError):  # it has gone meanwhile, or may not be entered anyhow
                _grant(libc, rules, path, rights)
        _checked(libc.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0))
        _checked(libc.syscall(RESTRICT_SELF, rules, 0))
    finally:
        os.close(rules)


def _grant(libc: Any, rules: int, path: str, rights: int) -> None:
    place = os.open(path, os.O_PATH | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        allowed = rights if stat.S_ISDIR(os.fstat(place).st_mode) else rights & FILE_RIGHTS
        _checked(libc.syscall(ADD_RULE, rules, PATH_BENEATH, ctypes.byref(_Beneath(allowed, place)), 0))
    finally:
        os.close(place)


def _checked(returned: int) -> int:
    if returned < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"the barrier around the method could not be closed: {os.strerror(number)}")
    return returned


def _beside(hidden: Sequence[str]) -> Iterator[str]:
    """Yield the entries that together hold everything but `hidden`; a symbolic link counts where it leads.

    Landlock only grants: what is beside the way to a hidden folder is granted, entry by entry.
    """
    ways = {str(parent) for path in hidden for parent in Path(path).parents}
    for folder in ways.difference(*([w for w in ways if _holds(h, w)] for h in hidden)):
        with suppress(OSError):  # it is not there yet, or may not be listed
            yield from (e.path for e in os.scandir(folder) if e.path not in {*ways, *hidden} and not e.is_symlink())


def _within(needed: Iterable[str], hidden: Sequence[str], beside: Sequence[str]) -> Iterator[str]:
    """Yield what holds the folders of `needed` without what is hidden in them."""
    for folder in needed:
        if any(_holds(h, folder) for h in hidden):
            continue
        yield from (b for b in beside if _holds(folder, b)) if any(_holds(folder, h) for h in hidden) else (folder,)


def _holds(folder: str, path: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")


CHANGING = frozenset({"os.mkdir", "os.rename", "os.link", "os.symlink", "os.remove", "os.rmdir", "os.truncate"})
"""Events of Python's audit hooks whose first arguments are paths that are changed, moved or made."""


def _listen(hidden: Sequence[str], cell: str, needed: Sequence[str]) -> None:
    """Refuse what Python and h5py open under `hidden`, and what Python changes elsewhere than in `needed`; both but in `cell`."""

    def refuse(path: object, *, changes: bool = False) -> None:
        if isinstance(path, str | bytes | os.PathLike):
            real = os.path.realpath(os.fsdecode(path))
            if _holds(cell, real):
                return
            if any(_holds(h, real) for h in hidden) or (changes and not any(_holds(n, real) for n in needed)):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), real)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            refuse(arguments[0], changes=bool(arguments[2] & (os.O_WRONLY | os.O_RDWR)))
        elif event in CHANGING:
            for path in arguments[:2]:
                refuse(path, changes=event != "os.symlink" or path is not arguments[0])

    sys.addaudithook(hook)
    import h5py

    plain = h5py.h5f.open

    def guarded(name: bytes, *words: Any, **options: Any) -> Any:
        refuse(name)
        return plain(name, *words, **options)

    h5py.h5f.open = guarded
