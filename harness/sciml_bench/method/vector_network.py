"""Fitting a torch network to samples that are vectors of one length: tables, and small fields laid out flat."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
import xarray as xr

from ..problem import Problem
from .contract import Log, Predictor
from .tabular import Table
from .torch_loop import TensorExamples, optimize, seeded, stream
from .training import Training

Tensor = torch.Tensor
CHUNK = 1024
"""Samples predicted together."""


class Build(Protocol):
    """Makes a network from `features` standardised numbers to `outputs`: standardised numbers, and a logit for each class."""

    def __call__(self, features: int, outputs: int) -> torch.nn.Module:
        """Return the network, on the CPU, with weights from torch's random state."""


Penalty = Callable[[torch.nn.Module], Tensor]
"""What a network adds to the loss of the batch that it has just seen."""


def fit_on_vectors(
    build: Build,
    train: xr.Dataset,
    valid: xr.Dataset,
    *,
    problem: Problem,
    training: Training,
    seed: int,
    device: str,
    log: Log,
    penalty: Penalty | None = None,
) -> Predictor:
    """Train the network that `build` makes and return its predictor.

    Loss: the mean over targets of ⟨(p − y)²⟩, y standardised, or of a class of −log p(y), p the softmax of its logits.
    `penalty` is added in training and left out of the validation loss.
    """
    table = Table.of(problem, train)
    answers = table.answers(train)
    ends = np.cumsum([0, *(y.shape[1] for y in answers)])
    heads = [
        Head(slice(int(a), int(b)), scale is None) for a, b, scale in zip(ends, ends[1:], table.targets, strict=False)
    ]
    x, y = (torch.as_tensor(a, dtype=torch.float32) for a in (table.rows(train), np.hstack(answers)))
    with seeded(stream(seed, 0), "cpu"):  # the same weights whatever the device
        module = build(x.shape[1], y.shape[1])
    rows, truth = table.rows(valid), torch.as_tensor(np.hstack(table.answers(valid)), dtype=torch.float32)

    def loss(network: torch.nn.Module, batch: tuple[Tensor, ...]) -> Tensor:
        value = total(network(batch[0]), batch[1], heads)
        return value if penalty is None else value + penalty(module)

    def score(_: torch.nn.Module) -> float:
        return float(total(outputs(module, rows, device).float(), truth, heads))

    optimize(
        module,
        TensorExamples(x.to(device), y.to(device)),
        loss,
        score,
        training=training,
        seed=seed,
        device=device,
        log=log,
    )
    return VectorPredictor(table=table, heads=tuple(heads), module=module, device=device)


@dataclass(frozen=True)
class Head:
    """The outputs of a network that belong to one target, and whether they are logits of classes."""

    where: slice
    label: bool


def total(predicted: Tensor, truth: Tensor, heads: list[Head]) -> Tensor:
    """Return the mean over targets of the square error or, of a class, the cross entropy."""
    parts = []
    for head in heads:
        p, y = predicted[:, head.where], truth[:, head.where].to(predicted.dtype)
        if head.label:
            parts.append(-(y * torch.log_softmax(p, dim=1)).sum(dim=1).mean())
        else:
            parts.append(((p - y) ** 2).mean())
    return torch.stack(parts).mean()


def outputs(module: torch.nn.Module, rows: np.ndarray, device: str) -> Tensor:
    """Apply the module to chunks of rows, in its own precision; the result is double and on the CPU."""
    dtype = next(module.parameters()).dtype
    with torch.no_grad():
        pieces = [
            module(torch.as_tensor(rows[start : start + CHUNK], dtype=dtype, device=device)).double().cpu()
            for start in range(0, len(rows), CHUNK)
        ]
    return torch.cat(pieces)


@dataclass(frozen=True, kw_only=True)
class VectorPredictor:
    """Standardised rows → network → numbers in their own units, and probabilities."""

    table: Table
    heads: tuple[Head, ...]
    module: torch.nn.Module
    device: str

    def __call__(self, inputs: xr.Dataset) -> xr.Dataset:
        """Return the targets; `ContractError` on another grid than in training."""
        found = outputs(self.module, self.table.rows(inputs), self.device)
        parts = [found[:, h.where] for h in self.heads]
        answers = [torch.softmax(p, dim=1) if h.label else p for p, h in zip(parts, self.heads, strict=True)]
        return self.table.dress([a.numpy() for a in answers], inputs)
