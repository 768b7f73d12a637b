"""How fast the suite is over commits, and whether published numbers still come out.

Both are read from the results: `speed/<class of machine>/<commit>.json` holds what asv measured, as `benchmarks/speed/track.py`
keeps it; a line of `drift.jsonl` is one published cell that was run again.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from ..errors import StoreError
from ..records import drift
from ..records.drift import Drift
from .suite import Suite

PAGE = "history.html"
WIDTH, HEIGHT, EDGE = 180, 36, 4
"""Of a line of values, in pixels."""
SHOWN = 200
"""At most so many cells that were run again are listed."""


@dataclass(frozen=True, kw_only=True)
class Point:
    """A value at one commit."""

    commit: str
    day: str
    value: float


@dataclass(frozen=True, kw_only=True)
class Series:
    """A benchmark over commits, the oldest first; `unit` is "seconds" or "bytes"."""

    name: str
    unit: str
    points: tuple[Point, ...]

    @property
    def latest(self) -> Point:
        """The newest value."""
        return self.points[-1]

    @property
    def change(self) -> float | None:
        """The newest value over the one before it; None where there is none."""
        if len(self.points) < 2 or self.points[-2].value == 0:
            return None
        return self.latest.value / self.points[-2].value

    @property
    def line(self) -> str:
        """The points of a polyline: equal steps from left to right, zero at the bottom."""
        return polyline([p.value for p in self.points])


@dataclass(frozen=True, kw_only=True)
class Machine:
    """The benchmarks on one class of machine."""

    name: str
    series: tuple[Series, ...]


@dataclass(frozen=True, kw_only=True)
class Night:
    """The cells of one day."""

    day: str
    stand: int
    checked: int
    worst: float | None
    """The largest relative difference."""


@dataclass(frozen=True, kw_only=True)
class History:
    """What the page shows, and what could not be read."""

    machines: tuple[Machine, ...]
    drift: tuple[Drift, ...]
    complaints: tuple[str, ...]

    @property
    def nights(self) -> list[Night]:
        """One entry for each day, the oldest first."""
        days: dict[str, list[Drift]] = {}
        for one in sorted(self.drift, key=lambda d: d.date):
            days.setdefault(one.date, []).append(one)
        return [_night(day, cells) for day, cells in days.items()]

    @property
    def line(self) -> str:
        """The share of cells that stand, over the nights."""
        return polyline([n.stand / n.checked for n in self.nights])


def _night(day: str, cells: Sequence[Drift]) -> Night:
    known = [gap for gap in map(difference, cells) if gap is not None]
    return Night(day=day, stand=sum(d.stands for d in cells), checked=len(cells), worst=max(known, default=None))


def difference(one: Drift) -> float | None:
    """Return |found − published| / |published|, None where one is missing or zero was published."""
    if not one.published or one.found is None:
        return None
    return abs(one.found - one.published) / abs(one.published)


def polyline(values: Sequence[float]) -> str:
    """Return the points of an SVG line: equal steps from left to right, zero at the bottom, the largest value at the top."""
    top = max(values, default=0.0) or 1.0
    step = (WIDTH - 2 * EDGE) / max(len(values) - 1, 1)
    return " ".join(
        f"{EDGE + i * step:.1f},{HEIGHT - EDGE - (HEIGHT - 2 * EDGE) * v / top:.1f}" for i, v in enumerate(values)
    )


def history(results: Path) -> History:
    """Read what there is; a file that cannot be read is told of and left out."""
    complaints: list[str] = []
    folders = sorted(p for p in (results / "speed").glob("*") if p.is_dir())
    machines = tuple(Machine(name=f.name, series=_series(f, complaints)) for f in folders)
    try:
        found = tuple(drift.read(results / drift.FILE))
    except StoreError as error:
        found = ()
        complaints.append(str(error))
    return History(machines=tuple(m for m in machines if m.series), drift=found, complaints=tuple(complaints))


@dataclass(frozen=True, kw_only=True)
class Confirmed:
    """The published cells that carry a badge of having been run again, and how they came out."""

    cells: int
    """Of all that are published and could be run again."""
    again: int
    identical: int
    largest: float
    """The largest difference of a score, over its tolerance."""
    last: str


def confirmed(suite: Suite) -> Confirmed:
    """Count the badges of the cells that the boards show; what does not apply cannot be run, and a file is the user's own."""
    cells = [
        r
        for b in suite.boards
        if b.tier != "file"
        for v in b.rows
        for r in v.row.records
        if r.status != "not_applicable"
    ]
    found = [v for r in cells if r.provenance.badge == "reproduced" and (v := r.provenance.verification) is not None]
    return Confirmed(
        cells=len(cells),
        again=len(found),
        identical=sum(v.verdict == "identical" for v in found),
        largest=max((v.largest for v in found), default=0.0),
        last=max((v.date for v in found), default=""),
    )


