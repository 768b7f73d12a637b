"""Scores of predicted distributions against closed forms, scoringrules and simulation."""

import numpy as np
import pytest
import scipy.integrate
import scipy.stats
import scoringrules
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from sciml_bench.errors import ContractError, NotFiniteError
from sciml_bench.metrics import Conformal, calibrate, mean_prediction, uncertainty

DIMS = ("sample", "time", "x")
SCORES = {
    "crps",
    "nll",
    "coverage_50",
    "coverage_90",
    "width_90",
    "calibration_error",
    "spread_error_correlation",
}


def noisy(
    samples: int, seed: int = 0, places: tuple[int, ...] = (3, 5), sd: float = 1.0
) -> tuple[xr.Dataset, xr.Dataset]:
    """A prediction and a truth off by noise whose size differs from place to place."""
    rng = np.random.default_rng(seed)
    p = rng.normal(size=(samples, *places))
    size = np.linspace(0.1, 2, int(np.prod(places))).reshape(places)
    u = p + sd * size * rng.standard_t(4, size=p.shape)
    return xr.Dataset({"u": (DIMS, p)}), xr.Dataset({"u": (DIMS, u)})


def ensemble(members: int, samples: int, seed: int = 0) -> tuple[xr.Dataset, xr.Dataset]:
    """Members and truth drawn from one distribution, whose spread differs from place to place."""
    rng = np.random.default_rng(seed)
    draws = np.linspace(0.5, 2, 6) * rng.normal(size=(members + 1, samples, 4, 6)) + 3
    return xr.Dataset({"u": (("member", *DIMS), draws[1:])}), xr.Dataset({"u": (DIMS, draws[0])})


def scores_of(prediction: xr.Dataset, truth: xr.Dataset, conformal: Conformal | None) -> dict[str, float]:
    return uncertainty.evaluate(prediction, truth, conformal)[0]


# --- crps -------------------------------------------------------------------------------------------------


@given(members=st.integers(2, 12), seed=st.integers(0, 100))
@settings(max_examples=25, deadline=None)
def test_crps_of_members_is_that_of_scoringrules(members: int, seed: int) -> None:
    prediction, truth = ensemble(members, samples=3, seed=seed)
    expected = scoringrules.crps_ensemble(truth.u.values, prediction.u.values, m_axis=0, estimator="fair")
    assert scores_of(prediction, truth, None)["crps"] == pytest.approx(float(np.mean(expected)), rel=1e-12)


@given(n=st.integers(9, 40), seed=st.integers(0, 100))
@settings(max_examples=15, deadline=None)
def test_crps_of_a_conformal_prediction_is_that_of_its_members(n: int, seed: int) -> None:
    conformal = calibrate(*noisy(n, seed))
    prediction, truth = noisy(4, seed + 1000)
    members = conformal.members(prediction).u
    assert members.dims == ("member", *DIMS)
    expected = scoringrules.crps_ensemble(truth.u.values, members.values, m_axis=0, estimator="fair")
    assert scores_of(prediction, truth, conformal)["crps"] == pytest.approx(float(np.mean(expected)), rel=1e-5)


def test_crps_of_two_members_by_hand() -> None:
    prediction = xr.Dataset({"u": (("member", "sample"), [[0.0], [2.0]])})
    for u, value in ((0.0, 0.0), (1.0, 0.0), (5.0, 3.0), (-2.0, 2.0)):
        truth = xr.Dataset({"u": ("sample", [u])})
        assert scores_of(prediction, truth, None)["crps"] == pytest.approx(value)


def test_crps_tends_to_the_closed_form_of_a_normal_distribution_for_few_members() -> None:
    rng = np.random.default_rng(0)
    sigma, u = 1.7, 0.9
    draws = sigma * rng.normal(size=(3, 1, 200_000))
    prediction = xr.Dataset({"u": (("member", "sample", "x"), draws)})
    truth = xr.Dataset({"u": (("sample", "x"), np.full((1, 200_000), u))})
    z = u / sigma
    exact = sigma * (z * (2 * scipy.stats.norm.cdf(z) - 1) + 2 * scipy.stats.norm.pdf(z) - 1 / np.sqrt(np.pi))
    assert scores_of(prediction, truth, None)["crps"] == pytest.approx(exact, rel=0.02)  # the unfair one: +60 %


