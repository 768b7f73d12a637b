"""Putting a finished folder in the place of an old one, so that nothing half-built replaces a good site."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import UsageError
from ..paths import ensure_writable

GENERATOR = '<meta name="generator" content="sciml-bench">'
"""Stands in every page: how a site is told from somebody's folder."""


@contextmanager
def replacing(out: Path, names: frozenset[str]) -> Iterator[Path]:
    """Give an empty folder beside `out` that takes its place on success and vanishes on failure.

    `names` are all that a site may hold at its top level. Raises UsageError if `out` holds anything else,
    which would be lost.
    """
    out = Path(os.path.abspath(out))
    _check(out, names)
    ensure_writable(out.parent, "folder of the site")
    made = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    made.chmod(0o755)
    new, old = made / "new", made / "old"
    new.mkdir()
    try:
        yield new
        if out.exists():
            os.replace(out, old)
        try:
            os.replace(new, out)
        except OSError:
            if old.exists():
                os.replace(old, out)
            raise
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _check(out: Path, names: frozenset[str]) -> None:
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise UsageError(f"'{out}' is not a folder; give the site a folder of its own")
    held = {p.name for p in out.iterdir()} if out.exists() else set()
    if not held:
        return
    index = out / "index.html"
    ours = index.is_file() and GENERATOR in index.read_text(encoding="utf-8", errors="replace")[:4000]
    foreign = sorted(held - names)
    if not ours or foreign:
        what = f"'{foreign[0]}'" if foreign else "files"
        raise UsageError(
            f"the folder '{out}' holds {what} that no earlier build made and that would be lost; "
            "give an empty folder or one that does not exist"
        )
