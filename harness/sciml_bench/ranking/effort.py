"""Whence the hyperparameters of a record came: as it says itself, or as a search says that came after it."""

from ..records.record import Origin, Record
from ..reviewed import Tuning, tuning


def origin(record: Record) -> Origin | None:
    """Return "tuned" also of settings that a later search kept: run again, the cell would be the same one and say so."""
    return "tuned" if kept(record) else record.provenance.hyperparameters_from


def kept(record: Record) -> Tuning | None:
    """Return the search of the same code on the same data that was made after a record and kept just its settings."""
    line, made = search(record), record.provenance
    if line is None or line.outcome != "kept" or line.method_digest != made.method_digest:
        return None
    return line if made.hyperparameters_from in ("default", "chosen") else None


def search(record: Record) -> Tuning | None:
    """Return the search on the data of a record that ended with its settings, whichever came first."""
    cell = record.cell
    line = tuning((cell.tier, cell.dataset, cell.method))
    if line is None or line.data_digest != record.provenance.data_digest:
        return None
    return line if line.hyperparameters.items() <= cell.hyperparameters.items() else None
