"""An equation, written once as plain arithmetic on named derivatives.

The same `residual` serves the check of the truth (derivatives of a refined solution), a physics-informed loss
and a PINN (automatic derivatives) and the formula on the data card. It reads `d.u_xx` for ∂²u/∂x², `d.x` for
the coordinate itself, `p.nu` for a parameter, `d.sin(…)` for a function of coordinates, and never knows who
computes them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, Protocol

import numpy as np

from ..errors import ContractError

Array = Any


class Derivatives(Protocol):
    """Gives `u`, `u_x`, `u_xx`, `u_t` … and the coordinates `t`, `x`, `y` as attributes.

    `sin`, `cos` and `exp` act on its arrays, whatever their library, for forcings that depend on the
    coordinates.
    """

    def __getattr__(self, name: str) -> Array: ...

    def sin(self, value: Array) -> Array:
        """Return the sine of every entry."""

    def cos(self, value: Array) -> Array:
        """Return the cosine of every entry."""

    def exp(self, value: Array) -> Array:
        """Return the exponential of every entry."""


@dataclass(frozen=True, kw_only=True)
class Equation:
    """A partial differential equation on a box.

    `residual(d, p)` returns one array for each scalar equation, zero for a solution. `unknowns` are the
    fields it needs, and `coordinates` what they depend on. `parameters` are the numbers `p` holds.
    `auxiliary(fields)` computes unknowns that the data do not store (a stream function) from those that they
    do, as arrays (time, x, y …) on a periodic grid.
    """

    formula: str
    residual: Callable[[Derivatives, Any], dict[str, Array]]
    unknowns: tuple[str, ...]
    coordinates: tuple[str, ...]
    parameters: Mapping[str, float] = field(default_factory=dict)
    boundary: str = "periodic"
    initial: str = ""
    extent: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    auxiliary: Callable[[Mapping[str, np.ndarray]], dict[str, np.ndarray]] | None = None

    @property
    def p(self) -> SimpleNamespace:
        """The parameters as attributes."""
        return SimpleNamespace(**self.parameters)

    def reads(self) -> frozenset[str]:
        """Return what the residual reads: coordinates, fields and their derivatives, such as `u`, `u_t`, `u_xx`."""
        recorder = _Recorder()
        self.residual(recorder, self.p)
        return frozenset(recorder.seen)


class _Recorder:
    """Gives one for every name and keeps the names."""

    sin = staticmethod(np.sin)
    cos = staticmethod(np.cos)
    exp = staticmethod(np.exp)

    def __init__(self) -> None:
        self.seen: set[str] = set()

    def __getattr__(self, name: str) -> np.ndarray:
        if name.startswith("__"):
            raise AttributeError(name)
        self.seen.add(name)
        return np.ones(1)


def split_name(name: str) -> tuple[str, str]:
    """Split `u_xx` into the field `u` and the derivative's variables `xx`."""
    base, _, order = name.partition("_")
    return base, order


class GridDerivatives:
    """Derivatives of fields on a uniform grid, first axis time, for checking the truth.

    Space: spectral on a periodic axis (`periodic=True`, points 0, h, …, L−h), else central differences of
    second order. Time: central differences of fourth order, so the two first and two last times are cut off
    everything that is returned.

    `fields` maps names to arrays (time, x, y …), all of one shape; `axes` maps each coordinate, `t` first if
    there is one, to its points. Errors fall with the fourth power of the time step and, on a periodic grid,
    exponentially in space.
    """

    sin = staticmethod(np.sin)
    cos = staticmethod(np.cos)
    exp = staticmethod(np.exp)

    def __init__(self, fields: Mapping[str, np.ndarray], axes: Mapping[str, np.ndarray], *, periodic: bool) -> None:
        self._fields = dict(fields)
        self._axes = dict(axes)
        self._periodic = periodic

    def __getattr__(self, name: str) -> np.ndarray:
        if name.startswith("__"):
            raise AttributeError(name)
        axes = list(self._axes)
        if name in self._axes:
            shape = [1] * len(axes)
            shape[axes.index(name)] = -1
            return self._trim(np.asarray(self._axes[name]).reshape(shape))
        base, order = split_name(name)
        if order.count("t") > 1:
            raise ContractError(
                f"'{name}' takes more times at both ends than are cut off: only first derivatives in time exist here"
            )
        value = np.asarray(self._fields[base], dtype=np.float64)
        for axis in order:
            value = self._derivative(value, axes.index(axis), axis)
        return self._trim(value)

    def _derivative(self, value: np.ndarray, axis: int, name: str) -> np.ndarray:
        points = self._axes[name]
        h = float(points[1] - points[0])
        if name != "t" and self._periodic:
            n = len(points)
            k = 2j * np.pi * np.fft.fftfreq(n, h)
            if n % 2 == 0:
                k[n // 2] = 0  # the highest wavenumber has no sign, so its odd derivative is zero
            shape = [1] * value.ndim
            shape[axis] = -1
            return np.fft.ifft(np.fft.fft(value, axis=axis) * k.reshape(shape), axis=axis).real

        def shifted(s: int) -> np.ndarray:
            return np.roll(value, -s, axis)

        if name == "t":
            return (8 * (shifted(1) - shifted(-1)) - (shifted(2) - shifted(-2))) / (12 * h)
        return (shifted(1) - shifted(-1)) / (2 * h)

    def _trim(self, value: np.ndarray) -> np.ndarray:
        """Cut off the points at which a one-sided stencil would be needed."""
        cut: list[slice] = []
        for axis, name in enumerate(self._axes):
            open_end = name == "t" or not self._periodic
            cut.append(slice(2, -2) if open_end and value.shape[axis] > 1 else slice(None))
        return value[tuple(cut)]
