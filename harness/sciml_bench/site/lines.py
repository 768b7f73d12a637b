"""Curves over one dimension, several times side by side, as a small SVG file that follows light and dark."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

MOST = 160
"""A curve with more points is thinned to at most so many: two a pixel as it is shown."""

TILE, GAP, HEIGHT = 120, 8, 90

_STYLE = (
    "svg{--truth:#4b5258;--axis:#d9dde1}"
    "@media (prefers-color-scheme:dark){svg{--truth:#c3c9cf;--axis:#343a41}}"
    "path{fill:none;vector-effect:non-scaling-stroke;stroke-linejoin:round}"
    ".truth{stroke:var(--truth);stroke-width:3;opacity:.45}.prediction{stroke:#2f74d0;stroke-width:1.4}"
    ".error{stroke:#cf5b2e;stroke-width:1.4}.input{stroke:var(--truth);stroke-width:1.4}"
    ".axis{stroke:var(--axis)}"
)


@dataclass(frozen=True)
class Curve:
    """One curve in each tile: (tile, x)."""

    name: str
    tiles: np.ndarray


def draw(path: Path, curves: list[Curve], span: tuple[float, float]) -> None:
    """Write the tiles; values beyond the span are drawn at its ends."""
    n = len(curves[0].tiles)
    width = n * TILE + (n - 1) * GAP
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {HEIGHT}" '
        f'width="{width}" height="{HEIGHT}"><style>{_STYLE}</style>'
    ]
    low, high = span
    zero = _height(0.0, low, high) if low <= 0 <= high else None
    for i in range(n):
        left = i * (TILE + GAP)
        parts.append(f'<path class="axis" d="M{left} .5h{TILE}v{HEIGHT - 1}h-{TILE}z"/>')
        if zero is not None:
            parts.append(f'<path class="axis" d="M{left} {zero:.1f}h{TILE}"/>')
        for curve in curves:
            values = curve.tiles[i]
            values = values[:: max(1, -(-len(values) // MOST))]
            x = left + np.linspace(0, TILE, len(values))
            y = [_height(float(v), low, high) for v in values]
            points = "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(x, y, strict=True))
            parts.append(f'<path class="{curve.name or "input"}" d="M{points}"/>')
    path.write_text("".join([*parts, "</svg>"]), encoding="utf-8")


def _height(value: float, low: float, high: float) -> float:
    share = min(max((value - low) / (high - low), 0.0), 1.0)
    return 3 + (1 - share) * (HEIGHT - 6)
