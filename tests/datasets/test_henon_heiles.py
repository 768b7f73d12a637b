"""Hénon–Heiles: a symplectic integrator, Hamilton's equations, known orbits, the invariants and the contract."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sciml_bench.datasets.henon_heiles import HenonHeiles, potential
from sciml_bench.errors import UsageError
from sciml_bench.metrics import physics
from sciml_bench.problem.hamiltonian_data import energy_of
from sciml_bench.problem.spectral import x64

SMALL = HenonHeiles.tier("small")


@pytest.fixture(scope="module")
def data():
    return SMALL.generate(0, range(6))


def leapfrog(z, time, steps):
    """Drift, kick, drift, with the force written out; Richardson's extrapolation makes its order four."""

    def run(steps):
        h, (x, y, u, v) = time / steps, z
        for _ in range(steps):
            x, y = x + h / 2 * u, y + h / 2 * v
            u, v = u - h * (x + 2 * x * y), v - h * (y + x * x - y * y)
            x, y = x + h / 2 * u, y + h / 2 * v
        return np.array([x, y, u, v])

    return (4 * run(2 * steps) - run(steps)) / 3


def test_truth_is_what_leapfrog_steps_extrapolate_to(data):
    for i in range(3):
        found = leapfrog(tuple(map(float, data.z0.values[i])), float(data.time[24]), 4000)
        assert data.z.values[i, 24] == pytest.approx(found, abs=1e-7)


def test_a_star_on_the_axis_moves_in_one_dimension_with_its_known_period():
    """On x = 0 the motion is ÿ = −y + y²; from rest its period is the integral of dy/√(2(E − V))."""
    top = 0.6
    total = potential(0.0, top)
    bottom, _, other = sorted(np.roots([-1 / 3, 1 / 2, 0, -total]).real)
    # E − V = ⅓(y − bottom)(top − y)(other − y); y = middle + half · sin θ takes the singularities away.
    middle, half = (top + bottom) / 2, (top - bottom) / 2
    nodes, weights = np.polynomial.legendre.leggauss(60)
    y = middle + half * np.sin(np.pi / 2 * nodes)
    period = 2 * np.pi / 2 * np.sum(weights / np.sqrt(2 / 3 * (other - y)))
    halfway, whole = SMALL.flow(np.array([[0.0, top, 0.0, 0.0]]), np.array([period / 2, period]))[0]
    assert halfway == pytest.approx([0.0, bottom, 0.0, 0.0], abs=1e-9)
    assert whole == pytest.approx([0.0, top, 0.0, 0.0], abs=1e-9)


def test_rates_are_hamiltons_equations(data):
    hamiltonian = SMALL.problem().hamiltonian
    with x64():
        slope = jax.grad(lambda z: hamiltonian.energy(z[:2], z[2:], jnp))
        for z in data.z.values[:, 30]:
            found = np.asarray(slope(jnp.array(z)))
            assert SMALL.rate(z) == pytest.approx(np.concatenate([found[2:], -found[:2]]), rel=1e-11)


def test_saddles_lie_at_the_corners_of_the_triangle():
    for corner in ((0.0, 1.0), (np.sqrt(0.75), -0.5), (-np.sqrt(0.75), -0.5)):
        assert potential(*corner) == pytest.approx(1 / 6)
        assert SMALL.rate(np.array([*corner, 0.0, 0.0])) == pytest.approx(np.zeros(4), abs=1e-15)


def test_energy_is_constant_and_nobody_leaves_the_triangle(data):
    scores = physics.evaluate(data, data, SMALL.problem(), truth=data)
    assert scores["conservation/energy"].max() < 1e-10
    x, y = data.z.values[..., 0], data.z.values[..., 1]
    assert (y > -0.5).all()
    assert (y < 1 - np.sqrt(3) * np.abs(x)).all()


def test_starts_have_the_energies_that_they_should():
    many = np.concatenate([SMALL.starts(np.random.default_rng(i)) for i in range(300)])
    energies = energy_of(SMALL.problem().hamiltonian)(many)
    assert energies.min() > 1 / 24
    assert energies.max() < 1 / 8
    assert energies.mean() == pytest.approx(1 / 12, abs=0.003)
    assert np.abs(many.mean(axis=0)).max() < 0.05


def test_set_up_and_refined_truth(data):
    assert dict(data.sizes) == {"sample": 6, "component": 4, "observation": 30, "time": 100}
    assert float(data.time[-1]) == 40.0
    assert data.rate.values == pytest.approx(SMALL.rate(data.z_observed.values))
    finer = SMALL.refined().generate(0, range(2))
    assert 0 < float(abs(finer.z - data.z[:2]).max()) < 1e-8


@pytest.mark.parametrize("name", ["rotation", "mirror"])
def test_symmetries_hold_for_the_solver(data, name):
    problem = SMALL.problem()
    symmetry = problem.symmetries[name]
    inputs = data[["z0", "z_observed"]]
    moved = problem.solver.solve(symmetry.inputs(inputs), steps=4)
    expected = symmetry.targets(problem.solver.solve(inputs, steps=4))
    assert moved.z.values == pytest.approx(expected.z.values, abs=1e-11)
    assert moved.rate.values == pytest.approx(expected.rate.values, abs=1e-12)
    assert np.abs(moved.z.values - data.z.values).max() > 0.1


def test_shifts_and_regimes_lie_where_they_say(data):
    energy = energy_of(SMALL.problem().hamiltonian)
    brief = {"frames": 1, "horizon": 0.4}  # nothing below looks at the rollouts; that chaotic ones can be made is seen
    cut = {"chaotic": {}}
    shifts = {n: replace(d, **cut.get(n, brief)).generate(1, range(4)) for n, d in SMALL.shifts().items()}
    assert energy(shifts["chaotic"].z0.values).min() > 1 / 8
    assert energy(shifts["chaotic"].z0.values).max() < 1 / 6
    assert energy(shifts["lower_energies"].z0.values).max() < 1 / 24
    noisy = shifts["noisy"]
    assert np.std(noisy.rate.values[..., :2] - noisy.z_observed.values[..., 2:]) == pytest.approx(0.02, rel=0.15)
    regime = SMALL.problem().regimes["energy"]
    assert set(regime.of(shifts["chaotic"])) == {"partly chaotic"}
    assert set(regime.of(shifts["lower_energies"])) == {"regular"}


def test_energies_beyond_the_escape_are_refused():
    with pytest.raises(UsageError, match="where the star escapes"):
        replace(SMALL, energies=(0.1, 0.2)).generate(0, [0])
