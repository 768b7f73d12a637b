import numpy as np
import pytest
from scipy import stats

from sciml_bench.metrics import bounds
from sciml_bench.ranking.intervals import corrected
from sciml_bench.ranking.summary import summarise


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


@pytest.mark.parametrize(
    ("score", "values", "low", "high"),
    [
        ("rel_l2", [0.0, 1.0], 0.0, None),
        ("shift:finer/rel_l2", [0.0, 1.0], 0.0, None),
        ("nll", [0.0, 1.0], None, None),
        ("r2", [0.2, 0.99], None, 1.0),
        ("valid_time/u", [0.2, 0.99], 0.0, 1.0),
        ("coverage_90", [0.2, 0.99], 0.0, 1.0),
        ("regime:age=old/error_rate", [0.2, 0.99], 0.0, 1.0),
        ("spread_error_correlation", [0.1, 0.9], -1.0, 1.0),
    ],
)
def test_an_interval_ends_where_the_score_does(score, values, low, high):
    free, found = corrected(values, 0.25), corrected(values, 0.25, bounds(score))
    assert found.low == (free.low if low is None else low)
    assert found.high == (free.high if high is None else high)


def test_what_lies_beyond_a_scores_end_by_rounding_is_its_own_end():
    found = corrected([1 + 1e-12, 1 + 1e-12], 0.25, (0.0, 1.0))
    assert found.low == found.mean == found.high


def test_repetitions_of_the_same_folds_are_no_more_folds(record):
    rng = np.random.default_rng(5)
    values = 1 + rng.random((5, 8))
    once = [record("m", k, v) for k, v in enumerate(values)]
    again = [
        r.model_copy(update={"cell": r.cell.model_copy(update={"repetition": n}), "key": f"{100 * n + k:016x}"})
        for k, r in enumerate(once)
        for n in range(4)
    ]
    [row], [repeated] = summarise(once), summarise(again)
    assert repeated.scores["rel_l2"] == row.scores["rel_l2"]
    scattered = [
        r.model_copy(update={"scores": {"rel_l2": r.scores["rel_l2"] + (0.5 if r.cell.repetition % 2 else -0.5)}})
        for r in again
    ]
    [mean_of_each] = summarise(scattered)
    assert mean_of_each.scores["rel_l2"].as_dict() == pytest.approx(row.scores["rel_l2"].as_dict())


def test_a_row_never_mixes_budgets(record):
    made = [record("m", k, np.full(3, 1.0 + k)) for k in range(5)]
    short = [
        r.model_copy(
            update={
                "cell": r.cell.model_copy(update={"budget_seconds": 0.5}),
                "provenance": r.provenance.model_copy(update={"started": "2026-01-02T00:00:00+00:00"}),
            }
        )
        for r in made[2:]
    ]
    [row] = summarise([*made[:2], *short])
    assert {r.cell.budget_seconds for r in row.records} == {0.5}
    assert row.succeeded == 3
