"""Running a job in a process of its own, with hard limits on time and memory.

A fork server that has the frameworks imported, but no device touched, starts a clean worker in milliseconds. Whatever ends a
worker becomes a status with its sentence. Escalation: SIGTERM to the worker's process group, then SIGKILL.
"""

import contextlib
import json
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from typing import Any, Self

import psutil

from ..errors import InterruptedRunError
from . import compiled
from .children import safe_path
from .worker import AGAIN, Job, main

PRELOAD = {
    "numpy": (),
    "sklearn": ("sklearn",),
    "jax": (
        "jax",
        "exponax",
        "equinox",
        "skfem",
        "scipy.sparse.linalg",
        "sciml_bench.method.jax_dynamics",
        "jaxlib.mlir.dialects.mhlo",  # which JAX would import in each worker, at its first compiling
        "jaxlib.mlir.dialects.builtin",
    ),
    "torch": ("torch", "lightning_fabric", "neuralop.models", "sciml_bench.method.torch_loop"),
}
POLL_SECONDS = 0.05
MEMORY_POLL_SECONDS = 0.2
GRACE_SECONDS = 3.0
OUTSIDE = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""Signals by which a worker is ended from outside, which is no fault of its method; any other one is a crash."""

Listener = Callable[[dict[str, Any]], None]


def fork_server(frameworks: Iterable[str], plugins: Iterable[str] = ()) -> ForkServerContext:
    """Start the fork server, which imports the frameworks and some plugins' modules meanwhile, and return its context.

    The first call in a program decides which. JAX comes last: this process imports it meanwhile, to make data, and on a first run
    each compiles what the other has not.
    """
    compiled.keep()
    context = multiprocessing.get_context("forkserver")
    modules = ["sciml_bench.running.worker", "threadpoolctl"]
    for framework in sorted(set(frameworks), key=lambda f: (f == "jax", f)):
        modules += PRELOAD.get(framework, ())
    first, last = "sciml_bench.running._preload", "sciml_bench.running._freeze"
    context.set_forkserver_preload([first, *modules, *plugins, last])
    with contextlib.suppress(OSError), safe_path():
        forkserver.ensure_running()
    return context


@dataclass
class Worker:
    """A worker process: started early, so that it reads its data while its parent still scores, and then told to go."""

    process: BaseProcess
    pipe: Connection
    job: Job
    begun: float = 0.0
    peak_gib: float = 0.0
    processor_seconds: float = 0.0
    answered: bool = False
    started: list[psutil.Process] = field(default_factory=list)
    """What it had started and not ended when it answered."""
    left_behind: int = 0
    """How many processes still ran when it had ended."""
    stop: threading.Event = field(default_factory=threading.Event)
    """Set by another thread, it ends the wait for an answer with InterruptedRunError."""

    @classmethod
    def start(cls, context: ForkServerContext, job: Job, stop: threading.Event | None = None) -> Self:
        """Start the process; it prepares and waits."""
        mine, theirs = context.Pipe()
        process = context.Process(target=main, args=(theirs, job), daemon=False)
        process.start()
        theirs.close()
        return cls(process, mine, job, stop=stop or threading.Event())

    def finish(self, listen: Listener) -> dict[str, Any]:
        """Let it go, follow it to its end and return its outcome: `status`, `reason` and, where it got so far, cost and curves."""
        try:
            outcome = self.answer(listen)
        finally:
            self.end()
        return {**outcome, "left_behind": self.left_behind}

    def answer(self, listen: Listener) -> dict[str, Any]:
        """Let it go, follow it to its answer and return that as `finish` does; until `end` it winds down beside its parent.

        One that never answers has ended with all that it started.
        """
        self.begun = time.monotonic()
        with contextlib.suppress(OSError):  # it may have ended already: that is noticed below
            self.pipe.send_bytes(b"go")
        outcome = _follow(self, listen)
        if not self.answered:
            self.end()
        seen = {"curves": {}, "facts": {}, "processor_seconds": self.processor_seconds}
        return {**seen, **outcome, "observed_peak_gib": self.peak_gib}

    def end(self) -> None:
        """End the process and all that it started."""
        self.left_behind = max(self.left_behind, end_group(self.process, self.started))
        self.pipe.close()


def _follow(watch: Worker, listen: Listener) -> dict[str, Any]:
    next_memory = 0.0
    while True:
        if watch.pipe.poll(POLL_SECONDS):
            try:
                message = json.loads(watch.pipe.recv_bytes())
            except (EOFError, OSError):
                return _died(watch)
            if "status" in message:
                watch.answered, watch.started = True, _descendants(watch.process.pid)
                return message
            listen(message)
        if watch.stop.is_set():
            raise InterruptedRunError("the run was interrupted")
        now = time.monotonic()
        limit = watch.job.budget
        if now - watch.begun > limit.seconds:
            return {
                "status": "over_budget",
                "reason": f"did not finish within its budget of {limit.seconds:g} s and was ended",
            }
        if now >= next_memory:
            next_memory = now + MEMORY_POLL_SECONDS
            used = group_memory_gib(watch.process.pid)
            watch.peak_gib = max(watch.peak_gib, used)
            allowed = watch.job.trial_seconds
            if allowed is not None:
                watch.processor_seconds = group_processor_seconds(watch.process.pid)
                if min(now - watch.begun, watch.processor_seconds) > allowed:
                    return {
                        "status": "over_budget",
                        "reason": f"did not finish within the {allowed:.0f} s that were left and was ended",
                    }
            if used > limit.memory_gib:
                return {
                    "status": "out_of_memory",
                    "reason": f"used {used:.2f} GiB of memory, over its limit of {limit.memory_gib:g} GiB, and was ended",
                }


def _died(watch: Worker) -> dict[str, Any]:
    watch.process.join(GRACE_SECONDS)
    code = watch.process.exitcode
    killed = code is None or -code in OUTSIDE
    told, hint = how_it_ended(code)
    if code is None or code >= 0:
        told += " before it had answered"
    elif not killed:
        told += " that the method runs"
    told += f"; {hint}" if hint else ""
    reason = f"the worker process {told}; other cells are untouched"
    if killed:
        return {"status": "failed", "reason": f"{reason}, {AGAIN}", "killed": True}
    return {"status": "failed", "reason": reason}


def how_it_ended(code: int | None) -> tuple[str, str]:
    """Say of the exit code of a process that had not answered how it ended, and what may lie behind that."""
    if code is None:
        return "ended", ""
    if code >= 0:
        return f"ended by itself with exit status {code}", ""
    name = signal.Signals(-code).name
    if -code in OUTSIDE:
        hint = "the system may have run out of memory" if -code == signal.SIGKILL else ""
        return f"was ended by {name} from outside", hint
    return f"crashed with {name} in compiled code", ""


def group_memory_gib(pid: int | None) -> float:
    """Return the resident memory of a process and all its descendants."""
    return _over_group(pid, lambda process: process.memory_info().rss) / 2**30


def group_processor_seconds(pid: int | None) -> float:
    """Return the processor seconds of a process and all its descendants, those that have ended included."""
    return _over_group(pid, lambda process: sum(process.cpu_times()[:4]))


def _over_group(pid: int | None, measure: Callable[[psutil.Process], float]) -> float:
    """Return the sum of a measure over a process and all its descendants; what has ended meanwhile counts nothing."""
    total = 0.0
    with contextlib.suppress(psutil.Error):
        root = psutil.Process(pid)
        for process in [root, *root.children(recursive=True)]:
            with contextlib.suppress(psutil.Error):
                total += measure(process)
    return total


def end_group(process: BaseProcess, started: Iterable[psutil.Process] = ()) -> int:
    """End a worker and everything it started, by request and then by force; return how many others still ran.

    `started` is what is known of its children already: once it has ended, nothing tells those that left its group.
    """
    pid = process.pid
    if pid is None:
        return 0
    left_behind = {*started, *_descendants(pid)}
    if process.is_alive():
        process.join(0.5)  # a worker that has answered ends by itself
    still_running = len(_group(pid))
    for number, grace in ((signal.SIGTERM, GRACE_SECONDS), (signal.SIGKILL, GRACE_SECONDS)):
        left_behind = {p for p in left_behind if p.is_running()}
        if not process.is_alive() and not left_behind:
            break
        for target in [pid, *(p.pid for p in left_behind)]:
            _signal(target, number)
        process.join(grace)
        psutil.wait_procs(left_behind, timeout=grace)
    _signal(pid, signal.SIGKILL)
    process.join(GRACE_SECONDS)
    return still_running


def _group(pid: int) -> list[int]:
    """Return the processes of the group that `pid` led, but for itself; a child whose parent ended is still in it."""
    found = []
    for other in psutil.pids():
        with contextlib.suppress(OSError, psutil.Error):
            if other != pid and os.getpgid(other) == pid and psutil.Process(other).status() != psutil.STATUS_ZOMBIE:
                found.append(other)
    return found


def _descendants(pid: int | None) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.Error:
        return []


def _signal(pid: int, number: signal.Signals) -> None:
    """Signal the group that `pid` leads, and `pid` itself, if they are still there."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if os.getpgid(pid) == pid:
            os.killpg(pid, number)
        else:
            os.kill(pid, number)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if number == signal.SIGKILL:
            os.killpg(pid, number)  # the leader may be gone while its group lives
