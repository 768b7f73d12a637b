"""Kernels beside another implementation of the same thing: equal values, and, where asked for, their times.

`pytest tests/speed -n 0 --benchmark-enable` prints each pair as a group, with the ratio of each time to the group's fastest in
brackets. No time is asserted.
"""

import numpy as np
import pytest
import scipy.stats
import scoringrules

from sciml_bench.metrics import uncertainty

MEMBERS, SAMPLES, PLACES = 20, 8, 4000


@pytest.fixture(scope="module")
def drawn():
    random = np.random.default_rng(0)
    return random.standard_normal((MEMBERS, PLACES)), random.standard_normal((SAMPLES, PLACES))


@pytest.mark.benchmark(group="fair CRPS of members")
@pytest.mark.parametrize("which", ["ours", "scoringrules"])
def test_crps(benchmark, drawn, which):
    members, truth = drawn[0], drawn[1][:1]
    calls = {
        "ours": lambda: uncertainty._crps(np.sort(members, axis=0), truth),
        "scoringrules": lambda: scoringrules.crps_ensemble(truth[0], members, m_axis=0, estimator="fair")[None],
    }
    found = benchmark(calls[which])
    spread = np.abs(members[:, None] - members[None]).sum((0, 1)) / (2 * MEMBERS * (MEMBERS - 1))
    np.testing.assert_allclose(found, np.abs(members - truth).mean(0)[None] - spread, atol=1e-12)


@pytest.mark.benchmark(group="rank correlation of spread and error")
@pytest.mark.parametrize("which", ["ours", "scipy"])
def test_rank_correlation(benchmark, drawn, which):
    spread, error = drawn[0].std(axis=0), np.abs(drawn[1])
    calls = {
        "ours": lambda: uncertainty._rank_correlation(spread, error),
        "scipy": lambda: np.array([scipy.stats.spearmanr(spread, row).statistic for row in error]),
    }
    found = benchmark(calls[which])
    ranks = [np.argsort(np.argsort(row)) for row in (spread, *error)]
    np.testing.assert_allclose(found, np.corrcoef(ranks)[0, 1:], atol=1e-12)
