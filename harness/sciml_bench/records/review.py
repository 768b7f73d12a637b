"""Reviewing a results folder as data: no code that a record speaks of is imported, no link is followed, no array is loaded.

Nothing published is ever edited or removed: a file may only grow, line by line. What comes from outside is moreover
self-reported and takes no published cell's place. Every finding is a sentence; those that do not refuse are
for the reviewer to weigh.
"""

import math
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from pathlib import Path

from ..errors import StoreError
from . import judging
from .judging import plain
from .published import Published
from .record import Record

FILE_BYTES, PICTURE_BYTES = 20 * 2**20, 2 * 2**20
BESIDE = re.compile(
    r"README\.md|drift\.jsonl|speed/(?:[A-Za-z0-9_][A-Za-z0-9_.+-]*/)*[A-Za-z0-9_][A-Za-z0-9_.+-]*\.json"
)
"""What may stand beside the tiers: what the nights found, and how fast the suite was over time."""
MADE = frozenset({"site", "checkpoints", "tuning"})
"""Folders that a run makes and that are not published."""
FOLDER = r"(?:smoke|small|full|file)/[A-Za-z0-9_][A-Za-z0-9_.+-]*"
RECORDS = re.compile(FOLDER + r"/[A-Za-z0-9_][A-Za-z0-9_.+(),=-]*\.jsonl")
KEY = re.compile(rb'"key":\s*"([0-9a-f]{16})"')
PICTURES = re.compile(FOLDER + r"/samples/[0-9a-f]{16}\.h5")


@dataclass(frozen=True)
class Finding:
    """A sentence about a file, a line of it, or a row."""

    where: str
    sentence: str
    refuses: bool = True

    def __str__(self) -> str:
        """Say where and what."""
        return f"{self.where} {self.sentence}"


@dataclass
class Review:
    """What was found: the new records that may stand, those that stood beside them, and what is to be said."""

    results: Path
    base: Published | None
    outside: bool
    commit: bool = False
    """Whether the folder is that of a commit, in which nothing may lie that is not published."""
    new: list[Record] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    _known: dict[str, list[Record]] = field(default_factory=dict)

    @property
    def refused(self) -> list[Finding]:
        """What stands against the change."""
        return [f for f in self.findings if f.refuses]

    @property
    def known(self) -> list[Record]:
        """The published records of the datasets that have new ones."""
        return list(chain.from_iterable(self._known.values()))

    @cached_property
    def tracked(self) -> frozenset[str]:
        """The files that git holds now, and the folders that they are in."""
        names = self.base.tracked if self.base is not None else ()
        return frozenset(chain(names, (str(p) for n in names for p in Path(n).parents)))

    @cached_property
    def keys(self) -> dict[str, str]:
        """The key of every published record, and the file that holds it."""
        found = ((name, KEY.search(line)) for name, line in self._lines(""))
        return {key[1].decode(): name for name, key in found if key is not None}

    def note(self, where: str, sentence: str, refuses: bool = True) -> None:
        """Keep a finding."""
        self.findings.append(Finding(where, sentence, refuses))

    def published(self, folder: str) -> list[Record]:
        """Return the published records of a dataset's folder."""
        if folder not in self._known and self.base is not None:
            self._known[folder] = [r for _, line in self._lines(f"{folder}/") if (r := _or_none(line)) is not None]
        return self._known.get(folder, [])

    def _lines(self, within: str) -> Iterator[tuple[str, bytes]]:
        """Yield the published lines of the files of records whose names begin so, each with its file's name."""
        if self.base is not None:
            for name in self.base.blobs:
                if name.startswith(within) and RECORDS.fullmatch(name):
                    yield from ((name, line) for line in self.base.read(name).split(b"\n") if line.strip())


def _or_none(line: bytes) -> Record | None:
    try:
        return judging.parse(line)
    except StoreError:
        return None


def review(results: Path, base: Published | None = None, *, own: bool = False, commit: bool = False) -> Review:
    """Review a results folder: every record of it, or what it adds to `base`; `own` for the project's own runs.

    In a folder that is worked in, what runs make is passed over where git does not hold it; in that of a `commit` nothing is.
    """
    found = Review(results, base, outside=base is not None and not own, commit=commit)
    names = sorted(_walk(found, results, ""))
    for name in sorted(set(base.blobs if base else ()) - set(names)):
        found.note(name, "was removed: what is published stays; a newer record supersedes an older one by its key")
    for name in names:
        added = _new_lines(found, name)
        if added is not None and added[1].strip():
            _read(found, name, *added)
    _twins(found)
    return found


def _walk(found: Review, folder: Path, inside: str) -> Iterator[str]:
    """Yield the paths of regular files."""
    if not inside and not (os.path.lexists(folder) and stat.S_ISDIR(os.lstat(folder).st_mode)):
        if os.path.lexists(folder):
            found.note(folder.name, "is no folder: records are kept in a real folder, not behind a link")
        return
    for entry in sorted(os.scandir(folder), key=lambda e: e.name):
        name = f"{inside}{entry.name}"
        if entry.is_symlink():
            found.note(plain(name), "is a symbolic link: records are plain files, as a link may lead anywhere")
        elif entry.is_dir():
            if found.commit or entry.name not in MADE or name in found.tracked:
                yield from _walk(found, Path(entry.path), f"{name}/")
        elif entry.is_file():
            yield name
        else:
            found.note(plain(name), "is neither a file nor a folder")


