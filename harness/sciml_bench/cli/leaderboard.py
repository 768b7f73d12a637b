"""`sciml-bench leaderboard`."""

import json
import sys
from pathlib import Path

from rich.console import Console

from ..errors import UsageError
from ..ranking.summary import summarise
from ..records.store import Store
from . import tables
from .run import document


def show(dataset: str | None, tier: str | None, results: Path, as_json: bool) -> None:
    """Print the leaderboard of all records of a folder."""
    if not results.is_dir():
        raise UsageError(f"there is no results folder '{results}'; run `sciml-bench run` first or give --results")
    store = Store(results)
    records = store.records(tier, dataset)
    if not records:
        which = " ".join(w for w in (tier, dataset) if w) or "any dataset"
        raise UsageError(f"'{results}' holds no records of {which}; run `sciml-bench run` first or give --results")
    rows = summarise(records)
    console = Console(stderr=True, highlight=False)
    for complaint in store.complaints:
        console.print(f"[yellow]![/] {complaint}")
    if as_json:
        json.dump(document(records, rows), sys.stdout)
        sys.stdout.write("\n")
    else:
        tables.show(rows, tables.console())
