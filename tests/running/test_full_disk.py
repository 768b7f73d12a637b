"""A disk that fills up in the middle: a limit on the size of files makes the same write fail, with no need for a disk."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sciml_bench.problem.user_file import load
from sciml_bench.records.store import Store

LIMITED = """
import os, resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)
os.execv(sys.argv[2], sys.argv[2:])
"""
"""Sets the limit in a process of its own: this one may have threads of JAX, beside which nothing may run between fork and exec."""


@pytest.fixture
def limited(tmp_path: Path, cache: Path):
    """Run the command where no file may grow beyond so many bytes. Python would keep halves of what it compiles, so keeps none."""

    def call(limit: int, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", LIMITED, str(limit), sys.executable, "-m", "sciml_bench", *words],
            cwd=tmp_path,
            env={
                **os.environ,
                "SCIML_BENCH_CACHE": str(cache),
                "COLUMNS": "200",
                "PYTHONDONTWRITEBYTECODE": "1",
                **environment,
            },
            capture_output=True,
            text=True,
            timeout=300,
        )

    return call


def test_records_before_a_full_disk_are_whole_and_the_rest_is_run_later(run, limited, waves, method_file, told, said):
    path = method_file("own", "raise RuntimeError('no' + 200 * ' longer')")  # its cells need room for records alone
    load(waves)  # into the cache
    words = ("run", "-m", str(path), "-d", str(waves), "--no-baselines", "--no-page", "--results", "results")
    done = limited(6000, *words)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    sentence = said(done.stderr, "could not be written")
    assert "earlier records are untouched: free space or mend permissions and run the same command again" in sentence
    store = Store(waves.parent / "results")
    kept = len(store.records())
    assert 1 <= kept < 5
    assert not store.complaints
    again = run(*words)
    assert f"{5 - kept} cells run, {kept} found" in again.stderr
    told("disk full while a record is written", f"the {kept} records before it, whole", sentence)


def test_a_cache_on_a_full_disk_keeps_nothing_half(limited, tmp_path, told, said):
    cache = tmp_path / "small"
    words = ("data", "generate", "borehole", "--tier", "smoke")
    done = limited(4000, *words, SCIML_BENCH_CACHE=str(cache))
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    sentence = said(done.stderr, "could not be written to the cache")
    assert "(File too large)" in sentence
    assert "set SCIML_BENCH_CACHE to another folder, and run the same command again" in sentence
    assert not [p for p in (cache / "data").iterdir() if p.suffix in (".h5", ".part")]
    told("disk full while data are generated", "no half file; all records", sentence)


def test_no_room_for_predictions_is_no_fault_of_the_method(run, limited, waves, method_file, told, said):
    path = method_file("own", "return lambda inputs: repeat(inputs)")
    words = ("run", "-m", str(path), "-d", str(waves), "--no-baselines", "--no-page", "--folds", "2")
    load(waves)  # into the cache
    done = limited(6000, *words)
    assert done.returncode == 1
    line = said(done.stderr, "fold 1/2")
    assert "there was no room for the cell's temporary files (File too large)" in line
    again = run(*words)
    assert again.returncode == 0, again.stderr
    told("disk full while predictions are written", "a record of each cell's end", line)


def test_a_folder_of_a_newer_schema_is_left_alone_and_named(run, tmp_path, waves, told, said):
    run("run", "-m", "mean", "-d", str(waves), "--folds", "2", "--no-page", "--no-baselines")
    path = tmp_path / "runs" / "file" / "waves" / "mean.jsonl"
    newer = path.read_text().replace('"schema_version":1', '"schema_version":99')
    path.write_text(newer)
    done = run("leaderboard")
    assert done.returncode == 2
    sentence = said(done.stderr, "line 1 has schema version 99")
    assert sentence.endswith("install a newer sciml-bench to read it")
    assert path.read_text() == newer
    told("a results folder from a newer schema", "the folder, as it is", sentence)
