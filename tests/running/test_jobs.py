"""A job that dies takes nothing with it: every other piece is done once, its own is tried once more; what is given up is named."""

import os
import subprocess
import sys
from pathlib import Path

from sciml_bench.running.jobs import run

WORK = """
import os, signal
from dataclasses import dataclass
from pathlib import Path

@dataclass
class Deadly:
    folder: Path

    def work(self, numbers, tell, threads):
        for n in numbers:
            with open(self.folder / "begun", "a") as file:
                file.write(f"{n}\\n")
            begun = (self.folder / "begun").read_text().split().count(str(n))
            if n == 5 or (n == 3 and begun == 1):
                os.kill(os.getpid(), signal.SIGKILL)
            tell("lost" if n == 2 else "ended", n * n)
"""


def test_a_dying_job_loses_no_piece_but_the_one_that_kills_it_again(tmp_path, monkeypatch):
    (tmp_path / "deadly_work.py").write_text(WORK)
    monkeypatch.syspath_prepend(tmp_path)
    from deadly_work import Deadly  # type: ignore[import-not-found]

    told: list[tuple[int | None, str, int]] = []
    lost = run(Deadly(tmp_path), list(range(8)), 1, lambda job, n, kind, data: told.append((n, kind, data[0])))
    assert lost == [2, 5]
    assert sorted(told) == [(n, "lost" if n == 2 else "ended", n * n) for n in range(8) if n != 5]
    begun = [int(n) for n in (tmp_path / "begun").read_text().split()]
    assert sorted(begun) == [0, 1, 2, 3, 3, 4, 5, 5, 6, 7]


def test_files_that_are_called_like_modules_are_no_modules(cache, tmp_path):
    """In the folder that a command is given in; libraries import all of these. A sweep starts jobs, and these a fork server."""
    for name in ("random", "json", "numpy", "tempfile"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('not the module that was meant')")
    words = ("sweep", "all", "--jobs", "1", "-m", "mean", "-d", "borehole", "--tier", "smoke", "--only-fold", "0")
    done = subprocess.run(
        [Path(sys.executable).with_name("sciml-bench"), *words],
        cwd=tmp_path,
        env={**os.environ, "SCIML_BENCH_CACHE": str(cache)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "not the module" not in done.stderr
