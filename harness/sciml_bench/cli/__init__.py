"""The command line. Nothing here imports a framework."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from ..errors import InterruptedRunError, SciMLBenchError, UsageError

AGAIN_SECONDS = 0.02
"""After so long an interrupt that was lost comes again."""


def main() -> None:
    """Run `sciml-bench` and leave. Exit status: 0 all well, 1 some cell failed, 2 wrong usage, 128 + n ended by signal n."""
    try:
        command()
    except SystemExit as end:
        if not isinstance(end.code, int) or end.code <= 128:
            raise
        with suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(end.code)  # a library's threads may still compile: Python's way out crashes under them


def command() -> None:
    """Run `sciml-bench` as called; raises SystemExit with its status, unless all is well."""
    from .app import app

    with _interruptible() as number:
        try:
            app()
        except UsageError as error:
            _end(str(error), 2)
        except InterruptedRunError as error:
            _end(str(error), 128 + number[-1])
        except SciMLBenchError as error:
            _end(str(error), 1)


@contextmanager
def _interruptible() -> Iterator[list[int]]:
    """Let SIGTERM, by which batch systems end what runs too long, end the command as Ctrl-C does; give the signals that came.

    Where Python can raise nothing, as in what JAX has called at each garbage collection, the interrupt is lost: it comes again.
    """
    came: list[int] = [signal.SIGINT]

    def interrupt(number: int, _: FrameType | None) -> None:
        came.append(number)
        raise KeyboardInterrupt

    def lost(raised: "sys.UnraisableHookArgs") -> None:
        if raised.exc_type is KeyboardInterrupt:
            again = threading.Timer(AGAIN_SECONDS, os.kill, (os.getpid(), came[-1]))
            again.daemon = True
            again.start()
        else:
            told(raised)

    before, told = signal.signal(signal.SIGTERM, interrupt), sys.unraisablehook
    sys.unraisablehook = lost
    try:
        yield came
    finally:
        sys.unraisablehook = told
        signal.signal(signal.SIGTERM, before)


def _end(sentence: str, status: int) -> None:
    print(f"sciml-bench: {sentence}", file=sys.stderr)
    sys.exit(status)
