"""The page of the suite's speed and of published cells that were run again."""

import importlib.util
import json
from pathlib import Path

import pytest
from site_records import record

from sciml_bench.ranking.summary import summarise
from sciml_bench.records.record import Verification
from sciml_bench.records.store import Store
from sciml_bench.site.board import boards
from sciml_bench.site.build import build
from sciml_bench.site.history import HEIGHT, confirmed, history, polyline
from sciml_bench.site.suite import suite

COLUMNS = ["result", "params", "version"]
DAY = 86_400_000
CELL = {
    "date": "2026-03-01", "commit": "c" * 40, "key": "0" * 16, "row": "fno", "dataset": "burgers", "fold": 0,
    "published": 0.5, "found": 0.505, "tolerance": 0.02, "verdict": "within tolerance", "hardware": "a processor, 2 cores",
}  # fmt: skip


def measured(folder: Path, commit: str, day: int, **rows: list) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    content = {
        "commit_hash": commit * 40, "date": day * DAY, "result_columns": COLUMNS, "version": 2,
        "results": rows, "units": dict.fromkeys(rows, "seconds"),
    }  # fmt: skip
    (folder / f"{commit * 12}.json").write_text(json.dumps(content))


@pytest.fixture
def results(tmp_path):
    machine = tmp_path / "results" / "speed" / "a-processor-2"
    fit = lambda values: [values, [["'fno'", "'unet'"]], "v"]  # noqa: E731
    measured(machine, "b", 2, fit=fit([3.0, 8.0]), score=[[0.2], [], "new"])
    measured(machine, "a", 1, fit=fit([2.0, None]), score=[[0.1], [], "old"])  # the older one
    (tmp_path / "results" / "drift.jsonl").write_text(
        "\n".join(
            [
                json.dumps(CELL),
                json.dumps(CELL | {"date": "2026-03-02", "found": 1.0, "verdict": "drifted", "row": "<b>unet</b>"}),
                json.dumps(CELL | {"date": "2026-03-02", "found": 0.5, "verdict": "identical"}),
            ]
        )
    )
    return tmp_path / "results"


def test_a_series_is_one_benchmark_with_its_parameters_over_commits(results):
    [machine] = history(results).machines
    series = {s.name: s for s in machine.series}
    assert [(p.commit[0], p.value) for p in series["fit(fno)"].points] == [("a", 2.0), ("b", 3.0)]
    assert series["fit(fno)"].change == 1.5
    assert [p.value for p in series["fit(unet)"].points] == [8.0]  # it failed before: no value, no zero
    assert series["fit(unet)"].change is None
    assert series["fit(fno)"].latest.day == "1970-01-03"


def test_what_a_changed_benchmark_timed_before_is_not_compared(results):
    [machine] = history(results).machines
    score = next(s for s in machine.series if s.name == "score")
    assert [p.value for p in score.points] == [0.2]


def test_nights_count_the_cells_that_stand(results):
    first, last = history(results).nights
    assert (first.day, first.stand, first.checked) == ("2026-03-01", 1, 1)
    assert first.worst == pytest.approx(0.01)
    assert (last.stand, last.checked, last.worst) == (1, 2, 1.0)


def test_a_line_has_zero_at_the_bottom_and_the_largest_value_at_the_top():
    points = [tuple(map(float, p.split(","))) for p in polyline([0.0, 4.0, 2.0]).split()]
    assert [y for _, y in points] == [HEIGHT - 4, 4, HEIGHT / 2]
    assert points[1][0] - points[0][0] == points[2][0] - points[1][0] > 0


def test_what_cannot_be_read_is_told_of_and_left_out(results):
    (results / "speed" / "a-processor-2" / "cccccccccccc.json").write_text("{")
    with open(results / "drift.jsonl", "a") as handle:
        handle.write("\n" + json.dumps(CELL | {"more": 1}) + "\n")
    found = history(results)
    assert found.drift == ()
    assert len(found.machines[0].series) == 3
    broken, unknown = found.complaints
    assert "cccccccccccc.json" in broken
    assert "line 4" in unknown
    assert "more" in unknown


def test_the_page_says_what_there_is_and_what_there_is_not(results, tmp_path):
    spec = importlib.util.spec_from_file_location("publishing", "benchmarks/speed/suite/publishing.py")
    publishing = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(publishing)
    for folder in (results, tmp_path / "bare"):
        Store(folder).append(publishing.record("burgers", "mean", 0))
    build(results, tmp_path / "full")
    page = (tmp_path / "full" / "history.html").read_text()
    assert page.count("<polyline") == 2  # none of a benchmark with a single value
    assert "fit(fno)" in page
    assert "1.50×" in page
    assert "1 of 2 cells stood" in page
    assert "&lt;b&gt;unet" in page
    assert "<b>unet" not in page
    build(tmp_path / "bare", tmp_path / "empty")
    page = (tmp_path / "empty" / "history.html").read_text()
    assert "Nothing has been measured yet" in page
    assert "No night has run yet" in page
    assert "were trained" not in page
    assert "<polyline" not in page


def test_cells_that_were_run_again_are_counted():
    def stamped(fold: int, verdict: str, largest: float):
        one = record("fno", 0.1, fold=fold)
        note = Verification(date=f"2026-03-0{fold + 1}", verdict=verdict, largest=largest, commit=None)
        came = one.provenance.model_copy(update={"badge": "reproduced", "verification": note})
        return one.model_copy(update={"provenance": came})

    none = record("unet", status="not_applicable", reason="it needs nodes")
    cells = [stamped(0, "identical", 0.0), stamped(1, "within tolerance", 0.3), record("mean", 0.5), none]
    found = confirmed(suite(boards(summarise(cells))))
    assert (found.cells, found.again, found.identical, found.largest, found.last) == (3, 2, 1, 0.3, "2026-03-02")
