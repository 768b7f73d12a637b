"""The DeepONet: its modes and grids in closed form, and what it learns with either basis."""

import pickle

import numpy as np
import pytest
import torch
import xarray as xr

from sciml_bench.errors import UsageError
from sciml_bench.methods.deeponet import DeepONet
from sciml_bench.methods.deeponet.network import Branch, Layout, Trunk, leading_modes, resample
from sciml_bench.methods.deeponet.network import DeepONet as Network
from sciml_bench.problem import Problem, Variable

BASES = ["plain", "pod"]


class Notes:
    def __init__(self):
        self.facts = {}

    def progress(self, fraction, message=""):
        pass

    def curve(self, name, step, value):
        pass

    def fact(self, name, value):
        self.facts[name] = value


def fit(method, problem, data, seed=0, log=None):
    n = data.sizes["sample"]
    parts = data.isel(sample=slice(0, 3 * n // 4)), data.isel(sample=slice(3 * n // 4, n))
    return method.fit(*parts, problem=problem, budget=None, seed=seed, device="cpu", log=log or Notes())


def error(prediction, truth):
    p, u = (a.values.reshape(len(a), -1) for a in (prediction, truth))
    return float((np.linalg.norm(p - u, axis=1) / np.linalg.norm(u, axis=1)).mean())


def heat(samples, n, seed, steps=4):
    """u(x, t) = Σ c_k e^(−k² t / 10) e^(2πikx) for t = 1 … `steps`, and the same flow upside down beside it."""
    rng = np.random.default_rng(seed)
    k, t, x = np.arange(1, 5), np.arange(1, steps + 1.0), np.arange(n) / n
    c = rng.standard_normal((samples, 4)) / k * np.exp(2j * np.pi * rng.random((samples, 4)))
    waves = np.exp(2j * np.pi * np.outer(k, x))
    u = np.einsum("sk,tk,kx->stx", c, np.exp(-np.outer(t, k**2) / 10), waves).real
    both = np.stack([u, -2 * u], axis=2)
    return xr.Dataset(
        {"u0": (("sample", "x"), (c @ waves).real), "u": (("sample", "time", "channel", "x"), both)},
        coords={"time": t, "x": x},
    )


HEAT = Problem(
    name="heat",
    kind="evolution",
    inputs=(Variable(name="u0", dims=("x",), description="start", periodic=True),),
    targets=(Variable(name="u", dims=("time", "channel", "x"), description="heat", initial="u0", periodic=True),),
)
TINY = {"width": 24, "rank": 8, "layers": 2}


@pytest.mark.parametrize("basis", BASES)
def test_a_trajectory_of_two_channels_is_learnt_on_every_grid(basis):
    log = Notes()
    method = DeepONet(basis=basis, width=64, rank=24, layers=2, updates=400, learning_rate=5e-3, weight_decay=0.0)
    predictor = fit(method, HEAT, heat(256, 32, 0), log=log)
    assert log.facts["forecast"] == "direct"
    test, fine = heat(20, 32, 1), heat(20, 64, 1)
    result = predictor(test[["u0"]])
    assert result["u"].dims == test["u"].dims
    assert error(result["u"], test["u"]) < 0.1
    assert error(predictor(fine[["u0"]])["u"], fine["u"]) < 0.12


def test_two_targets_on_a_square_that_is_not_periodic():
    rng = np.random.default_rng(0)
    x = np.linspace(0, 1, 11)
    shapes = np.stack([np.outer(x, 1 - x), np.outer(x**2, x)])
    c = rng.standard_normal((96, 2))
    a = np.einsum("sk,kxy->sxy", c, shapes)
    fields = {"a": a, "p": 1 + a, "q": a.transpose(0, 2, 1)}
    data = xr.Dataset({k: (("sample", "x", "y"), v) for k, v in fields.items()}, coords={"x": x, "y": x})
    problem = Problem(
        name="p",
        kind="steady",
        inputs=(Variable(name="a", dims=("x", "y"), description="a"),),
        targets=tuple(Variable(name=k, dims=("x", "y"), description=k) for k in ("p", "q")),
    )
    for basis in BASES:
        method = DeepONet(basis=basis, width=32, rank=8, layers=2, updates=300, learning_rate=5e-3, weight_decay=0.0)
        result = fit(method, problem, data)(data[["a"]])
        assert error(result["p"], data["p"]) < 0.05
        assert error(result["q"], data["q"]) < 0.1


def test_modes_are_the_singular_vectors_and_rebuild_the_data():
    values = np.random.default_rng(0).standard_normal((7, 3, 20))
    mean, modes = leading_modes(values, 99)
    np.testing.assert_allclose(mean, values.mean(axis=0))
    assert modes.shape == (6, 3, 20)  # the mean took one direction
    flat, basis = (values - mean).reshape(7, -1), modes.reshape(6, -1)
    gram = basis @ basis.T
    singular = np.linalg.svd(flat, compute_uv=False)[:6]
    np.testing.assert_allclose(gram, np.diag(singular**2 / 7), atol=1e-10)
    coefficients = flat @ basis.T @ np.linalg.inv(gram)
    np.testing.assert_allclose(coefficients @ basis, flat, atol=1e-10)
    np.testing.assert_allclose((coefficients**2).mean(axis=0), 1)
    np.testing.assert_allclose(np.abs(leading_modes(values, 2)[1]), np.abs(modes[:2]))


def test_resampling_is_exact_for_straight_lines_and_at_shared_points():
    coarse, fine = (torch.linspace(0, 1, n, dtype=torch.float64) for n in (5, 12))
    plane = (2 * coarse[:, None] - 3 * coarse[None])[None, None]
    expected = (2 * fine[:, None] - 3 * fine[None])[None, None]
    torch.testing.assert_close(resample(plane, (12, 12), periodic=False), expected)
    circle = torch.randn(2, 3, 8, dtype=torch.float64)
    torch.testing.assert_close(resample(circle, (24,), periodic=True)[..., ::3], circle)
    torch.testing.assert_close(resample(resample(circle, (24,), periodic=True), (8,), periodic=True), circle)
    ends = resample(circle, (16,), periodic=True)[..., -1]
    torch.testing.assert_close(ends, (circle[..., -1] + circle[..., 0]) / 2)
    assert resample(circle, (8,), periodic=True) is circle


def trunk(*, periodic, times=(-1.0, 0.0, 1.0), axes=1):
    torch.manual_seed(0)
    layout = Layout(component=np.array([0, 1, 0, 1]), step=np.array([0, 0, 2, 2]), times=np.array(times))
    return Trunk(layout, axes, 5, width=8, layers=2, harmonics=3, periodic=periodic)


def test_the_trunk_is_one_function_of_the_coordinates_on_every_grid():
    for periodic, finer in ((True, (16,)), (False, (15,))):
        values = trunk(periodic=periodic)((8,))
        assert values.shape == (3, 2, 5, 8)
        torch.testing.assert_close(trunk(periodic=periodic)(finer)[..., ::2], values)
        assert not torch.allclose(values[0], values[1])  # time matters
    grid = trunk(periodic=False, axes=2)((4, 6)).unflatten(-1, (4, 6))
    assert not torch.allclose(grid[..., 0, 1], grid[..., 1, 0])


def test_a_periodic_trunk_is_smooth_across_the_seam():
    def jump(values):
        gaps = (values - values.roll(1, -1)).detach().abs().amax(dim=(0, 1, 2))
        return float(gaps[0] / gaps[1:].max())

    assert jump(trunk(periodic=True)((256,))) < 1.2
    assert jump(trunk(periodic=False)((256,))) > 5


def test_the_network_is_mean_plus_branch_times_trunk():
    t = trunk(periodic=True)
    branch = Branch(2, (8,), 10, width=6, layers=1, dropout=0.0, periodic=True)
    mean = np.random.default_rng(0).standard_normal((4, 8))
    x = torch.randn(3, 2, 8)
    found = Network(branch, t, mean)(x)
    b, tau = branch(x).reshape(3, 2, 5), t((8,))
    for channel, (component, step) in enumerate(((0, 0), (1, 0), (0, 2), (1, 2))):
        expected = torch.as_tensor(mean[channel], dtype=torch.float32) + b[:, component] @ tau[step, component] / 5**0.5
        torch.testing.assert_close(found[:, channel], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("basis", BASES)
def test_same_seed_same_bytes_also_after_pickling(basis):
    data = heat(16, 16, 0)
    method = DeepONet(basis=basis, updates=5, **TINY)
    first, again, other = (fit(method, HEAT, data, seed) for seed in (1, 1, 2))
    xr.testing.assert_identical(first(data[["u0"]]), again(data[["u0"]]))
    xr.testing.assert_identical(first(data[["u0"]]), pickle.loads(pickle.dumps(first))(data[["u0"]]))
    assert not first(data[["u0"]]).equals(other(data[["u0"]]))


@pytest.mark.parametrize("precision", ["bf16-mixed", "64-true"])
@pytest.mark.parametrize("basis", BASES)
def test_other_precisions_and_dropout_run(basis, precision):
    data = heat(16, 16, 0)
    method = DeepONet(basis=basis, updates=5, precision=precision, dropout=0.2, **TINY)
    assert np.isfinite(fit(method, HEAT, data)(data[["u0"]])["u"]).all()


def test_a_row_for_each_basis():
    assert DeepONet().variants(HEAT) == {"plain": {"basis": "plain"}, "pod": {"basis": "pod"}}


@pytest.mark.parametrize(
    ("hyperparameters", "words"),
    [
        ({"rank": 0}, "rank is 0, but must be at least 1"),
        ({"harmonics": 0}, "harmonics is 0, but must be at least 1"),
        ({"dropout": 1.0}, "dropout is 1.0, but must lie between 0 and 0.9"),
    ],
)
def test_values_without_meaning_are_refused(hyperparameters, words):
    with pytest.raises(UsageError, match=words):
        fit(DeepONet(**hyperparameters), HEAT, heat(8, 16, 0))


def test_modes_need_data_that_differ():
    with pytest.raises(UsageError, match="need at least 2 training samples; use 'plain'"):
        leading_modes(np.ones((1, 4)), 2)
    with pytest.raises(UsageError, match="all training targets are the same"):
        leading_modes(np.ones((3, 4)), 2)
