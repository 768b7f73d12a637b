"""A sweep runs what has no record yet, on cores of its own, and gives what `run` gives."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sciml_bench.cli.sweep import tracks_of
from sciml_bench.errors import UsageError
from sciml_bench.records.store import Store
from sciml_bench.registry import dataset_class, track, track_names
from sciml_bench.running.compiled import VARIABLES
from sciml_bench.running.expected import Remaining, longest_first
from sciml_bench.running.jobs import shares

WORDS = ("sweep", "tabular", "-d", "borehole,diabetes", "--tier", "smoke", "-m", "mean,persistence")


def scores(folder: Path) -> dict[str, object]:
    return {r.key: (r.status, r.scores, r.provenance.prediction_digest) for r in Store(folder).records()}


@pytest.mark.slow
def test_jobs_share_the_work_and_give_what_one_gives(run, ask, tmp_path, monkeypatch):
    both = run(*WORDS, "--results", "two")
    assert both.returncode == 0, both.stderr
    again = ask(*WORDS, "--results", "two", "--dry-run")
    assert "12 cells, 12 have a record in two, 0 to run" in again.stderr
    monkeypatch.setenv("SCIML_BENCH_CACHE", str(tmp_path / "empty"))
    elsewhere = ask(*WORDS, "--results", "two", "--dry-run")
    assert "12 cells, 12 have a record in two, 0 to run" in elsewhere.stderr
    assert not list((tmp_path / "empty").rglob("*.h5"))
    found = scores(tmp_path / "two")
    # Five folds of `mean` on two tables, and one record of each pair that does not fit.
    assert sorted(status for status, _, _ in found.values()) == ["not_applicable"] * 2 + ["ok"] * 10
    alone = run(
        "run", "-m", "mean", "-d", "borehole", "--tier", "smoke", "--no-baselines", "--results", "one", "--json"
    )
    cells = json.loads(alone.stdout)["cells"]
    assert {c["key"]: c["scores"] for c in cells}.items() <= {k: v for k, (_, v, _) in found.items()}.items()


@pytest.mark.slow
def test_an_interrupted_or_killed_sweep_goes_on_where_it_was(run, cache, tmp_path):
    environment = {**os.environ, "SCIML_BENCH_CACHE": str(cache)}
    words = [*WORDS, "--jobs", "1", "--results", "some"]
    kept: dict[str, object] = {}
    for blow, ending in ((signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)):
        begun = subprocess.Popen(
            [sys.executable, "-m", "sciml_bench", *words],
            cwd=tmp_path,
            env=environment,
            start_new_session=True,
            stderr=subprocess.PIPE,
        )
        deadline = time.monotonic() + 600
        while len(scores(tmp_path / "some")) <= len(kept) and time.monotonic() < deadline:
            time.sleep(0.05)
        os.killpg(begun.pid, blow)
        _, said = begun.communicate(timeout=60)
        assert begun.returncode == ending, said
        assert ending < 0 or b"the same command goes on from there" in said
        before, kept = kept, scores(tmp_path / "some")
        assert before.items() < kept.items()
        assert len(kept) < 12
    assert run(*words).returncode == 0
    done = scores(tmp_path / "some")
    assert len(done) == 12
    assert kept.items() <= done.items()


@pytest.mark.slow
def test_a_part_of_all_tracks_can_be_run(run, tmp_path):
    done = run(
        "sweep", "all", "--tier", "smoke", "-m", "mean", "-d", "borehole", "--only-fold", "3", "--results", "part"
    )
    assert done.returncode == 0, done.stderr
    [record] = Store(tmp_path / "part").records()
    assert (record.cell.dataset, record.cell.fold, record.status) == ("borehole", 3, "ok")
    assert record.provenance.hyperparameters_from == "default"
    assert record.cost is not None
    assert record.cost.tuning_seconds is None


def test_a_dry_run_names_what_waits_and_makes_no_data(ask, tmp_path, monkeypatch):
    monkeypatch.setenv("SCIML_BENCH_CACHE", str(tmp_path / "empty"))
    for variable in VARIABLES:  # where compiled programs go, which an earlier test may have said
        monkeypatch.delenv(variable, raising=False)
    done = ask("sweep", "pde", "--tier", "full", "-m", "mean,reference_solver", "-d", "darcy,burgers", "--dry-run")
    assert done.returncode == 0, done.stderr
    rows = {line.split(":")[0].strip(): line for line in done.stderr.splitlines() if line.startswith("  ")}
    assert set(rows) == {"darcy", "burgers"}
    assert "mean (5)" in rows["darcy"]
    costs = dataset_class("burgers").tier("full").problem().solver.costs
    assert [f"reference_solver({cost}) (5)" in rows["burgers"] for cost in costs] == [True] * len(costs)
    assert not (tmp_path / "empty").exists()


def test_all_holds_every_dataset_of_every_track():
    every = {d for n in track_names() for d in track(n).datasets}
    assert {d for tracks in tracks_of("all", None, ()) for t in tracks for d in t.datasets} == every


def test_the_longest_cells_begin_first_and_unknown_ones_before_them():
    assert longest_first({0: 1.0, 1: None, 2: 30.0, 3: 2.0}) == [1, 2, 3, 0]


def test_the_time_left_is_what_was_measured_at_the_pace_of_this_machine():
    remaining = Remaining({0: 10.0, 1: 20.0, 2: 40.0}, jobs=1)
    assert remaining.seconds() == 70
    remaining.done(0, 20.0)  # twice as slow as where it was measured
    assert remaining.seconds() == pytest.approx(2 * 60)
    assert Remaining({0: 10.0, 1: 10.0, 2: 30.0}, jobs=2).seconds() == 30  # the longest one alone takes that
    assert Remaining({0: None, 1: None}, jobs=1).seconds() is None
    blind = Remaining({0: None, 1: None, 2: None}, jobs=1)
    blind.done(1, 7.0)
    assert blind.seconds() == pytest.approx(14)


def test_more_jobs_than_cores_are_refused():
    with pytest.raises(UsageError, match="--jobs is 1000, but this machine has"):
        shares(1000)


def test_jobs_have_cores_of_their_own():
    cores = len(os.sched_getaffinity(0))
    for jobs in range(1, cores + 1):
        given = shares(jobs)
        used = [core for share in given for core in share]
        assert len(used) == len(set(used)) == jobs * (cores // jobs)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["nothing"], "unknown track 'nothing'"),
        (["tabular", "-m", "meen"], "did you mean mean"),
        (["tabular", "--jobs", "0"], "--jobs is 0"),
        (["tabular", "-d", "burgers"], "unknown dataset of the track 'burgers'"),
        (["tabular", "--only-fold", "5"], "--only-fold is 5: expected 0 to 4"),
    ],
)
def test_bad_input_is_one_sentence(ask, words, sentence):
    done = ask("sweep", *words)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
