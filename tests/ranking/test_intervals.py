import numpy as np
import pytest
from scipy import stats

from sciml_bench.ranking.intervals import corrected


def test_without_overlap_it_is_students_interval():
    values = np.array([1.0, 1.4, 0.7, 1.2, 1.1])
    low, high = stats.t.interval(0.95, 4, loc=values.mean(), scale=stats.sem(values))
    found = corrected(values, 0.0)
    assert found.mean == pytest.approx(values.mean())
    assert (found.low, found.high) == (pytest.approx(low), pytest.approx(high))


def test_overlap_widens_by_the_published_factor():
    values = [1.0, 1.4, 0.7, 1.2, 1.1]
    plain, wide = corrected(values, 0.0), corrected(values, 0.25)
    assert (wide.high - wide.mean) / (plain.high - plain.mean) == pytest.approx(np.sqrt((0.2 + 0.25) / 0.2))


def test_one_value_has_no_interval():
    found = corrected([2.0], 0.25)
    assert (found.low, found.high) == (None, None)
    assert found.mean == found.median == found.interquartile_mean == 2.0


@pytest.mark.parametrize("n", [2, 5, 8, 15])
def test_median_and_interquartile_mean_are_those_of_scipy(n):
    values = np.random.default_rng(n).lognormal(size=n)
    found = corrected(list(values), 0.25).as_dict()
    assert found["median"] == pytest.approx(np.median(values))
    assert found["interquartile_mean"] == pytest.approx(stats.trim_mean(values, 0.25))


def test_an_error_has_no_negative_end_but_a_correlation_may():
    assert corrected([0.0, 1.0], 0.25).low == 0.0
    assert corrected([-0.1, 0.9], 0.25).low < 0
