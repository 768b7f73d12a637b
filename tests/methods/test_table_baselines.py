"""Ridge and nearest neighbours, against the formulas that define them."""

import numpy as np
import pytest
import xarray as xr

from sciml_bench.methods.nearest_neighbours import NearestNeighbours
from sciml_bench.methods.ridge import Ridge
from sciml_bench.problem import Problem, Variable
from sciml_bench.testing import Silent

INPUTS = tuple(Variable(name=n, dims=(), description=n, kind="scalar") for n in ("a", "b"))
NUMBER = Variable(name="u", dims=(), description="u", kind="scalar")
KIND = Variable(name="kind", dims=(), description="kind", kind="label", classes=("x", "y", "z"))
REGRESSION = Problem(name="table", kind="regression", inputs=INPUTS, targets=(NUMBER,))
CLASSES = Problem(name="classes", kind="classification", inputs=INPUTS, targets=(KIND,))


def draw(samples, seed, noise=0.5):
    rng = np.random.default_rng(seed)
    a, b = rng.standard_normal((2, samples)) * [[3.0], [0.01]]
    u = 2 * a - 50 * b + 1 + noise * rng.standard_normal(samples)
    kind = (u + 2 * rng.standard_normal(samples) > 0).astype(np.int64) + (a > 2)
    return xr.Dataset({n: (("sample",), v) for n, v in {"a": a, "b": b, "u": u, "kind": kind}.items()})


def fit(method, problem, train, valid, log=None):
    return method.fit(train, valid, problem=problem, budget=None, seed=0, device="cpu", log=log or Silent())


def columns(data, train):
    return np.stack([(data[n].values - train[n].values.mean()) / train[n].values.std() for n in ("a", "b")], axis=1)


def test_ridge_is_the_solution_of_its_normal_equations():
    train, valid, test = draw(40, 0), draw(20, 1), draw(15, 2)
    log = Silent()
    found = fit(Ridge(), REGRESSION, train, valid, log)(test[["a", "b"]])["u"].values
    penalty, x, y = float(log.facts["penalty/u"]), columns(train, train), train.u.values
    slopes = np.linalg.solve(x.T @ x / 40 + penalty * np.eye(2), x.T @ (y - y.mean()) / 40)
    assert np.allclose(found, y.mean() + columns(test, train) @ slopes)
    assert log.facts["parameters"] == 3


def test_ridge_finds_an_affine_map_and_the_least_penalty():
    log = Silent()
    test = draw(15, 2, noise=0.0)
    predict = fit(Ridge(), REGRESSION, draw(40, 0, noise=0.0), draw(20, 1, noise=0.0), log)
    assert log.facts["penalty/u"] == "1e-06"
    assert np.abs(predict(test[["a", "b"]])["u"].values - test.u.values).max() < 1e-4


def test_the_logistic_counterpart_is_stationary():
    """Xᵀ(p − y)/n + λW = 0 and the mean of p is that of y: the conditions of the penalised likelihood."""
    train, valid = draw(80, 0), draw(40, 1)
    log = Silent()
    predict = fit(Ridge(), CLASSES, train, valid, log)
    p, y, x = predict(train[["a", "b"]])["kind"].values, np.eye(3)[train.kind.values], columns(train, train)
    slopes = predict.models[0].model.coef_
    gradient = (p - y).T @ x / 80 + float(log.facts["penalty/kind"]) * slopes
    assert np.abs(gradient).max() < 1e-5
    assert np.allclose(p.mean(axis=0), y.mean(axis=0), atol=1e-5)
    assert np.abs(slopes).max() > 0.1


@pytest.mark.parametrize("problem", [REGRESSION, CLASSES], ids=["numbers", "classes"])
def test_neighbours_are_averaged_as_the_formula_says(problem):
    train, valid, test = draw(60, 0), draw(30, 1), draw(12, 2)
    log = Silent()
    name = problem.targets[0].name
    found = fit(NearestNeighbours(), problem, train, valid, log)(test[["a", "b"]])[name].values
    count, weights = eval(log.facts[f"neighbours/{name}"])
    distance = np.linalg.norm(columns(test, train)[:, None] - columns(train, train)[None], axis=2)
    values = train.u.values[:, None] if name == "u" else np.eye(3)[train.kind.values]
    for row, answer in zip(distance, found.reshape(12, -1), strict=True):
        near = np.argsort(row)[:count]
        share = np.ones(count) if weights == "uniform" else 1 / row[near]
        assert np.allclose(answer, share @ values[near] / share.sum())


def test_more_noise_takes_more_neighbours():
    counts = []
    for noise in (0.0, 20.0):
        log = Silent()
        fit(NearestNeighbours(), REGRESSION, draw(200, 0, noise), draw(100, 1, noise), log)
        counts.append(eval(log.facts["neighbours/u"])[0])
    assert counts[0] < 6 < 20 < counts[1]


def test_a_training_sample_is_its_own_neighbour():
    train = draw(30, 0)
    predict = fit(NearestNeighbours(most=1), REGRESSION, train, draw(10, 1))
    assert np.allclose(predict(train[["a", "b"]])["u"].values, train.u.values)