def values(results: Path, suite: Suite) -> dict[str, Any]:
    """Return what the page's template takes."""
    return {
        "history": history(results),
        "confirmed": confirmed(suite),
        "width": WIDTH,
        "height": HEIGHT,
        "shown": SHOWN,
        "difference": difference,
    }


class _Result(BaseModel):
    """A file of asv's results, as far as it is read."""

    commit_hash: str
    date: int
    """Of the commit, in milliseconds."""
    result_columns: list[str]
    results: dict[str, list[Any]]
    units: dict[str, str]


_PARAMETERS = TypeAdapter(list[list[str]])
_VALUES = TypeAdapter(list[float | None])


def _series(folder: Path, complaints: list[str]) -> tuple[Series, ...]:
    found: dict[str, list[tuple[int, str, Point]]] = {}
    units: dict[str, str] = {}
    newest: dict[str, tuple[int, str]] = {}
    for path in sorted(folder.glob("*.json")):
        try:
            result = _Result.model_validate_json(path.read_text(encoding="utf-8"))
            values = list(_values(result))
        except (ValueError, KeyError, OSError) as error:
            why = error.errors()[0]["msg"] if isinstance(error, ValidationError) else error
            complaints.append(
                f"speed/{folder.name}/{path.name} cannot be read as a result of asv and is left out: {why}"
            )
            continue
        day = datetime.fromtimestamp(result.date / 1000, UTC).date().isoformat()
        for name, benchmark, version, value in values:
            point = Point(commit=result.commit_hash, day=day, value=value)
            found.setdefault(name, []).append((result.date, version, point))
            newest[name] = max(newest.get(name, (0, "")), (result.date, version))
            units[name] = result.units[benchmark]
    return tuple(
        Series(name=name, unit=units[name], points=_of_version(points, newest[name][1]))
        for name, points in sorted(found.items())
    )


def _of_version(points: Iterable[tuple[int, str, Point]], version: str) -> tuple[Point, ...]:
    """Return the points of a benchmark as it is now; what it timed before it was changed is no part of the line."""
    kept = sorted(((when, p.commit, p) for when, v, p in points if v == version), key=lambda t: t[:2])
    return tuple(p for _, _, p in kept)


def _values(result: _Result) -> Iterable[tuple[str, str, str, float]]:
    """Yield (name with its parameters, benchmark, its version, value) of all that was measured."""
    for benchmark, row in result.results.items():
        cells = dict(zip(result.result_columns, row, strict=False))
        values = _VALUES.validate_python(cells["result"] or [])
        combinations = product(*_PARAMETERS.validate_python(cells.get("params") or []))
        for chosen, value in zip(combinations, values, strict=False):
            if value is not None and value == value:
                words = ", ".join(c.strip("'") for c in chosen)
                yield f"{benchmark}({words})" if words else benchmark, benchmark, str(cells.get("version", "")), value
