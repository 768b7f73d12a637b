"""How the hyperparameters of a row were chosen is told where rows are ranked, on its method's page and in the tables."""

import csv
import io

import pytest
from site_records import record
from test_site_build import Words

from sciml_bench.ranking.summary import summarise
from sciml_bench.records.store import Store
from sciml_bench.site import settings
from sciml_bench.site.build import build

METHODS = {"fno": "tuned", "unet": "chosen", "tfno": "default", "deeponet": "default", "gru": "given", "lstm": None}


def of(method, origin, error=0.1, *, dataset="burgers", width=8, **more):
    made = record(method, error, dataset=dataset, **more)
    came = made.provenance.model_copy(update={"hyperparameters_from": origin})
    cell = made.cell.model_copy(update={"hyperparameters": {"width": width, "depth": 4}})
    return made.model_copy(update={"provenance": came, "cell": cell})


@pytest.fixture(scope="module")
def uneven(tmp_path_factory):
    """Return the folder of a site of rows whose settings came about in different ways."""
    results = tmp_path_factory.mktemp("uneven")
    cells = [of(method, origin, 0.1 + fold / 100, fold=fold) for method, origin in METHODS.items() for fold in (0, 1)]
    cells += [of("mean", "default", 0.5 + fold / 100, fold=fold) for fold in (0, 1)]
    cells += [of("reference_solver", "default", 0.01, fold=fold, variant="64 points") for fold in (0, 1)]
    cells += [of("graph_net", "default", fold=fold, status="not_applicable", reason="needs nodes") for fold in (0, 1)]
    cells += [
        of("fno", "chosen", dataset="advection", width=16),
        of("fno", "default", dataset="darcy", width=32, status="not_applicable", reason="needs a time"),
    ]
    for cell in cells:
        Store(results).append(cell)
    return build(results, results / "site").parent


def test_a_board_has_a_column_of_settings_before_all_scores(uneven):
    source = (uneven / "smoke" / "burgers.html").read_text(encoding="utf-8")
    words = Words(source).text
    assert "Settings how chosen PDE defect" in words
    assert '<th scope="col" data-sort-as="number" data-key="settings"' in source
    for method, told in {"fno": "tuned", "unet": "by hand", "tfno": "default", "gru": "given"}.items():
        row = source.partition(f'data-row="{method}"')[2].partition("</tr>")[0]
        assert f">{told}</td>" in row, method
    solver = source.partition('data-row="reference_solver(64 points)"')[2].partition("</tr>")[0]
    assert ">default</td>" not in solver


def test_the_tables_for_programs_tell_the_settings(uneven):
    rows = csv.DictReader(io.StringIO((uneven / "leaderboard.csv").read_text(encoding="utf-8")))
    assert {r["method"]: r["settings"] for r in rows if r["dataset"] == "burgers"} == {
        "fno": "tuned", "unet": "by hand", "tfno": "default", "deeponet": "default", "gru": "given", "lstm": "",
        "mean": "default", "reference_solver": "", "graph_net": "",
    }  # fmt: skip
    assert '"settings": "by hand"' in (uneven / "leaderboard.json").read_text(encoding="utf-8")


def test_a_track_counts_how_the_settings_of_its_learned_rows_were_chosen(uneven):
    words = Words((uneven / "tracks" / "pde.html").read_text(encoding="utf-8")).text
    assert (
        "Settings of its 7 rows of learned methods with hyperparameters: 1 tuned with counted effort, 2 chosen by hand, "
        "2 run with the defaults of the tier, 1 given on the command line and 1 without a record of it."
    ) in words


def test_a_method_page_shows_how_the_settings_of_rows_that_apply_were_chosen(uneven):
    words = Words((uneven / "methods" / "fno.html").read_text(encoding="utf-8")).text
    told = words.partition("Hyperparameters Everywhere")[2]
    assert told.startswith(": depth=4 . What differs between rows; the settings of a row are tuned, set by hand,")
    assert "row settings width advection smoke by hand 16 burgers smoke tuned 8" in told
    assert "darcy" not in told
    words = Words((uneven / "methods" / "tfno.html").read_text(encoding="utf-8")).text
    assert "Everywhere: width=8 , depth=4 ; settings: default." in words
    assert "validation data" not in words.partition("Hyperparameters Everywhere")[2]


def test_without_learned_rows_nothing_is_counted():
    assert settings.counted(summarise([of("mean", "default"), of("reference_solver", "default", variant="8")])) == ""


def test_a_method_without_hyperparameters_has_no_settings_to_choose():
    bare = of("linear", "default")
    (row,) = summarise([bare.model_copy(update={"cell": bare.cell.model_copy(update={"hyperparameters": {}})})])
    assert settings.origin(row) == "none"
    assert settings.counted([row]) == ""
