"""The command line. Nothing here imports a framework."""

import sys

from ..errors import InterruptedRunError, SciMLBenchError, UsageError


def main() -> None:
    """Run `sciml-bench`. Exit status: 0 all well, 1 some cell failed, 2 wrong usage."""
    from .app import app

    try:
        app()
    except UsageError as error:
        _end(str(error), 2)
    except InterruptedRunError as error:
        _end(str(error), 130)
    except SciMLBenchError as error:
        _end(str(error), 1)


def _end(sentence: str, status: int) -> None:
    print(f"sciml-bench: {sentence}", file=sys.stderr)
    sys.exit(status)
