"""The tensorised and the U-shaped neural operator: what they learn, on which grids, and how large they are."""

import numpy as np
import pytest
import torch
import xarray as xr

from sciml_bench.errors import UsageError
from sciml_bench.methods.fno import FNO
from sciml_bench.methods.mc_dropout import dropout_layers
from sciml_bench.methods.pino import PINO
from sciml_bench.methods.tfno import TFNO
from sciml_bench.methods.uno import UNO
from sciml_bench.problem import Problem, Variable


class Silent:
    def progress(self, fraction, message=""):
        pass

    def curve(self, name, step, value):
        pass

    def fact(self, name, value):
        pass


PROBLEM = Problem(
    name="smoothing",
    kind="steady",
    inputs=(Variable(name="a", dims=("x",), description="source", periodic=True),),
    targets=(Variable(name="u", dims=("x",), description="solution", periodic=True),),
)


def smoothing(samples, n, seed):
    """û(k) = â(k) / (1 + k²/4), on a circle."""
    rng = np.random.default_rng(seed)
    k = np.arange(1, 6)
    c = rng.standard_normal((samples, 5)) / k * np.exp(2j * np.pi * rng.random((samples, 5)))
    waves = np.exp(2j * np.pi * np.outer(k, np.arange(n) / n))
    a, u = (c @ waves).real, ((c / (1 + k**2 / 4)) @ waves).real
    return xr.Dataset({"a": (("sample", "x"), a), "u": (("sample", "x"), u)}, coords={"x": np.arange(n) / n})


def fit(method, problem, data):
    n = data.sizes["sample"]
    parts = data.isel(sample=slice(0, 3 * n // 4)), data.isel(sample=slice(3 * n // 4, n))
    return method.fit(*parts, problem=problem, budget=None, seed=0, device="cpu", log=Silent())


def error(predictor, data):
    p, u = predictor(data[["a"]])["u"].values, data["u"].values
    return float((np.linalg.norm(p - u, axis=1) / np.linalg.norm(u, axis=1)).mean())


def parameters(network):
    return sum(p.numel() * (2 if p.is_complex() else 1) for p in network.parameters())


def test_the_tensorised_operator_learns_a_multiplier_on_every_grid():
    method = TFNO(width=16, modes=6, layers=2, rank=0.5, updates=250, learning_rate=1e-2, clip_norm=0.0)
    predictor = fit(method, PROBLEM, smoothing(192, 32, 0))
    assert error(predictor, smoothing(20, 32, 1)) < 0.03
    assert error(predictor, smoothing(20, 64, 1)) < 0.05


def test_the_u_shaped_operator_learns_a_multiplier():
    method = UNO(width=16, modes=6, depth=1, updates=150, learning_rate=5e-3, clip_norm=0.0)
    predictor = fit(method, PROBLEM, smoothing(192, 32, 0))
    assert error(predictor, smoothing(20, 32, 1)) < 0.05
    assert error(predictor, smoothing(20, 64, 1)) < 0.15


def test_rank_is_the_share_of_the_parameters():
    def multipliers(network):
        return parameters(network.fno_blocks.convs)

    dense = multipliers(FNO(width=32, modes=8).build(1, 1, (32, 32), True))
    for rank in (0.05, 0.2, 0.5):
        share = multipliers(TFNO(width=32, modes=8, rank=rank).build(1, 1, (32, 32), True)) / dense
        assert share == pytest.approx(rank, rel=0.2)


@pytest.mark.parametrize("method", [TFNO(width=6, modes=4, layers=2), UNO(width=6, modes=4, depth=2)])
@pytest.mark.parametrize("grid", [(33,), (17, 24), (8, 9, 10)])
def test_any_grid_in_one_to_three_dimensions(method, grid, capsys):
    torch.manual_seed(0)
    network = method.build(2, 3, grid, False)
    x = torch.randn(2, 2, *grid)
    assert network(x).shape == (2, 3, *grid)
    finer = tuple(2 * n - 1 for n in grid)
    assert network(torch.randn(1, 2, *finer)).shape == (1, 3, *finer)
    torch.testing.assert_close(network(x)[1:], network(x[1:]), rtol=1e-4, atol=1e-5)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("grid", [(32,), (16, 16)])
@pytest.mark.parametrize("method", [FNO, TFNO, UNO, PINO])
def test_dropout_acts_in_training_alone(method, grid):
    x = torch.randn(2, 1, *grid, generator=torch.Generator().manual_seed(0))

    def network(rate):
        torch.manual_seed(0)
        return method(width=8, modes=4, dropout=rate).build(1, 1, grid, True)

    plain, thinned = network(0.0), network(0.5)
    torch.manual_seed(1)
    assert torch.equal(plain(x), plain(x))
    assert not torch.allclose(thinned(x), thinned(x))
    torch.testing.assert_close(thinned.eval()(x), plain.eval()(x))
    assert not list(dropout_layers(plain))
    assert list(dropout_layers(thinned))


def test_the_u_shape_has_one_level_for_each_halving():
    for depth, levels in ((1, [1, 1, 2, 2, 1, 1]), (2, [1, 1, 2, 4, 4, 2, 1, 1])):
        network = UNO(width=6, modes=4, depth=depth).build(1, 1, (32,), True)
        assert [6 * k for k in levels[1:]] == network.uno_out_channels
        seen = []
        for block in network.fno_blocks:
            block.register_forward_hook(lambda _, __, y, seen=seen: seen.append(y.shape[-1]))
        network(torch.randn(1, 1, 32))
        assert seen == [32 // k for k in levels[1:]]


@pytest.mark.parametrize(
    ("method", "words"),
    [
        (TFNO(rank=0.0), "rank is 0.0, but must be above 0 and at most 1"),
        (TFNO(rank=2.0), "rank is 2.0, but must be above 0 and at most 1"),
        (TFNO(modes=0), "modes is 0, but must be at least 1"),
        (UNO(depth=0), "depth is 0, but must be at least 1"),
        (UNO(domain_padding=2.0), "domain_padding is 2.0, but must lie between 0 and 1"),
        (UNO(dropout=1.0), r"dropout is 1\.0, but must lie between 0 and 0\.9"),
        (UNO(noise=0.1), "noise is 0.1, but the forecast is direct"),
    ],
)
def test_values_without_meaning_are_refused(method, words):
    with pytest.raises(UsageError, match=words):
        fit(method, PROBLEM, smoothing(8, 16, 0))
