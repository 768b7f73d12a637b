"""Running all cells of a track that have no record yet, several at a time, each job on cores of its own.

A job is a process that runs one cell after the other. Its cores are its own and inherited by everything that it starts, so that
no cell is timed while another uses them. Jobs share nothing but a counter and the store: one that dies takes no other with it.
"""

import multiprocessing
import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.context import SpawnContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from queue import Empty
from typing import Any

from ..errors import UsageError
from ..protocol.track import Track
from ..records.record import Record
from ..records.store import Store
from ..registry import dataset_class, method_class, method_names
from . import plan
from .executor import fork_server
from .run import Planned, Runner
from .task import Task, prepare

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
    keep_predictions: Path | None = None

    @classmethod
    def of(cls, track: Track, *, device: str, results: Path, retry: bool, methods: Sequence[str] = ()) -> "Sweep":
        """Return the sweep of a track, over all methods of the suite that can run here unless some are named."""
        request = plan.Request(
            tier=track.tier, seeds=track.seeds, only_fold=None, device=device, seconds=None, memory_gib=None
        )
        for name in track.datasets:
            plan.check_dataset(name)
        for name in methods:
            plan.check_method(name, track.tier, {})
        found = tuple(methods) or tuple(m for m in method_names() if _can_run(m))
        return cls(
            datasets=track.datasets,
            methods=found,
            folds=track.folds,
            request=request,
            results=results,
            retry=retry,
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
                first = cell.fold == 0 and cell.repetition == 0
                if first or cell.method.applies_to(task.problem) is None:
                    found.append(planned)
        return found

    def frameworks(self) -> set[str]:
        """Return the frameworks that a fork server should have imported."""
        solvers = [dataset_class(d).tier(self.request.tier).problem().solver for d in self.datasets]
        found = {str(method_class(m).card.framework) for m in self.methods}
        return found | {str(s.framework) for s in solvers if s is not None}

    def runner(self, threads: int) -> Runner:
        """Return the runner of one job."""
        context = fork_server(self.frameworks())
        store = Store(self.results)
        return Runner(store, context, threads, retry=self.retry, keep_predictions=self.keep_predictions)


def _can_run(method: str) -> bool:
    """Whether a method runs as it is named, with what is installed here; a wrapper runs only around another one."""
    card = method_class(method).card
    return card.family != "wrapper" and plan.missing_library(card) is None


class Watcher:
    """Who watches a sweep; the jobs' news arrive one at a time."""

    def started(self, job: int, title: str) -> None:
        """A job begins a cell."""

    def progressed(self, job: int, fraction: float, message: str) -> None:
        """A job's cell has come so far."""

    def ended(self, job: int, record: Record) -> None:
        """A job's cell has its record."""


@dataclass
class _Messenger:
    """In a job: passes the news of a cell on to the parent."""

    job: int
    news: Any

    def cell_started(self, cell: Any) -> None:
        self.news.put(("started", self.job, f"{cell.task.name} {cell.row} fold {cell.fold + 1}"))

    def cell_progress(self, cell: Any, fraction: float, message: str) -> None:  # noqa: ARG002
        self.news.put(("progressed", self.job, fraction, message))

    def cell_ended(self, record: Record, reused: bool) -> None:  # noqa: ARG002
        self.news.put(("ended", self.job, record.to_line()))


def shares(jobs: int) -> list[tuple[int, ...]]:
    """Return the cores of each job: as many for each as there are, none for two."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count() or 1))
    if not 1 <= jobs <= len(cores):
        raise UsageError(f"--jobs is {jobs}, but this machine has {len(cores)} cores for it: give 1 to {len(cores)}")
    each = len(cores) // jobs
    return [tuple(cores[j * each : (j + 1) * each]) for j in range(jobs)]


def run(sweep: Sweep, waiting: Sequence[int], jobs: int, watcher: Watcher) -> None:
    """Run the cells with these numbers; returns when all have a record, or the jobs have died."""
    context = multiprocessing.get_context("spawn")
    news: Any = context.Queue()
    following = context.Value("i", 0)
    arguments = (sweep, list(waiting), following, news)
    workers = [_start(context, j, cores, arguments) for j, cores in enumerate(shares(jobs))]
    try:
        while any(w.is_alive() for w in workers) or not news.empty():
            with suppress(Empty):
                kind, job, *rest = news.get(timeout=0.2)
                if kind == "ended":
                    watcher.ended(job, Record.model_validate_json(rest[0]))
                else:
                    getattr(watcher, kind)(job, *rest)
    finally:
        for worker in workers:
            worker.terminate()
            worker.join()


def _start(context: SpawnContext, job: int, cores: tuple[int, ...], arguments: tuple[Any, ...]) -> BaseProcess:
    process = context.Process(target=_job, args=(job, cores, *arguments), name=f"job {job}")
    process.start()
    return process


def _job(job: int, cores: tuple[int, ...], sweep: Sweep, waiting: list[int], following: Any, news: Any) -> None:
    """Run cells until none is left."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cores)  # inherited by everything that is started from here
    try:
        runner = sweep.runner(len(cores))
        cells = sweep.cells(sweep.tasks(lambda _: lambda *_: None))
        numbers = _numbers(waiting, following)
        for _ in runner.run_each((cells[n] for n in numbers), _Messenger(job, news)):
            pass
    except KeyboardInterrupt:
        return  # the parent has been told as well, and says so


def _numbers(waiting: list[int], following: Any) -> Iterable[int]:
    while True:
        with following.get_lock():
            n = following.value
            following.value += 1
        if n >= len(waiting):
            return
        yield waiting[n]
