"""The league against cases whose order, ties and skill are known."""

import math
import time

import numpy as np
import pytest

from sciml_bench.ranking.intervals import corrected
from sciml_bench.ranking.league import league
from sciml_bench.ranking.summary import Row, summarise


def folds(error: float, spread: float = 0.0, seed: int = 0) -> list[float]:
    return [float(e) for e in error * np.exp(spread * np.random.default_rng(seed).standard_normal(5))]


def test_skill_is_one_minus_the_geometric_mean_of_relative_errors(rows):
    found = league(rows(mean={"a": [1.0] * 5, "b": [2.0] * 5}, good={"a": [0.1] * 5, "b": [0.8] * 5}))
    assert found is not None
    good, mean = found.places
    assert (good.name, mean.name) == ("good", "mean")
    assert good.skill == pytest.approx(1 - np.sqrt(0.1 * 0.4))
    assert mean.skill == pytest.approx(0.0)
    assert (good.win_rate, mean.win_rate) == (1.0, 0.0)
    assert (good.mean_rank, mean.mean_rank) == (1.0, 2.0)
    assert good.worst == ("b", pytest.approx(0.4))
    assert found.profile["good"] == [(1.0, 0.5), (1.0, 1.0)]


def test_a_hopeless_or_perfect_dataset_does_not_decide_alone(rows):
    found = league(rows(mean={"a": [1.0] * 5, "b": [1.0] * 5}, m={"a": [1e9] * 5, "b": [1e-9] * 5}))
    assert found is not None
    m = next(p for p in found.places if p.name == "m")
    assert m.skill == pytest.approx(1 - np.sqrt(10 * 1e-3))


def test_equal_methods_share_a_group_and_clear_ones_do_not(rows):
    names = [f"d{i}" for i in range(12)]
    table = {
        "mean": {d: [1.0] * 5 for d in names},
        "one": {d: folds(0.1, 0.1, i) for i, d in enumerate(names)},
        "two": {d: folds(0.1, 0.1, 100 + i) for i, d in enumerate(names)},
        "bad": {d: folds(0.5, 0.1, 200 + i) for i, d in enumerate(names)},
    }
    found = league(rows(**table))
    assert found is not None
    by_name = {p.name: p for p in found.places}
    assert by_name["one"].group == by_name["two"].group == "a"
    assert by_name["bad"].group == "b"
    assert {by_name["one"].rank, by_name["two"].rank} == {"1 (1–2)", "2 (1–2)"}
    assert by_name["bad"].rank == "3"
    assert found.resolution is not None
    assert 1 < found.resolution < 1.2


def test_one_fold_of_one_dataset_tells_nobody_apart(rows):
    """There is no spread to learn from, which is no certainty."""
    found = league(rows(mean={"a": [1.0]}, good={"a": [0.1]}, bad={"a": [2.0]}))
    assert found is not None
    assert [p.name for p in found.places] == ["good", "mean", "bad"]
    assert [p.rank for p in found.places] == ["1 (1–3)", "2 (1–3)", "3 (1–3)"]
    assert {p.group for p in found.places} == {"a"}
    assert found.resolution is None
    good, mean, _ = found.places
    assert (good.skill_low, good.skill_high) == pytest.approx((-9.0, 0.999))
    assert (mean.skill_low, mean.skill_high) == (0.0, 0.0)


def test_rows_of_older_data_are_left_out_and_those_of_other_folds_have_no_score(row):
    def made_of(one: Row, **changes) -> Row:
        cell = {"folds": changes.pop("folds", 5)}
        return summarise(
            r.model_copy(
                update={
                    "cell": r.cell.model_copy(update=cell),
                    "provenance": r.provenance.model_copy(update=changes),
                }
            )
            for r in one.records
        )[0]

    given = [row("a", "mean", [1.0] * 5, "control"), row("a", "m", [0.5] * 5)]
    other = row("a", "x", [0.01] * 5)
    old = made_of(other, data_digest="old", started="2025-01-01T00:00:00+00:00")
    assert league([*given, old]) == league(given)
    found = league([*given, made_of(other, folds=10)])
    assert found is not None
    x = next(p for p in found.places if p.name == "x")
    assert (x.skill, x.imputed) == (pytest.approx(0.0), ("a",))


