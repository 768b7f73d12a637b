"""The Gaussian process against the formulas of its posterior, and its intervals against their promise."""

import numpy as np
import pytest
import scipy.stats
import xarray as xr

from sciml_bench import metrics
from sciml_bench.methods.gaussian_process import GaussianProcess, _factor
from sciml_bench.problem import Problem, Variable
from sciml_bench.testing import Silent

PROBLEM = Problem(
    name="table",
    kind="regression",
    inputs=tuple(Variable(name=n, dims=(), description=n, kind="scalar") for n in ("a", "b")),
    targets=(Variable(name="u", dims=(), description="u", unit="m", kind="scalar"),),
)


def draw(samples, seed, noise):
    rng = np.random.default_rng(seed)
    a, b = rng.uniform(-1, 1, (2, samples))
    u = 5 + np.sin(3 * a) + 0 * b + noise * rng.standard_normal(samples)
    return xr.Dataset({n: (("sample",), v, {"units": "m"}) for n, v in {"a": a, "b": b, "u": u}.items()})


def fit(method, train, valid, log=None):
    return method.fit(train, valid, problem=PROBLEM, budget=None, seed=0, device="cpu", log=log or Silent())


def test_mean_and_spread_are_those_of_the_posterior():
    train, valid, test = draw(30, 0, 0.1), draw(20, 1, 0.1), draw(9, 2, 0.1)
    predict = fit(GaussianProcess(kernel="rbf", calibrate=False, members=3), train, valid)
    answer = predict(test[["a", "b"]])["u"]
    k = predict.processes[0][0].model.kernel_
    scale, lengths, noise = k.k1.k1.constant_value, k.k1.k2.length_scale, k.k2.noise_level
    centre, size = train.u.values.mean(), train.u.values.std()

    def columns(data):
        return np.stack([(data[n].values - train[n].values.mean()) / train[n].values.std() for n in "ab"], axis=1)

    def covariance(x, y):
        return scale * np.exp(-0.5 * (((x[:, None] - y[None]) / lengths) ** 2).sum(axis=2))

    x, z = columns(train), columns(test)
    inner = covariance(x, x) + noise * np.eye(30)
    mean = covariance(z, x) @ np.linalg.solve(inner, (train.u.values - centre) / size)
    variance = scale + noise - np.einsum("ij,ji->i", covariance(z, x), np.linalg.solve(inner, covariance(x, z)))
    assert np.allclose(answer.mean("member"), centre + size * mean, atol=1e-5)
    steps = scipy.stats.norm.ppf([0.25, 0.5, 0.75])
    expected = centre + size * (mean + np.sqrt(variance) * steps[:, None])
    assert np.allclose(answer.transpose("member", "sample"), expected, atol=1e-5)
    assert answer.attrs["units"] == "m"


def test_intervals_hold_what_they_promise():
    predict = fit(GaussianProcess(), draw(150, 0, 0.3), draw(60, 1, 0.3))
    test = draw(1000, 2, 0.3)
    scores, _ = metrics.uncertainty.evaluate(predict(test[["a", "b"]]), test[["u"]], None)
    assert 0.85 < scores["coverage_90"] < 0.95
    assert 0.42 < scores["coverage_50"] < 0.58
    # The noise alone has a 90 % interval of 2 · 1.645 · 0.3 and a CRPS of 0.3 / √π.
    assert scores["width_90"] == pytest.approx(2 * 1.645 * 0.3, rel=0.2)
    assert scores["crps"] == pytest.approx(0.3 / np.sqrt(np.pi), rel=0.1)


def test_thirty_nine_members_give_the_intervals_of_the_distribution():
    predict = fit(GaussianProcess(kernel="rbf", calibrate=False), draw(40, 0, 0.2), draw(20, 1, 0.2))
    answer = predict(draw(5, 2, 0.2)[["a", "b"]])["u"].transpose("sample", "member").values
    mean, std = predict.processes[0][0](predict.table.rows(draw(5, 2, 0.2)[["a", "b"]]))
    scale = predict.table.targets[0]
    for level, (low, high) in {0.9: (1, 37), 0.5: (9, 29)}.items():
        half = scipy.stats.norm.ppf(0.5 + level / 2) * std * scale.std[0]
        assert np.allclose(answer[:, high] - answer[:, low], 2 * half)
    assert np.allclose(answer.mean(axis=1), mean * scale.std[0] + scale.mean[0])


def test_a_smooth_function_is_interpolated_and_the_idle_input_found():
    log = Silent()
    predict = fit(GaussianProcess(kernel="rbf"), draw(60, 0, 0.0), draw(20, 1, 0.0), log)
    test = draw(50, 2, 0.0)
    assert np.abs(predict(test[["a", "b"]])["u"].mean("member").values - test.u.values).max() < 2e-3
    lengths = predict.processes[0][0].model.kernel_.k1.k2.length_scale
    assert lengths[1] > 20 * lengths[0]
    assert log.facts["parameters"] == 4


def test_validation_chooses_the_smoothness():
    log, rough = Silent(), Silent()
    fit(GaussianProcess(), draw(60, 0, 0.0), draw(40, 1, 0.0), log)
    parts = [d.assign(u=np.abs(d.a) + np.abs(d.a - 0.5)) for d in (draw(60, 0, 0.0), draw(40, 1, 0.0))]
    fit(GaussianProcess(), *parts, rough)
    assert log.facts["kernel/u"].startswith("rbf")
    assert rough.facts["kernel/u"].startswith("matern32")
    assert len(log.curves["valid_loss"]) == 3


def test_factor_is_one_for_the_right_model():
    normal = np.abs(np.random.default_rng(0).standard_normal(5000))
    assert _factor(normal) == pytest.approx(1, abs=0.03)
    assert _factor(3 * normal) == pytest.approx(3, abs=0.1)
    assert _factor(normal[:8]) == 1.0
    # Of 9 samples the ninth of ten parts lies at the largest.
    assert _factor(np.arange(1.0, 10.0)) == pytest.approx(9 / 1.6448536)


def test_it_takes_a_bounded_number_of_samples():
    predict = fit(GaussianProcess(kernel="rbf", most_samples=25), draw(80, 0, 0.1), draw(20, 1, 0.1))
    assert len(predict.processes[0][0].model.X_train_) == 25
