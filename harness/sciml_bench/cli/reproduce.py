"""`sciml-bench reproduce`."""

import json
import math
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ..errors import SciMLBenchError, UnknownNameError, UsageError
from ..records.provenance import threads
from ..records.store import Store
from ..registry import dataset_class, method_class
from ..running import plan
from ..running.anchors import Anchor, Obtained, anchors, floor, fold_of
from ..running.executor import fork_server
from ..running.run import Runner
from ..running.task import prepare
from .progress import Screen
from .tables import console

COLOURS = {"holds": "green", "misses": "red", "not run": "dim"}


def reproduce(only: list[str], minutes: float, device: str, results: Path, as_json: bool) -> None:
    """Hold the suite against published numbers, as many as fit the machine and the time."""
    known = {a.name: f"{a.name} {a.dataset} {a.method}".lower() for a in anchors()}
    for word in only:
        if not any(word.lower() in words for words in known.values()):
            raise UnknownNameError("anchor", word, list(known))
    found = [a for a in anchors() if not only or any(word.lower() in known[a.name] for word in only)]
    if not 0 <= minutes < math.inf:
        raise UsageError(f"--minutes is {minutes:g}: expected a finite number, at least 0")
    picked = plan.pick_device(device)
    store = Store(results)
    store.prepare()
    done = []
    with Screen() as screen:
        screen.expect(len(found))
        context = fork_server({"torch", "jax"})
        runner = Runner(store, context, threads())
        for anchor in found:
            reason = _why_not(anchor, picked, minutes)
            obtained = (
                Obtained(anchor=anchor, value=None, reason=reason)
                if reason
                else _obtain(anchor, picked, runner, screen)
            )
            done.append(obtained)
    if as_json:
        json.dump([_document(o) for o in done], sys.stdout)
        sys.stdout.write("\n")
    else:
        _print(done, console())
    if any(o.verdict == "misses" for o in done):
        raise typer.Exit(1)


def _why_not(anchor: Anchor, device: str, minutes: float) -> str:
    if anchor.device == "cuda" and device != "cuda":
        return "needs a GPU"
    if anchor.minutes > minutes and anchor.device != "cuda":
        return f"takes about {anchor.minutes:g} minutes: give --minutes {anchor.minutes:g}"
    card = method_class(anchor.method).card if anchor.method else None
    missing = (card and plan.missing_library(card, device)) or plan.missing_library(
        dataset_class(anchor.dataset).card, device
    )
    return missing or ""


def _obtain(anchor: Anchor, device: str, runner: Runner, screen: Screen) -> Obtained:
    try:
        task = prepare(anchor.dataset, anchor.tier, 5, device=device, progress=screen.data(f"data {anchor.dataset}"))
        if anchor.kind == "floor":
            return floor(anchor, task)
        request = plan.Request(
            tier=anchor.tier, seeds=1, only_fold=fold_of(anchor, task), device=device, seconds=None, memory_gib=None
        )
        record = runner.run(plan.cells(task, [anchor.method], request, {})[:1], screen)[0]
    except SciMLBenchError as error:
        return Obtained(anchor=anchor, value=None, reason=str(error))
    if record.status != "ok":
        return Obtained(anchor=anchor, value=None, reason=f"{record.status}: {record.reason}")
    return Obtained(anchor=anchor, value=record.scores[anchor.score])


def _print(done: list[Obtained], out: Console) -> None:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("anchor")
    for head in ("score", "published", "asked", "obtained", "verdict"):
        table.add_column(head, no_wrap=True, justify="left" if head in ("score", "verdict") else "right")
    for o in done:
        a = o.anchor
        published = "–" if a.published is None else f"{a.published:.3g}"
        value = "–" if o.value is None else f"{o.value:.3g}"
        verdict = f"[{COLOURS[o.verdict]}]{o.verdict}[/]"
        table.add_row(escape(a.name), a.score, published, f"≤ {a.at_most:.3g}", value, verdict)
    out.print(table)
    for o in done:
        told = "; ".join(part for part in (o.reason, o.anchor.note, f"source: {o.anchor.source}") if part)
        out.print(f"[dim]{escape(o.anchor.name)}: {escape(told)}", soft_wrap=True)


def _document(obtained: Obtained) -> dict[str, Any]:
    return {**asdict(obtained), "anchor": obtained.anchor.model_dump(), "verdict": obtained.verdict}
