"""A row's error in each regime over its mean: the interval against the jackknife, and the order of the regimes."""

from statistics import fmean, stdev

import numpy as np
import pytest
from scipy.stats import t

from sciml_bench.ranking.summary import summarise
from sciml_bench.site.regimes import regimes

from .site_records import record


def row(cells):
    """Return a row of folds, each of an error and the errors of its regimes; its test parts are negligibly small."""
    made = []
    for fold, (error, there) in enumerate(cells):
        one = record("fno", error, fold=fold)
        named = {f"regime:{name}/rel_l2": value for name, value in there.items()}
        sizes = one.diagnostics | {"train_samples": 10**9}
        made.append(one.model_copy(update={"scores": one.scores | named, "diagnostics": sizes}))
    (found,) = summarise(made)
    return found


def test_a_fold_that_is_hard_as_a_whole_does_not_widen_the_interval():
    (found,) = regimes(row([(error, {"speed=slow": 2 * error}) for error in (0.1, 0.4, 0.2)]))
    assert found.over.mean == pytest.approx(2.0)
    assert (found.over.low, found.over.high) == pytest.approx((2.0, 2.0))
    assert found.error.high > 1.5 * found.error.mean


def test_the_interval_is_that_of_the_jackknife():
    rng = np.random.default_rng(0)
    errors = 0.2 + 0.01 * rng.standard_normal(8)
    there = 1.5 * errors + 0.02 * rng.standard_normal(8)
    (found,) = regimes(row([(a, {"speed=slow": b}) for a, b in zip(errors, there, strict=True)]))
    ratio = there.mean() / errors.mean()
    kept = [np.delete(there, i).mean() / np.delete(errors, i).mean() for i in range(8)]
    pseudo = [8 * ratio - 7 * one for one in kept]
    half = t.ppf(0.975, 7) * stdev(pseudo) / 8**0.5
    assert found.over.mean == pytest.approx(ratio)
    assert (found.over.low, found.over.high) == pytest.approx((fmean(pseudo) - half, fmean(pseudo) + half), rel=0.01)


@pytest.mark.parametrize(
    "names",
    [
        ("under 42", "42 to 54", "55 and over"),
        ("below 1400 K", "1400 to 1700 K", "above 1700 K"),
        ("small", "medium", "large"),
        ("4 particles", "8 particles", "12 particles"),
        ("kinks or jumps", "smooth"),
    ],
)
def test_regimes_stand_in_their_own_order(names):
    found = regimes(row([(0.1, {f"division={name}": 0.1 for name in reversed(names)})]))
    assert tuple(r.name for r in found) == names
