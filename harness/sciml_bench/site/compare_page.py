"""The page that puts any methods side by side: all paired comparisons, worked out when the site is built.

The reference solver's settings are left out: they differ from dataset to dataset, and stand on each board's own page.
"""

import json
import math
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any

from ..ranking.compare import LEVEL, Comparison, compare_all, holm
from .board import Board, RowView

PAGE, DATA = "compare.html", "compare-data.js"
OWN = "runs"
"""The folder that `sciml-bench compare` reads without being told."""
MOST = 4
"""So many methods stand side by side at most."""


@dataclass(frozen=True, kw_only=True)
class Contest:
    """One board: the rows that may be compared, and what is said of each pair of them."""

    board: Board
    rows: tuple[RowView, ...]
    pairs: dict[tuple[int, int], Comparison]

    @property
    def pool(self) -> str:
        """What may be compared with it: the same tier on the same kind of device."""
        return f"{self.board.tier} {self.board.device}"

    def of(self, name: str) -> int | None:
        """Return the position of the row called `name`."""
        return next((i for i, v in enumerate(self.rows) if v.row.name == name), None)

    def between(self, first: str, second: str) -> Comparison | None:
        """Return the comparison of two rows by their names, None where there is none."""
        i, j = self.of(first), self.of(second)
        if i is None or j is None:
            return None
        found = self.pairs.get((min(i, j), max(i, j)))
        return found if found is None or i < j else turned(found)


@dataclass(frozen=True, kw_only=True)
class Line:
    """One dataset on which both methods of the pair stand, with the comparison after correction for their number."""

    board: Board
    first: RowView
    second: RowView
    found: Comparison


@dataclass(frozen=True, kw_only=True)
class Pair:
    """The pair that a reader sees before choosing, and without a script."""

    first: str
    second: str
    tier: str
    device: str
    lines: tuple[Line, ...]

    def at(self, value: float) -> float:
        """Return where a ratio is drawn, from 6 to 114, on a logarithmic scale with 1 in the middle."""
        ends = [abs(math.log(end)) for x in self.lines for end in (x.found.low, x.found.high)]
        return round(60 + 54 * math.log(value) / max(math.log(2), *ends), 1)


def contests(boards: Sequence[Board]) -> list[Contest]:
    """Return what can be compared on each board with at least two rows that have scores."""
    found = []
    for board in boards:
        rows = tuple(v for v in board.rows if v.shown and not v.solver)
        pairs = compare_all([v.row.records for v in rows])
        if pairs:
            found.append(Contest(board=board, rows=rows, pairs=pairs))
    return found


def option(results: Path) -> str:
    """Return what a command needs to read the records of these pages; no more than the folder's name is made public."""
    name = results.resolve().name
    return "" if name == OWN else f" --results {shlex.quote(name)}"


def default(found: Sequence[Contest]) -> Pair | None:
    """Return the method that leads most often on the first tier, and of those beside it on most of its datasets the nearest."""
    if not found:
        return None
    mine = [c for c in found if c.pool == found[0].pool]
    places: dict[str, list[int]] = {}
    for contest in mine:
        for position, view in enumerate(contest.rows):
            if not view.row.control:
                places.setdefault(view.row.name, []).append(position)
    if not places:
        return None
    first = min(places, key=lambda n: (-places[n].count(0), -len(places[n]), n))
    against = {n: lines for n in places if n != first and (lines := _lines(mine, first, n))}
    if not against:
        return None
    most = max(map(len, against.values()))
    near = {
        n: fmean(abs(math.log(x.found.ratio)) for x in lines) for n, lines in against.items() if 2 * len(lines) > most
    }
    second = min(near, key=lambda n: (near[n], n))
    return Pair(first=first, second=second, tier=mine[0].board.tier, device=mine[0].board.device, lines=against[second])


def _lines(found: Sequence[Contest], first: str, second: str) -> tuple[Line, ...]:
    lines = []
    for contest in found:
        i, j, one = contest.of(first), contest.of(second), contest.between(first, second)
        if i is not None and j is not None and one is not None:
            lines.append((contest, i, j, one))
    adjusted = holm([c.p_value for *_, c in lines])
    return tuple(
        Line(board=c.board, first=c.rows[i], second=c.rows[j], found=replace(one, adjusted=p))
        for (c, i, j, one), p in zip(lines, adjusted, strict=True)
    )


def turned(one: Comparison) -> Comparison:
    """Return the same comparison from the other side."""
    return replace(
        one,
        first=one.second,
        second=one.first,
        errors=(one.errors[1], one.errors[0]),
        ratio=1 / one.ratio,
        low=1 / one.high,
        high=1 / one.low,
        wins=1 - one.wins,
    )


def script(found: Sequence[Contest]) -> str:
    """Return all comparisons as a script that a page from the disk can load too.

    `pairs` of a board holds, for each row and each later one in order, ratio, low, high, p-value and wins, with five digits;
    then folds and samples where they are not the board's own. 0 stands for a pair without a fold in common.
    """
    pools: dict[str, list[Any]] = {}
    for contest in found:
        pools.setdefault(contest.pool, []).append(_document(contest))
    shown = {"level": LEVEL, "most": MOST, "pools": pools}
    return f"const COMPARISONS = {json.dumps(shown, ensure_ascii=True, separators=(',', ':'))};\n"


def _document(contest: Contest) -> dict[str, Any]:
    board, n = contest.board, len(contest.rows)
    sizes = [(c.folds, c.samples) for c in contest.pairs.values()]
    usual = max(sorted(set(sizes)), key=sizes.count)
    return {
        "dataset": board.dataset,
        "title": board.title,
        "tier": board.tier,
        "page": board.page,
        "metric": board.primary,
        "floor": max(board.floor or 0.0, 0.0),
        "folds": usual[0],
        "samples": usual[1],
        "rows": [[v.row.name, board.address(v), *map(_digits, _ends(v)), int(v.row.control)] for v in contest.rows],
        "pairs": [_numbers(contest.pairs.get((i, j)), usual) for i in range(n) for j in range(i + 1, n)],
    }


def _ends(view: RowView) -> tuple[float | None, float | None, float | None]:
    found = view.row.scores[view.row.primary]
    return found.mean, found.low, found.high


def _numbers(one: Comparison | None, usual: tuple[int, int]) -> list[float | None] | int:
    if one is None:
        return 0
    found = [_digits(x) for x in (one.ratio, one.low, one.high, one.p_value, one.wins)]
    return found if (one.folds, one.samples) == usual else [*found, one.folds, one.samples]


def _digits(value: float | None) -> float | int | None:
    """Return a number with five digits, without a needless fraction."""
    if value is None:
        return None
    short = float(f"{value:.5g}")
    return int(short) if short.is_integer() and abs(short) < 1e15 else short
