"""Cells that run at a time: each on cores of its own, with the same numbers as one after the other."""

import json
import os

import pytest

from sciml_bench.errors import UsageError
from sciml_bench.records import provenance
from sciml_bench.records.provenance import threads
from sciml_bench.running import jobs, plan
from sciml_bench.running.task import prepare

several = pytest.mark.skipif(threads() < 2, reason="one core runs one cell at a time")


@pytest.mark.parametrize(
    ("each", "most", "expected"),
    [
        (1, 9, [(3,), (5,), (6,), (8,)]),
        (1, 2, [(3,), (5,)]),
        (2, 9, [(3, 5), (6, 8)]),
        (3, 9, [(3, 5, 6)]),
    ],
)
def test_no_two_lanes_share_a_core(monkeypatch, each, most, expected):
    monkeypatch.setattr(jobs, "usable", lambda: [3, 5, 6, 8])
    monkeypatch.setattr(jobs, "LANE_GIB", 1e-3)
    assert jobs.lanes(each, most) == expected
    monkeypatch.setattr(jobs, "LANE_GIB", 1e6)
    assert jobs.lanes(each, most) == expected[:1]


@pytest.mark.parametrize("each", [0, 5])
def test_more_cores_than_there_are_is_refused(monkeypatch, each):
    monkeypatch.setattr(jobs, "usable", lambda: [3, 5, 6, 8])
    with pytest.raises(UsageError, match=f"--cores is {each}, but this machine has 4 for it: give 1 to 4"):
        jobs.lanes(each, 1)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"cpu.max": "150000 100000"}, 1),
        ({"cpu.max": "max 100000"}, None),
        ({"cpu/cpu.cfs_quota_us": "200000", "cpu/cpu.cfs_period_us": "100000"}, 2),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, None),
        ({"cpu.max": "50000 100000"}, 1),
        ({}, None),
    ],
)
def test_a_container_has_no_more_cores_than_it_is_granted(monkeypatch, tmp_path, files, expected):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    places = [[tmp_path / file.relative_to(provenance.GROUP) for file in pair] for pair in provenance.QUOTAS]
    monkeypatch.setattr(provenance, "QUOTAS", places)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {4, 2, 9, 7}, raising=False)
    assert provenance.cores() == [2, 4, 7, 9][:expected]
    assert threads() == (expected or 4)


TELLS = """import os
log.fact("cores", ",".join(map(str, sorted(os.sched_getaffinity(0)))))
time.sleep(1)
return repeat"""


def test_a_solver_is_run_fold_by_fold_from_its_dearest_setting_to_its_cheapest():
    task = prepare("navier_stokes", "smoke", 2)
    first = plan.baselines(task.problem, "smoke", ["fno"], "cpu")
    assert first[0] == "reference_solver"
    request = plan.Request(tier="smoke", seeds=1, only_fold=None, device="cpu", seconds=None, memory_gib=None)
    made = [p.cell for p in plan.cells(task, first, request, {})]
    costs = [*reversed(task.problem.solver.costs)]
    assert [(c.fold, c.method.cost) for c in made[: 2 * len(costs)]] == [(f, c) for f in (0, 1) for c in costs]
    assert len({c.key for c in made}) == len(made) == 2 * (len(costs) + len(first) - 1)


@several
def test_cells_at_a_time_keep_to_cores_of_their_own_and_give_the_same(run, waves, method_file):
    path = method_file("tells", TELLS)
    words = (
        "run",
        "-m",
        f"{path.name},linear",
        "-d",
        waves.name,
        "--folds",
        "4",
        "--no-page",
        "--no-baselines",
        "--json",
    )
    beside = json.loads(run(*words, "--results", "beside").stdout)["cells"]
    single = json.loads(run(*words, "--results", "single", "--cores", "2").stdout)["cells"]
    assert [c["key"] for c in beside] == [c["key"] for c in single]
    assert [c["scores"] for c in beside] == [c["scores"] for c in single]
    told = [{c["diagnostics"]["facts"].get("cores") for c in cells} - {None} for cells in (beside, single)]
    assert sorted(len(cores.split(",")) for cores in told[0]) == [1, 1]
    assert [len(cores.split(",")) for cores in told[1]] == [2]
    assert {c["provenance"]["threads"] for c in beside} == {1}
    assert {"--cores 2" in c["provenance"]["command"] for c in single} == {True}
    assert not any("--cores" in c["provenance"]["command"] for c in beside)
