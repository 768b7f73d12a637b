"""`sciml-bench sweep`."""

import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from ..errors import InterruptedRunError
from ..records.record import Record
from ..records.store import Store
from ..registry import track
from ..running import plan
from ..running.sweep import Sweep, Watcher, run, shares
from .progress import Screen, line_of


@dataclass
class Bars(Watcher):
    """A bar for the whole sweep with the time left, and one for each job; a line for every cell that ends."""

    console: Console
    progress: Progress
    whole: TaskID
    jobs: list[TaskID]
    titles: dict[int, str] = field(default_factory=dict)
    failed: int = 0
    done: int = 0

    def started(self, job: int, title: str) -> None:
        """Open the bar of one cell."""
        self.progress.reset(self.jobs[job], description=title, total=100, note="", visible=True)

    def progressed(self, job: int, fraction: float, message: str) -> None:
        """Move the bar of one cell."""
        self.progress.update(self.jobs[job], completed=round(100 * fraction), note=message)

    def ended(self, job: int, record: Record) -> None:  # noqa: ARG002
        """Count a cell; say how it ended unless it did not apply."""
        self.done += 1
        self.progress.advance(self.whole)
        if record.status != "not_applicable":
            self.console.print(line_of(record), soft_wrap=True)
        self.failed += record.status not in ("ok", "not_applicable")


def sweep(
    name: str,
    *,
    tier: str | None,
    jobs: int,
    device: str,
    results: Path,
    retry: bool,
    methods: list[str],
    dry_run: bool,
) -> None:
    """Run what has no record yet."""
    shares(jobs)
    found = track(name)
    found = found if tier is None else replace(found, tier=tier)
    asked = Sweep.of(found, device=plan.pick_device(device), results=results, retry=retry, methods=methods)
    store = Store(results)
    store.prepare()
    try:
        with Screen() as screen:
            tasks = asked.tasks(screen.data)
        cells = asked.cells(tasks)
        keys = [p.cell.key for p in cells]
        stands = asked.runner(1).settled(keys)
        waiting = [n for n, key in enumerate(keys) if key not in stands]
        note = f"{name}: {len(cells)} cells, {len(stands)} have a record in {results}, {len(waiting)} to run"
        screen.console.print(note)
        if dry_run or not waiting:
            return
        bars = _run(asked, waiting, jobs, screen.console)
    except KeyboardInterrupt as error:
        raise InterruptedRunError(
            "interrupted; finished cells are kept, and the same command goes on from there"
        ) from error
    if bars.done < len(waiting):
        screen.console.print(
            f"[red]![/] {len(waiting) - bars.done} cells have no record, as a job ended early; run the command again"
        )
    if bars.failed or bars.done < len(waiting):
        raise typer.Exit(1)


def _run(asked: Sweep, waiting: list[int], jobs: int, console: Console) -> Bars:
    begun = time.monotonic()
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("[dim]{task.fields[note]}"),
        console=console,
        transient=True,
        disable=not console.is_terminal,
        speed_estimate_period=3600,
    )
    with progress:
        whole = progress.add_task(escape("sweep"), total=len(waiting), note="")
        bars = Bars(console, progress, whole, [progress.add_task("", total=100, note="") for _ in range(jobs)])
        run(asked, waiting, jobs, bars)
    console.print(f"[dim]{bars.done} cells in {time.monotonic() - begun:.0f} s, {bars.failed} of them failed")
    return bars
