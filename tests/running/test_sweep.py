"""A sweep runs what has no record yet, on cores of its own, and gives what `run` gives."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sciml_bench.errors import UsageError
from sciml_bench.records.store import Store
from sciml_bench.running.jobs import shares

WORDS = ("sweep", "tabular", "--tier", "smoke", "-m", "mean,persistence")


def scores(folder: Path) -> dict[str, object]:
    return {r.key: (r.status, r.scores, r.provenance.prediction_digest) for r in Store(folder).records()}


@pytest.mark.slow
def test_jobs_share_the_work_and_give_what_one_gives(run, tmp_path):
    both = run(*WORDS, "--jobs", "2" if len(os.sched_getaffinity(0)) > 1 else "1", "--results", "two")
    assert both.returncode == 0, both.stderr
    again = run(*WORDS, "--results", "two", "--dry-run")
    assert "18 cells, 18 have a record in two, 0 to run" in again.stderr
    found = scores(tmp_path / "two")
    # Five folds of `mean` on three tables, and one record of each pair that does not fit.
    assert sorted(status for status, _, _ in found.values()) == ["not_applicable"] * 3 + ["ok"] * 15
    alone = run(
        "run", "-m", "mean", "-d", "borehole", "--tier", "smoke", "--no-baselines", "--results", "one", "--json"
    )
    cells = json.loads(alone.stdout)["cells"]
    assert {c["key"]: c["scores"] for c in cells}.items() <= {k: v for k, (_, v, _) in found.items()}.items()


@pytest.mark.slow
def test_an_interrupted_sweep_goes_on_where_it_was(cache, tmp_path):
    environment = {**os.environ, "SCIML_BENCH_CACHE": str(cache)}
    words = [sys.executable, "-m", "sciml_bench", *WORDS, "--results", "some"]
    first = subprocess.Popen(words, cwd=tmp_path, env=environment, start_new_session=True, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 120
    while not list((tmp_path / "some").glob("*/*/*.jsonl")) and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(first.pid, signal.SIGINT)
    _, said = first.communicate(timeout=60)
    kept = scores(tmp_path / "some")
    assert first.returncode == 130, said
    assert b"the same command goes on from there" in said
    assert 0 < len(kept) < 18
    subprocess.run(words, cwd=tmp_path, env=environment, check=True, capture_output=True, timeout=300)
    done = scores(tmp_path / "some")
    assert len(done) == 18
    assert kept.items() <= done.items()


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
    ],
)
def test_bad_input_is_one_sentence(run, words, sentence):
    done = run("sweep", *words)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
