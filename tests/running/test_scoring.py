"""What cannot be measured of a prediction leaves the rest of its scores alone."""

from types import MappingProxyType, SimpleNamespace

import numpy as np
import pytest
import xarray as xr

from sciml_bench.errors import ContractError
from sciml_bench.problem import Conserved, Evolution, Problem, Symmetry, Variable
from sciml_bench.problem.labels import labelled
from sciml_bench.running import scoring, worker

START = Variable(name="u0", dims=("x",), description="first state")
STATE = Variable(name="u", dims=("time", "x"), description="state", initial="u0", periodic=True)


class Lost(Evolution):
    """A solver that can follow nothing."""

    costs = MappingProxyType({})

    def solve(self, inputs, *, device="cpu", **knobs):
        raise NotImplementedError

    def advance(self, state, *, device="cpu"):
        return state * np.nan


@pytest.fixture
def problem():
    mass = Conserved(
        variable="u",
        quantity=lambda u: u.mean("x"),
        scale=lambda u: abs(u).mean("x"),
        description="mean",
    )
    turned = Symmetry(inputs=lambda d: d.roll(x=1), targets=lambda d: d.roll(x=1), description="a step to the right")
    return Problem(
        name="lost", kind="evolution", inputs=(START,), targets=(STATE,), solver=Lost(), conserved={"mass": mass},
        symmetries={"step": turned},
    )  # fmt: skip


@pytest.fixture
def data():
    u = np.random.default_rng(0).random((3, 4, 8)) + 1
    axes = {"x": np.arange(8) / 8, "time": np.arange(1.0, 4.0)}
    return labelled([START, STATE], {"u0": u[:, 0], "u": u[:, 1:]}, axes)


def test_a_solver_that_cannot_follow_takes_the_defect_away_alone(problem, data):
    found, notes = scoring._physics(SimpleNamespace(problem=problem), data[["u"]], data)
    assert set(found) == {"conservation/mass", "conserved_mse/mass"}
    assert "cannot advance the predicted 'u'" in notes["physics"]


def test_a_probe_that_fails_takes_no_prediction_away(problem, data):
    def refuses(_: xr.Dataset) -> xr.Dataset:
        raise ContractError("not turned, please")

    assert worker._asked(problem, refuses, data) == ({}, "not turned, please")
    answers, why = worker._asked(problem, lambda inputs: data[["u"]].isel(sample=slice(inputs.sizes["sample"])), data)
    assert (list(answers), why) == (["symmetry-step"], "")


def test_values_at_places_of_no_grid_have_a_course_and_no_spectrum():
    places = Variable(name="p", dims=("time", "node"), description="gauges")
    values = np.random.default_rng(0).random((2, 3, 5))
    truth = xr.Dataset({"p": (("sample", "time", "node"), values)})
    task = SimpleNamespace(problem=Problem(name="g", kind="evolution", inputs=(), targets=(places,)))
    found = scoring._curves(task, 2 * truth, truth)
    assert set(found) == {"error_over_time", "times"}
    assert found["error_over_time"]["p"] == pytest.approx([1.0, 1.0, 1.0])
