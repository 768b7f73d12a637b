"""The hyperparameters of a gradient-descent fit, as plain data: nothing here imports a framework."""

import math
from dataclasses import dataclass, fields
from typing import Any, Literal, Self

from ..errors import UsageError

Optimizer = Literal["adamw", "sgd"]
Schedule = Literal["onecycle", "cosine", "constant"]
Precision = Literal["32-true", "bf16-mixed", "16-mixed", "64-true"]


@dataclass(frozen=True, kw_only=True)
class Training:
    """How the shared loop trains.

    The length of a fit is a number of `updates` (optimiser steps), never seconds, so that it does not depend
    on the machine. `validations` passes over the validation part are spread evenly over the fit, the last one
    at its end; the best state is kept. With `patience` > 0 the fit stops after that many of them without
    improvement. Gradients longer than `clip_norm` are shortened to it; 0 turns that off.
    """

    optimizer: Optimizer = "adamw"
    schedule: Schedule = "onecycle"
    precision: Precision = "32-true"
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    batch_size: int = 16
    updates: int = 1000
    clip_norm: float = 1.0
    validations: int = 5
    patience: int = 0

    @classmethod
    def of(cls, method: Any) -> Self:
        """Take the fields of the same names from a method, and check them."""
        training = cls(**{f.name: getattr(method, f.name) for f in fields(cls)})
        training.check()
        return training

    def check(self) -> None:
        """Raise `UsageError` for a value without meaning."""
        for name in ("batch_size", "updates", "validations"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} is {getattr(self, name)}, but must be at least 1")
        for name in ("weight_decay", "clip_norm", "patience"):
            if getattr(self, name) < 0:
                raise UsageError(f"{name} is {getattr(self, name)}, but must not be negative")
        if not (self.learning_rate > 0 and math.isfinite(self.learning_rate)):
            raise UsageError(f"learning_rate is {self.learning_rate}, but must be a positive number")
