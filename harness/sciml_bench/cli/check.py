"""`sciml-bench check`."""

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from itertools import groupby

import typer
from rich.console import Console
from rich.markup import escape

from ..errors import UnknownNameError
from ..problem import Dataset
from ..registry import canonical, dataset_class, dataset_names, is_path, method_class, method_names, plugin_class
from ..running import plan
from ..testing import Outcome, dataset_outcomes, method_outcomes
from .apart import prints_apart

MARKS = {"passed": "[green]✓[/]", "failed": "[red]✗[/]", "declared": "[yellow]–[/]"}


def check(name: str, datasets: list[str], as_json: bool) -> None:
    """Run the contract and print how each check ended."""
    name = canonical(name)
    if as_json:
        with prints_apart():
            ended = list(_outcomes(name, datasets))
        json.dump([asdict(o) for o in ended], sys.stdout)
        sys.stdout.write("\n")
    else:
        ended = _print(name, _outcomes(name, datasets), Console(highlight=False))
    if any(o.ending == "failed" for o in ended):
        raise typer.Exit(1)


def _outcomes(name: str, datasets: list[str]) -> Iterator[Outcome]:
    if is_path(name):
        cls = plugin_class(name)
        plan.check_names("dataset" if issubclass(cls, Dataset) else "method", [name])
        return dataset_outcomes(cls) if issubclass(cls, Dataset) else method_outcomes(cls, datasets)
    if name in method_names():
        plan.check_method(name, "smoke", {})
        return method_outcomes(method_class(name), datasets)
    if name in dataset_names():
        plan.check_dataset(name)
        return dataset_outcomes(dataset_class(name))
    raise UnknownNameError("method or dataset", name, [*method_names(), *dataset_names()])


def _print(name: str, outcomes: Iterator[Outcome], console: Console) -> list[Outcome]:
    ended = []
    for subject, group in groupby(outcomes, key=lambda o: o.subject):
        here = list(group)
        ended += here
        title = f"{escape(name)}{f' on {subject}' if subject else ''}"
        passed = sum(o.ending == "passed" for o in here)
        console.print(
            f"{MARKS['passed' if passed == len(here) else 'failed']} {title}: {passed} of {len(here)} checks passed"
        )
        for outcome in (o for o in here if o.ending in ("failed", "declared")):
            console.print(f"  {MARKS[outcome.ending]} {outcome.check.replace('_', ' ')}", soft_wrap=True)
            console.print(f"      {escape(outcome.sentence)}", soft_wrap=True)
        unreached = [o.check.replace("_", " ") for o in here if o.ending == "not reached"]
        if unreached:
            console.print(
                f"  [dim]not reached, as there is no prediction: {escape(', '.join(unreached))}", soft_wrap=True
            )
    failed = sum(o.ending == "failed" for o in ended)
    known = sum(o.ending == "declared" for o in ended)
    if failed or known:
        console.print(f"{failed} failed, {known} fail as declared")
    return ended
