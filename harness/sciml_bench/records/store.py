"""Records on disk: `<results>/<tier>/<dataset>/<method>.jsonl`, append-only, one JSON object a line.

A later line with the same key supersedes an earlier one. A line is appended whole or not at all: one write under a lock, then
synced. A last line that a power cut left unfinished is reported and skipped, never silently: the next append starts
on a new line and nothing is removed. Which line is the later one is told by the file alone and by no clock.
"""

import fcntl
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from ..errors import StoreError, UsageError
from ..paths import append_line, ensure_writable
from .record import SCHEMA_VERSION, Record


@dataclass(frozen=True)
class Store:
    """A folder of records."""

    folder: Path
    complaints: list[str] = field(default_factory=list, compare=False)
    """What could not be read, or looks wrong, one sentence each."""

    def prepare(self) -> None:
        """Make the folder, or say why it cannot be written to."""
        ensure_writable(self.folder, "results folder")

    def require(self) -> None:
        """Say that there is no such folder where there is none."""
        if self.folder.is_dir():
            return
        found = (
            f"'{self.folder}' is no folder" if self.folder.exists() else f"there is no results folder '{self.folder}'"
        )
        raise UsageError(f"{found}; run `sciml-bench run` first or give --results")

    def nothing(self, which: str) -> UsageError:
        """Return the sentence that there are no such records."""
        return UsageError(f"'{self.folder}' holds no records{which}; run `sciml-bench run` first or give --results")

    def path(self, record: Record) -> Path:
        """Return the file that a record belongs in."""
        cell = record.cell
        return self.folder / cell.tier / cell.dataset / f"{cell.method}.jsonl"

    def append(self, record: Record) -> None:
        """Add one record durably."""
        path = self.path(record)
        try:
            append_line(path, record.to_line())
        except OSError as error:
            raise StoreError(
                f"the record of {record.row} fold {record.cell.fold} could not be written to '{path.name}' ({error.strerror}); "
                "earlier records are untouched: free space or mend permissions and run the same command again"
            ) from error

    def records(self, tier: str | None = None, dataset: str | None = None) -> list[Record]:
        """Return the current record of every cell, in a fixed order; records of one fold stand as they were appended."""
        found: dict[str, Record] = {}
        for path in sorted(self.folder.glob("*/*/*.jsonl")):
            of_tier, of_dataset = path.parts[-3:-1]
            if (tier or of_tier, dataset or of_dataset) != (of_tier, of_dataset):
                continue
            if not path.is_file():
                self._complain(f"{'/'.join(path.parts[-3:])} is no file, and no record of it counts: move it elsewhere")
                continue
            for record in self._read(path):
                before = found.get(record.key)
                if before is not None and before.provenance.started != record.provenance.started:
                    del found[record.key]  # run again: it now stands last; a badge leaves it where it stood
                found[record.key] = record
        return sorted(
            found.values(),
            key=lambda r: (
                r.cell.tier,
                r.cell.dataset,
                r.cell.method,
                r.cell.variant,
                r.cell.repetition,
                r.cell.fold,
            ),
        )

    def _read(self, path: Path) -> Iterator[Record]:
        with open(path, encoding="utf-8", errors="replace") as handle:
            fcntl.flock(handle, fcntl.LOCK_SH)
            lines = handle.read().split("\n")
        name = "/".join(path.parts[-3:])
        first: dict[str, int] = {}
        started: dict[tuple[str, int, int], str] = {}
        runs: set[tuple[str, str]] = set()
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            if line in first:
                self._complain(f"{name} line {number} repeats line {first[line]} and counts once: nothing is lost")
                continue
            first.setdefault(line, number)
            try:
                record = Record.model_validate_json(line)
            except ValidationError as error:
                self._complain(complaint(name, number, line, error))
                continue
            cell = (record.cell.variant, record.cell.repetition, record.cell.fold)
            run = (record.key, record.provenance.started)
            if run not in runs:  # else it is a line of before with a badge
                if record.provenance.started < started.get(cell, ""):
                    self._complain(
                        f"{name} line {number} was started before the line that it follows on, so that a clock went backwards; "
                        "both are kept and the later line counts: set the clock before the next run"
                    )
                started[cell] = record.provenance.started
                runs.add(run)
            yield record

    def _complain(self, sentence: str) -> None:
        if sentence not in self.complaints:  # a file may be read several times
            self.complaints.append(sentence)


def complaint(name: str, number: int, line: str, error: ValidationError) -> str:
    """Return the sentence about a line that is no record."""
    try:
        version = json.loads(line).get("schema_version")
    except (ValueError, AttributeError, RecursionError):
        return f"{name} line {number} is not whole JSON (cut short or damaged) and is left out; re-running its cell replaces it"
    if isinstance(version, int) and version > SCHEMA_VERSION:
        return (
            f"{name} line {number} has schema version {version}, newer than this program's {SCHEMA_VERSION}, and is left out; "
            "install a newer sciml-bench to read it"
        )
    first = error.errors()[0]
    where = ".".join(map(str, first["loc"])) or "the record"
    return (
        f"{name} line {number} is not a valid record and is left out: {where}: {first['msg']}; "
        "all other lines are read: mend or delete it, and run its cell again"
    )
