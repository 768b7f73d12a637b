"""Every accuracy metric against closed forms, and its invariance to batches and order."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from sciml_bench.metrics import Metric, error_over_time, evaluate, spectrum
from sciml_bench.metrics.fields import FIELDS
from sciml_bench.problem import Variable

ROLLOUT = Variable(name="u", dims=("time", "x", "y"), description="a rollout", initial="u0")
STEADY = Variable(name="u", dims=("x", "y"), description="a steady field")
METRICS = {metric.name: metric for metric in FIELDS}
SCALE_FREE = {"rel_l2", "rel_l2_final", "nrmse_per_time", "gmean_nrmse", "valid_time"}
every_metric = pytest.mark.parametrize("metric", FIELDS, ids=lambda metric: metric.name)


def fields(
    samples: int = 6, times: int = 4, n: int = 26, seed: int = 0, noise: float = 1.0
) -> tuple[xr.DataArray, xr.DataArray]:
    """A prediction and a truth; the noise is strong enough that no metric is at its end of the scale."""
    rng = np.random.default_rng(seed)
    shape = (samples, times, n, n)
    u = rng.normal(size=shape) * rng.uniform(0.5, 2, size=(samples, times, 1, 1)) + 0.3
    p = u + noise * rng.normal(size=shape) * rng.uniform(0.1, 1.5, size=(samples, times, 1, 1))
    dims = ("sample", "time", "x", "y")
    return xr.DataArray(p, dims=dims), xr.DataArray(u, dims=dims)


def score(name: str, p: xr.DataArray, u: xr.DataArray, variable: Variable = ROLLOUT) -> float:
    scores, _ = evaluate([METRICS[name]], xr.Dataset({"u": p}), xr.Dataset({"u": u}), (variable,))
    return scores[name]


def statistic(metric: Metric, p: xr.DataArray, u: xr.DataArray) -> np.ndarray:
    value = metric.statistic(p, u)
    assert value is not None
    assert value.dims == ("sample",)
    return value.values


def wave(n: int, kx: int, ky: int = 0, amplitude: float = 1.0) -> np.ndarray:
    x = np.arange(n) / n
    return amplitude * np.cos(2 * np.pi * (kx * x[:, None] + ky * x[None, :]))


# --- closed forms -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["rel_l2", "rel_l2_final", "nrmse_per_time", "gmean_nrmse"])
@given(c=st.floats(-3, 3))
@settings(max_examples=20, deadline=None)
def test_a_multiple_of_the_truth_is_off_by_the_factor(name: str, c: float) -> None:
    _, u = fields(samples=2, times=2, n=6)
    assert score(name, c * u, u) == pytest.approx(abs(c - 1), abs=1e-12)


def test_a_constant_offset() -> None:
    _, u = fields()
    for name in ("rmse", "mae", "max_error", "brmse", "frmse_low"):
        assert score(name, u + 0.25, u) == pytest.approx(0.25)
    assert score("frmse_mid", u + 0.25, u) == pytest.approx(0, abs=1e-14)


def test_norms_over_time_together_are_not_norms_at_each_time() -> None:
    u = xr.DataArray(np.ones((1, 2, 3, 3)), dims=("sample", "time", "x", "y"))
    u = u * xr.DataArray([1.0, 10.0], dims=["time"])
    p = u + xr.DataArray([0.5, 1.0], dims=["time"])
    assert score("rel_l2", p, u) == pytest.approx(np.sqrt(1.25 / 101))
    assert score("nrmse_per_time", p, u) == pytest.approx((0.5 + 0.1) / 2)
    assert score("gmean_nrmse", p, u) == pytest.approx(np.sqrt(0.5 * 0.1))
    assert score("rel_l2_final", p, u) == pytest.approx(0.1)
    assert score("rmse", p, u) == pytest.approx(np.sqrt(1.25 / 2))
    assert error_over_time(p, u) == pytest.approx([0.5, 0.1])


def test_the_root_is_taken_before_the_mean_over_samples() -> None:
    u = xr.DataArray(np.ones((2, 1, 3, 3)), dims=("sample", "time", "x", "y"))
    p = u + xr.DataArray([1.0, 3.0], dims=["sample"])
    assert score("rmse", p, u) == pytest.approx(2.0)  # √ of the mean square would be √5
    assert score("frmse_low", p, u) == pytest.approx(2.0)
    assert score("rel_l2", p, u) == pytest.approx(2.0)


def test_shells_take_the_root_at_each_time() -> None:
    u = xr.DataArray(np.ones((1, 2, 3, 3)), dims=("sample", "time", "x", "y"))
    p = u + xr.DataArray([1.0, 3.0], dims=["time"])
    assert score("frmse_low", p, u) == pytest.approx(2.0)


def test_gmean_is_zero_as_soon_as_one_time_is_exact() -> None:
    p, u = fields()
    p[:, 1] = u[:, 1]
    assert score("gmean_nrmse", p, u) == 0


def test_the_mean_over_space_has_vrmse_one() -> None:
    _, u = fields()
    flat = u.mean(["x", "y"]).broadcast_like(u)
    variance = u.var(["x", "y"])
    assert score("vrmse", flat, u) == pytest.approx(1, rel=1e-6)
    assert score("vrmse", flat, u) == pytest.approx(float(np.sqrt(variance / (variance + 1e-7)).mean()), rel=1e-14)


def test_vrmse_of_a_constant_truth_is_the_error_over_the_stated_floor() -> None:
    u = xr.DataArray(np.full((1, 1, 4, 4), 7.0), dims=("sample", "time", "x", "y"))
    assert score("vrmse", u + 1e-3, u) == pytest.approx(1e-3 / np.sqrt(1e-7))


def test_brmse_sees_the_edge_alone_and_a_corner_once() -> None:
    u = xr.DataArray(np.zeros((1, 2, 4, 5)), dims=("sample", "time", "x", "y"))
    inner, corner = u.copy(), u.copy()
    inner[:, :, 1:-1, 1:-1] = 9.0
    corner[:, :, 0, 0] = 1.0
    assert score("brmse", inner, u) == 0
    assert score("brmse", corner, u) == pytest.approx(np.sqrt(1 / 14))


def test_brmse_is_not_for_periodic_fields_or_meshes() -> None:
    for other in (
        Variable(name="u", dims=("x",), description="", periodic=True),
        Variable(name="u", dims=("node",), description=""),
        Variable(name="u", dims=("time",), description=""),
    ):
        assert not METRICS["brmse"].applies(other)
    assert METRICS["brmse"].applies(STEADY)


@pytest.mark.parametrize("crossing", [0, 1, 3, 5])
def test_valid_time_of_a_known_crossing(crossing: int) -> None:
    times, n = 5, 32
    u = np.broadcast_to(wave(n, 1), (1, times, n, n)).copy()
    p = 3 * u + 2  # correlation does not see scale or offset
    p[:, crossing : crossing + 1] = -p[:, crossing : crossing + 1]  # only once: it does not recover
    dims = ("sample", "time", "x", "y")
    assert score("valid_time", xr.DataArray(p, dims=dims), xr.DataArray(u, dims=dims)) == crossing / times


@pytest.mark.parametrize(("rho", "share"), [(0.81, 1.0), (0.79, 0.0)])
def test_valid_time_has_its_threshold_at_four_fifths(rho: float, share: float) -> None:
    n = 16
    u, other = wave(n, 1), wave(n, 2)
    p = rho * u + np.sqrt(1 - rho**2) * other
    dims = ("sample", "time", "x", "y")
    assert score("valid_time", xr.DataArray(p[None, None], dims=dims), xr.DataArray(u[None, None], dims=dims)) == share


def test_a_prediction_constant_in_space_is_never_valid() -> None:
    _, u = fields()
    assert score("valid_time", xr.zeros_like(u) + 0.1, u) == 0


# --- spectrum ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("k", "shell"),
    [
        ((3, 0), "low"),
        ((4, 0), "mid"),
        ((0, 4), "mid"),
        ((3, 3), "mid"),  # |k| = 4.24: radial, not along one axis
        ((-3, 2), "low"),  # |k| = 3.61, and in another quadrant
        ((11, 0), "mid"),
        ((-12, 0), "high"),
        ((9, -9), "high"),
        ((13, 13), "high"),  # the highest mode, which has no mirror image
    ],
)
def test_a_single_mode_lands_in_its_shell_with_its_root_mean_square(k: tuple[int, int], shell: str) -> None:
    n, amplitude = 26, 0.7
    u = xr.DataArray(np.ones((1, n, n)), dims=("sample", "x", "y"))
    error = wave(n, *k, amplitude=amplitude)
    expected = amplitude if k == (13, 13) else amplitude / np.sqrt(2)
    for name in ("low", "mid", "high"):
        value = score(f"frmse_{name}", u + error, u, STEADY)
        assert value == pytest.approx(expected if name == shell else 0, abs=1e-14)


@pytest.mark.parametrize("shape", [(25,), (26,), (26, 27), (27, 26), (25, 25), (6, 5, 7)])
def test_the_shells_add_up_to_the_mean_square_error(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(3)
    dims = ("x", "y", "z")[: len(shape)]
    variable = Variable(name="u", dims=dims, description="")
    u = xr.DataArray(rng.normal(size=(3, *shape)), dims=("sample", *dims))
    p = u + rng.normal(size=u.shape)
    _, samples = evaluate(FIELDS, xr.Dataset({"u": p}), xr.Dataset({"u": u}), (variable,))
    total = sum(samples[f"frmse_{s}"] ** 2 for s in ("low", "mid", "high") if f"frmse_{s}" in samples)
    np.testing.assert_allclose(total, samples["rmse"] ** 2, rtol=1e-13)
    np.testing.assert_allclose(spectrum(p).sum(), float((p**2).mean()), rtol=1e-13)


def test_a_shell_that_the_grid_lacks_is_left_out() -> None:
    p, u = fields(n=8)
    scores, samples = evaluate(FIELDS, xr.Dataset({"u": p}), xr.Dataset({"u": u}), (ROLLOUT,))
    assert "frmse_mid" in scores
    assert "frmse_high" not in scores
    assert "frmse_high" not in samples


def test_the_spectrum_is_the_sum_over_all_directions_at_the_last_time() -> None:
    n = 16
    u = np.zeros((2, 3, n, n))
    u[:, -1] = 2 + wave(n, 3, 4) + wave(n, -3, 4) + wave(n, 5, 0)
    found = spectrum(xr.DataArray(u, dims=("sample", "time", "x", "y")))
    expected = np.zeros_like(found)
    expected[0], expected[5] = 4, 3 * 0.5
    np.testing.assert_allclose(found, expected, atol=1e-14)


def test_the_spectrum_adds_up_to_the_shells() -> None:
    p, u = (field.isel(time=[-1]) for field in fields(samples=1))
    lines = spectrum(p - u)
    for name, part in (("low", lines[:4]), ("mid", lines[4:12]), ("high", lines[12:])):
        assert score(f"frmse_{name}", p, u) == pytest.approx(np.sqrt(part.sum()))


def test_one_quadrant_of_the_spectrum_would_not_do() -> None:
    rng = np.random.default_rng(0)
    e = rng.normal(size=(1, 26, 26))
    u = xr.DataArray(np.ones_like(e), dims=("sample", "x", "y"))
    modes = np.abs(np.fft.fft2(e[0])) ** 2 / e[0].size ** 2
    k = np.hypot(*np.meshgrid(np.fft.fftfreq(26, 1 / 26), np.fft.fftfreq(26, 1 / 26)))
    whole = np.sqrt(modes[k < 4].sum())
    quadrant = np.sqrt(modes[:13, :13][k[:13, :13] < 4].sum())
    assert score("frmse_low", u + e, u, STEADY) == pytest.approx(whole)
    assert abs(whole - quadrant) > 0.2 * whole


# --- invariance -------------------------------------------------------------------------------------------


@every_metric
@given(order=st.permutations(range(6)), seed=st.integers(0, 3))
@settings(max_examples=10, deadline=None)
def test_the_order_of_samples_does_not_matter(metric: Metric, order: list[int], seed: int) -> None:
    p, u = fields(seed=seed)
    whole = statistic(metric, p, u)
    mixed = statistic(metric, p.isel(sample=order), u.isel(sample=order))
    np.testing.assert_allclose(mixed, whole[order], rtol=1e-13)
    np.testing.assert_allclose(mixed.mean(), whole.mean(), rtol=1e-13)


@every_metric
@given(size=st.integers(1, 6))
@settings(max_examples=6, deadline=None)
def test_the_batch_size_does_not_matter(metric: Metric, size: int) -> None:
    p, u = fields()
    expected = score(metric.name, p, u)
    batches = [slice(start, min(start + size, 6)) for start in range(0, 6, size)]
    parts = [score(metric.name, p.isel(sample=b), u.isel(sample=b)) * (b.stop - b.start) for b in batches]
    assert sum(parts) / 6 == pytest.approx(expected, rel=1e-13)
    assert sum(parts) / 5 != pytest.approx(expected, rel=1e-3)  # one count too few would be seen


@every_metric
@given(c=st.floats(0.1, 10), sign=st.sampled_from([-1, 1]))
@settings(max_examples=10, deadline=None)
def test_scaling_prediction_and_truth(metric: Metric, c: float, sign: int) -> None:
    p, u = fields(samples=2)
    factor = c if metric.unit == "target" else 1
    tolerance = 1e-5 if metric.name == "vrmse" else 1e-12  # vrmse has a floor in the target's unit
    assert score(metric.name, sign * c * p, sign * c * u) == pytest.approx(
        factor * score(metric.name, p, u), rel=tolerance
    )
    assert (metric.unit == "1") == (metric.name in SCALE_FREE | {"vrmse"})


@every_metric
def test_the_order_of_dimensions_and_the_precision_do_not_matter(metric: Metric) -> None:
    p, u = fields()
    p, u = p.astype(np.float32), u.astype(np.float32)
    turned = p.transpose("y", "sample", "x", "time")
    assert score(metric.name, turned, u) == score(metric.name, p.astype(np.float64), u.astype(np.float64))


@every_metric
def test_an_exact_prediction_is_perfect(metric: Metric) -> None:
    _, u = fields()
    assert score(metric.name, u, u) == (1 if metric.better == "higher" else 0)


@every_metric
def test_a_worse_prediction_scores_worse(metric: Metric) -> None:
    p, u = fields(seed=1)
    sign = 1 if metric.better == "lower" else -1
    assert sign * score(metric.name, u + 2 * (p - u), u) > sign * score(metric.name, p, u)


@every_metric
def test_a_metric_says_what_it_is(metric: Metric) -> None:
    assert metric.formula
    assert metric.source.doi
    assert METRICS["rel_l2"] is FIELDS[0]


def test_refining_the_grid_converges() -> None:
    def pair(n: int) -> tuple[xr.DataArray, xr.DataArray]:
        x = (np.arange(n) + 0.5) / n
        u, e = np.exp(x), x**2
        return (
            xr.DataArray((u + e)[None], dims=("sample", "x")),
            xr.DataArray(u[None], dims=("sample", "x")),
        )

    line = Variable(name="u", dims=("x",), description="")
    exact = {
        "rmse": np.sqrt(1 / 5),
        "mae": 1 / 3,
        "rel_l2": np.sqrt(0.2 / ((np.e**2 - 1) / 2)),
        "max_error": 1.0,
    }
    for name, value in exact.items():
        assert score(name, *pair(4000), line) == pytest.approx(value, rel=1e-3)
