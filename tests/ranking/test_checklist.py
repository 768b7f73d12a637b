"""The checklist of a row turns from no to yes when the records gain what shows an item, and back when they lose it."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from sciml_bench.ranking.checklist import checklist
from sciml_bench.ranking.summary import summarise
from sciml_bench.records.record import PerSample, Verification

CURVE = [[1, 1.0], [2, 0.5]]


def _row(record, *, scores=None, diagnostics=None, provenance=None, hyperparameters=None, family="network"):
    made = []
    for fold, error in enumerate((0.1, 0.3)):
        one = record("m", fold, np.array([error, 2 * error]), 0.0)
        made.append(
            one.model_copy(
                update={
                    "family": family,
                    "cell": one.cell.model_copy(update={"hyperparameters": hyperparameters or {}}),
                    "scores": one.scores | (scores or {}),
                    "diagnostics": {"train_samples": 8, "valid_samples": 2, "test_samples": 2} | (diagnostics or {}),
                    "provenance": one.provenance.model_copy(update=provenance or {}),
                }
            )
        )
    return summarise(made)[0]


@pytest.fixture
def row(record):
    return partial(_row, record)


def verdicts(row, baseline=1.0, checkpoints=()):
    return {c.name: c.verdict for c in checklist(replace(row, baseline=baseline), checkpoints)}


def told(row, name, baseline=1.0):
    return next(c.told for c in checklist(replace(row, baseline=baseline)) if c.name == name)


def test_all_sixteen_items_are_there_and_a_bare_record_earns_few(row):
    found = verdicts(row())
    assert len(found) == 16
    assert {n for n, v in found.items() if v == "no"} == {
        "Uncertainty estimated",
        "Checkpoint kept",
        "Latency measured",
        "Worst regime reported",
        "Reproduced",
    }
    assert {n for n, v in found.items() if v == "not applicable"} == {
        "Physics checked",
        "Validation used for selection",
        "Loss and gradient curves kept",
    }


@pytest.mark.parametrize(
    ("item", "with_it"),
    [
        ("Physics checked", {"scores": {"pde_defect": 0.1}}),
        ("Uncertainty estimated", {"scores": {"coverage_90": 0.9}}),
        ("Worst regime reported", {"diagnostics": {"largest_over_mean": 2.0}}),
        (
            "Loss and gradient curves kept",
            {"diagnostics": {"curves": dict.fromkeys(("loss", "valid_loss", "gradient_norm"), CURVE)}},
        ),
        ("Validation used for selection", {"diagnostics": {"curves": {"loss": CURVE, "valid_loss": CURVE}}}),
        ("Validation used for selection", {"diagnostics": {"facts": {"valid_loss": 0.1}}}),
        ("Code, data and environment versioned", {"provenance": {"commit": "0123456789ab", "dirty": False}}),
        (
            "Reproduced",
            {
                "provenance": {
                    "badge": "reproduced",
                    "verification": Verification(date="2026-02-01", verdict="identical", largest=0.0, commit=None),
                }
            },
        ),
    ],
)
def test_an_item_is_met_only_with_what_shows_it(row, item, with_it):
    assert verdicts(row())[item] != "yes"
    assert verdicts(row(**with_it))[item] == "yes"


def test_half_of_an_item_is_partly_met(row):
    assert verdicts(row(diagnostics={"curves": {"loss": CURVE}}))["Loss and gradient curves kept"] == "partly"
    assert verdicts(row(diagnostics={"curves": {"loss": CURVE}}))["Validation used for selection"] == "no"
    assert verdicts(row(provenance={"commit": "0", "dirty": True}))["Code, data and environment versioned"] == "partly"
    note = {"notes": {"physics": "the solver blew up"}}
    assert verdicts(row(diagnostics=note))["Physics checked"] == "no"
    assert verdicts(row(diagnostics=note, scores={"positivity": 0.1}))["Physics checked"] == "partly"
    first = row().records[0].key
    assert verdicts(row(), checkpoints={first})["Checkpoint kept"] == "partly"
    assert verdicts(row(), checkpoints={r.key for r in row().records})["Checkpoint kept"] == "yes"
    (said,) = (c.told for c in checklist(row(), {first}) if c.name == "Checkpoint kept")
    assert said.startswith(
        "Of 1 of 2 cells, in the results folder that this page was made from. Checkpoints are not published"
    )


def test_a_baseline_is_beaten_by_less_error_alone(row):
    assert verdicts(row(), baseline=0.31)["Baseline beaten"] == "yes"
    assert verdicts(row(), baseline=0.29)["Baseline beaten"] == "no"
    assert verdicts(row(), baseline=None)["Baseline beaten"] == "no"
    assert verdicts(row(family="control"))["Baseline beaten"] == "not applicable"


def test_the_numbers_are_those_of_the_records(row):
    # Samples 0.1, 0.2, 0.3, 0.6: the median is 0.25 and the largest 0.6.
    assert "4 test samples: median 0.25" in told(row(), "Distribution analysed")
    assert "largest 0.6" in told(row(), "Distribution analysed")
    assert "8 training, 2 validation and 2 test" in told(row(), "Split without leakage")
    assert "0.3, 0.5 times that of the best simple method, 0.6" in told(row(), "Baseline beaten", baseline=0.6)


@pytest.mark.parametrize(
    ("origin", "words"),
    [
        ("default", "the method’s own for this tier"),
        ("tuned", "tuned on validation data within the trials"),
        ("chosen", "chosen by hand"),
        ("given", "given on the command line"),
    ],
)
def test_a_row_says_whence_its_hyperparameters_came(row, origin, words):
    made = row(hyperparameters={"width": 3}, provenance={"hyperparameters_from": origin})
    assert words in told(made, "Hyperparameters logged")


def test_single_samples_are_told_in_the_unit_of_the_score(row):
    """The statistic of `nrmse_std` is a square, its score the root of the mean."""
    made = row()
    records = [
        r.model_copy(
            update={
                "primary": "nrmse_std",
                "per_sample": PerSample(metric="nrmse_std", samples=[0, 1], values=[0.01, 0.09]),
                "diagnostics": {"largest_over_mean": 4.0},
            }
        )
        for r in made.records
    ]
    told = {c.name: c.told for c in checklist(replace(made, primary="nrmse_std", records=records))}
    assert "largest 0.3" in told["Distribution analysed"]
    assert "argest sample 2 times the mean" in told["Worst regime reported"]
