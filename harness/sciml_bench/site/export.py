"""All rows as comma-separated values: scores with the ends of their intervals, cost, where they stand."""

import csv
import io
from collections.abc import Sequence

from ..ranking.summary import COSTS
from .board import Board

HEAD = (
    "dataset",
    "tier",
    "device",
    "method",
    "variant",
    "family",
    "folds",
    "cells",
    "status",
    "reason",
    "flags",
)
COST = (*COSTS, "predict_seconds_per_sample")
PLACE = ("speed_up_at_equal_error", "error_ratio_at_equal_cost", "break_even_count")


def leaderboard(boards: Sequence[Board]) -> str:
    """Return the table. A missing number is empty; no text starts as a formula of a spreadsheet."""
    names = list(dict.fromkeys(n for b in boards for v in b.rows for n in v.row.scores))
    headlines = {v.row.primary for b in boards for v in b.rows}
    names.sort(key=lambda n: (n not in headlines, n.startswith(("shift:", "regime:")), n))
    written = io.StringIO()
    table = csv.writer(written, lineterminator="\n")
    ends = [column for n in names for column in (n, f"{n}_low", f"{n}_high")]
    table.writerow([*HEAD, *ends, *COST, *PLACE, "floor"])
    for board in boards:
        for view in board.rows:
            row, place = view.row, view.row.tradeoff
            line: list[object] = [
                *map(_text, (row.dataset, row.tier, row.device, row.method, row.variant, view.family)),
                row.folds,
                len(row.records),
                *map(_text, (view.status, " | ".join(row.reasons), "; ".join(f.text for f in view.flags))),
            ]
            for name in names:
                found = row.scores.get(name)
                line += ["", "", ""] if found is None else [found.mean, found.low, found.high]
            line += [row.cost.get(name) for name in COST]
            line += [None] * 3 if place is None else [place.speed_up, place.error_ratio, place.break_even]
            table.writerow([*line, row.floor.get(row.primary)])
    return written.getvalue()


def _text(value: str) -> str:
    return f"'{value}" if value[:1] in ("=", "+", "-", "@", "\t", "\r") else value
