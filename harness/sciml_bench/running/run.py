"""Running cells that have no record yet, one after the other, and writing each one's record as soon as it is there."""

import shutil
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any, Protocol

from ..errors import ContractError, NotFiniteError
from ..protocol.seeds import PROTOCOL_VERSION
from ..records.provenance import environment
from ..records.record import Cost, Provenance, Record, Status
from ..records.store import Store
from .cell import Cell
from .executor import execute
from .sample_pictures import keep
from .scoring import DataReader, Scored, score
from .worker import PREDICTIONS, Job


class Watcher(Protocol):
    """Who watches a run: a progress bar."""

    def cell_started(self, cell: Cell) -> None:
        """A cell begins."""

    def cell_progress(self, cell: Cell, fraction: float, message: str) -> None:
        """A cell has come so far."""

    def cell_ended(self, record: Record, reused: bool) -> None:
        """A cell has its record."""


@dataclass(frozen=True)
class Planned:
    """A cell to be run and the `--set` words of the command that repeats it."""

    cell: Cell
    given: Mapping[str, Any]


@dataclass
class Runner:
    """Runs cells against one store."""

    store: Store
    context: ForkServerContext
    threads: int
    retry: bool = False
    keep_predictions: Path | None = None

    def run(self, cells: Sequence[Planned], watcher: Watcher) -> list[Record]:
        """Return the record of every cell, in order, running those that have none."""
        known = {r.key: r for r in self.store.records()}
        reader = DataReader()
        records = []
        for planned in cells:
            found = known.get(planned.cell.key)
            if found is not None and (found.status in ("ok", "not_applicable") or not self._again(found)):
                watcher.cell_ended(found, True)
                records.append(found)
                continue
            record = self._one(planned, watcher, reader)
            self.store.append(record)
            known[record.key] = record
            watcher.cell_ended(record, False)
            records.append(record)
        return records

    def _again(self, record: Record) -> bool:
        """Whether a failed cell is run again: when asked to, or when its worker was killed from outside."""
        return self.retry or bool(record.diagnostics.get("killed"))

    def _one(self, planned: Planned, watcher: Watcher, reader: DataReader) -> Record:
        cell = planned.cell
        watcher.cell_started(cell)
        begun, started = time.perf_counter(), datetime.now(UTC)
        reason = cell.method.applies_to(cell.task.problem)
        if reason is not None:
            return _record(planned, "not_applicable", reason, None, {}, None, started, self.threads)
        folder = Path(tempfile.mkdtemp(prefix="sciml-bench-"))
        try:
            outcome = execute(self.context, _job(cell, folder, self.threads), _listener(cell, watcher))
            status, reason = outcome["status"], outcome["reason"]
            scored: Scored | None = None
            if status == "ok":
                try:
                    scored = score(cell, folder, reader)
                except NotFiniteError as error:
                    status, reason = "not_finite", str(error)
                except ContractError as error:
                    status, reason = "failed", str(error)
            if scored is not None:
                self._keep(cell, folder, scored)
            total = time.perf_counter() - begun
            return _record(planned, status, reason, scored, outcome, total, started, self.threads)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

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
            )
        checkpoint = folder / "checkpoint.pkl"
        if checkpoint.exists():
            _move(checkpoint, base / "checkpoints" / f"{cell.key}.pkl")
        if self.keep_predictions is not None:
            _move(folder / PREDICTIONS, self.keep_predictions / f"{cell.key}.h5")


def _move(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(source, target)


def _job(cell: Cell, folder: Path, threads: int) -> Job:
    task = cell.task
    return Job(
        source=task.source,
        problem=task.problem if task.source.is_file else None,
        method_name=cell.method_name,
        hyperparameters=cell.method.hyperparameters(),
        budget=cell.budget,
        seed=cell.identity.seed,
        device=cell.device,
        threads=threads,
        data=task.data.path,
        shifts={name: cached.path for name, cached in task.shifts.items()},
        split=task.splits[cell.fold],
        folder=folder,
    )


def _listener(cell: Cell, watcher: Watcher) -> Callable[[dict[str, Any]], None]:
    stages = {"fit": (0.0, "fitting"), "predict": (0.97, "predicting"), "save": (0.99, "predicting shifts")}

    def listen(message: dict[str, Any]) -> None:
        if "progress" in message:
            watcher.cell_progress(cell, 0.97 * message["progress"], message["message"])
        elif "stage" in message:
            watcher.cell_progress(cell, *stages[message["stage"]])

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
        diagnostics |= {k: outcome[k] for k in ("skipped_shifts", "killed") if outcome.get(k)}
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
        scores={} if scored is None else scored.scores,
        floor={} if certificate is None else certificate.floor,
        per_sample=None if scored is None else scored.per_sample,
        cost=_cost(cell, outcome, total, threads) if scored is not None else None,
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
            command=cell.command(planned.given),
        ),
    )


def _cost(cell: Cell, outcome: dict[str, Any], total: float | None, threads: int) -> Cost:
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
        overhead_seconds=None if total is None else max(total - inside, 0.0),
    )
