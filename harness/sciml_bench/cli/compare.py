"""`sciml-bench compare`."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from ..errors import UnknownNameError, UsageError
from ..ranking.compare import Comparison, compare, holm
from ..ranking.summary import Row, summarise
from ..records.store import Store
from .tables import complain, console

DEVICES = {"cpu": "a processor", "cuda": "a GPU"}
USUAL = ("small", "file", "smoke", "full")


def show(
    first: str,
    second: str,
    datasets: list[str],
    tier: str | None,
    device: str | None,
    results: Path,
    as_json: bool,
) -> None:
    """Compare two rows on every dataset that both have records of, or on those named, on one kind of device."""
    tier, rows = _rows(results, tier)
    device, rows = _of_device(rows, first, second, device, tier)
    found, skipped = [], []
    for dataset in datasets or _shared(rows, first, second):
        a, b = _row(rows, first, dataset, tier), _row(rows, second, dataset, tier)
        if a is b:
            raise UsageError(
                f"on {dataset} '{first}' and '{second}' name one row, {a.name}; give two, as `sciml-bench leaderboard {dataset}` "
                "names them"
            )
        if a.device != b.device:
            raise UsageError(
                f"on {dataset} {first} was run on {DEVICES[a.device]} and {second} on {DEVICES[b.device]}: "
                "rows of two kinds of device are not compared"
            )
        try:
            found.append(compare(a.records, b.records))
        except ValueError as error:
            skipped.append(f"{dataset}: {error}")
    if not found:
        reason = "; ".join(skipped) or "no dataset has records of both"
        raise UsageError(
            f"there is nothing to compare between {first} and {second} at tier {tier} on {DEVICES[device]}: {reason}"
        )
    adjusted = holm([c.p_value for c in found])
    found = [replace(c, adjusted=p) for c, p in zip(found, adjusted, strict=True)]
    if as_json:
        json.dump([_document(c) for c in found], sys.stdout)
        sys.stdout.write("\n")
        return
    _print(found, skipped, console())


def _print(found: Sequence[Comparison], skipped: Sequence[str], out: Console) -> None:
    for c in found:
        out.print(escape(f"{c.sentence}."), soft_wrap=True)
        corrected = f", {c.adjusted:.2g} after correction for {len(found)} comparisons" if len(found) > 1 else ""
        out.print(
            f"  [dim]p = {c.p_value:.2g}{corrected}; {escape(c.first)} has the smaller error on {100 * c.wins:.0f}% of the "
            "samples",
            soft_wrap=True,
        )
    for reason in skipped:
        out.print(f"[yellow]![/] not compared, {escape(reason)}")


def _document(comparison: Comparison) -> dict[str, Any]:
    return {**asdict(comparison), "different": comparison.different, "sentence": comparison.sentence}


def _rows(results: Path, asked: str | None) -> tuple[str, list[Row]]:
    """Return the rows of the tier, or of the first one that there are records of, and which it is."""
    store = Store(results)
    store.require()
    rows = [r for r in summarise(store.records(asked)) if r.error is not None]
    complain(store)
    if not rows:
        raise store.nothing(f" of tier {asked} with a score" if asked else " with a score")
    there = {r.tier for r in rows}
    tier = asked or next((t for t in USUAL if t in there), USUAL[0])
    return tier, [r for r in rows if r.tier == tier]


def _of_device(rows: Sequence[Row], first: str, second: str, asked: str | None, tier: str) -> tuple[str, list[Row]]:
    """Return the rows of one kind of device, by default of the one on which the two share the most datasets, and which it is."""
    if asked is not None and asked not in DEVICES:
        raise UsageError(f"--device is '{asked}': expected cpu or cuda")
    if asked is not None and rows and not any(r.device == asked for r in rows):
        raise UsageError(f"there are no records of tier {tier} on {DEVICES[asked]}; leave --device out")

    def shared(device: str) -> int:
        named = [{r.dataset for r in rows if r.device == device and n in (r.name, r.method)} for n in (first, second)]
        return len(named[0] & named[1])

    device = asked or max(DEVICES, key=shared)
    if asked is None and not shared(device):
        return device, list(rows)  # what is wrong is said of all of them
    return device, [r for r in rows if r.device == device]


def _shared(rows: Sequence[Row], first: str, second: str) -> list[str]:
    for name in (first, second):
        if not any(name in (r.name, r.method) for r in rows):
            raise UnknownNameError("row", name, {n for r in rows for n in (r.name, r.method)})
    have = [{(r.dataset, r.device) for r in rows if name in (r.name, r.method)} for name in (first, second)]
    return sorted({dataset for dataset, _ in have[0] & have[1]})


def _row(rows: Sequence[Row], name: str, dataset: str, tier: str) -> Row:
    here = [r for r in rows if r.dataset == dataset]
    if not here:
        raise UsageError(
            f"'{dataset}' has no records at tier {tier}; run it first, or give --results or another --tier"
        )
    exact = [r for r in here if r.name == name] or [r for r in here if r.method == name]
    if not exact:
        raise UnknownNameError("row", name, [r.name for r in here], owner=dataset)
    if len({r.device for r in exact}) > 1:
        raise UsageError(
            f"rows of two kinds of device are not compared: on {dataset} give --device cpu or --device cuda"
        )
    if len(exact) > 1:
        names = ", ".join(f"'{r.name}'" for r in exact)
        raise UsageError(f"'{name}' has {len(exact)} rows on {dataset}: name one of {names}")
    return exact[0]
