"""Growth and spreading in one dimension: a patchy population evens out and fills the circle."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, ClassVar, Self

import numpy as np
import xarray as xr

from sciml_bench.problem import (
    Dataset,
    DatasetCard,
    Derivatives,
    Equation,
    Problem,
    Source,
    Symmetry,
    Variable,
)
from sciml_bench.problem.labels import labelled
from sciml_bench.problem.periodic_solver import PeriodicSolver
from sciml_bench.problem.spectral import axis, project, stacked
from sciml_bench.problem.wave_sum import WaveSum

HORIZON = 1.0
"""The time of the last frame."""

GRIDS = (4, 8, 16, 32, 64, 128, 256)
"""The cost points of the solver are chosen from these."""

FINE = 4096
"""The largest value of a start is sought on so many points."""

START = Variable(
    name="u0", dims=("x",), description="density at t = 0, as a share of what the place can hold", symbol="u"
)
DENSITY = Variable(
    name="u",
    dims=("time", "x"),
    description="density, as a share of what the place can hold",
    symbol="u",
    initial="u0",
    periodic=True,
)


def residual(d: Derivatives, p: Any) -> dict[str, Any]:
    """u_t − νu_xx − ρu(1 − u): zero for a solution."""
    return {"density": d.u_t - p.nu * d.u_xx - p.rho * d.u * (1 - d.u)}


def translate(data: xr.Dataset) -> xr.Dataset:
    """Move every field by a quarter of the circle, whole grid points."""
    return data.roll(x=data.sizes["x"] // 4, roll_coords=False)


def reflect(data: xr.Dataset) -> xr.Dataset:
    """Return u(−x) for every field u(x); the point 0 stays where it is."""
    return data.map(lambda u: u.copy(data=np.roll(u.values[..., ::-1], 1, axis=-1)))


@dataclass(frozen=True, kw_only=True)
class FisherStepper:
    """One step of u_t = νu_xx + ρu(1 − u) on `points` points, to be built by exponax."""

    diffusivity: float
    rate: float
    points: int
    step: float

    def build(self) -> Any:
        """Return the exponax stepper."""
        from sciml_bench.problem.steppers import fisher_kpp

        return fisher_kpp(self.points, self.step, diffusivity=self.diffusivity, rate=self.rate)


@dataclass(frozen=True, kw_only=True)
class ReactionDiffusionSolver(PeriodicSolver):
    """u_t = νu_xx + ρu(1 − u) from u(0), by Fourier collocation and ETDRK4."""

    target: ClassVar[Variable] = DENSITY

    diffusivity: float
    rate: float

    @property
    def interval(self) -> float:
        """The time between two frames."""
        return HORIZON / self.frames

    @property
    def costs(self) -> Mapping[str, Mapping[str, Any]]:
        """Grids from 4 up to the truth's own, the step shrinking in proportion, from one step a frame."""
        return self.shrinking(GRIDS)

    def stepper(self, points: int, step: float) -> FisherStepper:
        """Return the equation's stepper on so many points."""
        return FisherStepper(diffusivity=self.diffusivity, rate=self.rate, points=points, step=step)


