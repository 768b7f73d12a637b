"""What a single odd cell may not do to a night."""

import json
import sys

from sciml_bench.records import drift
from sciml_bench.running.verify import Checked

from .test_scripts import entry, records, script, write


def test_one_cell_that_cannot_be_checked_does_not_end_the_night(tmp_path, monkeypatch):
    nightly = script("nightly", monkeypatch)
    cells = records(3)
    write(tmp_path / "results", "small/burgers/m0.jsonl", *(json.loads(r.to_line()) for r in cells))

    class Verifier:
        def __init__(self, *_):
            pass

        def row(self, record):
            return [record]

        def run_again(self, record):
            if record.key == cells[1].key:
                raise OverflowError("too large")
            return Checked(record=record, verdict="identical", reason="", again=record)

    monkeypatch.setattr(nightly, "Verifier", Verifier)
    nightly.verify(tmp_path / "results", tmp_path / "night", 5, 60)
    found = {d.key: d.verdict for d in drift.read(tmp_path / "night" / drift.FILE)}
    assert found == {r.key: "failed" if r is cells[1] else "identical" for r in cells}


def test_the_longest_name_and_the_largest_scores_have_a_line(monkeypatch):
    nightly = script("nightly", monkeypatch)
    record = records(1)[0]
    cell = record.cell.model_copy(update={"method": "m" * 120, "variant": "v" * 200})
    row = [record.model_copy(update={"cell": cell, "scores": {"rel_l2": value}}) for value in (1e160, 3e160)]
    line = nightly.entry(Checked(record=row[0], verdict="failed", reason=""), row, "2026-01-01")
    assert (line.published, line.tolerance) == (1e160, None)
    assert len(line.row) > 320


def test_a_night_that_is_published_twice_is_added_once(tmp_path, monkeypatch):
    nightly = script("nightly", monkeypatch)
    night = [entry(r, "2026-01-01") for r in records(2)]
    drift.append(tmp_path / "night" / drift.FILE, night)
    words = ["nightly.py", "append", "--results", str(tmp_path), "--out", str(tmp_path / "night")]
    monkeypatch.setattr(sys, "argv", words)
    nightly.main()
    nightly.main()
    assert drift.read(tmp_path / drift.FILE) == night
