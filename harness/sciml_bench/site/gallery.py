"""The figures of a site, each named by the digest of what it shows: an unchanged one is not drawn again."""

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = "figures"


@dataclass(frozen=True)
class Picture:
    """A figure as a page shows it: its file among the figures, what it shows in words, its size in pixels."""

    file: str
    alt: str
    width: int
    height: int


@dataclass(frozen=True)
class Gallery:
    """Where figures go, and where those of the last build stand, if there are any."""

    folder: Path
    previous: Path

    def draw(self, kind: str, suffix: str, shown: Any, paint: Callable[[Path], None]) -> str:
        """Return the file that shows `shown`, plain data and arrays, painted if it is not there yet."""
        text = json.dumps([kind, shown], default=_plain, sort_keys=True)
        digest = hashlib.sha256((_code() + text).encode()).hexdigest()[:16]
        file = f"{kind}-{digest}.{suffix}"
        path = self.folder / file
        if path.exists():
            return file
        self.folder.mkdir(parents=True, exist_ok=True)
        old = self.previous / file
        if old.is_file():
            shutil.copyfile(old, path)
        else:
            paint(path)
        return file


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return [
            str(value.dtype),
            value.shape,
            hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest(),
        ]
    raise TypeError(f"a figure is made from plain data and arrays, not from {type(value).__name__}")


@cache
def _code() -> str:
    """Return a digest of the code that draws."""
    here = Path(__file__).parent
    return hashlib.sha256(b"".join(p.read_bytes() for p in sorted(here.glob("*.py")))).hexdigest()
