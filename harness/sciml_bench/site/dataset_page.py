"""What the page of one dataset, tier and device shows: card, floor, plots, pictures, scores and cells."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..problem import Dataset, DatasetCard, Problem
from ..problem.card import MethodCard
from ..records.record import Record
from . import cards, figures, plots, text
from .board import Board, RowView, row_command
from .figures import Sample
from .gallery import Gallery, Picture


@dataclass(frozen=True, kw_only=True)
class Shift:
    """One out-of-distribution test set: what changes in it, and each row's score there."""

    name: str
    changes: str
    cells: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Detail:
    """One row in full."""

    view: RowView
    card: MethodCard | None
    command: str
    sentences: tuple[str, ...]
    hyperparameters: str
    scores: tuple[tuple[str, str, str, str], ...]
    cost: tuple[tuple[str, str], ...]
    learning: Picture | None
    samples: tuple[Sample, ...]
    missing: str
    skipped: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class Page:
    """All that the template of a dataset's page needs."""

    board: Board
    card: DatasetCard | None
    problem: Problem | None
    parameters: dict[str, Any]
    version: int
    refined: str
    sizes: str
    folds: int
    floor: tuple[tuple[str, str], ...]
    tradeoff: Picture | None
    over_time: tuple[Picture, ...]
    reliability: Picture | None
    shifted: tuple[RowView, ...]
    shifts: tuple[Shift, ...]
    truth: tuple[Sample, ...]
    details: tuple[Detail, ...]


def page(board: Board, results: Path, gallery: Gallery) -> Page:
    """Return the page of a board; kept samples are read from `results`, figures go to the gallery."""
    first = board.rows[0].row.records[0]
    dataset = cards.dataset_of(first.cell)
    problem = _quietly(dataset.problem) if dataset else None
    ordered = sorted(board.rows, key=lambda v: v.solver)  # the methods first
    details = tuple(_detail(view, results, gallery) for view in ordered)
    shown = [d for d in details if d.samples]
    shifted, shifts = _shifts(board, dataset)
    floor = next((v.row.floor for v in board.rows if v.row.floor), {})
    return Page(
        board=board,
        card=cards.dataset_card(first.cell),
        problem=problem,
        parameters=first.cell.dataset_parameters,
        version=first.cell.dataset_version,
        refined=_changes(dataset, _quietly(dataset.refined)) if dataset else "",
        sizes=_sizes(first),
        folds=first.cell.folds,
        floor=tuple((name, text.number(value)) for name, value in floor.items()),
        tradeoff=_tradeoff(board, gallery),
        over_time=tuple(_over_time(board, gallery)),
        reliability=_reliability(board, gallery),
        shifted=shifted,
        shifts=shifts,
        truth=_truth_only(shown[0].samples) if shown else (),
        details=details,
    )


def _quietly(made: Callable[[], Any]) -> Any:
    """Return what a dataset says of itself, or None: another version may not know these parameters."""
    try:
        return made()
    except Exception:  # a page without its card is better than no page
        return None


def _changes(dataset: Dataset, other: Dataset | None) -> str:
    if other is None:
        return ""
    before = dataset.parameters()
    changed = {k: v for k, v in other.parameters().items() if v != before.get(k) and k != "samples"}
    return ", ".join(f"{text.words(k)} {text.plain(before.get(k))} → {text.plain(v)}" for k, v in changed.items())


def _sizes(record: Record) -> str:
    sizes = [(record.diagnostics.get(f"{part}_samples"), part) for part in ("train", "valid", "test")]
    known = [f"{n} {word}" for (n, _), word in zip(sizes, ("training", "validation", "test"), strict=True) if n]
    return ", ".join(known)


def _truth_only(samples: tuple[Sample, ...]) -> tuple[Sample, ...]:
    return tuple(s for s in samples if s.role == samples[0].role)


def _tradeoff(board: Board, gallery: Gallery) -> Picture | None:
    points = [
        plots.CostPoint((v.solver and v.row.variant) or v.row.name, seconds, v.row.scores[v.row.primary], v.solver)
        for v in board.rows
        if v.row.primary in v.row.scores and (seconds := v.row.seconds_per_sample)
    ]
    return plots.tradeoff(gallery, points, board.floor, board.primary) if points else None


def _good(view: RowView) -> list[Record]:
    return [r for r in view.row.records if r.status == "ok"]


def _mean_over_cells(lists: list[list[float]]) -> list[float]:
    if not lists or len({len(v) for v in lists}) > 1:
        return []
    return [sum(v) / len(v) for v in zip(*lists, strict=True)]


def _over_time(board: Board, gallery: Gallery) -> list[Picture]:
    variables = {n: None for v in board.rows for r in _good(v) for n in r.diagnostics.get("error_over_time", {})}
    floor = next((v.row.floor["nrmse_per_time"] for v in board.rows if "nrmse_per_time" in v.row.floor), 0.0)
    found = []
    for variable in variables:
        methods: list[tuple[str, list[float]]] = []
        solver: list[tuple[str, list[float]]] = []
        for view in board.rows:
            lists = [r.diagnostics.get("error_over_time", {}).get(variable, []) for r in _good(view)]
            values = _mean_over_cells([v for v in lists if v])
            if len(values) > 1:
                (solver if view.solver else methods).append((view.row.name, values))
        if methods or solver:
            found.append(plots.error_over_time(gallery, methods, solver, variable, floor))
    return found


