"""Pendulum: Jacobi's elliptic functions, Hamilton's equations and the contract."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import ellipj, ellipk

from sciml_bench.datasets.pendulum import Pendulum
from sciml_bench.metrics import physics
from sciml_bench.problem.hamiltonian_data import energy_of
from sciml_bench.problem.spectral import x64

FULL = Pendulum.tier("full")
BRIEF = {"frames": 1, "horizon": 0.2}  # for what does not look at the rollout, which is most of the work
OMEGA = np.sqrt(6.0)


@pytest.fixture(scope="module")
def data():
    return FULL.generate(0, range(12))


def released(amplitude, times):
    """Solve q̈ = −6 sin q from rest at `amplitude`: sin(q/2) = k cd(ω t), p = q̇/2, k = sin(amplitude/2)."""
    k = np.sin(amplitude / 2)
    sn, cn, dn, _ = ellipj(OMEGA * times, k**2)
    q = 2 * np.arcsin(k * cn / dn)
    # d/dt of cd is −(1 − k²) ω sn/dn², and dq/dt = 2k cd′/√(1 − k² cd²)
    p = -k * (1 - k**2) * OMEGA * sn / dn**2 / np.sqrt(1 - (k * cn / dn) ** 2)
    return np.stack([q, p], axis=-1)


def pushed(p, times):
    """Solve the same from q = 0 with p > √6, turning over: q = 2 am(p t, 6/p²), p(t) = p dn."""
    _, _, dn, am = ellipj(p * times, 6 / p**2)
    return np.stack([2 * am, p * dn], axis=-1)


@pytest.mark.parametrize("amplitude", [0.2, 1.4, 2.3, 2.9])
def test_swings_are_jacobis_elliptic_functions(amplitude):
    times = np.linspace(0.2, 20, 100)
    found = FULL.flow(np.array([[amplitude, 0.0]]), times)[0]
    assert found == pytest.approx(released(amplitude, times), abs=2e-9)


def test_turning_over_is_the_amplitude_function():
    times = np.linspace(0.2, 20, 100)
    found = FULL.flow(np.array([[0.0, 2.6]]), times)[0]
    assert found == pytest.approx(pushed(2.6, times), abs=1e-9)
    assert found[-1, 0] > 6 * np.pi


def test_period_is_the_complete_elliptic_integral():
    period = 4 * ellipk(np.sin(1.0) ** 2) / OMEGA
    assert FULL.flow(np.array([[2.0, 0.0]]), np.array([period]))[0, 0] == pytest.approx([2.0, 0.0], abs=1e-9)


def test_rates_are_hamiltons_equations():
    hamiltonian = FULL.problem().hamiltonian
    with x64():
        slope = jax.grad(lambda z: hamiltonian.energy(z[:1], z[1:], jnp))
        for z in np.random.default_rng(0).uniform(-2, 2, (5, 2)):
            by_q, by_p = np.asarray(slope(jnp.array(z)))
            assert FULL.rate(z) == pytest.approx([by_p, -by_q], rel=1e-12)


def test_energy_is_constant(data):
    scores = physics.evaluate(data, data, FULL.problem(), truth=data)
    assert scores["conservation/energy"].max() < 1e-9
    assert scores["conserved_mse/energy"].max() == 0


def test_set_up_is_the_published_one(data):
    assert dict(data.sizes) == {"sample": 12, "component": 2, "observation": 45, "time": 100}
    clean = replace(FULL, noise=0.0, **BRIEF).generate(0, range(40))
    r = np.linalg.norm(clean.z_observed.values[:, 0], axis=-1)
    assert 1.3 <= r.min() < 1.4
    assert 2.2 < r.max() <= 2.3
    energies = energy_of(FULL.problem().hamiltonian)(clean.z_observed.values)
    assert energies.min() > 1.69
    assert energies.max() < 6  # none turns over
    gap = data.z_observed.values - clean.z_observed.values[:12]
    assert gap.std() == pytest.approx(0.1, rel=0.07)
    assert np.abs(data.z0.values).max() <= 1.0


def test_refined_truth_agrees(data):
    finer = FULL.refined().generate(0, range(4))
    assert 0 < float(abs(finer.z - data.z[:4]).max()) < 1e-9


def test_mirrored_inputs_have_mirrored_solutions(data):
    problem = FULL.problem()
    symmetry = problem.symmetries["mirror"]
    inputs = data[["z0", "z_observed"]]
    mirrored = problem.solver.solve(symmetry.inputs(inputs), steps=4)
    expected = symmetry.targets(problem.solver.solve(inputs, steps=4))
    assert mirrored.z.values == pytest.approx(expected.z.values, abs=1e-12)
    assert mirrored.rate.values == pytest.approx(expected.rate.values, abs=1e-12)


def test_shifts_and_regimes_lie_where_they_say(data):
    energy = energy_of(FULL.problem().hamiltonian)
    shifts = {name: replace(d, **BRIEF).generate(1, range(10)) for name, d in FULL.shifts().items()}
    seen = energy(shifts["observed_energies"].z0.values)
    assert seen.min() > 1.69
    assert seen.max() < 5.83
    assert energy(shifts["turning_over"].z0.values).min() > 6
    over = FULL.shifts()["turning_over"].generate(1, range(4))
    assert np.abs(over.z.values[:, -1, 0]).min() > 4 * np.pi
    assert shifts["no_noise"].rate.values == pytest.approx(FULL.rate(shifts["no_noise"].z_observed.values))
    regime = FULL.problem().regimes["energy"]
    assert set(regime.of(shifts["observed_energies"])) == {"observed energies"}
    assert "lower energies" in set(regime.of(data))