def test_what_failed_gets_the_baselines_error_and_a_flag(rows, row):
    given = rows(mean={"a": [1.0] * 5, "b": [1.0] * 5}, m={"a": [0.5] * 5})
    given += [row("b", "m", [1.0] * 5, ok=False), row("a", "sometimes", [0.5] * 5)]
    found = league(given)
    assert found is not None
    by_name = {p.name: p for p in found.places}
    assert by_name["m"].imputed == by_name["sometimes"].imputed == ("b",)
    assert by_name["m"].skill == pytest.approx(1 - np.sqrt(0.5))
    assert by_name["mean"].imputed == ()


def test_who_has_a_score_on_no_more_than_half_of_the_datasets_has_no_place_and_takes_none(rows, row):
    given = rows(
        mean={"a": [1.0] * 5, "b": [1.0] * 5, "c": [1.0] * 5},
        two={"a": [0.5, 0.4, 0.6, 0.5, 0.5], "b": [0.4] * 5, "c": [0.7] * 5},
        three={"a": [0.6] * 5, "b": [0.5] * 5},
    )
    few = row("c", "few", [1e-3] * 5)
    found, without = league([*given, few]), league(given)
    assert found is not None
    assert without is not None
    assert [(p.name, p.placed) for p in found.places] == [
        ("two", True), ("three", True), ("mean", True), ("few", False)
    ]  # fmt: skip
    few_place = found.places[-1]
    assert few_place.skill > found.places[0].skill
    assert (few_place.rank, few_place.group, few_place.mean_rank, few_place.win_rate) == ("–", "", None, None)
    told = [(p.rank, p.group, p.mean_rank, p.win_rate, p.skill_low) for p in found.places[:3]]
    assert told == [(p.rank, p.group, p.mean_rank, p.win_rate, p.skill_low) for p in without.places]
    assert (found.critical, found.resolution) == (without.critical, without.resolution)
    assert list(found.profile) == ["two", "three", "mean"]
    assert found.profile["two"][-1] == (pytest.approx(700), 1.0)  # over the best of all, one without a place too


def test_among_equals_any_may_stand_first(rows):
    """Two that are alike: each is now before and now behind the other, in every draw."""
    names = [f"d{i}" for i in range(6)]
    table = {n: {d: folds(0.1, 0.1, i) for i, d in enumerate(names)} for n in ("one", "two")}
    found = league(rows(mean={d: [1.0] * 5 for d in names}, **table))
    assert found is not None
    assert [p.rank for p in found.places] == ["1 (1–2)", "2 (1–2)", "3"]


def test_the_only_one_with_a_place_is_compared_with_nobody(rows, row):
    given = rows(mean={"a": [1.0] * 5, "b": [1.0] * 5})
    found = league([*given, row("a", "m", [0.5] * 5)])
    assert found is not None
    assert [(p.name, p.rank, p.win_rate) for p in found.places] == [("mean", "1", None), ("m", "–", None)]
    assert (found.resolution, found.critical) == (None, None)


def test_who_would_lead_without_a_dataset(rows):
    given = rows(
        mean={"a": [1.0] * 5, "b": [1.0] * 5, "c": [1.0] * 5},
        once={"a": [1e-3] * 5, "b": [0.8] * 5, "c": [0.8] * 5},
        steady={"a": [0.5] * 5, "b": [0.5] * 5, "c": [0.5] * 5},
    )
    found = league(given)
    assert found is not None
    assert found.places[0].name == "once"
    assert found.without == {"a": "steady", "b": "once", "c": "once"}
    again = league([r for r in given if r.dataset != "a"])
    assert again is not None
    assert (again.places[0].name, again.without) == ("steady", {})


def test_a_failure_is_never_better_than_the_cells_that_worked(row):
    bad = row("a", "m", [3.0, 3.0, 3.0, 3.0])  # four of five folds, all worse than the baseline
    found = league([row("a", "mean", [1.0] * 5, "control"), bad])
    assert found is not None
    assert next(p for p in found.places if p.name == "m").skill == pytest.approx(-2.0)


def test_errors_below_the_floor_tie(row):
    given = [
        row("a", n, [e] * 5, f, floor=1e-3)
        for n, e, f in (("mean", 1.0, "control"), ("x", 1e-5, "network"), ("y", 1e-4, "network"))
    ]
    found = league(given)
    assert found is not None
    assert {p.mean_rank for p in found.places if p.name != "mean"} == {1.5}
    assert len({p.group for p in found.places if p.name != "mean"}) == 1


