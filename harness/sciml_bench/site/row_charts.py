"""The charts of one row, from the diagnostics of its records: learning, errors over samples, time and wavenumbers, calibration."""

from collections.abc import Sequence
from statistics import fmean
from typing import Any

from markupsafe import Markup

from .. import metrics
from ..records.record import Record
from . import text
from .board import RowView
from .chart import Chart, Line


def good(view: RowView) -> list[Record]:
    """Return the records of a row that succeeded."""
    return [r for r in view.row.records if r.status == "ok"]


def mean_over_cells(lists: Sequence[Sequence[float]]) -> list[float]:
    """Return the mean of lists of equal length, or none."""
    if not lists or len({len(v) for v in lists}) > 1:
        return []
    return [sum(v) / len(v) for v in zip(*lists, strict=True)]


def learning(view: RowView) -> tuple[Markup, ...]:
    """Draw training and validation loss, and the gradient's norm before clipping, one line for each cell."""
    cells = [r.diagnostics["curves"] for r in good(view) if r.diagnostics.get("curves")]
    drawn = []
    for label, parts in (("loss", ("loss", "valid_loss")), ("gradient norm", ("gradient_norm",))):
        lines = [
            Line(
                text.words(name),
                [(u, v) for u, v in curves.get(name) or []],
                "dashed" if name == "valid_loss" else "",
                i,
            )
            for i, name in enumerate(parts)
            for curves in cells
        ]
        told = _told(lines)
        if told:
            drawn.append(Chart(alt=f"{label} of {view.row.name}: {told}", x="update", y=label, lines=lines).svg())
    return tuple(d for d in drawn if d)


def _told(lines: Sequence[Line]) -> str:
    first = {line.label: line.points for line in reversed(lines) if line.points}
    return ", ".join(
        f"{label} from {text.number(p[0][1], 2)} to {text.number(p[-1][1], 2)}" for label, p in sorted(first.items())
    )


def distribution(view: RowView) -> Markup:
    """Draw the cumulative distribution of the errors of single test samples, one line for each cell."""
    lines = []
    finish = metrics.finish(view.row.primary)
    for record in good(view):
        if record.per_sample is not None:
            values = sorted(map(finish, record.per_sample.values))
            points = [(v, (i + 1) / len(values)) for i, v in enumerate(values)]
            lines.append(Line(f"fold {record.cell.fold}", points))
    metric = next((r.per_sample.metric for r in good(view) if r.per_sample is not None), "")
    positive = all(p[0] > 0 for line in lines for p in line.points)
    return Chart(
        alt=f"Cumulative distribution of {metric} over the test samples of {view.row.name}",
        x=metric,
        y="share of test samples",
        lines=lines,
        log_x=positive,
        log_y=False,
        y_ends=(0.0, 1.0),
        steps=True,
    ).svg()


def over_time(view: RowView) -> Markup:
    """Draw the error at each output step, one line for each variable and cell."""
    lines = [
        Line(f"fold {r.cell.fold}" if i == 0 else f"{variable}, fold {r.cell.fold}", list(enumerate(values, 1)))
        for r in good(view)
        for i, (variable, values) in enumerate(r.diagnostics.get("error_over_time", {}).items())
        if len(values) > 1
    ]
    return Chart(
        alt=f"Relative error of {view.row.name} over the output steps", x="output step", y="relative error", lines=lines
    ).svg()


def spectrum(view: RowView) -> Markup:
    """Draw the energy spectra of prediction and truth, means over cells, of each variable."""
    found: dict[str, list[dict[str, Any]]] = {}
    for record in good(view):
        for variable, one in record.diagnostics.get("spectrum", {}).items():
            found.setdefault(variable, []).append(one)
    lines = []
    for i, (variable, cells) in enumerate(found.items()):
        name = f" {variable}" if len(found) > 1 else ""
        lines.append(Line(f"prediction{name}", by_wave([c["prediction"] for c in cells]), "", i))
        lines.append(Line(f"truth{name}", by_wave([c["truth"] for c in cells]), "grey broad"))
    return Chart(
        alt=f"Energy spectrum of the predictions of {view.row.name} beside the truth's",
        x="wavenumber",
        y="energy",
        lines=lines,
        log_x=True,
        y_ends=visible(lines),
    ).svg()


