"""What the page of one row shows: its checklist, its numbers fold by fold, its curves and pictures, and every record whole.

A row and not a cell has a page: the folds of a row are read together and share method, hyperparameters and environment; a page
for each of some thousand cells would say the same thing five times.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from ..problem.card import MethodCard
from ..ranking.checklist import Check, checklist
from ..records.record import Record
from . import cards, figures, text
from .board import Board, RowView, row_command
from .figures import Sample
from .gallery import Gallery
from .regimes import Regime, regimes
from .row_charts import calibration_caption, distribution, good, learning, over_time, reliability, spectrum
from .tree import own, shared, tree


@dataclass(frozen=True)
class Number:
    """One score or cost: its name, mean, interval and floor, and its value in each cell."""

    name: str
    mean: str
    ends: str
    floor: str
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Confusion:
    """How often a class was taken for another, all cells added up: rows are the truth."""

    variable: str
    classes: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    shares: tuple[tuple[int, ...], ...]
    """Hundredths of each row, for the shade."""


@dataclass(frozen=True)
class Fold:
    """One cell: its record, and what of it is no other cell's as a page shows it."""

    record: Record
    anchor: str
    own: Markup


@dataclass(frozen=True, kw_only=True)
class RowPage:
    """All that the template of a row's page needs."""

    view: RowView
    card: MethodCard | None
    place: int | None
    """Among the rows of the board that are no solver's; 1 is the lowest error."""
    command: str
    sentences: tuple[str, ...]
    hyperparameters: tuple[tuple[str, object], ...]
    scores: tuple[Number, ...]
    cost: tuple[Number, ...]
    learning: tuple[Markup, ...]
    curves: tuple[tuple[str, Markup], ...]
    confusion: tuple[Confusion, ...]
    regimes: tuple[Regime, ...]
    samples: tuple[Sample, ...]
    missing: str
    skipped: tuple[tuple[str, str], ...]
    checks: tuple[Check, ...]
    badge: str
    alike: Markup
    """What the records share, as the page shows it."""
    folds: tuple[Fold, ...]

    @property
    def lines(self) -> str:
        """The records as the store holds them, one a line."""
        return "".join(f.record.to_line() + "\n" for f in self.folds)


def row_page(board: Board, view: RowView, results: Path, gallery: Gallery) -> RowPage:
    """Return the page of a row; kept samples are read from `results`, pictures go to the gallery."""
    row, first = view.row, view.row.records[0]
    samples, missing = _samples(view, results, gallery)
    folder = results / first.cell.tier / first.cell.dataset / "checkpoints"
    kept = {r.key for r in row.records if (folder / f"{r.key}.pkl").is_file()}
    whole = [r.model_dump(mode="json") for r in row.records]
    alike = shared(whole) if len(whole) > 1 else {}
    places = {id(v): i for i, v in enumerate(board.methods, 1)}
    return RowPage(
        view=view,
        card=cards.method_card(row.method),
        place=places.get(id(view)),
        command=row_command(row),
        sentences=tuple(_sentences(view)),
        hyperparameters=tuple(first.cell.hyperparameters.items()),
        scores=tuple(_scores(view)),
        cost=tuple(_cost(view)),
        learning=learning(view),
        curves=tuple(_curves(view)),
        confusion=confusion(view),
        regimes=regimes(view.row),
        samples=samples,
        missing=missing,
        skipped=_skipped(view),
        checks=checklist(row, kept),
        badge=_badge(row.records),
        alike=tree(alike) if alike else Markup(""),
        folds=tuple(Fold(r, _anchor(r), tree(own(w, alike))) for r, w in zip(row.records, whole, strict=True)),
    )


def _anchor(record: Record) -> str:
    more = f"-repetition-{record.cell.repetition}" if record.cell.repetition else ""
    return f"fold-{record.cell.fold}{more}"


def _badge(records: Sequence[Record]) -> str:
    """Return the weakest badge among the cells."""
    order = ("self-reported", "re-scored", "reproduced")
    return min((r.provenance.badge for r in records), key=order.index)


def _scores(view: RowView) -> list[Number]:
    row = view.row
    names = sorted(row.scores, key=lambda n: (n != row.primary, n.startswith(("shift:", "regime:")), n))
    return [
        Number(
            name,
            text.number(row.scores[name].mean, 4),
            text.ends(row.scores[name]),
            text.number(row.floor.get(name)),
            tuple(text.number(r.scores.get(name)) for r in row.records),
        )
        for name in names
    ]


