"""Whence the hyperparameters of a record came: as it says itself, or as a search says that came after it."""

from ..records.record import Origin, Record
from ..reviewed import Tuning, tuning


def origin(record: Record) -> Origin | None:
    """Return "tuned" also of settings that a later search kept: run again, the cell would be the same one and say so."""
    return "tuned" if kept(record) else record.provenance.hyperparameters_from


def kept(record: Record) -> Tuning | None:
    """Return the search of the same code on the same data that was made after a record and kept just its settings."""
    cell, made = record.cell, record.provenance
    if made.hyperparameters_from not in ("default", "chosen"):
        return None
    line = tuning((cell.tier, cell.dataset, cell.method))
    if line is None or line.outcome != "kept":
        return None
    same = (line.method_digest, line.data_digest) == (made.method_digest, made.data_digest)
    return line if same and line.hyperparameters.items() <= cell.hyperparameters.items() else None