def by_wave(spectra: Sequence[Sequence[float]]) -> list[tuple[float, float]]:
    """Return (wavenumber, energy) from wavenumber 1: the mean, 0, has no place on a logarithmic axis."""
    return [(float(k), e) for k, e in enumerate(mean_over_cells(spectra)) if k > 0]


def visible(lines: Sequence[Line]) -> tuple[float, float] | None:
    """Return ends that show at most twelve decades under the largest: below lies rounding."""
    values = [y for line in lines for _, y in line.points if y > 0]
    if not values:
        return None
    high = max(values)
    low = max(min(values), high * 1e-12)
    return (low / 2, high * 2)


def reliability(views: Sequence[RowView], labels: Sequence[str] | None = None) -> Markup:
    """Draw the share of the truth inside each central interval against the interval's level, a line for each row.

    Of classes: the share that was right against the mean probability, in each tenth of the probabilities. A line is called by its
    row unless there are `labels`.
    """
    lines = []
    for view, label in zip(views, labels or [v.row.name for v in views], strict=True):
        found = [d for r in good(view) if (d := r.diagnostics.get("reliability") or {}).get("levels")]
        points = _by_tenth(found) if of_classes([view]) else _by_level(found)
        if points:
            lines.append(Line(label, points))
    told = "; ".join(f"{x.label}: {x.points[-1][1]:.2f} at level {x.points[-1][0]:.1f}" for x in lines)
    classes = of_classes(views)
    return Chart(
        alt=f"Reliability diagram; the diagonal is perfect calibration. {told}",
        x="predicted probability" if classes else "level of the interval",
        y="share that was right" if classes else "share of the truth inside",
        lines=lines,
        log_y=False,
        x_ends=(0.0, 1.0),
        y_ends=(0.0, 1.0),
        diagonal=True,
        dots=True,
    ).svg()


def of_classes(views: Sequence[RowView]) -> bool:
    """Whether the rows predict classes, so that their calibration is of probabilities and not of intervals."""
    shown = [records for v in views if (records := good(v))]
    return bool(shown) and all(any(r.diagnostics.get("confusion") for r in records) for records in shown)


def calibration_caption(views: Sequence[RowView]) -> str:
    """Say what the reliability diagram of some rows shows."""
    if of_classes(views):
        return (
            "Share of the test samples whose predicted class was right against the probability that it was given, in tenths "
            "of that probability, mean over the folds that have such samples. Below the diagonal the method is too sure."
        )
    return (
        "Share of the truth inside the central intervals of each level, mean over folds. Above the diagonal intervals are too "
        "wide, below it too narrow. Few validation samples leave high levels without an interval."
    )


def _by_level(diagrams: Sequence[dict[str, Any]]) -> list[tuple[float, float]]:
    """Return the mean over cells at the levels that all of them have."""
    levels: list[float] = min((d["levels"] for d in diagrams), key=len, default=[])
    coverage = mean_over_cells([d["coverage"] for d in diagrams if d["levels"] == levels])
    return list(zip(levels, coverage, strict=True)) if coverage else []


def _by_tenth(diagrams: Sequence[dict[str, Any]]) -> list[tuple[float, float]]:
    """Return the mean over cells in each tenth of the probabilities, of those that have samples there."""
    bins: dict[int, list[tuple[float, float]]] = {}
    for one in diagrams:
        for level, share in zip(one["levels"], one["coverage"], strict=True):
            bins.setdefault(min(int(10 * level), 9), []).append((level, share))
    return [(fmean(p[0] for p in pairs), fmean(p[1] for p in pairs)) for _, pairs in sorted(bins.items())]
