"""Judging one line as a record, by itself and beside what is published: each function returns the sentences against it."""

import json
import math
import re
import unicodedata
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from statistics import mode
from typing import Any

from pydantic import ValidationError

from ..errors import StoreError
from ..metrics import finish
from ..protocol.seeds import PROTOCOL_VERSION, training_seed
from .record import Record
from .store import complaint

LINE_BYTES = 2**20
HEADLINE = 1e-6
"""Relative difference of a headline from what its samples' scores give."""
CLOCKS = timedelta(days=1)
"""By how much a machine's clock may be ahead."""
PATHS = re.compile(
    r"(?:^|[^A-Za-z0-9_./:-])(?:/(?:home|Users|root|tmp|var|mnt|work|data|opt|usr|scratch)/|[A-Za-z]:\\)"
)
DIRECTIONS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that show a text in another order than it has."""


def parse(line: bytes) -> Record:
    """Return the record of a line; raises StoreError with the sentence that says why there is none."""
    if len(line) > LINE_BYTES:
        raise StoreError(f"has {len(line) / 2**20:.1f} MB, more than a record's {LINE_BYTES // 2**20}")
    try:
        text = line.decode("utf-8")
        record = Record.model_validate_json(text)
    except UnicodeDecodeError as error:
        raise StoreError("is not UTF-8") from error
    except ValidationError as error:
        raise StoreError(complaint("", 0, line.decode("utf-8"), error).removeprefix(" line 0 ")) from error
    for value in _values(json.loads(text)):
        said = _unfit(value)
        if said:
            raise StoreError(said)
    return record


def _values(document: Any) -> Iterator[Any]:
    """Yield every key, text and number of a document."""
    if isinstance(document, dict):
        yield from document
        document = list(document.values())
    if isinstance(document, list):
        for item in document:
            yield from _values(item)
    else:
        yield document


def _unfit(value: Any) -> str:
    """Return why a value may not stand in a public record, or ""."""
    if isinstance(value, float) and not math.isfinite(value):
        return "holds a number that is not finite"
    if not isinstance(value, str):
        return ""
    if not value.isprintable() and any(unicodedata.category(c) in ("Cc", "Cs") or c in DIRECTIONS for c in value):
        return f"holds control characters, in {plain(value)}: a record is plain text"
    if PATHS.search(value):
        return f"holds a path of a machine, in {plain(value)}: a record is public; leave folders out"
    return ""


def plain(text: str) -> str:
    """Return a text as it can be shown: short, and with what is not plain in it spelt out."""
    return ascii(text if len(text) <= 80 else f"{text[:77]}...")


def against_protocol(record: Record) -> Iterator[str]:
    """Yield where a record contradicts the protocol or itself."""
    cell, made = record.cell, record.provenance
    seed = training_seed(cell.dataset, cell.method, cell.fold, cell.repetition)
    if cell.seed != seed:
        yield f"has the seed {cell.seed}; the protocol gives this cell {seed}"
    if cell.fold >= cell.folds:
        yield f"is of fold {cell.fold} but has {cell.folds} folds, counted from 0"
    if not _has_begun(made.started):
        yield f"was started at {plain(made.started)}: expected a time with its zone, as {_now()}, and none to come"
    if made.protocol != PROTOCOL_VERSION:
        yield f"follows version {made.protocol} of the protocol; this is version {PROTOCOL_VERSION}"
    whole = record.per_sample is not None and record.cost is not None and record.primary in record.scores
    if record.status == "ok" and not whole:
        yield "is of a cell that went well, yet lacks its headline score, its samples' scores or its cost"
    yield from _of_samples(record)
    if record.status != "ok" and not record.reason.strip():
        yield f"has the status {record.status} and no sentence that says why"
    if made.badge != "self-reported" and made.verification is None:
        yield f"carries the badge '{made.badge}' and does not say how it was confirmed"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _has_begun(started: str) -> bool:
    """Whether a text is a time that has come, in a form that sorts: of a row the record that was started last counts."""
    try:
        time = datetime.fromisoformat(started)
    except ValueError:
        return False
    return time.utcoffset() == timedelta(0) and time <= datetime.now(UTC) + CLOCKS


def _of_samples(record: Record) -> Iterator[str]:
    """Yield where the samples' scores contradict themselves or the headline."""
    each, cost = record.per_sample, record.cost
    if cost is not None and cost.predict_samples < 1:
        yield f"says that {cost.predict_samples} samples were predicted"
    if each is None:
        return
    if len(each.samples) != len(each.values) or len(set(each.samples)) != len(each.samples) or not each.samples:
        yield f"has {len(each.values)} scores for {len(each.samples)} samples, {len(set(each.samples))} of them different"
        return
    if min(each.values) < 0:
        yield f"has a sample with the error {min(each.values):.6g}, below zero"
        return
    told, name = record.scores.get(record.primary), record.primary
    mean = finish(name)(sum(each.values) / len(each.values))
    if not math.isfinite(mean):
        yield "has samples whose errors have no finite mean"
    elif told is not None:
        of_targets = [value for n, value in record.scores.items() if n.startswith(f"{name}/")]
        yield from _of_headline(name, told, mean, of_targets)


