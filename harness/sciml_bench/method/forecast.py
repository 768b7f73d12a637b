"""Fitting a torch network to a problem on a grid: in one shot, or step by step in time.

`direct`: all inputs as channels → all targets as channels. `autoregressive`: the last H frames → the next
one, repeated.
"""

import copy
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
import xarray as xr

from ..errors import UsageError
from ..problem import Problem, Variable
from .contract import Predictor
from .forecasting import Forecast, Plan, plan
from .grids import GridCodec
from .scaling import Standardizer
from .torch_loop import TensorExamples, optimize, seeded, stream
from .training import Run

Tensor = torch.Tensor
CHUNK = 64
"""Samples predicted together."""
VALIDATED = {"direct": 256, "autoregressive": 32}
"""Validation samples that score a state during the fit, at most: a rollout costs as many passes as it has
steps.
"""
FLOOR = 1e-3
"""Norms are divided by at least this fraction of their mean over training: a sample that hardly moves has no
say.
"""


class Build(Protocol):
    """Makes a network from `channels_in` to `channels_out` channels, for a grid of this shape."""

    def __call__(self, channels_in: int, channels_out: int, grid: tuple[int, ...], periodic: bool) -> torch.nn.Module:
        """Return the network, on the CPU, with weights from torch's random state."""


class Penalty(Protocol):
    """A term of the loss beside the data's, such as the residual of an equation."""

    def __call__(self, x: Tensor, y: Tensor) -> Tensor:
        """Return its mean over a batch with inputs x and predictions y, both (sample, channel, *grid), in the data's
        units.
        """


def fit_on_grid(
    build: Build,
    train: xr.Dataset,
    valid: xr.Dataset,
    *,
    problem: Problem,
    run: Run,
    forecast: Forecast = "auto",
    noise: float = 0.0,
    penalty: Penalty | None = None,
) -> Predictor:
    """Train the network that `build` makes and return its predictor.

    `forecast` "auto" is autoregressive where the given history has several frames and the output times
    continue them, else direct. `noise` is the standard deviation of Gaussian noise added to the frames in
    training, as a fraction of theirs: it teaches a rollout to live with its own errors. Statistics come from
    `train` alone.

    Loss: relative L2 norm over all points, averaged over targets and samples; of the change from the last
    frame if autoregressive. A `penalty` is added to that of a direct forecast. Validation: relative L2 of the whole prediction.
    """
    if noise < 0:
        raise UsageError(f"noise is {noise}, but must not be negative")
    codec = GridCodec.of(problem, train)
    steps = plan(problem, train, forecast)
    run.log.fact("forecast", "direct" if steps is None else "autoregressive")
    if steps is not None:
        return _fit_steps(build, codec, steps, train, valid, run, noise)
    if noise:
        raise UsageError(
            f"noise is {noise}, but the forecast is direct, which has no steps to make robust; set it to 0"
        )
    return _fit_direct(build, codec, train, valid, run, penalty)


def relative_l2(prediction: Tensor, truth: Tensor, slices: list[slice], floors: list[float]) -> Tensor:
    """Mean over samples and slices of ‖p − u‖₂ / ‖u‖₂, channels (axis 1) sliced by target."""
    parts = []
    for s, floor in zip(slices, floors, strict=True):
        p, u = prediction[:, s].flatten(1), truth[:, s].flatten(1)
        size = torch.linalg.vector_norm(u, dim=1).clamp_min(floor)
        parts.append((torch.linalg.vector_norm(p - u, dim=1) / size).mean())
    return torch.stack(parts).mean()


def _floors(truth: Tensor, slices: list[slice]) -> list[float]:
    norms = [float(torch.linalg.vector_norm(truth[:, s].flatten(1), dim=1).mean()) for s in slices]
    return [FLOOR * n if n > 0 else 1.0 for n in norms]


def _vector(values: np.ndarray, axes: int) -> Tensor:
    return torch.as_tensor(values, dtype=torch.float32).reshape(1, -1, *(1,) * axes)


class Direct(torch.nn.Module):
    """y = μ_y + σ_y · net((x − μ_x) / σ_x), channels on axis 1."""

    input_mean: Tensor
    input_std: Tensor
    target_mean: Tensor
    target_std: Tensor

    def __init__(self, net: torch.nn.Module, inputs: Standardizer, targets: Standardizer, axes: int) -> None:
        super().__init__()
        self.net = net
        self.register_buffer("input_mean", _vector(inputs.mean, axes))
        self.register_buffer("input_std", _vector(inputs.std, axes))
        self.register_buffer("target_mean", _vector(targets.mean, axes))
        self.register_buffer("target_std", _vector(targets.std, axes))

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channel, *grid) → (batch, channel, *grid), both in the data's units."""
        y = self.net((x - self.input_mean) / self.input_std)
        return self.target_mean + self.target_std * y


