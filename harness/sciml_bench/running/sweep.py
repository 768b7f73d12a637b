"""Running all cells of some tracks that have no record yet, several at a time; see `jobs`."""

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .._layout import root
from ..errors import UnknownNameError, UsageError
from ..method.contract import Method
from ..protocol.track import Track
from ..records.record import Record
from ..records.store import Store
from ..registry import Broken, all_methods, why_not
from . import plan
from .cell import Cell, Planned
from .executor import fork_server
from .expected import by_row
from .jobs import Tell
from .run import Runner, standing
from .task import Task, outline, prepare

Report = Callable[[float, str], None]


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """What a sweep runs: all that another process needs to plan the same cells again."""

    datasets: tuple[str, ...]
    methods: tuple[str, ...]
    folds: int
    request: plan.Request
    results: Path
    retry: bool
    jobs: int = 1
    keep_predictions: Path | None = None

    @classmethod
    def of(
        cls,
        tracks: Sequence[Track],
        *,
        device: str,
        results: Path,
        retry: bool,
        jobs: int = 1,
        methods: Sequence[str] = (),
        datasets: Sequence[str] = (),
        only_fold: int | None = None,
    ) -> "Sweep":
        """Return the sweep of tracks of one protocol, over all methods of the suite that can run here unless some are named."""
        track = tracks[0]
        if only_fold is not None and not 0 <= only_fold < track.folds:
            raise UsageError(f"--only-fold is {only_fold}: expected 0 to {track.folds - 1}")
        request = plan.Request(
            tier=track.tier, seeds=track.seeds, only_fold=only_fold, device=device, seconds=None, memory_gib=None
        )
        return cls(
            datasets=chosen_datasets(tracks, datasets, device),
            methods=chosen_methods(methods, track.tier, device),
            folds=track.folds,
            request=request,
            results=results,
            retry=retry,
            jobs=jobs,
        )

    def tasks(self, progress: Callable[[str], Report]) -> list[Task]:
        """Make the data of every dataset that is not in the cache."""
        tier, device = self.request.tier, self.request.device
        return [prepare(d, tier, self.folds, device=device, progress=progress(f"data {d}")) for d in self.datasets]

    def cells(self, tasks: Iterable[Task]) -> list[Planned]:
        """Return the cells in order: dataset by dataset, method by method; of a pair that does not fit a single one."""
        found = []
        for task in tasks:
            for planned in plan.cells(task, self.methods, self.request, {}):
                cell = planned.cell
                first = cell.fold == (self.request.only_fold or 0) and cell.repetition == 0
                if first or why_not(cell.method, task.problem) is None:
                    found.append(planned)
        return found

    def outlines(self) -> list[Task]:
        """Return the tasks for counting cells: no data are made."""
        return [outline(d, self.request.tier, self.folds) for d in self.datasets]

    def waiting(self, cells: Sequence[Planned]) -> list[int]:
        """Return the numbers of the cells that have no record; where the data are not there, a record's cell and method tell."""
        found = standing(Store(self.results), self.retry)
        keys = {r.key for r in found}
        alike = {(r.cell.model_dump_json(), r.provenance.method_digest) for r in found}

        def waits(cell: Cell) -> bool:
            if cell.task.data.digest:
                return cell.key not in keys
            return (cell.identity.model_dump_json(), cell.method_digest[:16]) not in alike

        return [n for n, planned in enumerate(cells) if waits(planned.cell)]

    def runner(self, threads: int) -> Runner:
        """Return the runner of one job."""
        context = fork_server(plan.frameworks(self.methods, self.datasets, self.request.tier))
        store = Store(self.results)
        return Runner(store, context, threads, retry=self.retry, keep_predictions=self.keep_predictions, jobs=self.jobs)

    def work(self, numbers: Iterable[int], tell: Tell, threads: int) -> None:
        """Run the cells with these numbers; what a job does."""
        runner = self.runner(threads)
        cells = self.cells(self.tasks(lambda _: lambda *_: None))
        for _ in runner.run_each((cells[n] for n in numbers), _Messenger(tell)):
            pass


def measured(results: Path) -> Mapping[tuple[str, str, str], float]:
    """Return the seconds of a row's cells, from the records in a folder and those published with the suite."""
    return {**by_row(Store(root("results")).records()), **by_row(Store(results).records())}


def expected(cells: Sequence[Planned], numbers: Iterable[int], results: Path) -> dict[int, float | None]:
    """Return how long these cells should take, None where that is not known."""
    known = measured(results)
    found: dict[int, float | None] = {}
    for n in numbers:
        cell = cells[n].cell
        applies = why_not(cell.method, cell.task.problem) is None
        found[n] = known.get((cell.task.tier, cell.task.name, cell.row)) if applies else 0.0
    return found


def chosen_datasets(tracks: Sequence[Track], named: Sequence[str], device: str) -> tuple[str, ...]:
    """Return the datasets of some tracks, or those named of them."""
    known = list(dict.fromkeys(d for t in tracks for d in t.datasets))
    for name in named:
        if name not in known:
            raise UnknownNameError("dataset of the track", name, known)
    for name in named or known:
        plan.check_dataset(name, device)
    return tuple(named or known)


def chosen_methods(named: Sequence[str], tier: str, device: str) -> tuple[str, ...]:
    """Return the methods named, or else all of the suite that run as they are named, with what is installed here."""
    plan.check_names("method", named)
    for name in named:
        plan.check_method(name, tier, {}, device)
    return tuple(named) or tuple(name for name, cls in all_methods() if _can_run(cls, device))


def _can_run(cls: type[Method] | Broken, device: str) -> bool:
    """Whether a method runs as it is named, with what is installed here; a wrapper runs only around another one."""
    if isinstance(cls, Broken):
        sys.stderr.write(f"sciml-bench: {cls.reason}; it is left out\n")
        return False
    return cls.card.family != "wrapper" and plan.missing_library(cls.card, device) is None


@dataclass
class _Messenger:
    """In a job: passes the news of a cell on to the parent."""

    tell: Tell

    def cell_started(self, cell: Any) -> None:
        self.tell("started", f"{cell.task.name} {cell.row} fold {cell.fold + 1}")

    def cell_progress(self, cell: Any, fraction: float, message: str) -> None:  # noqa: ARG002
        self.tell("progressed", fraction, message)

    def cell_ended(self, record: Record, reused: bool) -> None:  # noqa: ARG002
        self.tell("ended", record.to_line())
