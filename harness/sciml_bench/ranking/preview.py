"""The rows that reviewed records make, as Markdown for a pull request.

Every text of a record stands between <code> tags with all but letters and digits as character references, so that it is neither
markup, nor a link, nor a mention.
"""

from collections.abc import Iterator, Sequence

from ..records.review import Review
from .intervals import Interval
from .summary import Row, summarise

HEADS = ("method", "place", "error", "95% interval", "floor", "cover 90%", "fit", "cells", "badge")
SHOWN = 50
"""More rows or findings than this are counted, not shown."""


def preview(found: Review) -> str:
    """Return the findings and the rows of a review."""
    rows = _rows(found)
    parts = [
        _list("What stands against these records", [str(f) for f in found.refused]),
        _list("To be weighed", [str(f) for f in found.findings if not f.refuses]),
        _tables(rows) if rows else "No record is new.",
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def code(text: object) -> str:
    """Return a text as inert code."""
    inert = "".join(c if c.isascii() and (c.isalnum() or c == " ") else f"&#{ord(c)};" for c in str(text)[:300])
    return f"<code>{inert}</code>"


def _list(title: str, sentences: Sequence[str]) -> str:
    if not sentences:
        return ""
    more = [f"- and {len(sentences) - SHOWN} more"] if len(sentences) > SHOWN else []
    return "\n".join([f"### {title}", "", *(f"- {code(s)}" for s in sentences[:SHOWN]), *more])


def _rows(found: Review) -> list[tuple[Row, str]]:
    """Return the rows with new records, each with its place among the methods of its board, as its page gives it."""
    fresh = {(r.cell.tier, r.cell.dataset, r.cell.device, r.row) for r in found.new}
    current = {r.key: r for r in [*found.known, *found.new]}
    board = summarise(current.values())
    chosen = []
    for row in board:
        if (row.tier, row.dataset, row.device, row.name) in fresh:
            rivals = [r for r in board if (r.tier, r.dataset, r.device) == (row.tier, row.dataset, row.device)]
            ranked = [r.name for r in rivals if r.error is not None and not r.solver]
            place = (
                f"{ranked.index(row.name) + 1} of {len(ranked)}"
                if row.name in ranked
                else "solver"
                if row.solver
                else "–"
            )
            chosen.append((row, place))
    return chosen


def _tables(rows: Sequence[tuple[Row, str]]) -> str:
    lines: list[str] = []
    title = ""
    for row, place in rows[:SHOWN]:
        here = f"{code(row.dataset)} · {row.tier} · {row.device} · {code(row.primary)}"
        if here != title:
            title = here
            lines += ["", f"### {here}", "", f"| {' | '.join(HEADS)} |", f"|{'---|' * len(HEADS)}"]
        lines.append(f"| {' | '.join(_cells(row, place))} |")
        lines += [f"| | {code(reason)} |" for reason in row.reasons[:3]]
    if len(rows) > SHOWN:
        lines += ["", f"and {len(rows) - SHOWN} more rows"]
    return "\n".join(lines).strip()


def _cells(row: Row, place: str) -> Iterator[str]:
    nothing = Interval(float("nan"), None, None)
    error = row.scores.get(row.primary, nothing)
    yield code(row.name)
    yield place
    yield _number(None if row.error is None else error.mean)
    yield "–" if error.low is None or error.high is None else f"{error.low:.3g} to {error.high:.3g}"
    yield _number(row.floor.get(row.primary))
    yield _number(row.scores["coverage_90"].mean if "coverage_90" in row.scores else None)
    yield "–" if row.fit_seconds is None else f"{row.fit_seconds:.3g} s"
    yield ", ".join(f"{n} {status}" for status, n in row.status.items()) + f" of {row.folds}"
    yield ", ".join(sorted({r.provenance.badge for r in row.records}))


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}"