def test_a_mean_is_held_against_the_floor_and_not_each_fold(row):
    """Both means are under the floor, so that they tie, though one fold of the better one is above it."""
    under, just_under = [0.005] * 4 + [0.011], [0.0095] * 5
    given = [row("a", "mean", [1.0] * 5, "control", floor=0.01)]
    given += [row("a", "x", under, floor=0.01), row("a", "y", just_under, floor=0.01)]
    found = league(given)
    assert found is not None
    x, y = (p for p in found.places if p.name != "mean")
    assert (x.mean_rank, x.win_rate, x.skill) == (y.mean_rank, y.win_rate, y.skill)


def test_folds_of_one_dataset_alone_overlap(row):
    """Its draws are of folds, and as far apart as the interval of a cell is wider for it: by √(1 + 5 · 0.5)."""
    spread = folds(0.3, 0.2, 4)

    def place(**diagnostics):
        given = [row("a", "mean", [1.0] * 5, "control"), row("a", "m", spread)]
        for r in given:
            r.records[:] = [one.model_copy(update={"diagnostics": diagnostics}) for one in r.records]
        found = league(given)
        assert found is not None
        return next(p for p in found.places if p.name == "m")

    free, overlapping = place(), place(train_samples=8)
    assert overlapping.skill == free.skill
    reach = [math.log((1 - p.skill_low) / (1 - p.skill)) for p in (free, overlapping)]
    assert reach[1] / reach[0] == pytest.approx(math.sqrt(1 + 5 * 4 / 8))


def test_solvers_do_not_compete(rows, row):
    given = rows(mean={"a": [1.0] * 5}, m={"a": [0.5] * 5})
    found = league([*given, row("a", "solver", [1e-9] * 5, "solver")])
    assert found is not None
    assert {p.name for p in found.places} == {"mean", "m"}


def test_scaled_scores_are_0_at_the_control_and_1_at_the_floor(record):
    errors = {"mean": 0.9, "half": 0.5, "best": 0.05, "worse": 1.3}
    made = [
        record(name, k, np.full(4, e), 0.1).model_copy(update={"family": "control" if name == "mean" else "network"})
        for name, e in errors.items()
        for k in range(2)
    ]
    scaled = {r.name: r.scaled for r in summarise(made)}
    assert scaled == pytest.approx({"mean": 0.0, "half": 0.5, "best": 1.0, "worse": -0.5})


def test_methods_of_equal_worth_are_told_apart_in_at_most_5_of_100_leagues_and_clear_ones_always(row):
    """The error of the whole family of pairs, over datasets on which each method is now lucky and now not."""
    rng = np.random.default_rng(9)
    false, found = 0, 0
    for _ in range(40):
        rows = [row(f"d{d}", "mean", [1.0] * 2, "control") for d in range(8)]
        for d in range(8):
            for name, error in (("one", 0.3), ("two", 0.3), ("far", 0.03)):
                rows.append(row(f"d{d}", name, [float(error * np.exp(0.3 * rng.standard_normal()))] * 2))
        made = league(rows, draws=200)
        assert made is not None
        group = {p.name: set(p.group) for p in made.places}
        false += not group["one"] & group["two"]
        found += not group["one"] & group["far"]
    assert false / 40 <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 40)
    assert found == 40


def test_many_methods_can_be_told_apart_too(row):
    """With 190 pairs no p-value may be bounded by the number of draws."""
    rng = np.random.default_rng(10)
    rows = [
        row(f"d{d}", f"m{m:02}" if m else "mean", [float(0.7**m * np.exp(0.1 * rng.standard_normal()))] * 2,
            "network" if m else "control")
        for d in range(8)
        for m in range(20)
    ]  # fmt: skip
    found = league(rows, draws=100)
    assert found is not None
    assert not set(found.places[0].group) & set(found.places[-1].group)


def test_it_is_the_same_every_time(rows):
    given = rows(mean={"a": folds(1.0, 0.1)}, m={"a": folds(0.9, 0.1, 1)})
    assert league(given) == league(list(reversed(given)))


def test_the_interval_of_skill_covers_it(row):
    """Datasets drawn from a population with a known mean log error: the interval holds it about 19 times in 20."""
    hits, repetitions = 0, 50
    for seed in range(repetitions):
        rng = np.random.default_rng(seed)
        logs = -1.0 + 0.4 * rng.standard_normal(25)
        given = [row(f"d{i}", "mean", [1.0] * 5, "control") for i in range(25)]
        given += [row(f"d{i}", "m", folds(float(np.exp(v)), 0.05, seed * 100 + i)) for i, v in enumerate(logs)]
        found = league(given, draws=400)
        assert found is not None
        m = next(p for p in found.places if p.name == "m")
        hits += m.skill_low <= 1 - np.exp(-1.0) <= m.skill_high
    assert 0.86 <= hits / repetitions <= 1.0


