"""What a person sees while cells run: bars on a terminal, lines elsewhere, always on standard error."""

import time
from threading import get_ident
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from ..problem.generation import Progress as Report
from ..records.record import Record
from ..running.cell import Cell

NOTE_SECONDS = 5.0


def bars_on(console: Console) -> Progress:
    """Return bars with a note at the end of each, shown on a terminal alone and gone when all is done."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("[dim]{task.fields[note]}"),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


class Screen:
    """Bars for data generation and cells; one line for every cell that ends."""

    def __init__(self) -> None:
        self.console = Console(stderr=True, highlight=False)
        self._progress = bars_on(self.console)
        self._overall: TaskID | None = None
        self._cells: dict[int, TaskID] = {}
        """The bar of each thread that runs cells."""
        self._last_note = 0.0
        self._begun: list[Cell] = []

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def data(self, title: str) -> Report:
        """Return a reporter for one dataset's generation."""
        task: TaskID | None = None
        begun = time.monotonic()

        def report(fraction: float, message: str) -> None:
            nonlocal task
            if message.startswith("! "):
                self.console.print(f"[yellow]![/] {_plain(title)}: {_plain(message[2:])}", soft_wrap=True)
                return
            if not self.console.is_terminal:
                if message:
                    self._line(f"{title}: {message}", fraction >= 1.0)
                return
            if task is None:
                task = self._progress.add_task(title, total=100, note="")
            self._progress.update(task, completed=round(100 * fraction), note=message)
            if fraction >= 1.0:
                self._progress.update(task, visible=False)
                if message:
                    self.console.print(f"[green]✓[/] {title}: {message} [dim]({time.monotonic() - begun:.1f} s)")

        return report

    def _line(self, text: str, always: bool) -> None:
        now = time.monotonic()
        if always or now - self._last_note > NOTE_SECONDS:
            self._last_note = now
            self.console.print(text, markup=False)

    def expect(self, cells: int) -> None:
        """Open the bar of all cells."""
        self._overall = self._progress.add_task("cells", total=cells, note="")

    @property
    def trained(self) -> int:
        """How many cells were begun."""
        return len(self._begun)

    def cell_started(self, cell: Cell) -> None:
        """Open the bar of one cell."""
        self._begun.append(cell)
        title = f"{cell.row} fold {cell.fold + 1}/{len(cell.task.splits)}"
        thread = get_ident()
        if thread not in self._cells:
            self._cells[thread] = self._progress.add_task("", total=100, note="")
        self._progress.reset(self._cells[thread], description=title, total=100, note="starting", visible=True)

    def cell_progress(self, cell: Cell, fraction: float, message: str) -> None:  # noqa: ARG002
        """Move the bar of one cell."""
        self._progress.update(self._cells[get_ident()], completed=round(100 * fraction), note=message)

    def cell_ended(self, record: Record, reused: bool) -> None:
        """Close the bar of one cell and say how it ended."""
        if self._overall is not None:
            self._progress.advance(self._overall)
        if not reused:
            if get_ident() in self._cells:
                self._progress.update(self._cells[get_ident()], visible=False)
            self.console.print(line_of(record), soft_wrap=True)


def line_of(record: Record) -> str:
    """Return one line about a finished cell."""
    title = _plain(f"{record.cell.dataset} {record.row} fold {record.cell.fold + 1}/{record.cell.folds}")
    if record.status != "ok":
        return f"[red]✗[/] {title}: {record.status}: {_plain(record.reason)}"
    cost = record.cost
    spent = "" if cost is None else f" [dim]fit {cost.fit_seconds:.1f} s, predict {cost.predict_seconds:.2g} s[/]"
    left = record.diagnostics.get("left_behind")
    ended = f"; {left} processes that the method left running were ended, and the record stands" if left else ""
    return f"[green]✓[/] {title}: {record.primary} {record.scores[record.primary]:.3g}{spent}{ended}"


def _plain(text: str) -> str:
    return text.replace("[", "\\[")