def _reliability(board: Board, gallery: Gallery) -> Picture | None:
    series = []
    for view in board.rows:
        diagrams = [r.diagnostics.get("reliability") or {} for r in _good(view)]
        levels: list[float] = min((d["levels"] for d in diagrams if d.get("levels")), key=len, default=[])
        same = [d["coverage"] for d in diagrams if d.get("levels") == levels]
        coverage = _mean_over_cells(same)
        if coverage and not view.solver:
            series.append((view.row.name, list(levels), coverage))
    return plots.reliability(gallery, series) if series else None


def _shifts(board: Board, dataset: Dataset | None) -> tuple[tuple[RowView, ...], tuple[Shift, ...]]:
    """Return the rows that have anything to say on shifts, and each shift's table line."""
    names: dict[str, None] = {}
    for view in board.rows:
        for record in view.row.records:
            scored = (s.removeprefix("shift:") for s in record.scores if s.startswith("shift:"))
            names |= dict.fromkeys(s.partition("/")[0] for s in scored)
            names |= dict.fromkeys(record.diagnostics.get("skipped_shifts", {}))
    # A solver learns from no data, so that there is no distribution that it could leave.
    rows = tuple(v for v in board.rows if v.shown and not v.solver)
    known: Mapping[str, Dataset] = (_quietly(dataset.shifts) if dataset else None) or {}
    shifts = tuple(
        Shift(
            name=name,
            changes=_changes(dataset, known.get(name)) if dataset else "",
            cells=tuple(_shift_cell(view, name) for view in rows),
        )
        for name in names
    )
    return rows, shifts


def _shift_cell(view: RowView, name: str) -> str:
    interval = view.row.scores.get(f"shift:{name}/{view.row.primary}")
    if interval is None:
        return "no score"
    error = view.row.error
    ratio = f" ({text.factor(interval.mean / error)})" if error else ""
    return text.number(interval.mean) + ratio


def _skipped(view: RowView) -> tuple[tuple[str, str], ...]:
    found: dict[str, str] = {}
    for record in [] if view.solver else view.row.records:
        for name, reason in record.diagnostics.get("skipped_shifts", {}).items():
            found.setdefault(str(name), str(reason))
    return tuple(found.items())


def _detail(view: RowView, results: Path, gallery: Gallery) -> Detail:
    row = view.row
    first = row.records[0]
    samples, missing = _samples(view, results, gallery)
    curves = [r.diagnostics["curves"] for r in _good(view) if r.diagnostics.get("curves")]
    known = [{k: c.get(k, []) for k in ("loss", "valid_loss", "gradient_norm")} for c in curves]
    drawn = [c for c in known if any(c.values())]
    return Detail(
        view=view,
        card=cards.method_card(row.method),
        command=row_command(row),
        sentences=tuple(_sentences(view)),
        hyperparameters=", ".join(f"{k}={v}" for k, v in first.cell.hyperparameters.items()),
        scores=tuple(
            (name, text.number(i.mean, 4), text.ends(i), text.number(row.floor.get(name)))
            for name, i in row.scores.items()
        ),
        cost=tuple(_cost(view)),
        learning=plots.learning(gallery, row.name, drawn) if drawn else None,
        samples=samples,
        missing=missing,
        skipped=_skipped(view),
    )


def _samples(view: RowView, results: Path, gallery: Gallery) -> tuple[tuple[Sample, ...], str]:
    cell = view.row.records[0].cell
    folder = results / cell.tier / cell.dataset / "samples"
    for record in _good(view):
        kept = figures.read(folder / f"{record.key}.h5")
        if kept is not None:
            found = tuple(figures.samples(gallery, kept))
            return found, "" if found else "Fields of this kind have no picture."
    return (), "No samples of this row were kept for pictures."


_COST = {
    "data_seconds": ("data generation", text.seconds),
    "tuning_seconds": ("tuning, all trials", text.seconds),
    "fit_seconds": ("fit", text.seconds),
    "predict_seconds": ("predict, whole test part", text.seconds),
    "predict_seconds_per_sample": ("predict, each sample", text.seconds),
    "latency_p50": ("latency at batch one, median", text.seconds),
    "latency_p95": ("latency at batch one, 95%", text.seconds),
    "throughput": ("samples a second at the best batch", text.number),
    "peak_memory_gib": ("peak memory, GiB", text.number),
    "device_memory_gib": ("device memory, GiB", text.number),
    "energy_joules": ("energy, J", text.number),
    "parameters": ("trained parameters", text.whole),
    "overhead_seconds": ("harness time outside fit and predict", text.seconds),
}


def _cost(view: RowView) -> list[tuple[str, str]]:
    return [(label, shown(view.row.cost[name])) for name, (label, shown) in _COST.items() if name in view.row.cost]


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
                f"Break-even: after {text.whole(tradeoff.break_even)} predictions the "
                f"{invested} spent on {spent} have been earned back ({tradeoff.note})."
            )
    if tradeoff.error_ratio is not None:
        better = "more" if tradeoff.error_ratio < 1 else "less"
        found.append(
            "Error at equal cost: the best solver setting that is no slower has "
            f"{text.factor(tradeoff.error_ratio)} this error, so it is {better} accurate."
        )
    return found
