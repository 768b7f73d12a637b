"""Flame fronts in one dimension: cells that are born, drift and merge in spatiotemporal chaos."""

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
    Problem,
    Source,
    Symmetry,
    Variable,
    circle,
)
from sciml_bench.problem.labels import labelled
from sciml_bench.problem.periodic_solver import PeriodicSolver
from sciml_bench.problem.random_field import PeriodicField
from sciml_bench.problem.spectral import axis, project, rollout, stacked

START_SPACING, START_STEP = 0.5, 0.125
"""Grid spacing and step on the way to the attractor. Where that way ends is by definition a start: it is never refined."""

SHARES = (1 / 4, 3 / 8, 1 / 2, 5 / 8, 3 / 4, 1.0)
"""Grids of the solver's cost points as shares of the truth's own."""

GIVEN = Variable(name="u_given", dims=("history", "x"), description="slope of the front, given frames", symbol="u")
SLOPE = Variable(
    name="u", dims=("time", "x"), description="slope of the front", symbol="u", initial="u_given", periodic=True
)


def residual(d: Derivatives, p: Any) -> dict[str, Any]:  # noqa: ARG001
    """u_t + u u_x + u_xx + u_xxxx: zero for a solution."""
    return {"front": d.u_t + d.u * d.u_x + d.u_xx + d.u_xxxx}


def reflect(data: xr.Dataset) -> xr.Dataset:
    """Return −u(−x) for every field u(x); the point 0 stays where it is."""
    return circle.negate(circle.reflect(data))


@dataclass(frozen=True, kw_only=True)
class KuramotoSivashinskyStepper:
    """One step of u_t + ½(u²)_x + u_xx + u_xxxx = 0 on `points` points, to be built by exponax."""

    length: float
    points: int
    step: float

    def build(self) -> Any:
        """Return the exponax stepper."""
        from sciml_bench.problem.steppers import kuramoto_sivashinsky

        return kuramoto_sivashinsky(self.points, self.step, length=self.length)


@dataclass(frozen=True, kw_only=True)
class KuramotoSivashinskySolver(PeriodicSolver):
    """u_t + ½(u²)_x + u_xx + u_xxxx = 0 from the last given frame, by Fourier collocation and ETDRK4."""

    target: ClassVar[Variable] = SLOPE

    length: float
    spacing: float

    @property
    def interval(self) -> float:
        """The time between two frames."""
        return self.spacing

    @property
    def costs(self) -> Mapping[str, Mapping[str, Any]]:
        """Grids from a quarter of the truth's own up to that, the step shrinking in proportion."""
        return self.shrinking(tuple(round(share * self.solver_grid) for share in SHARES))

    def stepper(self, points: int, step: float) -> KuramotoSivashinskyStepper:
        """Return the equation's stepper on so many points."""
        return KuramotoSivashinskyStepper(length=self.length, points=points, step=step)


