"""Spring: Hamilton's equations, the matrix exponential, the noise and the contract."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

from sciml_bench.datasets.spring import Spring
from sciml_bench.errors import UsageError
from sciml_bench.metrics import physics
from sciml_bench.problem.hamiltonian_data import energy_of, runge_kutta
from sciml_bench.problem.spectral import x64

FULL = Spring.tier("full")


@pytest.fixture(scope="module")
def data():
    return FULL.generate(0, range(FULL.samples))


def gradient(hamiltonian, z):
    """∂H/∂q and ∂H/∂p of one state by automatic differentiation, in double precision."""
    with x64():
        d = len(z) // 2
        return np.concatenate(
            jax.grad(lambda q, p: hamiltonian.energy(q, p, jnp), argnums=(0, 1))(jnp.array(z[:d]), jnp.array(z[d:]))
        )


def test_rates_are_hamiltons_equations():
    hamiltonian = FULL.problem().hamiltonian
    for z in np.random.default_rng(0).standard_normal((5, 2)):
        by_q, by_p = gradient(hamiltonian, z)
        assert FULL.rate(z) == pytest.approx([by_p, -by_q], rel=1e-12)


def test_flow_is_the_matrix_exponential(data):
    generator = np.array([[0.0, 2.0], [-2.0, 0.0]])
    for k in (0, 40, 99):
        step = scipy.linalg.expm(generator * float(data.time[k]))
        assert data.z.values[:, k] == pytest.approx(data.z0.values @ step.T, abs=1e-12)


def test_energy_is_constant_and_that_of_the_start(data):
    energy = energy_of(FULL.problem().hamiltonian)
    start = (data.z0.values**2).sum(-1)
    assert energy(data.z.values) == pytest.approx(np.repeat(start[:, None], 100, 1), rel=1e-12)
    assert physics.evaluate(data, data, FULL.problem(), truth=data)["conservation/energy"].max() < 1e-12


def test_set_up_is_the_published_one(data):
    assert dict(data.sizes) == {"sample": 40, "component": 2, "observation": 30, "time": 100}
    assert data.observation.values == pytest.approx(np.linspace(0, 3, 30))
    assert float(data.time[-1]) == 20.0
    size = np.abs(data.z0.values)
    assert size.min() >= 0.2
    assert size.max() <= 1.0
    assert {(a, b) for a, b in np.sign(data.z0.values)} == {(1, 1), (1, -1), (-1, 1), (-1, -1)}
    r = np.linalg.norm(data.rate.values, axis=-1) / 2  # the rate is twice as long as the state without noise
    assert r == pytest.approx(np.repeat(r[:, :1], 30, 1))
    assert 0.1 <= r.min() < 0.25
    assert 0.85 < r.max() <= 1.0


def test_noise_is_that_of_the_observation_alone(data):
    clean = replace(FULL, noise=0.0).generate(0, range(40))
    gap = data.z_observed.values - clean.z_observed.values
    assert gap.std() == pytest.approx(0.1, rel=0.05)
    assert abs(gap.mean()) < 0.01
    for name in ("z0", "z", "rate"):
        assert np.array_equal(data[name], clean[name])
    assert clean.rate.values == pytest.approx(FULL.rate(clean.z_observed.values))
    assert np.linalg.norm(clean.z_observed.values[0] - data.z.values[0, :30]) > 0.1  # another trajectory


def test_runge_kutta_has_order_four(data):
    starts, times = data.z0.values[:4], np.array([0.3, 0.7, 2.0])
    exact = FULL.flow(starts, times)
    errors = [np.abs(runge_kutta(FULL.rate, starts, times, n) - exact).max() for n in (8, 16, 32)]
    assert np.log2(np.array(errors[:-1]) / errors[1:]) == pytest.approx([4, 4], abs=0.2)


def test_solver_falls_to_the_truth_at_its_last_cost_point(data):
    problem = FULL.problem()
    inputs = data[["z0", "z_observed"]]
    errors = [float(abs(problem.solver.solve(inputs, **k).z - data.z).max()) for k in problem.solver.costs.values()]
    assert len(errors) == 7
    assert errors == sorted(errors, reverse=True)
    assert errors[0] > 1e-3
    assert errors[-1] < 1e-13
    found = problem.solver.solve(inputs, steps=1).rate
    assert found.values == pytest.approx(np.stack([2 * data.z_observed[..., 1], -2 * data.z_observed[..., 0]], -1))


def test_turned_inputs_have_turned_solutions(data):
    problem = FULL.problem()
    symmetry = problem.symmetries["rotation"]
    inputs = data[["z0", "z_observed"]]
    turned = problem.solver.solve(symmetry.inputs(inputs), steps=0)
    expected = symmetry.targets(problem.solver.solve(inputs, steps=0))
    for name in ("rate", "z"):
        assert turned[name].values == pytest.approx(expected[name].values, abs=1e-12)


def test_regimes_divide_at_the_observed_radii(data):
    names = FULL.problem().regimes["radius"].of(data)
    r = np.linalg.norm(data.z0.values, axis=-1)
    assert r[names == "observed radii"].max() <= 1.0 < r[names == "larger radii"].min()


def test_shifts_leave_what_was_observed():
    shifts = FULL.shifts()
    far = shifts["higher_energy"].generate(1, range(10))
    assert np.linalg.norm(far.z0.values, axis=-1).min() > np.sqrt(2)
    clean = shifts["no_noise"].generate(1, range(4))
    assert clean.rate.values == pytest.approx(FULL.rate(clean.z_observed.values))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"noise": -1.0}, "noise is -1.0"),
        ({"frames": 0}, "frames is 0"),
        ({"horizon": 0.0}, "horizon is 0.0"),
        ({"radii": (1.0, 0.5)}, "radii are 1 and 0.5"),
        ({"box": (1.0, 0.5)}, "box is 1 and 0.5"),
    ],
)
def test_meaningless_parameters_are_refused(change, words):
    with pytest.raises(UsageError, match=words):
        replace(FULL, **change).generate(0, [0])
