"""Burgers shock: a published slope, an independent solver, the equation's own residual and the walls."""

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad

from sciml_bench.datasets.burgers_shock import BurgersShock, axis, coefficients_of, cole_hopf, series
from sciml_bench.errors import UsageError
from sciml_bench.problem import GridDerivatives

SMOKE = BurgersShock.tier("smoke")
NU = 0.01 / math.pi
SINE = np.array([0.0, 1.0])  # −sin πx


@pytest.fixture(scope="module")
def data():
    return SMOKE.generate(3, range(6))


def relative(value, truth):
    return float(np.linalg.norm(value - truth) / np.linalg.norm(truth))


def test_steepest_slope_is_the_published_one():
    # Basdevant et al. 1986, table 2: |∂u/∂x| at the origin is largest at t = 1.6037/π, 152.00516.
    n = 4096
    u = cole_hopf(SINE, NU, [1.6037 / math.pi], n + 1, n)[0]
    weights = np.array([4 / 5, -1 / 5, 4 / 105, -1 / 280])  # of eighth order
    ahead, behind = u[n // 2 + 1 : n // 2 + 5], u[n // 2 - 4 : n // 2][::-1]
    slope = weights @ (ahead - behind) * n / 2
    assert slope == pytest.approx(-152.00516, abs=1e-5)


def test_truth_is_the_integral_by_adaptive_quadrature():
    # −sin πx at x, t by another library's quadrature of ∫ (x − y)/t e^(−G/2ν) dy / ∫ e^(−G/2ν) dy.
    def exact(x, t):
        def weight(y):
            return math.exp(-((math.cos(math.pi * y) - 1) / math.pi + (x - y) ** 2 / (2 * t) + 0.2) / (2 * NU))

        near = {"points": [x - t, x, x + t], "limit": 500, "epsabs": 0, "epsrel": 1e-10}
        above, below = (quad(f, x - 1.5, x + 1.5, **near)[0] for f in (lambda y: (x - y) / t * weight(y), weight))
        return above / below

    made = SMOKE.generate(0, [0])
    for frame, node in ((0, 5), (4, 31), (9, 33), (9, 50)):
        expected = exact(float(made.x[node]), float(made.time[frame]))
        assert float(made.u[0, frame, node]) == pytest.approx(expected, abs=1e-8)


def finite_volumes(start, viscosity, cells, time):
    """Return (x, u) at `time`: central fluxes and Heun's steps on cells from wall to wall, of second order."""
    h = 2 / cells
    x = -1 + h * (np.arange(cells) + 0.5)
    u = start(x)
    steps = math.ceil(time / min(0.3 * h, 0.4 * h * h / (2 * viscosity)))

    def rate(u):
        wide = np.concatenate([[-u[0]], u, [-u[-1]]])
        middle = (wide[1:] + wide[:-1]) / 2
        return -np.diff(middle**2 / 2 - viscosity * np.diff(wide) / h) / h

    for _ in range(steps):
        half = u + time / steps * rate(u)
        u = (u + half + time / steps * rate(half)) / 2
    return x, u


def test_truth_agrees_with_finite_volumes_at_second_order(data):
    dataset = replace(SMOKE, viscosity=0.02)
    c = dataset.coefficients(np.random.default_rng([3, 2]))
    errors = []
    for cells in (256, 512):
        _, u = finite_volumes(lambda x: series(c[None], x)[0], 0.02, cells, 0.5)
        exact = cole_hopf(c, 0.02, [0.5], 2 * cells + 1, 2 * cells)[0, 1::2]
        errors.append(relative(u, exact))
    assert errors[1] < 2e-3
    assert np.log2(errors[0] / errors[1]) == pytest.approx(2.0, abs=0.2)


def test_residual_of_the_equation_vanishes_at_second_order():
    dataset = replace(SMOKE, viscosity=0.1)
    c, equation = dataset.coefficients(np.random.default_rng(0)), dataset.problem().equation
    times, worst = 0.2 + 1e-3 * np.arange(5), []
    for points in (65, 129, 257):
        u = cole_hopf(c, 0.1, list(times), points, 512)
        d = GridDerivatives({"u": u}, {"t": times, "x": axis(points)}, periodic=False)
        worst.append(np.abs(equation.residual(d, equation.p)["momentum"]).max())
    assert np.log2(np.array(worst[:-1]) / worst[1:]) == pytest.approx([2.0, 2.0], abs=0.3)


def test_sample_zero_is_the_canonical_start_with_any_seed(data):
    x = axis(65)
    assert np.array_equal(data.x.values, x)
    assert data.u0.values[0] == pytest.approx(-np.sin(np.pi * x), abs=1e-14)
    other = SMOKE.generate(4, range(2))
    assert np.array_equal(other.u.values[0], data.u.values[0])
    assert relative(other.u.values[1], data.u.values[1]) > 0.1
    for shifted in SMOKE.shifts().values():
        start = shifted.generate(0, [0]).u0.values[0]
        assert relative(start, -np.sin(np.pi * axis(len(start)))) > 0.05


def test_walls_are_at_rest(data):
    assert not data.u0.values[:, [0, -1]].any()
    assert not data.u.values[..., [0, -1]].any()
    inside = cole_hopf(SMOKE.coefficients(np.random.default_rng(1)), NU, [0.3, 1.0], 65, 512)
    assert np.abs(inside[:, [0, -1]]).max() < 1e-13


def test_nothing_overflows_at_a_viscosity_of_a_hundredth():
    u = cole_hopf(SINE, NU / 100, [0.2, 1.0], 65, 8192)
    assert np.isfinite(u).all()
    assert np.abs(u).max() < 1.0  # no new extrema


def test_refined_truth_and_finer_grid_are_the_same_solution(data):
    finer = replace(SMOKE, grid=129).generate(3, range(6))
    assert finer.u.values[..., ::2] == pytest.approx(data.u.values, abs=1e-14)
    assert relative(SMOKE.refined().generate(3, range(6)).u.values, data.u.values) < 1e-14


def test_a_sine_series_is_read_off_its_values():
    c = np.random.default_rng(0).standard_normal((2, 8))
    found = coefficients_of(series(c, axis(33)))
    assert found[:, :8] == pytest.approx(c, abs=1e-13)
    assert np.abs(found[:, 8:]).max() < 1e-13


def test_error_of_the_solver_falls_with_its_cost(data):
    solver = SMOKE.solver
    some = list(solver.costs.values())[::2]
    errors = [relative(solver.solve(data[["u0"]], **k).u.values, data.u.values) for k in some]
    assert all(later < earlier / 4 for earlier, later in pairwise(errors))
    assert errors[-2] < 2e-3  # sines on 512 intervals, which know nothing of the formula
    assert errors[-1] < 1e-13


def test_advance_makes_the_next_frame_as_far_as_the_grid_tells():
    dataset = replace(SMOKE, grid=513)
    made = dataset.generate(3, range(4))
    state = made[["u"]].isel(time=6, drop=True)
    after = dataset.solver.advance(state).u.values
    assert relative(after, made.u.values[:, 7]) < 1e-5
    assert relative(state.u.values, made.u.values[:, 7]) > 0.01


def test_mirror_image(data):
    symmetry = SMOKE.problem().symmetries["reflection"]
    solver = SMOKE.solver
    mirrored = solver.solve(symmetry.inputs(data[["u0"]]), quadrature=512)
    assert mirrored.u.values == pytest.approx(symmetry.targets(data[["u"]]).u.values, abs=1e-12)
    assert relative(mirrored.u.values[1], data.u.values[1]) > 0.1


@pytest.mark.parametrize("wrong", [{"quadrature": 500}, {"modes": 1}])
def test_parameters_without_meaning_are_refused(wrong):
    with pytest.raises(UsageError, match=next(iter(wrong))):
        replace(SMOKE, **wrong).generate(0, [0])
