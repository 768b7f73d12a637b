"""A method scored on some of the test samples stands beside others on those same samples."""

from dataclasses import replace

import numpy as np
import pytest

from sciml_bench.ranking.checklist import checklist
from sciml_bench.ranking.compare import compare
from sciml_bench.ranking.facets import facets
from sciml_bench.ranking.league import league
from sciml_bench.ranking.summary import error_on, summarise
from sciml_bench.records.record import Cost, PerSample
from sciml_bench.site.columns import columns

HARD = np.array([8.0, 8.0, 1.0, 1.0, 1.0, 1.0])
"""How hard the samples of a fold are; the first two are solved by the method that solves each anew."""


def _cost(seconds: float) -> Cost:
    names = ("data_seconds", "fit_seconds", "fit_cpu_seconds", "predict_cpu_seconds", "predictor_seconds")
    none = dict.fromkeys(("device_memory_gib", "energy_joules", "parameters", "flops"))
    return Cost(
        **dict.fromkeys(names, 0.0), **none, predict_seconds=seconds, predict_samples=1, latency_p50=seconds, latency_p95=seconds,
        throughput=1 / seconds, throughput_batch=1, peak_memory_gib=0.0, threads=1, precision="float32",
    )  # fmt: skip


@pytest.fixture
def rows(record):
    """Return the rows of one board: a control, two solver settings, a network, and one that was scored on two samples a fold."""

    def made(method, family, factor, seconds, kept=6):
        found = []
        for fold in range(5):
            one = record(method, fold, factor * HARD)
            part = PerSample(
                metric="rel_l2", samples=one.per_sample.samples[:kept], values=one.per_sample.values[:kept]
            )
            found.append(
                one.model_copy(
                    update={
                        "family": family,
                        "per_sample": part,
                        "scores": {"rel_l2": float(np.mean(part.values))},
                        "cost": _cost(seconds),
                        "diagnostics": {"test_samples": 6, "train_samples": 24, "valid_samples": 6},
                    }
                )
            )
        return found

    records = (
        made("mean", "control", 1.0, 0.001) + made("net", "network", 0.5, 0.1) + made("anew", "network", 0.4, 20.0, 2)
    )
    records += made("solver8", "solver", 0.3, 1.0) + made("solver4", "solver", 0.45, 0.5)
    return {r.name: r for r in summarise(records)}


def test_errors_are_taken_on_the_same_samples(rows):
    assert rows["anew"].part == (2, 6)
    assert rows["net"].part is None
    assert rows["anew"].error == pytest.approx(3.2)
    assert error_on(rows["mean"], rows["anew"]) == pytest.approx(8.0)
    assert error_on(rows["anew"], rows["net"]) is None


def test_a_fit_has_seconds_where_something_is_fitted(rows):
    timed = {n: replace(r, cost={**r.cost, "fit_seconds": 1e-5}) for n, r in rows.items()}
    assert {n for n, r in timed.items() if r.fit_seconds is not None} == {"mean", "net"}
    shown = {c.key: c for c in columns(list(timed.values()), None)}
    for key in ("fit", "data_and_fit_seconds"):
        assert {n for n, r in timed.items() if shown[key].of(r).sort is None} == {"anew", "solver8", "solver4"}
    assert "fit" in facets(list(timed.values()))["net"]
    assert "fit" not in facets(list(timed.values()))["anew"]


def test_they_are_means_over_repetitions(rows):
    again = [
        r.model_copy(
            update={
                "cell": r.cell.model_copy(update={"repetition": 1}),
                "per_sample": r.per_sample.model_copy(update={"values": [3 * v for v in r.per_sample.values]}),
            }
        )
        for r in rows["mean"].records
    ]
    twice = replace(rows["mean"], records=[*rows["mean"].records, *again])
    assert error_on(twice, rows["anew"]) == pytest.approx(2 * 8.0)


def test_it_is_flagged_and_placed_on_its_samples(rows):
    """On all samples the control has 3.33 and the coarse solver 1.5, both less than the 3.2 and 3.6 that count here."""
    anew = rows["anew"]
    assert "scored on 2 of 6 test samples a fold" in anew.flags
    assert anew.scaled == pytest.approx((8.0 - 3.2) / 8.0)
    assert anew.tradeoff is not None
    assert anew.tradeoff.speed_up == pytest.approx(1.0 / 20)  # solver8; solver4 has 3.6 on them
    assert "worse than the baseline" not in anew.flags


def test_its_skill_is_what_its_samples_say(rows):
    found = league(list(rows.values()))
    assert found is not None
    assert {p.name: p.skill for p in found.places} == pytest.approx({"anew": 0.6, "net": 0.5, "mean": 0.0})


def test_a_baseline_that_is_exact_on_just_those_samples_does_not_make_it_the_worst_of_all(record, rows):
    """It has 3.2 on samples 2.4 times as hard as all, that is 1.33, between the network's 1.67 and the exact one's 0.67."""
    exact = np.where(HARD > 1, 1e-15, 1.0)
    easy = [record("easy", fold, exact).model_copy(update={"family": "baseline"}) for fold in range(5)]
    found = league([*rows.values(), *summarise(easy)])
    assert found is not None
    assert found.baselines == {"d": "easy"}
    assert [p.name for p in found.places] == ["easy", "anew", "net", "mean"]
    assert {p.name: p.relative["d"] for p in found.places}["anew"] == pytest.approx(2.0)


def test_the_checklist_says_so(rows):
    told = {c.name: c.told for c in checklist(rows["anew"])}
    assert "6 test samples in the first, 2 of which it is scored on" in told["Split without leakage"]
    assert told["Latency measured"].startswith("20 s a sample")


def test_a_comparison_prints_the_errors_of_the_folds_that_both_have(rows):
    net, mean = rows["net"].records, rows["mean"].records
    odd = [r.model_copy(update={"scores": {"rel_l2": 100.0}}) for r in mean[1:]]
    found = compare(net[:1], [mean[0], *odd])
    assert found.errors == pytest.approx((np.mean(0.5 * HARD), np.mean(HARD)))
    assert found.ratio == pytest.approx(0.5)
