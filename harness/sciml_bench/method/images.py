"""Pictures: inputs on one grid of two dimensions as channels, for networks that predict a class or a few numbers.

Nothing here imports a framework.
"""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
import xarray as xr

from ..errors import ContractError
from ..problem import SAMPLE, Problem, Variable
from .contract import Budget, Log, Predictor
from .scaling import Standardizer
from .template import samples_of
from .trained import TrainedMethod
from .vectors import VectorCodec

if TYPE_CHECKING:
    import torch


def why_not_images(problem: Problem, dims: Sequence[int] = (2,)) -> str | None:
    """Return None if the inputs are pictures and each target a class or a number, else the reason why not, in a sentence.

    All input fields must lie on one regular grid, of as many axes as one of `dims`; an input without space is a channel
    of one value.
    """
    space: tuple[str, ...] = ()
    for v in problem.inputs:
        if v.ragged:
            return f"It needs pictures on a regular grid, but '{v.name}' lives on the {v.ragged}s of a mesh or graph."
        if v.space and space and v.space != space:
            return (
                f"It needs all inputs on one grid, but '{v.name}' depends on {', '.join(v.space)} and others on "
                f"{', '.join(space)}."
            )
        space = v.space or space
    if len(space) not in dims:
        wanted = " or ".join(str(d) for d in dims)
        return f"It needs pictures, fields of {wanted} dimensions, but the inputs have {len(space) or 'none'}."
    for v in problem.targets:
        if v.kind not in ("label", "scalar"):
            return f"It predicts classes and single numbers, but the target '{v.name}' is a field."
    return None


@dataclass(frozen=True, kw_only=True)
class Channels:
    """Inputs → float32 (sample, channel, *grid), each channel standardised by the training part."""

    inputs: tuple[Variable, ...]
    scale: Standardizer

    @classmethod
    def of(cls, problem: Problem, train: xr.Dataset) -> Self:
        """Return the channels of a problem for which `why_not_images` is None."""
        return cls(inputs=problem.inputs, scale=Standardizer.fit(picture_channels(problem.inputs, train)))

    def encode(self, data: xr.Dataset) -> np.ndarray:
        """Return the channels of all samples."""
        return self.scale.encode(picture_channels(self.inputs, data)).astype(np.float32)


def picture_channels(inputs: Sequence[Variable], data: xr.Dataset) -> np.ndarray:
    """Return the inputs as float64 (sample, channel, *grid), variable by variable; one without space is constant there."""
    space = next(v.space for v in inputs if v.space)
    grid, n = tuple(int(data.sizes[d]) for d in space), samples_of(data)
    parts = []
    for v in inputs:
        other = [d for d in v.dims if d not in space]
        values = data[v.name].transpose(SAMPLE, *other, *v.space).to_numpy().astype(np.float64)
        values = values.reshape(n, -1, *(grid if v.space else (1,) * len(grid)))
        parts.append(np.broadcast_to(values, (*values.shape[:2], *grid)))
    return np.concatenate(parts, axis=1)


@dataclass(frozen=True, kw_only=True)
class Answers:
    """Targets ↔ matrices (sample, output): standardised numbers, and for a class 1 at the true one or probabilities."""

    codec: VectorCodec
    scales: tuple[Standardizer | None, ...]
    """One for each target; None for a class."""

    @classmethod
    def of(cls, problem: Problem, train: xr.Dataset) -> Self:
        """Fit the scales on the training part."""
        codec = VectorCodec.of(problem, train)
        scales = tuple(
            None if v.kind == "label" else Standardizer.fit(y)
            for v, y in zip(problem.targets, codec.encode_targets(train), strict=True)
        )
        return cls(codec=codec, scales=scales)

    def encode(self, data: xr.Dataset) -> list[np.ndarray]:
        """Return each target as a matrix."""
        found = zip(self.codec.encode_targets(data), self.scales, strict=True)
        return [y if scale is None else scale.encode(y) for y, scale in found]

    def decode(self, matrices: list[np.ndarray], inputs: xr.Dataset) -> xr.Dataset:
        """Return the targets of the samples in `inputs`, which must lie on the training data's grid."""
        pairs = zip(matrices, self.scales, strict=True)
        return self.codec.decode([y if scale is None else scale.decode(y) for y, scale in pairs], inputs)

    def require_grid(self, inputs: xr.Dataset) -> None:
        """Raise `ContractError` if the pictures are of another size than in training."""
        for v in self.codec.inputs:
            here = tuple(int(inputs.sizes[d]) for d in v.dims)
            if here != self.codec.shapes[v.name]:
                raise ContractError(
                    f"the pictures '{v.name}' have the shape {here} here and had {self.codec.shapes[v.name]} in training; "
                    "this method works only on the grid that it was trained on"
                )


@dataclass(frozen=True, kw_only=True)
class ImageMethod(TrainedMethod):
    """A network from pictures to classes and numbers; a subclass makes the network and checks its own fields.

    `dropout` is the share of units that is set to 0 at random in training. With `augment` each quarter of a batch is
    moved by a random word in the symmetries that the problem declares, its targets with it.
    """

    dropout: float = 0.0
    augment: bool = True

    @abstractmethod
    def build(self, channels: int, outputs: int, grid: tuple[int, ...]) -> "torch.nn.Module":
        """Return the network for pictures of this size."""

    @abstractmethod
    def check(self) -> None:
        """Raise `UsageError` for a field without meaning."""

    def applies_to(self, problem: Problem) -> str | None:
        """Only from pictures to classes and numbers."""
        return why_not_images(problem)

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
        from .image_network import fit_on_images

        self.check()
        self.require_between("dropout", 0, 0.9)
        run = self.run(seed, device, log)
        return fit_on_images(self.build, train, valid, problem=problem, augment=self.augment, run=run)
