"""`sciml-bench run`."""

import json
import math
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer
from rich.markup import escape

from .._layout import root
from ..errors import InterruptedRunError, UsageError
from ..paths import ensure_writable
from ..ranking.summary import Row, shown, summarise
from ..records.provenance import commit, threads
from ..records.record import Record
from ..records.store import Store
from ..registry import check_tier, dataset_at, dataset_class, is_path, method_class
from ..running import plan
from ..running.cell import Planned
from ..running.executor import fork_server
from ..running.jobs import lanes
from ..running.run import Runner
from ..running.task import Source, Task, check_folds, prepare
from . import tables
from .progress import Screen

MOST_SEEDS = 1000


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of `run`, as given."""

    methods: list[str]
    datasets: list[str]
    tier: str
    folds: int
    seeds: int
    device: str
    sets: list[str]
    baselines: bool
    only_fold: int | None
    time_limit: float | None
    memory_limit: float | None
    cores: int | None
    retry: bool
    keep_predictions: Path | None
    page: bool
    results: Path
    json: bool


def run(options: Options) -> None:
    """Run all cells and print their table."""
    given = parse_sets(options.sets)
    request = _check(options, given)
    each = options.cores if options.cores is not None else 1 if request.device == "cpu" else threads()
    lanes(each, 1)  # refuses more cores than there are before anything is made
    store = Store(options.results)
    store.prepare()
    if options.keep_predictions is not None:
        ensure_writable(options.keep_predictions, "folder for predictions")
    generated = [d for d in options.datasets if options.baselines and not is_path(d)]
    context = fork_server(plan.frameworks(options.methods, generated, options.tier), _plugins(options))
    try:
        with Screen() as screen:
            if _publishes(options) and commit()[1]:
                screen.console.print(
                    "[yellow]![/] harness, methods, datasets or benchmarks hold changes or new files that are not committed: "
                    "records made of them cannot be published; commit first",
                    soft_wrap=True,
                )
            tasks = [
                prepare(
                    name,
                    options.tier,
                    options.folds,
                    device=request.device,
                    progress=screen.data(f"data {Path(name).stem}"),
                )
                for name in options.datasets
            ]
            planned = [cell for task in tasks for cell in _cells(task, options, request, given)]
            screen.expect(len(planned))
            runner = Runner(
                store,
                context,
                each,
                retry=options.retry,
                keep_predictions=options.keep_predictions,
                lanes=lanes(each, len(planned) if request.device == "cpu" else 1),
            )
            records = runner.run(planned, screen)
    except KeyboardInterrupt as error:  # the command line library would end without a word
        raise InterruptedRunError(
            "interrupted; finished cells are kept, and the same command goes on from there"
        ) from error
    tables.complain(store)
    _finish(options, records, screen)


def _publishes(options: Options) -> bool:
    """Whether records go where the published ones are."""
    return options.results.resolve() == root("results").resolve()


def parse_sets(words: list[str]) -> dict[str, Any]:
    """Return the hyperparameters of `--set name=value`."""
    given: dict[str, Any] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name.strip():
            raise UsageError(f"--set is '{word}': expected name=value, such as --set width=64")
        given[name.strip()] = value.strip()
    return given


def _check(options: Options, given: dict[str, Any]) -> plan.Request:
    """Refuse everything that can be refused before any work is done."""
    check_tier(options.tier)
    if options.folds < 2:
        raise UsageError(f"--folds is {options.folds}: cross-validation needs at least 2")
    if not 1 <= options.seeds <= MOST_SEEDS:
        raise UsageError(f"--seeds is {options.seeds}: expected 1 to {MOST_SEEDS} repetitions")
    if options.only_fold is not None and not 0 <= options.only_fold < options.folds:
        raise UsageError(f"--only-fold is {options.only_fold}: expected 0 to {options.folds - 1}")
    for name, value in (("--time-limit", options.time_limit), ("--memory-limit", options.memory_limit)):
        if value is not None and not 0 < value < math.inf:
            raise UsageError(f"{name} is {value:g}: expected a finite number above 0")
    device = plan.pick_device(options.device)
    plan.check_names("method", options.methods)
    plan.check_names("dataset", options.datasets)
    for name in options.methods:
        plan.check_method(name, options.tier, given, device)
        plan.check_precision(name, options.tier, given, device)
    for name in options.datasets:
        if not Source(name=name, tier=options.tier).is_file:
            plan.check_dataset(name, device)
            dataset = dataset_at(name, options.tier)
            check_folds(options.folds, dataset.samples)
            for method in options.methods:
                plan.check_applies(method, Path(name).stem, options.tier, dataset.problem(), given)
    return plan.Request(
        tier=options.tier,
        seeds=options.seeds,
        only_fold=options.only_fold,
        device=device,
        seconds=options.time_limit,
        memory_gib=options.memory_limit,
    )


def _plugins(options: Options) -> list[str]:
    """Return the modules of the suite's own methods and datasets that will be used."""
    names = [method_class(m).__module__ for m in options.methods]
    names += [dataset_class(d).__module__ for d in options.datasets if not Source(name=d, tier=options.tier).is_file]
    return [n for n in names if n.startswith("sciml_bench.")]


