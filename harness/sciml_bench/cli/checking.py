"""The checks in a process of their own, which what is checked may end or crash; a method meets the barrier of a cell there.

The process that prints makes the data: behind the barrier nothing can be written that making them may write.
"""

import contextlib
import json
import multiprocessing
import os
import resource
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..apart import prints_apart
from ..errors import ContractError, SciMLBenchError, UsageError
from ..running import compiled
from ..running.children import forget, safe_path

if TYPE_CHECKING:
    from ..testing import Outcome
    from ..testing.report import Here

POLL_SECONDS = 0.1


def outcomes(name: str, datasets: Sequence[str]) -> Iterator["Outcome"]:
    """Yield how each check ended; that in which its process died has failed, and is the last.

    Raises what the process refuses, and ContractError where it died outside of a check.
    """
    compiled.keep()
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory(prefix="sciml-bench-check-", ignore_cleanup_errors=True) as folder:
        mine, theirs = context.Pipe()
        process = context.Process(target=_main, args=(theirs, name, datasets, folder), name="check")
        with safe_path():
            process.start()
        theirs.close()
        try:  # what takes long to import is imported from here on, while the process imports the same
            yield from _follow(name, mine, process)
        finally:
            from ..running.executor import end_group

            end_group(process)
            mine.close()


def _follow(name: str, pipe: Connection, process: BaseProcess) -> Iterator["Outcome"]:
    from ..testing import Outcome
    from ..testing.benches import made

    begun: Outcome | None = None
    for message in _messages(pipe, process):
        match message:
            case {"begins": check}:
                begun = Outcome(**check)
            case {"ended": check}:
                begun = None
                yield Outcome(**check)
            case {"data": dataset}:
                data = made(dataset)
                with contextlib.suppress(BrokenPipeError):  # it has died: noticed below
                    pipe.send(data)
            case {"refused": sentence, "usage": usage}:
                raise (UsageError if usage else ContractError)(sentence)
            case {"done": True}:
                return
    end = _end(process)
    if begun is None:
        raise ContractError(f"the process that checks '{name}' {end} outside of a check, and no more of them were made")
    sentence = (
        f"the check {end} before it was done, and none was made after it: look for what ends or crashes the program"
    )
    yield replace(begun, ending="failed", sentence=sentence)


def _messages(pipe: Connection, process: BaseProcess) -> Iterator[dict[str, Any]]:
    """Yield what the process says until it has ended; what it started may hold its end of the pipe open for longer."""
    while True:
        alive = process.is_alive()
        if pipe.poll(POLL_SECONDS if alive else 0):
            try:
                told = pipe.recv_bytes()
            except (EOFError, OSError):
                return
            yield json.loads(told)
        elif not alive:
            return


def _end(process: BaseProcess) -> str:
    """Say how a process ended that had not answered."""
    from ..running.executor import GRACE_SECONDS, how_it_ended

    process.join(GRACE_SECONDS)
    told, hint = how_it_ended(process.exitcode)
    return f"{told} ({hint})" if hint else told


def _main(pipe: Connection, name: str, datasets: Sequence[str], folder: str) -> None:
    """Run the checks in this process; the last message has the key `done` or `refused`."""
    forget()
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when the checks end
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with prints_apart():  # what a method prints is no part of the report
        from ..running.worker import end_with_parent

        threading.Thread(target=end_with_parent, daemon=True).start()
        last: dict[str, Any] = {"done": True}
        try:
            for outcome in _outcomes(name, datasets, pipe, folder):
                _send(pipe, ended=asdict(outcome))
        except SciMLBenchError as error:
            last = {"refused": str(error), "usage": isinstance(error, UsageError)}
        except (BrokenPipeError, EOFError):
            os._exit(1)  # nobody listens any more
    _send(pipe, **last)
    pipe.close()
    sys.stderr.flush()
    os._exit(0)  # everything is said: skip what frameworks do at exit


def _send(pipe: Connection, **message: Any) -> None:
    pipe.send_bytes(json.dumps(message).encode())


def _outcomes(name: str, datasets: Sequence[str], pipe: Connection, folder: str) -> Iterator["Outcome"]:
    from ..problem import Dataset
    from ..registry import canonical, is_path, plugin_class
    from ..running import plan
    from ..testing import dataset_outcomes, method_outcomes

    name, datasets = canonical(name), list(dict.fromkeys(map(canonical, datasets)))
    cls = plugin_class(name)
    if is_path(name):
        plan.check_names("dataset" if issubclass(cls, Dataset) else "method", [name])
    elif issubclass(cls, Dataset):
        plan.check_dataset(name)
    else:
        plan.check_method(name, "smoke", {})
    if issubclass(cls, Dataset):
        return dataset_outcomes(cls, _here(pipe))
    return method_outcomes(cls, datasets, _here(pipe, folder))


def _here(pipe: Connection, folder: str = "") -> "Here":
    """Return this process as the place of the checks; given a folder, it is behind the barrier from the first check on."""
    from ..running import sandbox
    from ..testing.report import Here

    class Apart(Here):
        refusal = sandbox.SENTENCE if folder else ""
        closed = not folder

        def data(self, dataset: str) -> Any:
            _send(pipe, data=dataset)
            return pipe.recv()

        def begin(self, check: "Outcome") -> None:
            if not self.closed:
                sandbox.enclose(Path(folder) / "scratch", ())
                self.closed = True
            _send(pipe, begins=asdict(check))

    return Apart()