def test_cell_intervals_cover_the_mean_where_folds_are_independent():
    rng = np.random.default_rng(8)
    hits = [abs(np.mean(x) - 1.0) <= _half(x) for x in 1.0 + 0.1 * rng.standard_normal((2000, 5))]
    assert np.mean(hits) == pytest.approx(0.95, abs=0.015)


def _half(values: np.ndarray) -> float:
    found = corrected(list(values), 0.0)
    assert found.high is not None
    return found.high - found.mean


def test_forty_methods_on_forty_datasets_take_seconds(row):
    given = [
        row(f"d{d}", f"m{m}" if m else "mean", folds(0.1 + 0.02 * m, 0.1, 41 * d + m), "network" if m else "control")
        for m in range(40)
        for d in range(40)
    ]
    begun = time.perf_counter()
    found = league(given)
    print(f"40 methods on 40 datasets, 5 folds, 2000 draws: {time.perf_counter() - begun:.1f} s")
    assert found is not None
    assert len(found.places) == 40


def test_the_interval_of_few_datasets_covers_the_skill_as_often(row):
    """As above with three datasets, where a bootstrap's own quantiles would hold it three times in four."""
    hits, repetitions = 0, 100
    for seed in range(repetitions):
        rng = np.random.default_rng(1000 + seed)
        given = [row(f"d{i}", "mean", [1.0] * 2, "control") for i in range(3)]
        given += [row(f"d{i}", "m", [float(np.exp(-1.0 + 0.4 * rng.standard_normal()))] * 2) for i in range(3)]
        found = league(given, draws=400)
        assert found is not None
        m = next(p for p in found.places if p.name == "m")
        hits += m.skill_low <= 1 - np.exp(-1.0) <= m.skill_high
    assert 0.89 <= hits / repetitions <= 1.0


def test_a_pair_at_the_resolution_is_where_groups_part(row):
    """Of two methods of equal spread those further apart than the resolution differ, and nearer ones do not."""
    rng = np.random.default_rng(5)
    spread = {m: 0.2 * rng.standard_normal(8) for m in ("one", "two")}
    spread = {m: s - s.mean() for m, s in spread.items()}

    def made(ratio: float):
        rows = [row(f"d{d}", "mean", [float(np.exp(0.2 * s))] * 2, "control") for d, s in enumerate(spread["one"])]
        for name, error in (("one", 0.1), ("two", 0.1 * ratio)):
            rows += [row(f"d{d}", name, [float(error * np.exp(s))] * 2) for d, s in enumerate(spread[name])]
        found = league(rows, draws=500)
        assert found is not None
        group = {p.name: set(p.group) for p in found.places}
        return found.resolution, bool(group["one"] & group["two"])

    resolution, _ = made(1.0)
    assert resolution is not None
    assert made(resolution**0.5)[1]
    assert not made(resolution**1.5)[1]


def test_three_datasets_of_wild_spread_tell_nothing_apart(row):
    rng = np.random.default_rng(6)
    rows = [
        row(f"d{d}", name, [float(np.exp(2 * rng.standard_normal()))] * 2, "control" if name == "mean" else "network")
        for d in range(3)
        for name in ("mean", "one", "two", "three")
    ]
    found = league(rows, draws=200)
    assert found is not None
    assert found.resolution is None


def test_a_row_that_lacks_a_fold_is_flagged_and_given_the_baselines_error_there(row):
    whole = [row("a", "mean", [1.0] * 5, "control"), row("a", "m", [0.5] * 5)]
    partly = whole[1].records[:2]
    found = league([whole[0], summarise(partly)[0]])
    assert found is not None
    m = next(p for p in found.places if p.name == "m")
    assert m.imputed == ("a",)
    assert m.skill == pytest.approx(1 - (2 * 0.5 + 3 * 1.0) / 5)


def test_a_pool_of_one_fold_is_ranked_by_that_fold(row):
    errors = {"mean": 1.0, "good": 0.1, "better": 0.05}
    one = []
    for name, e in errors.items():
        made = row("a", name, [9.0, 9.0, 9.0, e], "control" if name == "mean" else "network").records[3:]
        one.append(summarise(made)[0])
    found = league(one)
    assert found is not None
    assert [p.name for p in found.places] == ["better", "good", "mean"]
    assert not any(p.imputed for p in found.places)
    assert found.places[0].skill == pytest.approx(0.95)
