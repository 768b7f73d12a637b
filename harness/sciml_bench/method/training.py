"""The hyperparameters of a gradient-descent fit, as plain data: nothing here imports a framework."""

import math
from dataclasses import dataclass, fields
from typing import Any, Literal, Self, get_args

from ..errors import UnknownNameError, UsageError
from .contract import Log

Optimizer = Literal["adamw", "sgd", "lion"]
Schedule = Literal["onecycle", "cosine", "constant"]
Precision = Literal["32-true", "bf16-mixed", "16-mixed", "64-true"]
CHOICES = {"optimizer": Optimizer, "schedule": Schedule, "precision": Precision}
MOMENTUM = 0.9
"""The momentum of "sgd" where none is given."""


@dataclass(frozen=True, kw_only=True)
class Training:
    """How the shared loop trains.

    The length of a fit is a number of `updates` (optimiser steps), never seconds, so that it does not depend
    on the machine. `validations` passes over the validation part are spread evenly over the fit, the last one
    at its end; the best state is kept. With `patience` > 0 the fit stops after that many of them without
    improvement. Gradients longer than `clip_norm` are shortened to it; 0 turns that off.

    `optimizer` is "adamw", "sgd" with `momentum` (0.9 if None; of no other optimiser) or "lion", whose step has the
    size of the learning rate in every weight: a tenth of AdamW's works. `weight_decay` λ shrinks weights by ηλ an
    update, beside the gradient (AdamW, Lion) or as part of it (SGD). `schedule` gives the rate η over the fit: up and
    down in one cycle, down along a cosine, or `learning_rate` throughout.
    """

    optimizer: Optimizer = "adamw"
    momentum: float | None = None
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
        """Take the fields of the same names from a method, `momentum` only if it has one, and check them."""
        training = cls(**{f.name: getattr(method, f.name) for f in fields(cls) if _has(method, f.name)})
        training.check()
        return training

    def check(self) -> None:
        """Raise `UsageError` for a value without meaning."""
        for name, choices in CHOICES.items():
            if getattr(self, name) not in get_args(choices):
                raise UnknownNameError(name, getattr(self, name), get_args(choices))
        for name in ("batch_size", "updates", "validations"):
            if not getattr(self, name) >= 1:
                raise UsageError(f"{name} is {getattr(self, name)}, but must be at least 1")
        for name in ("weight_decay", "clip_norm", "patience"):
            if not 0 <= getattr(self, name) < math.inf:
                raise UsageError(f"{name} is {getattr(self, name)}, but must not be negative, nor infinite")
        if not (self.learning_rate > 0 and math.isfinite(self.learning_rate)):
            raise UsageError(f"learning_rate is {self.learning_rate}, but must be a positive number")
        if self.momentum is not None:
            _check_momentum(self.momentum, self.optimizer)


@dataclass(frozen=True, kw_only=True)
class Run:
    """One fit: how it trains, from which seed, where, and to whom it reports."""

    training: Training
    seed: int
    device: str
    log: Log


def _has(method: Any, name: str) -> bool:
    return name != "momentum" or hasattr(method, name)


def _check_momentum(momentum: float, optimizer: Optimizer) -> None:
    if optimizer != "sgd":
        raise UsageError(f"momentum is {momentum}, but optimizer is '{optimizer}', which has none; use 'sgd'")
    if not 0 <= momentum < 1:
        raise UsageError(f"momentum is {momentum}, but must be at least 0 and below 1")
