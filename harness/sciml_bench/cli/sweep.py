"""`sciml-bench sweep`."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from operator import itemgetter
from pathlib import Path

import typer
from rich.console import Console
from rich.markup import escape

from ..errors import InterruptedRunError, UnknownNameError
from ..protocol.track import Track
from ..records.provenance import threads
from ..records.record import Record
from ..records.store import Store
from ..registry import track, track_names
from ..running import jobs as pool
from ..running import plan
from ..running.expected import Remaining, longest_first
from ..running.sweep import Sweep, expected
from .bars import Bars
from .progress import Screen, line_of

ALL = "all"


def sweep(
    name: str,
    *,
    tier: str | None,
    jobs: int | None,
    device: str,
    results: Path,
    retry: bool,
    methods: Sequence[str],
    datasets: Sequence[str],
    only_fold: int | None,
    dry_run: bool,
) -> None:
    """Run what has no record yet."""
    picked = plan.pick_device(device)
    jobs = jobs if jobs is not None else len(pool.lanes(1, threads())) if picked == "cpu" else 1
    pool.shares(jobs)
    wanted = [
        Sweep.of(
            tracks,
            device=picked,
            results=results,
            retry=retry,
            jobs=jobs,
            methods=methods,
            datasets=datasets,
            only_fold=only_fold,
        )
        for tracks in tracks_of(name, tier, datasets)
    ]
    if not dry_run:
        Store(results).prepare()
    endings = [_sweep(asked, name, jobs, dry_run) for asked in wanted]
    if not all(endings):
        raise typer.Exit(1)


def tracks_of(name: str, tier: str | None, datasets: Sequence[str]) -> list[list[Track]]:
    """Return the named track, or of `all` those that hold a dataset asked for, together where tier and protocol agree."""
    known = track_names()
    if name not in (*known, ALL):
        raise UnknownNameError("track", name, [*known, ALL])
    found = [track(n) for n in (known if name == ALL else [name])]
    found = [t if tier is None else replace(t, tier=tier) for t in found]
    if name == ALL and datasets:
        found = [t for t in found if set(t.datasets) & set(datasets)] or found

    def protocol(t: Track) -> tuple[str, int, int]:
        return t.tier, t.folds, t.seeds

    return [list(group) for _, group in groupby(sorted(found, key=protocol), key=protocol)]


def _sweep(asked: Sweep, name: str, jobs: int, dry_run: bool) -> bool:
    """Run one sweep; whether every cell has a record and none failed."""
    try:
        with Screen() as screen:
            tasks = asked.outlines() if dry_run else asked.tasks(screen.data)
        cells = asked.cells(tasks)
        waiting = asked.waiting(cells)
        screen.console.print(
            f"{name}: {len(cells)} cells, {len(cells) - len(waiting)} have a record in {asked.results}, {len(waiting)} to run"
        )
        if dry_run:
            _list(Counter((cells[n].cell.task.name, cells[n].cell.row) for n in waiting), screen.console)
        if dry_run or not waiting:
            return True
        remaining = Remaining(expected(cells, waiting, asked.results), jobs)
        return _run(asked, remaining, name, screen.console)
    except KeyboardInterrupt as error:
        raise InterruptedRunError(
            "interrupted; finished cells are kept, and the same command goes on from there"
        ) from error


def _list(waiting: Counter[tuple[str, str]], console: Console) -> None:
    """Print which rows have cells to run, dataset by dataset."""
    for dataset, rows in groupby(waiting, key=itemgetter(0)):
        named = ", ".join(f"{row} ({waiting[dataset, row]})" for _, row in rows)
        console.print(f"  {dataset}: {escape(named)}", soft_wrap=True)


def _run(asked: Sweep, remaining: Remaining, name: str, console: Console) -> bool:
    """Run the cells that wait, the longest first where several run at a time."""
    begun, failed = time.monotonic(), 0

    def ended(line: str) -> str | None:
        nonlocal failed
        record = Record.model_validate_json(line)
        failed += record.status not in ("ok", "not_applicable")
        return None if record.status == "not_applicable" else line_of(record)

    waiting = longest_first(remaining.expected) if remaining.jobs > 1 else list(remaining.expected)
    with Bars(console, remaining, ended, f"sweep {name}") as bars:
        lost = pool.run(asked, waiting, remaining.jobs, bars.listen)
    console.print(f"[dim]{bars.done} cells in {time.monotonic() - begun:.0f} s, {failed} of them failed")
    if lost:
        console.print(
            f"[red]![/] {len(lost)} cells have no record, as the process that ran them died; run the command again"
        )
    return not failed and not lost
