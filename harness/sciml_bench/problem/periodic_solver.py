"""The reference solver of a periodic evolution equation: Fourier collocation in space, an exponential integrator in time."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import xarray as xr

from ..errors import DivergedError, UsageError
from .card import Framework
from .labels import labelled
from .solver import Evolution
from .spectral import Stepper, evaluate, project, rollout, substeps
from .variable import HISTORY, SAMPLE, Variable

SINGLE = 48
"""Grids up to so many points a side run in 32 bits: their error of space is far above that of the arithmetic."""


@dataclass(frozen=True, kw_only=True)
class PeriodicSolver(Evolution):
    """ETDRK4 on the Fourier modes of a periodic box, from the last given state of `target`.

    The state is projected on `grid` Fourier modes a side, advanced by `step`, and evaluated at the points of the data.
    Spectral accuracy in space where the solution is resolved, fourth order in time; a `step` beyond the stability limit gives
    NaN. On the truth's own setting, `solver_grid` and `step`, what remains is the information that the data grid does not
    hold. `frames` are the output times, `interval` apart from `first` + `interval` on.

    Source: Cox & Matthews 2002, doi:10.1006/jcph.2002.6995; Kassam & Trefethen 2005,
    doi:10.1137/S1064827502410633.
    """

    framework: ClassVar[Framework] = "jax"
    target: ClassVar[Variable]

    solver_grid: int
    step: float
    frames: int

    @property
    @abstractmethod
    def interval(self) -> float:
        """The time between two frames."""

    @property
    def first(self) -> float:
        """The time of the given state."""
        return 0.0

    @property
    def times(self) -> np.ndarray:
        """The times of the frames."""
        return self.first + self.interval * np.arange(1, self.frames + 1)

    @abstractmethod
    def stepper(self, points: int, step: float) -> Stepper:
        """Return the equation's stepper on `points` points a side, with this step."""

    def solve(self, inputs: xr.Dataset, *, device: str = "cpu", **knobs: Any) -> xr.Dataset:
        """Return the target at every frame; `knobs`: grid, step and, optionally, precision."""
        v = self.target
        start = inputs[str(v.initial)]
        if HISTORY in start.dims:
            start = start.isel({HISTORY: -1})
        values = self._advance(start.transpose(SAMPLE, *v.space).values, self.frames, device=device, **knobs)
        axes = {"time": self.times, **{d: inputs[d].values for d in v.space}}
        return labelled([v], {v.name: values}, axes)

    def advance(self, state: xr.Dataset, *, device: str = "cpu") -> xr.Dataset:
        """Return the target one frame later, at the truth's own grid and step."""
        u = state[self.target.name].transpose(SAMPLE, *self.target.space)
        values = self._advance(u.values, 1, device=device, grid=self.solver_grid, step=self.step)
        return state.assign({self.target.name: u.copy(data=values[:, 0])})

    def truth(self, start: np.ndarray, *, records: int, points: int, device: str) -> np.ndarray:
        """Return `records` frames of states on `solver_grid` points a side, at every so manyth of them: `points` a side.

        Raises `UsageError` if `points` does not divide the grid, and `DivergedError` if the step is too long.
        """
        if self.solver_grid % points:
            raise UsageError(f"solver_grid={self.solver_grid} must be a multiple of grid={points}")
        frames = rollout(
            self.stepper(self.solver_grid, self.step),
            start,
            steps=substeps(self.interval, self.step),
            records=records,
            stride=self.solver_grid // points,
            device=device,
        )
        if not np.isfinite(frames).all():
            raise DivergedError(
                f"the truth diverged with solver_grid={self.solver_grid}, step={self.step:g}: halve the step"
            )
        return frames

    def shrinking(self, grids: tuple[int, ...]) -> Mapping[str, Mapping[str, Any]]:
        """Return cost points on those of `grids` below the truth's own, and on that; the step shrinks in proportion.

        The coarsest may take one step a frame. On the largest of `grids` the step is the truth's own: a truth on more points than
        that owes its accuracy to its step. Named by points, step and precision.
        """
        finest = substeps(self.interval, self.step)
        coarse = [n for n in grids if n < self.solver_grid]
        counts = [max(1, finest * n // min(self.solver_grid, max(grids))) for n in coarse]
        points = [
            (n, self.interval / count, "float32" if n <= SINGLE else "float64")
            for n, count in zip(coarse, counts, strict=True)
        ]
        return {
            f"{n}, dt {step:.2g}, {precision}": {"grid": n, "step": step, "precision": precision}
            for n, step, precision in (*points, (self.solver_grid, self.step, "float64"))
        }

    def _advance(
        self, u: np.ndarray, frames: int, *, grid: int, step: float, precision: str = "float64", device: str
    ) -> np.ndarray:
        dims = len(self.target.space)
        values = rollout(
            self.stepper(grid, step),
            project(u, grid, dims),
            steps=substeps(self.interval, step),
            records=frames,
            precision=precision,
            device=device,
        )
        return evaluate(values, u.shape[-1], dims)
