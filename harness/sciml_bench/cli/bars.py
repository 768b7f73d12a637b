"""What a person sees while several jobs work: a bar for the whole with the time left, and one for each job."""

from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Self

from rich.console import Console
from rich.markup import escape
from rich.progress import TaskID

from ..running.expected import Remaining
from .progress import bars_on


@dataclass
class Bars:
    """Hears the news of `jobs.run`; `ended` prints a line about what a piece gave."""

    console: Console
    remaining: Remaining
    ended: Callable[[str], str | None]
    title: str
    done: int = 0
    _begun: dict[int, float] = field(default_factory=dict)

    def __enter__(self) -> Self:
        """Show the bars."""
        self._progress = bars_on(self.console)
        self._whole = self._progress.add_task(escape(self.title), total=len(self.remaining.expected), note=self._left())
        self._jobs: dict[int, TaskID] = {}
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Take the bars away."""
        self._progress.stop()

    def listen(self, job: int, number: int | None, kind: str, data: tuple[Any, ...]) -> None:
        """Move the bars."""
        if job not in self._jobs:
            self._jobs[job] = self._progress.add_task("", total=100, note="")
        bar = self._jobs[job]
        if kind == "started":
            self._begun[job] = monotonic()
            self._progress.reset(bar, description=escape(data[0]), total=100, note="", visible=True)
        elif kind == "progressed":
            self._progress.update(bar, completed=round(100 * data[0]), note=escape(data[1]))
        elif kind == "ended" and number is not None:
            self.done += 1
            self.remaining.done(number, monotonic() - self._begun.get(job, monotonic()))
            self._progress.update(self._whole, advance=1, note=self._left())
            line = self.ended(data[0])
            if line is not None:
                count = f" [dim]({self.done}/{len(self.remaining.expected)}, {self._left()})"
                self.console.print(line + ("" if self.console.is_terminal else count), soft_wrap=True)

        elif kind == "lost":
            self.console.print(f"[red]✗[/] {escape(data[0])}", soft_wrap=True)

    def _left(self) -> str:
        seconds = self.remaining.seconds()
        return "time left unknown" if seconds is None else f"about {duration(seconds)} left"


def duration(seconds: float) -> str:
    """Return seconds as `40 s`, `12 min` or `3 h 20 min`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"