def _cells(task: Task, options: Options, request: plan.Request, given: dict[str, Any]) -> list[Planned]:
    if task.tier == "file":
        for method in options.methods:
            plan.check_applies(method, task.name, task.tier, task.problem, given)
    first = plan.baselines(task.problem, task.tier, options.methods, request.device) if options.baselines else []
    return plan.cells(task, options.methods, request, given) + plan.cells(task, first, request, {})


def _finish(options: Options, records: list[Record], screen: Screen) -> None:
    rows = summarise(records)
    if options.json:
        json.dump(document(records, rows), sys.stdout)
        sys.stdout.write("\n")
    else:
        tables.show(rows, tables.console())
    failed = [r for r in records if r.status not in ("ok", "not_applicable")]
    note = f"{screen.trained} cells run, {len(records) - screen.trained} found in {options.results}"
    if failed and not options.retry:
        note += "; add --retry to run failed cells again"
    screen.console.print(f"[dim]{note}")
    later = outdone(records, Store(options.results))
    if later:
        screen.console.print(
            f"[yellow]![/] of {escape(', '.join(later))} the page and `leaderboard` show a run that was begun later, with other "
            "code, data or settings; the one printed here was found as it stood",
            soft_wrap=True,
        )
    spoilt = unfit(records, Store(options.results)) if _publishes(options) else []
    if spoilt:
        screen.console.print(
            f"[yellow]![/] records of these cells in {escape(', '.join(spoilt))} were made with uncommitted changes: they cannot "
            "be published, and count as found until they are gone; once the code is committed, delete the lines there that hold "
            '"dirty":true and run the same command again',
            soft_wrap=True,
        )
    if options.page:
        _page(options.results, screen)
    if failed:
        raise typer.Exit(1)


def outdone(records: list[Record], store: Store) -> list[str]:
    """Return the rows among the records of a run of which boards show a later run, as when an edit of a method was taken back."""
    boards = {(r.cell.tier, r.cell.dataset) for r in records}
    standing = {r.key for board in boards for r in shown(store.records(*board))}
    return sorted({f"{r.row} on {r.cell.dataset}" for r in records if r.key not in standing})


def unfit(records: list[Record], store: Store) -> list[str]:
    """Return the files of those records that were made with uncommitted changes."""
    return sorted({str(store.path(r)) for r in records if r.provenance.dirty})


def _page(results: Path, screen: Screen) -> None:
    from ..site.build import build

    begun = time.perf_counter()
    index = build(results, results / "site")
    screen.console.print(f"page: {index} [dim]({time.perf_counter() - begun:.1f} s)")


def document(records: list[Record], rows: list[Row]) -> dict[str, Any]:
    """Return what `--json` prints."""
    return {"cells": [json.loads(r.to_line()) for r in records], "summary": [r.as_dict() for r in rows]}
