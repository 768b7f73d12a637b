"""One leaderboard as it is shown: the rows of one dataset, tier and device, with texts and sort keys."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from ..ranking.facets import physics_score
from ..ranking.notices import notices, timed_on
from ..ranking.summary import Row
from . import cards, text
from .columns import Column, Value, columns, physics_label
from .scale import LogScale, Mark, mark

TIERS = ("full", "small", "smoke", "file")


@dataclass(frozen=True)
class Flag:
    """A visible label; `kind` is `bad`, `good` or `plain`."""

    text: str
    kind: str


@dataclass(frozen=True, kw_only=True)
class RowView:
    """One row of the table."""

    row: Row
    anchor: str
    family: str
    framework: str
    title: str
    solver: bool
    values: dict[str, Value]
    mark: Mark | None
    flags: tuple[Flag, ...]
    status: str

    @property
    def shown(self) -> bool:
        """Whether any cell has a score."""
        return self.row.error is not None

    def value(self, column: str) -> Value:
        """Return its value in a column, also where the board leaves that one out."""
        return self.values.get(column, Value())


@dataclass(frozen=True, kw_only=True)
class Board:
    """The leaderboard of one dataset, tier and device."""

    dataset: str
    tier: str
    device: str
    title: str
    rows: tuple[RowView, ...]
    primary: str
    floor: float | None
    physics: str | None
    columns: tuple[Column, ...]
    scale: LogScale
    commands: tuple[str, ...]
    notices: tuple[str, ...]
    timed_on: str
    """The machine that most of its cells ran on."""

    @property
    def anchor(self) -> str:
        """The fragment of its address on the index."""
        return text.anchor(f"{self.tier} {self.dataset} {self.device}")

    @property
    def page(self) -> str:
        """The address of its page from the index; `@` is in no dataset's name."""
        device = "" if self.device == "cpu" else f"@{self.device}"
        return f"{self.tier}/{self.dataset}{device}.html"

    @property
    def folder(self) -> str:
        """The folder of the pages of its rows, from the index."""
        return self.page.removesuffix(".html")

    def address(self, view: RowView) -> str:
        """The address of the page of one of its rows, from the index."""
        return f"{self.folder}/{view.anchor}.html"

    @property
    def listed(self) -> tuple[RowView, ...]:
        """The rows of the table: all but those of methods that do not apply."""
        return tuple(v for v in self.rows if v.row.applies)

    @property
    def apart(self) -> tuple[RowView, ...]:
        """The rows of methods that do not apply, in the order of their names."""
        return tuple(sorted((v for v in self.rows if not v.row.applies), key=lambda v: v.row.name))

    @property
    def methods(self) -> tuple[RowView, ...]:
        """The rows with a score that are no solver's, best first."""
        return tuple(v for v in self.rows if v.shown and not v.solver)

    @property
    def physics_label(self) -> str:
        """What heads the column of physics."""
        if self.physics is None:
            return "Physics"
        return physics_label(self.physics)

    @property
    def cells(self) -> int:
        """The number of the cells of its table."""
        return sum(len(r.row.records) for r in self.listed)


def boards(rows: Sequence[Row]) -> list[Board]:
    """Return the boards, the largest tier first."""
    groups = groupby(rows, key=lambda r: (r.tier, r.dataset, r.device))
    found = [_board(list(group)) for _, group in groups]
    return sorted(found, key=lambda b: (TIERS.index(b.tier), b.dataset, b.device))


def _board(rows: list[Row]) -> Board:
    first = rows[0].records[0].cell
    card = cards.dataset_card(first)
    floor = next((r.floor[r.primary] for r in rows if r.primary in r.floor), None)
    physics = physics_score(rows)
    values = [v for r in rows if r.primary in r.scores for v in _numbers(r)]
    scale = LogScale.of(values, floor)
    chosen = columns(rows, physics)
    return Board(
        dataset=first.dataset,
        tier=first.tier,
        device=first.device,
        title=first.dataset if card is None else card.title,
        rows=tuple(_views(rows, scale, floor, chosen)),
        primary=rows[0].primary,
        floor=floor,
        physics=physics,
        columns=chosen,
        scale=scale,
        commands=commands(rows),
        notices=tuple(notices(rows)),
        timed_on=timed_on(rows),
    )


def _numbers(row: Row) -> list[float]:
    found = row.scores[row.primary]
    return [found.mean] if found.high is None else [found.mean, found.high, max(found.low or 0.0, found.mean / 10)]


def _views(rows: list[Row], scale: LogScale, floor: float | None, chosen: Sequence[Column]) -> list[RowView]:
    used: Counter[str] = Counter()
    views = []
    for row in rows:
        anchor = text.anchor(row.name)
        used[anchor] += 1
        card = cards.method_card(row.method)
        views.append(
            RowView(
                row=row,
                anchor=anchor if used[anchor] == 1 else f"{anchor}-{used[anchor]}",
                family="not in the suite" if card is None else card.family,
                framework="" if card is None or row.solver else card.framework,
                title="" if card is None else card.title,
                solver=row.solver,
                values={c.key: c.of(row) for c in chosen},
                mark=mark(row.scores[row.primary], scale) if row.primary in row.scores else None,
                flags=tuple(_flags(row, floor)),
                status=", ".join(
                    text.words(s) if len(row.records) == n else f"{n} {text.words(s)}" for s, n in row.status.items()
                ),
            )
        )
    return views


def _flags(row: Row, floor: float | None) -> list[Flag]:
    found = [Flag(flag, "plain" if flag.startswith(("scored on", "timed beside")) else "bad") for flag in row.flags]
    if floor is not None and row.error is not None and row.error <= floor:
        found.append(Flag("at the floor", "plain"))
    if row.shared:
        found.append(Flag("GPU shared, not timed", "plain"))
    if row.tradeoff is not None and row.tradeoff.note.startswith("more accurate than every"):
        found.append(Flag(row.tradeoff.note, "good"))
    return found


def commands(rows: Sequence[Row]) -> tuple[str, ...]:
    """Return the commands that run a board again: all methods of the suite at once, then each other row that applies."""
    plain, other = [], []
    for row in (r for r in rows if r.applies):
        command = row_command(row)
        alone = any(f" --{word} " in command for word in ("set", "cores", "time-limit", "memory-limit"))
        if (alone and not row.solver) or cards.method_card(row.method) is None:
            other.append(command)
        else:
            plain.append(row.method)
    cell = rows[0].records[0].cell
    found = []
    if plain and cell.tier != "file":
        methods = ",".join(sorted(set(plain)))
        found = [
            f"sciml-bench run --method {methods} --dataset {cell.dataset} --tier {cell.tier} "
            f"--folds {cell.folds} --device {cell.device}{_seeds(rows)} --no-baselines"
        ]
    elif plain:
        found = [row_command(r) for r in rows if r.method in plain]
    return tuple(dict.fromkeys([*found, *other]))


def row_command(row: Row) -> str:
    """Return the command that runs all cells of a row: that of its first cell, without the fold."""
    command = re.sub(r" --(only-fold|seeds) \d+", "", row.records[0].provenance.command)
    return command.replace(" --no-baselines", f"{_seeds([row])} --no-baselines")


def _seeds(rows: Sequence[Row]) -> str:
    most = 1 + max(r.cell.repetition for row in rows for r in row.records)
    return f" --seeds {most}" if most > 1 else ""