@dataclass(frozen=True, kw_only=True)
class ReactionDiffusion(Dataset):
    """u_t = νu_xx + ρu(1 − u) on (0, 1), periodic: the equation of Fisher and of Kolmogorov, Petrovsky & Piskunov.

    u₀ = |g| / max |g| at the points of the data, g a sum of `waves` sines with wavenumbers between `lowest` and `highest`, and
    between the points the trigonometric interpolant: the given values tell the start in full. Solved on `solver_grid` points
    with `step`, kept on `grid` points at `frames` equally spaced times up to t = 1. `diffusivity` is ν, `rate` ρ.

    One should see the bumps melt before the first frame, and the level then rise along a logistic curve.
    """

    card: ClassVar[DatasetCard] = DatasetCard(
        needs=("jax", "exponax"),
        title="Reaction–diffusion",
        kind="evolution",
        summary="1D Fisher–KPP equation, periodic: a patchy population evens out and grows towards 1",
        description=(
            "Logistic growth beside diffusion, as of a gene or a flame that spreads. At PDEBench's ν = 0.5 and ρ = 1 "
            "diffusion is much the faster of the two: at the first frame a state differs from its mean by less than a "
            "hundredth, and from then on the mean follows a logistic curve. What a method has to find is the mean of the "
            "start, and that curve; a solver on four points does so within a thousandth. In the shifted set with a tenth of "
            "the diffusivity bumps live longer, in others growth is twice as fast or the bumps are shorter. The starts are "
            "PDEBench's, absolute values of two sines scaled to a maximum of 1, which have kinks at zero. u stays between 0 "
            "and 1."
        ),
        sources=(
            Source(
                citation="Takamoto et al. 2022, PDEBench: an extensive benchmark for scientific machine learning",
                doi="10.48550/arXiv.2210.07182",
            ),
            Source(
                citation="Fisher 1937, The wave of advance of advantageous genes",
                doi="10.1111/j.1469-1809.1937.tb02153.x",
            ),
            Source(
                citation="Kassam & Trefethen 2005, Fourth-order time-stepping for stiff PDEs",
                doi="10.1137/S1064827502410633",
            ),
            Source(citation="Koehler et al. 2024, APEBench and exponax", doi="10.48550/arXiv.2411.00180"),
        ),
    )
    version: ClassVar[int] = 1
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
        {
            "smoke": {"samples": 32, "solver_grid": 96, "step": 1 / 800, "grid": 48},
            "small": {},
            "full": {"samples": 10_000, "solver_grid": 512, "grid": 256},
        }
    )

    samples: int = 512
    diffusivity: float = 0.5
    rate: float = 1.0
    waves: int = 2
    lowest: int = 1
    highest: int = 8
    solver_grid: int = 256
    step: float = 1 / 1600
    grid: int = 128
    frames: int = 20

    @property
    def solver(self) -> ReactionDiffusionSolver:
        """The program that makes the truth."""
        return ReactionDiffusionSolver(
            diffusivity=self.diffusivity,
            rate=self.rate,
            solver_grid=self.solver_grid,
            step=self.step,
            frames=self.frames,
        )

    @property
    def initial(self) -> WaveSum:
        """The distribution of g."""
        return WaveSum(waves=self.waves, lowest=self.lowest, highest=self.highest, folded=0.0, windowed=0.0)

    def problem(self) -> Problem:
        """Return what a method may know: the equation, its solver, the symmetries, and that densities are positive."""
        return Problem(
            name="reaction_diffusion",
            kind="evolution",
            inputs=(START,),
            targets=(DENSITY,),
            equation=Equation(
                formula="u_t = ν u_xx + ρ u (1 − u)",
                residual=residual,
                unknowns=("u",),
                coordinates=("t", "x"),
                parameters={"nu": self.diffusivity, "rho": self.rate},
                boundary="periodic",
                initial="u0",
                extent={"t": (0.0, HORIZON), "x": (0.0, 1.0)},
            ),
            solver=self.solver,
            symmetries={
                "translation": Symmetry(
                    inputs=translate, targets=translate, description="moving the population along the circle"
                ),
                "reflection": Symmetry(inputs=reflect, targets=reflect, description="the mirror image, u(−x)"),
            },
            nonnegative=("u",),
        )

    def generate(self, seed: int, samples: Sequence[int], *, device: str = "cpu") -> xr.Dataset:
        """Return `u0` and `u` of the given samples."""
        given = stacked([self._start(np.random.default_rng([seed, i])) for i in samples])
        solver = self.solver
        start = project(given, self.solver_grid, 1)
        frames = solver.truth(start, records=self.frames, points=self.grid, device=device)
        return labelled([START, DENSITY], {"u0": given, "u": frames}, {"time": solver.times, "x": axis(self.grid)})

    def _start(self, rng: np.random.Generator) -> np.ndarray:
        """Return u₀ at the points of the data."""
        g = self.initial.draw(rng)
        return np.abs(g(axis(self.grid))) / np.abs(g(axis(FINE))).max()

    def refined(self) -> Self:
        """Return the same problem solved on twice the points with half the step, from the same starts."""
        return replace(self, solver_grid=2 * self.solver_grid, step=self.step / 2)

    def shifts(self) -> Mapping[str, Self]:
        """Return a tenth of the diffusivity, growth of twice the speed, shorter bumps, and a finer data grid."""
        few = replace(self, samples=max(8, self.samples // 16))
        return {
            "slower_diffusion": replace(few, diffusivity=self.diffusivity / 10),
            "faster_growth": replace(few, rate=2 * self.rate),
            "shorter_waves": replace(few, lowest=self.highest + 1, highest=self.highest + self.highest // 2),
            "finer_grid": replace(few, grid=2 * self.grid, solver_grid=max(self.solver_grid, 2 * self.grid)),
        }
