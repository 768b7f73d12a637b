"""A viscous shock between walls: the standard test of physics-informed networks, with its exact solution."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, ClassVar, Self

import numpy as np
import xarray as xr

from sciml_bench.errors import UsageError
from sciml_bench.problem import (
    Dataset,
    DatasetCard,
    Derivatives,
    Equation,
    Evolution,
    Framework,
    Problem,
    Source,
    Symmetry,
    Variable,
)
from sciml_bench.problem.labels import labelled
from sciml_bench.problem.spectral import evaluate, project, rollout

HORIZON = 1.0
"""The time of the last frame."""

LENGTH = 4.0
"""The period of a sine series of half waves on (−1, 1), continued over its ends."""

GRIDS = (32, 64, 128, 256, 512, 1024)
"""The cost points of the solver: intervals from wall to wall."""

COURANT = 0.4
"""Its time step over the width of an interval, for |u| up to about 3."""

NEGLIGIBLE = 37.0
"""Weights of the quadrature below exp(−37), which is 1e-16, are left out."""

BLOCK = 1 << 18
"""So many nodes are weighed together: they fit a processor's cache."""

START = Variable(name="u0", dims=("x",), description="velocity at t = 0", symbol="u")
VELOCITY = Variable(name="u", dims=("time", "x"), description="velocity", symbol="u", initial="u0")


def residual(d: Derivatives, p: Any) -> dict[str, Any]:
    """u_t + u u_x − νu_xx: zero for a solution."""
    return {"momentum": d.u_t + d.u * d.u_x - p.nu * d.u_xx}


def reflect(data: xr.Dataset) -> xr.Dataset:
    """Return −u(−x) for every field u(x)."""
    return data.assign({name: v.copy(data=-v.values[..., ::-1]) for name, v in data.data_vars.items()})


def axis(points: int) -> np.ndarray:
    """Return equally spaced points from −1 to 1, both included."""
    return np.linspace(-1.0, 1.0, points)


def wavenumbers(modes: int) -> np.ndarray:
    """Return mπ/2, m = 1 … `modes`: sin(mπ(x+1)/2) vanishes at both ends of (−1, 1)."""
    return np.pi / 2 * np.arange(1, modes + 1)


