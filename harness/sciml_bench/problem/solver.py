"""The reference solver of a dataset: the program that made the truth, with knobs that trade accuracy for time."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import xarray as xr

from .card import Framework


class Solver(ABC):
    """Solves the dataset's equation from a method's inputs, on any grid, at any cost.

    A frozen dataclass. It never sees targets: only the inputs that every method is given.
    """

    framework: ClassVar[Framework] = "numpy"

    @property
    @abstractmethod
    def costs(self) -> Mapping[str, Mapping[str, Any]]:
        """At least five cost points, cheapest first: name → knobs of `solve`; the last one is the truth's own setting."""

    @abstractmethod
    def solve(self, inputs: xr.Dataset, *, device: str = "cpu", **knobs: Any) -> xr.Dataset:
        """Return the targets for `inputs`, on the grid and at the times of the data.

        `knobs` are resolution, step and precision, as in `costs`. Deterministic: same inputs, same bytes.
        """


class Evolution(Solver):
    """A solver of an evolution equation, which can also advance a state by one output step."""

    @abstractmethod
    def advance(self, state: xr.Dataset, *, device: str = "cpu") -> xr.Dataset:
        """Return S_Δt(state): each state of `sample` after one output interval, at the truth's own setting.

        `state` holds the targets' variables with their space and no `time`.
        """


class Steady(Solver):
    """A solver of a steady equation, which can also measure the discrete residual of a candidate."""

    @abstractmethod
    def residual(self, inputs: xr.Dataset, prediction: xr.Dataset) -> xr.DataArray:
        """Return the relative norm of the discrete residual of each sample; the docstring states the norm."""
