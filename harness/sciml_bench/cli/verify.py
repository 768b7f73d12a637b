"""`sciml-bench verify`."""

import json
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.markup import escape

from ..errors import UsageError
from ..ranking.summary import shown
from ..records.record import Record, Verification
from ..records.store import Store
from ..running.verify import Checked, Verifier, choose, frameworks
from .progress import Screen
from .tables import complain

MARKS = {True: "[green]✓[/]", False: "[red]✗[/]"}


def verify(
    *,
    methods: list[str],
    datasets: list[str],
    tier: str | None,
    share: float,
    seed: int,
    blind_seed: int | None,
    predictions: Path | None,
    badge: bool,
    results: Path,
    as_json: bool,
) -> None:
    """Check published cells and say of each whether its numbers stand."""
    if not 0 < share <= 1:
        raise UsageError(f"--share is {share:g}: expected a number above 0 and up to 1")
    if seed < 0:
        raise UsageError(f"--seed is {seed}: expected a whole number from 0 on")
    if predictions is not None and blind_seed is not None:
        raise UsageError("--predictions scores kept predictions and --blind-seed needs new ones: give one of the two")
    if predictions is not None and not predictions.is_dir():
        raise UsageError(
            f"there is no folder of predictions '{predictions}'; give the one that --keep-predictions named"
        )
    store = Store(results)
    store.require()
    every = [r for r in shown(store.records(tier)) if r.status != "not_applicable"]
    complain(store)
    if not every:
        raise store.nothing(f" of tier {tier}" if tier else "")
    _check_known("method", methods, {name for r in every for name in _names(r)}, results)
    _check_known("dataset", datasets, {r.cell.dataset for r in every}, results)
    records = [r for r in every if r.cell.tier != "file"]
    wanted = [r for r in records if _matches(r, methods, datasets)]
    if not wanted and any(_matches(r, methods, datasets) for r in every):
        raise UsageError(
            f"'{results}' holds records of that on a file of your own data alone, and none says where the file is: "
            "give its command to another --results folder and compare"
        )
    if not wanted:
        raise UsageError(f"'{results}' holds no records of that; `sciml-bench leaderboard` shows what there is")
    chosen = list(choose(wanted, share, seed))
    done = []
    with Screen() as screen:
        verifier = Verifier(records, screen, frameworks(chosen))
        screen.expect(len(chosen))
        for record in chosen:
            if predictions is not None:
                checked = verifier.score_again(record, predictions)
            elif blind_seed is not None:
                checked = verifier.blind(record, blind_seed)
            else:
                checked = verifier.run_again(record)
            done.append(checked)
            _say(checked, screen.console)
            if badge and checked.stands and checked.verdict != "skipped" and blind_seed is None:
                store.append(stamped(checked, "re-scored" if predictions is not None else "reproduced"))
    if as_json:
        json.dump([_document(c) for c in done], sys.stdout)
        sys.stdout.write("\n")
    counts = Counter(c.verdict for c in done)
    screen.console.print(
        ", ".join(f"{n} {verdict}" for verdict, n in counts.items()) + f", of {len(wanted)} published cells"
    )
    if not all(c.stands for c in done):
        raise typer.Exit(1)


def stamped(checked: Checked, badge: str) -> Record:
    """Return the record with its badge: the published numbers, and how they were confirmed."""
    note = Verification(
        date=datetime.now(UTC).date().isoformat(),
        verdict="identical" if checked.verdict == "identical" else "within tolerance",
        largest=min(checked.largest, 1e300),
        commit=checked.again.provenance.commit if checked.again is not None else None,
    )
    made = checked.record.provenance.model_copy(update={"badge": badge, "verification": note})
    return checked.record.model_copy(update={"provenance": made})


def _check_known(kind: str, given: list[str], known: set[str], results: Path) -> None:
    """Refuse a name that no record has, which would else be passed over beside others."""
    for name in given:
        if name not in known:
            raise UsageError(
                f"'{results}' holds no records of that {kind}, '{name}'; `sciml-bench leaderboard` shows what there is"
            )


def _names(record: Record) -> set[str]:
    """Return what a record's method may be called: itself, or its row."""
    return {record.cell.method, record.row}


def _matches(record: Record, methods: list[str], datasets: list[str]) -> bool:
    return (not methods or not _names(record).isdisjoint(methods)) and (not datasets or record.cell.dataset in datasets)


def _say(checked: Checked, console: Console) -> None:
    cell = checked.record.cell
    title = f"{cell.dataset} {checked.record.row} fold {cell.fold + 1}/{cell.folds} ({cell.tier})"
    console.print(
        f"{MARKS[checked.stands]} {escape(title)}: {checked.verdict}: {escape(checked.reason)}", soft_wrap=True
    )
    for moved in checked.moved[:5]:
        console.print(f"    {escape(str(moved))}", soft_wrap=True)
    if len(checked.moved) > 5:
        console.print(f"    and {len(checked.moved) - 5} more")


def _document(checked: Checked) -> dict[str, Any]:
    return {
        "key": checked.record.key,
        "dataset": checked.record.cell.dataset,
        "row": checked.record.row,
        "fold": checked.record.cell.fold,
        "verdict": checked.verdict,
        "reason": checked.reason,
        "largest": checked.largest,
        "moved": [
            {"score": m.score, "published": m.published, "found": m.found, "tolerance": m.tolerance}
            for m in checked.moved
        ],
    }
