"""Forced incompressible flow on the unit torus, as vorticity: the standard test of neural operators."""

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
)
from sciml_bench.problem.labels import labelled
from sciml_bench.problem.periodic_solver import PeriodicSolver
from sciml_bench.problem.random_field import PeriodicField
from sciml_bench.problem.spectral import axis, stacked

FRAME = 1.0
"""The time between two frames of the data."""

SHARES = (1 / 8, 3 / 16, 1 / 4, 1 / 2, 3 / 4)
"""Grids of the solver's cost points as shares of the truth's own."""
NARROW_SHARES = (1 / 4, 3 / 8, 1 / 2, 5 / 8, 3 / 4)
"""The same for a truth so coarse that an eighth of its grid would hold no flow."""
COARSEST = 8
STEPS = (1.0, 0.5, 0.25, 0.2, 0.1, 0.05, 0.025, 0.02, 0.01, 0.005, 0.002, 0.001)
"""The cost points of the solver are chosen from these."""

GIVEN = Variable(name="w_given", dims=("history", "x", "y"), description="vorticity of the given frames", symbol="w")
VORTICITY = Variable(
    name="w",
    dims=("time", "x", "y"),
    description="vorticity",
    symbol="w",
    initial="w_given",
    periodic=True,
)


def forcing(sin: Any, cos: Any, amplitude: float, x: Any, y: Any) -> Any:
    """The force a (sin 2π(x + y) + cos 2π(x + y)), with the sine and cosine of the arrays' own library."""
    phase = 2 * np.pi * (x + y)
    return amplitude * (sin(phase) + cos(phase))


def residual(d: Derivatives, p: Any) -> dict[str, Any]:
    """w_t + ψ_y w_x − ψ_x w_y − νΔw − f and Δψ + w: both zero for a solution."""
    advection = d.psi_y * d.w_x - d.psi_x * d.w_y
    return {
        "vorticity": d.w_t + advection - p.nu * (d.w_xx + d.w_yy) - forcing(d.sin, d.cos, p.forcing, d.x, d.y),
        "stream_function": d.psi_xx + d.psi_yy + d.w,
    }


