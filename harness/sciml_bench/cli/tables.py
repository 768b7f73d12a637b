"""Rows as a table on a terminal, or in a file as wide as it needs to be."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ..ranking.intervals import Interval
from ..ranking.league import League
from ..ranking.notices import notices
from ..ranking.summary import Row
from ..ranking.tradeoff import Tradeoff
from ..records.store import Store
from ..site.text import factor, number

PIPE_WIDTH = 1000
"""Wider than any table is."""
NAME_WIDTH, NOTE_WIDTH = 16, 14
"""On a narrow terminal names and notes are folded, to no less than this: the settings at a name's end tell rows apart."""


def console() -> Console:
    """Return the console of standard output."""
    plain = Console(highlight=False)
    return plain if plain.is_terminal else Console(highlight=False, width=PIPE_WIDTH)


def complain(store: Store) -> None:
    """Say on standard error what could not be read of a store's records."""
    out = Console(stderr=True, highlight=False)
    for complaint in store.complaints:
        out.print(f"[yellow]![/] {escape(complaint)}", soft_wrap=True)


def show(rows: Sequence[Row], console: Console) -> None:
    """Print one table for each dataset, tier and device."""
    for (tier, dataset, device), group in groupby(rows, key=lambda r: (r.tier, r.dataset, r.device)):
        every = list(group)
        found = [r for r in every if r.applies]
        if not found:
            continue
        console.print()
        columns = _fitting(found, console.width)
        console.print(_table(escape(f"{dataset} · {tier} · {device}"), found, columns, console.width))
        if left_out := [c.head for c in COLUMNS if c not in columns]:
            console.print(f"[dim]left out, as the terminal is narrow: {', '.join(left_out)}")
        floor = next((r.floor[r.primary] for r in found if r.primary in r.floor), None)
        if floor is not None:
            console.print(f"[dim]floor of the truth: {found[0].primary} {floor:.1e}; errors below it are ties")
        for row in found:
            for reason in row.reasons:
                console.print(f"[red]{escape(row.name)}[/]: {escape(reason)}")
        for notice in notices(every):
            console.print(f"[yellow]![/] {escape(notice)}", soft_wrap=True)
        others = [r.name for r in every if r not in found]
        if others:
            console.print(f"[dim]not applicable: {escape(', '.join(others))}")


@dataclass(frozen=True)
class Column:
    """A column: its head, its text, and how soon it gives way on a narrow terminal (0: never)."""

    head: str
    text: Callable[[Row], str]
    yields: int = 0


COLUMNS = (
    Column("error", lambda r: f"{r.error:.3g}"),
    Column("95% interval", lambda r: interval(r.scores[r.primary])),
    Column("physics", lambda r: mean(r.scores, "pde_defect", "pde_residual"), 3),
    Column("cover 90%", lambda r: mean(r.scores, "coverage_90", digits="{:.2f}"), 5),
    Column("fit", lambda r: seconds(r.fit_seconds), 2),
    Column("per sample", lambda r: seconds(r.seconds_per_sample)),
    Column("speed-up", lambda r: _speed_up(r.tradeoff), 4),
    Column("break-even", lambda r: _break_even(r.tradeoff), 6),
)


def _table(title: str, rows: Sequence[Row], shown: Sequence[Column], width: int) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    left = width - sum(_width(c, rows) + 2 for c in shown) - min(_notes(rows), NOTE_WIDTH) - 6
    least = min(NAME_WIDTH, max(len(r.name) for r in rows))
    table.add_column("method", overflow="fold", min_width=least, max_width=max(left, least))
    for column in shown:
        table.add_column(column.head, justify="right", no_wrap=True, min_width=_width(column, rows))
    table.add_column("", overflow="fold")
    for row in rows:
        if row.error is None:
            table.add_row(escape(row.name), *["–"] * len(shown), f"[red]{_status(row)}")
        else:
            table.add_row(escape(row.name), *(c.text(row) for c in shown), ", ".join(row.flags))
    return table


def _fitting(rows: Sequence[Row], width: int) -> list[Column]:
    """Return the columns that fit, the most dispensable left out first."""
    shown = list(COLUMNS)
    names = max(len(r.name) for r in rows)
    while names + _notes(rows) + sum(_width(c, rows) + 2 for c in shown) + 6 > width:
        last = max(shown, key=lambda c: c.yields)
        if last.yields == 0:
            break
        shown.remove(last)
    return shown


def _notes(rows: Sequence[Row]) -> int:
    """Return the width of the longest note: flags, or how a row failed."""
    return max(len(_status(r) if r.error is None else ", ".join(r.flags)) for r in rows)


def _width(column: Column, rows: Sequence[Row]) -> int:
    return max(len(column.head), *(len(column.text(r)) for r in rows if r.error is not None), 1)


def _status(row: Row) -> str:
    return ", ".join(f"{n} {s}" for s, n in row.status.items())


def _speed_up(tradeoff: Tradeoff | None) -> str:
    return "" if tradeoff is None or tradeoff.speed_up is None else factor(tradeoff.speed_up)


def _break_even(tradeoff: Tradeoff | None) -> str:
    if tradeoff is None or tradeoff.speed_up is None:
        return ""
    return "never" if tradeoff.break_even is None else number(tradeoff.break_even, 2)


def interval(value: Interval) -> str:
    """Return the ends of an interval."""
    return "" if value.low is None or value.high is None else f"{value.low:.3g} – {value.high:.3g}"


def mean(scores: dict[str, Interval], *names: str, digits: str = "{:.2g}") -> str:
    """Return the mean of the first of the scores that is there."""
    for name in names:
        if name in scores:
            return digits.format(scores[name].mean)
    return ""


def seconds(value: float | None) -> str:
    """Return a time in the unit that fits it."""
    if value is None:
        return ""
    for limit, scale, unit in (
        (1e-3, 1e6, "µs"),
        (1.0, 1e3, "ms"),
        (120.0, 1.0, "s"),
        (7200.0, 1 / 60, "min"),
    ):
        if value < limit:
            return f"{value * scale:.3g} {unit}"
    return f"{value / 3600:.3g} h"


def show_league(title: str, found: League, console: Console) -> None:
    """Print the ranks over several datasets."""
    table = Table(title=escape(title), title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for head in ("place", "group", "method"):
        table.add_column(head, no_wrap=True)
    for head in ("skill", "95% interval", "mean rank", "wins", "worst, over baseline"):
        table.add_column(head, justify="right", no_wrap=True)
    for p in found.places:
        name = p.name + (f" [dim](no score on {', '.join(p.imputed)})[/]" if p.imputed else "")
        worst = f"{factor(p.worst[1])} on {p.worst[0]}"
        span = f"{p.skill_low:.2f} – {p.skill_high:.2f}"
        ranked = "" if p.mean_rank is None else f"{p.mean_rank:.1f}"
        wins = "" if p.win_rate is None else f"{100 * p.win_rate:.0f}%"
        table.add_row(p.rank, p.group, name, f"{p.skill:.2f}", span, ranked, wins, worst)
    console.print()
    console.print(table)
    least = (
        "no typical pair can be"
        if found.resolution is None
        else f"a typical pair can where one has {number(found.resolution, 2)} times the error of the other"
    )
    console.print(
        f"[dim]skill: 0 the best baseline, 1 perfect; methods of one group cannot be told apart; {least}; a missing score is the "
        "baseline's"
    )
    if found.critical is not None:
        console.print(f"[dim]{found.critical.sentence}")
