"""What methods share whose network the shared torch loop trains: the fields of `Training`, and the fit on a grid."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import xarray as xr

from ..errors import UsageError
from ..problem import Problem
from .contract import Budget, Log, Method, Predictor
from .forecasting import Forecast
from .grids import why_not_a_grid
from .training import Optimizer, Precision, Run, Schedule, Training

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, kw_only=True)
class TrainedMethod(Method):
    """A method with the fields of `Training`, which says what they mean; a subclass gives its own defaults."""

    optimizer: Optimizer = "adamw"
    momentum: float | None = None
    schedule: Schedule = "onecycle"
    precision: Precision = "32-true"
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    batch_size: int = 16
    updates: int = 800
    clip_norm: float = 1.0
    validations: int = 5
    patience: int = 0

    def run(self, seed: int, device: str, log: Log) -> Run:
        """Return how this fit trains; raise `UsageError` for a value without meaning."""
        return Run(training=Training.of(self), seed=seed, device=device, log=log)

    def require_positive(self, names: Sequence[str]) -> None:
        """Raise `UsageError` if one of these fields is below 1."""
        for name in names:
            if not getattr(self, name) >= 1:
                raise UsageError(f"{name} is {getattr(self, name)}, but must be at least 1")

    def require_between(self, name: str, low: float, high: float) -> None:
        """Raise `UsageError` if a field does not lie between `low` and `high`, both allowed."""
        if not low <= getattr(self, name) <= high:
            raise UsageError(f"{name} is {getattr(self, name)}, but must lie between {low:g} and {high:g}")


@dataclass(frozen=True, kw_only=True)
class GridMethod(TrainedMethod):
    """A network on a regular grid, from channels to channels, that forecasts in one pass or step by step.

    `forecast` and `noise` say how evolution problems are trained (see `forecast.fit_on_grid`). A subclass makes the
    network and checks its own fields.
    """

    forecast: Forecast = "auto"
    noise: float = 0.0

    @abstractmethod
    def build(self, channels_in: int, channels_out: int, grid: tuple[int, ...], periodic: bool) -> "torch.nn.Module":
        """Return the network for a grid of this shape."""

    @abstractmethod
    def check(self) -> None:
        """Raise `UsageError` for a field without meaning."""

    def applies_to(self, problem: Problem) -> str | None:
        """Only on a regular grid."""
        return why_not_a_grid(problem)

    def fit(
        self,
        train: xr.Dataset,
        valid: xr.Dataset,
        *,
        problem: Problem,
        budget: Budget,  # noqa: ARG002
        seed: int,
        device: str,
        log: Log,
    ) -> Predictor:
        """Train the network with the shared loop."""
        from .forecast import fit_on_grid

        self.check()
        run = self.run(seed, device, log)
        return fit_on_grid(self.build, train, valid, problem=problem, run=run, forecast=self.forecast, noise=self.noise)
