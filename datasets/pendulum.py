"""An ideal pendulum: from noisy observations of the phase plane to trajectories of 20 seconds."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, ClassVar, Self

import numpy as np
import xarray as xr

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
    on_circle,
    within_box,
)

LEAST_OBSERVED = 1.69
"""The least energy on a circle of radius 1.3, at q = 0."""


def energy(q: Any, p: Any, m: Any) -> Any:
    """H = 3(1 − cos q) + p²."""
    return (3 * (1 - m.cos(q)) + p**2)[..., 0]


HAMILTONIAN = Hamiltonian(energy=energy, formula="H = 3(1 − cos q) + p²")


def mirror(data: xr.Dataset) -> xr.Dataset:
    """Look from behind: (q, p) → (−q, −p)."""
    return -data


def level(inputs: xr.Dataset) -> np.ndarray:
    """Say of each sample whether its rollout lies within the observed energies; from the published box one in forty does."""
    inside = energy_of(HAMILTONIAN)(inputs["z0"].values) >= LEAST_OBSERVED
    return np.where(inside, "observed energies", "lower energies")


@dataclass(frozen=True, kw_only=True)
class Pendulum(MechanicsDataset):
    """H = 3(1 − cos q) + p², dq/dt = 2p, dp/dt = −3 sin q: swings below H = 6, turns over above.

    Observed trajectories start with q² + p² = r² at a random angle, r between the two `radii`; |q| and |p| of a
    rollout's start lie between the two numbers of `box`. `tolerance` is that of the integrator. The other fields
    are those of `MechanicsDataset`.
    """

    card: ClassVar[DatasetCard] = DatasetCard(
        title="Pendulum",
        kind="dynamics",
        summary="ideal pendulum: from noisy rates in the phase plane to 20 s trajectories",
        description=(
            "An oscillator whose period grows with its swing, up to the separatrix H = 6 where it becomes infinite. "
            "Each sample holds two trajectories: 45 noisy states on [0, 3] of a wide swing with their exact rates, "
            "and a rollout of 20 s from another start. The latter lies in the box 0.2 < |q|, |p| < 1 of the published "
            "evaluation: mostly at lower energies than any observed trajectory, so that a method must fill in the "
            "middle of the phase plane. As exact rates are paired with noisy states, a fit of the rates "
            "underestimates them. 40 samples give 26 training trajectories a fold, where the paper has 25; the tiers "
            "small and full are alike. `conserved_mse/energy` is the mean of (H(p) − H(u))². The paper's number stands "
            "for q² + p² in the place of H, which the true pendulum does not conserve: it also counts errors of phase."
        ),
        sources=(
            Source(
                citation="S. Greydanus, M. Dzamba and J. Yosinski, Hamiltonian neural networks, NeurIPS 2019",
                doi="10.48550/arXiv.1906.01563",
            ),
        ),
    )
    version: ClassVar[int] = 1
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
        {"smoke": {"samples": 32, "observations": 15, "frames": 25, "horizon": 5.0}, "small": {}, "full": {}}
    )

    observations: int = 45
    radii: tuple[float, float] = (1.3, 2.3)
    box: tuple[float, float] = (0.2, 1.0)
    tolerance: float = 1e-12

    def problem(self) -> Problem:
        """Return what a method may know: the energy, the solver, and the mirror image."""
        return Problem(
            name="pendulum",
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
                "mirror": Symmetry(inputs=mirror, targets=mirror, description="looking at the pendulum from behind")
            },
            hamiltonian=HAMILTONIAN,
            regimes={"energy": Regime(of=level, description="energy of the rollout")},
            primary="rel_l2/z",
        )

    def starts(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Draw a point on a circle of random radius, and one in the box."""
        return on_circle(rng, self.radii), within_box(rng, self.box)

    def rate(self, z: np.ndarray) -> np.ndarray:
        """Return (2p, −3 sin q)."""
        return np.stack([2 * z[..., 1], -3 * np.sin(z[..., 0])], axis=-1)

    def flow(self, starts: np.ndarray, times: np.ndarray) -> np.ndarray:
        """Integrate by the pair of order 8."""
        return integrate(self.rate, starts, times, self.tolerance)

    def refined(self) -> Self:
        """Return the same trajectories at a tenth of the tolerance."""
        return replace(self, tolerance=self.tolerance / 10)

    def shifts(self) -> Mapping[str, Self]:
        """Return observations without noise (rollouts as before), rollouts within the observed energies, such that turn over."""
        few = replace(self, samples=max(8, self.samples // 4))
        return {
            "no_noise": replace(few, noise=0.0),
            "observed_energies": replace(few, box=(1.0, 1.5)),
            "turning_over": replace(few, box=(1.75, 2.0)),
        }
