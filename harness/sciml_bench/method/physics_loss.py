"""The residual of an equation as a term of the loss: derivatives of torch fields on a grid, and the loss of them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any, Self

import numpy as np
import torch
import xarray as xr

from ..errors import UsageError
from ..problem import HISTORY, SAMPLE, TIME, Equation, Problem, Variable
from ..problem.equation import split_name
from .grids import GridCodec

Tensor = torch.Tensor
RESOLVED = 0.05
"""Times at which the training targets themselves have a relative residual above this count less."""
MISSED = 0.5
"""An equation that the training targets miss by more than this at every time is not theirs."""
STENCIL = 5
"""Times that the central difference of fourth order spans."""


class TensorDerivatives:
    """Derivatives of torch fields (sample, time, x, y …) on a uniform grid, like `GridDerivatives`, for a loss.

    Space: spectral on periodic axes, points 0, h, …, L − h; else central differences of second order. Time: central
    differences of fourth order. At most second derivatives where differences are taken. What a stencil would read
    beyond an end is cut off everything: two times at each end, and two points at each end of an axis that is not
    periodic.

    `axes` maps each coordinate to its points, `t` first if there is one; without it fields have no time axis.
    """

    sin = staticmethod(torch.sin)
    cos = staticmethod(torch.cos)
    exp = staticmethod(torch.exp)

    def __init__(self, fields: Mapping[str, Tensor], axes: Mapping[str, np.ndarray], *, periodic: bool) -> None:
        self._fields, self._axes, self._periodic = dict(fields), dict(axes), periodic
        self._found: dict[str, Tensor] = {}

    def __getattr__(self, name: str) -> Tensor:
        if name.startswith("_"):
            raise AttributeError(name)
        return self._trim(self._axis(name) if name in self._axes else self._value(name))

    def _axis(self, name: str) -> Tensor:
        like = next(iter(self._fields.values()))
        shape = [1] * (len(self._axes) + 1)
        shape[1 + list(self._axes).index(name)] = -1
        return torch.as_tensor(self._axes[name], dtype=like.dtype, device=like.device).reshape(shape)

    def _value(self, name: str) -> Tensor:
        """Return a field or a derivative, each computed once; second derivatives along an open axis at once."""
        if name not in self._found:
            base, order = split_name(name)
            if not order:
                return self._fields[base]
            twice = order[-2:] == 2 * order[-1] and (order[-1] == "t" or not self._periodic)
            last = 2 if twice else 1
            lower = f"{base}_{order[:-last]}" if len(order) > last else base
            self._found[name] = self._derivative(self._value(lower), order[-last:])
        return self._found[name]

    def _derivative(self, value: Tensor, order: str) -> Tensor:
        """Return ∂ or ∂² along one axis, named once or twice."""
        name, twice = order[0], len(order) == 2
        points, along = self._axes[name], 1 + list(self._axes).index(name)
        h = float(points[1] - points[0])
        if name != "t" and self._periodic:
            return _spectral(value, along, len(points), h)
        # Sums of the neighbours at ±1 and ±2 for a second derivative, their differences for a first.
        near, far = (torch.roll(value, -s, along) + (1 if twice else -1) * torch.roll(value, s, along) for s in (1, 2))
        if name == "t":
            return (16 * near - far - 30 * value) / (12 * h**2) if twice else (8 * near - far) / (12 * h)
        return (near - 2 * value) / h**2 if twice else near / (2 * h)

    def _trim(self, value: Tensor) -> Tensor:
        for along, name in enumerate(self._axes, start=1):
            if value.shape[along] > 1 and (name == "t" or not self._periodic):
                value = value.narrow(along, 2, value.shape[along] - 4)
        return value


def _spectral(value: Tensor, along: int, n: int, h: float) -> Tensor:
    k = 2 * np.pi * np.fft.rfftfreq(n, h)
    if n % 2 == 0:
        k[-1] = 0  # the highest wavenumber has no sign, so its odd derivative is zero
    factor = torch.as_tensor(1j * k, device=value.device).to(torch.complex(value[:0], value[:0]).dtype)
    shape = [1] * value.ndim
    shape[along] = -1
    return torch.fft.irfft(torch.fft.rfft(value, dim=along) * factor.reshape(shape), n=n, dim=along)


class _Shuffled:
    """The same derivatives, each name read from other samples, so that no two belong to one solution."""

    sin, cos, exp = TensorDerivatives.sin, TensorDerivatives.cos, TensorDerivatives.exp

    def __init__(self, derivatives: TensorDerivatives, coordinates: tuple[str, ...]) -> None:
        self._derivatives, self._coordinates = derivatives, coordinates
        self._names: list[str] = []

    def __getattr__(self, name: str) -> Tensor:
        value = getattr(self._derivatives, name)
        if name in self._coordinates:
            return value
        if name not in self._names:
            self._names.append(name)
        return torch.roll(value, self._names.index(name), 0)


@dataclass(frozen=True, kw_only=True)
class PhysicsLoss:
    """λ · mean over equations, times and samples of w · ‖r(p)‖ / R: r the residual of a prediction p, norms over space.

    R, of each equation and time, is the root mean square that r has over the training targets where its terms do not
    belong together, each read from another sample: it makes the loss of order one whatever the units. f = ‖r(u)‖ / R
    is what the derivatives on this grid leave of the training targets' own residual, and w = 1 / (1 + (f/0.05)²), so
    that times which the output interval does not resolve count little. λ is `weight`. Where the output times continue
    those of the given states evenly, up to four of these stand before the predictions, so that zero is no solution.
    """

    equation: Equation
    axes: Mapping[str, np.ndarray]
    periodic: bool
    targets: Mapping[str, slice]
    inputs: Mapping[str, slice]
    before: Mapping[str, slice]
    weight: float
    sizes: Mapping[str, Tensor]
    shares: Mapping[str, Tensor]
    floor: float

    @property
    def share(self) -> float:
        """The mean of w: how much of the equation's loss is heeded, from 0 to 1."""
        return float(torch.stack([s.mean() for s in self.shares.values()]).mean())

    def require_met(self) -> None:
        """Raise `UsageError` if the training targets miss an equation at every time, so that its loss would not be heeded."""
        for name, share in self.shares.items():
            least = RESOLVED * float((1 / share.max() - 1).sqrt())
            if least > MISSED:
                raise UsageError(
                    f"the training data miss the equation '{name}' at every time, by {least:.2g} of the size of its terms or "
                    "more: it is not theirs, or their grid and times do not resolve it; with physics_weight=0 it is left out"
                )

    @classmethod
    def of(cls, problem: Problem, train: xr.Dataset, *, weight: float) -> Self:
        """Return the loss for the channels of a `GridCodec` of `problem`; raise `UsageError` for uneven times.

        `problem` is one for which `why_no_residual` is None, its auxiliary fields among the targets.
        """
        equation, codec = _equation(problem), GridCodec.of(problem, train)
        names = {"t": TIME}
        axes = {c: np.array(train[names.get(c, c)].values, np.float64) for c in equation.coordinates}
        earlier = _earlier(problem, train, equation)
        if len(earlier):
            axes["t"] = np.concatenate([earlier, axes["t"]])
        _check_times(axes)
        counts = [codec.block(train.isel(sample=slice(1)), v).shape for v in problem.inputs]
        ends = np.cumsum([0, *(shape[1] * shape[2] for shape in counts)])
        given = {v.name: slice(int(a), int(b)) for v, a, b in zip(problem.inputs, ends, ends[1:], strict=False)}
        loss = cls(
            equation=equation,
            axes=axes,
            periodic=codec.periodic,
            targets={v.name: s for v, s in zip(codec.targets, codec.target_slices(), strict=True)},
            before={
                v.name: slice(given[str(v.initial)].stop - len(earlier), given[str(v.initial)].stop)
                for v in problem.targets
                if len(earlier) and v.name in equation.unknowns
            },
            inputs={name: given[name] for name in equation.unknowns if name in given},
            weight=weight,
            sizes={},
            shares={},
            floor=0.0,
        )
        x, y = (torch.from_numpy(a).double() for a in (codec.encode_inputs(train), codec.encode_targets(train)))
        return loss._calibrated(x, y)

    def __call__(self, x: Tensor, y: Tensor) -> Tensor:
        """Return the loss of predictions y with inputs x, both (sample, channel, *grid)."""
        parts = []
        for name, r in self._residuals(self.derivatives(x, y)).items():
            size, share = (s[name].to(r.device, r.dtype) for s in (self.sizes, self.shares))
            parts.append((share * _norm(r) / size).mean())
        return self.weight * torch.stack(parts).mean()

    def derivatives(self, x: Tensor, y: Tensor) -> TensorDerivatives:
        """Return what the equation reads: fields of the predictions and, held fixed, of the inputs."""
        timed = "t" in self.axes
        fields = {}
        for name in self.equation.unknowns:
            block = y[:, self.targets[name]] if name in self.targets else x[:, self.inputs[name]]
            if name in self.before:
                block = torch.cat([x[:, self.before[name]].to(block.dtype), block], dim=1)
            fields[name] = block if timed else block[:, 0]
        return TensorDerivatives(fields, self.axes, periodic=self.periodic)

    def _residuals(self, d: Any) -> dict[str, Tensor]:
        return self.equation.residual(d, SimpleNamespace(**self.equation.parameters))

    def _calibrated(self, x: Tensor, y: Tensor) -> Self:
        """Return the loss with the sizes and shares that the training data give."""
        d = self.derivatives(x, y)
        own = {k: _mean_square(r) for k, r in self._residuals(d).items()}
        mixed = {k: _mean_square(r) for k, r in self._residuals(_Shuffled(d, tuple(self.axes))).items()}
        sizes = {k: torch.where(m > 0, m, torch.ones_like(m)) for k, m in mixed.items()}
        left = {k: own[k] / sizes[k] for k in sizes}
        floor = float(np.mean([float(v.median()) for v in left.values()]))
        return replace(
            self, sizes=sizes, shares={k: 1 / (1 + (v / RESOLVED) ** 2) for k, v in left.items()}, floor=floor
        )


