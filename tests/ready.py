"""A process that has the command imported and runs it in forks of itself: most of what a short command takes is importing.

    python ready.py < [{"words": […], "cwd": …, "env": {…}, "out": file, "err": file, "timeout": seconds}, …]

Prints a line of JSON for each call: its exit status, or null where its time was over. A fork differs from a process that was
started anew in what Python and libraries read from the environment as they start (but PYTHONPATH), and in that its fork
server, which would import the same again, is a fork as well.
"""

import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from importlib.util import find_spec
from multiprocessing import util
from pathlib import Path

IMPORTED = (
    *(f"sciml_bench.cli.{name}" for name in ("app", "check", "compare", "data", "run", "site", "sweep", "tables", "verify")),
    "sciml_bench.problem.user_file",
    "sciml_bench.running.worker",
    "sciml_bench.site.build",
)  # fmt: skip
POLL_SECONDS = 0.01


class Ready:
    """Such a process, started at the first call and ended with this object's own."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def call(
        self, words: list[str], cwd: Path, env: dict[str, str], timeout: float
    ) -> subprocess.CompletedProcess[str]:
        """Run the command to its end in a folder; TimeoutExpired if that takes too long."""
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env
            )
        with tempfile.TemporaryDirectory(prefix="sciml-bench-told-") as folder:
            out, err = Path(folder, "out"), Path(folder, "err")
            asked = {"words": words, "cwd": str(cwd), "env": env, "out": str(out), "err": str(err), "timeout": timeout}
            print(json.dumps(asked), file=self._process.stdin, flush=True)
            status = json.loads(self._process.stdout.readline())
            if status is None:
                raise subprocess.TimeoutExpired(words, timeout, out.read_text(), err.read_text())
            return subprocess.CompletedProcess(words, status, out.read_text(), err.read_text())

    def end(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.communicate()


def become(asked: dict) -> None:
    """Turn this fork into a process that was started as asked."""
    os.environ.clear()
    os.environ.update(asked["env"])
    os.chdir(asked["cwd"])
    for number, target in ((0, os.devnull), (1, asked["out"]), (2, asked["err"])):
        os.dup2(os.open(target, os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    sys.path[1:1] = [p for p in os.environ.get("PYTHONPATH", "").split(os.pathsep) if p and p not in sys.path]
    tempfile.tempdir = None
    util.spawnv_passfds = partial(spawn, util.spawnv_passfds)
    sys.argv = ["sciml-bench", *asked["words"]]
    sys.modules["__main__"].__spec__ = find_spec("sciml_bench.__main__")  # workers do not import it again


def spawn(otherwise: Callable[..., int], path: bytes, args: list[str], descriptors: Iterable[int]) -> int:
    """Start a fork server as a fork of this process, which has no threads yet; any other Python as it was."""
    code = args[args.index("-c") + 1] if "-c" in args else ""
    if not code.startswith("from multiprocessing.forkserver import main"):
        return otherwise(path, args, descriptors)
    child = os.fork()
    if child:
        return child
    try:
        for held in {int(name) for name in os.listdir("/proc/self/fd")} - {0, 1, 2, *descriptors}:
            with suppress(OSError):  # that by which the folder was read
                os.close(held)
        exec(code, {})
    finally:
        os._exit(0)


def ended(child: int, timeout: float) -> int | None:
    """Return a child's exit status, or None if it took too long and was killed."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        gone, status = os.waitpid(child, os.WNOHANG)
        if gone:
            return os.waitstatus_to_exitcode(status)
        time.sleep(POLL_SECONDS)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def main() -> None:
    """Answer calls until there are no more."""
    del sys.path[0]  # the tests' own
    for name in IMPORTED:
        importlib.import_module(name)
    for line in sys.stdin:
        asked = json.loads(line)
        child = os.fork()
        if child == 0:
            become(asked)
            from sciml_bench.cli import main as command

            command()
            sys.exit()
        print(json.dumps(ended(child, asked["timeout"])), flush=True)


if __name__ == "__main__":
    main()
