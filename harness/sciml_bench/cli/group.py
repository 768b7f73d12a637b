"""How every command ends that is interrupted."""

from typing import Any

from typer.core import TyperGroup

from ..errors import InterruptedRunError


class Commands(TyperGroup):
    """The commands: Ctrl-C ends each with a sentence, where the library of the command line would end without a word."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for; raises InterruptedRunError on Ctrl-C."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            raise InterruptedRunError(
                "interrupted; nothing is half-written, and the same command may be given again"
            ) from error
