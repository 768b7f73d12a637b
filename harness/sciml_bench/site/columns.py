"""The columns of a leaderboard: what each shows of a row, in which group it stands, and whether it is shown at first.

The first tells how the hyperparameters were chosen. All scores have one, but not those of a shift, of a regime or of one of
several targets, which the page of the row shows. A column without any number on a board is left out there.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from .. import metrics
from ..ranking.summary import Row
from . import settings, text

Group = Literal["accuracy", "physics", "uncertainty", "cost"]
Best = Literal["low", "high"]
PHYSICS = {"pde_defect": "PDE defect", "pde_residual": "PDE residual"}
"""How the scores of physics that head a column are called; others go by their own name."""

_PHYSICS = ("conservation/", "conserved_mse/", "symmetry/", "gradient/", "bc_error", "positivity", *PHYSICS)
_UNCERTAINTY = ("crps", "nll", "coverage_", "width_", "calibration_error", "spread_error_correlation")
_ACCURACY = {m.name for m in metrics.ACCURACY}
_HIGH = {m.name for m in metrics.ACCURACY if m.better == "higher"} | {"spread_error_correlation", "force_cosine"}


@dataclass(frozen=True)
class Value:
    """One value of a row: its text, a note under it, and the number that sorts it."""

    text: str = text.NONE
    note: str = ""
    sort: float | None = None


@dataclass(frozen=True)
class Column:
    """One column beside those that every board has: method, family and headline."""

    key: str
    label: str
    group: Group
    of: Callable[[Row], Value]
    note: str = ""
    shown: bool = False
    """Whether a reader sees it before choosing."""
    best: Best = "low"


def columns(rows: Sequence[Row], physics: str | None) -> tuple[Column, ...]:
    """Return the columns of a board, group by group; `physics` is the score of physics that heads it."""
    primary = rows[0].primary
    names = dict.fromkeys(n for r in rows for n in r.scores)
    scores = [_score(n, physics) for n in names if n != primary and _whole(n)]
    found = [SETTINGS, *(c for group in ("accuracy", "physics", "uncertainty") for c in _first(scores, group)), *COST]
    return tuple(c for c in found if any(c.of(r).text != text.NONE or c.of(r).note for r in rows))


def physics_label(name: str) -> str:
    """Return what heads the column of a board's score of physics."""
    return PHYSICS.get(name, text.words(name.partition("/")[2]).capitalize() + " error")


def lower_is_better(name: str) -> bool:
    """Whether a score, of one target or of all, is better where it is smaller."""
    return name.partition("/")[0] not in _HIGH


def _whole(name: str) -> bool:
    """Whether a score is of the whole test part and of all targets."""
    metric, _, target = name.partition("/")
    return not (name.startswith(("shift:", "regime:")) or (target and metric in _ACCURACY))


def _first(scores: Sequence[Column], group: str) -> list[Column]:
    """Return the columns of a group, those that are shown at first in front."""
    return sorted((c for c in scores if c.group == group), key=lambda c: not c.shown)


def _score(name: str, physics: str | None) -> Column:
    if name == physics:
        return Column("physics", physics_label(name), "physics", lambda r: _beside_truth(r, name), "truth’s own", True)
    if name == "coverage_90":
        return Column("coverage", "Cover 90%", "uncertainty", _coverage, "obtained by", True)
    group: Group = "accuracy"
    if name.startswith(_PHYSICS):
        group = "physics"
    elif name.startswith(_UNCERTAINTY):
        group = "uncertainty"
    best: Best = "low" if lower_is_better(name) else "high"
    if name.startswith("coverage_"):
        level = int(name.removeprefix("coverage_")) / 100
        return Column(name, f"Cover {100 * level:.0f}%", group, lambda r: _off(r, name, level))
    return Column(name, _label(name), group, lambda r: _mean(r, name), "95% interval", name == "crps", best)


def _label(name: str) -> str:
    if name in PHYSICS:
        return PHYSICS[name]
    return name.upper() if name in ("crps", "nll") else name


def _mean(row: Row, name: str) -> Value:
    found = row.scores.get(name)
    return Value() if found is None else Value(text.number(found.mean, 2), text.ends(found, 2), found.mean)


