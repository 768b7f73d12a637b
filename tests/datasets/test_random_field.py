"""Random fields: the variance is the closed-form sum, and one draw is one function on every grid."""

import numpy as np
import pytest

from sciml_bench.problem.random_field import CosineField, PeriodicField

WAVES = PeriodicField(dims=1, scale=25.0, tau=5.0, alpha=2.0, modes=6)
FLOW = PeriodicField(dims=2, scale=7**1.5, tau=7.0, alpha=2.5, modes=5, mean=False)
MEDIUM = CosineField(scale=1.0, tau=3.0, alpha=2.0, modes=7, mean=False)


def test_variance_of_every_periodic_mode_is_its_eigenvalue():
    draws = np.stack([WAVES.sample(np.random.default_rng([1, i]), 32) for i in range(4000)])
    modes = np.fft.fft(draws, axis=1, norm="forward")[:, :7]
    expected = 625.0 * (4 * np.pi**2 * np.arange(7) ** 2 + 25.0) ** -2.0
    assert np.mean(np.abs(modes) ** 2, 0) == pytest.approx(expected, rel=0.1)
    assert np.abs(np.mean(modes**2, 0)[1:]).max() < 0.1 * expected[1]
    total = 1.0 + 2 * expected[1:].sum()
    assert WAVES.variance() == pytest.approx(total, rel=1e-12)
    assert draws.var(0) == pytest.approx(np.full(32, total), rel=0.12)


def test_variance_in_two_dimensions():
    draws = np.stack([FLOW.sample(np.random.default_rng([2, i]), 12) for i in range(3000)])
    total = sum(
        343.0 * (4 * np.pi**2 * (k * k + m * m) + 49.0) ** -2.5
        for k in range(-5, 6)
        for m in range(-5, 6)
        if (k, m) != (0, 0)
    )
    assert FLOW.variance() == pytest.approx(total, rel=1e-12)
    assert np.mean(draws**2) == pytest.approx(total, rel=0.05)
    assert np.abs(draws.mean((1, 2))).max() < 1e-14


def test_variance_of_the_cosine_field():
    x, y = np.array([0.0, 0.3, 1.0]), np.array([0.1, 0.5])
    draws = np.stack([MEDIUM.sample(np.random.default_rng([3, i]), x, y) for i in range(4000)])
    assert draws.var(0) == pytest.approx(MEDIUM.variance(x, y), rel=0.12)


@pytest.mark.parametrize("field", [WAVES, FLOW])
@pytest.mark.parametrize("points", [4, 8, 24])
def test_same_function_on_every_periodic_grid(field, points):
    coarse = field.sample(np.random.default_rng([0, 5]), points)
    fine = field.sample(np.random.default_rng([0, 5]), 4 * points)
    assert coarse == pytest.approx(fine[(slice(None, None, 4),) * field.dims], abs=1e-13)


def test_cosine_field_is_one_function_with_zero_slope_at_the_edge():
    x = np.linspace(0, 1, 9)
    fine = np.linspace(0, 1, 17)
    coarse = MEDIUM.sample(np.random.default_rng([0, 5]), x, x)
    assert coarse == pytest.approx(MEDIUM.sample(np.random.default_rng([0, 5]), fine, fine)[::2, ::2], abs=1e-13)
    h = 1e-4
    edge = MEDIUM.sample(np.random.default_rng([0, 5]), np.array([0.0, h, 1 - h, 1.0]), x)
    assert np.abs(edge[1] - edge[0]).max() < 1e-5
    assert np.abs(edge[3] - edge[2]).max() < 1e-5
