"""Fitting a torch network to pictures: from channels on a grid to classes and numbers."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

import numpy as np
import torch
import xarray as xr

from ..problem import Problem
from ..problem.samples import take
from .contract import Predictor
from .images import Answers, Channels
from .torch_loop import optimize, seeded, stream
from .training import Run
from .vector_network import Head, total

Tensor = torch.Tensor
CHUNK = 64
"""Samples predicted together."""
TURNS = 5
"""A symmetry is repeated fewer than so many times before another one: enough for all quarter turns."""
PARTS = 4
"""Parts of a batch that are moved differently, so that each batch is a mixture."""


class Build(Protocol):
    """Makes a network from (batch, channels, *grid) to (batch, outputs): standardised numbers and logits of classes."""

    def __call__(self, channels: int, outputs: int, grid: tuple[int, ...]) -> torch.nn.Module:
        """Return the network, on the CPU, with weights from torch's random state."""


def timm() -> ModuleType:
    """Return the library of image networks, which takes seconds to import."""
    _name_missing_operators()
    import timm

    return timm


@lru_cache(maxsize=1)
def _name_missing_operators() -> torch.library.Library | None:
    """Declare torchvision's operators `nms` and `qnms` if its compiled part does not load; keep the declaration.

    torchvision, which timm imports, attaches a rule to `nms` on import and fails if there is no such operator: so it is
    with a torchvision built for CUDA beside a torch built for the CPU. No network here calls it, so a name without
    a body is enough. Where the compiled part loads, nothing is declared.
    """
    spec = find_spec("torchvision")
    if spec is None or spec.origin is None:
        return None
    try:
        for compiled in Path(spec.origin).parent.glob("_C.*"):
            torch.ops.load_library(compiled)
            return None
    except OSError:
        pass
    names = torch.library.Library("torchvision", "FRAGMENT")
    for name in ("nms", "qnms"):
        names.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    return names


def fit_on_images(
    build: Build, train: xr.Dataset, valid: xr.Dataset, *, problem: Problem, augment: bool, run: Run
) -> Predictor:
    """Train the network that `build` makes and return its predictor.

    Loss: the mean over targets of ⟨(p − y)²⟩, y standardised, or of a class of −log p(y), p the softmax of its logits.
    """
    channels, answers = Channels.of(problem, train), Answers.of(problem, train)
    y = answers.encode(valid)
    ends = np.cumsum([0, *(part.shape[1] for part in y)])
    heads = [
        Head(slice(int(a), int(b)), scale is None) for a, b, scale in zip(ends, ends[1:], answers.scales, strict=False)
    ]
    pictures, truth = channels.encode(valid), _tensor(np.hstack(y))
    shape = Shape(channels=pictures.shape[1], outputs=int(ends[-1]), grid=pictures.shape[2:])
    with seeded(stream(run.seed, 0), "cpu"):  # the same weights whatever the device
        module = build(shape.channels, shape.outputs, shape.grid)

    def loss(network: torch.nn.Module, batch: tuple[Tensor, ...]) -> Tensor:
        return total(network(batch[0]), batch[1], heads)

    def score(_: torch.nn.Module) -> float:
        return float(total(outputs(module, pictures, run.device).float(), truth, heads))

    examples = Pictures(train, channels, answers, problem if augment else None, stream(run.seed, 3))
    optimize(module, examples, loss, score, training=run.training, seed=run.seed, device=run.device, log=run.log)
    return ImagePredictor(
        channels=channels,
        answers=answers,
        heads=tuple(heads),
        build=build,
        shape=shape,
        module=module,
        device=run.device,
    )


