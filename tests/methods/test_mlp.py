"""The perceptron and the loop for vectors: what it learns, what it remembers, what it leaves alone."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import xarray as xr

from sciml_bench.method.vector_network import Head, total
from sciml_bench.methods.mlp import MLP
from sciml_bench.problem import Problem, Variable
from sciml_bench.testing import Silent

PROBLEM = Problem(
    name="table",
    kind="regression",
    inputs=(Variable(name="a", dims=(), description="a", kind="scalar"),),
    targets=(Variable(name="u", dims=(), description="u", kind="scalar"),),
)
SMALL = MLP(width=32, depth=2, updates=600, validations=6)


def draw(samples, seed):
    a = np.random.default_rng(seed).uniform(-1, 1, samples)
    return xr.Dataset({"a": (("sample",), a), "u": (("sample",), 100 + 7 * np.sin(4 * a))})


def fit(method, log=None):
    return method.fit(
        draw(120, 0), draw(40, 1), problem=PROBLEM, budget=None, seed=2, device="cpu", log=log or Silent()
    )


def error(predict):
    test = draw(100, 2)
    return float(np.sqrt(((predict(test[["a"]])["u"].values - test.u.values) ** 2).mean() / test.u.values.var()))


def test_it_learns_a_sine():
    log = Silent()
    assert error(fit(SMALL, log)) < 0.02
    # (1 + 1)·32 + (32 + 1)·32 + (32 + 1)·1 weights.
    assert log.facts["parameters"] == 2 * 32 + 33 * 32 + 33


def test_double_precision_works():
    predict = fit(replace(SMALL, precision="64-true", updates=50))
    assert next(predict.module.parameters()).dtype == torch.float64
    assert np.isfinite(error(predict))


def test_dropout_acts_in_training_only():
    predict = fit(replace(SMALL, dropout=0.3))
    inputs = draw(20, 2)[["a"]]
    assert predict(inputs).identical(predict(inputs))
    predict.module.train()
    assert not predict(inputs).identical(predict(inputs))
    assert sum(isinstance(m, torch.nn.Dropout) for m in predict.module.modules()) == 2


def test_loss_is_the_mean_over_targets_of_square_error_and_cross_entropy():
    predicted = torch.tensor([[1.0, 0.0, np.log(3.0)], [3.0, 0.0, 0.0]])
    truth = torch.tensor([[0.0, 0.0, 1.0], [1.0, 1.0, 0.0]])
    heads = [Head(slice(0, 1), False), Head(slice(1, 3), True)]
    square, entropy = (1 + 4) / 2, (np.log(4 / 3) + np.log(2)) / 2
    assert float(total(predicted, truth, heads)) == pytest.approx((square + entropy) / 2)