class Stepper(torch.nn.Module):
    """w(t + Δt) = w(t) + σ · net(frames, static): the network predicts the change in units of its typical
    size.
    """

    state_mean: Tensor
    state_std: Tensor
    static_mean: Tensor
    static_std: Tensor
    scale: Tensor

    def __init__(
        self, net: torch.nn.Module, state: Standardizer, static: Standardizer, change: np.ndarray, axes: int
    ) -> None:
        super().__init__()
        self.net = net
        self.register_buffer("state_mean", _vector(state.mean, axes)[:, None])
        self.register_buffer("state_std", _vector(state.std, axes)[:, None])
        self.register_buffer("static_mean", _vector(static.mean, axes))
        self.register_buffer("static_std", _vector(static.std, axes))
        self.register_buffer("scale", _vector(change, axes))

    def forward(self, frames: Tensor, static: Tensor) -> Tensor:
        """Frames (batch, history, channel, *grid) and static channels → change (batch, channel, *grid),
        scaled.
        """
        window = ((frames - self.state_mean) / self.state_std).flatten(1, 2)
        return self.net(torch.cat([window, (static - self.static_mean) / self.static_std], dim=1))

    def rollout(self, frames: Tensor, static: Tensor, steps: int) -> Tensor:
        """Return the next `steps` frames (batch, step, channel, *grid)."""
        result = []
        for _ in range(steps):
            following = frames[:, -1] + self.scale * self(frames, static)
            frames = torch.cat([frames[:, 1:], following[:, None]], dim=1)
            result.append(following)
        return torch.stack(result, dim=1)


def _fit_direct(
    build: Build,
    codec: GridCodec,
    train: xr.Dataset,
    valid: xr.Dataset,
    run: Run,
    penalty: Penalty | None,
) -> Predictor:
    x, y = codec.encode_inputs(train), codec.encode_targets(train)
    grid = codec.grid(train)
    with seeded(stream(run.seed, 0), "cpu"):  # the same weights whatever the device
        net = build(x.shape[1], y.shape[1], grid, codec.periodic)
    module = Direct(net, Standardizer.fit(x, codec.input_groups(train)), Standardizer.fit(y), len(grid))
    slices = codec.target_slices()
    examples = TensorExamples(*(torch.from_numpy(a).to(run.device) for a in (x, y)))
    floors = _floors(torch.from_numpy(y), slices)
    part = valid.isel(sample=slice(VALIDATED["direct"]))
    valid_x, valid_y = codec.encode_inputs(part), torch.from_numpy(codec.encode_targets(part))

    def loss(network: torch.nn.Module, batch: tuple[Tensor, ...]) -> Tensor:
        predicted = network(batch[0])
        error = relative_l2(predicted, batch[1], slices, floors)
        return error if penalty is None else error + penalty(batch[0], predicted)

    def score(_: torch.nn.Module) -> float:
        return float(relative_l2(_chunks(module, (valid_x,), run.device), valid_y, slices, floors))

    optimize(module, examples, loss, score, **vars(run))
    return DirectPredictor(codec=codec, module=module, device=run.device)


class _Windows:
    """Every run of `history` frames of each trajectory (sample, time, channel, *grid), and the frame that
    follows.
    """

    def __init__(self, states: Tensor, static: Tensor, history: int) -> None:
        self._states, self._static, self._history = states, static, history
        self._count = states.shape[1] - history

    def __len__(self) -> int:
        return len(self._states) * self._count

    def take(self, index: Tensor) -> tuple[Tensor, ...]:
        """Return frames, static channels and the following frame."""
        index = index.to(self._states.device)
        sample, first = index // self._count, index % self._count
        offsets = torch.arange(self._history, device=index.device)
        frames = self._states[sample[:, None], first[:, None] + offsets]
        return frames, self._static[sample], self._states[sample, first + self._history]