class Pictures:
    """Training examples: pictures and answers, each quarter of a batch moved by a random word in the problem's symmetries.

    `problem` None leaves them as they are. What a symmetry does to the targets is done to them.
    """

    def __init__(
        self, data: xr.Dataset, channels: Channels, answers: Answers, problem: Problem | None, seed: int
    ) -> None:
        self._data, self._channels, self._answers = data, channels, answers
        self._inputs = [v.name for v in channels.inputs]
        self._targets = [v.name for v in answers.codec.template.targets]
        self._symmetries = list(problem.symmetries.values()) if problem else []
        self._rng = np.random.default_rng(seed)
        if not self._symmetries:
            self._all = self._encoded(data[self._inputs], data[self._targets])

    def __len__(self) -> int:
        return int(self._data.sizes["sample"])

    def take(self, index: Tensor) -> tuple[Tensor, ...]:
        """Return pictures and answers."""
        if not self._symmetries:
            return tuple(t[index] for t in self._all)
        parts = [self._moved(part) for part in np.array_split(index.numpy(), min(PARTS, len(index)))]
        return tuple(torch.cat(tensors) for tensors in zip(*parts, strict=True))

    def _moved(self, index: np.ndarray) -> tuple[Tensor, ...]:
        part = take(self._data, index)
        inputs, targets = part[self._inputs], part[self._targets]
        for symmetry in self._word():
            inputs, targets = symmetry.inputs(inputs), symmetry.targets(targets)
        return self._encoded(inputs, targets)

    def _word(self) -> list[Any]:
        """Return symmetries to be applied one after the other: each up to four times, in turn and again in turn."""
        return [s for _ in range(2) for s in self._symmetries for _ in range(self._rng.integers(TURNS))]

    def _encoded(self, inputs: xr.Dataset, targets: xr.Dataset) -> tuple[Tensor, ...]:
        return _tensor(self._channels.encode(inputs)), _tensor(np.hstack(self._answers.encode(targets)))


def _tensor(values: np.ndarray) -> Tensor:
    return torch.as_tensor(np.ascontiguousarray(values), dtype=torch.float32)


def outputs(module: torch.nn.Module, pictures: np.ndarray, device: str) -> Tensor:
    """Apply the module to chunks of pictures, in its own precision; the result is double and on the CPU."""
    dtype = next(module.parameters()).dtype
    with torch.no_grad():
        pieces = [
            module(torch.as_tensor(pictures[start : start + CHUNK], dtype=dtype, device=device)).double().cpu()
            for start in range(0, len(pictures), CHUNK)
        ]
    return torch.cat(pieces)


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What a network is built for."""

    channels: int
    outputs: int
    grid: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class ImagePredictor:
    """Pictures → network → numbers in their own units, and probabilities.

    Its pickle holds the weights and how to build the network anew, for the library's classes cannot be
    read where torchvision has not been seen to.
    """

    channels: Channels
    answers: Answers
    heads: tuple[Head, ...]
    build: Build
    shape: Shape
    module: torch.nn.Module
    device: str

    def __call__(self, inputs: xr.Dataset) -> xr.Dataset:
        """Return the targets; `ContractError` on another grid than in training."""
        self.answers.require_grid(inputs)
        device = self.device if self.device == "cpu" or torch.cuda.is_available() else "cpu"
        found = outputs(self.module.to(device).eval(), self.channels.encode(inputs), device)
        parts = [found[:, h.where] for h in self.heads]
        matrices = [torch.softmax(p, dim=1) if h.label else p for p, h in zip(parts, self.heads, strict=True)]
        return self.answers.decode([m.numpy() for m in matrices], inputs)

    def __reduce__(self) -> tuple[Any, ...]:
        weights = {name: value.detach().cpu() for name, value in self.module.state_dict().items()}
        fields = {k: v for k, v in self.__dict__.items() if k != "module"}
        return _restored, (fields, weights)


def _restored(fields: Mapping[str, Any], weights: Mapping[str, Tensor]) -> ImagePredictor:
    shape, dtype = fields["shape"], next(v.dtype for v in weights.values() if v.is_floating_point())
    with seeded(0, "cpu"):
        module = fields["build"](shape.channels, shape.outputs, shape.grid).to(dtype)
    module.load_state_dict(weights)
    return ImagePredictor(**fields, module=module.eval())
