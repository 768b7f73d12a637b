"""A star in the middle of a galaxy: from rates along orbits, regular and chaotic, to trajectories of 40 seconds."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, ClassVar, Self

import numpy as np
import xarray as xr

from sciml_bench.errors import UsageError
from sciml_bench.problem import DatasetCard, Hamiltonian, Problem, Regime, Source, Symmetry
from sciml_bench.problem.hamiltonian_data import (
    OBSERVED,
    RATE,
    START,
    STATE,
    MechanicsDataset,
    MechanicsSolver,
    conserved_energy,
    energy_of,
    integrate,
)

ESCAPE = 1 / 6
"""The energy of the three saddles: below it, a star that starts in the triangle between them stays there."""


def potential(x: Any, y: Any) -> Any:
    """V = ½(x² + y²) + x²y − y³/3."""
    return (x**2 + y**2) / 2 + x**2 * y - y**3 / 3


def energy(q: Any, p: Any, m: Any) -> Any:  # noqa: ARG001
    """H = ½|p|² + ½(x² + y²) + x²y − y³/3, q = (x, y)."""
    return (p**2).sum(-1) / 2 + potential(q[..., 0], q[..., 1])


HAMILTONIAN = Hamiltonian(energy=energy, formula="H = ½|p|² + ½(x² + y²) + x²y − y³/3")


def rotate(data: xr.Dataset) -> xr.Dataset:
    """Turn the plane by 120°, positions and momenta alike."""
    c, s = -0.5, np.sqrt(0.75)
    turn = np.kron(np.eye(2), [[c, -s], [s, c]])
    return data.map(lambda z: z.copy(data=z.transpose(..., "component").to_numpy() @ turn.T))


def mirror(data: xr.Dataset) -> xr.Dataset:
    """Look from behind: x → −x, and its momentum likewise."""
    return data * xr.DataArray([-1.0, 1.0, -1.0, 1.0], dims="component")


def level(inputs: xr.Dataset) -> np.ndarray:
    """Say of each sample whether its energy is one at which nearly all orbits are regular."""
    return np.where(energy_of(HAMILTONIAN)(inputs["z0"].values) < 1 / 12, "regular", "partly chaotic")


@dataclass(frozen=True, kw_only=True)
class HenonHeiles(MechanicsDataset):
    """H = ½|p|² + V(x, y), V = ½(x² + y²) + x²y − y³/3; dq/dt = p, dp/dt = −(x + 2xy, y + x² − y²).

    Both trajectories start in the triangle between the saddles of V, their energy uniform between the two `energies`, the place
    uniform where V is below that, the momentum in any direction. `tolerance` is that of the integrator. The other fields are
    those of `MechanicsDataset`.

    One should see rosettes, and at energies above 1/12 more and more orbits that fill the triangle without order.
    """

    card: ClassVar[DatasetCard] = DatasetCard(
        title="Hénon–Heiles",
        kind="dynamics",
        summary="a star in a galaxy's potential: from rates along orbits to 40 s trajectories, some of them chaotic",
        description=(
            "Two oscillators with a cubic coupling, in which chaos of a mechanical system was seen on a computer as early as "
            "1964. Energy is conserved; at low energies orbits look as though a second quantity were, and above 1/12 "
            "this breaks down orbit by orbit, until nearly all are chaotic at the escape energy, 1/6. Each sample holds two "
            "trajectories: 30 states on [0, 10] with their rates, free of noise, and a rollout of 40 s, six to seven turns, "
            "from another start of the same kind. The energies lie between 1/24 and 1/8, so that a method meets both "
            "kinds of orbit; a shifted test set goes on to 0.16. The potential has the symmetries of an equilateral "
            "triangle, which a learnt energy may or may not find."
        ),
        sources=(
            Source(
                citation="M. Hénon and C. Heiles, The applicability of the third integral of motion: some numerical "
                "experiments, Astron. J. 69 (1964)",
                doi="10.1086/109234",
            ),
            Source(
                citation="S. Greydanus, M. Dzamba and J. Yosinski, Hamiltonian neural networks, NeurIPS 2019",
                doi="10.48550/arXiv.1906.01563",
            ),
        ),
    )
    version: ClassVar[int] = 1
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
        {
            "smoke": {"samples": 32, "observations": 10, "frames": 20, "horizon": 5.0},
            "small": {"samples": 200},
            "full": {"samples": 1250},
        }
    )

    samples: int = 200
    observations: int = 30
    span: float = 10.0
    noise: float = 0.0
    horizon: float = 40.0
    energies: tuple[float, float] = (1 / 24, 1 / 8)
    tolerance: float = 1e-12

    def problem(self) -> Problem:
        """Return what a method may know: the energy, the solver, and the symmetries of the triangle."""
        return Problem(
            name="henon_heiles",
            kind="dynamics",
            inputs=(START, OBSERVED),
            targets=(RATE, STATE),
            solver=MechanicsSolver(
                rate=self.rate,
                flow=self.flow,
                truth=f"order 8, tolerance {self.tolerance:.0e}",
                times=tuple(map(float, self.times)),
            ),
            conserved={"energy": conserved_energy(HAMILTONIAN)},
            symmetries={
                "rotation": Symmetry(inputs=rotate, targets=rotate, description="turning the plane by 120°"),
                "mirror": Symmetry(inputs=mirror, targets=mirror, description="looking at the plane from behind"),
            },
            hamiltonian=HAMILTONIAN,
            regimes={"energy": Regime(of=level, description="energy of the rollout, below or above 1/12")},
            primary="rel_l2/z",
        )

    def starts(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Draw two orbits."""
        low, high = self.energies
        if not 0 < low <= high < ESCAPE:
            raise UsageError(
                f"energies are {low:g} and {high:g}: expected two numbers between 0 and 1/6, where the star escapes, the "
                "lower first"
            )
        return self._orbit(rng), self._orbit(rng)

    def _orbit(self, rng: np.random.Generator) -> np.ndarray:
        total = rng.uniform(*self.energies)
        while True:
            x, y = rng.uniform(-1.0, 1.0, 2)
            # The triangle between the saddles (0, 1) and (±√3/2, −1/2): outside it V is low again.
            inside = -0.5 < y < 1 - np.sqrt(3.0) * abs(x)
            if inside and potential(x, y) < total:
                break
        angle = 2 * np.pi * rng.uniform()
        return np.array([x, y, *np.sqrt(2 * (total - potential(x, y))) * np.array([np.cos(angle), np.sin(angle)])])

    def rate(self, z: np.ndarray) -> np.ndarray:
        """Return (p, −∇V)."""
        x, y = z[..., 0], z[..., 1]
        return np.stack([z[..., 2], z[..., 3], -x - 2 * x * y, -y - x**2 + y**2], axis=-1)

    def flow(self, starts: np.ndarray, times: np.ndarray) -> np.ndarray:
        """Integrate by the pair of order 8."""
        return integrate(self.rate, starts, times, self.tolerance)

    def refined(self) -> Self:
        """Return the same orbits at a tenth of the tolerance."""
        return replace(self, tolerance=self.tolerance / 10)

    def shifts(self) -> Mapping[str, Self]:
        """Return energies up to the escape, where most orbits are chaotic, lower ones, and observations with noise.

        Rollouts of the last are as before.
        """
        few = replace(self, samples=max(8, self.samples // 16))
        low, high = self.energies
        return {
            "chaotic": replace(few, energies=(high, 0.96 * ESCAPE)),
            "lower_energies": replace(few, energies=(low / 4, low)),
            "noisy": replace(few, noise=0.02),
        }
