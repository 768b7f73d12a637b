"""All that the pages show, as tables for programs: one line a row of a leaderboard, and one line a record.

Both come as CSV and, where pyarrow is installed (`pip install "sciml-bench[site]"`), as Parquet with the same columns; the
rows come as JSON too.
"""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..ranking.summary import COSTS
from ..records.record import Cost, Record
from . import settings
from .board import Board, RowView

COST = (*COSTS, "predict_seconds_per_sample")
PLACE = ("speed_up_at_equal_error", "error_ratio_at_equal_cost", "break_even_count")
NAMES = frozenset({"leaderboard.csv", "leaderboard.json", "leaderboard.parquet", "cells.csv", "cells.parquet"})
"""What lies beside the index; the table of one board lies beside its page."""

Line = dict[str, Any]
Table = dict[str, list[Any]]
"""A column of values for each name, all of one length; what a line does not have is None."""


@dataclass(frozen=True)
class File:
    """A file that can be downloaded: its address from the index, what is in it, how large it is."""

    address: str
    content: str
    size: int


def write(folder: Path, boards: Sequence[Board], records: Sequence[Record]) -> list[File]:
    """Write all tables into a folder and return them, in the order in which they are listed."""
    lines = [[row_line(board, v) for v in board.rows] for board in boards]
    every = [line for mine in lines for line in mine]
    rows = table(every)
    shown = {id(r) for b in boards for v in b.rows for r in v.row.records}
    cells = table([cell_line(r, id(r) in shown) for r in records])
    found: list[File] = []

    def keep(address: str, content: str, data: bytes | None) -> None:
        if data is not None:
            (folder / address).parent.mkdir(parents=True, exist_ok=True)
            (folder / address).write_bytes(data)
            found.append(File(address, content, len(data)))

    every_row = f"every row of every leaderboard: {len(every)} rows"
    keep("leaderboard.csv", every_row, as_csv(rows))
    keep("leaderboard.json", every_row, as_json(every))
    keep("leaderboard.parquet", every_row, as_parquet(rows))
    every_cell = (
        f"every record, without its curves: {len(records)} cells, {len(shown)} of them current, which make the rows or say that a "
        "method does not apply"
    )
    keep("cells.csv", every_cell, as_csv(cells))
    keep("cells.parquet", every_cell, as_parquet(cells))
    for board, mine in zip(boards, lines, strict=True):
        content = f"{board.title}, tier {board.tier}, {board.device}: {len(mine)} row{'s' if len(mine) != 1 else ''}"
        keep(board.page.removesuffix(".html") + ".csv", content, as_csv(table(mine)))
    return found


def row_line(board: Board, view: RowView) -> Line:
    """Return a row of a leaderboard: what it is, scores with the ends of their intervals, cost, where it stands."""
    row, place = view.row, view.row.tradeoff
    line: Line = {
        "dataset": row.dataset,
        "tier": row.tier,
        "device": row.device,
        "method": row.method,
        "variant": row.variant,
        "family": view.family,
        "framework": view.framework or None,
        "folds": row.folds,
        "cells": len(row.records),
        "status": view.status,
        "reason": " | ".join(row.reasons),
        "flags": "; ".join(f.text for f in view.flags),
        "settings": settings.origin(row) or None,
        "primary": row.primary,
        "error": row.error,
        "floor": row.floor.get(row.primary),
        "page": board.address(view),
    }
    for name, found in row.scores.items():
        line |= {name: found.mean, f"{name}_low": found.low, f"{name}_high": found.high}
    line |= {name: row.cost.get(name) for name in COST}
    place_values = (None,) * 3 if place is None else (place.speed_up, place.error_ratio, place.break_even)
    return line | dict(zip(PLACE, place_values, strict=True))


def cell_line(record: Record, current: bool) -> Line:
    """Return a record without what is no single value: curves, diagrams, the statistic of each sample.

    `current` is false where an edited method, dataset or choice of hyperparameters has replaced what the record tells of.
    """
    cell, came = record.cell, record.provenance
    line: Line = {"key": record.key, "current": current}
    line |= cell.model_dump(exclude={"dataset_parameters", "hyperparameters"})
    line |= {
        "dataset_parameters": json.dumps(cell.dataset_parameters),
        "hyperparameters": json.dumps(cell.hyperparameters),
        "family": record.family,
        "status": record.status,
        "reason": record.reason,
        "primary": record.primary,
    }
    line |= record.scores
    line |= {f"floor/{name}": value for name, value in record.floor.items()}
    cost = {} if record.cost is None else record.cost.model_dump()
    line |= {f"cost/{name}": cost.get(name) for name in Cost.model_fields}
    return line | {
        **{f"provenance/{k}": v for k, v in came.model_dump(exclude={"libraries", "verification"}).items()},
        "provenance/verified": None if came.verification is None else came.verification.verdict,
    }


def table(lines: Sequence[Line]) -> Table:
    """Return the lines as columns, in the order in which these first come, those of shifts and regimes last."""
    found: Table = {}
    for place, line in enumerate(lines):
        for name, value in line.items():
            if name not in found:
                found[name] = [None] * len(lines)
            found[name][place] = value
    scores = sorted(n for n in found if n.startswith(("shift:", "regime:")))
    return {name: found[name] for name in (*(n for n in found if n not in scores), *scores)}


def as_csv(columns: Table) -> bytes:
    """Return a table with a head. A missing number is empty; no text starts as a formula of a spreadsheet."""
    written = io.StringIO()
    to = csv.writer(written, lineterminator="\n")
    to.writerow(columns)
    to.writerows(zip(*map(_plain, columns.values()), strict=True))
    return written.getvalue().encode()


def as_json(lines: Sequence[Line]) -> bytes:
    """Return a list with an object for each line, from which what is missing is left out."""
    kept = [{k: v for k, v in line.items() if v is not None} for line in lines]
    return ("[\n" + ",\n".join(json.dumps(k, ensure_ascii=False) for k in kept) + "\n]\n").encode()


def as_parquet(columns: Table) -> bytes | None:
    """Return a Parquet file, or None if pyarrow is not installed."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ModuleNotFoundError:
        return None
    sink = pyarrow.BufferOutputStream()
    arrays = {name: pyarrow.array(_wide(values)) for name, values in columns.items()}
    parquet.write_table(pyarrow.table(arrays), sink, compression="zstd")
    return bytes(sink.getvalue())


def _wide(values: list[Any]) -> list[Any]:
    """Return a column of one type: whole numbers beside others become such."""
    mixed = all(any(issubclass(kind, wanted) for kind in set(map(type, values))) for wanted in (int, float))
    return [float(v) if isinstance(v, int) else v for v in values] if mixed else values


def _plain(values: list[Any]) -> list[Any]:
    """Return a column in which no text starts as a formula does."""
    if str not in set(map(type, values)):
        return values
    return [f"'{v}" if isinstance(v, str) and v[:1] in ("=", "+", "-", "@", "\t", "\r") else v for v in values]
