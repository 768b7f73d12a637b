"""The shared training loop of torch methods, on Lightning Fabric (device, precision).

Deterministic: the same seed gives the same bytes on the same machine with the same number of threads. It
never reads the clock and never touches a global random state that it does not put back.
"""

import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

import numpy as np
import torch
from lightning_fabric import Fabric

from ..errors import DivergedError, UsageError
from .contract import Log
from .training import Training

POINTS = 200
"""Points of a logged curve, at most."""
TICKS = 80
"""Reports of progress over a fit."""

Loss = Callable[[torch.nn.Module, tuple[torch.Tensor, ...]], torch.Tensor]


class Examples(Protocol):
    """Training examples, taken by index."""

    def __len__(self) -> int: ...

    def take(self, index: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return the examples with these numbers (1-D, on the CPU), stacked along the first axis of each
        tensor.
        """


class TensorExamples:
    """Examples held as whole tensors, the first axis counting them."""

    def __init__(self, *tensors: torch.Tensor) -> None:
        self._tensors = tensors

    def __len__(self) -> int:
        return len(self._tensors[0])

    def take(self, index: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return the examples with these numbers."""
        return tuple(t[index.to(t.device)] for t in self._tensors)


@contextmanager
def seeded(seed: int, device: str) -> Iterator[None]:
    """Run a block with torch seeded and deterministic where torch can be, and put both back afterwards.

    An operation that has no deterministic form on a GPU runs all the same, and torch warns of it.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # what cuBLAS needs to repeat its sums in order
    before = (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )
    devices = [torch.cuda.current_device()] if device == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        torch.use_deterministic_algorithms(True, warn_only=True)
        try:
            yield
        finally:
            torch.use_deterministic_algorithms(before[0], warn_only=before[1])


def stream(seed: int, purpose: int) -> int:
    """Return a seed for one purpose, so that the streams of a fit do not overlap."""
    return int(np.random.SeedSequence([seed, purpose]).generate_state(1)[0])


def optimize(
    module: torch.nn.Module,
    examples: Examples,
    loss: Loss,
    validate: Callable[[torch.nn.Module], float],
    *,
    training: Training,
    seed: int,
    device: str,
    log: Log,
) -> torch.nn.Module:
    """θ ← θ − η ∇θ L(θ), for `training.updates` updates; return `module` in evaluation mode at its best
    validation.

    `loss(module, batch)` is a mean over the batch. `validate(module)` is called in evaluation mode without
    gradients; lower is better. Examples are drawn in epochs without replacement, each in a new order. Logs
    the curves `loss` (mean since the last point), `gradient_norm` (before clipping), `learning_rate` and
    `valid_loss`, and the facts `parameters`, `best_update` and `updates`.

    Raises `DivergedError` when the training loss, or every validation, is not finite, and `UsageError` for
    half precision ("16-mixed") on a CPU, which has no fast form of it.

    Sources: AdamW, Loshchilov & Hutter 2017, arXiv:1711.05101; one cycle, Smith & Topin 2017,
    arXiv:1708.07120.
    """
    if device == "cpu" and training.precision == "16-mixed":
        raise UsageError("precision is '16-mixed', but that needs a GPU; use 'bf16-mixed' on a CPU")
    with seeded(stream(seed, 1), device):
        return _optimize(module, examples, loss, validate, training=training, seed=seed, device=device, log=log)


def _optimize(
    module: torch.nn.Module,
    examples: Examples,
    loss: Loss,
    validate: Callable[[torch.nn.Module], float],
    *,
    training: Training,
    seed: int,
    device: str,
    log: Log,
) -> torch.nn.Module:
    fabric = Fabric(accelerator=device, devices=1, precision=training.precision)
    if training.precision == "64-true":
        _widen(module)
    optimizer = _optimizer(module, training)
    wrapped, fabric_optimizer = fabric.setup(module, optimizer)
    scheduler = _scheduler(optimizer, training)
    log.fact("parameters", sum(p.numel() * (2 if p.is_complex() else 1) for p in module.parameters()))

    updates = training.updates
    stride, tick = math.ceil(updates / POINTS), math.ceil(updates / TICKS)
    checks = {math.ceil(updates * (k + 1) / training.validations) for k in range(training.validations)}
    batches = _batches(len(examples), training.batch_size, stream(seed, 2))
    best, best_score, best_update, worse = None, math.inf, 0, 0
    total, since = torch.zeros((), device=fabric.device), 0
    update = 0
    wrapped.train()
    for update in range(1, updates + 1):
        batch = tuple(t.to(fabric.device) for t in examples.take(next(batches)))
        fabric_optimizer.zero_grad()
        value = loss(wrapped, batch)
        fabric.backward(value)
        norm = fabric.clip_gradients(
            wrapped, fabric_optimizer, max_norm=training.clip_norm or math.inf, error_if_nonfinite=False
        )
        fabric_optimizer.step()
        rate = optimizer.param_groups[0]["lr"]
        scheduler.step()
        total, since = total + value.detach(), since + 1
        if update % stride == 0 or update in checks:
            mean = float(total) / since
            if not math.isfinite(mean):
                raise DivergedError(
                    f"the training loss became {mean} by update {update} of {updates}; a smaller "
                    "learning_rate "
                    f"(now {training.learning_rate:g}) or clip_norm (now {training.clip_norm:g}) may help"
                )
            log.curve("loss", update, mean)
            log.curve("gradient_norm", update, 0.0 if norm is None else float(norm))
            log.curve("learning_rate", update, rate)
            total, since = torch.zeros_like(total), 0
            if update % tick < stride:
                log.progress(update / updates, f"update {update} of {updates}, loss {mean:.3g}")
        if update in checks:
            score = _validated(module, validate)
            log.curve("valid_loss", update, score)
            if score < best_score:
                best, best_score, best_update, worse = _state(module), score, update, 0
            else:
                worse += 1
            if training.patience and worse >= training.patience:
                break
    if best is None:
        raise DivergedError(
            f"no validation of the fit was finite, so there is no state to keep; a smaller learning_rate "
            f"(now {training.learning_rate:g}) may help"
        )
    _restore(module, best)
    log.fact("best_update", best_update)
    log.fact("updates", update)
    log.progress(1.0, f"best validation {best_score:.3g} at update {best_update}")
    return module.eval()


def _validated(module: torch.nn.Module, validate: Callable[[torch.nn.Module], float]) -> float:
    module.eval()
    with torch.no_grad():
        score = float(validate(module))
    module.train()
    return score


def _state(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Copy the weights; not `state_dict`, to which a library may add what is not one."""
    return {k: v.detach().clone() for k, v in (*module.named_parameters(), *module.named_buffers())}


def _restore(module: torch.nn.Module, state: dict[str, torch.Tensor]) -> None:
    with torch.no_grad():
        for name, value in (*module.named_parameters(), *module.named_buffers()):
            value.copy_(state[name])


def _widen(module: torch.nn.Module) -> None:
    """Make complex weights double too: Fabric's double precision only turns real ones."""
    for p in module.parameters():
        if p.is_complex():
            p.data = p.data.to(torch.complex128)


def _batches(n: int, size: int, seed: int) -> Iterator[torch.Tensor]:
    """Yield batches of indices for ever: each epoch a new order, its last batch dropped if it is short."""
    generator = torch.Generator().manual_seed(seed)
    size = min(size, n)
    while True:
        order = torch.randperm(n, generator=generator)
        for start in range(0, n - size + 1, size):
            yield order[start : start + size]


def _optimizer(module: torch.nn.Module, training: Training) -> torch.optim.Optimizer:
    if training.optimizer == "sgd":
        return torch.optim.SGD(
            module.parameters(), lr=training.learning_rate, weight_decay=training.weight_decay, momentum=0.9
        )
    return torch.optim.AdamW(module.parameters(), lr=training.learning_rate, weight_decay=training.weight_decay)


def _scheduler(optimizer: torch.optim.Optimizer, training: Training) -> torch.optim.lr_scheduler.LRScheduler:
    if training.schedule == "onecycle":
        # Its warm-up must be longer than a step, so very short fits take the cosine.
        if training.updates >= 10:
            return torch.optim.lr_scheduler.OneCycleLR(
                optimizer, training.learning_rate, total_steps=training.updates + 1
            )
        return torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, training.updates)
    if training.schedule == "cosine":
        return torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, training.updates)
    return torch.optim.lr_scheduler.ConstantLR(optimizer, factor=1.0)
