"""How plots are drawn: small SVG files without background whose ink follows the light or dark scheme."""

import itertools
import math
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from . import text

INK, LINES = "#4b5258", "#d9dde1"
COLOURS = ("#2f74d0", "#cf5b2e", "#1f8a63", "#a552bd", "#a07800", "#cc4468", "#2b8797", "#757a35")
MARKERS = ("o", "s", "D", "^", "v", "P", "X", "p")
DASHES = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (6, 1.5, 1.5, 1.5)))
DPI = 96

_STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "sciml-bench",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": LINES,
    "grid.linewidth": 0.6,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "xtick.minor.size": 0,
    "ytick.minor.size": 0,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "lines.linewidth": 1.5,
}
_SCHEME = (
    f"<style>svg{{--ink:{INK};--lines:{LINES}}}"
    "@media (prefers-color-scheme:dark){svg{--ink:#c3c9cf;--lines:#343a41}}"
    "text{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif!important}</style>"
)


@dataclass(frozen=True)
class Look:
    """How one series is told from the others, by more than its colour."""

    colour: str
    marker: str
    dashes: Any


def looks() -> Iterator[Look]:
    """Yield a look for each series, without end."""
    for i in itertools.count():
        n = len(COLOURS)
        yield Look(COLOURS[i % n], MARKERS[(i + i // n) % len(MARKERS)], DASHES[(i + i // n) % len(DASHES)])


def svg(path: Path, width: float, height: float, paint: Callable[[Figure], None]) -> None:
    """Write what `paint` draws on a figure of so many CSS pixels."""
    with matplotlib.rc_context(_STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"Glyph .* missing")  # the reader's own fonts have it
        figure = Figure(figsize=(width / DPI, height / DPI))
        paint(figure)
        figure.savefig(path, format="svg", transparent=True, metadata={"Date": None})
    drawn = path.read_text(encoding="utf-8")
    start = drawn.index("<svg")
    end = drawn.index(">", start) + 1
    themed = drawn[end:].replace(INK, "var(--ink)").replace(LINES, "var(--lines)")
    path.write_text(drawn[start:end] + _SCHEME + themed, encoding="utf-8")


def literal(label: str) -> str:
    """Return a label that is shown as it is: no mathematics between dollar signs, no leading underscore."""
    return label.replace("$", r"\$").lstrip("_") or "?"


def panels(figure: Figure, count: int = 1, *, right: float = 10) -> list[Any]:
    """Return axes side by side with room for their labels, in points; `right` is kept free for a legend.

    Fixed margins rather than a layout engine, which would take most of the time that a plot takes.
    """
    width, height = (72 * inches for inches in figure.get_size_inches())
    left, bottom, top = 48, 36, 18
    wide = (width - right) / count
    high = (height - bottom - top) / height
    return [
        figure.add_axes(((i * wide + left) / width, bottom / height, (wide - left) / width, high)) for i in range(count)
    ]


def legend(figure: Figure, right: float) -> None:
    """Put the legend into the room kept free at the right."""
    width = 72 * figure.get_size_inches()[0]
    figure.legend(loc="upper left", bbox_to_anchor=(1 - (right - 6) / width, 0.97), borderaxespad=0)


def span(values: Iterable[float], *, least: float = 3.0) -> tuple[float, float]:
    """Return the ends of a logarithmic axis that shows all positive values and spans at least a factor."""
    positive = [v for v in values if v > 0] or [1.0]
    low, high = min(positive), max(positive)
    widen = max(math.sqrt(max(least * low / high, 1.0)), (high / low) ** 0.07)
    return low / widen, high * widen


def decades(axis: Any) -> None:
    """Label a logarithmic axis by powers of ten, and between them where it spans little."""
    low, high = axis.get_view_interval()
    axis.set_major_formatter(FuncFormatter(lambda v, _: _decade(v)))
    if high / low < 30:
        axis.set_minor_locator(LogLocator(subs=(2, 5)))
        axis.set_minor_formatter(FuncFormatter(lambda v, _: _decade(v)))
    else:
        axis.set_minor_locator(NullLocator())


def _decade(value: float) -> str:
    return f"{value:g}" if 1e-3 <= value < 1e4 else text.number(value, 1).removeprefix("1×")
