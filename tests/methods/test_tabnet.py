"""TabNet: sparsemax by its definition, masks that find the column that matters, and ghost batches that stay out of predictions."""

import numpy as np
import pytest
import scipy.optimize
import torch
import xarray as xr

from sciml_bench.methods.tabnet import TabNet
from sciml_bench.methods.tabnet.network import GhostBatchNorm, Network, Sparsemax
from sciml_bench.problem import Problem, Variable
from sciml_bench.testing import Silent

NAMES = tuple("abcdef")
PROBLEM = Problem(
    name="table",
    kind="regression",
    inputs=tuple(Variable(name=n, dims=(), description=n, kind="scalar") for n in NAMES),
    targets=(Variable(name="u", dims=(), description="u", kind="scalar"),),
)
SMALL = TabNet(decision=8, attention=8, steps=2, updates=200, validations=4, batch_size=64, ghost=32, sparsity=1e-2)


def draw(samples, seed):
    rng = np.random.default_rng(seed)
    data = {n: (("sample",), rng.standard_normal(samples)) for n in NAMES}
    return xr.Dataset(data | {"u": (("sample",), np.sin(2 * data["c"][1]))})


def network(**changes):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        arguments = {"decision": 4, "attention": 4, "steps": 3, "relaxation": 1.5, "ghost": 8, "momentum": 0.1}
        return Network(5, 2, **{**arguments, **changes})


@pytest.fixture(scope="module")
def fitted():
    log = Silent()
    predict = SMALL.fit(draw(300, 0), draw(80, 1), problem=PROBLEM, budget=None, seed=1, device="cpu", log=log)
    return predict, log


def test_sparsemax_is_the_nearest_point_of_the_simplex():
    z = np.random.default_rng(0).standard_normal((4, 5))
    found = Sparsemax()(torch.as_tensor(z)).numpy()
    for row, answer in zip(z, found, strict=True):
        nearest = scipy.optimize.minimize(
            lambda p, row=row: ((p - row) ** 2).sum(),
            np.full(5, 0.2),
            bounds=[(0, 1)] * 5,
            constraints={"type": "eq", "fun": lambda p: p.sum() - 1},
            tol=1e-12,
        )
        assert np.allclose(answer, nearest.x, atol=1e-5)
    assert (found == 0).any()


def test_sparsemax_by_hand():
    found = Sparsemax()(torch.tensor([[0.1, 0.0], [3.0, 0.0], [0.5, 0.5]], dtype=torch.float64))
    assert torch.allclose(found, torch.tensor([[0.55, 0.45], [1.0, 0.0], [0.5, 0.5]], dtype=torch.float64))


def test_ghost_batches_are_normalised_each_on_its_own():
    norm = GhostBatchNorm(3, 4, momentum=0.1).train()
    x = torch.randn(8, 3, generator=torch.Generator().manual_seed(0)) * torch.tensor([1.0, 5.0, 0.1]) + 2
    found = norm(x)
    for part in (slice(0, 4), slice(4, 8)):
        assert torch.allclose(found[part].mean(dim=0), torch.zeros(3), atol=1e-5)
        expected = (x[part] - x[part].mean(0)) / torch.sqrt(x[part].var(0, unbiased=False) + 1e-5)
        assert torch.allclose(found[part], expected, atol=1e-5)


def test_a_prediction_does_not_depend_on_its_companions():
    net = network().train()
    net(torch.randn(32, 5, generator=torch.Generator().manual_seed(0)))
    x = torch.randn(17, 5, generator=torch.Generator().manual_seed(1))
    net.eval()
    with torch.no_grad():
        assert torch.allclose(net(x)[3:4], net(x[3:4]), atol=1e-6)


def test_masks_are_sparse_distributions_over_columns():
    net = network().eval()
    x = torch.randn(20, 5, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        masks = net.masks(x)
    assert len(masks) == 3
    for mask in masks:
        assert torch.allclose(mask.sum(dim=1), torch.ones(20), atol=1e-6)
        assert (mask >= 0).all()
    with torch.no_grad():
        net(x)
    entropy = [float(-(m[m > 0] * torch.log(m[m > 0])).sum() / 20) for m in masks]
    assert float(net.mask_entropy) == pytest.approx(np.mean(entropy), rel=1e-5)


def test_a_smaller_relaxation_turns_later_steps_to_other_columns():
    overlap = []
    for relaxation in (1.0, 3.0):
        net = network(relaxation=relaxation).eval()
        for attend in net.attention:
            attend[0].weight.data *= 100
        with torch.no_grad():
            first, second, _ = net.masks(torch.randn(200, 5, generator=torch.Generator().manual_seed(1)))
        overlap.append(float((first * second).sum(dim=1).mean()))
    assert overlap[0] < 0.7 * overlap[1]


def rms(error):
    return np.sqrt((error**2).mean())


def best_linear(train, test):
    """Return the error of least squares, which sees little of sin(2c)."""
    x, y = (np.column_stack([np.ones(d.sizes["sample"]), *(d[n].values for n in NAMES)]) for d in (train, test))
    return rms(y @ np.linalg.lstsq(x, train.u.values, rcond=None)[0] - test.u.values)


def test_it_learns_and_looks_at_the_column_that_matters(fitted):
    predict, log = fitted
    test = draw(200, 2)
    p = predict(test[list(NAMES)])["u"].values
    assert rms(p - test.u.values) < 0.5 * best_linear(
        draw(300, 0), test
    )  # so short a fit ends elsewhere on another processor
    with torch.no_grad():
        masks = predict.module.masks(torch.as_tensor(predict.table.rows(test[list(NAMES)]), dtype=torch.float32))
    attention = torch.stack(masks).mean(dim=(0, 1))
    assert int(attention.argmax()) == NAMES.index("c")
    assert log.facts["parameters"] == sum(p.numel() for p in predict.module.parameters())


def test_sparsity_makes_masks_sparser():
    spread = []
    for sparsity in (0.0, 0.3):
        method = TabNet(decision=8, attention=8, steps=2, updates=60, validations=2, ghost=32, sparsity=sparsity)
        predict = method.fit(
            draw(200, 0), draw(50, 1), problem=PROBLEM, budget=None, seed=1, device="cpu", log=Silent()
        )
        with torch.no_grad():
            predict.module(torch.as_tensor(predict.table.rows(draw(100, 2)), dtype=torch.float32))
        spread.append(float(predict.module.mask_entropy))
    assert spread[1] < 0.7 * spread[0]
