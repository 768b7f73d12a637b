import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import TimeSeriesSplit

from sciml_bench.errors import UsageError
from sciml_bench.protocol.folds import forward, split


@given(samples=st.integers(6, 80), folds=st.integers(2, 5), seed=st.integers(0, 2**31))
def test_every_unit_is_tested_once_and_no_sample_stands_in_two_parts(samples, folds, seed):
    parts = split(np.arange(samples), folds, seed)
    assert sorted(np.concatenate([p.test for p in parts])) == list(range(samples))
    for p in parts:
        together = np.concatenate([p.train, p.valid, p.test])
        assert sorted(together) == list(range(samples))
        assert min(len(p.train), len(p.valid), len(p.test)) >= 1


@given(groups=st.integers(6, 20), seed=st.integers(0, 2**31))
def test_samples_of_a_group_stay_in_one_part(groups, seed):
    units = np.repeat(np.arange(groups), 3)
    for p in split(units, 3, seed):
        owners = [set(units[part]) for part in (p.train, p.valid, p.test)]
        assert not owners[0] & owners[1]
        assert not owners[0] & owners[2]
        assert not owners[1] & owners[2]


def test_membership_depends_on_the_seed_alone():
    first, again, other = (split(np.arange(40), 5, s)[2].test.tolist() for s in (3, 3, 4))
    assert first == again
    assert first != other


def test_test_parts_differ_in_size_by_at_most_one():
    sizes = [len(p.test) for p in split(np.arange(23), 5, 0)]
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize(
    ("samples", "folds", "words"), [(10, 1, "at least 2"), (4, 5, "at most 4"), (2, 2, "more data")]
)
def test_an_impossible_number_of_folds_is_refused(samples, folds, words):
    with pytest.raises(UsageError, match=words):
        split(np.arange(samples), folds, 0)


@given(times=st.integers(12, 60), folds=st.integers(2, 5), seed=st.integers(0, 2**31))
def test_no_fold_sees_what_comes_after_its_test_part_begins(times, folds, seed):
    """As scikit-learn's split of time series, but for the validation part, which is the latest of what is known."""
    places = np.random.default_rng(seed).permutation(np.repeat(np.arange(times), 2))
    parts = forward(places, folds)
    assert len(parts) == folds
    for p in parts:
        assert places[p.train].max() < places[p.valid].min()
        assert places[p.valid].max() < places[p.test].min()
        assert min(len(p.train), len(p.valid), len(p.test)) >= 2
    tested = np.concatenate([p.test for p in parts])
    assert len(set(tested)) == len(tested)
    if times % (folds + 1) == 0:
        expected = TimeSeriesSplit(folds).split(np.arange(times))
        for p, (known, test) in zip(parts, expected, strict=True):
            assert sorted(set(places[p.test])) == test.tolist()
            assert sorted({*places[p.train], *places[p.valid]}) == known.tolist()


def test_too_few_places_in_time_are_refused():
    with pytest.raises(
        UsageError, match="stand at 11 places in time; so many folds that follow each other take at least 12"
    ):
        forward(np.arange(11), 5)