_COST = {
    "data_seconds": ("data generation", text.seconds),
    "tuning_seconds": ("tuning, all trials", text.seconds),
    "fit_seconds": ("fit", text.seconds),
    "fit_cpu_seconds": ("fit, processor time", text.seconds),
    "predict_seconds": ("predict, whole test part", text.seconds),
    "predict_seconds_per_sample": ("predict, each sample", text.seconds),
    "latency_p50": ("latency at batch one, median", text.seconds),
    "latency_p95": ("latency at batch one, 95%", text.seconds),
    "throughput": ("samples a second at the best batch", text.number),
    "peak_memory_gib": ("peak memory, GiB", text.number),
    "device_memory_gib": ("device memory, GiB", text.number),
    "energy_joules": ("energy, J", text.number),
    "parameters": ("trained parameters", text.whole),
    "flops": ("floating-point operations", text.number),
    "overhead_seconds": ("harness time outside fit and predict", text.seconds),
    "device_shared": ("cells on the GPU at once (above one, times are not the method's)", text.whole),
}


def _cost(view: RowView) -> list[Number]:
    found = []
    for name, (label, shown) in _COST.items():
        values = [_spent(r, name) for r in view.row.records]
        known = [v for v in values if v is not None]
        if known:
            mean = shown(sum(known) / len(known))
            found.append(Number(label, mean, "", "", tuple(text.NONE if v is None else shown(v) for v in values)))
    return found


def _spent(record: Record, name: str) -> float | None:
    if record.cost is None:
        return None
    if name == "predict_seconds_per_sample":
        return record.cost.predict_seconds / record.cost.predict_samples
    value: float | None = getattr(record.cost, name)
    return value


def _curves(view: RowView) -> list[tuple[str, Markup]]:
    """Draw what can be drawn of the errors: their distribution, along time, along wavenumbers, against their own intervals."""
    steps = over_time(view)
    last = " at the last output time" if steps else ""
    drawn = [
        (
            "How the errors of the test samples are distributed: the share of them that is at most so large.",
            distribution(view),
        ),
        ("Relative error at each output step, one line for each fold.", steps),
        (f"Energy at each wavenumber{last}; the truth is grey.", spectrum(view)),
        (calibration_caption([view]), reliability([view])),
    ]
    return [(caption, chart) for caption, chart in drawn if chart]


def confusion(view: RowView) -> tuple[Confusion, ...]:
    """Return the confusion matrices of a row, its cells added up."""
    found: dict[str, Confusion] = {}
    for record in good(view):
        for variable, one in record.diagnostics.get("confusion", {}).items():
            counts = tuple(tuple(int(n) for n in line) for line in one["counts"])
            before = found.get(variable)
            if before is not None and before.classes == tuple(one["classes"]):
                counts = tuple(
                    tuple(a + b for a, b in zip(x, y, strict=True)) for x, y in zip(counts, before.counts, strict=True)
                )
            shares = tuple(tuple(round(100 * n / max(sum(line), 1)) for n in line) for line in counts)
            found[variable] = Confusion(variable, tuple(one["classes"]), counts, shares)
    return tuple(found.values())


def _skipped(view: RowView) -> tuple[tuple[str, str], ...]:
    found: dict[str, str] = {}
    for record in [] if view.solver else view.row.records:
        for name, reason in record.diagnostics.get("skipped_shifts", {}).items():
            found.setdefault(str(name), str(reason))
    return tuple(found.items())


def _samples(view: RowView, results: Path, gallery: Gallery) -> tuple[tuple[Sample, ...], str]:
    cell = view.row.records[0].cell
    folder = results / cell.tier / cell.dataset / "samples"
    for record in good(view):
        kept = figures.read(folder / f"{record.key}.h5")
        if kept is not None:
            found = tuple(figures.samples(gallery, kept))
            return found, "" if found else "Fields of this kind have no picture."
    return (), "No samples of this row were kept for pictures."


def _sentences(view: RowView) -> list[str]:
    """Say in words where the row stands against the solver."""
    row = view.row
    tradeoff = row.tradeoff
    found: list[str] = []
    if tradeoff is None:
        return found
    invested = text.seconds(row.invested)
    spent = "data, tuning and fit" if "tuning_seconds" in row.cost else "data and fit"
    if tradeoff.speed_up is None:
        found.append(f"Speed-up and break-even: none, {tradeoff.note}.")
    else:
        faster = "faster" if tradeoff.speed_up >= 1 else "slower"
        ratio = tradeoff.speed_up if tradeoff.speed_up >= 1 else 1 / tradeoff.speed_up
        found.append(
            f"Speed-up at equal error: {text.factor(tradeoff.speed_up)}. A sample takes "
            f"{text.seconds(row.seconds_per_sample)}, {text.factor(ratio).removesuffix('×')} times {faster} "
            "than the cheapest solver setting that is at least as accurate."
        )
        if tradeoff.break_even is None:
            found.append(f"Break-even: {tradeoff.note}; the {invested} of {spent} are not earned back.")
        else:
            found.append(
                f"Break-even: after {text.number(tradeoff.break_even, 2)} predictions the "
                f"{invested} spent on {spent} have been earned back ({tradeoff.note})."
            )
    if tradeoff.error_ratio is not None:
        better = "more" if tradeoff.error_ratio < 1 else "less"
        found.append(
            "Error at equal cost: the best solver setting that is no slower has "
            f"{text.factor(tradeoff.error_ratio)} this error, so it is {better} accurate."
        )
    return found
