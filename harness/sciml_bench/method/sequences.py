"""Problems as sequences of states, each following from those before it. No framework is imported here.

A state is laid out as (channel, site). By default one site holds all of it, flattened. On a periodic line it can instead
be spread over the points of the line, and each site is continued from its neighbourhood by a rule that all sites share.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import numpy as np
import xarray as xr

from ..errors import UsageError
from ..problem import HISTORY, TIME, Problem, Variable
from .forecasting import Plan
from .grids import GridCodec
from .scaling import Standardizer

LARGEST = 5000
"""The largest state, in numbers, that is laid out flat."""


def why_not_a_sequence(problem: Problem) -> str | None:
    """Return None if all targets evolve from a given state on one grid or none, else the reason why not, in a sentence."""
    for v in (*problem.inputs, *problem.targets):
        loose = [d for d in v.dims if d in ("node", "edge")]
        if loose:
            return f"It needs states of one size, but '{v.name}' lives on the {loose[0]}s of meshes or graphs."
    for v in problem.targets:
        if not (v.steps and v.initial):
            return f"It continues a sequence of states, but '{v.name}' does not evolve from a given state."
        start = problem.input(v.initial)
        if {*v.dims} - {TIME} != {*start.dims} - {HISTORY}:
            return (
                f"It needs given states like those to come, but '{v.name}' and '{start.name}' differ in more than time."
            )
    if len({HISTORY in problem.input(str(v.initial)).dims for v in problem.targets}) > 1:
        return "It needs one history for all targets, but only some of the given states have one."
    for v in (*problem.inputs, *problem.targets):
        if v.space not in ((), problem.space) or (not v.space and v in problem.targets and problem.space):
            return (
                f"It needs all fields on one grid, but '{v.name}' depends on {', '.join(v.space) or 'no axis'} and "
                f"others on {', '.join(problem.space)}."
            )
    return None


@dataclass(frozen=True, kw_only=True)
class SequenceCodec:
    """Between an `xr.Dataset` and standardised states z = (w − μ) / σ of shape (sample, step, channel, site).

    `local` > 0 spreads the state over the points of a periodic line, each of which is to be continued from the `local`
    points on either side; with 0 there is one site, and the grid is that of the training data. `change` holds the root
    mean square of z(t + Δt) − z(t), one number a channel. All statistics are those of the training data, one for each
    channel of the fields, whatever the layout.
    """

    grid: GridCodec
    plan: Plan
    local: int
    state: Standardizer
    constant: Standardizer
    change: np.ndarray

    @classmethod
    def of(cls, problem: Problem, train: xr.Dataset, local: int) -> Self:
        """Return the codec of a problem for which `why_not_a_sequence` is None.

        `local` counts for nothing where the targets are not periodic lines. Raises UsageError for states that are too
        large, a neighbourhood larger than the line, and output times that do not continue the given ones evenly.
        """
        grid = GridCodec.of(problem, train)
        if local < 0:
            raise UsageError(f"local is {local}, but must not be negative")
        plan = _plan(problem, train)
        line = len(grid.space) == 1 and grid.periodic
        points = math.prod(grid.grid(train))
        if line and 2 * local >= points:
            raise UsageError(f"local is {local}, but the line has {points} points: give less than half of them, or 0")
        run = _stack(grid, train, plan.initial, grid.targets)
        if not (line and local) and run.shape[2] * points > LARGEST:
            raise UsageError(
                f"the state has {run.shape[2] * points} numbers, but at most {LARGEST} are laid out flat: "
                "use a method made for grids"
            )
        state = Standardizer.fit(run.reshape(-1, *run.shape[2:]))
        step = np.diff(run, axis=1).astype(np.float64)
        change = np.sqrt((step**2).mean(axis=(0, 1, *range(3, step.ndim)))) / state.std
        change[change == 0] = 1.0  # a channel that never changes is predicted not to
        return cls(
            grid=grid,
            plan=plan,
            local=local if line else 0,
            state=state,
            constant=Standardizer.fit(_constants(grid, train, plan)),
            change=change if line and local else np.repeat(change, points),
        )

    def run(self, data: xr.Dataset) -> np.ndarray:
        """Return z at the given and at the output times, (sample, history + time, channel, site)."""
        return self._encode(_stack(self.grid, data, self.plan.initial, self.grid.targets))

    def given(self, data: xr.Dataset) -> np.ndarray:
        """Return z at the given times, (sample, history, channel, site)."""
        if not self.local:
            self.grid.template.require_grid(data, "a method that lays the state out flat")
        return self._encode(_stack(self.grid, data, self.plan.initial))

    def constants(self, data: xr.Dataset) -> np.ndarray:
        """Return the inputs that do not evolve, (sample, channel, site), standardised."""
        values = self.constant.encode(_constants(self.grid, data, self.plan))
        return self._lay(values[:, None])[:, 0]

    def decode(self, z: np.ndarray, inputs: xr.Dataset) -> xr.Dataset:
        """Return the targets that `z` (sample, time, channel, site) holds, for the samples and grid of `inputs`."""
        n, steps = z.shape[:2]
        frames = z.reshape(n * steps, len(self.state.mean), *self.grid.grid(inputs))
        return self.grid.decode_frames(self.state.decode(frames).reshape(n, steps, *frames.shape[1:]), inputs)

    def relative_l2(self, z: np.ndarray, truth: np.ndarray) -> float:
        """Return the mean over samples of ‖w − u‖ / ‖u‖ over time, channels and sites, in the data's units.

        Both are (sample, time, channel, site). Of a sample that is zero throughout, the norm of the error counts.
        """
        shape = (*z.shape[:2], len(self.state.mean), -1)
        mean, std = self.state.mean[:, None], self.state.std[:, None]
        error = np.linalg.norm((std * (z - truth).reshape(shape)).reshape(len(z), -1), axis=1)
        size = np.linalg.norm((mean + std * truth.reshape(shape)).reshape(len(z), -1), axis=1)
        return float((error / np.where(size == 0, 1.0, size)).mean())

    def _encode(self, run: np.ndarray) -> np.ndarray:
        flat = run.reshape(-1, *run.shape[2:])
        return self._lay(self.state.encode(flat).reshape(run.shape))

    def _lay(self, values: np.ndarray) -> np.ndarray:
        return values if self.local else values.reshape(*values.shape[:2], -1, 1)


def windows(z: np.ndarray, local: int) -> np.ndarray:
    """Return the neighbourhood of each site on a ring: (…, channel, site) → (…, site, channel · (2 local + 1))."""
    ring = np.concatenate([z[..., z.shape[-1] - local :], z, z[..., :local]], axis=-1)
    near = np.lib.stride_tricks.sliding_window_view(ring, 2 * local + 1, axis=-1)
    near = np.moveaxis(near, -2, -3)
    return near.reshape(*near.shape[:-2], -1)


def _plan(problem: Problem, data: xr.Dataset) -> Plan:
    names = tuple(str(v.initial) for v in problem.targets)
    initial = tuple(problem.input(n) for n in names)
    times = np.asarray(data[TIME].values, np.float64) if TIME in data.coords else np.empty(0)
    given = HISTORY in initial[0].dims
    if HISTORY in data.coords and given:
        times = np.concatenate([np.asarray(data[HISTORY].values, np.float64), times])
    elif not given and len(times):
        times = np.concatenate([[0.0], times])  # a state at the start is the one at time 0
    gaps = np.diff(times)
    if len(gaps) and not np.allclose(gaps, gaps[0], rtol=1e-6, atol=0):
        raise UsageError(
            "the output times do not continue the given ones evenly: use a method that predicts them at once"
        )
    static = tuple(v for v in problem.inputs if v.name not in names)
    return Plan(initial=initial, static=static, steps=int(data.sizes[TIME]))


def _stack(grid: GridCodec, data: xr.Dataset, *runs: Iterable[Variable]) -> np.ndarray:
    """Return runs of frames one after the other, (sample, step, channel, *grid)."""
    return np.concatenate([np.concatenate([grid.block(data, v) for v in run], axis=2) for run in runs], axis=1)


def _constants(grid: GridCodec, data: xr.Dataset, plan: Plan) -> np.ndarray:
    """Return the inputs that do not evolve, (sample, channel, *grid)."""
    blocks = [grid.block(data, v) for v in plan.static]
    empty = np.empty((len(data[plan.initial[0].name]), 0, *grid.grid(data)), np.float32)
    return np.concatenate([empty, *(b.reshape(len(b), -1, *b.shape[3:]) for b in blocks)], axis=1)
