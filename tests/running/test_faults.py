"""Whatever a method does, its cell ends with a status and a sentence, the other cells go on, and nothing is lost."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from sciml_bench.records.provenance import threads

FAULTS = {
    "raises": (
        'raise RuntimeError("the matrix is singular")',
        "failed",
        "RuntimeError: the matrix is singular",
    ),
    "diverges": (
        'from sciml_bench.errors import DivergedError\nraise DivergedError("the loss grew without bound at update 7")',
        "diverged",
        "grew without bound at update 7",
    ),
    "wrong_shape": (
        "return lambda inputs: repeat(inputs).isel(x=slice(8))",
        "failed",
        "length 8 along 'x'; its inputs have 16",
    ),
    "wrong_time": ("return lambda inputs: repeat(inputs).isel(time=[0])", "failed", "time"),
    "wrong_dims": (
        "return lambda inputs: repeat(inputs).isel(time=0)",
        "failed",
        "expected ('sample', 'time', 'x')",
    ),
    "wrong_count": ("return lambda inputs: repeat(inputs).isel(sample=slice(2))", "failed", "along 'sample'"),
    "wrong_name": (
        'return lambda inputs: repeat(inputs).rename(u="v")',
        "failed",
        "lacks the target 'u'; it holds v",
    ),
    "wrong_type": ("return lambda inputs: 3", "failed", "returned a int; expected an xarray.Dataset"),
    "no_predictor": ("return None", "failed", "fit returned a NoneType"),
    "complex": (
        "return lambda inputs: repeat(inputs) * 1j",
        "failed",
        "has the type complex128; expected real numbers",
    ),
    "odd_progress": ('log.progress(float("nan"))', "failed", "log.progress was given nan"),
    "odd_fact": ('log.fact("parameters", "many")', "failed", "log.fact was given 'many' as 'parameters'"),
    "not_a_number": (
        "return lambda inputs: repeat(inputs) * np.nan",
        "not_finite",
        "that are NaN or infinite",
    ),
    "sleeps": ("time.sleep(60)", "over_budget", "did not finish within its budget of 2 s"),
    "ignores_sigterm": (
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\ntime.sleep(60)",
        "over_budget",
        "did not finish within its budget of 2 s",
    ),
    "eats_memory": (
        "kept = []\nwhile True:\n    kept.append(np.ones(2**24))\n    time.sleep(0.05)",
        "out_of_memory",
        "over its limit of 1 GiB",
    ),
    "is_killed": ("os.kill(os.getpid(), signal.SIGKILL)", "failed", "ended by SIGKILL from outside"),
    "crashes": ("os.kill(os.getpid(), signal.SIGSEGV)", "failed", "crashed with SIGSEGV in compiled code"),
    "notes_an_array": ('log.fact("sizes", np.ones(3))', "failed", "was given a ndarray as 'sizes'; expected a number"),
    "exits": ("os._exit(3)", "failed", "exit status 3 before it had answered"),
}


@pytest.mark.parametrize("memory", [False, True], ids=["its limit of 2 s", "its limit of 1 GiB"])
def test_each_fault_becomes_a_status_and_a_sentence_while_other_cells_go_on(memory, run, waves, method_file):
    mine = {n: f for n, f in FAULTS.items() if (f[1] == "out_of_memory") == memory}
    paths = [method_file(name, body) for name, (body, _, _) in mine.items()]
    done = run(
        "run", "--method", ",".join(map(str, paths)), "--dataset", str(waves), "--folds", "2", "--no-baselines",
        "--no-page", "--json", "--time-limit", "60" if memory else "2", "--memory-limit", "1",
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    cells = json.loads(done.stdout)["cells"]
    assert len(cells) == 2 * len(mine)
    for name, (_, status, words) in mine.items():
        ends = [(c["status"], c["reason"]) for c in cells if c["cell"]["method"] == name]
        assert [end for end, _ in ends] == [status, status], (name, ends)
        assert all(words in reason for _, reason in ends), (name, ends)
    ended = {c["cell"]["method"] for c in cells if c["diagnostics"].get("killed")}
    assert ended == mine.keys() & {"is_killed"}  # what is the method's own fault is not tried again unasked
    assert str(paths[0].parent) not in done.stdout


def test_a_loss_or_a_fact_that_is_not_finite_costs_no_record(run, waves, method_file):
    body = (
        "for step, value in enumerate([1.0, np.nan, np.inf, 0.5]):\n    log.curve('loss', step, value)\n"
        "log.fact('spread', np.float64('inf'))\nreturn repeat"
    )
    path = method_file("diverges", body)
    words = ("run", "--method", str(path), "--dataset", str(waves), "--folds", "2", "--no-baselines", "--json")
    done = run(*words)
    assert done.returncode == 0, done.stderr
    for cell in json.loads(done.stdout)["cells"]:
        assert cell["diagnostics"]["curves"]["loss"] == [[0, 1.0], [3, 0.5]]
        assert cell["diagnostics"]["facts"]["spread"] == "inf"
    assert "0 cells run, 2 found" in run(*words).stderr


def test_other_cells_go_on_and_failed_rows_stay_in_the_table(run, waves, method_file):
    path = method_file("raises", 'raise RuntimeError("no")')
    done = run("run", "--method", f"{path},linear", "--dataset", str(waves), "--folds", "2", "--no-page")
    assert done.returncode == 1
    assert "2 failed" in done.stdout
    assert "RuntimeError: no" in done.stdout
    for name in ("linear", "mean", "persistence"):
        assert name in done.stdout


def test_a_failed_cell_is_kept_and_run_again_only_when_asked_to(run, waves, method_file, tmp_path):
    flag = tmp_path / "flag"
    body = f"if os.path.exists({str(flag)!r}):\n    return repeat\nraise RuntimeError('not yet')"
    words = ("run", "--method", str(method_file("late", body)), "--dataset", str(waves), "--folds", "2")
    words += ("--no-baselines", "--no-page", "--json")
    assert run(*words).returncode == 1
    flag.touch()
    again = run(*words)
    assert again.returncode == 1
    assert "0 cells run" in again.stderr
    retried = run(*words, "--retry")
    assert retried.returncode == 0, retried.stdout


def test_children_that_a_method_leaves_behind_are_ended_with_it(run, waves, method_file, tmp_path, told, said):
    body = "log.fact('child', subprocess.Popen(['sleep', '300']).pid)\nreturn repeat"
    done = run(
        "run", "--method", str(method_file("forks", body)), "--dataset", str(waves), "--folds", "2", "--no-baselines",
        "--no-page",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    kept = (tmp_path / "runs" / "file" / "waves" / "forks.jsonl").read_text().splitlines()
    pids = [int(json.loads(line)["diagnostics"]["facts"]["child"]) for line in kept]
    assert len(pids) == 2
    assert not [p for p in pids if psutil.pid_exists(p) and psutil.Process(p).status() != psutil.STATUS_ZOMBIE]
    line = said(done.stderr, "fold 1/2")
    assert "1 processes that the method left running were ended, and the record stands" in line
    told("a method that forks children and leaves them", "both records", line)


def test_killing_the_parent_loses_at_most_the_cell_in_flight(run, waves, method_file, tmp_path, cache, told, said):
    path = method_file("slow", "time.sleep(1.0)\nreturn repeat")
    words = ["run", "--method", str(path), "--dataset", str(waves), "--folds", "5", "--no-baselines", "--no-page"]
    words += ["--results", "results"]
    environment = {**os.environ, "SCIML_BENCH_CACHE": str(cache)}
    parent = subprocess.Popen(
        [sys.executable, "-m", "sciml_bench", *words], cwd=tmp_path, env=environment, stderr=subprocess.DEVNULL
    )
    records = tmp_path / "results" / "file" / "waves" / "slow.jsonl"
    deadline = time.monotonic() + 60
    while not (records.exists() and records.read_text().count("\n") >= 2) and time.monotonic() < deadline:
        time.sleep(0.05)
    workers = psutil.Process(parent.pid).children(recursive=True)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    kept = records.read_text().count("\n")
    assert 2 <= kept < 5
    _, alive = psutil.wait_procs(workers, timeout=20)
    assert not [p for p in alive if p.status() != psutil.STATUS_ZOMBIE]
    done = run(*words)
    assert done.returncode == 0, done.stderr
    assert f"{5 - kept} cells run, {kept} found" in done.stderr
    told("parent killed", f"the records of the {kept} cells that had ended", said(done.stderr, "cells run"))


@pytest.mark.parametrize(
    ("ender", "status"),
    [
        (lambda pid: os.killpg(pid, signal.SIGINT), 130),  # as a terminal does
        (lambda pid: os.kill(pid, signal.SIGTERM), 143),  # as a batch system does
    ],
    ids=["ctrl-c", "sigterm"],
)
def test_an_interrupt_ends_all_cells_with_a_sentence_and_keeps_what_was_finished(
    ender, status, waves, method_file, tmp_path, cache
):
    path = method_file("slow", "time.sleep(100)\nreturn repeat")
    words = [
        sys.executable,
        "-m",
        "sciml_bench",
        "run",
        "-m",
        f"mean,{path}",
        "-d",
        str(waves),
        "--folds",
        "4",
        "--no-baselines",
    ]
    environment = {**os.environ, "SCIML_BENCH_CACHE": str(cache)}
    parent = subprocess.Popen(
        words, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    kept = tmp_path / "runs" / "file" / "waves" / "mean.jsonl"
    deadline = time.monotonic() + 60
    while (not kept.exists() or kept.read_text().count("\n") < 4) and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(1.0)
    started = psutil.Process(parent.pid).children(recursive=True)  # the fork server, its tracker and the workers
    begun = time.monotonic()
    ender(parent.pid)
    said = parent.communicate(timeout=60)[1]
    assert parent.returncode == status
    assert said.strip().splitlines()[-1].startswith("sciml-bench: interrupted; finished cells are kept")
    assert "Traceback" not in said
    assert time.monotonic() - begun < 30
    assert len(started) >= 2 + min(2, threads())
    assert not psutil.wait_procs(started, timeout=10)[1]
    assert kept.read_text().count("\n") == 4
    assert [p.name for p in kept.parent.glob("*.jsonl")] == ["mean.jsonl"]


def test_a_worker_that_was_killed_is_run_again_next_time(run, waves, method_file, tmp_path, told, said):
    flag = tmp_path / "flag"
    body = f"if os.path.exists({str(flag)!r}):\n    return repeat\nos.kill(os.getpid(), signal.SIGKILL)"
    words = ("run", "--method", str(method_file("killed", body)), "--dataset", str(waves), "--folds", "2")
    words += ("--no-baselines", "--no-page")
    first = run(*words)
    assert first.returncode == 1
    flag.touch()
    assert run(*words).returncode == 0
    line = said(first.stderr, "fold 1/2")
    assert "ended by SIGKILL from outside" in line
    assert line.endswith("other cells are untouched, and the same command runs this one again")
    told("worker killed", "a record of each cell's end", line)


def test_the_worker_never_holds_test_targets(run, waves, method_file):
    body = (
        "import gc\n"
        "held = [o for o in gc.get_objects() if isinstance(o, xr.Dataset) and 'u' in o]\n"
        "assert sorted(o.sizes['sample'] for o in held) == sorted([train.sizes['sample'], valid.sizes['sample']])\n"
        "return repeat"
    )
    path = method_file("looks_around", body)
    done = run(
        "run",
        "--method",
        str(path),
        "--dataset",
        str(waves),
        "--folds",
        "3",
        "--no-baselines",
        "--no-page",
        "--json",
    )
    assert [c["status"] for c in json.loads(done.stdout)["cells"]] == ["ok"] * 3, done.stdout


def test_a_perfect_method_scores_zero_and_two_runs_give_the_same_bytes(run, waves, method_file, tmp_path: Path):
    path = method_file("exact", "return repeat")
    scores = []
    for folder in ("one", "two"):
        words = ("--method", str(path), "--dataset", str(waves), "--folds", "2")
        done = run("run", *words, "--no-page", "--json", "--results", folder)
        assert done.returncode == 0, done.stderr
        cells = json.loads(done.stdout)["cells"]
        scores.append([(c["key"], c["scores"], c["per_sample"], c["provenance"]["prediction_digest"]) for c in cells])
    assert scores[0] == scores[1]
    exact = [c for c in cells if c["cell"]["method"] == "exact"]
    assert {c["scores"]["rel_l2"] for c in exact} == {0.0}
    linear = [c["scores"]["rel_l2"] for c in cells if c["cell"]["method"] == "linear"]
    assert max(linear) < 1e-6


def test_what_a_method_prints_is_no_part_of_what_the_command_prints(run, waves, method_file):
    path = method_file("talks", "print('hello')\nos.system('echo hello too')\nreturn repeat")
    done = run("run", "-m", str(path), "-d", str(waves), "--folds", "2", "--no-baselines", "--no-page", "--json")
    assert [c["status"] for c in json.loads(done.stdout)["cells"]] == ["ok", "ok"]
    assert "hello too" in done.stderr
