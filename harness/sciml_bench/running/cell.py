"""A cell: dataset × tier × method × hyperparameters × fold × repetition, and the key of all that decides its predictions."""

import importlib
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from .. import digest
from ..method.contract import Budget, Method
from ..naming import parse
from ..protocol.budgets import BUDGETS
from ..protocol.seeds import PROTOCOL_VERSION, training_seed
from ..records.record import CellId, Origin, row_name
from ..registry import build_method, method_class, short_name, why_not
from .task import Task


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One cell to be run."""

    task: Task
    method_name: str
    """As given: a name, or the path of a file."""
    method: Method
    variant: str
    fold: int
    repetition: int
    device: str
    """What the row is measured on, "cpu" or "cuda": all methods that stand beside each other have the same."""
    budget: Budget
    method_digest: str

    @property
    def place(self) -> str:
        """Where the method runs: on the processor, whatever the device, if its framework knows nothing else."""
        return "cpu" if self.method.card.framework in ("numpy", "sklearn") else self.device

    @property
    def identity(self) -> CellId:
        """The cell as it stands in the record."""
        task = self.task
        method = short_name(self.method_name)
        return CellId(
            dataset=task.name,
            dataset_version=task.version,
            dataset_parameters=task.parameters,
            tier=task.tier,  # type: ignore[arg-type]
            method=method,
            variant=self.variant,
            hyperparameters=self.method.hyperparameters(),
            fold=self.fold,
            folds=len(task.splits),
            repetition=self.repetition,
            seed=training_seed(task.name, method, self.fold, self.repetition),
            device=self.device,  # type: ignore[arg-type]
            budget_seconds=self.budget.seconds,
            budget_memory_gib=self.budget.memory_gib,
        )

    @property
    def key(self) -> str:
        """The digest of data, protocol, method source, hyperparameters, fold, seed and budget; of no metric."""
        parts = [self.identity.model_dump(), self.task.data.digest, self.method_digest, PROTOCOL_VERSION]
        return digest.of_data(parts)[:16]

    @property
    def row(self) -> str:
        """The leaderboard row that the cell belongs to."""
        return row_name(short_name(self.method_name), self.variant)

    def command(self, given: Mapping[str, Any], cores: int = 1) -> str:
        """Return the command that runs this cell alone, on as many cores."""
        words = [
            "sciml-bench run",
            f"--method {shlex.quote(self._public(self.method_name))}",
            f"--dataset {shlex.quote(self._public(self.task.source.name))}",
        ]
        if self.task.tier != "file":
            words.append(f"--tier {self.task.tier}")
        words += [f"--folds {len(self.task.splits)}", f"--only-fold {self.fold}", f"--device {self.device}"]
        usual = BUDGETS["small" if self.task.tier == "file" else self.task.tier]
        if self.budget.seconds != usual.seconds:
            words.append(f"--time-limit {self.budget.seconds:.12g}")
        if self.budget.memory_gib != usual.memory_gib:
            words.append(f"--memory-limit {self.budget.memory_gib:.12g}")
        if cores != 1 and self.device == "cpu":
            words.append(f"--cores {cores}")
        if self.repetition:
            words.append(f"--seeds {self.repetition + 1}")
        for name, value in given.items():
            words.append(f"--set {shlex.quote(f'{name}={value}')}")
        return " ".join([*words, "--no-baselines"])

    @staticmethod
    def _public(name: str) -> str:
        """Return the name without the folders in front of it: a record holds no path of a machine."""
        parts = parse(name)
        if parts is not None:
            return str(replace(parts, inner=Cell._public(parts.inner)))
        return name.rpartition("/")[2]


@dataclass(frozen=True)
class Planned:
    """A cell to be run, the `--set` words of the command that repeats it, and how its hyperparameters were chosen."""

    cell: Cell
    given: Mapping[str, Any]
    came_from: Origin | None = None
    tuning_seconds: float | None = None


def source_digest(method_name: str) -> str:
    """Return the digest of a method's source code, with that of the method inside a wrapper."""
    parts = parse(method_name)
    if parts is not None:
        return digest.of_data([source_digest(parts.wrapper), source_digest(parts.inner)])
    module = method_class(method_name).__module__
    return digest.of_source(importlib.import_module(module).__name__ if module in sys.modules else module)


def label_of(given: Mapping[str, Any]) -> str:
    """Return what sets a row with given hyperparameters apart in its name."""
    return ", ".join(f"{k}={v}" for k, v in sorted(given.items()))


def variants_of(
    method_name: str, task: Task, tuned: Mapping[str, Any], given: Mapping[str, Any]
) -> list[tuple[str, Method, dict[str, Any]]]:
    """Return the rows of a method on a task: (variant, method, what sets it apart from the defaults)."""
    cls = method_class(method_name)
    plain = build_method(cls, task.tier, tuned, given)
    if given:
        return [(label_of(given), plain, dict(given))]
    if why_not(plain, task.problem) is not None:
        return [("", plain, {})]
    return [
        (label, build_method(cls, task.tier, {**tuned, **changes}, {}), dict(changes))
        for label, changes in plain.variants(task.problem).items()
    ]