def _beside_truth(row: Row, name: str) -> Value:
    if name not in row.scores:
        return Value()
    mean, truth = row.scores[name].mean, row.floor.get(name)
    return Value(text.number(mean, 2), "" if truth is None else f"truth {text.number(truth, 2)}", mean)


def _off(row: Row, name: str, level: float) -> Value:
    """Return a coverage, sorted by how far it is from its level."""
    found = row.scores.get(name)
    return Value() if found is None else Value(f"{found.mean:.2f}", sort=abs(found.mean - level))


def _coverage(row: Row) -> Value:
    diagrams = [r.diagnostics.get("reliability") or {} for r in row.records if r.status == "ok"]
    source = str(next((d["source"] for d in diagrams if d.get("source")), ""))
    how = "conformal" if source.startswith("split-conformal") else "own" if source else ""
    found = _off(row, "coverage_90", 0.9)
    if found.sort is not None:
        return Value(found.text, how, found.sort)
    return Value(text.NONE, "too few samples") if how == "conformal" else Value()


def _cost(
    key: str, label: str, shown: Callable[[float | None], str], note: str = "", *, of: str = "", best: Best = "low"
) -> Column:
    """Return the column of a cost; one with a name `of` its own in records is shown at first."""

    def value(row: Row) -> Value:
        found = row.cost.get(of or key)
        return Value(shown(found), sort=found)

    return Column(key, label, "cost", value, note, bool(of), best)


def _settings(row: Row) -> Value:
    """Return how its settings came about, with the number of trials, sorted by the effort."""
    found, order = settings.origin(row), list(settings.WORDS.values())
    return Value(found or text.NONE, settings.trials(row), float(order.index(found)) if found in order else None)


def _invested(row: Row) -> Value:
    if row.fit_seconds is None:
        return Value()
    spent = row.cost.get("data_seconds", 0.0) + row.fit_seconds
    return Value(text.seconds(spent), sort=spent)


def _updates(row: Row) -> Value:
    """Return how often the weights were changed in training, of methods that say so in their settings."""
    found = row.records[0].cell.hyperparameters.get("updates")
    return Value(text.whole(found), sort=float(found)) if isinstance(found, int) else Value()


def _speed_up(row: Row) -> Value:
    value = None if row.tradeoff is None else row.tradeoff.speed_up
    return Value(text.factor(value), sort=value)


def _error_ratio(row: Row) -> Value:
    value = None if row.tradeoff is None else row.tradeoff.error_ratio
    return Value(text.factor(value), sort=value)


def _break_even(row: Row) -> Value:
    if row.tradeoff is None or row.tradeoff.speed_up is None:
        return Value()
    if row.tradeoff.break_even is None:
        return Value("never", sort=float("inf"))
    return Value(text.number(row.tradeoff.break_even, 2), sort=float(row.tradeoff.break_even))


SETTINGS = Column("settings", "Settings", "accuracy", _settings, "how chosen", True)
COST = (
    Column("fit", "Fit", "cost", lambda r: Value(text.seconds(r.fit_seconds), sort=r.fit_seconds), shown=True),
    _cost("latency", "Latency", text.seconds, "median", of="latency_p50"),
    _cost("per_sample", "Per sample", text.seconds, of="predict_seconds_per_sample"),
    Column("speed_up", "Speed-up", "cost", _speed_up, "at equal error", True, "high"),
    Column("break_even", "Break-even", "cost", _break_even, "predictions", True),
    Column("error_ratio", "Solver’s error", "cost", _error_ratio, "at equal cost", best="high"),
    _cost("data_seconds", "Data", text.seconds, "generation"),
    Column("data_and_fit_seconds", "Data + fit", "cost", _invested),
    _cost("latency_p95", "Latency", text.seconds, "95%"),
    _cost("throughput", "Throughput", text.number, "samples a second", best="high"),
    _cost("parameters", "Parameters", text.whole, "trained"),
    Column("updates", "Updates", "cost", _updates, "of the weights"),
    _cost("peak_memory_gib", "Memory", text.number, "peak, GiB"),
    _cost("device_memory_gib", "Device memory", text.number, "peak, GiB"),
    _cost("energy_joules", "Energy", text.number, "J"),
    _cost("overhead_seconds", "Overhead", text.seconds, "of the harness"),
)
