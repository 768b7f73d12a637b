"""Physics, uncertainty and speed of a league's methods, against numbers worked out by hand."""

import math

import numpy as np
import pytest

from sciml_bench.ranking.facets import facets, physics_score
from sciml_bench.ranking.summary import summarise
from sciml_bench.records.record import Cost


def _cost(fit, throughput):
    zero = dict.fromkeys(
        ("data_seconds", "fit_cpu_seconds", "predict_seconds", "predict_cpu_seconds", "predictor_seconds"), 0.0
    )
    none = dict.fromkeys(("latency_p50", "latency_p95", "device_memory_gib", "energy_joules", "parameters", "flops"))
    return Cost(
        **zero, **none, fit_seconds=fit, predict_samples=1, throughput=throughput, throughput_batch=1, peak_memory_gib=0.0,
        threads=1, precision="float32",
    )  # fmt: skip


@pytest.fixture
def row(record):
    """Return the maker of rows: (dataset, method, scores)."""

    def make(dataset, method, scores, *, floor=0.0, fit=1.0, throughput=1.0, family="network"):
        one = record(method, 0, np.array([0.5, 0.5]))
        return summarise(
            [
                one.model_copy(
                    update={
                        "cell": one.cell.model_copy(update={"dataset": dataset}),
                        "scores": one.scores | scores,
                        "floor": dict.fromkeys(scores, floor),
                        "cost": _cost(fit, throughput),
                        "family": family,
                    }
                )
            ]
        )[0]

    return make


def test_relative_to_the_median_over_the_datasets_that_have_it(row):
    rows = [row("a", m, {"pde_defect": v}) for m, v in (("x", 0.1), ("y", 0.2), ("z", 0.8))]
    rows += [row("b", m, {"pde_residual": v}) for m, v in (("x", 0.4), ("y", 0.1), ("w", 0.1))]
    found = facets(rows)
    assert found["x"]["physics"].value == pytest.approx(math.sqrt(0.5 * 4))
    assert found["y"]["physics"].value == pytest.approx(1.0)
    assert found["z"]["physics"].value == pytest.approx(4.0)
    assert [found[m]["physics"].datasets for m in "xyzw"] == [2, 2, 1, 1]
    assert "crps" not in found["x"]


def test_rows_of_older_data_set_no_median(row):
    new, old = row("a", "x", {"crps": 1.0}), row("a", "y", {"crps": 3.0})
    came = old.records[0].provenance.model_copy(update={"data_digest": "old", "started": "2025-01-01T00:00:00+00:00"})
    found = facets([new, *summarise(r.model_copy(update={"provenance": came}) for r in old.records)])
    assert found["x"]["crps"].value == pytest.approx(1.0)
    assert "y" not in found


def test_a_prediction_that_the_solver_cannot_follow_is_worse_than_any_that_it_can(record):
    def of(method, defects):
        made = [record(method, k, np.array([0.5, 0.5])) for k in range(2)]
        return summarise(
            r.model_copy(
                update={
                    "scores": r.scores | ({} if d is None else {"pde_defect": d}),
                    "diagnostics": {"notes": {"physics": "it cannot"}} if d is None else {},
                }
            )
            for r, d in zip(made, defects, strict=True)
        )[0]

    rows = [of("x", [0.1, 0.1]), of("y", [0.2, 0.2]), of("z", [0.01, None])]
    assert "pde_defect" not in rows[2].scores
    assert rows[2].flags == ("unphysical states",)
    found = facets(rows)
    assert [found[m]["physics"].value for m in "xyz"] == pytest.approx([0.5, 1.0, 1e3])
    mostly = facets([rows[0], rows[2], of("w", [None, None])])
    assert [mostly[m]["physics"].value for m in "xzw"] == pytest.approx([1.0, 1e3, 1e3])


def test_what_lies_under_the_truth_is_no_better_than_the_truth(row):
    rows = [row("a", m, {"pde_defect": v}, floor=0.1) for m, v in (("x", 1e-9), ("y", 0.2), ("z", 0.8))]
    assert facets(rows)["x"]["physics"].value == pytest.approx(0.1 / 0.2)


def test_a_solver_neither_sets_the_median_nor_stands_in_the_table(row):
    rows = [row("a", "x", {"crps": 1.0}), row("a", "y", {"crps": 3.0}), row("a", "s", {"crps": 1e-6}, family="solver")]
    found = facets(rows)
    assert found["x"]["crps"].value == pytest.approx(0.5)
    assert "s" not in found


def test_speed_is_a_geometric_and_coverage_an_arithmetic_mean(row):
    rows = [
        row("a", "x", {"coverage_90": 0.8}, fit=1.0, throughput=10.0),
        row("b", "x", {"coverage_90": 0.9}, fit=4.0, throughput=1000.0),
    ]
    found = facets(rows)["x"]
    assert found["fit"].value == pytest.approx(2.0)
    assert found["throughput"].value == pytest.approx(100.0)
    assert found["coverage"].value == pytest.approx(0.85)
    assert "speed_up" not in found


@pytest.mark.parametrize(
    ("names", "head"),
    [
        (["symmetry/a", "conservation/mass", "pde_defect"], "pde_defect"),
        (["symmetry/a", "conservation/a", "conservation/energy"], "conservation/energy"),
        (["symmetry/b", "symmetry/a"], "symmetry/a"),
        (["rmse"], None),
    ],
)
def test_one_score_of_physics_heads_a_board(row, names, head):
    assert physics_score([row("a", "x", dict.fromkeys(names, 0.1))]) == head


def test_a_symmetry_that_all_keep_to_rounding_heads_nothing(row):
    kept = [
        row("a", m, {"symmetry/permutation": v, "symmetry/rotation": w})
        for m, v, w in (("x", 6e-16, 1e-15), ("y", 9e-15, 0.35))
    ]
    assert physics_score(kept) == "symmetry/rotation"
    assert physics_score(kept[:1]) is None
    found = facets(kept)
    assert found["x"]["physics"].value == pytest.approx(max(1.2e-7 / (0.35 / 2), 1e-3))
