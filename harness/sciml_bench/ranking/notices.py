"""What a reader of a board must know beside its rows."""

from collections import Counter
from collections.abc import Sequence

from ..records.record import Record
from .summary import Row, common_data

ROUGH = 0.05
"""A truth whose floor is above this is not certified."""


def notices(rows: Sequence[Row]) -> list[str]:
    """Return a sentence for each: rows of other data or timed on another machine, a rough truth, folds that were not run."""
    found = []
    common = common_data(rows)
    apart = [row.name for row in rows if row.data != common]
    if apart:
        found.append(f"Made from other data than most rows, and held against none of those: {', '.join(apart)}.")
    found += _machines(rows)
    floor = max((row.floor.get(row.primary, 0.0) for row in rows if row.data == common), default=0.0)
    if floor > ROUGH:
        found.append(f"The truth itself is {floor:.2g} from a refined one: so rough, it is none to measure errors by.")
    tried = [r for r in rows if r.applies]  # of a pair that does not fit, a sweep records one cell
    partial = {r.name: len({x.cell.fold for x in r.records}) for r in tried}
    short = [f"{name} {n} of {r.folds}" for (name, n), r in zip(partial.items(), tried, strict=True) if n < r.folds]
    if tried and len(short) == len(tried) and len(set(partial.values())) == 1:
        found.append(f"Every row has {min(partial.values())} of {tried[0].folds} folds.")
    elif short:
        found.append(f"Not all folds were run: {'; '.join(short)}.")
    return found


def timed_on(rows: Sequence[Row]) -> str:
    """Return what most rows of a board ran on, nothing where none succeeded."""
    counted = Counter(m for machines in _of_rows(rows).values() for m in machines)
    return max(counted, key=lambda m: (counted[m], m), default="")


def _of_rows(rows: Sequence[Row]) -> dict[str, set[str]]:
    """Return what the cells of each row ran on."""
    return {row.name: {_machine(r) for r in row.records if r.status == "ok"} for row in rows}


def _machines(rows: Sequence[Row]) -> list[str]:
    """Say which rows were timed on something else than most: another processor or accelerator, or another number of cores."""
    common = timed_on(rows)
    others: dict[str, list[str]] = {}
    for name, machines in _of_rows(rows).items():
        for machine in machines - {common}:
            others.setdefault(machine, []).append(name)
    if not others:
        return []
    told = "; ".join(f"{', '.join(names)} on {machine}" for machine, names in sorted(others.items()))
    return [f"Not all times are of one machine, so that they do not compare: {told}; the others on {common}."]


def _machine(record: Record) -> str:
    came = record.provenance
    if record.cell.device != "cpu" and came.accelerator:
        return came.accelerator
    return f"{came.processor} with {came.threads} core{'s' if came.threads != 1 else ''}"
