"""Working through numbered pieces of work with several processes, each on cores of its own.

A job is a process that does one piece after the other. Its cores are its own and inherited by everything that it starts, so that
nothing is timed while something else uses them. It asks for the next piece when it can begin it, so that none waits for a long one
beside an idle job. One that dies takes nothing with it: it is started anew, and what it had in hand is tried once more.
"""

import contextlib
import multiprocessing
import os
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Protocol

import psutil

from ..errors import SciMLBenchError, UsageError
from ..records.provenance import cores as usable
from .children import forget, safe_path

LANE_GIB = 2.0
"""Memory that must be free for each cell that is begun beside others."""
ATTEMPTS = 2
"""How often a piece is begun whose job dies."""

Tell = Callable[..., None]
"""In a job: passes news on to the parent, as `tell(kind, *plain_data)`; "ended" says that the oldest piece in hand is
done, "lost" that it could not be, with a sentence that says why."""


class Work(Protocol):
    """What jobs do; travels to them by pickling."""

    def work(self, numbers: Iterable[int], tell: Tell, threads: int) -> None:
        """Do the pieces with these numbers in turn, telling "ended" or "lost" after each."""


Listener = Callable[[int, int | None, str, tuple[Any, ...]], None]
"""Hears the news: (job, number of the piece in hand, kind, data)."""


def lanes(each: int, most: int) -> list[tuple[int, ...]]:
    """Return sets of so many cores each, as many as there are cores and memory for, at most `most`."""
    cores = usable()
    if not 1 <= each <= len(cores):
        raise UsageError(f"--cores is {each}, but this machine has {len(cores)} for it: give 1 to {len(cores)}")
    fit = int(psutil.virtual_memory().available / 2**30 / LANE_GIB)
    return _cut(cores, each, max(1, min(len(cores) // each, most, fit)))


def shares(jobs: int) -> list[tuple[int, ...]]:
    """Return the cores of each job: as many for each as there are, none for two."""
    cores = usable()
    if not 1 <= jobs <= len(cores):
        raise UsageError(f"--jobs is {jobs}, but this machine has {len(cores)} cores for it: give 1 to {len(cores)}")
    return _cut(cores, len(cores) // jobs, jobs)


def _cut(cores: Sequence[int], each: int, count: int) -> list[tuple[int, ...]]:
    return [tuple(cores[n * each : (n + 1) * each]) for n in range(count)]


@dataclass
class _Job:
    """A running job and the pieces that it has in hand, the oldest first."""

    process: BaseProcess
    pipe: Connection
    cores: tuple[int, ...]
    held: deque[int] = field(default_factory=deque)
    asked: bool = False


def run(work: Work, numbers: Sequence[int], jobs: int, listen: Listener) -> list[int]:
    """Do all pieces, in this order as jobs come free; return those that could not be done, or whose job died each time.

    What a job raises of the package's own, a full disk say, ends them all.
    """
    queue, lost = deque(numbers), list[int]()
    deaths: Counter[int] = Counter()
    stillborn: Counter[int] = Counter()
    running = {j: _start(work, j, cores) for j, cores in enumerate(shares(jobs)[: len(numbers)])}
    try:
        while running:
            ready = wait([job.pipe for job in running.values()])
            for j, job in [(j, job) for j, job in running.items() if job.pipe in ready]:
                try:
                    kind, *data = job.pipe.recv()
                except (EOFError, OSError):
                    job.process.join()
                    stillborn[j] += not job.asked
                    if job.held:
                        deaths[job.held[0]] += 1
                    for n in reversed(job.held):
                        (queue.appendleft if deaths[n] < ATTEMPTS else lost.append)(n)
                    del running[j]
                    if queue and stillborn[j] < ATTEMPTS:
                        running[j] = _start(work, j, job.cores)
                    continue
                if kind == "raised":
                    raise SciMLBenchError(*data)
                if kind == "next":
                    job.asked = True
                    _hand_over(job, queue)
                    continue
                listen(j, job.held[0] if job.held else None, kind, tuple(data))
                if kind in ("ended", "lost"):
                    n = job.held.popleft()
                    lost += [n] if kind == "lost" else []
    finally:
        for job in running.values():
            job.process.terminate()
            job.process.join()
    return [*lost, *queue]


def _hand_over(job: _Job, queue: deque[int]) -> None:
    """Answer a job's question for the next piece."""
    n = queue.popleft() if queue else None
    if n is not None:
        job.held.append(n)
    with contextlib.suppress(OSError):  # it died: noticed at its end of the pipe
        job.pipe.send(n)


def _start(work: Work, number: int, cores: tuple[int, ...]) -> _Job:
    context = multiprocessing.get_context("spawn")
    mine, theirs = context.Pipe()
    process = context.Process(target=_main, args=(work, cores, theirs), name=f"job {number}")
    with safe_path():
        process.start()
    theirs.close()
    return _Job(process, mine, cores)


def _main(work: Work, cores: tuple[int, ...], pipe: Connection) -> None:
    forget()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cores)  # inherited by everything that is started from here
    try:
        work.work(_numbers(pipe), lambda *news: pipe.send(news), len(cores))
    except SciMLBenchError as error:
        pipe.send(("raised", str(error)))  # no fault of the piece in hand: the others would meet it too
    except (KeyboardInterrupt, BrokenPipeError, EOFError):
        return  # the parent has been told as well, and says so; or it is gone


def _end_with_parent() -> None:
    """End this job, and with it what it has started, when its parent was killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _numbers(pipe: Connection) -> Iterator[int]:
    while True:
        pipe.send(("next",))
        n = pipe.recv()
        if n is None:
            return
        yield n