def _of_headline(name: str, told: float, mean: float, of_targets: Sequence[float]) -> Iterator[str]:
    """Yield where a headline is neither what the samples give nor, of several targets, the mean of theirs.

    Of k targets the roots are averaged, not their squares: the mean of k roots is between 1/√k of the root of the mean and that.
    """
    if of_targets and not _alike(average := sum(of_targets) / len(of_targets), told):
        yield f"has the headline {name} {told:.6g}, but its targets' scores give {average:.6g}"
    least = mean / math.sqrt(len(of_targets) or 1)
    if not (least <= told <= mean or _alike(told, least) or _alike(told, mean)):
        yield f"has the headline {name} {told:.6g}, but its samples' scores give {mean:.6g}"


def _alike(a: float, b: float) -> bool:
    return abs(a - b) <= HEADLINE * max(abs(a), abs(b))


def against_publishing(record: Record) -> Iterator[str]:
    """Yield why nobody could run a record again from what is public."""
    if record.provenance.dirty is not False:
        came = "changed code" if record.provenance.dirty else "no commit"
        yield f"comes from {came}: commit first, and run the cell again in a clean checkout"
    if record.cell.tier == "file":
        yield "is of a file of somebody's own, which nobody else can run again"


def against_outside(record: Record, before: Record | None, row: Record | None) -> Iterator[str]:
    """Yield what only the project's own runs may say.

    `before` is the published record with the same key, `row` the one of the same row that was started last.
    """
    made = record.provenance
    if made.badge != "self-reported" or made.verification is not None:
        yield f"carries the badge '{made.badge}': what is submitted is self-reported until the project has run it again"
    if before is not None and before.status == "ok":
        yield f"would take the place of the published record {before.key}: if yours differs, open an issue"
    elif row is not None and row.generation != record.generation:
        yield (
            f"would take the place of the published row {plain(record.row)}, which has other code, settings, budget or data: name "
            "your method otherwise, or open an issue to have the row run again"
        )
    elif row is not None and before is None:
        yield (
            f"would add a cell to the published row {plain(record.row)} and so change its mean: name your method otherwise, or "
            "open an issue to have the row's other folds or seeds run"
        )


def against_board(record: Record, board: Sequence[Record]) -> Iterator[str]:
    """Yield why a record cannot stand on the board of its dataset: it is of another version or another headline."""
    newest = max(board, key=lambda r: (r.cell.dataset_version, r.provenance.started), default=None)
    if newest is None:
        return
    if record.cell.dataset_version != newest.cell.dataset_version:
        yield (
            f"is of version {record.cell.dataset_version} of its dataset, and what is published of version "
            f"{newest.cell.dataset_version}: run the cell again with the suite of today"
        )
    elif record.cell.dataset_parameters != newest.cell.dataset_parameters:
        yield "is of a dataset with other parameters than what is published of it: run the cell again with its tier's own"
    elif record.primary != newest.primary:
        yield f"has the headline {plain(record.primary)}, where the board of its dataset has {newest.primary}"


def unlike_board(record: Record, board: Sequence[Record]) -> Iterator[str]:
    """Yield what a reader should know who compares a record with those of its board: it was given more, or less."""
    if not board:
        return
    folds = mode(r.cell.folds for r in board)
    seconds = mode(r.cell.budget_seconds for r in board)
    if record.cell.folds != folds:
        yield f"has {record.cell.folds} folds where its board has {folds}: it was trained on another share of the data"
    if record.cell.budget_seconds > seconds:
        yield f"was allowed {record.cell.budget_seconds:g} s where its board allows {seconds:g}"


def identity(record: Record) -> tuple[Any, ...]:
    """Return all that the key of a record stands for."""
    made = record.provenance
    return record.cell.model_dump_json(), made.data_digest, made.method_digest, made.protocol
