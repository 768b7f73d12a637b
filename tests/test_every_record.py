"""Every published record is one that may be published, and every row that they make has its interval and its floor."""

from itertools import groupby

import pytest

from sciml_bench._layout import root
from sciml_bench.ranking.summary import summarise
from sciml_bench.records import drift, judging, review
from sciml_bench.records.record import Record
from sciml_bench.registry import dataset_class, dataset_names

RESULTS = root("results")


def folder(record: Record) -> tuple[str, str]:
    return record.cell.tier, record.cell.dataset


@pytest.mark.slow
def test_records_are_whole_public_and_from_committed_code_and_their_rows_have_interval_and_floor():
    found = review.review(RESULTS)
    assert [str(f) for f in found.refused] == []
    for record in found.new:
        assert not list(judging.against_publishing(record)), (record.key, record.provenance.command)
    for (_, dataset), records in groupby(sorted(found.new, key=folder), key=folder):
        known = dataset in dataset_names()
        for row in summarise({r.key: r for r in records}.values()):
            if row.status.get("ok", 0) > 1:
                interval = row.scores[row.primary]
                assert interval.low is not None and interval.high is not None, row.name  # noqa: PT018
            if known and dataset_class(dataset).card.truth != "measured" and row.ok:
                assert row.primary in row.floor, f"{row.name} on {dataset} has no floor"


def test_the_nights_are_readable():
    drift.read(RESULTS / drift.FILE)
