"""The plots of a league: skill with intervals and tie groups, critical differences of mean ranks, performance profiles."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import scipy
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from ..ranking.critical_difference import CriticalDifference
from ..ranking.league import League, Place
from . import text
from .canvas import INK, decades, legend, literal, looks, svg
from .gallery import Gallery, Picture

WIDTH = 860
ROW = 22
"""Height of a method's line in the plot of skill, in pixels."""
LABEL_ROW = 17
"""Height of a method's line in the critical-difference diagram, in pixels."""
CURVES = 10
"""A performance profile shows so many methods, the best."""
LARGEST_RATIO = 100.0
LEGEND = 150

_SKILLS = (-9, -4, -1, 0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999)


def skill(gallery: Gallery, league: League) -> Picture:
    """Draw each method's skill with its 95% interval, best at the top, and beside them a bar for each group of ties.

    The axis is logarithmic in 1 − skill, the error over that of the baseline, so that 0.9 and 0.99 stand apart.
    """
    places = league.places
    height = ROW * len(places) + 62
    shown = [[asdict(p) for p in places], league.resolution]
    file = gallery.draw(
        "skill", "svg", shown, lambda path: svg(path, WIDTH, height, lambda f: _skill(f, places, height))
    )
    told = "; ".join(
        f"{p.rank} {p.name} {_signed(p.skill)} ({_signed(p.skill_low)} to {_signed(p.skill_high)}), "
        + (f"group {p.group}" if p.placed else "without a place")
        for p in places
    )
    alt = (
        f"Skill of {len(places)} methods with 95% intervals, 0 the best baseline and 1 perfect; bars join ties. {told}."
    )
    return Picture(file, alt, WIDTH, height)


def _skill(figure: Figure, places: Sequence[Place], height: float) -> None:
    letters = sorted({letter for p in places for letter in _groups(p)}, key=lambda g: (len(g), g))
    left, right = 12.0 + 5.4 * max(len(p.name) for p in places), 22.0 + 11 * len(letters)
    axes = _pixels(figure, height, left=left, right=right, bottom=44, top=14)
    axes.set_xscale("log")
    axes.set_xlim(*_skill_span(places))
    axes.set_ylim(len(places) - 0.4, -0.6)
    axes.xaxis.set_major_locator(FixedLocator([1.0 - s for s in _SKILLS]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda v, _: _signed(1 - v)))
    axes.set_yticks(range(len(places)), [literal(p.name) for p in places])
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.axvline(1.0, color=INK, linewidth=1, linestyle=(0, (4, 3)))
    axes.set_xlabel("skill: 0 the best baseline, 1 perfect")
    colour = next(looks()).colour
    for y, p in enumerate(places):
        here, low, high = (max(1 - s, 1e-3) for s in (p.skill, p.skill_low, p.skill_high))
        axes.plot([low, high], [y, y], color=colour, linewidth=1.6, solid_capstyle="butt")
        axes.plot(here, y, color=colour, marker="o", markersize=6, markerfacecolor="none" if p.imputed else colour)
    beside = axes.get_yaxis_transform()
    wide = 72 * figure.get_size_inches()[0] * axes.get_position().width
    for i, letter in enumerate(letters):
        of_group = [y for y, p in enumerate(places) if letter in _groups(p)]
        x = 1 + (12 + 11 * i) / wide
        axes.plot(
            [x, x], [of_group[0] - 0.28, of_group[-1] + 0.28], color=INK, linewidth=3, transform=beside, clip_on=False
        )
        axes.text(x, -0.62, letter, ha="center", va="bottom", fontsize=8, transform=beside, clip_on=False)


def _groups(place: Place) -> list[str]:
    """Return the names of the groups of ties: runs of the same letter."""
    found: list[str] = []
    for letter in place.group:
        if found and found[-1][0] == letter:
            found[-1] += letter
        else:
            found.append(letter)
    return found


def _skill_span(places: Sequence[Place]) -> tuple[float, float]:
    """Return the ends of the axis of 1 − skill, the worst at the left."""
    ratios = [max(1 - s, 1e-3) for p in places for s in (p.skill_low, p.skill, p.skill_high)]
    return max(*ratios, 1.25) * 1.12, min(*ratios, 0.8) / 1.12


def _signed(value: float) -> str:
    return f"{value:.3g}".replace("-", "−")


def critical_difference(gallery: Gallery, found: CriticalDifference) -> Picture:
    """Draw the methods on the axis of mean ranks, best at the left; bars join those that are not told apart."""
    levels = _levels(found)
    names = list(found.mean_ranks)
    above, rows = 60 + 7 * (max(levels, default=-1) + 1), (len(names) + 1) // 2
    height = above + LABEL_ROW * rows + 24
    file = gallery.draw(
        "criticaldifference",
        "svg",
        asdict(found),
        lambda path: svg(path, WIDTH, height, lambda f: _diagram(f, found, levels, height)),
    )
    told = "; ".join(f"{name} {rank:.2f}" for name, rank in found.mean_ranks.items())
    tied = "; ".join(", ".join(c) for c in found.cliques) or "none"
    alt = (
        f"Critical-difference diagram. {found.sentence[0].upper()}{found.sentence[1:]}. {told}. Not told apart: {tied}."
    )
    return Picture(file, alt, WIDTH, height)


def _levels(found: CriticalDifference) -> list[int]:
    """Return how deep the bar of each clique lies: as high as no other bar is in its way."""
    ends: list[float] = []
    levels = []
    for clique in found.cliques:
        low, high = found.mean_ranks[clique[0]], found.mean_ranks[clique[-1]]
        level = next((i for i, end in enumerate(ends) if end < low), len(ends))
        ends[level:] = [high, *ends[level + 1 :]]
        levels.append(level)
    return levels


