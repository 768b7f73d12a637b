"""What tables count, compare and call a floor is what they say."""

import pytest
from site_records import record
from test_site_build import Words

from sciml_bench.records.store import Store
from sciml_bench.site import compare_page, plots
from sciml_bench.site.build import build


def part_scored(made, samples):
    """Return a record of so many test samples, of which two were scored, with floors of scores that should be high."""
    floor = made.floor | {"valid_time": 1.0, "r2/w": 1.0}
    return made.model_copy(update={"floor": floor, "diagnostics": made.diagnostics | {"test_samples": samples}})


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return the folder of a site with rows that do not apply, a method scored on a part, and a floor of a high score."""
    results = tmp_path_factory.mktemp("parent") / "results"
    cells = [
        part_scored(record(method, error * (1 + fold / 10), fold=fold, dataset=dataset), 2)
        for dataset in ("burgers", "darcy")
        for method, error in (("fno", 0.1), ("unet", 0.12), ("ridge", 0.3), ("mean", 0.5))
        for fold in (0, 1)
    ]
    for fold in (0, 1):
        cells.append(part_scored(record("pinn", 0.2 + fold / 100, fold=fold, dataset="burgers"), 8))
        cells.append(record("pinn", fold=fold, dataset="darcy", status="not_applicable", reason="needs a time"))
    for cell in cells:
        Store(results).append(cell)
    return build(results, results.parent / "site").parent


def test_rows_that_do_not_apply_are_not_counted_as_rows(folder):
    source = (folder / "methods.html").read_text(encoding="utf-8")
    rows = {m: source.partition(f">{m}</a>")[2].partition("</tr>")[0] for m in ("pinn", "fno")}
    assert 'data-sort="1">1</td>' in rows["pinn"]
    assert 'data-sort="2">2</td>' in rows["fno"]


def test_a_score_that_is_better_where_it_is_higher_has_no_floor(folder):
    words = Words((folder / "smoke" / "burgers.html").read_text(encoding="utf-8")).text
    floors = words.partition("Floor of each score")[2].partition("Leaderboard")[0]
    assert "pde_defect" in floors
    assert "valid_time" not in floors
    assert "r2" not in floors
    assert "Floor of 3 scores" in words


def test_a_method_that_solves_each_instance_anew_has_no_fit_in_a_ranking(folder):
    source = (folder / "tracks" / "pde.html").read_text(encoding="utf-8")
    row = {m: source.partition(f'data-row="{m}"')[2].partition("</tr>")[0] for m in ("pinn", "fno")}
    assert "2.00 s" in row["fno"]
    assert "2.00 s" not in row["pinn"]
    assert row["pinn"].count('<td class="s0">–</td>') == row["fno"].count('<td class="s0">–</td>') + 1


def test_the_command_that_compares_reads_the_records_of_the_page(folder, tmp_path):
    page = (folder / "compare.html").read_text(encoding="utf-8")
    assert "--tier smoke --results results</code>" in page
    assert "--tier TIER --results results</code>" in page
    assert 'data-option=" --results results"' in page
    assert "this.form.dataset.option" in (folder / "compare.js").read_text(encoding="utf-8")
    assert compare_page.option(tmp_path / "runs") == ""
    assert compare_page.option(tmp_path / "of mine") == " --results 'of mine'"


def test_what_is_said_to_mark_a_record_marks_it(folder):
    words = Words((folder / "contribute.html").read_text(encoding="utf-8")).text
    assert "marked as reproduced, with the date and the drift: sciml-bench verify --badge --share" in words


def test_a_board_is_run_again_without_what_does_not_apply(folder):
    pages = {d: Words((folder / "smoke" / f"{d}.html").read_text(encoding="utf-8")).text for d in ("burgers", "darcy")}
    run = {d: words.partition("Run it again")[2].partition("--dataset")[0] for d, words in pages.items()}
    assert "pinn" in run["burgers"]
    assert "pinn" not in run["darcy"]
    assert "fno" in run["darcy"]
    row = (folder / "smoke" / "darcy" / "pinn.html").read_text(encoding="utf-8")
    assert "There is nothing to run" in row
    assert "data-copy" not in row
    assert 'id="checklist"' not in row


def test_a_regime_that_some_folds_lack_is_held_against_the_same_folds_and_is_no_worst(tmp_path):
    store = Store(tmp_path)
    for fold, error in ((0, 0.1), (1, 0.3)):
        made = record("fno", error, fold=fold)
        rare = {"regime:speed=odd/rel_l2": 0.2} if fold == 0 else {}
        both = {"regime:speed=slow/rel_l2": 1.5 * error, "regime:speed=swift/rel_l2": error / 2}
        both |= {"regime:size=small/rel_l2": 0.1 + fold, "regime:size=large/rel_l2": 0.1}
        store.append(made.model_copy(update={"scores": made.scores | both | rare}))
    page = (build(tmp_path, tmp_path / "site").parent / "smoke" / "navier_stokes.html").read_text(encoding="utf-8")
    words = Words(page).text
    assert "odd slow swift fno 2.0× no interval, 1 of 2 folds 1.5× 1.5 – 1.5 0.50× " in words
    assert "small large fno 3.0× " in words  # worse in one fold alone, so that its interval holds 1
    (worst,) = page.split('class="worst"')[1:]
    assert worst.startswith(">1.5×")


def test_the_line_of_the_solver_is_the_least_error_in_so_many_seconds():
    points = [(4.0, 0.1), (1.0, 0.5), (2.0, 0.7), (3.0, 0.2)]
    corners = plots._least(points, right=9.0, top=1.0)
    assert corners == [(1.0, 1.0), (1.0, 0.5), (3.0, 0.5), (3.0, 0.2), (4.0, 0.2), (4.0, 0.1), (9.0, 0.1)]
