"""From records to rows: one row for each method and variant on each dataset, with intervals, cost and flags."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from statistics import fmean
from typing import Any

from .. import metrics
from ..records.record import Record
from . import effort
from .compare import samples_of
from .intervals import Interval, corrected, of_folds, test_over_train
from .tradeoff import Point, Tradeoff, place

COSTS = (
    "data_seconds", "tuning_seconds", "fit_seconds", "predict_seconds", "latency_p50", "latency_p95", "throughput",
    "peak_memory_gib", "device_memory_gib", "energy_joules", "parameters", "overhead_seconds",
)  # fmt: skip
TIMES = (
    "fit_seconds", "predict_seconds", "latency_p50", "latency_p95", "throughput", "energy_joules", "overhead_seconds",
)  # fmt: skip
"""What means nothing where several cells shared a GPU."""
PDE = ("pde_defect", "pde_residual")
"""Scores for which the reference solver has to go on from predictions, which it may not be able to."""
_ACCURACY = {m.name for m in metrics.ACCURACY}
SIMPLE = ("control", "baseline")
"""Families of methods that any other one must beat."""
HINDERED = 1.3
"""So many times its processor time a fit or a prediction on one core takes only if it had to wait for that core."""
LONG_FIT, LONG_PREDICTION = 1.0, 0.1
"""Seconds under which a wait says nothing."""
INVESTED = ("data_seconds", "tuning_seconds", "fit_seconds")


@dataclass(frozen=True)
class Row:
    """One row of a leaderboard."""

    dataset: str
    tier: str
    device: str
    method: str
    variant: str
    name: str
    family: str
    primary: str
    folds: int
    status: dict[str, int]
    reasons: list[str]
    scores: dict[str, Interval]
    cost: dict[str, float]
    floor: dict[str, float]
    records: list[Record] = field(repr=False)
    tradeoff: Tradeoff | None = None
    flags: tuple[str, ...] = ()
    scaled: float | None = None
    """(c − e)/(c − floor), e its error and c that of the best negative control: 0 is as bad as that, 1 as good as the truth."""
    baseline: float | None = None
    """The error of the best simple method on its samples: of a baseline the best control's, of a control none."""

    @property
    def ok(self) -> bool:
        """Whether every cell succeeded."""
        return set(self.status) == {"ok"}

    @property
    def applies(self) -> bool:
        """Whether the method applies to the problem."""
        return set(self.status) != {"not_applicable"}

    @property
    def succeeded(self) -> int:
        """In how many folds a cell succeeded."""
        return len({r.cell.fold for r in self.records if r.status == "ok"})

    @property
    def part(self) -> tuple[int, int] | None:
        """On how many of a fold's test samples it was scored, and of how many; None where that is all of them."""
        for record in self.records:
            tested = record.diagnostics.get("test_samples")
            if record.per_sample is not None and isinstance(tested, int) and len(record.per_sample.samples) < tested:
                return len(record.per_sample.samples), tested
        return None

    @property
    def unfollowed(self) -> int:
        """Of how many of its cells the reference solver could not go on from the predictions, so that there is no defect."""
        return sum("physics" in r.diagnostics.get("notes", {}) for r in self.records if r.status == "ok")

    @property
    def data(self) -> str:
        """The digest of the data that it was made from; rows of different data are not held against each other."""
        return self.records[0].provenance.data_digest

    @property
    def solver(self) -> bool:
        """Whether it is a classical solver: a point of the accuracy-cost curve against which the others stand."""
        return self.family == "solver"

    @property
    def control(self) -> bool:
        """Whether it is a negative control, which any method must beat."""
        return self.family == "control"

    @property
    def error(self) -> float | None:
        """The primary score's mean, None where no cell succeeded."""
        interval = self.scores.get(self.primary)
        return None if interval is None else interval.mean

    @property
    def shifts(self) -> dict[str, Interval]:
        """Shift → the primary score out of distribution, of those that it was scored on."""
        start, end = "shift:", f"/{self.primary}"
        return {
            n.removeprefix(start).removesuffix(end): i
            for n, i in self.scores.items()
            if n.startswith(start) and n.endswith(end)
        }

    @property
    def shared(self) -> bool:
        """Whether cells ran beside others on one GPU, so that their times are not the method's."""
        return any(r.cost is not None and not r.cost.own for r in self.records)

    @property
    def hindered(self) -> bool:
        """Whether a fit or a prediction on one core took clearly more wall time than processor time: something else ran on it."""
        costs = [
            r.cost for r in self.records if r.cost is not None and r.cell.device == "cpu" and r.provenance.threads == 1
        ]
        return any(
            c.fit_seconds > max(LONG_FIT, HINDERED * c.fit_cpu_seconds)
            or c.predict_seconds > max(LONG_PREDICTION, HINDERED * c.predict_cpu_seconds)
            for c in costs
        )

    @property
    def seconds_per_sample(self) -> float | None:
        """Predict seconds for one sample when the whole test part is predicted at once."""
        return self.cost.get("predict_seconds_per_sample")

    @property
    def fit_seconds(self) -> float | None:
        """Seconds of a fit; None for solvers and for what solves each instance anew while it predicts, as nothing is fitted."""
        return None if self.solver or self.part is not None else self.cost.get("fit_seconds")

    @property
    def invested(self) -> float:
        """Seconds spent before the first prediction: data, tuning where it is recorded, and fit."""
        return sum(self.cost.get(name, 0.0) for name in INVESTED)

    def as_dict(self) -> dict[str, Any]:
        """Return the row as `run --json` prints it."""
        return {
            "dataset": self.dataset,
            "method": self.name,
            "primary": self.primary,
            "tier": self.tier,
            "folds": self.folds,
            "status": self.status,
            "reasons": self.reasons,
            "scores": {k: v.as_dict() for k, v in self.scores.items()},
            "cost": self.cost,
            "floor": self.floor,
            "flags": list(self.flags),
            "scaled": self.scaled,
            "tradeoff": None
            if self.tradeoff is None
            else {
                "speed_up_at_equal_error": self.tradeoff.speed_up,
                "error_ratio_at_equal_cost": self.tradeoff.error_ratio,
                "break_even_count": self.tradeoff.break_even,
                "note": self.tradeoff.note,
            },
        }


