"""A comparison is right as often as it says, by simulation."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from sciml_bench.ranking.compare import compare, compare_all, holm
from sciml_bench.records.record import Record

FOLDS, PER_FOLD = 5, 40


def simulated(
    record, rng: np.random.Generator, gap: float = 0.0, training: float = 0.03
) -> tuple[list[Record], list[Record]]:
    """Two methods on samples of varying difficulty; each training is luckier or less so than another."""
    rows: tuple[list[Record], list[Record]] = ([], [])
    for fold in range(FOLDS):
        difficulty = np.exp(0.5 * rng.standard_normal(PER_FOLD))
        for name, row, factor in zip("ab", rows, (1.0 + gap, 1.0), strict=True):
            luck = np.exp(training * rng.standard_normal())
            noise = np.exp(0.1 * rng.standard_normal(PER_FOLD))
            row.append(record(name, fold, factor * luck * difficulty * noise))
    return rows


def found_different(record, gap: float, seed: int, repetitions: int) -> float:
    rng = np.random.default_rng(seed)
    return float(np.mean([compare(*simulated(record, rng, gap)).different for _ in range(repetitions)]))


def test_identical_methods_with_other_seeds_differ_in_about_5_of_100_repetitions(record):
    share = found_different(record, 0.0, 1, 400)
    # 5% is the nominal rate; requiring both reasons of doubt to be overcome can only lower it.
    assert 0.005 <= share <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / 400)


@pytest.mark.parametrize("gap", [0.05, 0.1])
def test_a_planted_difference_is_found_with_the_power_of_the_t_test(record, gap):
    # δ_k has the spread of two trainings and of the samples' own noise; the difficulty of the samples cancels.
    spread = math.sqrt(2 * (0.03**2 + (0.1**2 / PER_FOLD) * (1 + (math.exp(0.25) - 1))))
    shift = math.log1p(gap) / (spread / math.sqrt(FOLDS))
    limit = stats.t.ppf(0.975, FOLDS - 1)
    power = 1 - stats.nct.cdf(limit, FOLDS - 1, shift)
    assert found_different(record, gap, 2, 200) == pytest.approx(power, abs=0.1)


def test_the_interval_covers_the_planted_ratio(record):
    rng = np.random.default_rng(3)
    hits = 0
    for _ in range(200):
        found = compare(*simulated(record, rng, 0.2))
        hits += found.low <= 1.2 <= found.high
    assert hits / 200 >= 0.92


def test_it_says_which_is_better_and_by_how_much(record):
    rng = np.random.default_rng(4)
    a, b = simulated(record, rng, 0.5, training=0.0)
    found = compare(a, b)
    assert found.different
    assert found.ratio == pytest.approx(1.5, rel=0.03)
    assert found.sentence.startswith("b has 3")
    assert "% less error than a on d (small, 5 folds, 200 test samples): rel_l2 " in found.sentence
    assert found.wins < 0.05
    assert "b has 1e+03 times less error than a" in replace(found, ratio=1000.0).sentence
    other = compare(b, a)
    assert other.ratio == pytest.approx(1 / found.ratio)
    assert other.sentence.split(":")[0] == found.sentence.split(":")[0]


def test_below_the_floor_everyone_ties(record):
    rng = np.random.default_rng(5)
    a = [record("a", k, 1e-6 * rng.random(PER_FOLD), floor=1e-5) for k in range(FOLDS)]
    b = [record("b", k, 5e-6 * rng.random(PER_FOLD), floor=1e-5) for k in range(FOLDS)]
    assert not compare(a, b).different
    assert "tie" in compare(a, b).sentence


def test_the_same_errors_are_no_difference(record):
    a = [record("a", k, np.full(PER_FOLD, 0.1)) for k in range(FOLDS)]
    b = [record("b", k, np.full(PER_FOLD, 0.1)) for k in range(FOLDS)]
    found = compare(a, b)
    assert (found.different, found.ratio, found.wins) == (False, 1.0, 0.5)


def test_many_samples_of_one_unit_are_no_more_evidence_than_one(record):
    """Ten windows of each trajectory, all with its error: the same interval as of the trajectories themselves."""
    rng = np.random.default_rng(11)
    values = [rng.random((2, 20)) + 0.1]  # one fold: the test samples are the only doubt

    def row(name, side, times, units):
        made = [record(name, k, np.repeat(v[side], times)) for k, v in enumerate(values)]
        of = [[i // times for i in range(20 * times)] if units else None]
        return [
            r.model_copy(update={"per_sample": r.per_sample.model_copy(update={"units": u})})
            for r, u in zip(made, of, strict=True)
        ]

    def ends(times, units):
        found = compare(row("a", 0, times, units), row("b", 1, times, units))
        return found.low, found.high, found.p_value

    assert ends(10, units=True) == pytest.approx(ends(1, units=False))
    low, high, _ = ends(10, units=False)
    assert ends(1, units=False)[0] < low < high < ends(1, units=False)[1]


def test_units_count_for_both_where_one_names_them_and_a_fold_may_lack_them(record):
    rng = np.random.default_rng(12)
    values = rng.random((5, 20)) + 0.1
    factor = 1.03 * np.exp(0.1 * rng.standard_normal(values.shape))

    def row(name, values, named):
        made = [record(name, k, v) for k, v in enumerate(values)]
        units = [[100 * k + i // 2 for i in range(20)] if k in named else None for k in range(5)]
        return [
            r.model_copy(update={"per_sample": r.per_sample.model_copy(update={"units": u})})
            for r, u in zip(made, units, strict=True)
        ]

    def ends(first, second):
        found = compare(row("a", values, first), row("b", values * factor, second))
        return found.low, found.high, found.p_value

    both = ends(range(5), range(5))
    assert ends(range(5), ()) == ends((), range(5)) == both
    assert both[1] - both[0] < 0.1
    assert all(math.isfinite(x) for x in ends(range(1, 5), ()))


def test_folds_whose_training_sets_overlap_weigh_less(record):
    """The published factor on the standard error of the mean over folds, where the folds are the greater doubt."""
    rng = np.random.default_rng(13)
    a, b = simulated(record, rng, training=0.2)
    sized = [[r.model_copy(update={"diagnostics": {"train_samples": 128}}) for r in row] for row in (a, b)]
    plain, wide = compare(a, b), compare(*sized)
    assert wide.ratio == plain.ratio
    assert wide.p_value > plain.p_value
    deltas = [math.log(x.scores["rel_l2"] / y.scores["rel_l2"]) for x, y in zip(a, b, strict=True)]
    half = stats.t.ppf(0.975, 4) * np.std(deltas, ddof=1) * math.sqrt(1 / 5 + PER_FOLD / 128)
    assert math.log(wide.high) == pytest.approx(np.mean(deltas) + half)
    assert math.log(wide.low) == pytest.approx(np.mean(deltas) - half)


def test_a_pair_that_is_lost_among_many_says_so(record):
    a, b = simulated(record, np.random.default_rng(14), gap=0.2)
    found = replace(compare(a, b), p_value=0.01, adjusted=0.3)
    assert not found.different
    assert found.sentence.endswith("; p = 0.01 alone, 0.3 corrected for all that are shown (Holm)")


def test_rows_without_a_common_fold_are_refused(record):
    rng = np.random.default_rng(6)
    a, b = simulated(record, rng)
    with pytest.raises(ValueError, match="share no fold"):
        compare(a[:2], b[2:])
    of_other_data = [
        r.model_copy(update={"provenance": r.provenance.model_copy(update={"data_digest": "x"})}) for r in b
    ]
    in_ten_folds = [r.model_copy(update={"cell": r.cell.model_copy(update={"folds": 10})}) for r in b]
    for other in (of_other_data, in_ten_folds):
        with pytest.raises(ValueError, match="share no fold"):
            compare(a, other)


def test_holm_by_hand_and_by_statsmodels():
    # Sorted: 0.01·3, 0.02·2, 0.04·1, each at least the one before.
    np.testing.assert_allclose(holm([0.04, 0.01, 0.02]), [0.04, 0.03, 0.04])
    assert holm([]) == []
    many = np.random.default_rng(3).random(60) ** 3
    many[7] = many[8]
    np.testing.assert_allclose(holm(many.tolist()), multipletests(many, method="holm")[1], rtol=1e-14)


def test_a_root_of_a_mean_is_compared_as_the_score_is(record):
    """With the statistic (p − u)²/Var u, a method of twice the error has four times the statistic."""
    rng = np.random.default_rng(7)
    values = [rng.random(PER_FOLD) for _ in range(FOLDS)]
    a = [record("a", k, 4 * v).model_copy(update={"primary": "nrmse_std"}) for k, v in enumerate(values)]
    b = [record("b", k, v).model_copy(update={"primary": "nrmse_std"}) for k, v in enumerate(values)]
    a, b = (
        [r.model_copy(update={"scores": {"nrmse_std": r.scores["rel_l2"] ** 0.5}}) for r in rows] for rows in (a, b)
    )
    assert compare(a, b).ratio == pytest.approx(2.0)


def test_all_pairs_at_once_are_the_pairs_one_by_one(record):
    """Also where rows share some folds only, and where two have none in common."""
    rng = np.random.default_rng(8)
    rows = [[record(f"m{m}", k, (0.5 + 0.1 * m) * rng.random(PER_FOLD)) for k in range(FOLDS)] for m in range(3)]
    rows[1] = rows[1][:2]
    rows.append([record("m3", k, rng.random(PER_FOLD)) for k in range(2, FOLDS)])
    found = compare_all(rows)
    assert found.keys() == {(0, 1), (0, 2), (0, 3), (1, 2), (2, 3)}
    for (i, j), one in found.items():
        assert one == compare(rows[i], rows[j])
    assert found[0, 1].folds == 2


def test_the_bootstrap_is_that_of_the_definition(record):
    """The interval from samples drawn one by one, without the counts that the code multiplies by."""
    rng = np.random.default_rng(9)
    a, b = rng.random(PER_FOLD), rng.random(PER_FOLD)
    found = compare([record("a", 0, a)], [record("b", 0, b)])
    units = np.random.default_rng(0).integers(PER_FOLD, size=(2000, PER_FOLD))
    draws = [np.log(a[u].mean() / b[u].mean()) for u in units]
    np.testing.assert_allclose(np.log([found.low, found.high]), np.quantile(draws, [0.025, 0.975]), rtol=1e-9)
