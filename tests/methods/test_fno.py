"""The Fourier neural operator on problems whose answer is known in closed form."""

import pickle
import subprocess
import sys

import numpy as np
import pytest
import xarray as xr

from sciml_bench.errors import UsageError
from sciml_bench.methods.fno import FNO
from sciml_bench.problem import Problem, Variable


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
    return method.fit(
        data.isel(sample=slice(0, 3 * n // 4)),
        data.isel(sample=slice(3 * n // 4, n)),
        problem=problem,
        budget=None,
        seed=seed,
        device="cpu",
        log=log or Notes(),
    )


def error(prediction, truth):
    p, u = (a.values.reshape(len(a), -1) for a in (prediction, truth))
    return float((np.linalg.norm(p - u, axis=1) / np.linalg.norm(u, axis=1)).mean())


def waves(samples, n, seed, highest=5):
    """Random trigonometric polynomials on n points: exact on every grid that resolves them."""
    rng = np.random.default_rng(seed)
    k, x = np.arange(1, highest + 1), np.arange(n) / n
    c = rng.standard_normal((samples, 2, highest)) / k
    return c, k, 2 * np.pi * k[:, None] * x, x


def smoothing(samples=64, n=32, seed=0):
    """û(k) = â(k) / (1 + k²/4): the solution operator of u − u″/(4·4π²) = a."""
    c, k, phase, x = waves(samples, n, seed)
    a, u = (
        np.einsum("sk,kx->sx", f * c[:, 0], np.cos(phase)) + np.einsum("sk,kx->sx", f * c[:, 1], np.sin(phase))
        for f in (np.ones(len(k)), 1 / (1 + k**2 / 4))
    )
    return xr.Dataset({"a": (("sample", "x"), a), "u": (("sample", "x"), u)}, coords={"x": x})


STEADY = Problem(
    name="smoothing",
    kind="steady",
    inputs=(Variable(name="a", dims=("x",), description="source", periodic=True),),
    targets=(Variable(name="u", dims=("x",), description="solution", periodic=True),),
)


def heat(samples=48, n=16, history=2, steps=4, seed=0):
    """u(x, t) = Σ c_k e^(−k² t / 40) e^(2πikx): frames of a heat equation."""
    c, k, phase, x = waves(samples, n, seed)
    t = np.arange(history + steps, dtype=float)
    decay = np.exp(-np.outer(t, k**2) / 40)
    w = np.einsum("tk,sk,kx->stx", decay, c[:, 0], np.cos(phase)) + np.einsum(
        "tk,sk,kx->stx", decay, c[:, 1], np.sin(phase)
    )
    return xr.Dataset(
        {"w0": (("sample", "history", "x"), w[:, :history]), "w": (("sample", "time", "x"), w[:, history:])},
        coords={"history": t[:history], "time": t[history:], "x": x},
    )


HEAT = Problem(
    name="heat",
    kind="evolution",
    inputs=(Variable(name="w0", dims=("history", "x"), description="given frames"),),
    targets=(Variable(name="w", dims=("time", "x"), description="heat", initial="w0", periodic=True),),
)
TINY = FNO(width=8, modes=5, layers=2, updates=20, validations=1)


def test_importing_the_method_imports_no_framework():
    code = "import sys, sciml_bench.methods.fno, sciml_bench.methods.unet; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_fourier_multiplier_is_learnt_on_every_grid():
    method = FNO(width=16, modes=6, layers=2, updates=150, learning_rate=1e-2, clip_norm=0.0)
    predictor = fit(method, STEADY, smoothing(256))
    test, fine = smoothing(20, seed=1), smoothing(20, n=64, seed=1)
    assert error(predictor(test[["a"]])["u"], test["u"]) < 0.02
    result = predictor(fine[["a"]])
    np.testing.assert_array_equal(result["x"], fine["x"])
    assert error(result["u"], fine["u"]) < 0.03


def test_the_heat_equation_is_forecast_step_by_step():
    log, data = Notes(), heat(96)
    predictor = fit(FNO(width=16, modes=6, layers=2, updates=80), HEAT, data, log=log)
    assert log.facts["forecast"] == "autoregressive"
    test = heat(10, seed=1)
    result = predictor(test[["w0"]])
    xr.testing.assert_equal(result.drop_vars("w"), test[["w"]].drop_vars("w"))
    assert error(result["w"], test["w"]) < 0.03


@pytest.mark.parametrize("forecast", ["direct", "autoregressive"])
def test_predictions_depend_on_neither_order_nor_company_nor_pickling(forecast):
    data = heat(70)
    predictor = fit(FNO(width=8, modes=4, layers=1, updates=5, forecast=forecast), HEAT, data)
    inputs = data[["w0"]]
    whole = predictor(inputs)["w"]
    part = pickle.loads(pickle.dumps(predictor))(inputs.isel(sample=[69, 3]))["w"]
    np.testing.assert_allclose(part, whole.isel(sample=[69, 3]), rtol=1e-4, atol=1e-5)


def test_same_seed_same_bytes():
    data = heat(24)
    first, again, other = (fit(TINY, HEAT, data, seed)(data[["w0"]])["w"].values for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_noise_changes_the_fit_but_not_its_repetition():
    data, method = heat(24), FNO(width=8, modes=4, layers=1, updates=10, noise=0.1)
    first, again = (fit(method, HEAT, data)(data[["w0"]])["w"].values for _ in range(2))
    quiet = fit(FNO(width=8, modes=4, layers=1, updates=10), HEAT, data)(data[["w0"]])["w"].values
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, quiet)


@pytest.mark.parametrize("precision", ["bf16-mixed", "64-true"])
def test_other_precisions_run(precision):
    data = smoothing(24)
    method = FNO(width=8, modes=5, layers=2, updates=150, precision=precision)
    assert error(fit(method, STEADY, data)(data[["a"]])["u"], data["u"]) < 0.5


def test_padding_and_more_modes_than_the_grid_holds():
    data = smoothing(16, n=12)
    result = fit(FNO(width=8, modes=99, layers=1, updates=3, domain_padding=0.25), STEADY, data)(data[["a"]])
    assert result["u"].shape == (16, 12)
    assert np.isfinite(result["u"]).all()


@pytest.mark.parametrize("space", [("x", "y"), ("x", "y", "z")])
def test_more_axes_with_a_scalar_and_two_targets(space):
    rng, sizes = np.random.default_rng(0), (8, 9, 10)[: len(space)]
    fields = {k: (("sample", *space), rng.standard_normal((8, *sizes))) for k in ("a", "p", "q")}
    data = xr.Dataset(fields | {"nu": ("sample", rng.random(8))})
    problem = Problem(
        name="p",
        kind="steady",
        inputs=(
            Variable(name="a", dims=space, description="a"),
            Variable(name="nu", dims=(), description="nu", kind="scalar"),
        ),
        targets=tuple(Variable(name=k, dims=space, description=k) for k in ("p", "q")),
    )
    assert FNO().applies_to(problem) is None
    result = fit(FNO(width=4, modes=3, layers=1, updates=3), problem, data)(data[["a", "nu"]])
    assert set(result) == {"p", "q"}
    assert result["q"].dims == ("sample", *space)


def test_the_data_are_left_as_they_were():
    data = heat(16)
    before = data.copy(deep=True)
    fit(TINY, HEAT, data)(data[["w0"]])
    xr.testing.assert_identical(data, before)


@pytest.mark.parametrize(
    ("hyperparameters", "words"),
    [
        ({"width": 0}, "width is 0, but must be at least 1"),
        ({"domain_padding": -1.0}, "domain_padding is -1.0, but must lie between 0 and 1"),
        ({"dropout": -0.1}, r"dropout is -0\.1, but must lie between 0 and 0\.9"),
        ({"noise": -1.0}, "noise is -1.0, but must not be negative"),
        ({"forecast": "autoregressive"}, "the targets do not evolve from a given state; use 'direct'"),
    ],
)
def test_values_without_meaning_are_refused(hyperparameters, words):
    with pytest.raises(UsageError, match=words):
        fit(FNO(**hyperparameters), STEADY, smoothing(8))
