"""Running cells that have no record yet, one in each lane at a time, and writing each one's record as soon as it is there."""

import os
import shutil
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from itertools import chain
from multiprocessing.context import ForkServerContext
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Protocol

from .. import metrics
from ..errors import ContractError, NotFiniteError, StoreError, UsageError
from ..paths import full_disk
from ..problem.generation import same_on_any_cores
from ..protocol.seeds import PROTOCOL_VERSION
from ..records.provenance import environment
from ..records.record import Cost, Provenance, Record, Status
from ..records.store import Store
from ..registry import why_not
from . import cell_folders
from .cell import Cell, Planned
from .executor import Worker
from .line import Line, Running, Shared
from .sample_pictures import keep
from .sandbox import cells_folder, published
from .scoring import DataReader, Scored, get_ready, score
from .worker import PREDICTIONS, Job


class Watcher(Protocol):
    """Who watches a run: a progress bar."""

    def cell_started(self, cell: Cell) -> None:
        """A cell begins."""

    def cell_progress(self, cell: Cell, fraction: float, message: str) -> None:
        """A cell has come so far."""

    def cell_ended(self, record: Record, reused: bool) -> None:
        """A cell has its record."""


@dataclass
class Runner:
    """Runs cells against one store."""

    store: Store
    context: ForkServerContext
    threads: int
    retry: bool = False
    keep_predictions: Path | None = None
    jobs: int = 1
    """How many runners work beside each other: on a GPU they share it, and the records say so."""
    lanes: Sequence[tuple[int, ...]] = ((),)
    """The cores of each cell that runs at a time; a single empty lane: one at a time, on any cores."""

    def run(self, cells: Sequence[Planned], watcher: Watcher) -> list[Record]:
        """Return the record of every cell, in order, running those that have none.

        As soon as the times of one cell are taken, the worker of the next of its lane starts and reads its data; it is let go only
        when the one before is scored, so that no cell is timed while another uses its cores.
        """
        keys = [p.cell.key for p in cells]
        found = self.settled(keys)
        for record in found.values():
            watcher.cell_ended(record, True)
        waiting = [p for p, key in zip(cells, keys, strict=True) if key not in found]
        with closing(self.run_each(waiting, watcher)) as fresh:
            found |= {r.key: r for r in fresh}
        return [found[key] for key in keys]

    def run_each(self, cells: Iterable[Planned], watcher: Watcher) -> Generator[Record]:
        """Run cells, whatever records there are of them, and yield the record of each as soon as it is stored.

        With several lanes as many cells run at a time, each followed and scored by a thread that keeps to the cores of its lane.
        """
        remaining = iter(cells)
        first = next(remaining, None)
        if first is None:
            return
        cell_folders.remove_abandoned()
        shared = Shared(chain([first], remaining))
        lines = [Line(shared, partial(self._start, cores=cores, stop=shared.stop)) for cores in self.lanes]
        try:
            reader = DataReader()
            with ThreadPoolExecutor(len(lines)) as pool:  # the fork server may still be importing what workers need
                starting = [pool.submit(line.begin) for line in lines]
                get_ready(first.cell.task, reader)
                for each in starting:
                    each.result()
            with same_on_any_cores():
                if len(lines) == 1:
                    yield from self._follow(lines[0], reader, watcher)
                else:
                    yield from self._beside(lines, reader, watcher, shared.stop)
        finally:
            for line in lines:
                line.close()

    def _beside(
        self, lines: Sequence[Line], reader: DataReader, watcher: Watcher, stop: threading.Event
    ) -> Generator[Record]:
        """Run the lines beside each other and yield their records as they come."""
        news: SimpleQueue[Record | BaseException | None] = SimpleQueue()

        def work(line: Line, cores: tuple[int, ...], own: DataReader) -> None:
            if hasattr(os, "sched_setaffinity"):
                os.sched_setaffinity(0, cores)  # of this thread, and of those that it starts
            try:
                for record in self._follow(line, own, watcher):
                    news.put(record)
                news.put(None)
            except BaseException as error:
                news.put(error)

        with ThreadPoolExecutor(len(lines)) as pool:
            try:
                for n, (line, cores) in enumerate(zip(lines, self.lanes, strict=True)):
                    pool.submit(work, line, cores, reader if n == 0 else DataReader())
                left = len(lines)
                while left:
                    told = news.get()
                    if isinstance(told, BaseException):
                        raise told
                    if told is None:
                        left -= 1
                    else:
                        yield told
            finally:
                stop.set()  # where the others still wait for their workers

    def _follow(self, line: Line, reader: DataReader, watcher: Watcher) -> Iterator[Record]:
        """Run the cells of a line one after the other."""
        present = line.advance()
        while present is not None:
            watcher.cell_started(present[0].cell)
            yield self._run_one(*present, line, reader, watcher)
            present = line.advance()

    def _run_one(self, planned: Planned, running: Running, line: Line, reader: DataReader, watcher: Watcher) -> Record:
        """Run a cell whose worker has started, and return its record when it is stored."""
        scored = None
        begun, moment = time.perf_counter(), datetime.now(UTC)
        try:
            outcome, status, reason = _outcome(running, planned.cell, watcher, line.begin)
            line.begin()
            if status == "ok":
                status, reason, scored = self._scored(planned.cell, running.folder, reader)
        finally:
            left = running.close()
        total = time.perf_counter() - begun
        if outcome.get("refused") and planned.came_from == "given":
            raise UsageError(f"{planned.cell.row} cannot be run: {reason}")
        if outcome:
            outcome |= left
        if "cost" in outcome and planned.cell.place == "cpu" and max(self.jobs, len(self.lanes)) > 1:
            outcome["cost"]["energy_joules"] = None  # the processor's counter knows no cells
        record = _record(planned, status, reason, scored, outcome, total, moment, self.threads, self.jobs)
        self.store.append(record)
        watcher.cell_ended(record, False)
        return record

    def settled(self, keys: Sequence[str]) -> dict[str, Record]:
        """Return the records of those cells that need not be run: they succeeded, or failed and are not to be tried again."""
        known = {r.key: r for r in standing(self.store, self.retry)}
        return {k: known[k] for k in keys if k in known}

    def _start(self, planned: Planned, cores: tuple[int, ...], stop: threading.Event) -> "Running":
        reason = why_not(planned.cell.method, planned.cell.task.problem)
        own = cell_folders.make()
        if reason is not None:
            return Running(own, None, reason)
        job = replace(job_of(planned.cell, own.path, self.threads, self._secret(planned.cell)), cores=cores)
        return Running(own, Worker.start(self.context, job, stop), "")

    def _secret(self, cell: Cell) -> tuple[Path, ...]:
        """Return what holds the truth of test samples, or what others made of them, cells beside it included."""
        source = cell.task.source
        kept = [] if self.keep_predictions is None else [self.keep_predictions]
        given = [Path(source.name)] if source.is_file else []
        return tuple(p.absolute() for p in (cells_folder(), *published(self.store.folder), *kept, *given))

    def _scored(self, cell: Cell, folder: Path, reader: DataReader) -> tuple[Status, str, Scored | None]:
        """Score a cell that ended well; a prediction that cannot be scored is the method's failure."""
        try:
            scored = score(cell, folder, reader)
        except NotFiniteError as error:
            return "not_finite", str(error), None
        except ContractError as error:
            return "failed", str(error), None
        try:
            self._keep(cell, folder, scored)
        except (OSError, RuntimeError) as error:
            raise StoreError(
                f"the pictures or the checkpoint of {cell.row} fold {cell.fold} could not be kept ({full_disk(error) or error}); "
                "earlier records are untouched: free space and run the same command again"
            ) from error
        return "ok", "", scored

    def _keep(self, cell: Cell, folder: Path, scored: Scored) -> None:
        """Keep what pictures and a second scoring need, beside the records."""
        problem = cell.task.problem
        base = self.store.folder / cell.task.tier / cell.task.name
        if cell.fold == 0 and cell.repetition == 0 and any(v.space for v in problem.targets):
            keep(
                base / "samples" / f"{cell.key}.h5",
                scored,
                [v.name for v in problem.targets],
                [v.name for v in problem.inputs if v.space],
                film=cell.method.card.family == "control",
            )
        checkpoint = folder / "checkpoint.pkl"
        if checkpoint.exists():
            _move(checkpoint, base / "checkpoints" / f"{cell.key}.pkl")
        if self.keep_predictions is not None:
            _move(folder / PREDICTIONS, self.keep_predictions / f"{cell.key}.h5")


