"""`sciml-bench check`."""

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from itertools import groupby
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.markup import escape

from ..apart import prints_apart
from .checking import outcomes

if TYPE_CHECKING:
    from ..testing import Outcome

MARKS = {"passed": "[green]✓[/]", "failed": "[red]✗[/]", "declared": "[yellow]–[/]"}


def check(name: str, datasets: list[str], as_json: bool) -> None:
    """Run the contract and print how each check ended."""
    if as_json:
        with prints_apart():
            ended = list(outcomes(name, datasets))
        json.dump([asdict(o) for o in ended], sys.stdout)
        sys.stdout.write("\n")
    else:
        ended = _print(name, outcomes(name, datasets), Console(highlight=False))
    if any(o.ending == "failed" for o in ended):
        raise typer.Exit(1)


def _print(name: str, outcomes: Iterator["Outcome"], console: Console) -> list["Outcome"]:
    ended: list[Outcome] = []
    for subject, group in groupby(outcomes, key=lambda o: o.subject):
        from ..registry import canonical  # only once the process of the checks has begun, as it takes long to import

        before = {(o.check, o.ending, o.sentence) for o in ended}
        here = list(group)
        ended += here
        title = f"{escape(canonical(name))}{f' on {subject}' if subject else ''}"
        passed = sum(o.ending == "passed" for o in here)
        console.print(
            f"{MARKS['passed' if passed == len(here) else 'failed']} {title}: {passed} of {len(here)} checks passed"
        )
        for outcome in (o for o in here if o.ending in ("failed", "declared")):
            again = (outcome.check, outcome.ending, outcome.sentence) in before
            words = f"{outcome.check.replace('_', ' ')}{', as above' if again else ''}"
            console.print(f"  {MARKS[outcome.ending]} {words}", soft_wrap=True)
            if not again:
                console.print(f"      {escape(outcome.sentence)}", soft_wrap=True)
        unreached = [o.check.replace("_", " ") for o in here if o.ending == "not reached"]
        if unreached:
            console.print(f"  [dim]not reached, for what is said above: {escape(', '.join(unreached))}", soft_wrap=True)
    failed = sum(o.ending == "failed" for o in ended)
    known = sum(o.ending == "declared" for o in ended)
    if failed or known:
        console.print(f"{failed} failed, {known} fail as declared")
    return ended
