"""What a site offers to programs holds the same numbers as its pages and its records."""

import csv
import io
import json
import sys
from xml.etree import ElementTree as ET

import pytest
import site_records

from sciml_bench.ranking.compare import compare
from sciml_bench.ranking.summary import summarise
from sciml_bench.records.store import Store
from sciml_bench.site import export, feed
from sciml_bench.site.board import boards
from sciml_bench.site.build import build
from sciml_bench.site.columns import columns

ATOM = "{http://www.w3.org/2005/Atom}"


@pytest.fixture(scope="module")
def shown(cells):
    return boards(summarise(cells))


def table(path):
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))


def test_the_rows_are_the_same_in_every_format(showcase, shown):
    parquet = pytest.importorskip("pyarrow.parquet")
    rows = table(showcase / "leaderboard.csv")
    objects = json.loads((showcase / "leaderboard.json").read_text(encoding="utf-8"))
    wide = parquet.read_table(showcase / "leaderboard.parquet").to_pylist()
    assert len(rows) == len(objects) == len(wide) == sum(len(b.rows) for b in shown) == 16
    for row, line, other in zip(rows, objects, wide, strict=True):
        assert line == {k: v for k, v in other.items() if v is not None}
        assert float(row["rel_l2"] or "nan") == pytest.approx(line.get("rel_l2", float("nan")), nan_ok=True)
    failed = next(line for line in objects if line["status"] == "diverged")
    assert "error" not in failed
    assert "not finite after 312 steps" in failed["reason"]


def test_every_record_has_a_line_with_all_its_scores(showcase, cells):
    parquet = pytest.importorskip("pyarrow.parquet")
    lines = {line["key"]: line for line in parquet.read_table(showcase / "cells.parquet").to_pylist()}
    assert [line["key"] for line in table(showcase / "cells.csv")] == list(lines)
    assert lines.keys() == {r.key for r in cells}
    for record in cells:
        line = lines[record.key]
        assert {k: line[k] for k in record.scores} == record.scores
        assert line["seed"] == 7
        assert line["provenance/command"] == record.provenance.command
        assert line["current"] is True


def test_a_cell_that_another_choice_of_hyperparameters_replaced_is_not_current(cells, tmp_path):
    old = cells[0]
    settings = {"hyperparameters": {"width": 1}}
    new = [r for r in cells if (r.row, r.cell.dataset) == (old.row, old.cell.dataset)]
    replaced = old.model_copy(update={"key": "f" * 16, "cell": old.cell.model_copy(update=settings)})
    for record in (replaced, *new):
        Store(tmp_path).append(record)
    site = build(tmp_path, tmp_path / "site").parent
    assert {line["key"]: line["current"] for line in table(site / "cells.csv")} == {
        "f" * 16: "False",
        **{r.key: "True" for r in new},
    }


def test_a_board_has_its_own_table(showcase):
    rows = table(showcase / "small" / "darcy.csv")
    assert {r["dataset"] for r in rows} == {"darcy"}
    assert len(rows) == 8


def test_no_text_starts_as_a_formula():
    written = export.as_csv(export.table([{"method": "=1+1", "error": -0.5}]))
    assert written == b"method,error\n'=1+1,-0.5\n"


def test_without_pyarrow_there_is_no_parquet(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert export.as_parquet({"a": [1]}) is None


def test_whole_numbers_keep_their_digits_in_parquet():
    parquet = pytest.importorskip("pyarrow.parquet")
    lines = [{"seed": 2**62 + 1, "score": 1}, {"seed": None, "score": 0.5}]
    found = parquet.read_table(io.BytesIO(export.as_parquet(export.table(lines)))).to_pylist()
    assert found == [{"seed": 2**62 + 1, "score": 1.0}, {"seed": None, "score": 0.5}]


def test_the_feed_tells_of_the_newest_rows_first(showcase, shown):
    root = ET.fromstring((showcase / "feed.xml").read_text(encoding="utf-8"))
    dates = [e.find(f"{ATOM}updated").text for e in root.iter(f"{ATOM}entry")]
    assert len(dates) == 16
    assert dates == sorted(dates, reverse=True)
    assert root.find(f"{ATOM}updated").text == dates[0] == "2026-01-17T00:00:02+00:00"
    ids = [e.text for e in root.iter(f"{ATOM}id")]
    assert len(set(ids)) == len(ids) == 17
    for link in root.iter(f"{ATOM}link"):
        assert (showcase / link.get("href")).is_file()
    assert feed.feed(shown) == (showcase / "feed.xml").read_text(encoding="utf-8")


def test_the_feed_has_no_rows_of_methods_that_do_not_apply():
    other = site_records.record("fno", 0.2).model_copy(
        update={"status": "not_applicable", "scores": {}, "per_sample": None}
    )
    told = feed.feed(boards(summarise([site_records.record("unet", 0.1), other])))
    assert [e.find(f"{ATOM}title").text.split()[0] for e in ET.fromstring(told).iter(f"{ATOM}entry")] == ["unet"]


def test_a_column_for_every_score_and_none_without_numbers(shown):
    rows = [v.row for v in shown[0].rows]
    found = {c.key: c for c in columns(rows, "pde_defect")}
    assert {"nrmse_per_time", "frmse_low", "physics", "crps", "coverage", "fit", "parameters"} <= found.keys()
    assert "energy_joules" not in found
    assert not {"nll", "rel_l2"} & found.keys()
    assert found["frmse_low"].group == "accuracy"
    assert not found["frmse_low"].shown
    assert found["crps"].shown
    best = found["coverage"].of(rows[0])
    assert best.sort == pytest.approx(0.05)


def test_the_page_that_compares_knows_every_pair(comparisons, shown):
    found = comparisons["pools"]["small cpu"]
    assert [b["dataset"] for b in found] == [b.dataset for b in shown]
    for known, board in zip(found, shown, strict=True):
        rows = {v.row.name: v.row for v in board.rows if v.shown and not v.solver}
        names = [r[0] for r in known["rows"]]
        assert set(names) == rows.keys()
        pairs = iter(known["pairs"])
        for i, first in enumerate(names):
            for second in names[i + 1 :]:
                one = compare(rows[first].records, rows[second].records)
                expected = [one.ratio, one.low, one.high, one.p_value, one.wins]
                assert next(pairs) == pytest.approx(expected, rel=1e-4)
        assert next(pairs, None) is None


def test_a_missing_fold_is_noticed_and_a_pair_that_does_not_fit_is_none(cells):
    flow = [c for c in cells if c.cell.dataset == "burgers" and c.status == "ok"]
    unfit = flow[0].model_copy(
        update={
            "key": "f" * 16, "status": "not_applicable", "scores": {}, "per_sample": None, "cost": None,
            "cell": flow[0].cell.model_copy(update={"method": "unfit", "fold": 0}),
        }
    )  # fmt: skip
    assert boards(summarise([*flow, unfit]))[0].notices == ()
    fewer = [c for c in flow if (c.row, c.cell.fold) != ("fno", 1)]
    assert boards(summarise([*fewer, unfit]))[0].notices == ("Not all folds were run: fno 2 of 3.",)
