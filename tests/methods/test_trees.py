"""Forest and boosting: the best single split by hand, what no linear map can do, and stopping in time."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from sciml_bench.methods.lightgbm import LightGBM
from sciml_bench.methods.random_forest import RandomForest
from sciml_bench.methods.ridge import Ridge
from sciml_bench.methods.xgboost import XGBoost
from sciml_bench.problem import Problem, Variable
from sciml_bench.testing import Silent

PROBLEM = Problem(
    name="table",
    kind="regression",
    inputs=tuple(Variable(name=n, dims=(), description=n, kind="scalar") for n in ("a", "b")),
    targets=(Variable(name="u", dims=(), description="u", kind="scalar"),),
)
TREES = {
    "random_forest": RandomForest(trees=40),
    "xgboost": XGBoost(rounds=300),
    "lightgbm": LightGBM(rounds=300),
}
STUMPS = {
    "xgboost": XGBoost(rounds=1, learning_rate=1.0, depth=1, rows=1.0, columns=1.0, penalty=0.0),
    "lightgbm": LightGBM(rounds=1, learning_rate=1.0, leaves=2, min_child=1, rows=1.0, columns=1.0, penalty=0.0),
}


def draw(samples, seed, of):
    a, b = np.random.default_rng(seed).uniform(-1, 1, (2, samples))
    return xr.Dataset({name: (("sample",), v) for name, v in {"a": a, "b": b, "u": of(a, b)}.items()})


def fit(method, train, valid, log=None):
    return method.fit(train, valid, problem=PROBLEM, budget=None, seed=1, device="cpu", log=log or Silent())


def error(predict, data):
    p = predict(data[["a", "b"]])["u"].values
    return float(np.sqrt(((p - data.u.values) ** 2).mean() / data.u.values.var()))


def best_split(data):
    """Return column, gap and the two means of the split with the least sum of squares, by trying all."""
    found = []
    for name in ("a", "b"):
        order = np.argsort(data[name].values)
        x, u = data[name].values[order], data.u.values[order]
        for k in range(1, len(u)):
            loss = u[:k].var() * k + u[k:].var() * (len(u) - k)
            found.append((loss, name, x[k - 1], x[k], u[:k].mean(), u[k:].mean()))
    return min(found)[1:]


@pytest.mark.parametrize("name", STUMPS)
def test_one_split_is_the_best_one(name):
    train = draw(60, 0, lambda a, b: np.where(a > 0.3, 2.0, 0.0) + 0.3 * b)
    column, low, high, below, above = best_split(train)
    test = draw(400, 1, lambda a, b: a)
    test = test.isel(sample=(test[column].values < low) | (test[column].values > high))
    expected = np.where(test[column].values > high, above, below)
    found = fit(STUMPS[name], train, train)(test[["a", "b"]])["u"].values
    assert np.allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("name", TREES)
def test_an_interaction_is_learnt_that_no_linear_map_can(name):
    parts = [draw(n, s, lambda a, b: np.sign(a * b)) for n, s in ((300, 0), (80, 1), (200, 2))]
    assert error(fit(Ridge(), *parts[:2]), parts[2]) > 0.95
    assert error(fit(TREES[name], *parts[:2]), parts[2]) < 0.5


def bending(method):
    """By how much predictions of the training part change, in the median, when a column is bent monotonically."""
    parts = [draw(n, s, lambda a, b: np.sin(3 * a) + b) for n, s in ((200, 0), (50, 1))]
    bent = [p.assign(a=np.exp(3 * p.a)) for p in parts]
    plain, other = (fit(method, *q)(q[0][["a", "b"]])["u"].values for q in (parts, bent))
    return np.median(np.abs(plain - other)) / plain.std()


@pytest.mark.parametrize("name", TREES)
def test_only_the_order_of_a_column_matters(name):
    assert bending(TREES[name]) < 0.03 < 0.1 < bending(Ridge())


@pytest.mark.parametrize("name", TREES)
def test_it_is_constant_beyond_the_training_range(name):
    predict = fit(TREES[name], *(draw(n, s, lambda a, b: 4 * a) for n, s in ((200, 0), (50, 1))))
    far = xr.Dataset({"a": (("sample",), [1.0, 5.0, 50.0]), "b": (("sample",), [0.0, 0.0, 0.0])})
    answer = predict(far)["u"].values
    assert answer[0] == answer[1] == answer[2]
    assert answer[0] == pytest.approx(4, abs=0.4)


@pytest.mark.parametrize("name", ["xgboost", "lightgbm"])
def test_boosting_stops_when_validation_says_so(name):
    noise = np.random.default_rng(9)
    parts = [draw(n, s, lambda a, b: a + noise.standard_normal(len(a))) for n, s in ((100, 0), (100, 1), (400, 2))]
    log, on = Silent(), Silent()
    early = error(fit(replace(TREES[name], patience=20), *parts[:2], log), parts[2])
    late = error(fit(TREES[name], parts[0], parts[0], on), parts[2])
    assert log.facts["best_round"] < 100 < on.facts["best_round"]
    assert early < 0.95 * late
    values = [v for _, v in log.curves["valid_loss"]]
    assert values.index(min(values)) + 1 == log.facts["best_round"]


@pytest.mark.parametrize(
    ("name", "size", "sizes"), [("xgboost", "depth", (2, 4, 6)), ("lightgbm", "leaves", (4, 15, 63))]
)
def test_the_size_of_the_trees_is_what_validation_prefers(name, size, sizes):
    noise = np.random.default_rng(4)
    parts = [draw(n, s, lambda a, b: a + b + 0.3 * noise.standard_normal(len(a))) for n, s in ((100, 0), (100, 1))]
    log, each = Silent(), {}
    fit(TREES[name], *parts, log)
    for value in sizes:
        alone = Silent()
        fit(replace(TREES[name], **{size: value}), *parts, alone)
        each[value] = alone.facts["valid_loss/u"]
    assert len(set(each.values())) > 1
    assert log.facts[f"{size}/u"] == str(min(each, key=each.get))


@pytest.mark.parametrize(("noise", "leaf"), [(0.0, "1)"), (1.0, "5)")])
def test_a_forest_chooses_larger_leaves_for_noise(noise, leaf):
    rng, log = np.random.default_rng(9), Silent()
    parts = [draw(150, seed, lambda a, b: a + b + noise * rng.standard_normal(len(a))) for seed in (0, 1)]
    fit(TREES["random_forest"], *parts, log)
    assert log.facts["features, leaf/u"].endswith(leaf)