def stream_function(fields: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return ψ with −Δψ = w and mean zero, from w of shape (time, x, y), spectrally."""
    w = fields["w"]
    k = [2 * np.pi * np.fft.fftfreq(n, 1 / n) for n in w.shape[-2:]]
    squared = k[0][:, None] ** 2 + k[1][None, :] ** 2
    squared[0, 0] = np.inf  # ψ is fixed up to a constant: its mean is set to zero
    return {"psi": np.fft.ifft2(np.fft.fft2(w) / squared).real}


def circulation(w: xr.DataArray) -> xr.DataArray:
    """Return ∫w over the torus, which has area one."""
    return w.mean(("x", "y"))


def root_mean_square(state: xr.DataArray) -> xr.DataArray:
    """Return the root mean square of a state over the torus, one number a sample."""
    return (state**2).mean(("x", "y")) ** 0.5


def translate(data: xr.Dataset) -> xr.Dataset:
    """Move every field by a quarter of the torus along (1, −1), whole grid points."""
    return data.roll(x=data.sizes["x"] // 4, y=-(data.sizes["y"] // 4), roll_coords=False)


@dataclass(frozen=True, kw_only=True)
class VorticityStepper:
    """One step of w_t + u·∇w = νΔw + f on `points`² points, to be built by exponax."""

    viscosity: float
    forcing: float
    points: int
    step: float

    def build(self) -> Any:
        """Return the exponax stepper."""
        import jax.numpy as jnp

        from sciml_bench.problem.steppers import ForcedVorticity

        x = axis(self.points)
        f = forcing(np.sin, np.cos, self.forcing, x[:, None], x[None, :])
        return ForcedVorticity(self.points, self.step, viscosity=self.viscosity, forcing=jnp.asarray(f))


@dataclass(frozen=True, kw_only=True)
class NavierStokesSolver(PeriodicSolver):
    """w_t + u·∇w = νΔw + f from the last given frame, by Fourier collocation and ETDRK4."""

    target: ClassVar[Variable] = VORTICITY

    viscosity: float
    forcing: float
    given: int

    @property
    def interval(self) -> float:
        """The time between two frames."""
        return FRAME

    @property
    def first(self) -> float:
        """The time of the last given frame."""
        return FRAME * self.given

    @property
    def costs(self) -> Mapping[str, Mapping[str, Any]]:
        """Grids from an eighth of the truth's to its own, steps up to the truth's Courant number: stable if the truth is.

        Up to 32² the error of space is far above that of 32-bit arithmetic, which is faster.
        """
        courant = self.step * self.solver_grid * (1 + 1e-9)
        costs: dict[str, Mapping[str, Any]] = {}
        shares = SHARES if min(SHARES) * self.solver_grid >= COARSEST else NARROW_SHARES
        for n in (round(share * self.solver_grid) for share in shares):
            step = next(s for s in STEPS if s * n <= courant)
            precision = "float32" if n <= 32 else "float64"
            costs[f"{n}x{n}, dt {step:g}, {precision}"] = {"grid": n, "step": step, "precision": precision}
        n, step = self.solver_grid, self.step
        costs[f"{n}x{n}, dt {step:g}, float64"] = {"grid": n, "step": step, "precision": "float64"}
        return costs

    def stepper(self, points: int, step: float) -> VorticityStepper:
        """Return the equation's stepper on so many points a side."""
        return VorticityStepper(viscosity=self.viscosity, forcing=self.forcing, points=points, step=step)


@dataclass(frozen=True, kw_only=True)
class NavierStokes(Dataset):
    """w_t + u·∇w = νΔw + f on the unit torus, u = (ψ_y, −ψ_x), −Δψ = w, f = a (sin 2π(x+y) + cos 2π(x+y)).

    w(0) ~ N(0, σ²(−Δ + τ²I)^(−α)) with mean zero, over wavenumbers up to `modes` in each direction:
    `initial_scale` σ, `initial_tau` τ, `initial_alpha` α. Solved on `solver_grid`² points with `step`, kept
    on `grid`² points at t = 1, 2, …, `horizon`; the first `given` frames are inputs, the others targets.
    `viscosity` is ν, `forcing` a.

    The published settings are viscosity 1e-3 with horizon 50 (tier full), 1e-4 with 30 and 1e-5 with 20.
    Lower viscosities need a finer truth: see `preset`.
    """

    card: ClassVar[DatasetCard] = DatasetCard(
        needs=("jax", "exponax"),
        title="Navier–Stokes vorticity",
        kind="evolution",
        summary="2D forced incompressible flow on a torus: from the first frames of vorticity to the rest",
        description=(
            "A viscous fluid on a doubly periodic unit square is stirred by a fixed force along the "
            "diagonal. The vorticity starts from a Gaussian random field, N(0, 7³(−Δ + 49I)^(−5/2)) with "
            "mean zero, and is recorded once per time unit. The first frames are given and all later ones "
            "are to be predicted in one rollout. The lower the viscosity, the finer the structures and the "
            "sooner small errors grow. The paper prints 7^(3/2) as the factor of the covariance, while the "
            "generator released with it uses 7^(3/2) as the factor of the standard deviation; the data here "
            "follow the generator. It circulates in two versions: this one, and one whose real and imaginary "
            "parts have unit variance each, so that its fields are √2 times as large."
        ),
        sources=(
            Source(
                citation="Li et al. 2021, Fourier neural operator for parametric PDEs",
                doi="10.48550/arXiv.2010.08895",
            ),
            Source(
                citation="Cox & Matthews 2002, Exponential time differencing for stiff systems",
                doi="10.1006/jcph.2002.6995",
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
            "smoke": {
                "samples": 32,
                "solver_grid": 32,
                "step": 0.2,
                "grid": 16,
                "modes": 10,
                "given": 5,
                "horizon": 10,
            },
            "small": {"samples": 200},
            "full": {
                "samples": 1200,
                "solver_grid": 128,
                "step": 0.05,
                "grid": 64,
                "modes": 42,
                "given": 10,
                "horizon": 50,
            },
        }
    )

    samples: int = 200
    viscosity: float = 1e-3
    forcing: float = 0.1
    initial_scale: float = 7.0**1.5
    initial_tau: float = 7.0
    initial_alpha: float = 2.5
    modes: int = 16
    solver_grid: int = 64
    step: float = 0.1
    grid: int = 32
    given: int = 10
    horizon: int = 30

    @classmethod
    def preset(cls, viscosity: float, samples: int = 1200) -> Self:
        """Return one of the paper's settings, viscosity 1e-3, 1e-4 or 1e-5, with a truth made for it."""
        settings: Mapping[float, Mapping[str, Any]] = {
            1e-3: {"horizon": 50, "solver_grid": 128, "step": 0.05},
            1e-4: {"horizon": 30, "solver_grid": 256, "step": 0.01},
            1e-5: {"horizon": 20, "solver_grid": 512, "step": 0.005},
        }
        if viscosity not in settings:
            raise UsageError(
                f"viscosity={viscosity:g} has no preset: choose one of 1e-3, 1e-4, 1e-5, or set the fields"
            )
        return cls(samples=samples, viscosity=viscosity, grid=64, modes=42, given=10, **settings[viscosity])

    @property
    def solver(self) -> NavierStokesSolver:
        """The program that makes the truth."""
        return NavierStokesSolver(
            viscosity=self.viscosity,
            forcing=self.forcing,
            solver_grid=self.solver_grid,
            step=self.step,
            given=self.given,
            frames=self.horizon - self.given,
        )

    @property
    def initial(self) -> PeriodicField:
        """The distribution of w(0)."""
        return PeriodicField(
            dims=2,
            scale=self.initial_scale,
            tau=self.initial_tau,
            alpha=self.initial_alpha,
            modes=self.modes,
            mean=False,
        )

    def problem(self) -> Problem:
        """Return what a method may know: the equation, its solver, circulation and the symmetry of the force."""
        return Problem(
            name="navier_stokes",
            kind="evolution",
            inputs=(GIVEN,),
            targets=(VORTICITY,),
            equation=Equation(
                formula="w_t + ψ_y w_x − ψ_x w_y = ν Δw + a (sin 2π(x+y) + cos 2π(x+y)), −Δψ = w",
                residual=residual,
                unknowns=("w", "psi"),
                coordinates=("t", "x", "y"),
                parameters={"nu": self.viscosity, "forcing": self.forcing},
                boundary="periodic",
                initial="the last given frame",
                extent={"t": (float(self.given), float(self.horizon)), "x": (0.0, 1.0), "y": (0.0, 1.0)},
                auxiliary=stream_function,
            ),
            solver=self.solver,
            conserved={
                "circulation": Conserved(
                    variable="w",
                    quantity=circulation,
                    scale=root_mean_square,
                    description="∫w, over the root mean square of the last given frame",
                )
            },
            symmetries={
                "diagonal_translation": Symmetry(
                    inputs=translate,
                    targets=translate,
                    description="moving the flow along (1, −1), which leaves the force as it is",
                )
            },
        )

    def generate(self, seed: int, samples: Sequence[int], *, device: str = "cpu") -> xr.Dataset:
        """Return `w_given` and `w` of the given samples."""
        if self.solver_grid <= 2 * self.modes:
            raise UsageError(f"solver_grid={self.solver_grid} must be above 2·modes={2 * self.modes}")
        field = self.initial
        start = stacked([field.sample(np.random.default_rng([seed, i]), self.solver_grid) for i in samples])
        frames = self.solver.truth(start, records=self.horizon, points=self.grid, device=device)
        times = FRAME * np.arange(1, self.horizon + 1)
        return labelled(
            [GIVEN, VORTICITY],
            {"w_given": frames[:, : self.given], "w": frames[:, self.given :]},
            {
                "history": times[: self.given],
                "time": times[self.given :],
                "x": axis(self.grid),
                "y": axis(self.grid),
            },
        )

    def refined(self) -> Self:
        """Return the same problem solved on twice the points a side with half the step."""
        return replace(self, solver_grid=2 * self.solver_grid, step=self.step / 2)

    def shifts(self) -> Mapping[str, Self]:
        """Return flows of half the viscosity, of rougher starts, and the same flows on a finer data grid."""
        few = replace(self, samples=max(8, self.samples // 16))
        return {
            # Faster and finer flows: a third of the step keeps them stable, and on the small tier's grid the truth's error
            # stays under 1e-4, far below any score of a shifted set.
            "lower_viscosity": replace(few, viscosity=self.viscosity / 2, step=self.step / 3),
            "rougher_initial": replace(few, initial_alpha=2.0, initial_scale=self.initial_tau),
            "finer_grid": replace(few, grid=2 * self.grid, solver_grid=max(self.solver_grid, 2 * self.grid)),
        }
