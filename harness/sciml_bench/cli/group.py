"""How every command ends that was called wrongly or is interrupted: with a sentence."""

import sys
from typing import Any

import typer
from pydantic import ValidationError
from typer.core import TyperGroup

from ..errors import InterruptedRunError, UsageError

NUMBERS = {"int": "a whole number, such as 5", "float": "a number, such as 0.5"}
WRONG: Any = typer.BadParameter.__base__
"""What the library of the command line raises for words that it does not understand."""


class Commands(TyperGroup):
    """The commands: a wrong word and Ctrl-C end each with a sentence, where the library would draw a box or say nothing."""

    def main(self, *args: Any, **options: Any) -> Any:
        """Run and exit; raises UsageError for a command, option or value that does not exist."""
        try:
            status = super().main(*args, **options | {"standalone_mode": False, "prog_name": "sciml-bench"})
        except WRONG as error:
            if type(error).__name__ == "NoArgsIsHelpError":
                typer.echo(error.ctx.get_help(), nl=False)
                sys.exit(error.exit_code)
            raise UsageError(_sentence(error)) from error
        sys.exit(status if type(status) is int else 0)

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for; raises InterruptedRunError on Ctrl-C."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            raise InterruptedRunError(
                "interrupted; nothing is half-written, and the same command may be given again"
            ) from error


def _sentence(error: Any) -> str:
    message = _number(error) or error.format_message().replace("Value error, ", "").replace(". Did you", ": did you")
    command = error.ctx.command_path if error.ctx is not None else "sciml-bench"
    end = message[-1] if message.endswith("?") else ";"
    return f"{message[:1].lower()}{message.rstrip('.?')[1:]}{end} `{command} --help` says what there is"


def _number(error: Any) -> str | None:
    """Return what is said of an option whose value is not the number that it takes; None of every other slip."""
    if not isinstance(error.__cause__, ValidationError):
        return None
    first = error.__cause__.errors()[0]
    expected = next((words for kind, words in NUMBERS.items() if first["type"].startswith(kind)), None)
    return None if expected is None else f"{max(error.param.opts, key=len)} is '{first['input']}': expected {expected}"
