"""Learnt dynamics: what their networks compute, what they learn, and how problems are read."""

import pickle
from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

from sciml_bench.datasets.pendulum import Pendulum
from sciml_bench.datasets.spring import Spring
from sciml_bench.datasets.two_body import TwoBody
from sciml_bench.errors import UsageError
from sciml_bench.method.dynamics import DynamicsCodec, in_chunks, spline_rates, why_not_canonical, why_not_dynamics
from sciml_bench.method.jax_dynamics import (
    HamiltonianField,
    Scales,
    VectorField,
    network,
    rates_at,
    rollout,
    square_error,
)
from sciml_bench.methods.hnn import HNN
from sciml_bench.methods.mlp_dynamics import MLPDynamics
from sciml_bench.metrics import physics
from sciml_bench.problem import Variable
from sciml_bench.problem.samples import only, take
from sciml_bench.problem.spectral import x64
from sciml_bench.protocol.budgets import BUDGETS
from sciml_bench.testing.method_checks import Silent

CLEAN = Spring(samples=24, noise=0.0)


@pytest.fixture(scope="module")
def data():
    return CLEAN.generate(0, range(24))


def fitted(method, data, problem, log=None, cut=16):
    parts = take(data, range(cut)), take(data, range(cut, cut + 4))
    return method.fit(*parts, problem=problem, budget=BUDGETS["smoke"], seed=1, device="cpu", log=log or Silent())


def scales(d, seed=0):
    rng = np.random.default_rng(seed)
    return Scales.of(rng.standard_normal((50, d)) * 1.5 + 0.3, 2 * rng.standard_normal((50, d)))


class Oscillator:
    """dz/dt = (2p, −2q), as a field without weights."""

    def __call__(self, z):
        return 2 * z[::-1] * jnp.array([1.0, -1.0])


def test_the_field_is_the_symplectic_gradient_of_its_energy():
    field = HamiltonianField(network(4, "scalar", 16, 2, 0), scales(4))
    z, h = np.array([0.3, -0.2, 0.5, 0.1]), 1e-6
    with x64():
        wide = jax.tree.map(lambda a: jnp.asarray(a, jnp.float64) if eqx.is_inexact_array_like(a) else a, field)
        around = jax.jit(lambda s: jax.vmap(wide.energy)(s))(
            jnp.array([z + s * h * e for s in (1, -1) for e in np.eye(4)])
        )
        slope = np.subtract(*np.split(np.asarray(around), 2)) / (2 * h)
        rate, matrix = jax.jit(lambda s: (wide(s), jax.jacobian(wide)(s)))(jnp.array(z))
    assert np.asarray(rate) == pytest.approx([slope[2], slope[3], -slope[0], -slope[1]], rel=1e-6)
    assert np.trace(np.asarray(matrix)) == pytest.approx(0.0, abs=1e-9)  # Liouville: the flow keeps volumes


def test_a_rollout_of_any_learnt_energy_keeps_it():
    field = HamiltonianField(network(2, "scalar", 16, 2, 3), scales(2))
    z = rollout(field, np.array([[0.5, 0.2], [1.0, -0.4]]), np.linspace(0.2, 20, 100), 1e-9)
    energies = np.asarray(jax.jit(lambda s: jax.vmap(jax.vmap(field.energy))(s))(jnp.asarray(z[:, ::9], jnp.float32)))
    assert energies == pytest.approx(np.repeat(energies[:, :1], energies.shape[1], 1), abs=1e-5)
    assert np.abs(z[:, -1] - z[:, 0]).max() > 0.01


def test_rollouts_keep_their_tolerance_and_do_not_mix(data):
    starts, truth, times = data.z0.values[:16], data.z.values[:16], data.time.values
    field = Oscillator()  # one object, so that one program is compiled
    found = rollout(field, starts, times, 1e-10)
    assert np.abs(found - truth).max() < 1e-7
    backwards = rollout(field, starts[::-1], times, 1e-10)[::-1]
    assert backwards == pytest.approx(found, abs=1e-8)
    coarse = rollout(field, starts, times, 1e-3)
    assert np.abs(coarse - truth).max() > 1e-6


