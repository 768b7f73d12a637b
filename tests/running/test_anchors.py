"""Anchors: the table says what it must, and a verdict is what the numbers say."""

from dataclasses import replace

import pytest

from sciml_bench.problem.certificate import certify
from sciml_bench.protocol.seeds import data_seed
from sciml_bench.registry import build_method, dataset_class, method_class
from sciml_bench.running.anchors import Anchor, Obtained, anchors, floor
from sciml_bench.running.task import prepare


@pytest.mark.parametrize("anchor", anchors(), ids=lambda a: a.name)
def test_each_names_what_exists_and_its_source(anchor):
    problem = dataset_class(anchor.dataset).tier(anchor.tier).problem()
    assert anchor.source
    if anchor.method:
        assert build_method(method_class(anchor.method), anchor.tier, {}, {}).applies_to(problem) is None


@pytest.mark.parametrize(("value", "verdict"), [(0.1, "holds"), (0.2, "holds"), (0.21, "misses"), (None, "not run")])
def test_verdicts(value, verdict):
    anchor = Anchor(name="a", dataset="d", tier="small", method="m", score="s", at_most=0.2, minutes=1, source="x")
    assert Obtained(anchor=anchor, value=value).verdict == verdict


def test_an_anchor_without_a_method_is_refused():
    with pytest.raises(ValueError, match="must name a method"):
        Anchor(name="a", dataset="d", tier="small", score="s", at_most=0.2, minutes=1, source="x")


def test_the_command_prints_why_an_anchor_was_not_run(ask):
    done = ask("reproduce", "--only", "FNO on Darcy,PINN", "--device", "cpu", "--results", "r")
    assert done.returncode == 0, done.stderr
    assert "FNO on Darcy: needs a GPU" in done.stdout
    assert "PINN on the Burgers shock: takes about 30 minutes: give --minutes 30" in done.stdout
    assert "not run" in done.stdout
    assert "source: PINNacle, Hao et al. 2023" in done.stdout


def test_a_floor_is_obtained_from_the_certificate():
    anchor = Anchor(
        name="a", kind="floor", dataset="lorenz96", tier="smoke", score="rel_l2", at_most=1e-4, minutes=1, source="x"
    )
    task = prepare("lorenz96", "smoke", 2)
    found = floor(anchor, task)
    assert found.value == task.certificate.floor["rel_l2"]
    assert found.verdict == "holds"


def test_a_certificate_of_stored_data_is_that_of_data_made_for_it():
    task = prepare("navier_stokes", "smoke", 2)
    made = certify(dataset_class("navier_stokes").tier("smoke"), data_seed("navier_stokes"))
    assert replace(made, seconds=task.certificate.seconds) == task.certificate
