"""The command line. Nothing here imports a framework."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from ..errors import InterruptedRunError, SciMLBenchError, UsageError


def main() -> None:
    """Run `sciml-bench`. Exit status: 0 all well, 1 some cell failed, 2 wrong usage, 128 + n ended by signal n."""
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
    """Let SIGTERM, by which batch systems end what runs too long, end the command as Ctrl-C does; give the signals that came."""
    came: list[int] = [signal.SIGINT]

    def interrupt(number: int, _: FrameType | None) -> None:
        came.append(number)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield came
    finally:
        signal.signal(signal.SIGTERM, before)


def _end(sentence: str, status: int) -> None:
    print(f"sciml-bench: {sentence}", file=sys.stderr)
    sys.exit(status)
