"""The contract of a method: fit, then predict."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any, ClassVar, Protocol

import xarray as xr

from ..problem import MethodCard, Problem

Predictor = Callable[[xr.Dataset], xr.Dataset]
"""Inputs → targets, same samples in the same order. An extra `member` dimension makes the prediction probabilistic.

Members are draws, or quantiles if `member` has a coordinate of their levels, rising within (0, 1)."""


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What one cell may use. Passing it ends the cell with the status `over_budget` or `out_of_memory`."""

    seconds: float
    memory_gib: float


class Log(Protocol):
    """Where `fit` reports: a bar on the screen, curves in the record."""

    def progress(self, fraction: float, message: str = "") -> None:
        """Report that `fraction` (0 to 1) of the fit is done."""

    def curve(self, name: str, step: int, value: float) -> None:
        """Add a point to a curve: `loss`, `valid_loss`, `gradient_norm`, `learning_rate` …"""

    def fact(self, name: str, value: float | str) -> None:
        """Note a single fact for the record: `parameters`, `best_epoch`, `flops` …"""


class Method(ABC):
    """One method, in `methods/<name>.py`: a frozen dataclass whose fields are its hyperparameters.

    Importing the module must not import a framework: `fit` does that. `tiers` overrides the fields' defaults tier by tier
    (a smoke test wants a small network), and `search` says what `sciml-bench tune` chooses from.
    """

    card: ClassVar[MethodCard]
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = MappingProxyType({})
    search: ClassVar[Mapping[str, tuple[Any, ...]]] = MappingProxyType({})
    """Hyperparameter → the values that tuning tries, in order, with that of the small tier among them; none should cost more
    than about twice that one. Empty: the method is not tuned."""
    known_failures: ClassVar[Mapping[str, str]] = MappingProxyType({})
    """Check of the contract that the method fails → the reason, shown wherever the contract is run."""

    def applies_to(self, problem: Problem) -> str | None:  # noqa: ARG002
        """Return None if the method can solve `problem`, else the reason why not, in a sentence for the reader."""
        return None

    def variants(self, problem: Problem) -> Mapping[str, Mapping[str, Any]]:  # noqa: ARG002
        """Return the rows that the method fills when no hyperparameter is set: label → hyperparameters."""
        return {"": {}}

    @abstractmethod
    def fit(
        self,
        train: xr.Dataset,
        valid: xr.Dataset,
        *,
        problem: Problem,
        budget: Budget,
        seed: int,
        device: str,
        log: Log,
    ) -> Predictor:
        """Learn from `train`, select on `valid` and return the predictor.

        Both hold the inputs and targets of their samples; neither may be changed. All randomness derives from `seed`.
        `device` is "cpu" or "cuda". Files can be written by relative names, in a folder that vanishes with the cell, and
        nowhere else. Raise `DivergedError` when training diverges.
        """

    def hyperparameters(self) -> dict[str, Any]:
        """Return the hyperparameters as plain data."""
        return asdict(self)  # type: ignore[call-overload]
