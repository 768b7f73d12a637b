"""Lines of cells that wait for their turn: each cell's worker starts while the one before is scored."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .cell import Planned
from .cell_folders import CellFolder
from .executor import Worker


@dataclass
class Running:
    """A started cell: its folder, and its worker or the reason why it has none."""

    own: CellFolder
    worker: Worker | None
    reason: str

    @property
    def folder(self) -> Path:
        """Where its files lie."""
        return self.own.path

    def close(self) -> dict[str, Any]:
        """End what still runs, remove the folder and say how many processes the worker had left behind."""
        left = {}
        if self.worker is not None:
            self.worker.end()
            left = {"left_behind": self.worker.left_behind}
        self.own.close()
        return left


@dataclass
class Shared:
    """Cells that several lanes take from, until there are no more or one of them was stopped."""

    cells: Iterator[Planned]
    stop: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __iter__(self) -> Iterator[Planned]:
        """Return itself."""
        return self

    def __next__(self) -> Planned:
        """Return the next cell."""
        with self._lock:
            if self.stop.is_set():
                raise StopIteration
            return next(self.cells)


@dataclass
class Line:
    """Cells in a row, of which the next one's worker is started as soon as the times of the present one are taken."""

    cells: Iterator[Planned]
    start: Callable[[Planned], Running]
    _ahead: tuple[Planned, Running] | None = None
    _begun: bool = False

    def begin(self) -> None:
        """Start the next cell's worker, if there is a next cell and it was not started yet."""
        if not self._begun:
            self._begun = True
            planned = next(self.cells, None)
            self._ahead = None if planned is None else (planned, self.start(planned))

    def advance(self) -> tuple[Planned, Running] | None:
        """Return the next cell and make it the present one; None at the end of the line."""
        self.begin()
        present, self._ahead, self._begun = self._ahead, None, False
        return present

    def close(self) -> None:
        """End the worker that was started ahead."""
        if self._ahead is not None:
            self._ahead[1].close()