# --- intervals --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("count", "much"), [(19, 0.007), (39, 0.003), (99, 0.004)])
@pytest.mark.parametrize(
    "law", [scipy.stats.norm(1.0, 2.0), scipy.stats.laplace(), scipy.stats.t(3)], ids=["normal", "laplace", "t"]
)
def test_quantiles_have_the_crps_of_the_distribution_and_taken_for_draws_less(law, count, much) -> None:
    """E CRPS of a calibrated forecast is ½ E|X − X'| = ∫ F(1 − F)."""
    levels = np.arange(1, count + 1) / (count + 1)
    exact = scipy.integrate.quad(lambda x: law.cdf(x) * law.sf(x), -np.inf, np.inf)[0]
    u = law.ppf((np.arange(4000) + 0.5) / 4000)
    truth = xr.Dataset({"u": (("sample", "x"), u[None])})
    members = np.repeat(law.ppf(levels)[:, None, None], len(u), 2)
    drawn = xr.Dataset({"u": (("member", "sample", "x"), members)})
    scores, diagram = uncertainty.evaluate(drawn.assign_coords(member=levels), truth, None)
    assert scores["crps"] == pytest.approx(exact, rel=much)
    np.testing.assert_allclose(diagram["coverage"], diagram["levels"], atol=0.002)
    as_draws, same = uncertainty.evaluate(drawn, truth, None)
    assert as_draws["crps"] < exact * (1 - 0.7 / count)
    assert uncertainty.evaluate(drawn.assign_coords(member=np.arange(count)), truth, None)[0] == as_draws
    np.testing.assert_allclose(same["coverage"], diagram["coverage"], atol=1e-12)


def test_quantiles_of_other_levels_give_their_own_intervals() -> None:
    levels = np.array([0.05, 0.25, 0.5, 0.75, 0.95])
    truth = xr.Dataset({"u": (("sample",), np.array([0.0, 3.0]))})
    members = xr.Dataset(
        {"u": (("member", "sample"), np.repeat(np.array([[-4.0], [-1.0], [0.0], [1.0], [4.0]]), 2, 1))}
    )
    scores, _ = uncertainty.evaluate(members.assign_coords(member=levels), truth, None)
    assert (scores["width_90"], scores["coverage_90"], scores["coverage_50"]) == (8.0, 1.0, 0.5)
    for wrong in ([0.0, 0.25, 0.5, 0.75, 0.95], [0.05, 0.25, 0.25, 0.75, 0.95], [0.05, 0.25, 0.5, 0.75, 1.0]):
        with pytest.raises(ContractError, match="does not rise from above 0 to below 1"):
            uncertainty.evaluate(members.assign_coords(member=wrong), truth, None)


