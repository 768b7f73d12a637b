"""The plots of a dataset's page: accuracy against cost, error over time, reliability, learning curves."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from ..ranking.intervals import Interval
from . import text
from .canvas import INK, Look, decades, legend, literal, looks, panels, span, svg
from .gallery import Gallery, Picture

Series = Sequence[tuple[str, Sequence[float]]]

LEGEND = 120
"""Points kept free at the right of a plot for its legend."""


@dataclass(frozen=True)
class CostPoint:
    """One row in the plot of accuracy against cost."""

    label: str
    seconds: float
    error: Interval
    solver: bool


def tradeoff(gallery: Gallery, points: Sequence[CostPoint], floor: float | None, metric: str) -> Picture:
    """Draw error against seconds a sample: methods as points, the solver's settings as a line.

    What lies under the floor is drawn on it.
    """
    width, height = 860, 480
    shown = [[asdict(p) for p in points], floor, metric]
    file = gallery.draw(
        "tradeoff", "svg", shown, lambda path: svg(path, width, height, lambda f: _tradeoff(f, points, floor, metric))
    )
    told = "; ".join(
        f"{p.label}: {text.number(p.error.mean)} at {text.seconds(p.seconds)}" for p in points if not p.solver
    )
    n = sum(p.solver for p in points)
    alt = (
        f"Error against seconds a sample on logarithmic axes. {told or 'No method'}. "
        f"The reference solver has {n} cost points."
    )
    return Picture(file, alt, width, height)


def _tradeoff(figure: Figure, points: Sequence[CostPoint], floor: float | None, metric: str) -> None:
    (axes,) = panels(figure)
    axes.set_xscale("log")
    axes.set_yscale("log")
    least = min((p.error.mean for p in points if p.error.mean > 0), default=1.0)
    bottom = floor if floor else least
    axes.set_xlim(span(p.seconds for p in points))
    ends = [e for p in points for e in (p.error.mean, p.error.high or p.error.mean)]
    axes.set_ylim(span([bottom, *(max(e, bottom) for e in ends)]))
    solver = sorted((p for p in points if p.solver), key=lambda p: -p.error.mean)
    places = []
    if solver:
        xy = [(p.seconds, max(p.error.mean, bottom)) for p in solver]
        axes.plot(
            *zip(*xy, strict=True),
            color=INK,
            marker="o",
            markersize=4.5,
            markerfacecolor="none",
            linewidth=1.1,
        )
        names = _short([p.label for p in solver])
        places += [(name, INK, at) for name, at in zip(names, xy, strict=True)]
    for p, look in zip((p for p in points if not p.solver), looks(), strict=False):
        y = max(p.error.mean, bottom)
        if p.error.low is not None and p.error.high is not None:
            bars = [[y - min(max(p.error.low, bottom / 2), y)], [max(p.error.high, y) - y]]
            axes.errorbar(p.seconds, y, yerr=bars, color=look.colour, linewidth=1.4, capsize=3)
        axes.plot(p.seconds, y, color=look.colour, marker=look.marker, markersize=7, linestyle="none")
        places.append((p.label, look.colour, (p.seconds, y)))
    if floor:
        axes.axhline(floor, color=INK, linewidth=1, linestyle=(0, (4, 3)))
    axes.set_xlabel("seconds per sample to predict")
    axes.set_ylabel(metric)
    decades(axes.xaxis)
    decades(axes.yaxis)
    if floor:
        note = f"floor of the truth {text.number(floor, 2)}"
        left = ("axes fraction", "data")
        axes.annotate(note, (0, floor), (4, -3), left, "offset points", ha="left", va="top", fontsize=8)
    _label(axes, places, [(p.seconds, max(p.error.mean, bottom)) for p in solver], floor)


def _short(names: list[str]) -> list[str]:
    """Return what tells the names apart before their first comma, or the whole names."""
    heads = [n.partition(",")[0] for n in names]
    return heads if len(set(heads)) == len(heads) else names


_OFFSETS = tuple(
    (dx * r, dy * r)
    for r in (1.0, 1.9, 2.9)
    for dx, dy in ((8, 0), (-8, 0), (6, 7), (-6, 7), (6, -7), (-6, -7), (0, 10), (0, -10))
)


def _label(
    axes: Axes,
    places: list[tuple[str, str, tuple[float, float]]],
    solver: list[tuple[float, float]],
    floor: float | None,
) -> None:
    """Put each label where it covers least, of eight directions at three distances."""
    scale = axes.figure.dpi / 72
    centres = [axes.transData.transform(at) for _, _, at in places]
    taken = [Bbox.from_extents(x - 5, y - 5, x + 5, y + 5) for x, y in centres]
    line = axes.transData.transform(solver) if solver else np.empty((0, 2))
    for a, b in pairwise(line):
        for x, y in np.linspace(a, b, 2 + int(np.hypot(*(b - a)) / 6)):
            taken.append(Bbox.from_extents(x - 2, y - 2, x + 2, y + 2))
    inside = axes.get_window_extent()
    if floor:
        y = axes.transData.transform((1.0, floor))[1]
        taken.append(Bbox.from_extents(inside.x0, y - 2, inside.x1, y + 2))
    for (label, colour, at), (x, y) in zip(places, centres, strict=True):
        wide, high = 5.0 * len(label) * scale, 9.5 * scale

        def box(dx: float, dy: float, x: float = x, y: float = y, wide: float = wide, high: float = high) -> Bbox:
            left = x + dx * scale - (0 if dx > 0 else wide if dx < 0 else wide / 2)
            low = y + dy * scale - high / 2
            return Bbox.from_extents(left, low, left + wide, low + high)

        def cost(offset: tuple[float, float]) -> float:
            mine = box(*offset)
            covered = sum(_shared(mine, other) for other in taken)
            return covered + mine.width * mine.height - _shared(mine, inside)

        best = min(_OFFSETS, key=cost)
        taken.append(box(*best))
        axes.annotate(
            literal(label),
            at,
            best,
            textcoords="offset points",
            color=colour,
            fontsize=8,
            va="center",
            ha="left" if best[0] > 0 else "right" if best[0] < 0 else "center",
        )


def _shared(a: Bbox, b: Bbox) -> float:
    common = Bbox.intersection(a, b)
    return 0.0 if common is None else float(common.width * common.height)


def error_over_time(gallery: Gallery, methods: Series, solver: Series, variable: str, floor: float) -> Picture:
    """Draw the error at each output step, for each method and, in grey, each cost point of the solver.

    What lies far under the floor is left off.
    """
    width, height = 620, 330

    def paint(figure: Figure) -> None:
        (axes,) = panels(figure, right=LEGEND)
        _lines(axes, [(label, list(range(1, len(v) + 1)), v) for label, v in solver], grey="reference solver")
        _lines(axes, [(label, list(range(1, len(v) + 1)), v) for label, v in methods])
        axes.set_yscale("log", nonpositive="mask")
        axes.set_ylim(span(e for _, v in (*methods, *solver) for e in v if e > floor / 4))
        axes.set_xlabel("output step")
        axes.set_ylabel(literal(f"relative error of {variable}"))
        axes.xaxis.get_major_locator().set_params(integer=True)
        decades(axes.yaxis)
        legend(figure, LEGEND)

    file = gallery.draw(
        "overtime", "svg", [methods, solver, variable, floor], lambda path: svg(path, width, height, paint)
    )
    told = "; ".join(f"{label} from {text.number(v[0], 2)} to {text.number(v[-1], 2)}" for label, v in methods if v)
    return Picture(file, f"Error of {variable} over the output steps. {told}.", width, height)


def reliability(gallery: Gallery, series: Sequence[tuple[str, list[float], list[float]]]) -> Picture:
    """Draw the share of the truth inside each central interval against the interval's level."""
    width, height = 520, 330

    def paint(figure: Figure) -> None:
        (axes,) = panels(figure, right=LEGEND)
        axes.plot([0, 1], [0, 1], color=INK, linewidth=0.9, linestyle=(0, (4, 3)))
        _lines(axes, series, points=True)
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1)
        axes.set_xlabel("level of the interval")
        axes.set_ylabel("share of the truth inside")
        legend(figure, LEGEND)

    file = gallery.draw("reliability", "svg", series, lambda path: svg(path, width, height, paint))
    told = "; ".join(f"{label}: {c[-1]:.2f} at level {level[-1]:.1f}" for label, level, c in series)
    return Picture(file, f"Reliability diagram; the diagonal is perfect calibration. {told}.", width, height)