def standing(store: Store, retry: bool) -> list[Record]:
    """Return the records whose cells need not be run again: not those that were ended from outside, no fault of the method."""

    def stands(record: Record) -> bool:
        again = retry or bool(record.diagnostics.get("killed"))
        return record.status in ("ok", "not_applicable") or not again

    return [r for r in store.records() if stands(r)]


def _outcome(
    running: Running, cell: Cell, watcher: Watcher, measured: Callable[[], None]
) -> tuple[dict[str, Any], Status, str]:
    """Let a started worker go and return its outcome, status and reason; call `measured` when its times are taken."""
    if running.worker is None:
        return {}, "not_applicable", running.reason
    outcome = running.worker.answer(_listener(cell, watcher, measured))
    return outcome, outcome["status"], outcome["reason"]


def _move(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(source, target)


def job_of(cell: Cell, folder: Path, threads: int, secret: tuple[Path, ...]) -> Job:
    """Return what the worker of a cell is told; `secret` is what its method must not read beside the data."""
    task = cell.task
    return Job(
        source=task.source,
        problem=task.problem if task.source.is_file else None,
        method_name=cell.method_name,
        hyperparameters=cell.method.hyperparameters(),
        budget=cell.budget,
        seed=cell.identity.seed,
        device=cell.place,
        threads=threads,
        data=task.data.path,
        shifts={name: cached.path for name, cached in task.shifts.items()},
        split=task.splits[cell.fold],
        folder=folder,
        secret=secret,
    )


def _listener(cell: Cell, watcher: Watcher, measured: Callable[[], None]) -> Callable[[dict[str, Any]], None]:
    stages = {"fit": (0.0, "fitting"), "predict": (0.97, "predicting"), "save": (0.99, "predicting shifts")}

    def listen(message: dict[str, Any]) -> None:
        if "progress" in message:
            watcher.cell_progress(cell, 0.97 * message["progress"], message["message"])
        elif "stage" in message:
            watcher.cell_progress(cell, *stages[message["stage"]])
            if message["stage"] == "save":
                measured()

    return listen


def _record(
    planned: Planned,
    status: Status,
    reason: str,
    scored: Scored | None,
    outcome: dict[str, Any],
    total: float | None,
    started: datetime,
    threads: int,
    jobs: int,
) -> Record:
    cell = planned.cell
    split = cell.task.splits[cell.fold]
    diagnostics: dict[str, Any] = {
        "train_samples": len(split.train),
        "valid_samples": len(split.valid),
        "test_samples": len(split.test),
    }
    if outcome:
        diagnostics |= {"curves": outcome["curves"], "facts": outcome["facts"]}
        diagnostics |= {
            k: outcome[k] for k in ("skipped_shifts", "skipped_probes", "killed", "left_behind") if outcome.get(k)
        }
    if scored is not None:
        diagnostics |= scored.diagnostics
    certificate = cell.task.certificate
    if certificate is not None:
        diagnostics["certificate"] = {
            "samples": certificate.samples,
            "against": certificate.against,
            "worst": certificate.worst,
        }
    return Record(
        key=cell.key,
        cell=cell.identity,
        status=status,
        reason=reason[:2000],
        primary=metrics.primary(cell.task.problem),
        family=cell.method.card.family,
        scores={} if scored is None else scored.scores,
        floor={} if certificate is None else certificate.floor,
        per_sample=None if scored is None else scored.per_sample,
        cost=_cost(planned, outcome, total, threads, jobs) if scored is not None else None,
        diagnostics=diagnostics,
        provenance=Provenance(
            **environment(),  # type: ignore[arg-type]
            protocol=PROTOCOL_VERSION,
            data_digest=cell.task.data.digest[:16],
            method_digest=cell.method_digest[:16],
            prediction_digest=None if scored is None else scored.prediction_digest,
            accelerator=outcome.get("accelerator"),
            threads=threads,
            started=started.isoformat(timespec="seconds"),
            command=cell.command(planned.given, threads),
            hyperparameters_from=planned.came_from,
        ),
    )


def _cost(planned: Planned, outcome: dict[str, Any], total: float | None, threads: int, jobs: int) -> Cost:
    cell = planned.cell
    split, data = cell.task.splits[cell.fold], cell.task.data
    facts = outcome["facts"]
    measured = dict(outcome["cost"])
    inside = measured["fit_seconds"] + measured["predictor_seconds"]
    measured["peak_memory_gib"] = max(measured["peak_memory_gib"], outcome["observed_peak_gib"])
    learned = len(split.train) + len(split.valid) if cell.method.card.uses_data else 0
    parameters = facts.get("parameters")
    flops = facts.get("flops")
    return Cost(
        **measured,
        data_seconds=data.seconds * learned / data.samples,
        parameters=None if parameters is None else int(parameters),
        flops=None if flops is None else float(flops),
        threads=threads,
        precision=str(getattr(cell.method, "precision", "float64")),
        tuning_seconds=planned.tuning_seconds,
        overhead_seconds=None if total is None else max(total - inside, 0.0),
        device_shared=jobs if cell.place == "cuda" else None,
    )
