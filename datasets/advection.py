"""Transport at constant speed in one dimension: waves, kinks and jumps move around a circle and keep their shape."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, ClassVar, Self

import numpy as np
import xarray as xr

from sciml_bench.errors import UsageError
from sciml_bench.problem import (
    Conserved,
    Dataset,
    DatasetCard,
    Derivatives,
    Equation,
    Evolution,
    Problem,
    Regime,
    Source,
    Symmetry,
    Variable,
    circle,
)
from sciml_bench.problem.labels import labelled
from sciml_bench.problem.spectral import axis
from sciml_bench.problem.wave_sum import WaveSum

HORIZON = 2.0
"""The time of the last frame."""

GRIDS = (8, 16, 32, 48, 64, 128, 256)
"""The cost points of the solver are chosen from these."""

START = Variable(name="u0", dims=("x",), description="what is carried, at t = 0", symbol="u")
CARRIED = Variable(name="u", dims=("time", "x"), description="what is carried", symbol="u", initial="u0", periodic=True)


def residual(d: Derivatives, p: Any) -> dict[str, Any]:
    """u_t + βu_x: zero for a solution."""
    return {"transport": d.u_t + p.beta * d.u_x}


def shape(inputs: xr.Dataset) -> np.ndarray:
    """Say of each sample whether its start is smooth: of one sign it was folded, zero at both ends it was cut."""
    u = inputs["u0"].transpose("sample", "x").to_numpy()
    smooth = (u.min(axis=1) < 0) & (u.max(axis=1) > 0) & ((u[:, 0] != 0) | (u[:, -1] != 0))
    return np.where(smooth, "smooth", "kinks or jumps")


@dataclass(frozen=True, kw_only=True)
class AdvectionSolver(Evolution):
    """û(k, t) = û(k, 0) exp(−2πikβt): the Fourier series of the start, each wave moved by βt. No steps in time.

    Of the start's series only the waves that `grid` points can hold are kept, 2|k| < `grid`; on the grid of the data all are.
    Then a shift by whole grid points is exact for any start, one by fractions only for a start without waves beyond the grid.
    """

    speed: float
    frames: int
    grid: int

    @property
    def interval(self) -> float:
        """The time between two frames."""
        return HORIZON / self.frames

    @property
    def costs(self) -> Mapping[str, Mapping[str, Any]]:
        """Series of the waves on 8 points and more, up to the data's own grid."""
        return {f"{n} points": {"grid": n} for n in (*(n for n in GRIDS if n < self.grid), self.grid)}

    def solve(self, inputs: xr.Dataset, *, device: str = "cpu", **knobs: Any) -> xr.Dataset:  # noqa: ARG002
        """Return u at every frame; `knobs`: grid. Runs on the CPU."""
        times = self.interval * np.arange(1, self.frames + 1)
        values = self._moved(inputs["u0"].transpose("sample", "x").to_numpy(), times, knobs["grid"])
        return labelled([CARRIED], {"u": values}, {"time": times, "x": inputs["x"].values})

    def advance(self, state: xr.Dataset, *, device: str = "cpu") -> xr.Dataset:  # noqa: ARG002
        """Return u one frame later, with all waves."""
        u = state["u"].transpose("sample", "x")
        return state.assign(u=u.copy(data=self._moved(u.to_numpy(), np.array([self.interval]), u.sizes["x"])[:, 0]))

    def _moved(self, u: np.ndarray, times: np.ndarray, grid: int) -> np.ndarray:
        """Return u(x − βt) at all `times`: (sample, x) → (sample, time, x)."""
        points = u.shape[-1]
        k = np.arange(points // 2 + 1 if grid >= points else (grid + 1) // 2)
        spectrum = np.fft.rfft(u)[:, None, : len(k)]
        return np.fft.irfft(spectrum * np.exp(-2j * np.pi * self.speed * np.multiply.outer(times, k)), points)


@dataclass(frozen=True, kw_only=True)
class Advection(Dataset):
    """u_t + βu_x = 0 on (0, 1), periodic: u(x, t) = u₀(x − βt).

    u₀ is a sum of `waves` sines with wavenumbers between `lowest` and `highest`, some of which are `folded`, some `windowed`;
    see `WaveSum`. u is kept on `grid` points at `frames` equally spaced times up to t = 2. `speed` is β.

    One should see every start come by again after 1/β; in all tiers a frame moves it by whole grid points.
    """

    card: ClassVar[DatasetCard] = DatasetCard(
        title="Advection",
        kind="evolution",
        summary="1D linear transport, periodic: waves, kinks and jumps that must keep their shape for two time units",
        description=(
            "The simplest hyperbolic equation: whatever the start, it moves at constant speed and nothing else happens. "
            "Yet it tells methods apart. Classical schemes smear a jump or let it ring, and a network must learn that the "
            "answer far away is the start itself. A linear method has the right form from the outset. The starts are those "
            "of PDEBench's paper: two sines of random wavenumber up to 8, one in ten folded to its absolute value and one in "
            "ten cut to a window (its generator has wavenumbers up to 4, an offset, and windows with smooth ends). The truth is "
            "the start evaluated at x − βt, exact to rounding. At β = 0.4 a frame moves it by whole grid points, so that even a "
            "jump is known exactly from the given points, and shifting them is a solver without error."
        ),
        sources=(
            Source(
                citation="Takamoto et al. 2022, PDEBench: an extensive benchmark for scientific machine learning",
                doi="10.48550/arXiv.2210.07182",
            ),
        ),
        truth="closed_form",
    )
    version: ClassVar[int] = 1
    batch: ClassVar[int] = 256
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
        {
            "smoke": {"samples": 32, "grid": 80, "frames": 16, "highest": 4},
            "small": {},
            "full": {"samples": 10_000, "grid": 320},
        }
    )

    samples: int = 512
    speed: float = 0.4
    waves: int = 2
    lowest: int = 1
    highest: int = 8
    folded: float = 0.1
    windowed: float = 0.1
    grid: int = 160
    frames: int = 32

    @property
    def solver(self) -> AdvectionSolver:
        """The shift of a Fourier series, exact on the data's own grid."""
        return AdvectionSolver(speed=self.speed, frames=self.frames, grid=self.grid)

    @property
    def initial(self) -> WaveSum:
        """The distribution of u(0)."""
        return WaveSum(
            waves=self.waves,
            lowest=self.lowest,
            highest=self.highest,
            folded=self.folded,
            windowed=self.windowed,
        )

    def problem(self) -> Problem:
        """Return what a method may know: the equation, its solver, what is conserved and the symmetries."""
        return Problem(
            name="advection",
            kind="evolution",
            inputs=(START,),
            targets=(CARRIED,),
            equation=Equation(
                formula="u_t + β u_x = 0",
                residual=residual,
                unknowns=("u",),
                coordinates=("t", "x"),
                parameters={"beta": self.speed},
                boundary="periodic",
                initial="u0",
                extent={"t": (0.0, HORIZON), "x": (0.0, 1.0)},
            ),
            solver=self.solver,
            conserved={
                "mass": Conserved(
                    variable="u",
                    quantity=circle.mean,
                    scale=circle.root_mean_square,
                    description="∫u, over the root mean square of the start",
                ),
                "energy": Conserved(
                    variable="u",
                    quantity=circle.mean_square,
                    scale=circle.mean_square,
                    description="∫u², over its start",
                ),
            },
            symmetries={
                "translation": Symmetry(
                    inputs=circle.translate, targets=circle.translate, description="moving the wave along the circle"
                ),
                "sign": Symmetry(
                    inputs=circle.negate, targets=circle.negate, description="turning the wave upside down"
                ),
            },
            regimes={"start": Regime(of=shape, description="whether the start is smooth")},
        )

    def generate(self, seed: int, samples: Sequence[int], *, device: str = "cpu") -> xr.Dataset:  # noqa: ARG002
        """Return `u0` and `u` of the given samples."""
        for name in ("grid", "frames"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} is {getattr(self, name)}, but must be at least 1")
        x, times = axis(self.grid), self.solver.interval * np.arange(1, self.frames + 1)
        travelled = x - self.speed * times[:, None]
        starts = [self.initial.draw(np.random.default_rng([seed, i])) for i in samples]
        arrays = {"u0": np.stack([g(x) for g in starts]), "u": np.stack([g(travelled) for g in starts])}
        return labelled([START, CARRIED], arrays, {"time": times, "x": x})

    def refined(self) -> Self:
        """Raise NotImplementedError: the truth is exact."""
        raise NotImplementedError("the truth is a closed form")

    def shifts(self) -> Mapping[str, Self]:
        """Return waves that move faster, shorter waves, jumps in every sample, and a finer data grid."""
        few = replace(self, samples=max(8, self.samples // 16))
        return {
            "faster": replace(few, speed=1.25 * self.speed),
            "shorter_waves": replace(few, lowest=self.highest + 1, highest=self.highest + self.highest // 2),
            "jumps": replace(few, windowed=1.0),
            "finer_grid": replace(few, grid=2 * self.grid),
        }
