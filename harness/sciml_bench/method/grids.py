"""Between an `xr.Dataset` on a regular grid and arrays (sample, channel, *grid), in one, two or three
dimensions.

Everything that is not space becomes channels, variable by variable in the order of the problem and in storage
order within one: history or time outermost, then the others. An input without space is constant channels.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import numpy as np
import xarray as xr

from ..errors import ContractError
from ..problem import HISTORY, SAMPLE, TIME, Problem, Variable
from .template import Template

AXES = ("x", "y", "z")
"""Dimensions of a regular grid."""


def why_not_a_grid(problem: Problem) -> str | None:
    """Return None if all of `problem` lies on one regular grid, else the reason why not, in a sentence."""
    space = problem.space
    for v in (*problem.inputs, *problem.targets):
        loose = [d for d in v.dims if d in ("node", "edge")]
        if loose:
            return f"It needs a regular grid, but '{v.name}' lives on the {loose[0]}s of a mesh or graph."
    for v in problem.targets:
        if v.kind == "label":
            return f"It predicts fields, but the target '{v.name}' is a class label."
        if not v.space:
            return f"It predicts fields on a grid, but the target '{v.name}' has no spatial dimension."
        if v.space != space:
            return (
                f"It needs one grid for all targets, but '{v.name}' depends on {_axes(v)} and others "
                f"on {', '.join(space)}."
            )
    for v in problem.inputs:
        if v.space and v.space != space:
            return (
                f"It needs inputs and targets on one grid, but '{v.name}' depends on {_axes(v)} and "
                f"the targets on {', '.join(space)}."
            )
    return None


def _axes(variable: Variable) -> str:
    return ", ".join(variable.space)


def step_dim(variable: Variable) -> str | None:
    """Return the variable's axis of steps, `history` or `time`, if it has one."""
    return next((d for d in variable.dims if d in (HISTORY, TIME)), None)


@dataclass(frozen=True, kw_only=True)
class GridCodec:
    """Encodes inputs and targets as channels on the grid and decodes them, on the grid of the data at hand.

    Only the targets' layout is remembered from training (times, names, attributes): the grid itself is read
    off the inputs at prediction, so that a method may be asked for a finer one.
    """

    inputs: tuple[Variable, ...]
    template: Template

    @classmethod
    def of(cls, problem: Problem, train: xr.Dataset) -> Self:
        """Return the codec of a problem for which `why_not_a_grid` is None."""
        return cls(inputs=problem.inputs, template=Template.of(problem, train))

    @property
    def targets(self) -> tuple[Variable, ...]:
        """The targets, in order."""
        return self.template.targets

    @property
    def space(self) -> tuple[str, ...]:
        """The axes of the grid."""
        return self.targets[0].space

    @property
    def periodic(self) -> bool:
        """Whether all targets are periodic in space."""
        return all(v.periodic for v in self.targets)

    def grid(self, data: xr.Dataset) -> tuple[int, ...]:
        """Return the number of points along each axis of `data`, else of the training data."""
        return tuple(int(data.sizes.get(d, self.template.sizes[d])) for d in self.space)

    def block(self, data: xr.Dataset, variable: Variable) -> np.ndarray:
        """Return one variable as float32 (sample, step, channel, *grid); step is 1 long where it has none."""
        step = step_dim(variable)
        other = [d for d in variable.dims if d not in (*self.space, step)]
        lead = [step] if step else []
        if variable.name not in data:
            raise ContractError(f"the variable '{variable.name}' is missing; the data hold {', '.join(map(str, data))}")
        values = data[variable.name].transpose(SAMPLE, *lead, *other, *variable.space).to_numpy()
        steps = data.sizes[step] if step else 1
        n, grid = values.shape[0], self.grid(data)
        channels = math.prod(data.sizes[d] for d in other)
        values = values.reshape(n, steps, channels, *(grid if variable.space else (1,) * len(grid)))
        return np.broadcast_to(values, (n, steps, channels, *grid)).astype(np.float32)

    def encode_inputs(self, data: xr.Dataset) -> np.ndarray:
        """Return all inputs as float32 (sample, channel, *grid)."""
        return self._channels(data, self.inputs)

    def encode_targets(self, data: xr.Dataset) -> np.ndarray:
        """Return all targets as float32 (sample, channel, *grid)."""
        return self._channels(data, self.targets)

    def decode(self, channels: np.ndarray, inputs: xr.Dataset) -> xr.Dataset:
        """Return the targets that `channels` (sample, channel, *grid) hold, for the samples and grid of
        `inputs`.
        """
        arrays, start = {}, 0
        for v in self.targets:
            lead = sorted((d for d in v.dims if d not in v.space), key=lambda d: d != step_dim(v))
            stop = start + self._size(lead)
            part = channels[:, start:stop]
            shape = (len(part), *(self.template.sizes[d] for d in lead), *part.shape[2:])
            array = xr.DataArray(part.reshape(shape), dims=(SAMPLE, *lead, *v.space))
            arrays[v.name] = array.transpose(SAMPLE, *v.dims).to_numpy()
            start = stop
        if start != channels.shape[1]:
            raise ContractError(f"the targets have {start} channels in all, but {channels.shape[1]} were predicted")
        return self.template.dress(arrays, inputs)

    def decode_frames(self, frames: np.ndarray, inputs: xr.Dataset) -> xr.Dataset:
        """Return the targets that `frames` (sample, time, channel, *grid) hold, channels target by target."""
        blocks, start = [], 0
        for v in self.targets:
            stop = start + self._size(d for d in v.dims if d not in (*v.space, TIME))
            part = frames[:, :, start:stop]
            blocks.append(part.reshape(len(part), -1, *part.shape[3:]))
            start = stop
        return self.decode(np.concatenate(blocks, axis=1), inputs)

    def _size(self, dims: Iterable[str]) -> int:
        """Return the number of entries along `dims` of the targets."""
        return math.prod(self.template.sizes[d] for d in dims)

    def _channels(self, data: xr.Dataset, variables: tuple[Variable, ...]) -> np.ndarray:
        blocks = [self.block(data, v) for v in variables]
        return np.concatenate([b.reshape(len(b), -1, *b.shape[3:]) for b in blocks], axis=1)

    def input_groups(self, data: xr.Dataset) -> list[int]:
        """Return, for each input channel, the number of the field that it is a step of: steps of one field
        share it.
        """
        return _groups(data, self.inputs, self.space)

    def target_slices(self) -> list[slice]:
        """Return the channels of each target in `encode_targets`."""
        slices, start = [], 0
        for v in self.targets:
            size = self._size(d for d in v.dims if d not in v.space)
            slices.append(slice(start, start + size))
            start += size
        return slices


def _groups(data: xr.Dataset, variables: tuple[Variable, ...], space: tuple[str, ...]) -> list[int]:
    groups: list[int] = []
    first = 0
    for v in variables:
        step = step_dim(v)
        channels = math.prod(data.sizes[d] for d in v.dims if d not in (*space, step))
        groups += [first + c for _ in range(data.sizes[step] if step else 1) for c in range(channels)]
        first += channels
    return groups
