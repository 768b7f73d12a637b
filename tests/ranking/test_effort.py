"""Settings that a search kept count as tuned, and only those: of the same code, on the same data."""

from dataclasses import replace

import numpy as np
import pytest

from sciml_bench.ranking import effort
from sciml_bench.ranking.checklist import checklist
from sciml_bench.ranking.summary import summarise
from sciml_bench.records.record import Cost
from sciml_bench.reviewed import Tuning
from sciml_bench.site import settings

LINE = Tuning(
    tier="small", dataset="d", method="m", metric="rel_l2", allowed_trials=12, allowed_seconds=300.0, trials=7, failed=0,
    seconds=200.0, before=0.2, best=0.2, gain=0.0, outcome="kept", hyperparameters={"modes": 12}, search={"width": [3, 6]},
    threads=1, method_digest="m", data_digest="d", commit=None, date="2026-02-03",
)  # fmt: skip


COST = Cost(
    data_seconds=3.0, fit_seconds=4.0, fit_cpu_seconds=4.0, predict_seconds=1.0, predict_cpu_seconds=1.0, predict_samples=2,
    predictor_seconds=1.0, latency_p50=None, latency_p95=None, throughput=1.0, throughput_batch=1, peak_memory_gib=1.0,
    device_memory_gib=None, energy_joules=None, parameters=7, flops=None, threads=1, precision="float32",
)  # fmt: skip


@pytest.fixture
def row(record):
    def made(origin="chosen", method="m", **settings):
        one = record(method, 0, np.array([0.1, 0.3]))
        cell = one.cell.model_copy(update={"hyperparameters": {"width": 3, "modes": 12} | settings})
        came = one.provenance.model_copy(update={"hyperparameters_from": origin})
        return summarise([one.model_copy(update={"cell": cell, "provenance": came, "cost": COST})])[0]

    return made


def searched(monkeypatch, **changes):
    line = LINE.model_copy(update=changes)
    monkeypatch.setattr(effort, "tuning", {(line.tier, line.dataset, line.method): line}.get)


@pytest.mark.parametrize("origin", ["chosen", "default"])
def test_what_a_later_search_kept_is_tuned_and_its_page_says_so(origin, row, monkeypatch):
    searched(monkeypatch)
    assert settings.origin(row(origin)) == "tuned"
    (told,) = [c.told for c in checklist(replace(row(origin), baseline=1.0)) if c.name == "Hyperparameters logged"]
    assert told.endswith(", and kept by a search of 7 trials on validation data that came after (2026-02-03).")
    assert settings.counted([row(origin)]).startswith(
        "Settings of its 1 row of learned methods with hyperparameters: 1 tuned"
    )


def test_its_seconds_and_trials_count(row, monkeypatch):
    before = row()
    searched(monkeypatch)
    assert (before.invested, row().invested) == (7.0, 207.0)  # of data and fit, and of the search too
    assert settings.trials(row()) == "7 trials"
    searched(monkeypatch, trials=1, outcome="changed", method_digest="another")
    assert settings.trials(row("tuned")) == "1 trial"
    assert settings.trials(row()) == ""


def test_what_was_declined_is_told_with_its_reason(row, monkeypatch):
    searched(monkeypatch, outcome="declined", reason="twice the time")
    assert settings.origin(row()) == "by hand"
    (told,) = [c.told for c in checklist(replace(row(), baseline=1.0)) if c.name == "Hyperparameters logged"]
    assert told.endswith("; a search of 7 trials (2026-02-03) found better ones, which were declined: twice the time.")


@pytest.mark.parametrize(
    "changes",
    [
        {"outcome": "changed"},
        {"method_digest": "another"},
        {"data_digest": "another"},
        {"hyperparameters": {"modes": 16}},
        {"method": "another"},
        {"tier": "full"},
    ],
    ids=str,
)
def test_a_search_of_something_else_makes_nothing_tuned(changes, row, monkeypatch):
    searched(monkeypatch, **changes)
    assert settings.origin(row()) == "by hand"
    assert "that came after" not in str(checklist(replace(row(), baseline=1.0)))


def test_what_a_user_gave_and_what_no_record_tells_stays(row, monkeypatch):
    searched(monkeypatch)
    assert settings.origin(row("given")) == "given"
    assert settings.origin(row(None)) == ""
