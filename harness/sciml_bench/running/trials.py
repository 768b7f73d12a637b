"""One trial of tuning: fit on the training part of a fold, score on its validation part. The test part is never read.

The fold that a trial sees has the validation part in place of the test part, so that no object of a trial knows the latter. Trials
are kept in a journal, one line each, and not made twice.
"""

import math
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, FiniteFloat, ValidationError

from .. import metrics
from ..errors import ContractError
from ..paths import append_line
from ..problem.samples import like
from ..problem.storage import read_parts
from ..protocol.folds import Split
from ..protocol.instances import test_samples
from ..records.record import Status
from . import cell_folders
from .cell import Cell
from .executor import Listener, Worker
from .run import job_of
from .sandbox import cells_folder
from .scoring import DataReader
from .task import Task
from .worker import AGAIN, PREDICTIONS

FOLD = 0
"""The fold whose validation part chooses."""


class Trial(BaseModel):
    """How one trial ended: one line of a journal."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: str
    """Of its cell: everything that decides its predictions."""
    status: Status
    reason: str
    score: FiniteFloat | None
    values: list[FiniteFloat]
    """The metric's statistic of every validation sample."""
    seconds: FiniteFloat
    """Wall time, or processor time where that is less: that others use the cores as well is not the method's effort."""
    limit: FiniteFloat
    """The seconds, of the same kind, after which it would have been ended."""


def without_test_part(task: Task) -> Task:
    """Return a task of which a trial can learn no more than it may: the validation part of its fold is the test part."""
    known = task.splits[FOLD]
    shown = Split(known.train, known.valid, known.valid)
    return replace(task, splits=[shown] * len(task.splits), shifts={})


@dataclass(frozen=True)
class Journal:
    """The trials of one pair on disk."""

    path: Path

    def trials(self) -> dict[str, Trial]:
        """Return the trials by key, of equal ones the last.

        Left out are lines that were cut short, and trials that were ended from outside, which say nothing of their settings.
        """
        found: dict[str, Trial] = {}
        lines = self.path.read_text(encoding="utf-8", errors="replace").splitlines() if self.path.exists() else []
        for line in lines:
            try:
                read = Trial.model_validate_json(line)
            except ValidationError:
                continue
            if not read.reason.endswith(AGAIN):
                found[read.key] = read
        return found

    def add(self, trial: Trial) -> None:
        """Keep one more."""
        append_line(self.path, trial.model_dump_json())


@dataclass
class Trier:
    """Makes trials, each in a process of its own with hard limits."""

    context: ForkServerContext
    threads: int
    reader: DataReader
    secret: tuple[Path, ...]
    """What a method must not read beside the data."""

    def run(self, cell: Cell, limit: float, listen: Listener) -> tuple[Trial, bool]:
        """Make the trial of a cell of a task without test part; also say whether it was ended from outside."""
        begun = time.monotonic()
        status: Status
        with closing(cell_folders.make()) as own:
            folder = own.path
            job = replace(job_of(cell, folder, self.threads, (cells_folder(), *self.secret)), trial_seconds=limit)
            outcome = Worker.start(self.context, job).finish(listen)
            status, reason = outcome["status"], outcome["reason"]
            score, values = None, list[float]()
            if status == "ok":
                try:
                    score, values = self._score(cell, folder)
                except ContractError as error:
                    status, reason = "failed", str(error)
        trial = Trial(
            key=cell.key,
            status=status,
            reason=reason[:2000],
            score=score,
            values=values,
            seconds=min(time.monotonic() - begun, outcome["processor_seconds"] or math.inf),
            limit=limit,
        )
        return trial, bool(outcome.get("killed"))

    def _score(self, cell: Cell, folder: Path) -> tuple[float, list[float]]:
        """Return the headline score of the predictions and its statistic of every sample."""
        task = cell.task
        headline = metrics.primary(task.problem)
        wanted = [m for m in metrics.ACCURACY if m.name == headline.partition("/")[0]]
        truth = self.reader.part(task, test_samples(cell.method.card, task.source.tier, task.splits[FOLD].test))
        mean = like(metrics.mean_prediction(read_parts(folder / PREDICTIONS)["test"]), truth)
        scores, samples = metrics.evaluate(wanted, mean, truth, task.problem.targets)
        values = [float(v) for v in samples[headline]]
        if not (math.isfinite(scores[headline]) and all(map(math.isfinite, values))):
            raise ContractError(f"its {headline} on the validation part is not finite")
        return scores[headline], values


def reporting(tell: Callable[[float], None]) -> Listener:
    """Return a listener that passes on how far a fit has come."""

    def listen(message: dict[str, Any]) -> None:
        if "progress" in message:
            tell(message["progress"])

    return listen
