"""Checking published cells: train and predict again, score kept predictions again, or score on a test set that nobody has seen.

A cell is run with its own hyperparameters, budget and number of cores; the same method's source is asked for first, and the same
data, which on another processor may be rounded otherwise. If the predictions come out byte for byte, every score must be the
published one to rounding. If they do not (another machine, another library), a score may differ by its tolerance

    2 s,   s the standard deviation of that score over the cells of its row, or of its samples over √n where the row has one cell,

which is what another fold would have changed anyhow. As a row whose cells contradict each other would so allow itself anything, a
score of accuracy may be off by no more than twice the larger of a tenth and the standard error over samples of what is found. A
blind test set compares ē′ with the published ē: a difference of up to

    3 √(s²/n + s′²/n′),   s and s′ the deviations over samples,

is what fresh samples of the same distribution bring.
"""

import math
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from .. import metrics
from ..errors import SciMLBenchError, UnknownNameError
from ..method.contract import Budget
from ..problem import generation
from ..problem.samples import like
from ..problem.storage import read_parts, read_samples
from ..protocol.seeds import PROTOCOL_VERSION, derive
from ..records.provenance import threads
from ..records.record import Record
from ..records.store import Store
from ..registry import build_method, dataset_class, method_class
from .cell import Cell, Planned, source_digest
from .executor import fork_server
from .run import Runner, Watcher
from .scoring import DataReader, prediction_digest, score
from .task import Task, prepare
from .worker import PREDICTIONS

Verdict = Literal["identical", "within tolerance", "drifted", "tampered", "outdated", "failed", "skipped"]
ROUNDING = 1e-9
"""Relative difference of scores of the same predictions."""
PERFECT = 1e-12
"""What is off from zero by less than this is rounding alone, of the scores that are relative and zero for a perfect answer."""
ENOUGH = 0.1
"""Twice so much, relative to what is found, training on another machine may move a score of accuracy, whatever its row says."""
BLIND_SIGMAS = 3.0
_ACCURACY = {m.name for m in metrics.ACCURACY}


@dataclass(frozen=True, kw_only=True)
class Moved:
    """A score that is not what was published."""

    score: str
    published: float
    found: float
    tolerance: float

    def __str__(self) -> str:
        """Say by how much."""
        gap = abs(self.found - self.published)
        told = f"{self.score} was published as {self.published:.6g} and is {self.found:.6g}"
        return f"{told}: off by {gap:.2g}, tolerance {self.tolerance:.2g}"


@dataclass(frozen=True, kw_only=True)
class Checked:
    """What came of checking one record; `again` is the new record where the cell was run."""

    record: Record
    verdict: Verdict
    reason: str
    moved: tuple[Moved, ...] = ()
    largest: float = 0.0
    """The largest difference of a score over its tolerance."""
    again: Record | None = None

    @property
    def stands(self) -> bool:
        """Whether the published numbers stand."""
        return self.verdict in ("identical", "within tolerance", "skipped")


def tolerances(record: Record, row: Sequence[Record], again: Record | None = None) -> dict[str, float]:
    """Return the tolerance of every score of a record, from the cells of its row and from what its cell gives `again`."""
    found = {}
    for name, value in record.scores.items():
        values = [r.scores[name] for r in row if r.status == "ok" and name in r.scores]
        with np.errstate(over="ignore"):
            spread = float(np.std(values, ddof=1)) if len(values) > 1 else _sampling(record) * abs(value)
        if again is not None and name in again.scores and name.partition("/")[0] in _ACCURACY:
            spread = min(spread, max(_sampling(again), ENOUGH) * abs(again.scores[name]))
        found[name] = max(2 * spread, _rounding(name, value))
    return found


def _rounding(name: str, value: float) -> float:
    """Return what the order of a sum may change in a score."""
    least = PERFECT if name.startswith(("conservation/", "symmetry/")) else 1e-300
    return max(ROUNDING * abs(value), least)


