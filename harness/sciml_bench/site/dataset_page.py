"""What the page of one dataset, tier and device shows: card, floor, board, plots, regimes, shifts and pictures of its data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from ..problem import Dataset, DatasetCard, Problem
from ..ranking.intervals import Interval
from ..records.record import Record
from . import cards, plots, text
from .board import Board, RowView
from .chart import Chart, Line
from .columns import lower_is_better
from .figures import Film, Sample
from .gallery import Gallery, Picture
from .laws import untold_shifts
from .regimes import Division, divisions
from .row_charts import by_wave, calibration_caption, good, mean_over_cells, reliability, visible
from .row_page import Confusion, RowPage
from .scale import LogScale, Mark, mark

SPECTRA = 5
"""The spectra of so many methods are drawn, those with the lowest error."""


@dataclass(frozen=True)
class Shifted:
    """A row's score on one shifted test set: over the one without shift, and where both are drawn, from 0 to 100."""

    score: Interval | None = None
    ratio: float | None = None
    base: float = 0.0
    at: Mark | None = None


@dataclass(frozen=True, kw_only=True)
class Shift:
    """One out-of-distribution test set: what changes in it, and each row's score there."""

    name: str
    changes: str
    untold: bool
    """Whether it changes the law, by what no input tells."""
    cells: tuple[Shifted, ...]


