"""Reaction–diffusion: another integrator, the logistic curve, the decay of small bumps, and the contract."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from sciml_bench.datasets.reaction_diffusion import FisherStepper, ReactionDiffusion
from sciml_bench.errors import DivergedError, UsageError
from sciml_bench.metrics import physics
from sciml_bench.problem import GridDerivatives
from sciml_bench.problem.spectral import axis, rollout

SMOKE = ReactionDiffusion.tier("smoke")


@pytest.fixture(scope="module")
def data():
    return SMOKE.generate(0, range(4))


def relative(value, truth):
    return float(np.linalg.norm(value - truth) / np.linalg.norm(truth))


def by_radau(u, nu, rho, times):
    """Integrate u_t = νu_xx + ρu(1 − u) at the points of `u`, implicitly with error control; u_xx by an FFT matrix."""
    n = len(u)
    second = np.fft.ifft(
        -((2 * np.pi * np.fft.fftfreq(n, 1 / n)) ** 2)[:, None] * np.fft.fft(np.eye(n), axis=0), axis=0
    ).real
    return solve_ivp(
        lambda _, u: nu * second @ u + rho * u * (1 - u),
        (0, times[-1]),
        u,
        "Radau",
        times,
        rtol=1e-9,
        atol=1e-11,
        jac=lambda _, u: nu * second + np.diag(rho * (1 - 2 * u)),
    ).y.T


@pytest.mark.parametrize("shift", ["", "lower_diffusivity"])
def test_truth_is_what_an_implicit_integrator_finds(data, shift):
    dataset = SMOKE.shifts()[shift] if shift else SMOKE
    made = dataset.generate(0, [1]) if shift else data.isel(sample=[1])
    found = by_radau(made.u0.values[0], dataset.diffusivity, dataset.rate, made.time.values)
    assert relative(made.u.values[0], found) < 1e-5


def test_an_even_population_grows_along_the_logistic_curve():
    stepper = FisherStepper(diffusivity=0.5, rate=3.0, points=8, step=0.01)
    found = rollout(stepper, np.full((1, 8), 0.2), steps=50, records=2)[0]
    for u, time in zip(found, (0.5, 1.0), strict=True):
        grown = 0.2 * np.exp(3 * time)
        assert u == pytest.approx(np.full(8, grown / (1 - 0.2 + grown)), rel=1e-7)


def test_small_bumps_on_a_full_place_decay():
    """About u = 1 the equation is v_t = νv_xx − ρv: waves decay at ν(2πk)² + ρ."""
    bump = 1e-6 * np.cos(2 * np.pi * 2 * axis(16))
    stepper = FisherStepper(diffusivity=0.05, rate=2.0, points=16, step=0.005)
    found = rollout(stepper, 1 + bump[None], steps=20, records=1)[0, 0]
    assert found - 1 == pytest.approx(bump * np.exp(-(0.05 * (4 * np.pi) ** 2 + 2) * 0.1), abs=1e-11)


def test_residual_of_the_equation_vanishes_at_fourth_order():
    worst = []
    for frames in (20, 40):
        made = replace(SMOKE, frames=frames).generate(0, [0])
        d = GridDerivatives({"u": made.u.values[0]}, {"t": made.time.values, "x": made.x.values}, periodic=True)
        equation = SMOKE.problem().equation
        now = int(np.argmin(np.abs(made.time.values[2:-2] - 0.5)))
        worst.append(np.abs(equation.residual(d, equation.p)["density"][now]).max())
    assert np.log2(worst[0] / worst[1]) == pytest.approx(4.0, abs=0.5)


def test_densities_stay_between_0_and_1_and_never_even_out(data):
    assert data.u0.values.min() >= 0
    assert data.u0.values.max() < 1 + 1e-12
    assert replace(SMOKE, grid=96).generate(0, [0]).u0.values.max() == pytest.approx(1.0, abs=0.02)
    assert data.u.values.min() > 0
    assert data.u.values.max() < 1
    assert data.u.values.std(axis=-1).min() > 1e-5
    scores = physics.evaluate(data, data, SMOKE.problem(), truth=data)
    assert scores["positivity"].max() == 0
    assert scores["pde_defect"].max() < 1e-6


def test_refined_truth_agrees(data):
    refined = SMOKE.refined().generate(0, range(4))
    assert refined.u0.values == pytest.approx(data.u0.values, abs=1e-13)
    assert 0 < relative(data.u.values, refined.u.values) < 1e-5


@pytest.mark.parametrize("name", ["translation", "reflection"])
def test_symmetries_hold_for_the_solver(data, name):
    symmetry, solver, inputs = SMOKE.problem().symmetries[name], SMOKE.solver, data[["u0"]]
    moved = solver.solve(symmetry.inputs(inputs), grid=16, step=1 / 100)
    expected = symmetry.targets(solver.solve(inputs, grid=16, step=1 / 100))
    assert moved.u.values == pytest.approx(expected.u.values, abs=1e-12)


def test_bad_grids_and_steps_are_refused():
    with pytest.raises(UsageError, match="must be a multiple of grid=48"):
        replace(SMOKE, solver_grid=64).generate(0, [0])
    with pytest.raises(DivergedError, match="halve the step"):
        replace(SMOKE, rate=500.0, step=1 / 20).generate(0, [0])