def summarise(records: Iterable[Record]) -> list[Row]:
    """Return the rows, dataset by dataset, best first; failed rows last."""
    rows: list[Row] = []
    for _, group in groupby(shown(records), key=_of_board):
        rows += _board(list(group))
    return rows


def shown(records: Iterable[Record]) -> list[Record]:
    """Return the records that rows are made of, row by row, without those that others have superseded."""

    def row(record: Record) -> tuple[str, ...]:
        return *_of_board(record), record.row

    return [record for _, group in groupby(sorted(records, key=row), key=row) for record in _newest(list(group))]


def _of_board(record: Record) -> tuple[str, str, str]:
    return record.cell.tier, record.cell.dataset, record.cell.device


def _board(records: Sequence[Record]) -> list[Row]:
    """Return the rows of one dataset, tier and device."""
    rows = _sharing([_row(list(group)) for _, group in groupby(records, key=lambda r: r.row)])
    placed = [_placed(r, *_beside(r, rows)) for r in rows]
    return sorted(placed, key=lambda r: (r.error is None, r.error or 0.0, r.name))


def _sharing(rows: Sequence[Row]) -> list[Row]:
    """Return the rows with one cost of the same data: the least, as what else a machine did while it made them is no method's."""
    least: dict[tuple[str, int], float] = {}
    for row in rows:
        seconds = row.cost.get("data_seconds", 0.0)
        if seconds > 0:
            least[row.data, row.folds] = min(seconds, least.get((row.data, row.folds), seconds))
    costs = [{"data_seconds": least[r.data, r.folds]} if r.cost.get("data_seconds") else {} for r in rows]
    return [replace(row, cost=row.cost | shared) for row, shared in zip(rows, costs, strict=True)]


def _beside(row: Row, rows: Sequence[Row]) -> tuple[list[Point], float | None, float | None]:
    """Return the solver's points, the best control's error and the baseline's, on the test samples that the row was scored on.

    A setting of the solver that failed in some cell is none to be beaten by or to pay for: its mean leaves out the hard samples.
    """
    others = [r for r in rows if (r.solver or r.family in SIMPLE) and r.data == row.data]
    errors = [(r, r.error if row.part is None else error_on(r, row)) for r in others]
    solver = [
        Point(r.name, error, r.seconds_per_sample)
        for r, error in errors
        if r.solver and r.ok and error is not None and r.seconds_per_sample is not None
    ]
    simple = [(r, error) for r, error in errors if not r.solver and error is not None]
    control = min((error for r, error in simple if r.control), default=None)
    return solver, control, min((error for r, error in simple if row.family not in SIMPLE or r.control), default=None)


def common_data(rows: Sequence[Row]) -> str:
    """Return the digest of the data that most rows of a board were made from; of as many rows, the newest.

    Not the newest of all: one row made on a processor that rounds otherwise would then stand alone, and so would all others.
    """
    numbers = Counter(row.data for row in rows)
    return max(rows, key=lambda row: (numbers[row.data], max(r.provenance.started for r in row.records))).data


def of_common_data(rows: Iterable[Row]) -> list[Row]:
    """Return the rows that may be held against each other: of each dataset, tier and device those of the data of most."""
    boards: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows:
        boards.setdefault((row.tier, row.dataset, row.device), []).append(row)
    common = {board: common_data(found) for board, found in boards.items()}
    return [r for board, found in boards.items() for r in found if r.data == common[board]]


