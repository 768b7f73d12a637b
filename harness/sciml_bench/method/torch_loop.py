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
from .lion import Lion
from .training import MOMENTUM, Run, Training

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

    Sources: AdamW, Loshchilov & Hutter 2017, arXiv:1711.05101; Lion, Chen et al. 2023, arXiv:2302.06675; one
    cycle, Smith & Topin 2017, arXiv:1708.07120; cosine, Loshchilov & Hutter 2016, arXiv:1608.03983.
    """
    run = Run(training=training, seed=seed, device=device, log=log)
    if device == "cpu" and training.precision == "16-mixed":
        raise UsageError("precision is '16-mixed', but that needs a GPU; use 'bf16-mixed' on a CPU")
    with seeded(stream(seed, 1), device):
        return _Fit(module, run).train(examples, loss, validate)


class _Fit:
    """The state of one fit: the module, what changes it, and the best that was seen of it."""

    def __init__(self, module: torch.nn.Module, run: Run) -> None:
        self.module, self.training, self.log, self.seed = module, run.training, run.log, run.seed
        self.fabric = Fabric(accelerator=run.device, devices=1, precision=self.training.precision)
        if self.training.precision == "64-true":
            _widen(module)
        self.optimizer = _optimizer(module, self.training)
        self.wrapped, self.stepper = self.fabric.setup(module, self.optimizer)
        self.scheduler = _scheduler(self.optimizer, self.training)
        self.total, self.since = torch.zeros((), device=self.fabric.device), 0
        self.best: dict[str, torch.Tensor] | None = None
        self.best_score, self.best_update, self.worse = math.inf, 0, 0

    def train(self, examples: Examples, loss: Loss, validate: Callable[[torch.nn.Module], float]) -> torch.nn.Module:
        """Make the updates, with their validations, and return the module at the best of these."""
        self.log.fact("parameters", sum(p.numel() * (2 if p.is_complex() else 1) for p in self.module.parameters()))
        updates, validations = self.training.updates, self.training.validations
        stride = math.ceil(updates / POINTS)
        checks = {math.ceil(updates * (k + 1) / validations) for k in range(validations)}
        batches = _batches(len(examples), self.training.batch_size, stream(self.seed, 2))
        update = 0
        self.wrapped.train()
        for update in range(1, updates + 1):
            norm, rate = self._step(loss, examples.take(next(batches)))
            if update % stride == 0 or update in checks:
                self._report(update, norm, rate, tick=update % math.ceil(updates / TICKS) < stride)
            if update in checks and self._stop(update, _validated(self.module, validate)):
                break
        return self._finish(update)

    def _step(self, loss: Loss, batch: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor | None, float]:
        """Make one update; return the gradient's norm before clipping and the learning rate."""
        self.stepper.zero_grad()
        value = loss(self.wrapped, tuple(t.to(self.fabric.device) for t in batch))
        self.fabric.backward(value)
        norm = self.fabric.clip_gradients(
            self.wrapped, self.stepper, max_norm=self.training.clip_norm or math.inf, error_if_nonfinite=False
        )
        self.stepper.step()
        rate = self.optimizer.param_groups[0]["lr"]
        self.scheduler.step()
        self.total, self.since = self.total + value.detach(), self.since + 1
        return norm, rate

    def _report(self, update: int, norm: torch.Tensor | None, rate: float, *, tick: bool) -> None:
        """Log the mean loss since the last report, or raise if it is not finite."""
        mean, updates = float(self.total) / self.since, self.training.updates
        if not math.isfinite(mean):
            raise DivergedError(
                f"the training loss became {mean} by update {update} of {updates}; a smaller learning_rate "
                f"(now {self.training.learning_rate:g}) or clip_norm (now {self.training.clip_norm:g}) may help"
            )
        self.log.curve("loss", update, mean)
        self.log.curve("gradient_norm", update, 0.0 if norm is None else float(norm))
        self.log.curve("learning_rate", update, rate)
        self.total, self.since = torch.zeros_like(self.total), 0
        if tick:
            self.log.progress(update / updates, f"update {update} of {updates}, loss {mean:.3g}")

    def _stop(self, update: int, score: float) -> bool:
        """Note a validation; return whether patience has run out."""
        self.log.curve("valid_loss", update, score)
        if score < self.best_score:
            self.best, self.best_score, self.best_update, self.worse = _state(self.module), score, update, 0
        else:
            self.worse += 1
        return bool(self.training.patience and self.worse >= self.training.patience)

    def _finish(self, update: int) -> torch.nn.Module:
        if self.best is None:
            raise DivergedError(
                f"no validation of the fit was finite, so there is no state to keep; a smaller learning_rate "
                f"(now {self.training.learning_rate:g}) may help"
            )
        _restore(self.module, self.best)
        self.log.fact("best_update", self.best_update)
        self.log.fact("updates", update)
        self.log.progress(1.0, f"best validation {self.best_score:.3g} at update {self.best_update}")
        return self.module.eval()


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
    weights, rate, decay = module.parameters(), training.learning_rate, training.weight_decay
    if training.optimizer == "sgd":
        momentum = MOMENTUM if training.momentum is None else training.momentum
        return torch.optim.SGD(weights, lr=rate, weight_decay=decay, momentum=momentum)
    if training.optimizer == "lion":
        return Lion(weights, lr=rate, weight_decay=decay)
    return torch.optim.AdamW(weights, lr=rate, weight_decay=decay)


def _scheduler(optimizer: torch.optim.Optimizer, training: Training) -> torch.optim.lr_scheduler.LRScheduler:
    if training.schedule == "constant":
        return torch.optim.lr_scheduler.ConstantLR(optimizer, factor=1.0)
    # One cycle's warm-up must be longer than a step, so very short fits take the cosine.
    if training.schedule == "onecycle" and training.updates >= 10:
        return torch.optim.lr_scheduler.OneCycleLR(
            optimizer,
            training.learning_rate,
            total_steps=training.updates + 1,
            cycle_momentum=training.optimizer == "adamw",  # β₁ falls while the rate rises; the others' stays as given
        )
    return torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, training.updates)
