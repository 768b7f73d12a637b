"""One leaderboard as it is shown: the rows of one dataset, tier and device, with texts and sort keys."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from ..ranking.facets import physics_score
from ..ranking.summary import Row
from . import cards, text
from .scale import LogScale, Mark, mark

TIERS = ("full", "small", "smoke", "file")
PHYSICS = {"pde_defect": "PDE defect", "pde_residual": "PDE residual"}
"""How the score of physics that heads a column is called; others go by their own name."""


@dataclass(frozen=True)
class Value:
    """One value of a row: its text, a note under it, and the number that sorts it."""

    text: str = text.NONE
    note: str = ""
    sort: float | None = None


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
    control: float | None
    """The error of the best negative control."""
    physics: str | None
    scale: LogScale
    commands: tuple[str, ...]
    notices: tuple[str, ...]

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
    def methods(self) -> tuple[RowView, ...]:
        """The rows with a score that are no solver's, best first."""
        return tuple(v for v in self.rows if v.shown and not v.solver)

    @property
    def physics_label(self) -> str:
        """What heads the column of physics."""
        if self.physics is None:
            return "Physics"
        return PHYSICS.get(self.physics, text.words(self.physics.partition("/")[2]).capitalize() + " error")

    @property
    def cells(self) -> int:
        """The number of its cells."""
        return sum(len(r.row.records) for r in self.rows)


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
    return Board(
        dataset=first.dataset,
        tier=first.tier,
        device=first.device,
        title=first.dataset if card is None else card.title,
        rows=tuple(_views(rows, scale, floor, physics)),
        primary=rows[0].primary,
        floor=floor,
        control=min((r.error for r in rows if r.control and r.error is not None), default=None),
        physics=physics,
        scale=scale,
        commands=commands(rows),
        notices=tuple(_notices(rows)),
    )


def _numbers(row: Row) -> list[float]:
    found = row.scores[row.primary]
    return [found.mean] if found.high is None else [found.mean, found.high, max(found.low or 0.0, found.mean / 10)]


def _views(rows: list[Row], scale: LogScale, floor: float | None, physics: str | None) -> list[RowView]:
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
                title="" if card is None else card.title,
                solver=row.solver,
                values=_values(row, physics),
                mark=mark(row.scores[row.primary], scale) if row.primary in row.scores else None,
                flags=tuple(_flags(row, floor)),
                status=", ".join(
                    text.words(s) if len(row.records) == n else f"{n} {text.words(s)}" for s, n in row.status.items()
                ),
            )
        )
    return views


def _values(row: Row, physics: str | None) -> dict[str, Value]:
    tradeoff = row.tradeoff
    speed_up = None if tradeoff is None else tradeoff.speed_up
    return {
        "physics": _physics(row, physics),
        "coverage": _coverage(row),
        "crps": _mean(row, "crps"),
        "fit": _seconds(row.cost.get("fit_seconds")),
        "latency": _seconds(row.cost.get("latency_p50")),
        "per_sample": _seconds(row.seconds_per_sample),
        "speed_up": Value(text.factor(speed_up), sort=speed_up),
        "break_even": _break_even(row),
    }


def _physics(row: Row, physics: str | None) -> Value:
    if physics is None or physics not in row.scores:
        return Value()
    mean = row.scores[physics].mean
    truth = row.floor.get(physics)
    note = "" if truth is None else f"truth {text.number(truth, 2)}"
    return Value(text.number(mean, 2), note, mean)


def _coverage(row: Row) -> Value:
    diagrams = [r.diagnostics.get("reliability") or {} for r in row.records if r.status == "ok"]
    source = str(next((d["source"] for d in diagrams if d.get("source")), ""))
    how = "conformal" if source.startswith("split-conformal") else "own" if source else ""
    if "coverage_90" in row.scores:
        mean = row.scores["coverage_90"].mean
        return Value(f"{mean:.2f}", how, abs(mean - 0.9))
    if how == "conformal":
        return Value(text.NONE, "too few samples")
    return Value()


def _mean(row: Row, name: str) -> Value:
    found = row.scores.get(name)
    return Value() if found is None else Value(text.number(found.mean, 2), sort=found.mean)


def _seconds(value: float | None) -> Value:
    return Value(text.seconds(value), sort=value)


def _break_even(row: Row) -> Value:
    tradeoff = row.tradeoff
    if tradeoff is None or tradeoff.speed_up is None:
        return Value()
    if tradeoff.break_even is None:
        return Value("never", sort=float("inf"))
    return Value(text.whole(tradeoff.break_even), sort=float(tradeoff.break_even))


def _flags(row: Row, floor: float | None) -> list[Flag]:
    found = [Flag(flag, "bad") for flag in row.flags]
    if floor is not None and row.error is not None and row.error <= floor:
        found.append(Flag("at the floor", "plain"))
    if row.tradeoff is not None and row.tradeoff.note.startswith("more accurate than every"):
        found.append(Flag(row.tradeoff.note, "good"))
    return found


def commands(rows: Sequence[Row]) -> tuple[str, ...]:
    """Return the commands that run a board again: all methods of the suite at once, then each other row."""
    plain, other = [], []
    for row in rows:
        command = row_command(row)
        if (" --set " in command and not row.solver) or cards.method_card(row.method) is None:
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


def _notices(rows: list[Row]) -> list[str]:
    found = []
    if len({r.provenance.data_digest for row in rows for r in row.records}) > 1:
        found.append("These rows were not all made from the same data: their data digests differ.")
    for row in rows:
        cells = Counter((r.cell.fold, r.cell.repetition) for r in row.records)
        if max(cells.values()) > 1:
            found.append(f"{row.name} has several records of one cell, of other code or data, all averaged.")
    partial = {r.name: len({x.cell.fold for x in r.records}) for r in rows}
    short = [f"{name} {n} of {r.folds}" for (name, n), r in zip(partial.items(), rows, strict=True) if n < r.folds]
    if len(short) == len(rows) and len(set(partial.values())) == 1:
        found.append(f"Every row has {min(partial.values())} of {rows[0].folds} folds.")
    elif short:
        found.append(f"Not all folds were run: {'; '.join(short)}.")
    return found