def _sampling(record: Record) -> float:
    """Return the relative standard error of the primary score over the cell's samples."""
    values = np.asarray(record.per_sample.values if record.per_sample else [0.0])
    mean = float(np.abs(values.mean()))
    return float(values.std(ddof=1)) / math.sqrt(len(values)) / mean if len(values) > 1 and mean > 0 else 0.0


def judge(record: Record, again: Record, row: Sequence[Record]) -> Checked:
    """Compare a record with what its cell gives now."""
    if again.status != record.status:
        reason = f"published as {record.status}, it now is {again.status}: {again.reason or 'it succeeded'}"
        return Checked(
            record=record, verdict="drifted" if again.status == "ok" else "failed", reason=reason, again=again
        )
    if record.status != "ok":
        return Checked(record=record, verdict="identical", reason=f"{record.status}, as published", again=again)
    same = again.provenance.prediction_digest == record.provenance.prediction_digest
    allowed = tolerances(record, row, again)
    if same:
        allowed = {name: _rounding(name, value) for name, value in record.scores.items()}
    moved, largest = compare_scores(record.scores, again.scores, allowed)
    if not moved:
        reason = "predictions byte for byte, and every score" if same else "every score is within its tolerance"
        return Checked(
            record=record,
            verdict="identical" if same else "within tolerance",
            reason=reason,
            largest=largest,
            again=again,
        )
    reason = f"{len(moved)} of {len(record.scores)} scores are off"
    reason += ", though the predictions are byte for byte those that were published" if same else ""
    return Checked(
        record=record,
        verdict="tampered" if same else "drifted",
        reason=reason,
        moved=moved,
        largest=largest,
        again=again,
    )


def compare_scores(
    published: Mapping[str, float], found: Mapping[str, float], allowed: Mapping[str, float]
) -> tuple[tuple[Moved, ...], float]:
    """Return the scores that are off, the worst first, and the largest difference over its tolerance."""
    ratios = []
    for name, value in published.items():
        now = found.get(name, math.inf)
        gap = abs(now - value)
        ratio = gap / allowed[name] if allowed[name] > 0 else (math.inf if gap > 0 else 0.0)
        ratios.append((ratio, Moved(score=name, published=value, found=now, tolerance=allowed[name])))
    ratios.sort(key=lambda pair: -pair[0])
    return tuple(m for r, m in ratios if r > 1), ratios[0][0] if ratios else 0.0


