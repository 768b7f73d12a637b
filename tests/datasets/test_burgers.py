"""Burgers: the Cole–Hopf solution, the equation's own residual and the contract."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import xarray as xr

from sciml_bench.datasets.burgers import Burgers, BurgersStepper
from sciml_bench.problem import GridDerivatives
from sciml_bench.problem.spectral import axis, rollout

SMOKE = Burgers.tier("smoke")


@pytest.fixture(scope="module")
def data():
    return SMOKE.generate(0, range(8))


def relative(value, truth):
    return float(np.linalg.norm(value - truth) / np.linalg.norm(truth))


def cole_hopf(start, mean, viscosity, time, x):
    """u = m − 2ν θ_x/θ at (x − mt, t), where θ obeys the heat equation from exp(−∫(u₀ − m)/2ν).

    `start` holds u₀ at equally spaced points, many enough for θ; θ is carried by its Fourier series.
    """
    n = len(start)
    k = 2j * np.pi * np.fft.fftfreq(n, 1 / n)
    spectrum = np.fft.fft(start - mean)
    primitive = np.fft.ifft(np.where(k == 0, 0.0, spectrum / np.where(k == 0, 1.0, k))).real
    heat = np.fft.fft(np.exp(-primitive / (2 * viscosity)), norm="forward") * np.exp(k**2 * viscosity * time)
    phase = np.exp(np.multiply.outer(x - mean * time, k))
    return mean - 2 * viscosity * (phase @ (k * heat)).real / (phase @ heat).real


@pytest.mark.parametrize("viscosity", [0.1, 0.02])
def test_truth_is_the_cole_hopf_solution(viscosity):
    dataset = replace(Burgers.tier("small"), viscosity=viscosity)
    made = dataset.generate(0, [0, 1])
    for i in range(2):
        fine = dataset.initial.sample(np.random.default_rng([0, i]), 1024)
        for frame in (0, 6, -1):
            time = float(made.time[frame])
            exact = cole_hopf(fine, fine.mean(), viscosity, time, made.x.values)
            assert relative(made.u.values[i, frame], exact) < 2e-6


def test_order_in_time_is_four():
    u = np.sin(2 * np.pi * axis(64)) + 0.5

    def at(step):
        stepper = BurgersStepper(viscosity=0.02, points=64, step=step)
        return rollout(stepper, u[None], steps=round(0.25 / step), records=1)[0, 0]

    exact = at(1 / 2048)
    errors = [relative(at(h), exact) for h in (1 / 64, 1 / 128, 1 / 256)]
    assert np.log2(np.array(errors[:-1]) / errors[1:]) == pytest.approx([4.0, 4.0], abs=0.4)


def test_residual_of_the_equation_vanishes_at_fourth_order():
    equation = replace(SMOKE, viscosity=0.02).problem().equation
    worst = []
    for spacing in (1 / 50, 1 / 100, 1 / 200):
        stepper = BurgersStepper(viscosity=0.02, points=128, step=spacing / 4)
        u = rollout(stepper, np.sin(2 * np.pi * axis(128))[None], steps=4, records=round(0.25 / spacing))[0]
        times = spacing * np.arange(1, len(u) + 1)
        d = GridDerivatives({"u": u}, {"t": times, "x": axis(128)}, periodic=True)
        middle = np.argmin(np.abs(times[2:-2] - 0.14))
        worst.append(np.abs(equation.residual(d, equation.p)["momentum"][middle]).max())
    assert np.log2(np.array(worst[:-1]) / worst[1:]) == pytest.approx([4.0, 4.0], abs=0.5)


def test_data_have_the_declared_shape_and_are_float64(data):
    problem = SMOKE.problem()
    for variable in (*problem.inputs, *problem.targets):
        assert data[variable.name].dims == ("sample", *variable.dims)
        assert data[variable.name].dtype == np.float64
    assert data.time.values == pytest.approx(np.arange(1, 21) / 20)


def test_same_bytes_again_and_no_influence_of_companions(data):
    assert data.equals(SMOKE.generate(0, range(8)))
    alone = xr.concat([SMOKE.generate(0, [i]) for i in (5, 2)], "sample")
    assert alone.u.values == pytest.approx(data.u.values[[5, 2]], rel=1e-10, abs=1e-12)


def test_finer_grid_and_refined_truth_hold_the_same_wave(data):
    finer = replace(SMOKE, grid=128).generate(0, range(2))
    assert finer.u.values[..., ::2] == pytest.approx(data.u.values[:2], abs=1e-12)
    refined = SMOKE.refined().generate(0, range(4))
    assert refined.u0.values == pytest.approx(data.u0.values[:4], abs=1e-13)
    assert 0 < relative(data.u.values[:4], refined.u.values) < 1e-6


def test_mass_and_translation(data):
    problem = SMOKE.problem()
    mass = problem.conserved["mass"]
    drift = mass.quantity(data.u) - mass.quantity(data.u0)
    assert float(np.abs(drift / mass.scale(data.u0)).max()) < 1e-12
    symmetry = problem.symmetries["translation"]
    inputs = data[["u0"]]
    moved = problem.solver.solve(symmetry.inputs(inputs), grid=64, step=1 / 80)
    expected = symmetry.targets(problem.solver.solve(inputs, grid=64, step=1 / 80))
    assert moved.u.values == pytest.approx(expected.u.values, abs=1e-10)


def test_error_of_the_solver_falls_with_its_cost(data):
    some = data.isel(sample=slice(4))  # as many as in the contract's check, which leaves its compiled programs
    solver = SMOKE.solver
    errors = [relative(solver.solve(some[["u0"]], **k).u.values, some.u.values) for k in solver.costs.values()]
    assert len(errors) >= 6
    assert all(later < earlier for earlier, later in pairwise(errors))
    assert errors[-1] < 1e-7


def test_advance_makes_the_next_frame(data):
    state = data[["u"]].isel(time=4, drop=True)
    assert relative(SMOKE.solver.advance(state).u.values, data.u.values[:, 5]) < 1e-7


def test_shifts_can_be_made():
    for name, shifted in SMOKE.shifts().items():
        made = shifted.generate(1, range(2))
        assert made.sizes["x"] == (128 if name == "finer_grid" else 64)
