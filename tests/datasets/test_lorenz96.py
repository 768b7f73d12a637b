"""Lorenz 1996: energy, fixed point, linear stability, order of the step, published statistics and the contract."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from scipy.integrate import solve_ivp

from sciml_bench.datasets.lorenz96 import Lorenz96, advanced, tendency
from sciml_bench.errors import UsageError

SMOKE = Lorenz96.tier("smoke")


@pytest.fixture(scope="module")
def data():
    return SMOKE.generate(0, range(8))


@pytest.fixture(scope="module")
def climate():
    """256 states on the attractor, (sample, site)."""
    return replace(SMOKE, given=1, frames=1).generate(3, range(256)).past.values[:, 0]


def relative(value, truth):
    return float(np.linalg.norm(value - truth) / np.linalg.norm(truth))


def by_the_book(x, forcing):
    """The equation site by site, as it is printed."""
    n = len(x)
    return np.array([(x[(k + 1) % n] - x[k - 2]) * x[k - 1] - x[k] + forcing for k in range(n)])


def test_tendency_is_the_printed_equation():
    x = np.random.default_rng(0).standard_normal(7)
    assert tendency(x, 8.0) == pytest.approx(by_the_book(x, 8.0), rel=1e-14)


def test_energy_is_only_damped_and_forced():
    x = np.random.default_rng(1).normal(2.0, 4.0, (5, 40))
    rate = (x * tendency(x, 8.0)).sum(axis=-1)
    assert rate == pytest.approx(-(x**2).sum(axis=-1) + 8.0 * x.sum(axis=-1), rel=1e-12)


def test_a_uniform_state_tends_to_the_forcing_and_stays_there():
    assert np.array_equal(advanced(np.full(40, 8.0), 0.05, 20, 8.0), np.full(40, 8.0))
    later = advanced(np.full(40, 5.0), 0.01, 100, 8.0)
    assert later == pytest.approx(np.full(40, 8.0 - 3.0 * np.exp(-1.0)), abs=1e-9)


def test_a_wave_on_the_fixed_point_grows_at_its_known_rate():
    """Linearised about F a wave exp(ikθ) grows as exp((F(e^(iθ) − e^(−2iθ)) − 1)t)."""
    wave, n = 8, 40
    theta = 2 * np.pi * wave / n
    rate = 8.0 * (np.exp(1j * theta) - np.exp(-2j * theta)) - 1.0
    k = np.arange(n)
    start = 8.0 + 1e-7 * np.cos(theta * k)
    end = advanced(start, 0.001, 200, 8.0)
    expected = 1e-7 * (np.exp(0.2 * rate) * np.exp(1j * theta * k)).real
    assert relative(end - 8.0, expected) < 1e-5


@pytest.mark.parametrize("order", [2, 4])
def test_order_of_the_steps(data, order):
    x = data.past.values[:, -1]
    exact = advanced(x, 0.2 / 512, 512, 8.0)
    errors = [relative(advanced(x, 0.2 / n, n, 8.0, order), exact) for n in (16, 32, 64)]
    assert np.log2(np.array(errors[:-1]) / errors[1:]) == pytest.approx([order, order], abs=0.2)


def test_truth_is_that_of_another_integrator(data):
    for i in range(2):
        start = data.past.values[i, -1]
        times = data.time.values
        other = solve_ivp(
            lambda _, x: by_the_book(x, 8.0), (0, times[-1]), start, "DOP853", times, rtol=1e-9, atol=1e-9
        )
        assert relative(data.future.values[i], other.y.T) < 1e-7


def test_past_and_future_are_one_trajectory(data):
    run = np.concatenate([data.past.values, data.future.values], axis=1)
    for k in range(run.shape[1] - 1):
        assert relative(advanced(run[:, k], 0.05 / 32, 32, 8.0), run[:, k + 1]) < 1e-12
    assert np.diff(np.concatenate([data.history, data.time])) == pytest.approx(0.05)
    assert data.history.values[-1] == 0.0


def test_climate_has_the_published_mean_and_spread(climate):
    """Mean 2.3 and standard deviation 3.6 at F = 8: Lorenz and Emanuel 1998."""
    assert climate.mean() == pytest.approx(2.3, abs=0.1)
    assert climate.std() == pytest.approx(3.6, abs=0.1)


def test_energy_budget_of_the_climate_is_closed(climate):
    """⟨X²⟩ = F⟨X⟩ on the attractor, as the mean of d/dt ΣX²/2 is zero."""
    assert (climate**2).mean() == pytest.approx(8.0 * climate.mean(), rel=0.05)


def test_errors_double_in_the_published_time(climate):
    """2.1 days, 0.42 time units: Lorenz and Emanuel 1998, where five days are a unit."""
    x = climate[:32]
    apart = 1e-6 * np.random.default_rng(0).standard_normal(x.shape)
    growth = []
    for _ in range(40):
        y = advanced(x + apart, 0.02, 10, 8.0)
        x = advanced(x, 0.02, 10, 8.0)
        size = np.linalg.norm(y - x, axis=1) / np.linalg.norm(apart, axis=1)
        apart = (y - x) / size[:, None]
        growth.append(np.log(size))
    exponent = np.mean(growth[10:]) / 0.2
    assert np.log(2) / exponent == pytest.approx(0.42, rel=0.06)


def test_floor_is_far_below_any_forecast(data):
    plain, refined = (d.generate(0, range(32)).future.values for d in (Lorenz96(), Lorenz96().refined()))
    errors = [relative(a, b) for a, b in zip(plain, refined, strict=True)]
    assert 0 < max(errors) < 1e-4
    assert np.mean(errors) < 1e-6


def test_same_bytes_again_and_no_influence_of_companions(data):
    assert data.equals(SMOKE.generate(0, range(8)))
    alone = xr.concat([SMOKE.generate(0, [i]) for i in (5, 2)], "sample")
    assert np.array_equal(alone.future.values, data.future.values[[5, 2]])


def test_solver_and_advance_continue_the_given_frames(data):
    solver = SMOKE.solver
    costs = list(solver.costs.items())
    assert len(costs) == 8
    assert costs[0][0] == "RK2, dt 0.05"
    assert costs[-1][1] == {"order": 4, "steps": 32}
    assert np.array_equal(solver.solve(data[["past"]], order=4, steps=32).future.values, data.future.values)
    state = data[["future"]].isel(time=4, drop=True)
    assert np.array_equal(solver.advance(state).future.values, data.future.values[:, 5])


def test_turning_the_ring_turns_the_forecast(data):
    problem = SMOKE.problem()
    symmetry = problem.symmetries["rotation"]
    moved = problem.solver.solve(symmetry.inputs(data[["past"]]), order=4, steps=4)
    expected = symmetry.targets(problem.solver.solve(data[["past"]], order=4, steps=4))
    assert np.array_equal(moved.future.values, expected.future.values)
    assert not np.array_equal(moved.future.values, data.future.values)


def test_shifts_can_be_made():
    made = {name: shifted.generate(1, range(8)) for name, shifted in SMOKE.shifts().items()}
    assert made["more_sites"].sizes["x"] == 80
    spread = {name: float(d.future.std()) for name, d in made.items()}
    assert spread["weaker_forcing"] < 3.3 < 4.0 < spread["stronger_forcing"]
    assert float(np.abs(made["off_attractor"].past[:, 0] - 8.0).max()) <= 1.0


def test_parameters_without_meaning_are_refused():
    with pytest.raises(UsageError, match="sites is 3, but must be at least 4"):
        replace(SMOKE, sites=3).generate(0, [0])
    with pytest.raises(UsageError, match=r"interval is 0\.0, but must be positive"):
        replace(SMOKE, interval=0.0).generate(0, [0])