class Verifier:
    """Checks records of one store; data and tasks are made once for each dataset."""

    def __init__(self, records: Sequence[Record], watcher: Watcher, frameworks: Iterable[str]) -> None:
        self._rows: dict[tuple[str | float, ...], list[Record]] = {}
        for record in records:
            self._rows.setdefault(_row_of(record), []).append(record)
        self._tasks: dict[tuple[str, str, int], Task] = {}
        self._watcher = watcher
        self._context = fork_server(frameworks)
        self._reader = DataReader()

    def row(self, record: Record) -> Sequence[Record]:
        """Return the records whose deviation is the tolerance of this one."""
        return self._rows[_row_of(record)]

    def run_again(self, record: Record) -> Checked:
        """Train and predict again, and compare."""
        cell = self._planned(record, _outdated)
        if isinstance(cell, Checked):
            return cell
        checked = judge(record, self._record(cell, record.provenance.threads), self.row(record))
        had, have = record.provenance.threads, threads()
        told = [checked.reason]
        if had > have and checked.verdict not in ("identical", "skipped"):
            told.append(f"it was published from {had} cores, and here are {have}")
        if _of_other_data(record, cell) and checked.verdict != "skipped":
            told.append("the data made here are not those of the record byte for byte, as happens on another processor")
        return replace(checked, reason="; ".join(told))

    def score_again(self, record: Record, predictions: Path) -> Checked:
        """Score kept predictions, without training."""
        kept = predictions / f"{record.key}.h5"
        if not kept.exists():
            return Checked(record=record, verdict="skipped", reason="its predictions were not kept")
        cell = self._planned(record, _of_other_data)
        if isinstance(cell, Checked):
            return cell
        try:
            test = read_parts(kept).get("test")
            if test is None or prediction_digest(test) != record.provenance.prediction_digest:
                return Checked(
                    record=record,
                    verdict="tampered",
                    reason="the kept predictions are not those that the record speaks of: their digests differ",
                )
            with tempfile.TemporaryDirectory(prefix="sciml-bench-") as folder, generation.same_on_any_cores():
                (Path(folder) / PREDICTIONS).symlink_to(kept.resolve())
                found = score(cell, Path(folder), self._reader)
        except SciMLBenchError as error:
            return Checked(record=record, verdict="failed", reason=f"its kept predictions cannot be scored: {error}")
        return judge(record, record.model_copy(update={"scores": found.scores}), self.row(record))

    def blind(self, record: Record, seed: int) -> Checked:
        """Train again on the published training part, and score on fresh test samples from another seed."""
        cell = self._planned(record, _outdated)
        if isinstance(cell, Checked):
            return cell
        if cell.method.card.family == "solver" or cell.method.card.per_instance:
            return Checked(
                record=record,
                verdict="skipped",
                reason="it learns from no data, so that it cannot have seen the test part",
            )
        if record.status != "ok" or record.per_sample is None:
            return Checked(record=record, verdict="skipped", reason=f"it was published as {record.status}")
        dataset = dataset_class(cell.task.source.name).tier(cell.task.source.tier)
        if dataset.card.truth == "measured":
            return Checked(
                record=record, verdict="skipped", reason="its data were measured, and no more of them can be drawn"
            )
        fresh = replace(dataset, samples=len(record.per_sample.values))  # type: ignore[type-var]
        data = generation.obtain(f"{cell.task.name}-blind", fresh, derive("blind", seed, cell.task.name))
        task = replace(cell.task, shifts={"blind": data})
        with tempfile.TemporaryDirectory(prefix="sciml-bench-") as folder:
            again = self._record(replace(cell, task=task), record.provenance.threads, Path(folder))
            if again.status != "ok":
                return Checked(record=record, verdict="failed", reason=f"{again.status}: {again.reason}", again=again)
            parts = read_parts(next(Path(folder).glob("*.h5")))
        return _judge_blind(record, again, task, parts)

    def _record(self, cell: Cell, threads: int, predictions: Path | None = None) -> Record:
        with tempfile.TemporaryDirectory(prefix="sciml-bench-") as folder:
            runner = Runner(Store(Path(folder)), self._context, threads, keep_predictions=predictions)
            return next(iter(runner.run_each([Planned(cell, {})], self._watcher)))

    def _planned(self, record: Record, outdated: Callable[[Record, Cell], str]) -> Cell | Checked:
        """Return the cell of a record, or the verdict where the code or data at hand are not those of it."""
        try:
            cell = self._cell(record)
        except UnknownNameError as error:  # it was renamed or removed since
            return Checked(record=record, verdict="outdated", reason=str(error))
        except SciMLBenchError as error:
            return Checked(record=record, verdict="failed", reason=str(error))
        reason = outdated(record, cell)
        return Checked(record=record, verdict="outdated", reason=reason) if reason else cell

    def _cell(self, record: Record) -> Cell:
        cell = record.cell
        key = (cell.dataset, cell.tier, cell.folds)
        if key not in self._tasks:
            self._tasks[key] = prepare(cell.dataset, cell.tier, cell.folds, device=cell.device)
        return Cell(
            task=self._tasks[key],
            method_name=cell.method,
            method=build_method(method_class(cell.method), "", {}, cell.hyperparameters),
            variant=cell.variant,
            fold=cell.fold,
            repetition=cell.repetition,
            device=cell.device,
            budget=Budget(seconds=cell.budget_seconds, memory_gib=cell.budget_memory_gib),
            method_digest=source_digest(cell.method),
        )


