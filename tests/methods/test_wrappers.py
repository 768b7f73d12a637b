"""Wrappers: their names, what they hand on to the inner method, and what their distributions are."""

import numpy as np
import pytest
import xarray as xr

from sciml_bench.errors import UnknownNameError, UsageError
from sciml_bench.metrics import uncertainty
from sciml_bench.naming import innermost, parse, split
from sciml_bench.problem import Problem, Variable
from sciml_bench.protocol.budgets import BUDGETS
from sciml_bench.registry import build_method, method_class, short_name
from sciml_bench.running.cell import source_digest
from sciml_bench.testing import Silent, benches

A = Variable(name="a", dims=("x",), description="an input")
U = Variable(name="u", dims=("x",), description="a target")
PROBLEM = Problem(name="p", kind="steady", inputs=(A,), targets=(U,))


def data(n: int, seed: int, noise: float = 0.1) -> xr.Dataset:
    """u = a + noise whose size differs from place to place."""
    rng = np.random.default_rng(seed)
    a = rng.standard_normal((n, 5))
    u = a + noise * np.arange(1, 6) * rng.standard_normal((n, 5))
    return xr.Dataset({"a": (("sample", "x"), a), "u": (("sample", "x"), u)})


def fitted(name: str, train: xr.Dataset, valid: xr.Dataset, **given):
    method = build_method(method_class(name), "smoke", {}, given)
    return method.fit(train, valid, problem=PROBLEM, budget=BUDGETS["smoke"], seed=3, device="cpu", log=Silent())


def test_names_are_read_and_written_back():
    parts = parse("ensemble( conformal(fno, scope=field) , members=4)")
    assert (parts.wrapper, parts.inner, parts.options) == ("ensemble", "conformal(fno,scope=field)", {"members": "4"})
    assert str(parts) == "ensemble(conformal(fno,scope=field),members=4)"
    assert innermost(str(parts)) == "fno"
    assert parse("fno") is None
    assert split("a(b,c=1), d ,e") == ["a(b,c=1)", "d", "e"]
    assert short_name("ensemble(fno, members=4)") == "ensemble(fno,members=4)"


@pytest.mark.parametrize(
    ("name", "error", "sentence"),
    [
        ("ensemble(fno", UsageError, "cannot be read"),
        ("ensemble()", UsageError, "cannot be read"),
        ("ensemble(members=4)", UsageError, "cannot be read"),
        ("ensemble(fno,members)", UsageError, "expected option=value"),
        ("ensemble(fno,membres=4)", UnknownNameError, "did you mean members"),
        ("ensemble(fno,members=many)", UsageError, "expected a value of type int"),
        ("ensemble(fon)", UnknownNameError, "did you mean fno"),
        ("fno(mean)", UsageError, "it is no wrapper"),
        ("ensemble(ensemble(fno))", UsageError, "both have the hyperparameter 'members'"),
    ],
)
def test_names_that_cannot_be(name, error, sentence):
    with pytest.raises(error, match=sentence):
        method_class(name)


def test_hyperparameters_reach_the_inner_method():
    method = build_method(method_class("ensemble(fno,members=3)"), "smoke", {}, {"width": "12"})
    assert method.hyperparameters()["members"] == 3
    assert method.inner == build_method(method_class("fno"), "smoke", {}, {"width": 12})
    assert method.card.framework == "torch"
    assert "width" in method.hyperparameters()


def test_the_digest_is_that_of_both():
    assert source_digest("ensemble(linear)") != source_digest("ensemble(mean)")
    assert source_digest("ensemble(linear)") != source_digest("conformal(linear)")


def test_networks_that_drop_in_a_function_are_left_on_too():
    [(_, bench)] = benches.benches("mc_dropout(resnet,draws=3)", ["permeability"])
    spread = bench.first.answer["log_kxx"].std("member")
    assert float(spread.min()) > 1e-4
    assert np.array_equal(bench.first.answer["log_kxx"], bench.predictor(bench.inputs)["log_kxx"])


def test_alone_a_wrapper_says_how_it_is_used():
    assert "name it as ensemble(fno)" in method_class("ensemble")().applies_to(PROBLEM)