@dataclass(frozen=True, kw_only=True)
class KuramotoSivashinsky(Dataset):
    """u_t + u u_x + u_xx + u_xxxx = 0 on a circle of `length`, u with mean zero.

    A sum of all waves longer than 2π, Gaussian and of the same size, variance 1 in all, is left to itself for `spin_up` time
    units. From there the truth runs on `solver_grid` points with `step`, and is kept on `grid` points every `interval` time
    units: `given` frames are the past, the last of them at t = 0, `frames` the future.

    One should see cells about 9 wide that drift at speeds up to 3, split where they are far apart and merge where they meet.
    """

    card: ClassVar[DatasetCard] = DatasetCard(
        needs=("jax", "exponax"),
        title="Kuramoto–Sivashinsky",
        kind="evolution",
        summary="1D chaos in space and time: from a few frames of a flame front to the 40 that follow",
        description=(
            "The slope of a flame front, or the phase of chemical waves: long waves grow, short ones are damped, and the "
            "nonlinear term carries energy from the former to the latter. On a circle of length 64, ten times the wave "
            "that neither grows nor is damped, this is chaos in space and time. A small error grows by a factor e in about "
            "11 time units, so "
            "that the 40 units of the forecast span three to four such times: what a method gets wrong in its first steps "
            "is an error of the cells' own size at the end, and `valid_time` says how long it follows them. Starts lie on "
            "the attractor. The last given frame determines the future; the frames before it only help a method that "
            "learns steps."
        ),
        sources=(
            Source(
                citation="Kuramoto & Tsuzuki 1976, Persistent propagation of concentration waves in dissipative media far "
                "from thermal equilibrium",
                doi="10.1143/PTP.55.356",
            ),
            Source(
                citation="Sivashinsky 1977, Nonlinear analysis of hydrodynamic instability in laminar flames I",
                doi="10.1016/0094-5765(77)90096-0",
            ),
            Source(
                citation="Edson et al. 2019, Lyapunov exponents of the Kuramoto–Sivashinsky PDE",
                doi="10.1017/S1446181119000105",
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
            "smoke": {"samples": 32, "length": 32.0, "solver_grid": 96, "grid": 48, "given": 3, "frames": 12},
            "small": {},
            "full": {"samples": 2048},
        }
    )

    samples: int = 512
    length: float = 64.0
    spin_up: float = 60.0
    interval: float = 1.0
    given: int = 5
    frames: int = 40
    solver_grid: int = 192
    step: float = 1 / 32
    grid: int = 96

    @property
    def solver(self) -> KuramotoSivashinskySolver:
        """The program that makes the truth."""
        return KuramotoSivashinskySolver(
            length=self.length,
            spacing=self.interval,
            solver_grid=self.solver_grid,
            step=self.step,
            frames=self.frames,
        )

    @property
    def initial(self) -> PeriodicField:
        """The distribution of u before it is left to itself: white noise of the waves longer than 2π, variance 1."""
        modes = int(self.length / (2 * np.pi))
        return PeriodicField(dims=1, scale=(2 * modes) ** -0.5, tau=0.0, alpha=0.0, modes=modes, mean=False)

    def problem(self) -> Problem:
        """Return what a method may know: the equation, its solver, the mean and the symmetries."""
        return Problem(
            name="kuramoto_sivashinsky",
            kind="evolution",
            inputs=(GIVEN,),
            targets=(SLOPE,),
            equation=Equation(
                formula="u_t + u u_x + u_xx + u_xxxx = 0",
                residual=residual,
                unknowns=("u",),
                coordinates=("t", "x"),
                boundary="periodic",
                initial="the last given frame",
                extent={"t": (0.0, self.interval * self.frames), "x": (0.0, self.length)},
            ),
            solver=self.solver,
            conserved={
                "mass": Conserved(
                    variable="u",
                    quantity=circle.mean,
                    scale=circle.root_mean_square,
                    description="the mean of u, over the root mean square of the last given frame",
                )
            },
            symmetries={
                "translation": Symmetry(
                    inputs=circle.translate, targets=circle.translate, description="moving the front along the circle"
                ),
                "reflection": Symmetry(inputs=reflect, targets=reflect, description="the mirror image, −u(−x)"),
            },
        )

    def generate(self, seed: int, samples: Sequence[int], *, device: str = "cpu") -> xr.Dataset:
        """Return `u_given` and `u` of the given samples."""
        if self.length < 4 * np.pi or self.given < 1 or self.spin_up < 0:
            raise UsageError(
                f"length={self.length:g}, given={self.given} and spin_up={self.spin_up:g}: expected a length of at least 4π, "
                "one frame or more, and a time that is not negative"
            )
        start = self._start([np.random.default_rng([seed, i]) for i in samples], device)
        run = self.solver.truth(start, records=self.given - 1 + self.frames, points=self.grid, device=device)
        run = np.concatenate([start[:, None, :: self.solver_grid // self.grid], run], axis=1)
        axes = {
            "history": self.interval * np.arange(1 - self.given, 1),
            "time": self.solver.times,
            "x": self.length * axis(self.grid),
        }
        return labelled([GIVEN, SLOPE], {"u_given": run[:, : self.given], "u": run[:, self.given :]}, axes)

    def _start(self, generators: Sequence[np.random.Generator], device: str) -> np.ndarray:
        """Return the first given frame on the solver's grid."""
        points = 2 * round(self.length / START_SPACING / 2)
        states = stacked([self.initial.sample(rng, points) for rng in generators])
        steps = round(self.spin_up / START_STEP)
        if steps:
            stepper = KuramotoSivashinskyStepper(length=self.length, points=points, step=START_STEP)
            states = rollout(stepper, states, steps=steps, records=1, device=device)[:, 0]
        return project(states, self.solver_grid, 1)

    def refined(self) -> Self:
        """Return the same problem solved on twice the points with half the step, from the same starts."""
        return replace(self, solver_grid=2 * self.solver_grid, step=self.step / 2)

    def shifts(self) -> Mapping[str, Self]:
        """Return a circle one and a half times as long, starts that are off the attractor, and a finer data grid."""
        few = replace(self, samples=max(8, self.samples // 16))
        return {
            "longer_circle": replace(
                few, length=1.5 * self.length, solver_grid=3 * self.solver_grid // 2, grid=3 * self.grid // 2
            ),
            "off_attractor": replace(few, spin_up=0.0),
            "finer_grid": replace(few, grid=2 * self.grid, solver_grid=max(self.solver_grid, 2 * self.grid)),
        }
