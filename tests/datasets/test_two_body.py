"""Two bodies: Kepler's equation, Hamilton's equations, the invariants and the contract."""

import warnings
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import brentq

from sciml_bench.datasets.two_body import TwoBody
from sciml_bench.errors import DivergedError
from sciml_bench.metrics import physics
from sciml_bench.problem.spectral import x64

SMALL = TwoBody.tier("small")


@pytest.fixture(scope="module")
def data():
    return SMALL.generate(0, range(6))


def kepler(state, times):
    """Solve the relative motion r̈ = −2r/|r|³ by Kepler's equation M = E − e sin E, and give it to both bodies."""
    r0, v0 = state[:2] - state[2:4], state[4:6] - state[6:8]
    spin = r0[0] * v0[1] - r0[1] * v0[0]
    axis = 1 / (2 / np.linalg.norm(r0) - v0 @ v0 / 2)
    towards = (v0 @ v0 / 2 - 1 / np.linalg.norm(r0)) * r0 - (r0 @ v0) / 2 * v0  # the eccentricity vector
    e = np.linalg.norm(towards)
    x = towards / e
    y = np.sign(spin) * np.array([-x[1], x[0]])
    minor = np.sqrt(1 - e**2)
    first = np.arctan2(r0 @ y / (axis * minor), r0 @ x / axis + e)
    mean = np.sqrt(2 / axis**3)
    found = []
    for t in times:
        m = first - e * np.sin(first) + mean * t
        anomaly = brentq(lambda a, m=m: a - e * np.sin(a) - m, m - 1, m + 1, xtol=1e-15, rtol=1e-15)
        place = axis * ((np.cos(anomaly) - e) * x + minor * np.sin(anomaly) * y)
        speed = mean * axis / (1 - e * np.cos(anomaly))
        velocity = speed * (-np.sin(anomaly) * x + minor * np.cos(anomaly) * y)
        found.append(np.concatenate([place / 2, -place / 2, velocity / 2, -velocity / 2]))
    return np.array(found)


def test_truth_is_keplers_solution(data):
    times = data.time.values
    for i in range(6):
        assert data.z.values[i] == pytest.approx(kepler(data.z0.values[i], times), abs=1e-8)
    seen = data.z_observed.values
    assert seen[3] == pytest.approx(kepler(seen[3, 0], data.observation.values), abs=1e-8)


def test_a_circle_is_closed_after_its_period():
    r = 1.2
    v = 1 / (2 * np.sqrt(r))
    start = np.array([r, 0, -r, 0, 0, v, 0, -v])
    period = 4 * np.pi * r**1.5
    halfway, whole = SMALL.flow(start[None], np.array([period / 2, period]))[0]
    assert halfway == pytest.approx(-start, abs=1e-9)
    assert whole == pytest.approx(start, abs=1e-9)


def test_rates_are_hamiltons_equations(data):
    hamiltonian = SMALL.problem().hamiltonian
    with x64():
        slope = jax.grad(lambda z: hamiltonian.energy(z[:4], z[4:], jnp))
        for z in data.z.values[:, 30]:
            found = np.asarray(slope(jnp.array(z)))
            assert SMALL.rate(z) == pytest.approx(np.concatenate([found[4:], -found[:4]]), rel=1e-11)


def test_invariants_are_constant(data):
    scores = physics.evaluate(data, data, SMALL.problem(), truth=data)
    for name in ("energy", "angular_momentum", "momentum"):
        assert scores[f"conservation/{name}"].max() < 1e-9
    quantity = SMALL.problem().conserved["angular_momentum"].quantity(data.z0)
    expected = 2 * (data.z0[:, 0] * data.z0[:, 5] - data.z0[:, 1] * data.z0[:, 4])
    assert quantity.values == pytest.approx(expected.values)


def test_set_up_is_the_published_one(data):
    assert dict(data.sizes) == {"sample": 6, "component": 8, "observation": 50, "time": 100}
    assert float(data.time[-1]) == 25.0
    place, other = data.z0.values[:, :2], data.z0.values[:, 2:4]
    assert place == pytest.approx(-other)
    assert place.min() >= 0.5
    assert place.max() <= 1.5
    many = np.stack([SMALL.starts(np.random.default_rng(i))[0] for i in range(400)])
    factor = np.linalg.norm(many[:, 4:6], axis=1) * 2 * np.sqrt(np.linalg.norm(many[:, :2], axis=1))
    assert factor.mean() == pytest.approx(1.0, abs=0.01)
    assert factor.std() == pytest.approx(0.05, rel=0.15)
    assert data.rate.values == pytest.approx(SMALL.rate(data.z_observed.values))


def test_refined_truth_agrees(data):
    finer = SMALL.refined().generate(0, range(2))
    assert 0 < float(abs(finer.z - data.z[:2]).max()) < 1e-8


@pytest.mark.parametrize("name", ["rotation", "exchange"])
def test_symmetries_hold_for_the_solver(data, name):
    problem = SMALL.problem()
    symmetry = problem.symmetries[name]
    inputs = data[["z0", "z_observed"]]
    moved = problem.solver.solve(symmetry.inputs(inputs), steps=4)
    expected = symmetry.targets(problem.solver.solve(inputs, steps=4))
    assert moved.z.values == pytest.approx(expected.z.values, abs=1e-12)
    assert moved.rate.values == pytest.approx(expected.rate.values, abs=1e-12)
    assert np.abs(moved.z.values - data.z.values).max() > 0.1


def test_shifts_lie_where_they_say(data):
    shifts = {name: d.generate(1, range(4)) for name, d in SMALL.shifts().items()}
    assert np.abs(shifts["smaller_orbits"].z0.values[:, :4]).max() <= 0.5
    noisy = shifts["noisy"]
    assert np.std(noisy.rate.values[..., :4] - noisy.z_observed.values[..., 4:]) == pytest.approx(0.05, rel=0.15)
    for shift in shifts.values():
        assert np.isfinite(shift.z.values).all()


def test_a_collision_is_refused():
    start = np.array([[0.5, 0.0, -0.5, 0.0, 0.0, 0.0, 0.0, 0.0]])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(DivergedError, match="starts that stay apart"):
            replace(SMALL, tolerance=1e-13).flow(start, np.array([20.0]))
