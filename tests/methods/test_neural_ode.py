"""Neural ODE: its segments, its solver in training, and what it learns from trajectories alone."""

import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

from sciml_bench.datasets.spring import Spring
from sciml_bench.errors import UsageError
from sciml_bench.method.dynamics import DynamicsCodec
from sciml_bench.method.jax_dynamics import follow, segments
from sciml_bench.methods.neural_ode import NeuralODE
from sciml_bench.problem.samples import only, take
from sciml_bench.problem.spectral import x64
from sciml_bench.protocol.budgets import BUDGETS
from sciml_bench.testing.method_checks import Silent

NOISY = Spring(samples=24, horizon=10.0, frames=50)


@pytest.fixture(scope="module")
def data():
    return NOISY.generate(0, range(24))


def fitted(method, data, problem=None):
    parts = take(data, range(16)), take(data, range(16, 20))
    problem = problem or NOISY.problem()
    return method.fit(*parts, problem=problem, budget=BUDGETS["smoke"], seed=1, device="cpu", log=Silent())


def test_segments_are_runs_of_frames_from_the_start_on(data):
    codec = DynamicsCodec.of(NOISY.problem(), data)
    z, times = segments(codec, data, 3)
    assert z.shape == (24 * 48, 4, 2)
    assert np.array_equal(z[0, 0], data.z0.values[0])
    assert np.array_equal(z[0, 1:], data.z.values[0, :3])
    assert np.array_equal(z[48 + 5], data.z.values[1, 4:8])
    assert times == pytest.approx(np.tile([0.0, 0.2, 0.4, 0.6], (24 * 48, 1)))
    assert segments(codec, data, 1000)[0].shape == (24, 51, 2)


def test_training_follows_at_fourth_order_uneven_times():
    times = np.array([0.0, 0.1, 0.5, 0.6, 1.2])
    exact = np.exp(-times[1:])
    errors = []
    with x64():
        for steps in (1, 2, 4):
            found = follow(lambda z: -z, jnp.ones(1), jnp.asarray(times), steps)
            errors.append(np.abs(np.asarray(found)[:, 0] - exact).max())
    assert np.log2(np.array(errors[:-1]) / errors[1:]) == pytest.approx([4, 4], abs=0.4)


def test_it_learns_from_rollouts_and_is_blind_to_noise(data):
    misled = data.assign(rate=xr.zeros_like(data.rate), z_observed=10 * data.z_observed)
    method = NeuralODE(width=24, segment=2, steps=1, updates=250, learning_rate=1e-2, batch_size=32, validations=1)
    test = take(data, range(20, 24))
    answer = fitted(method, misled)(only(test, ["z0", "z_observed"]))
    assert (
        np.linalg.norm(answer.z - test.z) / np.linalg.norm(test.z) < 0.5
    )  # a field at rest, which the rates suggest, has at least 1


@pytest.mark.parametrize("name", ["width", "segment", "steps"])
def test_meaningless_values_are_refused(name, data):
    with pytest.raises(UsageError, match=f"{name} is 0"):
        fitted(NeuralODE(**{name: 0}), data)