def learning(gallery: Gallery, label: str, cells: Sequence[Mapping[str, list[list[float]]]]) -> Picture:
    """Draw training and validation loss, and the gradient norm, against updates, one line for each cell."""
    width, height = 620, 240

    def paint(figure: Figure) -> None:
        left, right = panels(figure, 2)
        names = ((left, "loss", "-"), (left, "valid_loss", (0, (4, 1.5))), (right, "gradient_norm", "-"))
        for (axes, name, dashes), look in zip(names, looks(), strict=False):
            first: str | None = text.words(name)
            for curves in cells:
                known = curves.get(name) or []
                if known:
                    few = {"marker": "o", "markersize": 3} if len(known) < 12 else {}
                    xy = list(zip(*known, strict=True))
                    axes.plot(
                        *xy,
                        color=look.colour,
                        linestyle=dashes,
                        linewidth=1.1,
                        alpha=0.85,
                        label=first,
                        **few,
                    )
                    first = None
        for axes, name, drawn in (
            (left, "loss", ("loss", "valid_loss")),
            (right, "gradient norm", ("gradient_norm",)),
        ):
            axes.set_yscale("log", nonpositive="mask")
            axes.set_ylim(span(y for c in cells for n in drawn for _, y in c.get(n) or []))
            decades(axes.yaxis)
            axes.set_xlabel("update")
            axes.set_title(name, fontsize=9, loc="left")
        if left.lines:
            left.legend(loc="best")

    file = gallery.draw("learning", "svg", list(cells), lambda path: svg(path, width, height, paint))
    return Picture(file, f"Learning curves of {label}: {_told(cells)}.", width, height)


def _told(cells: Sequence[Mapping[str, list[list[float]]]]) -> str:
    parts = []
    for name in ("loss", "valid_loss", "gradient_norm"):
        drawn = cells[0].get(name) or []
        if drawn:
            parts.append(f"{text.words(name)} from {text.number(drawn[0][1], 2)} to {text.number(drawn[-1][1], 2)}")
    return ", ".join(parts) or "nothing logged"


def _lines(axes: Axes, series: Sequence[Any], *, grey: str = "", points: bool = False) -> None:
    grey_look = Look(INK, "", "-")
    for i, ((label, x, y), look) in enumerate(zip(series, looks(), strict=False)):
        look, shown = (grey_look, grey if i == 0 else None) if grey else (look, literal(label))
        axes.plot(
            x,
            y,
            color=look.colour,
            linestyle=look.dashes,
            label=shown,
            linewidth=0.8 if grey else 1.5,
            alpha=0.55 if grey else 1.0,
            marker=look.marker if points or (len(x) <= 8 and not grey) else None,
            markersize=4,
        )