def series(coefficients: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return Σₘ cₘ sin(mπ(x+1)/2) of each row c of `coefficients`: (n, modes) → (n, x)."""
    return coefficients @ np.sin(np.multiply.outer(wavenumbers(coefficients.shape[-1]), x + 1))


def coefficients_of(values: np.ndarray) -> np.ndarray:
    """Return the c of the sine series through `values` (n, x) at equally spaced points, the walls at zero."""
    from scipy.fft import dst

    return dst(values[:, 1:-1], type=1) / (values.shape[-1] - 1)


def cole_hopf(c: np.ndarray, viscosity: float, times: Sequence[float], points: int, quadrature: int) -> np.ndarray:
    """u(x, t) = ∫ u₀(y) e^(−G/2ν) dy / ∫ e^(−G/2ν) dy, G = ∫₀^y u₀ + (x − y)²/2t, over the whole line.

    `c` (modes,) holds the sine series of u₀, whose continuation keeps both walls at rest. Returns (time, x) at
    `points` points from −1 to 1. The integrals are sums over y at a spacing of 2/`quadrature`, a whole fraction of
    the spacing of x; for such integrands, analytic and vanishing at infinity, they converge faster than any
    power. Each weight is taken relative to the largest one of its x, so that nothing overflows at any ν. Where
    |x − y| passes t max|u₀| by √(4νt·37), weights are below 1e-16 and left out.

    Sources: Hopf 1950, doi:10.1002/cpa.3160030302; Cole 1951, doi:10.1090/qam/42889; trapezoidal sums, Trefethen &
    Weideman 2014, doi:10.1137/130932132.
    """
    stride, spacing = quadrature // (points - 1), 2 / quadrature
    fastest = float(np.abs(series(c[None], axis(4 * quadrature + 1))).max())
    reaches = [math.ceil((t * fastest + math.sqrt(4 * viscosity * t * NEGLIGIBLE)) / spacing) for t in times]
    widest = max(reaches)
    y = spacing * np.arange(-widest, quadrature + widest + 1) - 1
    k = wavenumbers(len(c))
    start = series(c[None], y)[0]
    potential = (c / k) @ -np.cos(np.multiply.outer(k, y + 1))
    frames = []
    for t, reach in zip(times, reaches, strict=True):
        inner = slice(widest - reach, len(y) - widest + reach)
        near = [np.lib.stride_tricks.sliding_window_view(v[inner], 2 * reach + 1)[::stride] for v in (start, potential)]
        distance = spacing * np.arange(-reach, reach + 1)
        blocks = range(0, points, max(1, BLOCK // len(distance)))
        rows = [slice(i, i + blocks.step) for i in blocks]
        frames.append(np.concatenate([_mean(near[0][r], near[1][r] + distance**2 / (2 * t), viscosity) for r in rows]))
    return np.stack(frames)


def _mean(values: np.ndarray, action: np.ndarray, viscosity: float) -> np.ndarray:
    """Return the means of the rows of `values` under the weights exp(−`action`/2ν)."""
    lowest = action.min(axis=1, keepdims=True)
    weight = np.exp((lowest - action) / (2 * viscosity))
    return (values * weight).sum(axis=1) / weight.sum(axis=1)


@dataclass(frozen=True, kw_only=True)
class BurgersStepper:
    """One step of u_t + ½(u²)_x = νu_xx on a circle of length 4, in units of its length, to be built by exponax."""

    viscosity: float
    points: int
    step: float

    def build(self) -> Any:
        """Return the exponax stepper of u/4."""
        from sciml_bench.problem.steppers import burgers

        return burgers(self.points, self.step, viscosity=self.viscosity / LENGTH**2)


@dataclass(frozen=True, kw_only=True)
class BurgersShockSolver(Evolution):
    """u_t + ½(u²)_x = νu_xx between walls at rest, from u(0): by sines and ETDRK4, or by the formula of Cole and Hopf.

    u is continued oddly over both walls to a circle of length 4, where Fourier modes with `grid` intervals from
    wall to wall are advanced in time. They resolve a shock of width ν if `grid` is well above 1/ν; below, it rings. The
    last cost point is the exact formula, on the sine series through the values at the data's points.
    At a sharp shock, that series is all that the data's grid tells between its points.

    Source: Cox & Matthews 2002, doi:10.1006/jcph.2002.6995; Kassam & Trefethen 2005,
    doi:10.1137/S1064827502410633; for the formula see `cole_hopf`.
    """

    framework: ClassVar[Framework] = "jax"

    viscosity: float
    quadrature: int
    frames: int

    @property
    def interval(self) -> float:
        """The time between two frames."""
        return HORIZON / self.frames

    @property
    def times(self) -> np.ndarray:
        """The times of the frames."""
        return self.interval * np.arange(1, self.frames + 1)

    @property
    def costs(self) -> Mapping[str, Mapping[str, Any]]:
        """Sines on 32 intervals and more, the step shrinking in proportion, then the truth's own formula."""
        sines = {f"{n} intervals, dt {self.interval / self._substeps(n):.2g}": {"grid": n} for n in GRIDS}
        return {**sines, f"Cole-Hopf, {self.quadrature} nodes": {"quadrature": self.quadrature}}

    def solve(self, inputs: xr.Dataset, *, device: str = "cpu", **knobs: Any) -> xr.Dataset:
        """Return u at every frame; `knobs`: either grid or quadrature."""
        u0 = inputs["u0"].transpose("sample", "x").values
        values = self._march(u0, device, **knobs) if "grid" in knobs else self._exact(u0, self.times, **knobs)
        return labelled([VELOCITY], {"u": values}, {"time": self.times, "x": inputs["x"].values})

    def advance(self, state: xr.Dataset, *, device: str = "cpu") -> xr.Dataset:  # noqa: ARG002
        """Return u one frame later, by the formula."""
        u = state["u"].transpose("sample", "x")
        return state.assign(u=u.copy(data=self._exact(u.values, [self.interval], self.quadrature)[:, 0]))

    def _exact(self, u: np.ndarray, times: Sequence[float] | np.ndarray, quadrature: int) -> np.ndarray:
        nodes = math.lcm(quadrature, u.shape[-1] - 1)
        rows = [cole_hopf(c, self.viscosity, list(times), u.shape[-1], nodes) for c in coefficients_of(u)]
        return np.stack(rows)

    def _march(self, u: np.ndarray, device: str, grid: int) -> np.ndarray:
        steps = self._substeps(grid)
        stepper = BurgersStepper(viscosity=self.viscosity, points=2 * grid, step=self.interval / steps)
        circle = np.concatenate([u[:, :-1], -u[:, :0:-1]], axis=1) / LENGTH
        found = rollout(stepper, project(circle, 2 * grid, 1), steps=steps, records=self.frames, device=device)
        values = LENGTH * evaluate(found, circle.shape[-1], 1)
        return np.asarray(values[..., : u.shape[-1]])

    def _substeps(self, grid: int) -> int:
        return math.ceil(self.interval * grid / (2 * COURANT))


@dataclass(frozen=True, kw_only=True)
class BurgersShock(Dataset):
    """u_t + u u_x = νu_xx on (−1, 1), u = 0 at both ends, u(0) = a(−sin πx + Σₘ cₘ sin(mπ(x+1)/2)).

    cₘ ~ N(0, (s/m)²) for m = 1 … `modes`: `amplitude` a, `spread` s. Sample 0 has c = 0 if `canonical`: −sin πx,
    the start of the literature. u is kept on `grid` points, the ends included, at `frames` equally spaced times up
    to t = 1. `viscosity` is ν, `quadrature` the nodes from wall to wall of the integrals that give u.
    """

    card: ClassVar[DatasetCard] = DatasetCard(
        title="Burgers shock",
        kind="evolution",
        summary="1D Burgers equation between walls: a sine steepens into a shock of width 0.01",
        description=(
            "A velocity that points inwards piles up to a shock, a hundredth of the domain wide, which viscosity "
            "then dissolves slowly. Sample 0 starts from −sin πx, the case on which physics-informed networks "
            "are commonly tested; the others add a random sine series, so that their shocks move and merge. "
            "The solution is an integral by the transformation of Cole and Hopf, evaluated to rounding. "
            "Between the points of the data's grid the shock is barely resolved, which limits what a method can "
            "tell from a single frame."
        ),
        sources=(
            Source(
                citation="Raissi, Perdikaris & Karniadakis 2019, Physics-informed neural networks",
                doi="10.1016/j.jcp.2018.10.045",
            ),
            Source(
                citation="Basdevant et al. 1986, Spectral and finite difference solutions of the Burgers equation",
                doi="10.1016/0045-7930(86)90036-8",
            ),
            Source(
                citation="Hopf 1950, The partial differential equation u_t + uu_x = μu_xx",
                doi="10.1002/cpa.3160030302",
            ),
            Source(
                citation="Cole 1951, On a quasi-linear parabolic equation occurring in aerodynamics",
                doi="10.1090/qam/42889",
            ),
        ),
    )
    version: ClassVar[int] = 1
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
        {
            "smoke": {"samples": 32, "grid": 65, "frames": 10},
            "small": {"samples": 400},
            "full": {"samples": 1200, "grid": 513, "frames": 100},
        }
    )

    samples: int = 400
    viscosity: float = 0.01 / math.pi
    amplitude: float = 1.0
    spread: float = 0.5
    modes: int = 8
    canonical: bool = True
    quadrature: int = 512
    grid: int = 257
    frames: int = 20

    @property
    def solver(self) -> BurgersShockSolver:
        """Sines at several resolutions, and the formula that gives the truth."""
        return BurgersShockSolver(viscosity=self.viscosity, quadrature=self.quadrature, frames=self.frames)

    def coefficients(self, rng: np.random.Generator) -> np.ndarray:
        """Return the sine series of a random start, (modes,)."""
        m = np.arange(1, self.modes + 1)
        return self._around(self.spread / m * rng.standard_normal(self.modes))

    def _around(self, c: np.ndarray) -> np.ndarray:
        return self.amplitude * (c + (np.arange(1, self.modes + 1) == 2))  # −sin πx is sin(2π(x+1)/2)

    def problem(self) -> Problem:
        """Return what a method may know: the equation, its solver, the walls and the reflection."""
        return Problem(
            name="burgers_shock",
            kind="evolution",
            inputs=(START,),
            targets=(VELOCITY,),
            equation=Equation(
                formula="u_t + u u_x = ν u_xx, u = 0 at x = ±1",
                residual=residual,
                unknowns=("u",),
                coordinates=("t", "x"),
                parameters={"nu": self.viscosity},
                boundary="zero Dirichlet",
                initial="u0",
                extent={"t": (0.0, HORIZON), "x": (-1.0, 1.0)},
            ),
            solver=self.solver,
            symmetries={
                "reflection": Symmetry(inputs=reflect, targets=reflect, description="the mirror image, −u(−x)")
            },
            boundary={"u": 0.0},
        )

    def generate(self, seed: int, samples: Sequence[int], *, device: str = "cpu") -> xr.Dataset:  # noqa: ARG002
        """Return `u0` and `u` of the given samples."""
        if self.quadrature % (self.grid - 1):
            raise UsageError(f"quadrature={self.quadrature} must be a multiple of grid − 1 = {self.grid - 1}")
        if self.modes < 2:
            raise UsageError(f"modes={self.modes} must be at least 2, which is the mode of −sin πx")
        rows = [
            self._around(np.zeros(self.modes))
            if self.canonical and i == 0
            else self.coefficients(np.random.default_rng([seed, i]))
            for i in samples
        ]
        x, times = axis(self.grid), self.solver.times
        start = series(np.stack(rows), x)
        start[:, [0, -1]] = 0.0  # to the last digit
        frames = [cole_hopf(c, self.viscosity, list(times), self.grid, self.quadrature) for c in rows]
        velocity = np.stack(frames)
        velocity[..., [0, -1]] = 0.0
        return labelled([START, VELOCITY], {"u0": start, "u": velocity}, {"time": times, "x": x})

    def refined(self) -> Self:
        """Return the same problem with twice the nodes in every integral."""
        return replace(self, quadrature=2 * self.quadrature)

    def shifts(self) -> Mapping[str, Self]:
        """Return shocks of half the width, starts of one and a half times the size, and a finer data grid."""
        few = replace(self, samples=max(8, self.samples // 16), canonical=False)  # −sin πx may be in the training part
        return {
            "lower_viscosity": replace(few, viscosity=self.viscosity / 2, quadrature=2 * self.quadrature),
            "larger_amplitude": replace(few, amplitude=1.5 * self.amplitude),
            "finer_grid": replace(few, grid=2 * self.grid - 1, quadrature=2 * self.quadrature),
        }
