"""Fitting a torch network to sequences: it reads the given frames one by one, then continues them by its own.

In training it is given the true frames throughout (teacher forcing).
"""

import copy
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
import xarray as xr
from torch import nn

from ..errors import UsageError
from ..problem import Problem
from .contract import Log, Predictor
from .sequences import SequenceCodec
from .torch_loop import optimize, seeded, stream
from .training import Training

Tensor = torch.Tensor
CHUNK = 64
"""Samples predicted together."""
VALIDATED = 32
"""Validation samples that score a state during the fit, at most: each costs a whole rollout."""


class Core(Protocol):
    """Makes the part of the network that remembers, for `width` features: a module (x, memory) → (y, memory).

    x and y are (sequence, step, width), and memory is None at the start of a sequence.
    """

    def __call__(self, width: int) -> nn.Module:
        """Return the module, on the CPU, with weights from torch's random state."""


@dataclass(frozen=True, kw_only=True)
class Shape:
    """Hyperparameters that the networks for sequences share: see the methods' docstrings."""

    width: int
    local: int
    dropout: float
    noise: float

    def check(self) -> None:
        """Raise `UsageError` for a value without meaning."""
        if self.width < 1:
            raise UsageError(f"width is {self.width}, but must be at least 1")
        if not 0 <= self.dropout < 1:
            raise UsageError(f"dropout is {self.dropout}, but must be at least 0 and below 1")
        if self.noise < 0:
            raise UsageError(f"noise is {self.noise}, but must not be negative")


class SequenceNetwork(nn.Module):
    """Δz(t) = ρ · (A x + head(y ⊕ e)), e = GELU(E x), y = core(e at all times up to t).

    x is the neighbourhood of a site at time t with what does not evolve there, ρ the typical size of a change.
    """

    ratio: Tensor

    def __init__(
        self, core: nn.Module, features: int, *, width: int, dropout: float, change: np.ndarray, local: int
    ) -> None:
        super().__init__()
        self.local = local
        self.embed = nn.Sequential(nn.Linear(features, width), nn.GELU())
        self.core = core
        self.head = nn.Sequential(
            nn.Dropout(dropout), nn.Linear(2 * width, width), nn.GELU(), nn.Linear(width, len(change))
        )
        self.linear = nn.Linear(features, len(change))
        self.register_buffer("ratio", torch.as_tensor(change, dtype=torch.float32))

    def forward(self, x: Tensor, memory: Any = None) -> tuple[Tensor, Any]:
        """Return the changes (sequence, step, channel), in their typical size, and the memory after the last step."""
        embedded = self.embed(x)
        y, memory = self.core(embedded, memory)
        return self.linear(x) + self.head(torch.cat([y, embedded], dim=-1)), memory

    def rollout(self, given: Tensor, constants: Tensor, steps: int) -> Tensor:
        """Return z at the next `steps` times (sample, step, channel, site)."""
        latest, memory, found = given[:, -1], None, []
        seen = given
        for _ in range(steps):
            change, memory = self(self._neighbourhoods(seen, constants), memory)
            change = change[:, -1].unflatten(0, (len(given), -1)).transpose(1, 2)
            latest = latest + self.ratio[:, None] * change
            seen = latest[:, None]
            found.append(latest)
        return torch.stack(found, dim=1)

    def _neighbourhoods(self, frames: Tensor, constants: Tensor) -> Tensor:
        """Frames (sample, step, channel, site) → features (sample · site, step, feature)."""
        fixed = constants[:, None].expand(-1, frames.shape[1], -1, -1)
        z = torch.cat([frames, fixed], dim=2)
        if self.local:
            ring = torch.cat([z[..., -self.local :], z, z[..., : self.local]], dim=-1)
            near = ring.unfold(-1, 2 * self.local + 1, 1)
        else:
            near = z[..., None]
        return near.permute(0, 3, 1, 2, 4).flatten(3).flatten(0, 1)


