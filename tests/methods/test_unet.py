"""The U-Net: symmetric where it should be, on any grid, and able to learn."""

import pickle

import numpy as np
import pytest
import torch
import xarray as xr

from sciml_bench.errors import UsageError
from sciml_bench.methods.unet import UNet
from sciml_bench.methods.unet.network import UNetwork
from sciml_bench.problem import Problem, Variable


class Silent:
    def progress(self, fraction, message=""):
        pass

    def curve(self, name, step, value):
        pass

    def fact(self, name, value):
        pass


def fit(method, problem, data, seed=0):
    n = data.sizes["sample"]
    return method.fit(
        data.isel(sample=slice(0, 3 * n // 4)),
        data.isel(sample=slice(3 * n // 4, n)),
        problem=problem,
        budget=None,
        seed=seed,
        device="cpu",
        log=Silent(),
    )


def network(axes, *, depth=2, periodic=True):
    torch.manual_seed(0)
    return UNetwork(2, 3, axes, width=8, depth=depth, periodic=periodic).eval()


@pytest.mark.parametrize("grid", [(32,), (16, 24), (8, 8, 12)])
def test_a_periodic_shift_by_the_coarsest_cell_shifts_the_output(grid):
    net, x = network(len(grid)), torch.randn(2, 2, *grid)
    axes = tuple(range(2, 2 + len(grid)))
    shifts = tuple(4 * (k + 1) for k in range(len(grid)))
    with torch.no_grad():
        torch.testing.assert_close(
            net(torch.roll(x, shifts, axes)), torch.roll(net(x), shifts, axes), rtol=1e-4, atol=1e-5
        )


def test_without_periodicity_the_edge_is_seen():
    net, x = network(1, periodic=False), torch.randn(1, 2, 32)
    with torch.no_grad():
        assert not torch.allclose(net(torch.roll(x, 4, 2)), torch.roll(net(x), 4, 2), atol=1e-2)


@pytest.mark.parametrize("periodic", [True, False])
@pytest.mark.parametrize("grid", [(19,), (13, 18), (9, 6, 5)])
def test_sizes_that_do_not_halve_come_back(grid, periodic):
    with torch.no_grad():
        assert network(len(grid), periodic=periodic)(torch.randn(2, 2, *grid)).shape == (2, 3, *grid)


def test_samples_do_not_see_each_other():
    net, x = network(2), torch.randn(5, 2, 16, 16)
    with torch.no_grad():
        torch.testing.assert_close(net(x)[3:4], net(x[3:4]), rtol=1e-4, atol=1e-5)


def gradients(samples=96, n=32, seed=0):
    """u = the central difference of a: a stencil, which a convolution holds exactly."""
    rng = np.random.default_rng(seed)
    k, x = np.arange(1, 6), np.arange(n) / n
    a = np.einsum(
        "sk,skx->sx",
        rng.standard_normal((samples, 5)),
        np.cos(2 * np.pi * (k[:, None] * x + rng.random((samples, 5, 1)))),
    )
    u = (np.roll(a, -1, axis=1) - np.roll(a, 1, axis=1)) / 2
    return xr.Dataset({"a": (("sample", "x"), a), "u": (("sample", "x"), u)}, coords={"x": x})


PROBLEM = Problem(
    name="gradient",
    kind="steady",
    inputs=(Variable(name="a", dims=("x",), description="field", periodic=True),),
    targets=(Variable(name="u", dims=("x",), description="difference", periodic=True),),
)


def test_a_stencil_is_learnt():
    predictor = fit(UNet(width=8, depth=2, updates=150, learning_rate=1e-2), PROBLEM, gradients(256))
    test = gradients(20, seed=1)
    p, u = predictor(test[["a"]])["u"].values, test["u"].values
    assert np.mean(np.linalg.norm(p - u, axis=1) / np.linalg.norm(u, axis=1)) < 0.05


def test_same_seed_same_bytes_and_pickles():
    data = gradients(24)
    method = UNet(width=8, depth=2, updates=5)
    first, again, other = (fit(method, PROBLEM, data, seed) for seed in (1, 1, 2))
    inputs = data[["a"]]
    xr.testing.assert_identical(first(inputs), again(inputs))
    xr.testing.assert_identical(first(inputs), pickle.loads(pickle.dumps(first))(inputs))
    assert not first(inputs).equals(other(inputs))


def test_it_predicts_on_a_finer_grid():
    fine = gradients(4, n=50)
    result = fit(UNet(width=8, depth=2, updates=3), PROBLEM, gradients(16))(fine[["a"]])
    assert result["u"].shape == (4, 50)


def test_no_more_halvings_than_leave_two_points():
    assert UNet(depth=9).build(1, 1, (8, 32), True).depth == 2


def test_reduced_precision_runs():
    data = gradients(16)
    result = fit(UNet(width=8, depth=1, updates=5, precision="bf16-mixed"), PROBLEM, data)(data[["a"]])
    assert np.isfinite(result["u"]).all()


def test_a_depth_without_meaning_is_refused():
    with pytest.raises(UsageError, match="depth is 0, but must be at least 1"):
        fit(UNet(depth=0), PROBLEM, gradients(8))
