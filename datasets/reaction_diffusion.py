"""Growth and spreading in one dimension: patches of a population grow, and fronts run into the gaps between them."""

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
    Problem,
    Source,
    Symmetry,
    Variable,
    circle,
)
from sciml_bench.problem.labels import labelled
from sciml_bench.problem.periodic_solver import PeriodicSolver
from sciml_bench.problem.random_field import PeriodicField
from sciml_bench.problem.spectral import axis, stacked

HORIZON = 1.0
"""The time of the last frame."""

GRIDS = (8, 16, 32, 48, 64, 96, 128, 192, 256)
"""The cost points of the solver are chosen from these."""

FINE = 3072
"""The largest value of a start is sought on so many points, those of every tier among them."""

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
        """Grids from 8 up to 256 and the truth's own, the step shrinking in proportion, from one step a frame."""
        return self.shrinking(GRIDS)

    def stepper(self, points: int, step: float) -> FisherStepper:
        """Return the equation's stepper on so many points."""
        return FisherStepper(diffusivity=self.diffusivity, rate=self.rate, points=points, step=step)


@dataclass(frozen=True, kw_only=True)
class ReactionDiffusion(Dataset):
    """u_t = νu_xx + ρu(1 − u) on (0, 1), periodic: the equation of Fisher and of Kolmogorov, Petrovsky & Piskunov.

    u₀ = g²/max g², g a Gaussian random field of mean zero, N(0, (−Δ + τ²I)^(−α)), with wavenumbers up to `modes`:
    `initial_tau` τ, `initial_alpha` α. Solved on `solver_grid` points with `step`, kept on `grid` points at `frames` equally
    spaced times up to t = 1. `diffusivity` is ν, `rate` ρ.

    One should see patches saturate at 1 while fronts, √(ν/ρ) wide and 2√(νρ) fast, close the gaps between them.
    """

    card: ClassVar[DatasetCard] = DatasetCard(
        needs=("jax", "exponax"),
        title="Reaction–diffusion",
        kind="evolution",
        summary="1D Fisher–KPP equation, periodic: patches grow and fronts fill the gaps between them",
        description=(
            "Logistic growth beside diffusion, as of a gene, a species or a flame that spreads. Where there is something, it "
            "saturates at 1; where there is nothing, it must come from beside, in a front whose speed is known, 2√(νρ) for a "
            "lone one. ν = 0.005 and ρ = 5 make both count within the time. PDEBench poses the same equation at ν = 0.5 and "
            "ρ = 1, where diffusion leaves a state that is constant in space to a few per cent after a few hundredths of the "
            "time from the median start, and to single precision at half of it from one start in two: its scores tell how well "
            "a mean follows a logistic curve, and do not stand beside these. u stays between 0 and 1."
        ),
        sources=(
            Source(
                citation="Fisher 1937, The wave of advance of advantageous genes",
                doi="10.1111/j.1469-1809.1937.tb02153.x",
            ),
            Source(
                citation="Takamoto et al. 2022, PDEBench: an extensive benchmark for scientific machine learning",
                doi="10.48550/arXiv.2210.07182",
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
            "smoke": {"samples": 32, "solver_grid": 96, "grid": 48},
            "small": {},
            "full": {"samples": 1200, "solver_grid": 512, "grid": 256},
        }
    )

    samples: int = 512
    diffusivity: float = 0.005
    rate: float = 5.0
    initial_tau: float = 10.0
    initial_alpha: float = 1.0
    modes: int = 8
    solver_grid: int = 256
    step: float = 1 / 400
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
    def initial(self) -> PeriodicField:
        """The distribution of g, up to its size."""
        return PeriodicField(
            dims=1, scale=1.0, tau=self.initial_tau, alpha=self.initial_alpha, modes=self.modes, mean=False
        )

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
                    inputs=circle.translate,
                    targets=circle.translate,
                    description="moving the population along the circle",
                ),
                "reflection": Symmetry(
                    inputs=circle.reflect, targets=circle.reflect, description="the mirror image, u(−x)"
                ),
            },
            nonnegative=("u",),
        )

    def generate(self, seed: int, samples: Sequence[int], *, device: str = "cpu") -> xr.Dataset:
        """Return `u0` and `u` of the given samples."""
        if self.solver_grid <= 4 * self.modes:
            raise UsageError(f"solver_grid={self.solver_grid} must be above 4·modes={4 * self.modes}")
        solver, stride = self.solver, self.solver_grid // self.grid
        start = stacked([self._start([seed, i]) for i in samples])
        frames = solver.truth(start, records=self.frames, points=self.grid, device=device)
        arrays = {"u0": start[:, ::stride], "u": frames}
        return labelled([START, DENSITY], arrays, {"time": solver.times, "x": axis(self.grid)})

    def _start(self, seeds: list[int]) -> np.ndarray:
        """Return u₀ at the points of the solver: one function, whatever their number."""
        g, fine = (self.initial.sample(np.random.default_rng(seeds), n) for n in (self.solver_grid, FINE))
        return np.asarray(g**2 / np.max(fine**2))

    def refined(self) -> Self:
        """Return the same problem solved on twice the points with half the step, from the same starts."""
        return replace(self, solver_grid=2 * self.solver_grid, step=self.step / 2)

    def shifts(self) -> Mapping[str, Self]:
        """Return thinner and slower fronts, growth half as fast again, rougher starts, and a finer data grid."""
        few = replace(self, samples=max(8, self.samples // 16))
        return {
            "lower_diffusivity": replace(few, diffusivity=0.4 * self.diffusivity),
            "faster_growth": replace(few, rate=1.5 * self.rate),
            "rougher_initial": replace(few, initial_alpha=0.0),
            "finer_grid": replace(few, grid=2 * self.grid, solver_grid=max(self.solver_grid, 2 * self.grid)),
        }
