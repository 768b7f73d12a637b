"""`sciml-bench tune`."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import typer
from rich.console import Console
from rich.markup import escape

from .. import reviewed
from .._layout import root
from ..errors import InterruptedRunError
from ..paths import ensure_writable
from ..registry import is_path, short_name
from ..running import jobs as pool
from ..running import plan
from ..running.expected import Remaining, longest_first
from ..running.tuning import Effort, Pair, Tuner, settled
from .bars import Bars, duration
from .progress import Screen
from .sweep import tracks_of


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of `tune`, as given."""

    track: str
    tier: str | None
    methods: Sequence[str]
    datasets: Sequence[str]
    effort: Effort
    jobs: int
    device: str
    again: bool
    out: Path | None
    results: Path


def tune(options: Options) -> None:
    """Tune what was not tuned with this effort yet, and write what was chosen."""
    pool.shares(options.jobs)
    out = options.out or root("benchmarks")
    tuners = [
        Tuner.of(
            tracks,
            methods=options.methods,
            datasets=options.datasets,
            device=plan.pick_device(options.device),
            effort=options.effort,
            results=options.results,
        )
        for tracks in tracks_of(options.track, options.tier, options.datasets)
    ]
    ensure_writable(options.results, "results folder")
    ensure_writable(out, "folder of reviewed hyperparameters")
    try:
        lost = [n for tuner in tuners for n in _tune(tuner, options, out)]
    except KeyboardInterrupt as error:
        raise InterruptedRunError(
            "interrupted; finished trials are kept, and the same command goes on from there"
        ) from error
    if lost:
        raise typer.Exit(1)


def _tune(tuner: Tuner, options: Options, out: Path) -> list[int]:
    """Tune the pairs of one tuner that wait for it, and return the numbers of those that have no result."""
    with Screen() as screen:
        tasks = tuner.tasks(screen.data)
    pairs = tuner.pairs(tasks)
    stand = [n for n, p in enumerate(pairs) if not options.again and settled(p, tuner.effort, _line(p, out))]
    expected = {n: seconds for n, seconds in tuner.expected(pairs).items() if n not in stand}
    effort = f"{tuner.effort.trials} trials or {duration(tuner.effort.seconds)} for each"
    screen.console.print(
        f"{options.track}: {len(pairs)} pairs, {len(stand)} tuned already, {len(expected)} to tune, {effort}"
    )
    if not expected:
        return []
    begun, changed = time.monotonic(), 0

    def ended(document: str) -> str:
        nonlocal changed
        found = reviewed.Tuning.model_validate_json(document)
        changed += found.outcome == "changed"
        own = next(p for p in pairs if p.names == found.pair)
        if not is_path(own.method_name):
            reviewed.write(found, out)
        return sentence(found, own)

    order = longest_first(expected) if options.jobs > 1 else list(expected)
    with Bars(screen.console, Remaining(expected, options.jobs), ended, f"tune {options.track}") as bars:
        lost = pool.run(tuner, order, options.jobs, bars.listen)
    own = [p for p in (pairs[n] for n in expected) if is_path(p.method_name)]
    _sum_up(screen.console, bars.done, changed, time.monotonic() - begun, out if len(own) < len(expected) else None)
    if own:
        screen.console.print(
            "[dim]of files of your own nothing is kept: write the values above into the class's `tiers`"
        )
    if lost:
        screen.console.print(
            f"[red]![/] {len(lost)} pairs are not tuned, as the process that tuned them died; run the command again"
        )
    return lost


def _line(pair: Pair, out: Path) -> reviewed.Tuning | None:
    return None if is_path(pair.method_name) else reviewed.tuning(pair.names, out)


def sentence(found: reviewed.Tuning, pair: Pair) -> str:
    """Say what came of a pair."""
    spent = f"[dim]{found.trials} trials, {found.failed} of them failed, {duration(found.seconds)}[/]"
    title = f"{found.dataset} {short_name(pair.method_name)}: validation {found.metric}"
    if found.best is None:
        return f"[red]✗[/] {title}: every trial failed, {spent}"
    before = "failed" if found.before is None else f"{found.before:.3g}"
    if found.outcome == "kept":
        return f"[green]=[/] {title} {before}, at best {found.best:.3g}: no gain beyond noise, {spent}"
    words = " ".join(f"{k}={v}" for k, v in found.hyperparameters.items())
    return f"[green]✓[/] {title} {before} → {found.best:.3g} with {escape(words)}, {spent}"


def _sum_up(console: Console, done: int, changed: int, seconds: float, out: Path | None) -> None:
    kept = (
        ""
        if out is None or not done
        else f"; what was chosen is in {out / reviewed.HYPERPARAMETERS}, how in {reviewed.TUNING} beside it"
    )
    console.print(f"[dim]{done} pairs in {duration(seconds)}, {changed} changed{kept}", soft_wrap=True)