def test_rates_are_those_of_the_field():
    z = np.random.default_rng(0).standard_normal((3, 5, 2))
    assert rates_at(Oscillator(), z) == pytest.approx(np.stack([2 * z[..., 1], -2 * z[..., 0]], -1))
    assert rates_at(Oscillator(), z[:, :0]).shape == (3, 0, 2)


def test_chunks_are_of_few_lengths_and_put_together_again():
    seen = []

    def double(part):
        seen.append(len(part))
        return 2 * part

    for n in (1, 5, 16, 40, 130):
        values = np.arange(3.0 * n).reshape(n, 3)
        assert np.array_equal(in_chunks(double, values), 2 * values)
    assert seen == [1, 16, 16, 64, 64, 64, 64]


def test_network_is_orthogonal_and_bounded_in_size():
    net = network(2, 2, 32, 2, 0)
    middle = np.asarray(net.layers[1].weight)
    assert middle @ middle.T == pytest.approx(np.eye(32), abs=1e-5)
    assert net.layers[-1].bias is None
    assert not np.array_equal(middle, np.asarray(network(2, 2, 32, 2, 1).layers[1].weight))


def test_loss_weighs_components_by_their_rates():
    field = VectorField(network(2, 2, 8, 1, 0), scales(2))
    z, rates = np.zeros((4, 2), np.float32), np.zeros((4, 2), np.float32)
    found = np.asarray(field(z[0])) / field.scales.rate
    assert float(square_error(field, (z, rates))) == pytest.approx(float((found**2).mean()), rel=1e-5)


def test_hnn_learns_the_spring_and_keeps_its_energy(data):
    problem, log = CLEAN.problem(), Silent()
    predictor = fitted(HNN(width=32, updates=500, learning_rate=1e-2), data, problem, log)
    test = replace(CLEAN, box=(0.2, 0.6)).generate(1, range(4))  # within the observed radii
    answer = predictor(only(test, ["z0", "z_observed"]))
    error = np.linalg.norm(answer.rate - test.rate) / np.linalg.norm(test.rate)
    assert error < 0.05
    scores = physics.evaluate(answer, test, problem, truth=test)
    assert scores["conserved_mse/energy"].mean() < 1e-4
    kept = pickle.loads(pickle.dumps(predictor))
    assert kept(only(test, ["z0", "z_observed"])).equals(answer)
    assert all(isinstance(a, np.ndarray) for a in jax.tree.leaves(eqx.filter(kept.field, eqx.is_array_like)))
    early = test.time < 3.2  # once round: errors of phase add up
    gap, truth = (answer.z - test.z)[:, early], test.z[:, early]
    assert np.linalg.norm(gap) / np.linalg.norm(truth) < 0.1
    # weights and biases of 2 → 32 → 32 → 1, the last without bias
    assert log.facts["parameters"] == 2 * 32 + 32 + 32 * 32 + 32 + 32


def test_mlp_learns_the_rates_from_rollouts_alone(data):
    hidden = data.assign(rate=xr.zeros_like(data.rate))  # observed rates that would mislead it
    method = MLPDynamics(width=32, updates=400, learning_rate=1e-2, learn_from="rollouts")
    field = fitted(method, hidden, CLEAN.problem()).field
    z = data.z.values[20:]
    assert np.linalg.norm(rates_at(field, z) - CLEAN.rate(z)) / np.linalg.norm(CLEAN.rate(z)) < 0.05


def test_noise_shortens_the_learnt_rates():
    noisy = replace(CLEAN, noise=0.3)
    data = noisy.generate(0, range(24))
    field = fitted(HNN(width=32, updates=300, learning_rate=1e-2), data, noisy.problem()).field
    z = 0.7 * np.stack([np.cos(np.arange(6)), np.sin(np.arange(6))], -1)
    share = np.linalg.norm(rates_at(field, z[None])[0], axis=-1) / np.linalg.norm(CLEAN.rate(z), axis=-1)
    assert 0.5 < share.mean() < 0.93  # regression dilution, which no amount of data mends