def test_an_ensemble_of_one_answer_has_no_spread_and_its_mean_is_the_inner_prediction():
    train, valid, test = data(50, 0), data(40, 1), data(10, 2)
    several = fitted("ensemble(linear,members=3)", train, valid)(test[["a"]])["u"]
    alone = fitted("linear", train, valid)(test[["a"]])["u"]
    assert several.dims == ("member", "sample", "x")
    assert several.sizes["member"] == 3
    np.testing.assert_array_equal(several.values, np.stack([alone.values] * 3))


@pytest.mark.slow
def test_members_of_a_network_differ_and_repeat_themselves():
    train, valid, test = data(40, 0), data(10, 1), data(4, 2)
    first, again = (fitted("ensemble(mlp,members=2)", train, valid)(test[["a"]])["u"].values for _ in range(2))
    assert first.shape == (2, 4, 5)
    assert np.abs(first[0] - first[1]).max() > 1e-4
    np.testing.assert_array_equal(first, again)


def test_conformal_intervals_cover_each_place():
    """Averaged over calibrations, coverage is ⌈(n+1)c⌉/(n+1) by theory, whatever the noise of a place."""
    found = []
    for seed in range(30):
        train, valid, test = data(30, 3 * seed), data(39, 3 * seed + 1), data(200, 3 * seed + 2)
        p = fitted("conformal(linear)", train, valid)(test[["a"]])["u"]
        low, high = p.isel(member=0).values, p.isel(member=-1).values
        found.append(((test["u"].values >= low) & (test["u"].values <= high)).mean(axis=0))
    np.testing.assert_allclose(np.mean(found, axis=0), 36 / 40, atol=0.03)


def test_simultaneous_intervals_cover_the_whole_field():
    found, wider = [], []
    for seed in range(30):
        train, valid, test = data(30, 3 * seed), data(78, 3 * seed + 1), data(200, 3 * seed + 2)
        p = fitted("conformal(linear,scope=field)", train, valid)(test[["a"]])["u"]
        point = fitted("conformal(linear)", train, valid)(test[["a"]])["u"]
        low, high = p.isel(member=0).values, p.isel(member=-1).values
        found.append(((test["u"].values >= low) & (test["u"].values <= high)).all(axis=1).mean())
        wider.append((high - low).mean() > float((point.isel(member=-1) - point.isel(member=0)).mean()))
    assert np.mean(found) == pytest.approx(36 / 40, abs=0.03)
    assert all(wider)


def test_the_harness_reads_the_same_intervals_as_the_wrapper_means():
    train, valid, test = data(50, 0), data(39, 1), data(100, 2)
    p = fitted("conformal(linear)", train, valid)(test[["a"]])
    scores, _ = uncertainty.evaluate(p, test[["u"]], None)
    width = float((p["u"].isel(member=-1) - p["u"].isel(member=0)).mean())
    assert scores["width_90"] == pytest.approx(width)
    # And it agrees with the harness's own calibration of the bare method.
    bare = fitted("linear", train, valid)
    conformal = uncertainty.calibrate(bare(valid[["a"]]), valid[["u"]])
    own, _ = uncertainty.evaluate(bare(test[["a"]]), test[["u"]], conformal)
    assert own["width_90"] == pytest.approx(scores["width_90"], rel=1e-5)
    assert own["coverage_90"] == pytest.approx(scores["coverage_90"], abs=0.01)


@pytest.mark.slow
def test_dropout_draws_differ_do_not_depend_on_companions_and_leave_the_network_as_it_was():
    train, valid, test = data(40, 0), data(10, 1), data(4, 2)
    predict = fitted("mc_dropout(mlp,draws=3)", train, valid)
    inner_before = predict.inner(test[["a"]])["u"].values
    whole = predict(test[["a"]])["u"]
    alone = predict(test[["a"]].isel(sample=[2]))["u"]
    assert whole.sizes["member"] == 3
    assert np.abs(whole.values[0] - whole.values[1]).max() > 1e-4
    np.testing.assert_array_equal(whole.values[:, 2:3], alone.values)
    np.testing.assert_array_equal(predict.inner(test[["a"]])["u"].values, inner_before)


def test_dropout_needs_a_network_that_has_it():
    assert "has none" in build_method(method_class("mc_dropout(linear)"), "smoke", {}, {}).applies_to(PROBLEM)
    assert build_method(method_class("mc_dropout(mlp)"), "smoke", {}, {}).inner.dropout == 0.1