def _row_of(record: Record) -> tuple[str | float, ...]:
    """Return what the cells have in common whose deviation is a record's tolerance."""
    return record.cell.tier, record.cell.dataset, record.cell.device, record.row, *record.generation


def _outdated(record: Record, cell: Cell) -> str:
    """Return why the code or the recipe of the data at hand are not those of the record, or ""."""
    made, commit = record.provenance, record.provenance.commit or "unknown"
    if cell.method_digest[:16] != made.method_digest:
        return f"the method's source has changed since: check out commit {commit} to repeat it"
    alike = cell.identity.model_dump_json() == record.cell.model_dump_json() and made.protocol == PROTOCOL_VERSION
    other = _of_other_data(record, cell)
    if other and not alike:
        return other
    if not other and cell.key != record.key:
        return f"the cell is planned otherwise than at commit {commit}: check that out to repeat it"
    return ""


def _of_other_data(record: Record, cell: Cell) -> str:
    """Return that the data at hand are not those of the record, or ""."""
    made = record.provenance
    if cell.task.data.digest[:16] == made.data_digest:
        return ""
    return f"the data generated here are not those of the record (digest {made.data_digest}, commit {made.commit or 'unknown'})"


def _judge_blind(record: Record, again: Record, task: Task, parts: Mapping[str, object]) -> Checked:
    problem = task.problem
    names = [v.name for v in (*problem.inputs, *problem.targets)]
    truth = read_samples(task.shifts["blind"].path, names, None)
    if "shift-blind" not in parts:
        reason = again.diagnostics.get("skipped_shifts", {}).get("blind", "no prediction")
        return Checked(
            record=record, verdict="failed", reason=f"it could not predict the blind test set: {reason}", again=again
        )
    prediction = like(metrics.mean_prediction(parts["shift-blind"]), truth)  # type: ignore[arg-type]
    scores, samples, _ = metrics.of_accuracy(prediction, truth, problem)
    headline = metrics.primary(problem)
    old, new = np.asarray(record.per_sample.values if record.per_sample else []), samples[headline]
    if min(len(old), len(new)) < 2:
        return Checked(
            record=record,
            verdict="skipped",
            reason="a single test sample does not tell how much fresh ones differ",
            again=again,
        )
    tolerance = BLIND_SIGMAS * math.sqrt(old.var(ddof=1) / len(old) + new.var(ddof=1) / len(new))
    gap = float(new.mean() - old.mean())
    finish = metrics.finish(headline)
    allowed = finish(float(old.mean()) + tolerance) - finish(float(old.mean()))  # in the score's own unit
    moved = Moved(score=headline, published=record.scores[headline], found=scores[headline], tolerance=allowed)
    told = f"{headline} {scores[headline]:.4g} on {len(new)} unseen samples, published {record.scores[headline]:.4g}"
    if gap > tolerance:
        return Checked(
            record=record,
            verdict="drifted",
            reason=f"{told}: worse than fresh samples explain",
            moved=(moved,),
            again=again,
        )
    return Checked(
        record=record,
        verdict="within tolerance",
        reason=told,
        largest=abs(gap) / tolerance if tolerance else 0.0,
        again=again,
    )


def frameworks(records: Sequence[Record]) -> set[str]:
    """Return the frameworks that some records' methods need; one that is not there, or is a user's own file, needs none."""
    found = {"jax"} if any(r.family == "solver" for r in records) else set()  # which most datasets' own solvers are in
    for name in {r.cell.method for r in records}:
        with suppress(SciMLBenchError):
            found.add(str(method_class(name).card.framework))
    return found


def choose(records: Sequence[Record], share: float, seed: int) -> Iterator[Record]:
    """Yield a random share of the records, at least one, in a fixed order."""
    rng = np.random.default_rng(seed)
    n = max(1, round(share * len(records)))
    for i in sorted(rng.choice(len(records), size=min(n, len(records)), replace=False)):
        yield records[i]