def test_splines_differentiate_trajectories(data):
    codec = DynamicsCodec.of(CLEAN.problem(), data)
    z, rates = codec.pairs(data, "rollouts")
    assert z.shape == (24 * 101, 2)
    error = (rates - CLEAN.rate(z)).reshape(24, 101, 2)
    assert np.abs(error[:, 6:-6]).max() < 1e-3
    times = np.array([0.0, 0.3, 0.7, 1.1, 1.2, 1.9])
    assert spline_rates(times, times[None, :, None] ** 3)[0, :, 0] == pytest.approx(3 * times**2, abs=1e-9)


def test_observations_are_taken_where_there_are_any(data):
    codec = DynamicsCodec.of(CLEAN.problem(), data)
    z, rates = codec.pairs(data, "auto")
    assert np.array_equal(z, data.z_observed.values.reshape(-1, 2))
    assert np.array_equal(rates, data.rate.values.reshape(-1, 2))


def without_rates(problem):
    return replace(problem, inputs=problem.inputs[:1], targets=problem.targets[1:])


def test_a_problem_without_rates_is_read_and_predicted(data):
    problem = without_rates(CLEAN.problem())
    bare = data[["z0", "z"]]
    assert why_not_dynamics(problem) is None
    answer = fitted(HNN(width=32, updates=5), bare, problem)(take(bare[["z0"]], range(4)))
    assert list(answer.data_vars) == ["z"]
    with pytest.raises(UsageError, match="observes no rates"):
        fitted(HNN(learn_from="observations"), bare, problem)


def test_a_row_each_for_rates_that_are_observed_and_those_along_rollouts(data):
    rows = HNN().variants(CLEAN.problem())
    assert list(rows) == list(MLPDynamics().variants(CLEAN.problem())) == ["", "rollouts"]
    assert list(HNN().variants(without_rates(CLEAN.problem()))) == [""]
    noisy = data.assign(z_observed=data.z_observed + 1.0)  # as no state along a rollout is
    own, along = (replace(MLPDynamics(width=16, updates=3), **row) for row in rows.values())
    given, found = take(data, range(2)), []
    for train in (data, noisy):
        found.append([fitted(m, train, CLEAN.problem())(given).z.values for m in (own, along)])
    (own_of_data, along_data), (own_of_noisy, along_noisy) = found
    assert not np.array_equal(own_of_data, own_of_noisy)
    assert np.array_equal(along_data, along_noisy)


@pytest.mark.parametrize("dataset", [Spring, Pendulum, TwoBody])
def test_they_apply_to_the_mechanical_systems(dataset):
    problem = dataset.tier("smoke").problem()
    assert HNN().applies_to(problem) is None
    assert MLPDynamics().applies_to(problem) is None


def test_they_say_why_they_do_not_apply():
    problem = CLEAN.problem()
    assert "positions" in why_not_canonical(replace(problem, hamiltonian=None))
    assert why_not_dynamics(replace(problem, hamiltonian=None)) is None
    assert "trajectory" in why_not_dynamics(replace(problem, kind="evolution"))
    mass = Variable(name="mass", dims=(), description="mass", kind="scalar")
    assert "'mass'" in why_not_dynamics(replace(problem, inputs=(*problem.inputs, mass)))
    assert "'mass'" in why_not_dynamics(replace(problem, targets=(*problem.targets, mass)))


@pytest.mark.parametrize(
    ("change", "words"),
    [({"width": 0}, "width is 0"), ({"tolerance": 0.0}, "tolerance is 0.0"), ({"updates": 0}, "updates is 0")],
)
@pytest.mark.parametrize("method", [HNN, MLPDynamics])
def test_meaningless_values_are_refused(method, change, words, data):
    with pytest.raises(UsageError, match=words):
        fitted(method(**change), data, CLEAN.problem())
