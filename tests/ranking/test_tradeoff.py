import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sciml_bench.ranking.summary import summarise
from sciml_bench.ranking.tradeoff import Point, place
from sciml_bench.records.record import Cost

SOLVER = [Point("coarse", 1e-1, 0.01), Point("middle", 1e-2, 0.1), Point("fine", 1e-3, 1.0)]


def test_speed_up_is_against_the_cheapest_solver_point_at_least_as_accurate():
    found = place(Point("m", 0.05, 0.02), 8.0, SOLVER, 0.0)
    assert found.speed_up == pytest.approx(0.1 / 0.02)
    assert found.error_ratio == pytest.approx(0.1 / 0.05)
    assert not found.dominated


def test_between_two_settings_the_solver_is_as_fast_as_the_line_that_joins_them():
    found = place(Point("m", 0.05, 0.04), 8.0, SOLVER, 0.0)  # at 0.05 a solver of first order takes 0.02 s
    assert found.speed_up == pytest.approx(2.5)
    assert found.between == pytest.approx(0.5)
    for error in (0.1, 1e-2, 0.5):  # at a setting, and coarser than all
        assert place(Point("m", error, 0.04), 8.0, SOLVER, 0.0).between in (None, pytest.approx(0.1 / 0.04))


def test_break_even_is_the_smallest_count_that_pays():
    found = place(Point("m", 0.05, 0.02), 8.0, SOLVER, 0.0)
    n = found.break_even
    assert 8.0 + n * 0.02 < n * 0.1
    assert not 8.0 + (n - 1) * 0.02 < (n - 1) * 0.1


@given(invested=st.floats(0, 1e6), predict=st.floats(1e-6, 0.099))
def test_break_even_holds_for_any_cost(invested, predict):
    n = place(Point("m", 0.05, predict), invested, SOLVER, 0.0).break_even
    assert invested + n * predict < n * 0.1 * (1 + 1e-12) + 1e-9


def test_a_slower_and_less_accurate_method_is_dominated_and_never_pays():
    found = place(Point("m", 0.5, 0.02), 1.0, SOLVER, 0.0)
    assert found.dominated
    assert found.break_even is None
    assert found.speed_up == pytest.approx(0.5)
    assert "never" in found.note


def test_errors_under_the_floor_are_ties():
    assert place(Point("m", 1e-5, 0.5), 1.0, SOLVER, 1e-3).speed_up == pytest.approx(2.0)
    assert place(Point("m", 1e-5, 0.5), 1.0, SOLVER, 0.0).speed_up is None


def test_without_a_solver_there_is_nothing_to_compare():
    assert place(Point("m", 1e-5, 0.5), 1.0, [], 0.0).speed_up is None


@pytest.fixture
def costing(record):
    def make(method, error, family, seconds, tuning, jobs=None):
        cost = Cost(
            data_seconds=3.0, fit_seconds=4.0, fit_cpu_seconds=4.0, predict_seconds=10 * seconds, predict_cpu_seconds=1.0,
            predict_samples=10, predictor_seconds=1.0, latency_p50=None, latency_p95=None, throughput=1.0,
            throughput_batch=1, peak_memory_gib=1.0, device_memory_gib=None, energy_joules=9.0, parameters=7,
            flops=None, threads=1, precision="float64", tuning_seconds=tuning, device_shared=jobs,
        )  # fmt: skip
        return record(method, 0, np.full(10, error)).model_copy(update={"family": family, "cost": cost})

    return make


def test_what_must_pay_for_itself_is_data_tuning_and_fit(costing):
    solver = costing("solver", 0.01, "solver", 1.5, None)
    rows = {
        r.name: r
        for r in summarise([solver, costing("a", 0.02, "network", 0.5, 13.5), costing("b", 0.02, "network", 0.5, None)])
    }
    assert rows["a"].tradeoff.break_even == 21  # 3 + 13.5 + 4 + 21/2 < 21·3/2
    assert rows["b"].tradeoff.break_even == 8  # 3 + 4 + 8/2 < 8·3/2, and not with 7


def test_times_of_cells_that_shared_a_gpu_stand_nowhere_and_their_errors_do(costing):
    solver, alone, shared = (
        costing("solver", 0.01, "solver", 1.5, None, 1),
        costing("alone", 0.02, "network", 0.5, None, 1),
        costing("shared", 0.02, "network", 0.5, None, 5),
    )
    rows = {r.name: r for r in summarise([solver, alone, shared])}
    assert rows["shared"].error == rows["alone"].error == pytest.approx(0.02)
    assert set(rows["alone"].cost) - set(rows["shared"].cost) == {
        "fit_seconds", "predict_seconds", "predict_seconds_per_sample", "throughput", "energy_joules"
    }  # fmt: skip
    assert rows["shared"].cost["parameters"] == 7
    assert rows["alone"].tradeoff is not None
    assert rows["shared"].tradeoff is None
    assert rows["shared"].shared
    assert not rows["alone"].shared
    assert [r.name for r in summarise([costing("s", 0.1, "solver", 1.0, None, 3), alone]) if r.seconds_per_sample] == [
        "alone"
    ]


def test_what_is_below_the_floor_is_at_it_at_equal_cost_too():
    solver = [Point("exact", 0.0, 1.0)]
    assert place(Point("net", 0.1, 2.0), 0.0, solver, 0.01).error_ratio == pytest.approx(0.1)
    assert place(Point("net", 0.001, 2.0), 0.0, solver, 0.01).error_ratio == 1.0


def test_a_setting_of_the_solver_that_failed_in_some_cell_is_none_to_be_measured_by(costing):
    net, safe, quick = (
        costing("net", 0.02, "network", 0.5, None),
        costing("solver", 0.01, "solver", 1.5, None),
        costing("quick", 0.01, "solver", 0.1, None),
    )
    cell = quick.cell.model_copy(update={"fold": 1})
    failed = quick.model_copy(
        update={"cell": cell, "key": "f" * 16, "status": "not_finite", "scores": {}, "cost": None}
    )
    found = {r.name: r for r in summarise([net, safe, quick, failed.model_copy(update={"per_sample": None})])}
    assert found["quick"].error == pytest.approx(0.01)
    assert found["net"].tradeoff.speed_up == pytest.approx(3.0)
