"""Friedman and Nemenyi against Demšar's table and example, and against scikit-posthocs."""

import numpy as np
import pytest
import scikit_posthocs
from scipy.stats import rankdata

from sciml_bench.ranking.critical_difference import critical_difference, quantile

# Demšar 2006, table 5(a): q_0.05 for 2 to 10 methods.
PUBLISHED = {2: 1.960, 3: 2.343, 4: 2.569, 5: 2.728, 6: 2.850, 7: 2.949, 8: 3.031, 9: 3.102, 10: 3.164}


@pytest.mark.parametrize("methods", PUBLISHED)
def test_the_quantiles_are_those_of_the_published_table(methods):
    assert quantile(methods) == pytest.approx(PUBLISHED[methods], abs=1.1e-3)  # rounded there from tables of its own


def test_the_critical_difference_is_that_of_the_published_example():
    """Four methods on 14 datasets: CD = 2.569 √(4·5 / 6·14) = 1.25 (section 3.2.2 of the paper)."""
    rng = np.random.default_rng(0)
    ranks = rankdata(rng.random((4, 14)), axis=0)
    found = critical_difference(("a", "b", "c", "d"), ranks)
    assert found is not None
    assert found.difference == pytest.approx(1.25, abs=0.005)


def test_pairs_further_apart_are_those_that_scikit_posthocs_tells_apart():
    rng = np.random.default_rng(1)
    errors = np.exp(rng.standard_normal((8, 20)) + 0.5 * np.arange(8)[:, None])
    ranks = rankdata(errors, axis=0)
    names = tuple("abcdefgh")
    found = critical_difference(names, ranks)
    assert found is not None
    apart = scikit_posthocs.posthoc_nemenyi_friedman(errors.T).to_numpy() < 0.05
    means = ranks.mean(axis=1)
    assert (np.abs(means[:, None] - means) > found.difference).tolist() == apart.tolist()
    assert 0 < apart.sum() < 56
    for clique in found.cliques:
        inside = [names.index(m) for m in clique]
        assert not apart[np.ix_(inside, inside)].any()


def test_cliques_are_the_longest_runs_of_neighbours():
    # Mean ranks 1, 2, 3, 4 on 40 datasets: CD = 2.569 √(20/240) = 0.74, nobody ties; on 20: 1.05, neighbours do.
    ranks = np.arange(1.0, 5.0)[:, None]
    names = ("a", "b", "c", "d")
    many = critical_difference(names, np.tile(ranks, 40))
    few = critical_difference(names, np.tile(ranks, 20))
    assert many is not None
    assert few is not None
    assert many.cliques == ()
    assert few.cliques == (("a", "b"), ("b", "c"), ("c", "d"))
    assert few.different
    assert "two mean ranks closer than 1.05 are not told apart" in few.sentence


def test_methods_that_always_tie_show_no_difference():
    found = critical_difference(("a", "b", "c"), np.full((3, 5), 2.0))
    assert found is not None
    assert (found.p_value, found.cliques) == (1.0, (("a", "b", "c"),))
    assert "no difference among the methods is found" in found.sentence


def test_too_few_methods_or_datasets_give_none():
    assert critical_difference(("a", "b"), np.ones((2, 9))) is None
    assert critical_difference(("a", "b", "c"), np.ones((3, 1))) is None


def test_methods_of_equal_worth_are_told_apart_in_about_5_of_100_repetitions():
    rng = np.random.default_rng(2)
    apart = 0
    for _ in range(300):
        found = critical_difference(tuple("abcde"), rankdata(rng.random((5, 12)), axis=0))
        assert found is not None
        apart += found.cliques != (tuple(found.mean_ranks),)
    assert 0.01 <= apart / 300 <= 0.09