def _fit_steps(
    build: Build,
    codec: GridCodec,
    steps: Plan,
    train: xr.Dataset,
    valid: xr.Dataset,
    run: Run,
    noise: float,
) -> Predictor:
    grid = codec.grid(train)
    history, static = _given(codec, steps, train)
    states = np.concatenate([history, _frames(codec, train, codec.targets)], axis=1)
    count, channels = history.shape[1], history.shape[2]
    change = np.diff(states, axis=1).astype(np.float64)
    size = np.sqrt((change**2).mean(axis=(0, 1, *range(3, change.ndim))))
    size[size == 0] = 1.0  # a channel that never changes is predicted not to
    state = Standardizer.fit(states[:, :-1].reshape(-1, *states.shape[2:]))
    with seeded(stream(run.seed, 0), "cpu"):  # the same weights whatever the device
        net = build(count * channels + static.shape[1], channels, grid, codec.periodic)
    module = Stepper(net, state, Standardizer.fit(static), size, len(grid))

    slices = _channel_slices(codec, train)
    scale = _vector(size, len(grid)).to(run.device)
    blur = noise * torch.as_tensor(state.std, dtype=torch.float32, device=run.device).reshape(
        1, 1, -1, *(1,) * len(grid)
    )
    scaled = torch.from_numpy((change / size.reshape(-1, *(1,) * len(grid))).astype(np.float32)).flatten(0, 1)
    floors = _floors(scaled, slices)
    examples = _Windows(torch.from_numpy(states).to(run.device), torch.from_numpy(static).to(run.device), count)

    def loss(network: torch.nn.Module, batch: tuple[Tensor, ...]) -> Tensor:
        frames, extra, following = batch
        if noise:
            frames = frames + blur * torch.randn_like(frames)
        return relative_l2(network(frames, extra), (following - frames[:, -1]) / scale, slices, floors)

    part = valid.isel(sample=slice(VALIDATED["autoregressive"]))
    valid_given = _given(codec, steps, part)
    valid_truth = torch.from_numpy(_frames(codec, part, codec.targets)).transpose(1, 2)
    valid_floors = _floors(torch.from_numpy(states[:, count:]).transpose(1, 2), slices)

    def score(_: torch.nn.Module) -> float:
        predicted = _chunks(module, valid_given, run.device, steps.steps).transpose(1, 2)
        return float(relative_l2(predicted, valid_truth, slices, valid_floors))

    optimize(module, examples, loss, score, **vars(run))
    return StepPredictor(codec=codec, steps=steps, module=module, device=run.device)


def _frames(codec: GridCodec, data: xr.Dataset, variables: tuple[Variable, ...]) -> np.ndarray:
    """Return evolving variables as (sample, step, channel, *grid)."""
    return np.concatenate([codec.block(data, v) for v in variables], axis=2)


def _given(codec: GridCodec, steps: Plan, data: xr.Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Return the given frames (sample, history, channel, *grid) and the static channels (sample, channel,
    *grid).
    """
    history = _frames(codec, data, steps.initial)
    static = [codec.block(data, v) for v in steps.static]
    empty = np.empty((len(history), 0, *codec.grid(data)), np.float32)
    return history, np.concatenate([empty, *(b.reshape(len(b), -1, *b.shape[3:]) for b in static)], axis=1)


def _channel_slices(codec: GridCodec, data: xr.Dataset) -> list[slice]:
    ends = np.cumsum([codec.block(data.isel(sample=slice(1)), v).shape[2] for v in codec.targets])
    return [slice(int(a), int(b)) for a, b in zip([0, *ends[:-1]], ends, strict=True)]


def _chunks(module: Direct | Stepper, arrays: tuple[np.ndarray, ...], device: str, steps: int = 0) -> Tensor:
    """Apply the module to chunks of samples, in its own precision; the result is float32 on the CPU."""
    dtype = next(module.buffers()).dtype
    pieces = []
    with torch.no_grad():
        for start in range(0, len(arrays[0]), CHUNK):
            parts = [torch.from_numpy(a[start : start + CHUNK]).to(device, dtype) for a in arrays]
            result = module(*parts) if isinstance(module, Direct) else module.rollout(parts[0], parts[1], steps)
            pieces.append(result.float().cpu())
    return torch.cat(pieces)


def _portable(state: dict[str, Any]) -> dict[str, Any]:
    """Return a predictor's fields with the module on the CPU, so that its pickle opens on any machine."""
    return {**state, "module": copy.deepcopy(state["module"]).to("cpu")}


def _placed(module: torch.nn.Module, device: str) -> str:
    """Move the module to its device, or leave it on the CPU of a machine without one; return where it is."""
    where = device if device == "cpu" or torch.cuda.is_available() else "cpu"
    module.to(where).eval()
    return where


@dataclass(frozen=True, kw_only=True)
class DirectPredictor:
    """Predicts all targets in one pass, on the grid of the inputs."""

    codec: GridCodec
    module: Direct
    device: str

    def __getstate__(self) -> dict[str, Any]:
        return _portable(dict(self.__dict__))

    def __call__(self, inputs: xr.Dataset) -> xr.Dataset:
        """Return the targets of the samples in `inputs`."""
        device = _placed(self.module, self.device)
        channels = _chunks(self.module, (self.codec.encode_inputs(inputs),), device)
        return self.codec.decode(channels.numpy(), inputs)


@dataclass(frozen=True, kw_only=True)
class StepPredictor:
    """Predicts frame after frame, each from those before it, on the grid of the inputs."""

    codec: GridCodec
    steps: Plan
    module: Stepper
    device: str

    def __getstate__(self) -> dict[str, Any]:
        return _portable(dict(self.__dict__))

    def __call__(self, inputs: xr.Dataset) -> xr.Dataset:
        """Return the targets of the samples in `inputs`."""
        device = _placed(self.module, self.device)
        frames = _chunks(self.module, _given(self.codec, self.steps, inputs), device, self.steps.steps).numpy()
        return self.codec.decode_frames(frames, inputs)
