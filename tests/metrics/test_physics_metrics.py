"""Physics errors against systems whose exact solution is known."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import xarray as xr

from sciml_bench.errors import ContractError, NotFiniteError
from sciml_bench.metrics import physics
from sciml_bench.problem import Conserved, Evolution, Problem, Steady, Variable

DECAY = 0.9
U = Variable(name="u", dims=("time", "x"), description="", initial="u0", periodic=True)
W = Variable(name="w", dims=("time", "x"), description="", initial="w0")
HISTORY = Variable(name="u0", dims=("history", "x"), description="")
W0 = Variable(name="w0", dims=("x",), description="")


@dataclass(frozen=True)
class Exact(Evolution):
    """One output step: u moves by one point to the right, w decays by a tenth."""

    calls: list[int] = field(default_factory=list)

    @property
    def costs(self) -> Mapping[str, Mapping[str, Any]]:
        return {}

    def solve(self, inputs: xr.Dataset, *, device: str = "cpu", **knobs: Any) -> xr.Dataset:
        raise NotImplementedError

    def advance(self, state: xr.Dataset, *, device: str = "cpu") -> xr.Dataset:
        self.calls.append(state.sizes["sample"])
        assert "time" not in state.dims
        after = {}
        if "u" in state:
            after["u"] = state.u.roll(x=1, roll_coords=False).transpose("x", "sample")  # any order will do
        if "w" in state:
            after["w"] = DECAY * state.w
        return xr.Dataset(after)


@dataclass(frozen=True)
class Residual(Steady):
    """‖p − f‖ / ‖f‖."""

    @property
    def costs(self) -> Mapping[str, Mapping[str, Any]]:
        return {}

    def solve(self, inputs: xr.Dataset, *, device: str = "cpu", **knobs: Any) -> xr.Dataset:
        raise NotImplementedError

    def residual(self, inputs: xr.Dataset, prediction: xr.Dataset) -> xr.DataArray:
        return np.sqrt(((prediction.p - inputs.f) ** 2).sum("x") / (inputs.f**2).sum("x"))


def problem(*targets: Variable, solver: Any = None, **more: Any) -> Problem:
    return Problem(
        name="test", kind="evolution", inputs=(HISTORY, W0), targets=targets, solver=solver or Exact(), **more
    )


def exact(samples: int = 3, times: int = 4, n: int = 8) -> tuple[xr.Dataset, xr.Dataset]:
    """The given initial states and the exact solution; the earlier entry of the history is not the state."""
    rng = np.random.default_rng(0)
    u0, w0 = rng.normal(size=(2, samples, n)) + 0.5
    u = np.stack([np.roll(u0, k, axis=1) for k in range(1, times + 1)], axis=1)
    w = np.stack([DECAY**k * w0 for k in range(1, times + 1)], axis=1)
    history = np.stack([np.full_like(u0, 99), u0], axis=1)
    inputs = xr.Dataset({"u0": (("sample", "history", "x"), history), "w0": (("sample", "x"), w0)})
    dims = ("sample", "time", "x")
    return inputs, xr.Dataset({"u": (dims, u), "w": (dims, w)}, coords={"x": np.arange(n) / n})


# --- the defect -------------------------------------------------------------------------------------------


def test_an_exact_solution_has_no_defect() -> None:
    inputs, truth = exact()
    found = physics.evaluate(truth, inputs, problem(U, W))
    assert list(found) == ["pde_defect"]
    np.testing.assert_allclose(found["pde_defect"], np.zeros(3), atol=1e-15)


def test_the_defect_of_a_known_perturbation() -> None:
    inputs, truth = exact()
    prediction = truth.copy(deep=True)
    prediction["u"][1] *= 2  # p₁ is twice what it should be; from there on it obeys
    found = physics.pde_defect(prediction, inputs, problem(U))
    np.testing.assert_allclose(found, [0, 0.5 / 4, 0], atol=1e-15)
    both = physics.pde_defect(prediction, inputs, problem(U, W))
    np.testing.assert_allclose(both, [0, 0.5 / 8, 0], atol=1e-15)


def test_the_defect_of_a_rollout_that_decays_at_another_rate() -> None:
    inputs, _ = exact()
    w = np.stack([0.8**k * inputs.w0.values for k in range(1, 5)], axis=1)
    prediction = xr.Dataset({"w": (("sample", "time", "x"), w)})
    np.testing.assert_allclose(physics.pde_defect(prediction, inputs, problem(W)), np.full(3, 0.1 / 0.8))


def test_states_are_advanced_in_calls_of_one_size(monkeypatch: pytest.MonkeyPatch) -> None:
    inputs, truth = exact(samples=5, times=3)
    prediction = truth + 0.1 * np.random.default_rng(1).normal(size=truth.u.shape)
    whole = physics.pde_defect(prediction, inputs, problem(U, W))
    monkeypatch.setattr(physics, "CHUNK", 4)
    solver = Exact()
    np.testing.assert_array_equal(physics.pde_defect(prediction, inputs, problem(U, W, solver=solver)), whole)
    assert solver.calls == [4, 4, 4, 4]
    monkeypatch.setattr(physics, "CHUNK", 7)
    solver = Exact()
    np.testing.assert_array_equal(physics.pde_defect(prediction, inputs, problem(U, W, solver=solver)), whole)
    assert solver.calls == [5, 5, 5]


def test_samples_do_not_mix() -> None:
    inputs, truth = exact(samples=4)
    prediction = truth + 0.1 * np.random.default_rng(1).normal(size=truth.u.shape)
    whole = physics.pde_defect(prediction, inputs, problem(U, W))
    order = [2, 0, 3, 1]
    mixed = physics.pde_defect(prediction.isel(sample=order), inputs.isel(sample=order), problem(U, W))
    np.testing.assert_array_equal(mixed, whole[order])
    one = physics.pde_defect(prediction.isel(sample=[2]), inputs.isel(sample=[2]), problem(U, W))
    np.testing.assert_array_equal(one, whole[[2]])


def test_a_predicted_zero_has_no_relative_defect() -> None:
    inputs, truth = exact()
    truth.w[0, 1] = 0.0
    with pytest.raises(ContractError, match=r"zero everywhere in 1 of 12 cases"):
        physics.pde_defect(truth, inputs, problem(W))
    truth.w[0] = 0.0
    inputs.w0[0] = 0.0
    np.testing.assert_allclose(physics.pde_defect(truth, inputs, problem(W)), np.zeros(3), atol=1e-15)


def test_a_solver_that_fails_is_loud() -> None:
    class Fails(Exact):
        def advance(self, state: xr.Dataset, *, device: str = "cpu") -> xr.Dataset:
            return state * np.nan

    inputs, truth = exact()
    with pytest.raises(ContractError, match="cannot advance the predicted 'u'"):
        physics.pde_defect(truth, inputs, problem(U, solver=Fails()))
    assert physics.evaluate(truth, inputs, problem(U, solver=Fails()), solver=False) == {}


def test_nan_is_loud() -> None:
    inputs, truth = exact()
    truth.u[0, 0, 0] = np.nan
    with pytest.raises(NotFiniteError, match="1 of 96 values, in 1 of 3 samples"):
        physics.evaluate(truth, inputs, problem(U))


# --- the others -------------------------------------------------------------------------------------------


def test_the_residual_is_the_solvers() -> None:
    target = Variable(name="p", dims=("x",), description="")
    steady = Problem(name="s", kind="steady", inputs=(), targets=(target,), solver=Residual())
    f = xr.DataArray([[3.0, 4.0], [0.0, 2.0]], dims=("sample", "x"))
    found = physics.evaluate(xr.Dataset({"p": 1.5 * f}), xr.Dataset({"f": f}), steady)
    assert list(found) == ["pde_residual"]
    np.testing.assert_allclose(found["pde_residual"], [0.5, 0.5])


def mass(u: xr.DataArray) -> xr.DataArray:
    return u.mean("x")


def size(u: xr.DataArray) -> xr.DataArray:
    return abs(u).mean("x")


def test_conservation_is_the_largest_drift_from_the_initial_state() -> None:
    inputs, truth = exact()
    quantity = Conserved(variable="u", quantity=mass, scale=size, description="")
    states = problem(U, conserved={"mass": quantity})
    found = physics.evaluate(truth, inputs, states)["conservation/mass"]
    np.testing.assert_allclose(found, np.zeros(3), atol=1e-15)
    drift = xr.DataArray([0.0, -0.3, 0.2, 0.1], dims=["time"])
    moved = truth.assign(u=truth.u + drift)
    expected = 0.3 / np.abs(inputs.u0.values[:, -1]).mean(axis=1)
    np.testing.assert_allclose(physics.conservation(moved, inputs, quantity, U), expected)
    shifted = truth.assign(u=truth.u + 0.3)  # constant along the rollout, but not the initial state's
    np.testing.assert_allclose(physics.conservation(shifted, inputs, quantity, U), expected)


def test_a_scale_must_be_positive() -> None:
    inputs, truth = exact()
    inputs.u0[1] = 0.0
    quantity = Conserved(variable="u", quantity=mass, scale=size, description="")
    with pytest.raises(ContractError, match="it must be positive"):
        physics.conservation(truth, inputs, quantity, U)


def test_a_property_of_no_target_is_refused() -> None:
    inputs, truth = exact()
    with pytest.raises(ContractError, match="states a property of 'q', which is not a target"):
        physics.evaluate(truth, inputs, problem(U, nonnegative=("q",)))


def test_the_error_on_the_edge_is_relative_to_the_fields_size() -> None:
    field_ = xr.DataArray(np.full((1, 4, 4), 2.0), dims=("sample", "x", "y"))
    field_[0, 1:3, 1:3] = 7.0  # the inside has no boundary condition
    rms = np.sqrt((12 * 4 + 4 * 49) / 16)
    np.testing.assert_allclose(physics.bc_error(field_, 2.0), [0])
    np.testing.assert_allclose(physics.bc_error(field_, 1.5), [0.5 / rms])
    np.testing.assert_allclose(physics.bc_error(3 * field_, 4.5), [0.5 / rms])
    field_[0, 3, 1] = -2.0
    np.testing.assert_allclose(physics.bc_error(field_, 2.0), [4 / rms])


def test_the_edge_of_a_prediction_of_zero() -> None:
    zero = xr.DataArray(np.zeros((2, 5)), dims=("sample", "x"))
    np.testing.assert_array_equal(physics.bc_error(zero, 0.0), [0, 0])
    np.testing.assert_array_equal(physics.bc_error(zero, 3.0), [1, 1])


def test_the_edge_of_a_mesh_is_not_known() -> None:
    mesh = Variable(name="p", dims=("node",), description="")
    wall = Variable(name="q", dims=("x",), description="")
    prediction = xr.Dataset({"p": (("sample", "node"), np.ones((2, 3))), "q": (("sample", "x"), np.ones((2, 3)))})

    def found(target: Variable) -> dict[str, np.ndarray]:
        only = Problem(name="b", kind="steady", inputs=(), targets=(target,), boundary={target.name: 0.0})
        return physics.evaluate(prediction, xr.Dataset(), only)

    assert found(mesh) == {}
    np.testing.assert_allclose(found(wall)["bc_error"], [1, 1])
    with pytest.raises(ContractError, match="has no edge"):
        physics.bc_error(prediction.p, 0.0)


def test_positivity_is_the_negative_share() -> None:
    values = [[1.0, 2.0, 3.0], [-1.0, 1.0, 2.0], [-1.0, -1.0, 0.0], [0.0, 0.0, 0.0]]
    field_ = xr.DataArray(values, dims=("sample", "x"))
    np.testing.assert_allclose(physics.positivity(field_), [0, 0.25, 1, 0])
    np.testing.assert_allclose(physics.positivity(10 * field_), [0, 0.25, 1, 0])


def test_symmetry_of_an_equivariant_map_and_of_one_that_is_not() -> None:
    rng = np.random.default_rng(0)
    a = xr.Dataset({"a": (("sample", "x"), rng.normal(size=(3, 8)))})
    turned = a.roll(x=2, roll_coords=False)
    np.testing.assert_allclose(physics.symmetry_error(turned**2, (a**2).roll(x=2, roll_coords=False)), np.zeros(3))
    np.testing.assert_allclose(physics.symmetry_error(1.25 * turned, turned), np.full(3, 0.25))
    with pytest.raises(ContractError, match="zero everywhere in 3 of 3"):
        physics.symmetry_error(a, 0 * a)
    np.testing.assert_array_equal(physics.symmetry_error(0 * a, 0 * a), np.zeros(3))
