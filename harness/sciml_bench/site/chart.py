"""Line charts as inline SVG: drawn in a millisecond, in the page's own colours, so that there can be one wherever it helps."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from . import text

MOST = 90
"""A line with more points is thinned to at most so many."""
COLOURED = 8
"""So many lines get colours and a line in the legend; the rest is drawn in grey."""
LEFT, RIGHT, TOP, BOTTOM = 46, 10, 10, 34


@dataclass(frozen=True)
class Line:
    """One line: its label, its points, and a class of its own (`grey`, `dashed`) beside its colour."""

    label: str
    points: Sequence[tuple[float, float]]
    look: str = ""
    colour: int | None = None


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A chart: what it shows in words, its axes, its lines, the best first."""

    alt: str
    x: str
    y: str
    lines: Sequence[Line]
    log_x: bool = False
    log_y: bool = True
    x_ends: tuple[float, float] | None = None
    y_ends: tuple[float, float] | None = None
    diagonal: bool = False
    width: int = 460
    height: int = 250
    dots: bool = False
    steps: bool = False

    def svg(self) -> Markup:
        """Return the figure with its legend, or nothing if no line has a point."""
        lines = [_clean(line, self.log_x, self.log_y) for line in self.lines]
        lines = [line for line in lines if line.points]
        if not lines:
            return Markup("")
        axes = _Axes.of(self, [p for line in lines for p in line.points])
        told = "".join(axes.drawn(self))
        shown, legend = _drawn(lines, axes, self)
        return Markup(
            f'<div class="chart"><svg viewBox="0 0 {self.width} {self.height}" role="img" '
            f'aria-label="{escape(self.alt)}">{told}{shown}</svg>{legend}</div>'
        )