def error_on(row: Row, other: Row) -> float | None:
    """Return the error of a row on the very test samples on which another one was scored; None where it lacks some.

    Mean over folds of the finished mean statistic, which of repetitions is the mean too.
    """
    finish = metrics.finish(row.primary)
    own = samples_of(row.records)
    asked = samples_of(other.records)
    if not asked or any(s not in own.get(fold, {}) for fold, samples in asked.items() for s in samples):
        return None
    return fmean(finish(fmean(own[fold][s] for s in samples)) for fold, samples in asked.items())


def _newest(records: list[Record]) -> list[Record]:
    """Return the records that belong with the newest one: same data, method, hyperparameters and number of folds.

    Of one cell the last record that was appended counts, whatever its clock said.
    """
    last = {(r.cell.fold, r.cell.repetition): r for r in records}
    newest = max(last.values(), key=lambda r: r.provenance.started)
    kept: dict[tuple[int, int], Record] = {}
    for record in records:
        if record.generation == newest.generation:
            kept[record.cell.fold, record.cell.repetition] = record
    return [kept[cell] for cell in sorted(kept)]


def _row(records: list[Record]) -> Row:
    first = records[0]
    good = [r for r in records if r.status == "ok"]
    ratio = test_over_train(good)
    names = sorted(
        {name for r in good for name in r.scores if not (_ranks_nothing(name, good) or _of_some(name, good))}
    )
    return Row(
        dataset=first.cell.dataset,
        tier=first.cell.tier,
        device=first.cell.device,
        method=first.cell.method,
        variant=first.cell.variant,
        name=first.row,
        family=first.family,
        primary=first.primary,
        folds=first.cell.folds,
        status=dict(sorted(Counter(r.status for r in records).items())),
        reasons=sorted({r.reason for r in records if r.status != "ok"}),
        scores={n: corrected(list(of_folds(good, n).values()), ratio, metrics.bounds(n)) for n in names},
        cost=_cost(good),
        floor=first.floor,
        records=records,
    )


def _ranks_nothing(name: str, records: list[Record]) -> bool:
    """Whether a score is a rank correlation that had nothing to rank: one number a sample, or the same spread everywhere."""
    return name == "spread_error_correlation" and not any(r.scores.get(name) for r in records)


def _of_some(name: str, records: list[Record]) -> bool:
    """Whether a score is of some folds alone: of predictions that the reference solver could follow, whose mean would flatter, or
    of test parts whose truth defines it.
    """
    partial = name in PDE or name.partition("/")[0] in _ACCURACY
    return partial and any(name not in r.scores for r in records)


def _cost(records: list[Record]) -> dict[str, float]:
    """Return the means of what the cells cost, without times unless they are of one cell alone on what it ran on.

    A search that came after the cells and kept their settings is part of their cost as one that came before.
    """
    costs = [r.cost for r in records if r.cost is not None]
    own = all(c.own for c in costs)
    found: dict[str, float] = {}
    for name in COSTS:
        values = [getattr(c, name) for c in costs if getattr(c, name) is not None]
        if values and (own or name not in TIMES):
            found[name] = fmean(values)
    if costs and "tuning_seconds" not in found and (later := effort.kept(records[0])) is not None:
        found["tuning_seconds"] = later.seconds
    if costs and own:
        found["predict_seconds_per_sample"] = fmean(c.predict_seconds / c.predict_samples for c in costs)
    return found


def _placed(row: Row, solver: list[Point], control: float | None, baseline: float | None) -> Row:
    row = replace(row, baseline=None if row.control else baseline)
    if row.error is not None and control is not None:
        row = replace(row, scaled=_scaled(row.error, control, max(row.floor.get(row.primary, 0.0), 0.0)))
    if row.error is None:
        return row
    flags = [] if row.part is None else ["scored on {} of {} test samples a fold".format(*row.part)]
    if row.baseline is not None and row.error > row.baseline:
        flags.append("worse than the baseline")
    if row.hindered:
        flags.append("timed beside other work")
    if row.unfollowed:
        flags.append("unphysical states")
    if row.solver or row.control or row.seconds_per_sample is None:
        return _with(row, None, flags)
    tradeoff = place(
        Point(row.name, row.error, row.seconds_per_sample), row.invested, solver, row.floor.get(row.primary, 0.0)
    )
    if tradeoff.dominated:
        flags.append("dominated by the solver")
    return _with(row, tradeoff, flags)


def _scaled(error: float, control: float, floor: float) -> float | None:
    """Return where an error stands between the control and the floor; below the floor is no better than at it."""
    return (control - max(error, floor)) / (control - floor) if control > floor else None


def _with(row: Row, tradeoff: Tradeoff | None, flags: list[str]) -> Row:
    if not row.ok:
        flags = [*flags, "some cells failed"]
    return replace(row, tradeoff=tradeoff, flags=tuple(flags))