def _norm(r: Tensor) -> Tensor:
    """Return the root mean square over space, (sample, time), smooth at zero."""
    squares = r.flatten(2) ** 2 if r.ndim > 2 else r[:, None] ** 2
    return (squares.mean(dim=2) + 1e-20).sqrt()


def _mean_square(r: Tensor) -> Tensor:
    return (_norm(r) ** 2).mean(dim=0).sqrt()


def _equation(problem: Problem) -> Equation:
    if problem.equation is None:
        raise UsageError(f"the problem '{problem.name}' gives no equation, so it has no residual")
    return problem.equation


def _earlier(problem: Problem, train: xr.Dataset, equation: Equation) -> np.ndarray:
    """Return the times of the given states that the output times continue evenly, the last few; none if they do not."""
    nothing = np.empty(0)
    evolving = [v for v in problem.targets if v.name in equation.unknowns]
    if "t" not in equation.coordinates or not all(v.initial for v in evolving):
        return nothing
    starts = [problem.input(str(v.initial)) for v in evolving]
    if any(sorted(d for d in s.dims if d != HISTORY) != sorted(v.space) for s, v in zip(starts, evolving, strict=True)):
        return nothing
    if all(HISTORY in s.dims for s in starts) and HISTORY in train.coords:
        times = np.asarray(train[HISTORY].values, np.float64)[1 - STENCIL :]
    elif any(HISTORY in s.dims for s in starts):
        return nothing
    else:
        times = np.zeros(1)
    gaps = np.diff(np.concatenate([times, np.asarray(train[TIME].values, np.float64)]))
    return times if np.allclose(gaps, gaps[0], rtol=1e-6, atol=0) else nothing