class Neighbourhoods:
    """Each site of each run (sample, step, channel, site): the sequence of its features, and of its changes."""

    def __init__(self, run: Tensor, constants: Tensor, ratio: Tensor, local: int) -> None:
        fixed = constants[:, None].expand(-1, run.shape[1], -1, -1)
        self._z, self._channels = torch.cat([run, fixed], dim=2), run.shape[2]
        self._ratio, self._local, self._sites = ratio, local, run.shape[3]

    def __len__(self) -> int:
        return len(self._z) * self._sites

    def take(self, index: Tensor) -> tuple[Tensor, ...]:
        """Return the features (sequence, step, feature) and the changes (sequence, step, channel)."""
        index = index.to(self._z.device)
        sample, site = index // self._sites, index % self._sites
        offsets = torch.arange(-self._local, self._local + 1, device=index.device)
        near = self._z[sample[:, None], :, :, (site[:, None] + offsets) % self._sites].permute(0, 2, 3, 1)
        middle = near[:, :, : self._channels, self._local]
        return near[:, :-1].flatten(2), torch.diff(middle, dim=1) / self._ratio


def fit_on_sequences(
    core: Core,
    train: xr.Dataset,
    valid: xr.Dataset,
    *,
    problem: Problem,
    shape: Shape,
    training: Training,
    seed: int,
    device: str,
    log: Log,
) -> Predictor:
    """Train a network around `core` and return its predictor.

    Loss: mean square of the error of all one-step changes, in their typical size; with `noise` the frames that are
    read, and hence the changes due, carry Gaussian noise of that standard deviation as a fraction of the frames' own.
    Validation: relative L2 norm of the whole forecast.
    """
    shape.check()
    codec = SequenceCodec.of(problem, train, shape.local)
    log.fact("local", codec.local)
    run, constants = codec.run(train), codec.constants(train)
    features = (run.shape[2] + constants.shape[1]) * (2 * codec.local + 1)
    with seeded(stream(seed, 0), "cpu"):  # the same weights whatever the device
        module = SequenceNetwork(
            core(shape.width),
            features,
            width=shape.width,
            dropout=shape.dropout,
            change=codec.change,
            local=codec.local,
        )
    ratio = module.ratio.clone().to(device)
    examples = Neighbourhoods(
        torch.from_numpy(run).to(device), torch.from_numpy(constants).to(device), ratio, codec.local
    )
    channels, middle = run.shape[2], codec.local

    def loss(network: nn.Module, batch: tuple[Tensor, ...]) -> Tensor:
        x, change = batch
        if shape.noise:
            near = x.unflatten(2, (-1, 2 * codec.local + 1))
            blur = shape.noise * torch.randn_like(near[:, :, :channels])
            x = torch.cat([near[:, :, :channels] + blur, near[:, :, channels:]], dim=2).flatten(2)
            change = change - blur[..., middle] / ratio
        return torch.nn.functional.mse_loss(network(x)[0], change)

    part = valid.isel(sample=slice(VALIDATED))
    given, fixed, truth = codec.given(part), codec.constants(part), codec.run(part)[:, -codec.plan.steps :]

    def score(_: nn.Module) -> float:
        return codec.relative_l2(_chunks(module, given, fixed, codec.plan.steps, device), truth)

    optimize(module, examples, loss, score, training=training, seed=seed, device=device, log=log)
    return SequencePredictor(codec=codec, module=module, device=device)


def _chunks(module: SequenceNetwork, given: np.ndarray, constants: np.ndarray, steps: int, device: str) -> np.ndarray:
    """Roll out chunks of samples, in the module's own precision; the result is float32."""
    found = []
    with torch.no_grad():
        for first in range(0, len(given), CHUNK):
            part = slice(first, first + CHUNK)
            z, fixed = (torch.from_numpy(a[part]).to(device, module.ratio.dtype) for a in (given, constants))
            found.append(module.rollout(z, fixed, steps).float().cpu().numpy())
    return np.concatenate(found)


@dataclass(frozen=True, kw_only=True)
class SequencePredictor:
    """Reads the given frames, then continues them by its own."""

    codec: SequenceCodec
    module: SequenceNetwork
    device: str

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "module": copy.deepcopy(self.module).to("cpu")}

    def __call__(self, inputs: xr.Dataset) -> xr.Dataset:
        """Return the targets of the samples in `inputs`; another grid needs a `local` above 0."""
        device = self.device if self.device == "cpu" or torch.cuda.is_available() else "cpu"
        self.module.to(device).eval()
        given, constants = self.codec.given(inputs), self.codec.constants(inputs)
        return self.codec.decode(_chunks(self.module, given, constants, self.codec.plan.steps, device), inputs)
