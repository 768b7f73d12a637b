"""Persistence, the mean, the linear map and the reference solver, against what they must give exactly."""

import pickle
from dataclasses import dataclass

import numpy as np
import pytest
import xarray as xr

from sciml_bench.errors import ContractError, UnknownNameError, UsageError
from sciml_bench.methods.linear import Linear
from sciml_bench.methods.mean import Mean
from sciml_bench.methods.persistence import Persistence
from sciml_bench.methods.reference_solver import ReferenceSolver
from sciml_bench.problem import Problem, Solver, Variable


class Notes:
    """A log that keeps the facts."""

    def __init__(self):
        self.facts = {}

    def progress(self, fraction, message=""):
        assert 0 <= fraction <= 1

    def curve(self, name, step, value):
        pass

    def fact(self, name, value):
        self.facts[name] = value


def fit(method, problem, train, valid=None, log=None):
    return method.fit(
        train,
        train if valid is None else valid,
        problem=problem,
        budget=None,
        seed=0,
        device="cpu",
        log=log or Notes(),
    )


START = Variable(name="start", dims=("history", "x"), description="given frames")
FLOW = Variable(name="u", dims=("time", "x"), description="flow", initial="start", periodic=True)
EVOLUTION = Problem(name="evolution", kind="evolution", inputs=(START,), targets=(FLOW,))

FIELD = Variable(name="a", dims=("x",), description="coefficient")
NUMBER = Variable(name="nu", dims=(), description="viscosity", kind="scalar")
STEADY = Problem(
    name="steady",
    kind="steady",
    inputs=(FIELD, NUMBER),
    targets=(
        Variable(name="p", dims=("x",), description="pressure"),
        Variable(name="q", dims=(), description="flux", kind="scalar"),
    ),
)


def flow(samples, seed=0):
    values = np.random.default_rng(seed).standard_normal((samples, 5, 6))
    return xr.Dataset(
        {"start": (("sample", "history", "x"), values[:, :2]), "u": (("sample", "time", "x"), values[:, 2:])},
        coords={
            "history": [0.0, 1.0],
            "time": [2.0, 3.0, 4.0],
            "x": np.arange(6.0),
            "sample": np.arange(samples),
        },
    )


def steady(samples, seed=0, rank=9):
    """An exactly affine map of inputs that span `rank` directions and a number."""
    maps = np.random.default_rng(1)
    basis, matrix = maps.standard_normal((rank, 9)), maps.standard_normal((10, 10))
    rng = np.random.default_rng(seed)
    a, nu = rng.standard_normal((samples, rank)) @ basis, 1e-3 * rng.random(samples)
    out = np.column_stack([a, 1e3 * nu]) @ matrix + 5
    return xr.Dataset(
        {
            "a": (("sample", "x"), a),
            "nu": (("sample",), nu),
            "p": (("sample", "x"), out[:, :9]),
            "q": (("sample",), out[:, 9]),
        },
        coords={"x": np.arange(9.0)},
    )


def test_persistence_repeats_the_latest_given_frame():
    test = flow(4, seed=1)
    result = fit(Persistence(), EVOLUTION, flow(3))(test[["start"]])
    for k in range(3):
        np.testing.assert_array_equal(result["u"].values[:, k], test["start"].values[:, -1])
    xr.testing.assert_equal(result.drop_vars("u"), test[["u"]].drop_vars("u"))


def test_persistence_is_exact_for_a_steady_state():
    still = flow(3)
    still["u"] = still["start"].isel(history=-1, drop=True).expand_dims(time=still["time"]).transpose(*still["u"].dims)
    xr.testing.assert_equal(fit(Persistence(), EVOLUTION, still)(still[["start"]])["u"], still["u"])


def test_persistence_needs_a_given_state():
    assert Persistence().applies_to(EVOLUTION) is None
    assert "no time axis that starts from a given state" in str(Persistence().applies_to(STEADY))


def test_the_mean_is_the_training_mean_for_every_sample():
    train = steady(10)
    result = fit(Mean(), STEADY, train)(steady(4, seed=2)[["a", "nu"]])
    np.testing.assert_allclose(result["p"], np.tile(train["p"].mean("sample"), (4, 1)), rtol=1e-14)
    np.testing.assert_allclose(result["q"], np.full(4, train["q"].mean()), rtol=1e-14)


@pytest.mark.parametrize("method", [Mean(), Linear()])
def test_another_grid_is_refused(method):
    predictor = fit(method, STEADY, steady(10))
    with pytest.raises(ContractError, match="only on the grid that it was trained on"):
        predictor(steady(2)[["a", "nu"]].isel(x=slice(5)))


def test_linear_recovers_an_affine_map():
    test = steady(7, seed=3)
    result = fit(Linear(), STEADY, steady(40), steady(8, seed=2))(test[["a", "nu"]])
    for name in ("p", "q"):
        np.testing.assert_allclose(result[name], test[name], rtol=1e-8, atol=1e-8)