@dataclass(frozen=True, kw_only=True)
class Page:
    """All that the template of a dataset's page needs."""

    board: Board
    card: DatasetCard | None
    problem: Problem | None
    definition: tuple[str, ...]
    """What exactly the problem is and what the parameters mean, by paragraphs."""
    parameters: dict[str, Any]
    version: int
    refined: str
    certified: int
    """On so many samples the floor was measured; 0 where no record says."""
    sizes: str
    folds: int
    floor: tuple[tuple[str, str], ...]
    tradeoff: Picture | None
    over_time: tuple[Markup, ...]
    reliability: Markup
    reliability_caption: str
    spectra: tuple[Markup, ...]
    confusion: tuple[tuple[RowView, Confusion], ...]
    divisions: tuple[Division, ...]
    shifted: tuple[RowView, ...]
    shifts: tuple[Shift, ...]
    truth: tuple[Sample, ...]
    seen: str
    """The row whose samples show the truth."""
    film: Film | None
    details: tuple[RowPage, ...]


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One line of the list of datasets."""

    board: Board
    card: DatasetCard | None
    sizes: str
    truth: str


TRUTH = {"refined": "by refining", "closed_form": "in closed form", "measured": "measured"}


def entries(boards: Sequence[Board]) -> list[Entry]:
    """Return the lines of the list of datasets."""
    found = []
    for board in boards:
        first = board.rows[0].row.records
        card = cards.dataset_card(first[0].cell)
        truth = TRUTH.get(card.truth, card.truth) if card else text.NONE
        found.append(Entry(board=board, card=card, sizes=_sizes(first), truth=truth))
    return found


def page(board: Board, details: Sequence[RowPage], gallery: Gallery) -> Page:
    """Return the page of a board whose rows have these pages."""
    first = board.rows[0].row.records[0]
    dataset = cards.dataset_of(first.cell)
    problem: Problem | None = cards.quietly(dataset.problem) if dataset else None
    ordered = sorted(details, key=lambda d: d.view.solver)  # the methods first
    shown = [d for d in ordered if d.samples]
    shifted, shifts = _shifts(board, dataset)
    floor = next((v.row.floor for v in board.rows if v.row.floor), {})
    return Page(
        board=board,
        card=cards.dataset_card(first.cell),
        problem=problem,
        definition=cards.definition(first.cell),
        parameters=first.cell.dataset_parameters,
        version=first.cell.dataset_version,
        refined=_changes(dataset, cards.quietly(dataset.refined)) if dataset else "",
        certified=first.diagnostics.get("certificate", {}).get("samples", 0),
        sizes=_sizes(board.rows[0].row.records),
        folds=first.cell.folds,
        floor=tuple((name, text.number(value)) for name, value in floor.items() if lower_is_better(name)),
        tradeoff=_tradeoff(board, gallery),
        over_time=tuple(_over_time(board)),
        reliability=reliability(board.methods),
        reliability_caption=calibration_caption(board.methods),
        spectra=tuple(_spectra(board)),
        confusion=tuple((d.view, c) for d in _best_first(board, ordered)[:2] for c in d.confusion),
        divisions=divisions(board.methods, problem),
        shifted=shifted,
        shifts=shifts,
        truth=_truth_only(shown[0].samples) if shown else (),
        seen=shown[0].view.row.name if shown else "",
        film=max((s.film for d in shown for s in d.samples if s.film), key=lambda film: film.frames, default=None),
        details=tuple(ordered),
    )


def _best_first(board: Board, details: Sequence[RowPage]) -> list[RowPage]:
    order = {id(v): i for i, v in enumerate(board.methods)}
    return sorted((d for d in details if id(d.view) in order), key=lambda d: order[id(d.view)])


def _changes(dataset: Dataset, other: Dataset | None) -> str:
    if other is None:
        return ""
    before = dataset.parameters()
    changed = {k: v for k, v in other.parameters().items() if v != before.get(k) and k != "samples"}
    return ", ".join(f"{text.words(k)} {text.plain(before.get(k))} → {text.plain(v)}" for k, v in changed.items())


def _sizes(records: Sequence[Record]) -> str:
    """Say how many samples the parts of a fold hold, from the least to the most where folds differ."""
    told = []
    for part, word in (("train", "training"), ("valid", "validation"), ("test", "test")):
        sizes = sorted({n for r in records if (n := r.diagnostics.get(f"{part}_samples"))})
        if sizes:
            told.append(f"{sizes[0]}{f' to {sizes[-1]}' if len(sizes) > 1 else ''} {word}")
    return ", ".join(told)


def _truth_only(samples: tuple[Sample, ...]) -> tuple[Sample, ...]:
    return tuple(s for s in samples if s.role == samples[0].role)


def _tradeoff(board: Board, gallery: Gallery) -> Picture | None:
    points = [
        plots.CostPoint((v.solver and v.row.variant) or v.row.name, seconds, v.row.scores[v.row.primary], v.solver)
        for v in board.rows
        if v.row.primary in v.row.scores and (seconds := v.row.seconds_per_sample)
    ]
    return plots.tradeoff(gallery, points, board.floor, board.primary) if points else None


def _over_time(board: Board) -> list[Markup]:
    variables = {n: None for v in board.rows for r in good(v) for n in r.diagnostics.get("error_over_time", {})}
    floor = next((v.row.floor["nrmse_per_time"] for v in board.rows if "nrmse_per_time" in v.row.floor), 0.0)
    found = []
    for variable in variables:
        lines = []
        for view in sorted((v for v in board.rows if v.shown), key=lambda v: v.solver):
            lists = [r.diagnostics.get("error_over_time", {}).get(variable, []) for r in good(view)]
            values = mean_over_cells([v for v in lists if v])
            points = [(t, v) for t, v in enumerate(values, 1) if v > floor / 4]
            if len(values) > 1 and points:
                lines.append(
                    Line("reference solver" if view.solver else view.row.name, points, "grey" if view.solver else "")
                )
        told = "; ".join(
            f"{x.label} from {text.number(x.points[0][1], 2)} to {text.number(x.points[-1][1], 2)}"
            for x in lines
            if x.look != "grey"
        )
        chart = Chart(
            alt=f"Error of {variable} over the output steps. {told}",
            x="output step",
            y=f"relative error of {variable}",
            lines=lines,
            width=560,
            height=320,
        )
        found.append(chart.svg())
    return [drawn for drawn in found if drawn]


def _spectra(board: Board) -> list[Markup]:
    """Draw for each variable the spectra of the most accurate methods' predictions beside the truth's."""
    found = []
    variables = {n: None for v in board.methods for r in good(v) for n in r.diagnostics.get("spectrum", {})}
    for variable in variables:
        lines: list[Line] = []
        truth: list[tuple[float, float]] = []
        for view in board.methods:
            cells = [s[variable] for r in good(view) if variable in (s := r.diagnostics.get("spectrum", {}))]
            points = by_wave([c["prediction"] for c in cells])
            if points and len(lines) < SPECTRA:
                lines.append(Line(view.row.name, points))
                truth = truth or by_wave([c["truth"] for c in cells])
        lines.append(Line("truth", truth, "grey broad"))
        chart = Chart(
            alt=f"Energy spectrum of {variable}: {', '.join(x.label for x in lines)}",
            x="wavenumber",
            y=f"energy of {variable}",
            lines=lines,
            log_x=True,
            y_ends=visible(lines),
            width=560,
            height=320,
        )
        found.append(chart.svg())
    return [drawn for drawn in found if drawn]


def _shifts(board: Board, dataset: Dataset | None) -> tuple[tuple[RowView, ...], tuple[Shift, ...]]:
    """Return the rows that have anything to say on shifts, and each shift's table line."""
    names: dict[str, None] = {}
    for view in board.rows:
        for record in view.row.records:
            scored = (s.removeprefix("shift:") for s in record.scores if s.startswith("shift:"))
            names |= dict.fromkeys(s.partition("/")[0] for s in scored)
            names |= dict.fromkeys(record.diagnostics.get("skipped_shifts", {}))
    # A solver learns from no data, so that there is no distribution that it could leave.
    rows = board.methods
    values = [i.mean for v in rows for n in ("", *names) if (i := _shifted_score(v, n)) is not None]
    scale = LogScale.of(values, None)
    known: Mapping[str, Dataset] = (cards.quietly(dataset.shifts) if dataset else None) or {}
    untold = untold_shifts(dataset)
    shifts = tuple(
        Shift(
            name=name,
            changes=_changes(dataset, known.get(name)) if dataset else "",
            untold=name in untold,
            cells=tuple(_shift_cell(view, name, scale) for view in rows),
        )
        for name in names
    )
    return rows, shifts


def _shifted_score(view: RowView, name: str) -> Interval | None:
    return view.row.shifts.get(name) if name else view.row.scores.get(view.row.primary)


def _shift_cell(view: RowView, name: str, scale: LogScale) -> Shifted:
    interval, error = _shifted_score(view, name), view.row.error
    if interval is None:
        return Shifted()
    if not error:
        return Shifted(interval)
    return Shifted(interval, interval.mean / error, scale.at(error), mark(interval, scale))
