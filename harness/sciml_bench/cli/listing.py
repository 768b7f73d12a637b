"""`sciml-bench list` and `sciml-bench info`: cards only, no framework."""

import json
import sys
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import MISSING, asdict, fields
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ..errors import UsageError
from ..method.contract import Method
from ..naming import parse
from ..problem import Dataset, Variable, generation, user_file
from ..registry import (
    Broken,
    all_datasets,
    all_methods,
    canonical,
    is_data_file,
    method_class,
    plugin_class,
    track,
    track_names,
)
from .options import names
from .tables import console as wide

HEADS = {
    "tracks": ("name", "tier", "protocol"),
    "datasets": ("name", "kind", "tiers"),
    "methods": ("name", "family", "framework"),
}


def show(what: str | None, as_json: bool) -> None:
    """List tracks, datasets and methods."""
    found: dict[str, list[dict[str, Any]]] = {}
    if what in (None, "tracks"):
        found["tracks"] = [_track_line(n) for n in track_names()]
    if what in (None, "datasets"):
        found["datasets"] = [_line(n, c) for n, c in all_datasets()]
    if what in (None, "methods"):
        found["methods"] = [_line(n, c) for n, c in all_methods()]
    if as_json:
        json.dump(found, sys.stdout)
        sys.stdout.write("\n")
        return
    console = wide()
    for kind, lines in found.items():
        table = Table(title=f"{len(lines)} {kind}", title_justify="left", title_style="bold", box=None, pad_edge=False)
        for column in HEADS[kind]:
            table.add_column(column, no_wrap=True)
        table.add_column("summary")
        for line in lines:
            table.add_row(*(escape(line[key]) for key in ("name", "kind", "with", "summary")))
        console.print(table)
        console.print()


def _track_line(name: str) -> dict[str, Any]:
    found = track(name)
    return {"name": name, "kind": found.tier, "with": f"{found.folds} folds", "summary": ", ".join(found.datasets)}


def _line(name: str, cls: type[Method] | type[Dataset] | Broken) -> dict[str, Any]:
    if isinstance(cls, Broken):
        return {"name": name, "kind": "broken", "with": "", "summary": cls.reason}
    card = cls.card
    if issubclass(cls, Dataset):
        return {"name": name, "kind": cls.card.kind, "with": ", ".join(cls.tiers), "summary": card.summary}
    return {"name": name, "kind": cls.card.family, "with": cls.card.framework, "summary": card.summary}


def info(name: str, as_json: bool) -> None:
    """Show one card, of what `run` takes by that name."""
    from ..running.plan import check_names  # which a list does without

    found = names("method or dataset", [name])
    if len(found) > 1:
        raise UsageError(f"'{name}' holds {len(found)} names; give one")
    name = canonical(found[0])
    if is_data_file(name):
        check_names("dataset", [name])
        _info_file(name, as_json)
        return
    cls = _find(name)
    check_names("dataset" if issubclass(cls, Dataset) else "method", [name])
    parameters = _parameters(cls)
    card = asdict(cls.card)
    document: dict[str, Any] = {
        "name": name,
        "card": card,
        "parameters": parameters,
        "tiers": {k: dict(v) for k, v in cls.tiers.items()},
    }
    search = {} if issubclass(cls, Dataset) else {k: list(v) for k, v in cls.search.items()}
    if issubclass(cls, Method):
        document["search"] = search
    problem = cls.tier("small").problem() if issubclass(cls, Dataset) else None
    if as_json:
        if problem is not None:
            document["inputs"] = [asdict(v) for v in problem.inputs]
            document["targets"] = [asdict(v) for v in problem.targets]
            document["equation"] = problem.equation.formula if problem.equation else None
        json.dump(document, sys.stdout)
        sys.stdout.write("\n")
        return
    console = wide()
    console.print(f"[bold]{escape(card['title'])}[/] [dim]({card.get('kind') or card['family']})")
    console.print(escape(card["description"]))
    if problem is not None:
        if problem.equation is not None:
            console.print(f"\n[bold]equation[/]  {escape(problem.equation.formula)}")
            console.print(f"[bold]boundary[/]  {escape(problem.equation.boundary)}")
        _print_variables(console, problem.inputs, problem.targets, {})
        if problem.solver is not None:
            console.print(f"[bold]solver cost points[/]  {escape('; '.join(problem.solver.costs))}")
    table = Table(
        box=None,
        pad_edge=False,
        title="\nparameters" if problem else "\nhyperparameters",
        title_justify="left",
    )
    for column in ("name", "type", "default", *cls.tiers, *(["tuning tries"] if search else [])):
        table.add_column(column)
    for p in parameters:
        tiers = (str(t.get(p["name"], "")) for t in cls.tiers.values())
        tried = [", ".join(map(str, search.get(p["name"], [])))] if search else []
        table.add_row(*map(escape, (p["name"], p["type"], p["default"], *tiers, *tried)))
    if parameters:
        console.print(table)
    for source in card["sources"]:
        doi = f" doi:{source['doi']}" if source["doi"] else ""
        console.print(f"[dim]{escape(source['citation'])}{escape(doi)}")


def _print_variables(
    console: Console, inputs: Sequence[Variable], targets: Sequence[Variable], sizes: Mapping[Hashable, int]
) -> None:
    """Print a line for each variable: its dimensions, with their sizes where they are known, its unit and what it is besides."""
    for role, variables in (("input", inputs), ("target", targets)):
        for v in variables:
            dims = ", ".join(f"{d}: {sizes[d]}" if d in sizes else d for d in v.dims)
            told = [
                f"({dims})" if dims else "one number a sample",
                *([f"in {v.unit}"] if v.unit != "1" else []),
                *([f"goes on from {v.initial}"] if v.initial else []),
                *(["periodic"] if v.periodic else []),
                *([f"one of {', '.join(v.classes)}"] if v.classes else []),
            ]
            said = f": {v.description}" if v.description and v.description != v.name else ""
            words = f"{v.name} {', '.join(told)}{said}"
            console.print(f"[bold]{role}[/]  {escape(words)}", soft_wrap=True)


def _info_file(name: str, as_json: bool) -> None:
    """Show what a file of the user's own holds."""
    found = user_file.load(Path(name))
    problem, samples = found.problem, found.cached.samples
    if as_json:
        document = {"name": name, "title": found.title, "description": found.description, "kind": problem.kind}
        roles = {"inputs": [asdict(v) for v in problem.inputs], "targets": [asdict(v) for v in problem.targets]}
        json.dump({**document, "samples": samples, **roles}, sys.stdout)
        sys.stdout.write("\n")
        return
    console = wide()
    console.print(f"[bold]{escape(found.title)}[/] [dim]({problem.kind}, {samples} samples)")
    console.print(escape(found.description))
    with generation.read(found.cached.path) as data:
        _print_variables(console, problem.inputs, problem.targets, data.sizes)
        for role, told in (
            (user_file.GROUP, "groups that are kept together"),
            (user_file.ORDER, "places in time, none of whose future is seen"),
        ):
            if role in data:
                console.print(f"[bold]split[/]  by {np.unique(data[role].values).size} {told}")


def _find(name: str) -> type[Method] | type[Dataset]:
    return plugin_class(name) if parse(name) is None else method_class(name)


def _parameters(cls: type[Any]) -> list[dict[str, str]]:
    hints = get_type_hints(cls)
    found = []
    for f in fields(cls):
        hint = hints[f.name]
        kind = hint.__name__ if isinstance(hint, type) else str(hint).replace("typing.", "")
        found.append({"name": f.name, "type": kind, "default": "" if f.default is MISSING else str(f.default)})
    return found
