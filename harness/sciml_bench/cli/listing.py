"""`sciml-bench list` and `sciml-bench info`: cards only, no framework."""

import json
import sys
from dataclasses import MISSING, asdict, fields
from typing import Any, get_type_hints

from rich.console import Console
from rich.table import Table

from ..errors import UnknownNameError
from ..method.contract import Method
from ..problem import Dataset
from ..registry import (
    Broken,
    all_datasets,
    all_methods,
    dataset_class,
    dataset_names,
    is_path,
    method_class,
    method_names,
    track,
    track_names,
)

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
    console = Console(highlight=False)
    for kind, lines in found.items():
        table = Table(title=f"{len(lines)} {kind}", title_justify="left", title_style="bold", box=None, pad_edge=False)
        for column in HEADS[kind]:
            table.add_column(column, no_wrap=True)
        table.add_column("summary")
        for line in lines:
            table.add_row(line["name"], line["kind"], line["with"], line["summary"])
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
    """Show one card."""
    cls = _find(name)
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
    console = Console(highlight=False)
    console.print(f"[bold]{card['title']}[/] [dim]({card.get('kind') or card['family']})")
    console.print(card["description"])
    if problem is not None:
        if problem.equation is not None:
            console.print(f"\n[bold]equation[/]  {problem.equation.formula}", markup=True)
            console.print(f"[bold]boundary[/]  {problem.equation.boundary}")
        for role, variables in (("input", problem.inputs), ("target", problem.targets)):
            for v in variables:
                console.print(
                    f"[bold]{role}[/]  {v.name} ({', '.join(v.dims)}), {v.unit}: {v.description}", markup=True
                )
        if problem.solver is not None:
            console.print(f"[bold]solver cost points[/]  {'; '.join(problem.solver.costs)}")
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
        table.add_row(p["name"], p["type"], p["default"], *tiers, *tried)
    if parameters:
        console.print(table)
    for source in card["sources"]:
        doi = f" doi:{source['doi']}" if source["doi"] else ""
        console.print(f"[dim]{source['citation']}{doi}")


def _find(name: str) -> type[Method] | type[Dataset]:
    if is_path(name):
        try:
            return method_class(name)
        except Exception:
            return dataset_class(name)
    if name in dataset_names():
        return dataset_class(name)
    if name in method_names():
        return method_class(name)
    raise UnknownNameError("method or dataset", name, [*dataset_names(), *method_names()])


def _parameters(cls: type[Any]) -> list[dict[str, str]]:
    hints = get_type_hints(cls)
    found = []
    for f in fields(cls):
        hint = hints[f.name]
        kind = hint.__name__ if isinstance(hint, type) else str(hint).replace("typing.", "")
        found.append({"name": f.name, "type": kind, "default": "" if f.default is MISSING else str(f.default)})
    return found