def _new_lines(found: Review, name: str) -> tuple[int, bytes] | None:
    """Judge a file by its name, its size and what was published of it; return what it adds, and the line where that begins."""
    path = found.results / name
    size = path.stat().st_size
    before = found.base.read(name) if found.base is not None and name in found.base.blobs else None
    picture = PICTURES.fullmatch(name) is not None
    if not picture and not RECORDS.fullmatch(name) and not BESIDE.fullmatch(name):
        found.note(plain(name), "does not belong here: records are kept in <tier>/<dataset>/<method>.jsonl")
        return None
    if picture and before is None and found.outside and not found.commit and name not in found.tracked:
        return None
    limit = PICTURE_BYTES if picture else FILE_BYTES
    if size > limit:
        found.note(name, f"has {size / 2**20:.0f} MB, more than the {limit // 2**20} of such a file: it was not read")
        return None
    content = path.read_bytes()
    if picture or BESIDE.fullmatch(name):
        if found.outside and content != before:
            found.note(name, "is not for a submission to write: leave it as it is, the project's own runs make it")
        return None
    before = before or b""
    if not content.startswith(before):
        found.note(name, _edited(before.split(b"\n"), content.split(b"\n")))
        return None
    added = content[len(before) :]
    if before and not before.endswith(b"\n") and added and not added.startswith(b"\n"):
        found.note(name, "goes on inside its last published line: a new record starts on a line of its own")
        return None
    return before.count(b"\n") + 1, added


def _edited(before: list[bytes], after: list[bytes]) -> str:
    same = (a == b for a, b in zip(before, after, strict=False))
    number = next((n for n, equal in enumerate(same, 1) if not equal), len(after) + 1)
    return f"line {number} was edited or removed: what is published stays as it is; append a new record instead"


def _read(found: Review, name: str, first: int, added: bytes) -> None:
    """Judge the new lines of a file of records."""
    folder = name.rpartition("/")[0]
    held = {r.key: r for r in found.published(folder)} | {r.key: r for r in found.new}
    seen: dict[bytes, int] = {}
    for number, line in enumerate(added.split(b"\n"), first):
        if not line.strip():
            continue
        where = f"{name} line {number}"
        if line in seen:
            found.note(where, f"repeats line {seen[line]}")
            continue
        seen[line] = number
        try:
            record = judging.parse(line)
        except StoreError as error:
            found.note(where, str(error))
            continue
        sentences = list(_sentences(found, name, record, held.get(record.key)))
        for sentence in sentences:
            found.note(where, sentence)
        if not sentences:
            found.new.append(record)
            held[record.key] = record
            for sentence in _remarks(found, folder, record):
                found.note(where, sentence, refuses=False)


def _remarks(found: Review, folder: str, record: Record) -> Iterator[str]:
    """Yield what is for the reviewer to weigh."""
    if found.outside and record.family in ("control", "baseline", "solver"):
        yield f"says that its method is a {record.family}, which others are held against"
    floor = record.floor.get(record.primary, 0.0)
    if record.family != "solver" and record.scores.get(record.primary, math.inf) < floor:
        yield f"has an error under the floor of its dataset's truth, {floor:.2g}"
    if found.outside:
        yield from judging.unlike_board(record, found.published(folder))


def _sentences(found: Review, name: str, record: Record, before: Record | None) -> Iterator[str]:
    """Yield what stands against a record."""
    right = f"{record.cell.tier}/{record.cell.dataset}/{record.cell.method}.jsonl"
    if right != name:
        yield f"is a record of another file: it belongs in {right}"
    yield from judging.against_protocol(record)
    elsewhere = found.keys.get(record.key, name)
    if elsewhere != name:
        yield f"has the key {record.key}, which is that of a published record in {elsewhere}"
    if before is not None and judging.identity(before) != judging.identity(record):
        yield f"has the key {record.key}, which is that of another cell"
    if found.base is not None:
        yield from judging.against_publishing(record)
    if found.outside:
        board = found.published(name.rpartition("/")[0])
        yield from judging.against_board(record, board)
        same = [r for r in board if (r.row, r.cell.device) == (record.row, record.cell.device)]
        yield from judging.against_outside(record, before, max(same, key=lambda r: r.provenance.started, default=None))


def _twins(found: Review) -> None:
    """Report one cell under two keys, and predictions that two rows share byte for byte."""
    keys: dict[object, str] = {}
    digests: dict[tuple[str, str, int, str], set[str]] = {}
    for record in [*found.known, *found.new]:
        named = keys.setdefault(judging.identity(record), record.key)
        if named != record.key:
            found.note(record.row, f"has one and the same cell under the keys {named} and {record.key}")
        cell, mark = record.cell, record.provenance.prediction_digest
        if mark is not None:
            digests.setdefault((cell.tier, cell.dataset, cell.fold, mark), set()).add(record.row)
    fresh = {r.row for r in found.new}
    for (tier, dataset, fold, _), rows in sorted(digests.items()):
        if len(rows) > 1 and rows & fresh:
            sentence = f"have the same predictions, byte for byte, on {dataset} ({tier}) fold {fold}"
            found.note(" and ".join(sorted(rows)), sentence, refuses=False)
