"""Rows as a table on a terminal, or in a file as wide as it needs to be."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ..ranking.intervals import Interval
from ..ranking.summary import PRIMARY, Row
from ..ranking.tradeoff import Tradeoff

PIPE_WIDTH = 160


def console() -> Console:
    """Return the console of standard output."""
    plain = Console(highlight=False)
    return plain if plain.is_terminal else Console(highlight=False, width=PIPE_WIDTH)


def show(rows: Sequence[Row], console: Console) -> None:
    """Print one table for each dataset, tier and device."""
    for (tier, dataset, device), group in groupby(rows, key=lambda r: (r.tier, r.dataset, r.device)):
        found = list(group)
        console.print()
        console.print(_table(f"{dataset} · {tier} · {device}", found, console.width))
        floor = next((r.floor[PRIMARY] for r in found if PRIMARY in r.floor), None)
        if floor is not None:
            console.print(f"[dim]floor of the truth: {PRIMARY} {floor:.1e}; differences below it are ties")
        for row in found:
            for reason in row.reasons:
                console.print(f"[red]{row.name}[/]: {escape(reason)}")


@dataclass(frozen=True)
class Column:
    """A column: its head, its text, and the narrowest terminal that shows it."""

    head: str
    text: Callable[[Row], str]
    width: int = 0


COLUMNS = (
    Column(PRIMARY, lambda r: f"{r.error:.3g}"),
    Column("95% interval", lambda r: interval(r.scores[PRIMARY])),
    Column("physics", lambda r: mean(r.scores, "pde_defect", "pde_residual"), 90),
    Column("cover 90%", lambda r: mean(r.scores, "coverage_90", digits="{:.2f}"), 110),
    Column("fit", lambda r: seconds(r.cost.get("fit_seconds")), 80),
    Column("per sample", lambda r: seconds(r.seconds_per_sample)),
    Column("speed-up", lambda r: _speed_up(r.tradeoff), 100),
    Column("break-even", lambda r: _break_even(r.tradeoff), 120),
)


def _table(title: str, rows: Sequence[Row], width: int) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    shown = [c for c in COLUMNS if c.width <= width]
    table.add_column("method", overflow="ellipsis", no_wrap=True)
    for column in shown:
        table.add_column(column.head, justify="right", no_wrap=True)
    table.add_column("", overflow="ellipsis", no_wrap=True)
    for row in rows:
        if row.error is None:
            status = ", ".join(f"{n} {s}" for s, n in row.status.items())
            table.add_row(row.name, *["–"] * len(shown), f"[red]{status}")
        else:
            table.add_row(row.name, *(c.text(row) for c in shown), ", ".join(row.flags))
    return table


def _speed_up(tradeoff: Tradeoff | None) -> str:
    return "" if tradeoff is None or tradeoff.speed_up is None else f"{tradeoff.speed_up:.2g}×"


def _break_even(tradeoff: Tradeoff | None) -> str:
    if tradeoff is None or tradeoff.speed_up is None:
        return ""
    return "never" if tradeoff.break_even is None else f"{tradeoff.break_even:,}"


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
    for limit, factor, unit in (
        (1e-3, 1e6, "µs"),
        (1.0, 1e3, "ms"),
        (120.0, 1.0, "s"),
        (7200.0, 1 / 60, "min"),
    ):
        if value < limit:
            return f"{value * factor:.3g} {unit}"
    return f"{value / 3600:.3g} h"