def test_linear_recovers_a_map_from_few_samples_of_low_rank():
    test, notes = steady(7, seed=3, rank=3), Notes()
    result = fit(Linear(), STEADY, steady(6, rank=3), steady(5, seed=2, rank=3), notes)(test[["a", "nu"]])
    assert notes.facts["rank"] == 4
    np.testing.assert_allclose(result["p"], test["p"], rtol=1e-8, atol=1e-8)


def test_linear_forecasts_a_linear_evolution_on_any_number_of_axes():
    train, test = flow(30), flow(3, seed=1)
    for data in (train, test):
        last = data["start"].isel(history=-1, drop=True)
        data["u"] = (last.roll(x=1, roll_coords=False) * xr.DataArray([1.0, 2.0, 3.0], dims="time")).transpose(
            "sample", "time", "x"
        )
    result = fit(Linear(), EVOLUTION, train)(test[["start"]])
    np.testing.assert_allclose(result["u"], test["u"], rtol=1e-8, atol=1e-8)


def test_linear_shrinks_where_the_targets_are_noise():
    rng = np.random.default_rng(0)
    train, valid, test = (steady(n, seed=n) for n in (30, 200, 300))
    for data in (train, valid, test):
        data["p"] = data["p"].copy(data=rng.standard_normal(data["p"].shape) + 5)
        data["q"] = data["q"].copy(data=rng.standard_normal(data["q"].shape) + 5)

    def error(predictor):
        return float(((predictor(test[["a", "nu"]])["p"] - test["p"]) ** 2).mean())

    assert error(fit(Linear(), STEADY, train, valid)) < 1.15  # the noise itself, and the mean's own error of 1/30
    assert error(fit(Linear(), STEADY, train, train)) > 1.3  # least squares: 1 + 10/19, had it been selected on train


def test_linear_predicts_the_mean_for_constant_inputs():
    data = steady(5)
    data["a"], data["nu"] = data["a"] * 0 + 1, data["nu"] * 0 + 2
    result = fit(Linear(), STEADY, data)(data[["a", "nu"]])
    np.testing.assert_allclose(result["p"], np.tile(data["p"].mean("sample"), (5, 1)))


def test_linear_refuses_a_rank_without_meaning():
    with pytest.raises(UsageError, match="max_rank is 0, but must be at least 1"):
        fit(Linear(max_rank=0), STEADY, steady(5))


@pytest.mark.parametrize("method", [Persistence(), Mean(), Linear()])
def test_predictors_are_pickled_and_invariant_to_order_and_company(method):
    predictor = fit(method, EVOLUTION, flow(12))
    inputs = flow(6, seed=1)[["start"]]
    whole = predictor(inputs)
    turned = pickle.loads(pickle.dumps(predictor))(inputs.isel(sample=[3, 0]))
    np.testing.assert_allclose(turned["u"], whole["u"].isel(sample=[3, 0]), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("method", [Persistence(), Mean(), Linear()])
def test_the_data_are_left_as_they_were(method):
    train = flow(8)
    before = train.copy(deep=True)
    fit(method, EVOLUTION, train)(train[["start"]])
    xr.testing.assert_identical(train, before)


@dataclass(frozen=True)
class Doubling(Solver):
    """u(t) = factor · start, for the test."""

    @property
    def costs(self):
        return {"cheap": {"factor": 1.0}, "exact": {"factor": 2.0}}

    def solve(self, inputs, *, device="cpu", factor):
        return inputs[["start"]].rename(start="u") * factor


SOLVABLE = Problem(name="p", kind="evolution", inputs=(START,), targets=(FLOW,), solver=Doubling())


def test_the_reference_solver_fills_a_row_for_each_cost():
    method = ReferenceSolver()
    assert method.variants(SOLVABLE) == {"cheap": {"cost": "cheap"}, "exact": {"cost": "exact"}}
    assert method.applies_to(SOLVABLE) is None
    assert method.applies_to(EVOLUTION) == "The dataset has no reference solver."
    assert method.variants(EVOLUTION) == {}
    assert not method.card.uses_data


def test_the_reference_solver_solves_at_its_cost():
    data = flow(2)
    for cost, factor in (("cheap", 1), ("exact", 2), ("", 2)):
        predictor = fit(ReferenceSolver(cost=cost), SOLVABLE, data)
        result = pickle.loads(pickle.dumps(predictor))(data[["start"]])
        np.testing.assert_array_equal(result["u"], factor * data["start"])


def test_an_unknown_cost_is_answered_with_its_neighbours():
    with pytest.raises(UnknownNameError, match=r"unknown cost 'cheep': did you mean cheap\?"):
        fit(ReferenceSolver(cost="cheep"), SOLVABLE, flow(2))
    with pytest.raises(ContractError, match="a problem that has none"):
        fit(ReferenceSolver(), EVOLUTION, flow(2))