@dataclass(frozen=True)
class _Axes:
    x: tuple[float, float]
    y: tuple[float, float]
    log_x: bool
    log_y: bool
    width: int
    height: int

    @classmethod
    def of(cls, chart: Chart, points: Sequence[tuple[float, float]]) -> "_Axes":
        x = chart.x_ends or _ends((p[0] for p in points), chart.log_x, 0.0)
        y = chart.y_ends or _ends((p[1] for p in points), chart.log_y, 0.04)
        return cls(x, y, chart.log_x, chart.log_y, chart.width, chart.height)

    def at(self, point: tuple[float, float]) -> tuple[float, float]:
        return self.places([point])[0]

    def places(self, points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
        """Return where points lie in the figure."""
        across, up = self.width - LEFT - RIGHT, self.height - TOP - BOTTOM
        xs = _shares([x for x, _ in points], self.x, self.log_x)
        ys = _shares([y for _, y in points], self.y, self.log_y)
        return [(LEFT + x * across, self.height - BOTTOM - y * up) for x, y in zip(xs, ys, strict=True)]

    def drawn(self, chart: Chart) -> Iterable[str]:
        bottom, right = self.height - BOTTOM, self.width - RIGHT
        for value, label in _ticks(self.y, self.log_y):
            _, y = self.at((self.x[0], value))
            yield f'<path class="grid" d="M{LEFT} {y:.1f}H{right}"/>'
            yield f'<text x="{LEFT - 5}" y="{y + 3.5:.1f}" text-anchor="end">{label}</text>'
        for value, label in _ticks(self.x, self.log_x):
            x, _ = self.at((value, self.y[0]))
            yield f'<path class="grid" d="M{x:.1f} {TOP}V{bottom}"/>'
            yield f'<text x="{x:.1f}" y="{bottom + 14}" text-anchor="middle">{label}</text>'
        yield f'<path class="axis" d="M{LEFT} {TOP}V{bottom}H{right}"/>'
        middle = TOP + (bottom - TOP) / 2
        places = (
            f'x="{(LEFT + right) / 2:.0f}" y="{self.height - 3}"',
            f'transform="translate(11 {middle:.0f}) rotate(-90)"',
        )
        for place, name in zip(places, (chart.x, chart.y), strict=True):
            yield f'<text {place} text-anchor="middle">{escape(name)}</text>'
        if chart.diagonal:
            (a, b), (c, d) = self.at((self.x[0], self.y[0])), self.at((self.x[1], self.y[1]))
            yield f'<path class="diagonal" d="M{a:.1f} {b:.1f}L{c:.1f} {d:.1f}"/>'


def _drawn(lines: Sequence[Line], axes: _Axes, chart: Chart) -> tuple[str, str]:
    """Return the lines, the first ones on top, and the legend."""
    drawn, entries, used = [], [], 0
    for line in lines:
        grey = "grey" in line.look or (line.colour is None and used >= COLOURED)
        if grey:
            colour = "grey"
        elif line.colour is not None:
            colour = f"c{line.colour % COLOURED}"
        else:
            colour, used = f"c{used}", used + 1
        name = " ".join(dict.fromkeys([colour, *line.look.split()]))
        places = axes.places(line.points)
        path = _path(places, chart.steps)
        marks = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.4"/>' for x, y in places) if chart.dots else ""
        title = f"<title>{escape(line.label)}</title>" if line.label else ""
        drawn.append(f'<g class="line {name}">{title}<path d="{path}"/>{marks}</g>')
        entry = f'<li class="{name}">{escape(line.label)}</li>'
        if line.label and entry not in entries and not (grey and "grey" not in line.look):
            entries.append(entry)
    named = {x.label for x in lines if x.label}
    left = len(named) - len(entries)
    if used >= COLOURED and left > 0:
        entries.append(f'<li class="grey">{left} more</li>')
    legend = f'<ul class="legend">{"".join(entries)}</ul>' if len(entries) > 1 else ""
    return "".join(reversed(drawn)), legend


def _path(places: Sequence[tuple[float, float]], steps: bool) -> str:
    first = f"M{places[0][0]:.1f} {places[0][1]:.1f}"
    if len(places) == 1:
        return f"{first}h.1"
    rest = [f"H{x:.1f}V{y:.1f}" for x, y in places[1:]] if steps else [f"L{x:.1f} {y:.1f}" for x, y in places[1:]]
    return "".join([first, *rest])


def _clean(line: Line, log_x: bool, log_y: bool) -> Line:
    known = [
        (float(x), float(y))
        for x, y in line.points
        if math.isfinite(x) and math.isfinite(y) and (x > 0 or not log_x) and (y > 0 or not log_y)
    ]
    stride = max(1, -(-len(known) // MOST))
    thinned = known[::stride]
    if known and thinned[-1] != known[-1]:
        thinned.append(known[-1])
    return Line(line.label, thinned, line.look, line.colour)


def _ends(values: Iterable[float], log: bool, margin: float) -> tuple[float, float]:
    known = list(values)
    low, high = min(known), max(known)
    if log:
        if high / low < 3:
            low, high = low / 2, high * 2
        widen = (high / low) ** margin
        return low / widen, high * widen
    if high <= low:
        low, high = low - 0.5, high + 0.5
    return low - margin * (high - low), high + margin * (high - low)


def _shares(values: Sequence[float], ends: tuple[float, float], log: bool) -> list[float]:
    """Return how far along an axis values lie, 0 to 1."""
    low, high = ends
    if log:
        low, high, values = math.log(low), math.log(high), [math.log(v) for v in values]
    return [min(max((v - low) / (high - low), 0.0), 1.0) for v in values]


def _ticks(ends: tuple[float, float], log: bool) -> list[tuple[float, str]]:
    low, high = ends
    if log:
        first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
        if last - first >= 2:
            stride = max(1, math.ceil((last - first + 1) / 6))
            return [(10.0**e, _decade(e)) for e in range(first, last + 1, stride)]
        subs = (1, 2, 5) if high / low < 30 else (1, 3)
        found = [m * 10.0**e for e in range(first - 1, last + 1) for m in subs]
        return [(v, _short(v)) for v in found if low <= v <= high]
    step = _nice((high - low) / 5)
    first_tick = math.ceil(low / step - 1e-9)
    return [(k * step, _short(k * step)) for k in range(first_tick, math.floor(high / step + 1e-9) + 1)]


def _decade(exponent: int) -> str:
    return f"{10.0**exponent:g}" if -2 <= exponent <= 3 else text.power(exponent)


def _short(value: float) -> str:
    if value and not 1e-3 <= abs(value) < 1e5:
        return text.number(value, 1).removeprefix("1×")
    return f"{round(value, 10):g}".replace("-", "−")


def _nice(step: float) -> float:
    scale = 10.0 ** math.floor(math.log10(step))
    return next(m * scale for m in (1, 2, 5, 10) if m * scale >= step * 0.999)
