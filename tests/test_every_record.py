"""Every published record is one that may be published, and every row that they make has its interval and its floor."""

from pathlib import Path

import pytest

from sciml_bench._layout import root
from sciml_bench.ranking.summary import summarise
from sciml_bench.records import drift, judging, review
from sciml_bench.records.record import Record
from sciml_bench.registry import dataset_class, dataset_names

RESULTS = root("results")
FOLDERS = sorted({f.parent for f in RESULTS.glob("*/*/*.jsonl")})


def records(file: Path) -> list[Record]:
    return [judging.parse(line) for line in file.read_bytes().split(b"\n") if line.strip()]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda f: "/".join(f.parts[-2:]))
def test_records_are_whole_public_and_from_committed_code(folder):
    kept: dict[str, Record] = {}
    for file in sorted(folder.glob("*.jsonl")):
        for number, record in enumerate(records(file), 1):
            against = [*judging.against_protocol(record), *judging.against_publishing(record)]
            assert not against, f"{file.name} line {number} {against}"
            kept[record.key] = record
    for row in summarise(kept.values()):
        if row.status.get("ok", 0) > 1:
            interval = row.scores[row.primary]
            assert interval.low is not None and interval.high is not None, row.name  # noqa: PT018
        if row.dataset in dataset_names() and dataset_class(row.dataset).card.truth != "measured" and row.ok:
            assert row.primary in row.floor, f"{row.name} on {row.dataset} has no floor"


def test_the_folder_holds_records_and_nothing_else():
    assert [str(f) for f in review.review(RESULTS).refused] == []


def test_the_nights_are_readable():
    drift.read(RESULTS / drift.FILE)