def _check_times(axes: Mapping[str, np.ndarray]) -> None:
    times = axes.get("t")
    if times is None:
        return
    if len(times) < STENCIL:
        raise UsageError(f"there are {len(times)} times, but the residual's time derivative needs {STENCIL}")
    gaps = np.diff(times)
    if not np.allclose(gaps, gaps[0], rtol=1e-6, atol=0):
        raise UsageError("the output times are not evenly spaced, so that the residual has no time derivative")


def with_auxiliary(problem: Problem, data: xr.Dataset) -> tuple[Problem, xr.Dataset]:
    """Return problem and data with the unknowns that only the equation knows (a stream function) as further targets."""
    equation = _equation(problem)
    names = [n for n in equation.unknowns if n not in {v.name for v in (*problem.inputs, *problem.targets)}]
    if not names or equation.auxiliary is None:
        return problem, data
    first = next(v for v in problem.targets if v.name in equation.unknowns)
    fields = {v.name: data[v.name].transpose(SAMPLE, *first.dims).values for v in problem.targets}
    found = [equation.auxiliary({k: f[i] for k, f in fields.items()}) for i in range(data.sizes[SAMPLE])]
    added = {n: ((SAMPLE, *first.dims), np.stack([f[n] for f in found])) for n in names}
    extra = tuple(
        Variable(name=n, dims=first.dims, description="auxiliary field", periodic=first.periodic) for n in names
    )
    return replace(problem, targets=(*problem.targets, *extra)), data.assign(added)
