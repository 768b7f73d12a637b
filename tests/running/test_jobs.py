"""A job that dies takes nothing with it: every other piece is done once, its own is tried once more."""

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
            tell("ended", n * n)
"""


def test_a_dying_job_loses_no_piece_but_the_one_that_kills_it_again(tmp_path, monkeypatch):
    (tmp_path / "deadly_work.py").write_text(WORK)
    monkeypatch.syspath_prepend(tmp_path)
    from deadly_work import Deadly  # type: ignore[import-not-found]

    ended: list[tuple[int | None, int]] = []
    lost = run(Deadly(tmp_path), list(range(8)), 1, lambda job, n, kind, data: ended.append((n, data[0])))
    assert lost == [5]
    assert sorted(ended) == [(n, n * n) for n in range(8) if n != 5]
    begun = [int(n) for n in (tmp_path / "begun").read_text().split()]
    assert sorted(begun) == [0, 1, 2, 3, 3, 4, 5, 5, 6, 7]