def _diagram(figure: Figure, found: CriticalDifference, levels: Sequence[int], height: float) -> None:
    """Draw in pixels: x from the left, y downwards."""
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set_xlim(0, WIDTH)
    axes.set_ylim(height, 0)
    names = list(found.mean_ranks)
    k, line, margin = len(names), 50.0, 52.0 + 6.8 * max(map(len, names))
    wide = WIDTH - 2 * margin

    def at(rank: float) -> float:
        return margin + wide * (rank - 1) / (k - 1)

    axes.plot([at(1), at(k)], [line, line], color=INK, linewidth=1)
    stride = max(1, round(k / 12))
    for rank in range(1, k + 1):
        if (rank - 1) % stride == 0:
            axes.plot([at(rank)] * 2, [line - 5, line], color=INK, linewidth=1)
            axes.text(at(rank), line - 8, str(rank), ha="center", va="bottom", fontsize=8)
    _bar_of_difference(axes, found.difference, at(1), at(k), wide / (k - 1))
    for level, clique in zip(levels, found.cliques, strict=True):
        ends = [at(found.mean_ranks[clique[i]]) for i in (0, -1)]
        y = line + 6 + 7 * level
        axes.plot([ends[0] - 3, ends[1] + 3], [y, y], color=next(looks()).colour, linewidth=3.5, solid_capstyle="butt")
    top = line + 12 + 7 * (max(levels, default=-1) + 1)
    half = (k + 1) // 2
    for i, name in enumerate(names):
        left = i < half
        y = top + LABEL_ROW * (i if left else k - 1 - i) + 6
        x, side = at(found.mean_ranks[name]), margin - 8 if left else WIDTH - margin + 8
        axes.plot([x, x, side], [line, y, y], color=INK, linewidth=0.7)
        words = [literal(name), f"{found.mean_ranks[name]:.1f}"]
        label = "  ".join(words if left else reversed(words))
        axes.text(side + (-4 if left else 4), y, label, ha="right" if left else "left", va="center", fontsize=8.5)


def _bar_of_difference(axes: Axes, difference: float, first: float, last: float, pixels: float) -> None:
    """Draw the critical difference at its length, or say that it is longer than the axis."""
    length = difference * pixels
    if length > last - first:
        told = f"critical difference {difference:.2f}: longer than the axis"
        axes.text(first, 12, told, ha="left", va="center", fontsize=8)
        return
    axes.plot([first, first + length], [12, 12], color=INK, linewidth=1.4)
    for x in (first, first + length):
        axes.plot([x, x], [9, 15], color=INK, linewidth=1.4)
    axes.text(first + length + 6, 12, f"critical difference {difference:.2f}", ha="left", va="center", fontsize=8)


def profile(gallery: Gallery, league: League) -> Picture:
    """Draw the share of datasets on which a method's error is at most τ times the best, for the methods of the best skill.

    The band is the 95% interval of the best method's share over other datasets (Wilson); the others' are as wide at its height.
    """
    height = 360
    curves = {p.name: _ends(league.profile[p.name]) for p in league.places[:CURVES] if p.placed}
    file = gallery.draw(
        "profile",
        "svg",
        [list(curves.items()), len(league.datasets)],
        lambda path: svg(path, WIDTH, height, lambda f: _profile(f, curves, len(league.datasets))),
    )
    told = "; ".join(
        f"{name}: best on {_percent(points, 1.0)}, within a factor of 2 on {_percent(points, 2.0)}"
        for name, points in curves.items()
    )
    return Picture(file, f"Performance profile over {len(league.datasets)} datasets. {told}.", WIDTH, height)


def _ends(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the steps from τ = 1 to the right end."""
    steps = [(min(r, LARGEST_RATIO), s) for r, s in points if r <= LARGEST_RATIO]
    return [(1.0, 0.0), *steps, (LARGEST_RATIO, steps[-1][1] if steps else 0.0)]


def _percent(points: Sequence[tuple[float, float]], ratio: float) -> str:
    return f"{100 * max(s for r, s in points if r <= ratio * (1 + 1e-9)):.0f}%"


def _profile(figure: Figure, curves: dict[str, list[tuple[float, float]]], datasets: int) -> None:
    axes = _pixels(figure, 360, left=48, right=LEGEND, bottom=40, top=14)
    axes.set_xscale("log")
    axes.set_xlim(1, LARGEST_RATIO)
    axes.set_ylim(0, 1.02)
    for i, ((name, points), look) in enumerate(zip(curves.items(), looks(), strict=False)):
        ratio, share = (list(v) for v in zip(*points, strict=True))
        axes.step(
            ratio,
            share,
            where="post",
            color=look.colour,
            linestyle=look.dashes,
            label=literal(text.shortened(name, 24)),
        )
        if i == 0:
            low, high = zip(*(_wilson(s, datasets) for s in share), strict=True)
            axes.fill_between(ratio, low, high, step="post", color=look.colour, alpha=0.13, linewidth=0)
    axes.set_xlabel("error over the best, τ")
    axes.set_ylabel("share of the datasets within τ")
    decades(axes.xaxis)
    legend(figure, LEGEND)


def _wilson(share: float, datasets: int) -> tuple[float, float]:
    found = scipy.stats.binomtest(round(share * datasets), datasets).proportion_ci(0.95, method="wilson")
    return float(found.low), float(found.high)


def _pixels(figure: Figure, height: float, *, left: float, right: float, bottom: float, top: float) -> Any:
    """Return axes with margins in points."""
    width = 72 * figure.get_size_inches()[0]
    high = 0.75 * height
    return figure.add_axes((left / width, bottom / high, (width - left - right) / width, (high - bottom - top) / high))
