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
    assert corrected([2.0], 0.25).as_dict() == {"mean": 2.0, "low": None, "high": None}


def test_an_error_has_no_negative_end_but_a_correlation_may():
    assert corrected([0.0, 1.0], 0.25).low == 0.0
    assert corrected([-0.1, 0.9], 0.25).low < 0
