"""Tables on terminals of different widths."""

import io

import pytest
from rich.console import Console
from site_records import record

from sciml_bench.cli import run, tables
from sciml_bench.cli.progress import Screen
from sciml_bench.cli.run import outdone
from sciml_bench.ranking.intervals import Interval
from sciml_bench.ranking.summary import Row
from sciml_bench.records.record import Record
from sciml_bench.records.store import Store


def row(name, error, seconds, flags=()):
    return Row(
        dataset="d", tier="small", device="cpu", method=name, variant="", name=name, family="network", primary="rel_l2",
        folds=5, status={"ok": 5}, reasons=[], scores={"rel_l2": Interval(error, 0.9 * error, 1.1 * error)},
        cost={"predict_seconds_per_sample": seconds, "fit_seconds": 45.9}, floor={}, flags=flags,
        records=[record(fold=k) for k in range(5)],
    )  # fmt: skip


@pytest.mark.parametrize("width", [80, 100, 120, 160, 300])
def test_numbers_are_whole_on_a_terminal_of_any_width(width):
    long = "reference_solver(64x64, dt 0.1, float64)"
    told = io.StringIO()
    rows = [row(long, 4.36e-14, 0.0785), row("fno", 0.0267, 0.0326, ("dominated by the solver",))]
    tables.show(rows, Console(file=told, width=width, highlight=False))
    lines = told.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    for whole in ("per sample", "78.5 ms", "32.6 ms", "3.92e-14 – 4.8e-14", "dominated"):
        assert any(whole in line for line in lines), whole
    assert any(long[:16] in line for line in lines)
    left_out = any("left out, as the terminal is narrow" in line for line in lines)
    assert left_out == (width < 160), width
    for end in ("64x64", "float64"):  # what tells one setting of the solver from another
        assert any(end in line for line in lines), end


def test_a_run_that_is_found_and_that_boards_do_not_show_is_named(tmp_path):
    """A method is run, edited, run, and taken back: the first run is found again, and boards show the second."""

    def made(key: str, source: str, hour: int) -> list[Record]:
        runs = [record("fno", fold=k) for k in range(2)]
        when = {"method_digest": source * 16, "started": f"2026-03-01T0{hour}:00:00+00:00"}
        return [
            r.model_copy(update={"key": f"{key}{r.key[1:]}", "provenance": r.provenance.model_copy(update=when)})
            for r in runs
        ]

    store, first, second = Store(tmp_path), made("a", "a", 1), made("b", "b", 2)
    for one in first:
        store.append(one)
    assert outdone(first, store) == []
    for one in second:
        store.append(one)
    assert outdone(second, store) == []
    assert outdone(first, store) == ["fno on navier_stokes"]


@pytest.mark.parametrize(("dirty", "published"), [(True, True), (True, False), (False, True)])
def test_found_records_that_cannot_be_published_are_told_with_what_to_do(
    dirty, published, tmp_path, monkeypatch, capsys
):
    """Of cells that ran before their code was committed; elsewhere than in the published results they are as good as others."""
    made = record("fno")
    made = made.model_copy(update={"provenance": made.provenance.model_copy(update={"dirty": dirty})})
    store = Store(tmp_path / "results")
    store.append(made)
    monkeypatch.setattr(run, "root", lambda _: tmp_path / ("results" if published else "others"))
    given = dict.fromkeys(run.Options.__dataclass_fields__)
    run._finish(run.Options(**given | {"results": store.folder, "page": False, "json": False}), [made], Screen())
    said = " ".join(capsys.readouterr().err.split())
    assert ('delete the lines there that hold "dirty":true and run the same command again' in said) == (
        dirty and published
    )
    assert (f"records of these cells in {store.path(made)} were made with" in said) == (dirty and published)
