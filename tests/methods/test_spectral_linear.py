"""The linear model on spectra: Parseval, single waves, and maps that it must recover."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from sciml_bench.errors import UsageError
from sciml_bench.methods.spectral_linear import Spectra, SpectralLinear, radial_power
from sciml_bench.problem import Problem, Variable
from sciml_bench.testing import Silent

FIELD = Variable(name="a", dims=("x", "y"), description="a picture")
NUMBER = Variable(name="nu", dims=(), description="a number", kind="scalar")
KIND = Variable(name="kind", dims=(), description="coarse or fine", kind="label", classes=("coarse", "fine"))
SCALE = Variable(name="scale", dims=(), description="logarithm of the power", kind="scalar")
LABEL = Problem(name="label", kind="classification", inputs=(FIELD, NUMBER), targets=(KIND,))
VALUE = Problem(name="value", kind="regression", inputs=(FIELD, NUMBER), targets=(SCALE,))


def waves(samples, seed=0):
    """Plane waves of wavenumber 3 or 6 in a random direction, of random strength, on a random ground."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, 2, samples)
    grid = np.arange(24) / 24
    a, strength = np.empty((samples, 24, 24)), 10 ** rng.uniform(-1, 1, samples)
    for i in range(samples):
        wave = np.cos(2 * np.pi * (3 * (kind[i] + 1) * grid + rng.random()))
        a[i] = strength[i] * (wave[:, None] if rng.random() < 0.5 else wave[None, :]) + rng.standard_normal()
    return xr.Dataset(
        {
            "a": (("sample", "x", "y"), a),
            "nu": (("sample",), rng.random(samples)),
            "kind": (("sample",), kind.astype(np.int64)),
            "scale": (("sample",), 3 + 2 * np.log10(strength**2 / 2) * (1 - kind)),
        }
    )


def fit(problem, train, valid, method=None, log=None):
    method = method or SpectralLinear()
    return method.fit(train, valid, problem=problem, budget=None, seed=0, device="cpu", log=log or Silent())


def test_the_shells_hold_all_of_the_variance_of_a_resolved_field():
    """Parseval: Σ_k P(k) = ⟨(u − ⟨u⟩)²⟩ where there is nothing beyond the last shell."""
    rng = np.random.default_rng(0)
    x = 2 * np.pi * np.arange(32) / 32
    u = sum(
        rng.standard_normal() * np.cos(k * x[:, None] + m * x[None, :] + rng.random())
        for k in range(6)
        for m in range(6)
    )
    assert radial_power(u[None]).sum() == pytest.approx(u.var(), rel=1e-12)


@pytest.mark.parametrize(("k", "m", "shell"), [(3, 4, 5), (0, 2, 2), (1, 1, 1), (-5, 0, 5)])
def test_a_wave_stands_in_the_shell_of_its_wavenumber(k, m, shell):
    x = 2 * np.pi * np.arange(20) / 20
    power = radial_power(3 * np.cos(k * x[:, None] + m * x[None, :])[None])[0]
    assert power.shape == (10,)
    assert power[shell - 1] == pytest.approx(4.5, rel=1e-12)
    assert np.delete(power, shell - 1).max() < 1e-25


def test_lines_and_volumes_work_too():
    x = 2 * np.pi * np.arange(12) / 12
    assert radial_power(np.cos(2 * x)[None])[0] == pytest.approx([0, 0.5, 0, 0, 0, 0], abs=1e-12)
    cube = np.cos(x[:, None, None] + 2 * x[None, :, None] + 2 * x[None, None, :])
    assert radial_power(cube[None])[0] == pytest.approx([0, 0, 0.5, 0, 0, 0], abs=1e-12)


def test_features_do_not_change_when_the_picture_is_moved_or_turned():
    data = waves(5)
    spectra = Spectra(inputs=LABEL.inputs)
    before = spectra(data)
    turned = data.assign(a=data.a.copy(data=np.rot90(np.roll(data.a.values, 5, axis=2), axes=(1, 2))))
    for name, value in spectra(turned).data_vars.items():
        if "power" not in name or before[name].min() > -10:  # below, rounding
            np.testing.assert_allclose(value, before[name], atol=1e-9, err_msg=name)
    assert len(before.data_vars) == 1 + 1 + 12 + 1


def test_a_constant_picture_has_finite_features():
    data = waves(3)
    data["a"] = data.a * 0 + 2
    features = Spectra(inputs=LABEL.inputs)(data)
    assert all(np.isfinite(v).all() for v in features.data_vars.values())
    np.testing.assert_allclose(features.mean_0, 2.0)


def test_scales_are_told_apart():
    test = waves(200, 2)
    found = fit(LABEL, waves(40), waves(20, 1))(test[["a", "nu"]])
    assert found.kind.dims == ("sample", "class")
    np.testing.assert_allclose(found.kind.sum("class"), 1.0, rtol=1e-12)
    assert (found.kind.values.argmax(axis=1) == test.kind.values).all()


def test_a_linear_function_of_the_log_power_is_recovered():
    train, valid, test = (waves(n, seed).where(lambda d: d.kind == 0, drop=True) for seed, n in enumerate((60, 40, 40)))
    found = fit(VALUE, train, valid)(test[["a", "nu"]])
    np.testing.assert_allclose(found.scale, test.scale, atol=0.02)


def test_the_number_beside_the_picture_is_seen():
    def numbered(n, seed):
        data = waves(n, seed)
        return data.assign(scale=5 * data.nu - 1)

    test = numbered(30, 2)
    found = fit(VALUE, numbered(150, 0), numbered(40, 1))(test[["a", "nu"]])
    np.testing.assert_allclose(found.scale, test.scale, atol=0.02)


def test_the_penalty_is_chosen_on_the_validation_part():
    """Where the classes are noise the strongest penalty wins on fresh data, the weakest on the training data."""
    rng = np.random.default_rng(3)

    def noise(n, seed):
        data = waves(n, seed)
        return data.assign(kind=data.kind.copy(data=rng.integers(0, 2, n)))

    train, fresh = noise(40, 0), noise(400, 1)
    chosen = []
    for valid in (fresh, train):
        log = Silent()
        fit(LABEL, train, valid, log=log)
        chosen.append(float(log.facts["penalty/kind"]))
    assert chosen[0] > 10 * chosen[1]


def test_a_single_class_in_training_is_predicted():
    train = waves(20)
    train["kind"] = train.kind * 0 + 1
    found = fit(LABEL, train, waves(8, 1))(waves(4, 2)[["a", "nu"]])
    np.testing.assert_array_equal(found.kind, [[0.0, 1.0]] * 4)


def test_predictors_are_pickled_and_indifferent_to_order():
    predict = fit(LABEL, waves(30), waves(12, 1))
    inputs = waves(6, 2)[["a", "nu"]]
    whole = predict(inputs)
    turned = pickle.loads(pickle.dumps(predict))(inputs.isel(sample=[3, 0]))
    np.testing.assert_allclose(turned.kind, whole.kind.isel(sample=[3, 0]), rtol=1e-10)


def test_reasons_and_refusals():
    method = SpectralLinear()
    assert method.applies_to(LABEL) is None
    assert "the inputs have none" in method.applies_to(replace(LABEL, inputs=(NUMBER,)))
    assert "is a field" in method.applies_to(replace(LABEL, targets=(FIELD,)))
    with pytest.raises(UsageError, match="iterations is 0, but must be above 0"):
        fit(LABEL, waves(8), waves(4, 1), SpectralLinear(iterations=0))
