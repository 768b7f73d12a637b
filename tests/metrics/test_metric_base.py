"""Scoring: averages over targets, what is refused, and in which words."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from sciml_bench.errors import ContractError, NotFiniteError, UndefinedScoreError
from sciml_bench.metrics import Metric, error_over_time, evaluate, of_accuracy, spectrum
from sciml_bench.metrics.fields import FIELDS
from sciml_bench.problem import Problem, Source, Variable

U = Variable(name="u", dims=("time", "x"), description="", initial="u0")
V = Variable(name="v", dims=("x",), description="", periodic=True)
METRICS = {metric.name: metric for metric in FIELDS}


def data(seed: int = 0, samples: int = 4) -> xr.Dataset:
    rng = np.random.default_rng(seed)
    return xr.Dataset(
        {
            "u": (("sample", "time", "x"), rng.normal(size=(samples, 3, 8)) + 1),
            "v": (("sample", "x"), rng.normal(size=(samples, 8)) + 1),
        },
        coords={"x": np.linspace(0, 1, 8), "sample": np.arange(samples)},
    )


def test_each_target_is_scored_alone_then_averaged() -> None:
    truth = data()
    prediction = truth.assign(u=truth.u * 1.1, v=truth.v * 0.5)
    scores, samples = evaluate(FIELDS, prediction, truth, (U, V))
    assert scores["rel_l2/u"] == pytest.approx(0.1)
    assert scores["rel_l2/v"] == pytest.approx(0.5)
    assert scores["rel_l2"] == pytest.approx(0.3)
    np.testing.assert_allclose(samples["rel_l2"], np.full(4, 0.3))


def test_a_metric_averages_over_the_targets_to_which_it_applies() -> None:
    truth = data()
    prediction = truth.assign(u=truth.u * 1.1, v=truth.v * 0.5)
    scores, _ = evaluate(FIELDS, prediction, truth, (U, V))
    assert scores["nrmse_per_time"] == scores["nrmse_per_time/u"] == pytest.approx(0.1)
    assert "nrmse_per_time/v" not in scores
    assert "brmse/v" not in scores


def test_one_target_has_no_names_behind_a_slash() -> None:
    truth = data()
    scores, _ = evaluate(FIELDS, truth, truth, (V,))
    assert not [name for name in scores if "/" in name]
    assert "nrmse_per_time" not in scores


def test_indices_have_no_metrics() -> None:
    index = Variable(name="c", dims=(), description="", kind="index")
    truth = xr.Dataset({"c": ("sample", [0.0, 1.0])})
    assert evaluate(FIELDS, truth, truth, (index,)) == ({}, {})


def test_finish_comes_after_the_mean_over_samples() -> None:
    def square(p: xr.DataArray, u: xr.DataArray) -> xr.DataArray:
        return ((p - u) ** 2).mean("x", skipna=False)

    metric = Metric(
        name="root",
        statistic=square,
        finish=lambda mean: mean**0.5,
        applies=lambda _: True,
        formula="√⟨e²⟩",
        unit="target",
        better="lower",
        source=Source(citation="none"),
    )
    truth = data()
    prediction = truth.assign(v=truth.v + xr.DataArray([1.0, 1.0, 1.0, 3.0], dims=["sample"]))
    scores, samples = evaluate([metric], prediction, truth, (V,))
    assert scores["root"] == pytest.approx(np.sqrt(3))
    np.testing.assert_allclose(samples["root"], [1, 1, 1, 9])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_not_finite_is_loud(bad: float) -> None:
    truth = data()
    prediction = data(1)
    prediction.u[1, 0, 2] = prediction.u[1, 1, 2] = prediction.u[3, 0, 0] = bad
    with pytest.raises(NotFiniteError, match=r"'u' holds NaN or infinity: 3 of 96 values, in 2 of 4 samples"):
        evaluate(FIELDS, prediction, truth, (U, V))


@pytest.mark.parametrize("metric", FIELDS, ids=lambda metric: metric.name)
def test_no_statistic_skips_a_nan(metric: Metric) -> None:
    rng = np.random.default_rng(0)
    u = xr.DataArray(rng.normal(size=(2, 3, 26, 26)), dims=("sample", "time", "x", "y"))
    p = u + 0.1
    p[0, -1, 0, 0] = np.nan
    value = metric.statistic(p, u)
    assert value is not None
    assert np.isnan(value[0]) or (metric.name == "valid_time" and value[0] == pytest.approx(2 / 3))
    assert np.isfinite(value[1])


def test_a_truth_that_is_not_finite_is_the_datasets_fault() -> None:
    truth = data()
    truth.v[0, 0] = np.nan
    with pytest.raises(ContractError, match="the truth of 'v' holds NaN or infinity: 1 of 32"):
        evaluate(FIELDS, data(1), truth, (U, V))


def test_what_does_not_match_is_refused() -> None:
    truth = data()
    with pytest.raises(ContractError, match=r"prediction lacks the target 'u' \(it holds v\)"):
        evaluate(FIELDS, truth.drop_vars("u"), truth, (U, V))
    with pytest.raises(ContractError, match=r"has 3 entries along 'sample' where the truth has 4"):
        evaluate(FIELDS, truth.isel(sample=slice(3)), truth, (U,))
    with pytest.raises(ContractError, match=r"has dimensions \('sample', 'x'\); expected"):
        evaluate(FIELDS, truth.isel(time=0), truth, (U,))
    with pytest.raises(ContractError, match="no 'sample'"):
        evaluate(FIELDS, truth.isel(sample=0), truth, (U,))
    with pytest.raises(ContractError, match="is empty"):
        evaluate(FIELDS, truth.isel(sample=slice(0)), truth.isel(sample=slice(0)), (U,))


def test_samples_in_another_order_are_refused() -> None:
    truth = data()
    with pytest.raises(ContractError, match="other coordinates along 'sample'"):
        evaluate(FIELDS, truth.isel(sample=[1, 0, 2, 3]), truth, (U,))


def test_coordinates_rounded_to_single_precision_drop_no_point() -> None:
    truth = data()
    rounded = (1.5 * truth).assign_coords(x=truth.x.values.astype(np.float32))
    scores, _ = evaluate(FIELDS, rounded, truth, (U,))
    assert scores["rel_l2"] == pytest.approx(0.5)
    assert scores["max_error"] == pytest.approx(0.5 * float(abs(truth.u).max(["time", "x"]).mean()))
    p = rounded.u.drop_vars(["x", "sample"]).assign_coords(x=truth.x.values + 5)
    assert error_over_time(p, truth.u) == pytest.approx([0.5] * 3)


@pytest.mark.parametrize("name", ["rel_l2", "rel_l2_final", "nrmse_per_time", "gmean_nrmse"])
def test_a_truth_of_zero_has_no_relative_error(name: str) -> None:
    truth = data()
    truth.u[2] = 0
    with pytest.raises(ContractError, match=r"norm of the truth, which is zero for"):
        evaluate([METRICS[name]], data(1), truth, (U,))


def test_a_metric_that_the_truth_leaves_undefined_is_left_out_whole_and_named() -> None:
    truth, still = data(), data()
    still.u[2, 0] = 0  # at rest at one time
    undefined: dict[str, str] = {}
    scores, samples = evaluate(METRICS.values(), data(1), still, (U, V), undefined)
    left = {"nrmse_per_time", "gmean_nrmse", "valid_time"}
    assert set(undefined) == left
    assert "zero for 1 of 12 samples and times" in undefined["nrmse_per_time"]
    full, _ = evaluate(METRICS.values(), data(1), truth, (U, V))
    assert {n for n in full if n.partition("/")[0] not in left} == set(scores)
    assert all(len(v) == truth.sizes["sample"] for v in samples.values())


def test_a_headline_that_the_truth_leaves_undefined_is_an_error() -> None:
    truth = data()
    truth.u[2] = 0
    problem = Problem(name="p", kind="evolution", inputs=(), targets=(U,))
    with pytest.raises(UndefinedScoreError, match="let its headline be rmse"):
        of_accuracy(data(1), truth, problem)
    scores, _, undefined = of_accuracy(data(1), truth, replace(problem, primary="rmse"))
    assert "rel_l2" in undefined
    assert scores["rmse"] > 0


def test_a_truth_constant_in_space_has_no_correlation() -> None:
    truth = data()
    truth.u[2, 1] = 0.1
    with pytest.raises(ContractError, match=r"constant in space at 1 of 12 samples and times"):
        evaluate([METRICS["valid_time"]], data(1), truth, (U,))


def test_a_statistic_must_keep_samples_alone() -> None:
    metric = Metric(
        name="bad",
        statistic=lambda p, u: p - u,
        applies=lambda _: True,
        formula="p − u",
        unit="target",
        better="lower",
        source=Source(citation="none"),
    )
    with pytest.raises(ContractError, match="metric 'bad' has dimensions"):
        evaluate([metric], data(), data(), (V,))


def test_diagnostics_refuse_what_they_cannot_draw() -> None:
    truth = data()
    with pytest.raises(ContractError, match="no 'time'"):
        error_over_time(truth.v, truth.v)
    with pytest.raises(ContractError, match="no spectrum"):
        spectrum(truth.v.rename(x="node"))
