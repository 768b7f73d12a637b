"""`sciml-bench leaderboard`."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from ..errors import UnknownNameError
from ..ranking.league import League, league
from ..ranking.summary import Row, summarise
from ..records.store import Store
from ..registry import dataset_names, track, track_names
from . import tables
from .options import Shown
from .run import document


def show(name: str | None, tier: str | None, results: Path, as_json: bool) -> None:
    """Print the leaderboard of all records of a folder, of those of a dataset, or of a track with its league."""
    store = Store(results)
    store.require()
    held = (p.name for size in Shown for p in (results / size).glob("*") if p.is_dir())
    if name is not None and name not in (known := {*track_names(), *dataset_names(), *held}):
        raise UnknownNameError("track or dataset", name, known)
    chosen = track(name) if name in track_names() else None
    if chosen is None:
        records = store.records(tier, name)
    else:
        records = [r for d in chosen.datasets for r in store.records(tier or chosen.tier, d)]
    tables.complain(store)
    if not records:
        which = " ".join(w for w in (tier, name) if w) or "any dataset"
        raise store.nothing(f" of {which}")
    rows = summarise(records)
    leagues = [] if chosen is None else _leagues(rows)
    if as_json:
        places = {f"{t} {d}": asdict(found) for (t, d), found in leagues}
        json.dump({**document(records, rows), **({"league": places} if places else {})}, sys.stdout)
        sys.stdout.write("\n")
    else:
        tables.show(rows, tables.console())
        for (size, device), found in leagues:
            tables.show_league(f"{name} · {size} · {device}", found, tables.console())


def _leagues(rows: Sequence[Row]) -> list[tuple[tuple[str, str], League]]:
    """Return the league of each tier and device that has one."""
    found = []
    for key in sorted({(r.tier, r.device) for r in rows}):
        made = league([r for r in rows if (r.tier, r.device) == key])
        if made is not None:
            found.append((key, made))
    return found
