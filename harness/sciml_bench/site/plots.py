"""The plot of a dataset's accuracy against cost, whose labels are placed by what they would cover."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..ranking.intervals import Interval
from . import text
from .canvas import INK, decades, literal, looks, panels, span, svg
from .gallery import Gallery, Picture
from .scale import drawn


@dataclass(frozen=True)
class CostPoint:
    """One row in the plot of accuracy against cost."""

    label: str
    seconds: float
    error: Interval
    solver: bool


def tradeoff(gallery: Gallery, points: Sequence[CostPoint], floor: float | None, metric: str) -> Picture:
    """Draw error against seconds a sample: methods as points, the solver's settings as rings.

    The line is the least error of these in so many seconds: above it a method is dominated. What lies under the floor is drawn
    on it.
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
    errors = [p.error.mean for p in points if p.error.mean > 0]
    line = floor if drawn(floor, errors) else None
    least = min(errors, default=1.0)
    bottom = line or (least / 10 if floor else least)
    axes.set_xlim(span(p.seconds for p in points))
    ends = [e for p in points for e in (p.error.mean, p.error.high or p.error.mean)]
    axes.set_ylim(span([bottom, *(max(e, bottom) for e in ends)]))
    solver = sorted((p for p in points if p.solver), key=lambda p: -p.error.mean)
    places = []
    steps: list[tuple[float, float]] = []
    if solver:
        xy = [(p.seconds, max(p.error.mean, bottom)) for p in solver]
        steps = _least(xy, right=axes.get_xlim()[1], top=axes.get_ylim()[1])
        axes.plot(*zip(*steps, strict=True), color=INK, linewidth=1.1)
        axes.plot(
            *zip(*xy, strict=True), color=INK, marker="o", markersize=4.5, markerfacecolor="none", linestyle="none"
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
    if line:
        axes.axhline(line, color=INK, linewidth=1, linestyle=(0, (4, 3)))
    axes.set_xlabel("seconds per sample to predict")
    axes.set_ylabel(metric)
    decades(axes.xaxis)
    decades(axes.yaxis)
    taken: list[Any] = []
    if floor:
        note = f"floor of the truth {text.number(floor, 2)}{'' if line else ', far below'}"
        at, down, side = (line, -3, "top") if line else (0.0, 4, "bottom")
        left = ("axes fraction", "data" if line else "axes fraction")
        written = axes.annotate(note, (0, at), (4, down), left, "offset points", ha="left", va=side, fontsize=8)
        taken = [written.get_window_extent().extents]
    _label(axes, places, steps, line, taken)


def _least(points: Sequence[tuple[float, float]], right: float, top: float) -> list[tuple[float, float]]:
    """Return the corners of the least error that points (seconds, error) reach in so many seconds."""
    corners: list[tuple[float, float]] = []
    height = top
    for seconds, error in sorted(points):
        if error < height:
            corners += [(seconds, height), (seconds, error)]
            height = error
    return [*corners, (right, height)]


def _short(names: list[str]) -> list[str]:
    """Return what tells the names apart before their first comma, or the whole names."""
    heads = [n.partition(",")[0] for n in names]
    return heads if len(set(heads)) == len(heads) else names


NEAR = 8
"""So many of the places of a label are beside its point."""
_OFFSETS = tuple(
    (dx * r, dy * r)
    for r in (1.0, 1.9, 2.9)
    for dx, dy in ((8, 0), (-8, 0), (6, 7), (-6, 7), (6, -7), (-6, -7), (0, 10), (0, -10))
)


def _label(
    axes: Axes,
    places: list[tuple[str, str, tuple[float, float]]],
    steps: list[tuple[float, float]],
    floor: float | None,
    written: Sequence[Sequence[float]],
) -> None:
    """Put each label where it covers least, of eight directions at three distances; from afar a hair leads to its point.

    What must stay clear are all points, the line of `steps`, that of the floor, and the boxes of what is `written` already.
    """
    scale = axes.figure.dpi / 72
    centres = [axes.transData.transform(at) for _, _, at in places]
    taken = [(x - 5, y - 5, x + 5, y + 5) for x, y in centres] + [tuple(box) for box in written]
    line = axes.transData.transform(steps) if steps else np.empty((0, 2))
    for a, b in pairwise(line):
        for x, y in np.linspace(a, b, 2 + int(np.hypot(*(b - a)) / 6)):
            taken.append((x - 2, y - 2, x + 2, y + 2))
    window = axes.get_window_extent()
    inside = np.array([window.extents])
    if floor:
        y = axes.transData.transform((1.0, floor))[1]
        taken.append((window.x0, y - 2, window.x1, y + 2))
    for (label, colour, at), (x, y) in zip(places, centres, strict=True):
        wide, high = 5.0 * len(label) * scale, 9.5 * scale
        boxes = []
        for dx, dy in _OFFSETS:
            left = x + dx * scale - (0 if dx > 0 else wide if dx < 0 else wide / 2)
            low = y + dy * scale - high / 2
            boxes.append((left, low, left + wide, low + high))
        cost = _shared(np.array(boxes), np.array(taken)) - _shared(np.array(boxes), inside)
        n = int(np.argmin(cost))
        best = _OFFSETS[n]
        taken.append(boxes[n])
        axes.annotate(
            literal(label),
            at,
            best,
            textcoords="offset points",
            color=colour,
            fontsize=8,
            va="center",
            ha="left" if best[0] > 0 else "right" if best[0] < 0 else "center",
            arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.5, "shrinkB": 3} if n >= NEAR else None,
        )


def _shared(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return for each box (x0, y0, x1, y1) the area that it shares with the others, added up."""
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    return np.asarray(np.prod(np.maximum(high - low, 0.0), axis=2).sum(axis=1))
