"""A board says which rows are of other data, and holds none of them against the others."""

import numpy as np

from sciml_bench.ranking.notices import notices
from sciml_bench.ranking.summary import summarise
from sciml_bench.records.record import Cost


def of(record, method, error, *, family="network", data="d", started="2026-01-01T00:00:00+00:00", folds=range(5)):
    made = [record(method, fold, np.full(4, error)) for fold in folds]
    came = made[0].provenance.model_copy(update={"data_digest": data, "started": started})
    return [r.model_copy(update={"family": family, "provenance": came}) for r in made]


def test_rows_of_other_data_are_named_and_no_baseline_for_the_rest(record):
    old = of(record, "mean", 0.1, family="control")
    new = of(record, "net", 0.5, data="e", started="2026-01-02T00:00:00+00:00")
    rows = {r.name: r for r in summarise(old + new)}
    assert rows["net"].flags == ()
    assert rows["net"].scaled is None
    (notice,) = notices(list(rows.values()))
    assert notice == "Made from other data than most rows, and held against none of those: mean."
    same = of(record, "net", 0.5)
    rows = {r.name: r for r in summarise(old + same)}
    assert rows["net"].flags == ("worse than the baseline",)
    assert notices(list(rows.values())) == []


def test_a_truth_that_its_refinement_contradicts_is_said_to_be_rough(record):
    made = [record("mean", fold, np.full(4, 0.9), 0.91) for fold in range(5)]
    assert notices(summarise(made)) == [
        "The truth itself is 0.91 from a refined one: so rough, it is none to measure errors by."
    ]
    assert notices(summarise([record("mean", fold, np.full(4, 0.9), 1e-3) for fold in range(5)])) == []


def test_one_row_of_other_data_does_not_stand_against_all_others(record):
    same = of(record, "mean", 0.1, family="control") + of(record, "fno", 0.05)
    stray = of(record, "net", 0.01, data="e", started="2026-01-02T00:00:00+00:00")
    rows = {r.name: r for r in summarise(same + stray)}
    assert notices(list(rows.values())) == ["Made from other data than most rows, and held against none of those: net."]
    assert rows["fno"].scaled is not None


def test_a_row_must_beat_the_best_simple_method_and_a_simple_method_a_control(record):
    made = of(record, "mean", 0.4, family="control") + of(record, "linear", 0.1, family="baseline")
    rows = {r.name: r for r in summarise(made + of(record, "net", 0.2))}
    assert {n: r.baseline for n, r in rows.items()} == {"mean": None, "linear": 0.4, "net": 0.1}
    assert rows["net"].flags == ("worse than the baseline",)
    assert rows["linear"].flags == ()


def test_the_same_data_cost_every_row_the_same(record):
    def took(seconds, method):
        cost = dict.fromkeys(Cost.model_fields, 1.0) | {
            "precision": "64",
            "device_shared": None,
            "data_seconds": seconds,
        }
        cost |= dict.fromkeys(("predict_samples", "throughput_batch", "parameters", "threads"), 1)
        return [r.model_copy(update={"cost": Cost(**cost)}) for r in of(record, method, 0.1)]

    rows = summarise(took(30.0, "busy") + took(10.0, "idle") + took(0.0, "solver"))
    assert {r.name: r.cost["data_seconds"] for r in rows} == {"busy": 10.0, "idle": 10.0, "solver": 0.0}


def test_folds_that_were_not_run_are_told(record):
    some = summarise(of(record, "mean", 0.1) + of(record, "net", 0.5, folds=range(2)))
    assert notices(some) == ["Not all folds were run: net 2 of 5."]
    one = summarise(of(record, "mean", 0.1, folds=[0]) + of(record, "net", 0.5, folds=[0]))
    assert notices(one) == ["Every row has 1 of 5 folds."]


def test_rows_that_were_timed_on_another_machine_are_told(record):
    def timed(method, processor, threads):
        came = {"processor": processor, "threads": threads}
        return [
            r.model_copy(update={"provenance": r.provenance.model_copy(update=came)}) for r in of(record, method, 0.1)
        ]

    alike = timed("mean", "a Xeon", 1) + timed("fno", "a Xeon", 1)
    assert notices(summarise(alike)) == []
    assert notices(summarise(alike + timed("net", "a Xeon", 2) + timed("unet", "an EPYC", 1))) == [
        "Not all times are of one machine, so that they do not compare: net on a Xeon with 2 cores; "
        "unet on an EPYC with 1 core; the others on a Xeon with 1 core."
    ]