@pytest.mark.parametrize("n", [9, 19, 32])
def test_conformal_intervals_cover_as_promised(n: int) -> None:
    """Coverage at a place is exactly ⌈(n+1)c⌉/(n+1) on average over calibrations; here 6 000 places."""
    places = 6000
    rng = np.random.default_rng(n)
    zero = xr.Dataset({"u": (("sample", "x"), np.zeros((n + 1, places)))})
    truth = xr.Dataset({"u": (("sample", "x"), rng.gamma(0.7, size=(n + 1, places)) - 0.2)})
    first, last = slice(n), slice(n, None)
    conformal = calibrate(zero.isel(sample=first), truth.isel(sample=first))
    scores, diagram = uncertainty.evaluate(zero.isel(sample=last), truth.isel(sample=last), conformal)
    assert diagram["levels"] == [c / 10 for c in range(1, 10)]
    for level, coverage in zip(range(10, 100, 10), diagram["coverage"], strict=True):
        promised = -(-(n + 1) * level // 100) / (n + 1)
        assert promised >= level / 100
        assert coverage == pytest.approx(promised, abs=4 * np.sqrt(promised * (1 - promised) / places))
    assert scores["coverage_50"] == diagram["coverage"][4]
    assert scores["coverage_90"] == diagram["coverage"][8]


def test_the_half_width_is_an_order_statistic_of_the_size_of_residuals() -> None:
    residuals = np.array([1, -2, 3, -4, 5, -6, 7, -8, 9], dtype=float)  # n = 9: level c has rank 10 c
    zero = xr.Dataset({"u": ("sample", np.zeros(9))})
    conformal = calibrate(zero, xr.Dataset({"u": ("sample", residuals)}))
    for u, inside in ((9.0, 1.0), (-9.0, 1.0), (9.01, 0.0)):
        scores = scores_of(zero.isel(sample=[0]), xr.Dataset({"u": ("sample", [u])}), conformal)
        assert scores["coverage_90"] == inside
        assert scores["width_90"] == 18
    assert scores_of(zero.isel(sample=[0]), xr.Dataset({"u": ("sample", [-5.0])}), conformal)["coverage_50"] == 1
    assert scores_of(zero.isel(sample=[0]), xr.Dataset({"u": ("sample", [5.1])}), conformal)["coverage_50"] == 0


def test_too_few_validation_samples_leave_levels_out_and_say_why() -> None:
    conformal = calibrate(*noisy(4))
    scores, diagram = uncertainty.evaluate(*noisy(3, 1), conformal)
    assert set(scores) == SCORES - {"coverage_90", "width_90"}
    assert diagram["levels"] == [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]  # 5 × 0.8 is 4, not more
    assert conformal.n == 4
    assert conformal.missing(80) is None
    assert conformal.missing(90) == "an interval of 90 % takes at least 9 validation samples, and there are 4"
    assert calibrate(*noisy(9)).missing(90) is None


@pytest.mark.parametrize("members", [4, 9, 19])
def test_members_drawn_like_the_truth_are_calibrated(members: int) -> None:
    prediction, truth = ensemble(members, samples=1500)
    scores, diagram = uncertainty.evaluate(prediction, truth, None)
    reach = (members - 1) / (members + 1)  # beyond it the outermost members stand for the quantile
    for level, coverage in zip(diagram["levels"], diagram["coverage"], strict=True):
        if members == 19 or level >= reach:  # where the quantiles fall on members the share is exact
            assert coverage == pytest.approx(min(level, reach), abs=0.012)
    assert scores["coverage_90"] == pytest.approx(min(0.9, reach), abs=0.012)


def test_quantiles_of_members_by_hand() -> None:
    x = np.arange(1.0, 20.0)[:, None]  # M = 19: the m-th member is the quantile m/20
    prediction = xr.Dataset({"u": (("member", "sample"), x[::-1])})
    scores = scores_of(prediction, xr.Dataset({"u": ("sample", [1.0])}), None)
    assert scores["width_90"] == pytest.approx(18)
    assert scores["coverage_90"] == 1
    assert scores["coverage_50"] == 0
    ordered = np.sort(np.random.default_rng(0).normal(size=(7, 5)), axis=0)
    expected = np.quantile(ordered, 0.3, axis=0, method="weibull")
    np.testing.assert_allclose(uncertainty._quantile(ordered, 0.3), expected)


def test_calibration_error_is_the_mean_distance_of_the_diagram_from_the_diagonal() -> None:
    conformal = calibrate(*noisy(30))
    scores, diagram = uncertainty.evaluate(*noisy(20, 1, sd=3.0), conformal)
    expected = np.mean(np.abs(np.array(diagram["coverage"]) - np.array(diagram["levels"])))
    assert scores["calibration_error"] == pytest.approx(expected)
    assert scores["calibration_error"] > 0.2
    assert scores["calibration_error"] > 2 * scores_of(*noisy(20, 1), conformal)["calibration_error"]


# --- spread -----------------------------------------------------------------------------------------------


def test_nll_is_that_of_a_normal_distribution_with_the_members_mean_and_spread() -> None:
    prediction, truth = ensemble(6, samples=5)
    x, u = prediction.u.values, truth.u.values
    expected = -scipy.stats.norm.logpdf(u, x.mean(axis=0), x.std(axis=0, ddof=1)).mean()
    assert scores_of(prediction, truth, None)["nll"] == pytest.approx(expected)
    conformal = calibrate(*noisy(12))
    p, u_ = noisy(5, 1)
    x = conformal.members(p).u.values
    expected = -scipy.stats.norm.logpdf(u_.u.values, x.mean(axis=0), x.std(axis=0, ddof=1)).mean()
    assert scores_of(p, u_, conformal)["nll"] == pytest.approx(expected, rel=1e-5)


def test_members_that_agree_have_the_spread_of_single_precision() -> None:
    members = xr.Dataset({"u": (("member", "sample", "x"), np.full((3, 1, 2), 4.0))})
    truth = xr.Dataset({"u": (("sample", "x"), np.full((1, 2), 4.0))})
    floor = 4 * 2.0**-23
    assert scores_of(members, truth, None)["nll"] == pytest.approx(0.5 * np.log(2 * np.pi) + np.log(floor))
    wrong = scores_of(members, truth + 1, None)["nll"]
    assert wrong == pytest.approx(0.5 / (5 * 2.0**-23) ** 2, rel=1e-6)
    nothing = scores_of(members, 0 * truth, None)
    assert "nll" not in nothing  # no spread at all, and no size to measure one by
    assert nothing["crps"] == pytest.approx(4.0)


def test_the_correlation_is_spearmans() -> None:
    prediction, truth = ensemble(6, samples=4)
    x, u = prediction.u.values, truth.u.values
    spread, error = x.std(axis=0, ddof=1), np.abs(u - x.mean(axis=0))
    each = [scipy.stats.spearmanr(spread[s].ravel(), error[s].ravel()).statistic for s in range(4)]
    assert scores_of(prediction, truth, None)["spread_error_correlation"] == pytest.approx(np.mean(each))


def test_a_spread_that_orders_errors_perfectly_and_one_that_orders_none() -> None:
    size = np.arange(1.0, 8.0)
    truth = xr.Dataset({"u": (("sample", "x"), np.stack([size**2, -size]))})
    offsets = xr.DataArray([-1.0, 1.0], dims=["member"])

    def found(spread: np.ndarray) -> float:
        members = xr.Dataset({"u": offsets * xr.DataArray(spread, dims=["x"]) + 0 * truth.u})
        return scores_of(members, truth, None)["spread_error_correlation"]

    assert found(size) == pytest.approx(1)
    assert found(size[::-1]) == pytest.approx(-1)
    assert found(np.ones(7)) == 0


def test_a_large_field_is_thinned_alike_every_time(monkeypatch: pytest.MonkeyPatch) -> None:
    conformal = calibrate(*noisy(12, places=(30, 40)))
    prediction, truth = noisy(3, 1, places=(30, 40))
    whole = scores_of(prediction, truth, conformal)
    monkeypatch.setattr(uncertainty, "RANKED", 600)
    thin = scores_of(prediction, truth, conformal)
    assert thin == scores_of(prediction, truth, conformal)
    assert {k for k in whole if whole[k] != thin[k]} == {"spread_error_correlation"}
    assert thin["spread_error_correlation"] == pytest.approx(whole["spread_error_correlation"], abs=0.05)


# --- invariance -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["members", "conformal"])
@given(order=st.permutations(range(5)), cut=st.integers(1, 4))
@settings(max_examples=8, deadline=None)
def test_order_and_batches_of_samples_do_not_matter(kind: str, order: list[int], cut: int) -> None:
    conformal = calibrate(*noisy(12)) if kind == "conformal" else None
    prediction, truth = noisy(5, 1) if kind == "conformal" else ensemble(5, 5)
    whole = scores_of(prediction, truth, conformal)
    assert set(whole) == SCORES
    mixed = scores_of(prediction.isel(sample=order), truth.isel(sample=order), conformal)
    assert mixed == pytest.approx(whole, rel=1e-12)
    parts = [scores_of(prediction.isel(sample=b), truth.isel(sample=b), conformal) for b in (slice(cut), slice(cut, 5))]
    for name in SCORES - {"calibration_error"}:  # that one has its mean over samples inside
        joined = (parts[0][name] * cut + parts[1][name] * (5 - cut)) / 5
        assert joined == pytest.approx(whole[name], rel=1e-12)


@pytest.mark.parametrize("kind", ["members", "conformal"])
def test_the_unit_of_the_target(kind: str) -> None:
    conformal = calibrate(*noisy(12)) if kind == "conformal" else None
    prediction, truth = noisy(5, 1) if kind == "conformal" else ensemble(5, 5)
    scaled = Conformal(residuals=8 * conformal.residuals) if conformal else None
    one, eight = scores_of(prediction, truth, conformal), scores_of(8 * prediction, 8 * truth, scaled)
    for name in SCORES - {"crps", "width_90", "nll"}:
        assert eight[name] == pytest.approx(one[name])
    assert eight["crps"] == pytest.approx(8 * one["crps"])
    assert eight["width_90"] == pytest.approx(8 * one["width_90"])
    assert eight["nll"] == pytest.approx(one["nll"] + np.log(8))


def test_blocks_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    conformal = calibrate(*noisy(12))
    whole = scores_of(*noisy(5, 1), conformal)
    monkeypatch.setattr(uncertainty, "BLOCK", 12 * 4)
    assert scores_of(*noisy(5, 1), conformal) == pytest.approx(whole, rel=1e-12)


def test_targets_are_scored_alone_then_averaged() -> None:
    a, b = ensemble(5, 4, seed=0), ensemble(5, 4, seed=1)
    both = [xr.Dataset({"a": x.u, "b": 10 * y.u}) for x, y in zip(a, b, strict=True)]
    found, diagram = uncertainty.evaluate(both[0], both[1], None)
    first, second = uncertainty.evaluate(*a, None), uncertainty.evaluate(10 * b[0], 10 * b[1], None)
    assert found == pytest.approx({k: (first[0][k] + second[0][k]) / 2 for k in SCORES})
    assert diagram["coverage"] == pytest.approx(np.mean([first[1]["coverage"], second[1]["coverage"]], axis=0))


# --- what is refused --------------------------------------------------------------------------------------


def test_what_does_not_fit_is_refused() -> None:
    prediction, truth = noisy(4)
    with pytest.raises(ContractError, match="calibrate it first"):
        uncertainty.evaluate(prediction, truth, None)
    with pytest.raises(ContractError, match="takes at least 2 validation samples"):
        calibrate(prediction.isel(sample=[0]), truth.isel(sample=[0]))
    with pytest.raises(ContractError, match="needs the same places and times"):
        uncertainty.evaluate(prediction, truth, calibrate(*noisy(4, places=(3, 6))))
    with pytest.raises(ContractError, match="'v' was not calibrated"):
        uncertainty.evaluate(prediction.rename(u="v"), truth.rename(u="v"), calibrate(prediction, truth))
    with pytest.raises(ContractError, match="has 1 member"):
        uncertainty.evaluate(prediction.expand_dims("member"), truth, None)
    with pytest.raises(ContractError, match="expected"):
        calibrate(*ensemble(3, 4))
    with pytest.raises(ContractError, match="holds no variable"):
        calibrate(xr.Dataset(), truth)
    with pytest.raises(ContractError, match="beyond single precision"):
        calibrate(prediction + 1e39, truth)


def test_nan_is_loud() -> None:
    prediction, truth = ensemble(3, 4)
    prediction.u[1, 2, 0, 0] = np.nan
    with pytest.raises(NotFiniteError, match=r"1 of 288 values, in 1 of 4 samples"):
        uncertainty.evaluate(prediction, truth, None)


def test_the_mean_over_members() -> None:
    prediction, truth = ensemble(3, 4)
    np.testing.assert_allclose(mean_prediction(prediction).u.values, prediction.u.values.mean(axis=0))
    assert mean_prediction(prediction).u.dims == truth.u.dims
    assert mean_prediction(truth) is truth
    prediction.u[1, 2, 0, 0] = np.nan
    assert int(np.isnan(mean_prediction(prediction).u).sum()) == 1
