"""Two bodies under gravity: from rates along near-circular orbits to trajectories of 25 seconds."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, ClassVar, Self

import numpy as np
import xarray as xr

from sciml_bench.errors import UsageError
from sciml_bench.problem import Conserved, DatasetCard, Hamiltonian, Problem, Regime, Source, Symmetry
from sciml_bench.problem.hamiltonian_data import (
    COMPONENT,
    OBSERVED,
    RATE,
    START,
    STATE,
    MechanicsDataset,
    MechanicsSolver,
    conserved_energy,
    integrate,
    over_states,
)


def energy(q: Any, p: Any, m: Any) -> Any:
    """H = ½(|p₁|² + |p₂|²) − 1/|q₁ − q₂|, q = (x₁, y₁, x₂, y₂) and p likewise."""
    gap = q[..., :2] - q[..., 2:]
    return (p**2).sum(-1) / 2 - 1 / m.sqrt((gap**2).sum(-1))


HAMILTONIAN = Hamiltonian(energy=energy, formula="H = ½(|p₁|² + |p₂|²) − 1/|q₁ − q₂|")


def angular_momentum(z: np.ndarray) -> np.ndarray:
    """Return Σ q × p of states (…, 8)."""
    q, p = z[..., :4], z[..., 4:]
    return np.asarray((q[..., ::2] * p[..., 1::2] - q[..., 1::2] * p[..., ::2]).sum(-1))


def momentum(z: np.ndarray) -> np.ndarray:
    """Return the larger component of |p₁ + p₂| of states (…, 8), which is 0 throughout."""
    return np.asarray(np.abs(z[..., 4:6] + z[..., 6:8]).max(-1))


def quarter(data: xr.Dataset) -> xr.Dataset:
    """Turn the plane by 90°: (x, y) → (−y, x) for each position and momentum."""
    sign = xr.DataArray([-1.0, 1.0] * 4, dims=COMPONENT)
    return data.map(lambda z: z.isel({COMPONENT: [1, 0, 3, 2, 5, 4, 7, 6]}) * sign)


def exchange(data: xr.Dataset) -> xr.Dataset:
    """Give each body the place and the momentum of the other."""
    return data.isel({COMPONENT: [2, 3, 0, 1, 6, 7, 4, 5]})


def size(inputs: xr.Dataset) -> np.ndarray:
    """Say of each sample how wide its orbit is."""
    distance = np.linalg.norm(inputs["z0"].values[:, :2], axis=-1)
    return np.where(distance < 1.4, "narrow orbits", "wide orbits")


@dataclass(frozen=True, kw_only=True)
class TwoBody(MechanicsDataset):
    """H = ½(|p₁|² + |p₂|²) − 1/|q₁ − q₂|: two unit masses in the plane about their common centre, G = 1.

    Body 1 starts at (x, y), both uniform between the two `places`, body 2 opposite; the velocity is that of a
    circular orbit, 1/(2√r) across, times 1 + `disorder` · N(0, 1). Rollouts start likewise. `tolerance` is that of
    the integrator. The other fields are those of `MechanicsDataset`.

    One should see ellipses of eccentricity up to about 0.3, with periods of 4πr^(3/2), 7 to 47 seconds.
    """

    card: ClassVar[DatasetCard] = DatasetCard(
        title="Two-body problem",
        kind="dynamics",
        summary="two bodies under gravity: from rates along near-circular orbits to 25 s trajectories",
        description=(
            "Kepler's problem in the eight phase-space coordinates of both bodies, of which only four matter: whether "
            "a method finds out is the question. Each sample holds two trajectories of near-circular orbits: 50 states "
            "on [0, 20] with their rates, free of noise, and a rollout of 25 s from another start of the same kind, as "
            "in the published evaluation. Energy, angular momentum and momentum are conserved. At the full tier 1250 "
            "samples give 800 training trajectories a fold, as in the paper. `conserved_mse/energy` is its energy error."
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
        {
            "smoke": {"samples": 32, "observations": 10, "frames": 20, "horizon": 5.0},
            "small": {"samples": 200},
            "full": {"samples": 1250},
        }
    )

    samples: int = 200
    observations: int = 50
    span: float = 20.0
    noise: float = 0.0
    horizon: float = 25.0
    places: tuple[float, float] = (0.5, 1.5)
    disorder: float = 0.05
    tolerance: float = 1e-12

    def problem(self) -> Problem:
        """Return what a method may know: the energy and other invariants, the solver, and symmetries."""
        return Problem(
            name="two_body",
            kind="dynamics",
            inputs=(START, OBSERVED),
            targets=(RATE, STATE),
            solver=MechanicsSolver(
                rate=self.rate,
                flow=self.flow,
                truth=f"order 8, tolerance {self.tolerance:.0e}",
                times=tuple(map(float, self.times)),
            ),
            conserved={
                "energy": conserved_energy(HAMILTONIAN),
                "angular_momentum": Conserved(
                    variable=STATE.name,
                    quantity=over_states(angular_momentum),
                    scale=over_states(lambda z: np.abs(angular_momentum(z))),
                    description="q₁ × p₁ + q₂ × p₂, over its size at the start",
                ),
                "momentum": Conserved(
                    variable=STATE.name,
                    quantity=over_states(momentum),
                    scale=over_states(lambda z: np.linalg.norm(z[..., 4:6], axis=-1)),
                    description="the larger component of p₁ + p₂, over |p₁| at the start",
                ),
            },
            symmetries={
                "rotation": Symmetry(inputs=quarter, targets=quarter, description="turning the plane by 90°"),
                "exchange": Symmetry(inputs=exchange, targets=exchange, description="exchanging the bodies"),
            },
            hamiltonian=HAMILTONIAN,
            regimes={"orbit": Regime(of=size, description="distance from the centre at the start")},
            primary="rel_l2/z",
        )

    def starts(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Draw two orbits."""
        low, high = self.places
        if not 0 < low <= high:
            raise UsageError(f"places are {low:g} and {high:g}: expected two positive numbers, the lower first")
        return self._orbit(rng), self._orbit(rng)

    def _orbit(self, rng: np.random.Generator) -> np.ndarray:
        place = rng.uniform(*self.places, 2)
        r = np.linalg.norm(place)
        across = np.array([-place[1], place[0]]) / r
        velocity = across / (2 * np.sqrt(r)) * (1 + self.disorder * rng.standard_normal())
        return np.concatenate([place, -place, velocity, -velocity])

    def rate(self, z: np.ndarray) -> np.ndarray:
        """Return (p₁, p₂, −g, g), g = (q₁ − q₂) / |q₁ − q₂|³."""
        gap = z[..., :2] - z[..., 2:4]
        g = gap / (gap**2).sum(-1, keepdims=True) ** 1.5
        return np.concatenate([z[..., 4:], -g, g], axis=-1)

    def flow(self, starts: np.ndarray, times: np.ndarray) -> np.ndarray:
        """Integrate by the pair of order 8."""
        return integrate(self.rate, starts, times, self.tolerance)

    def refined(self) -> Self:
        """Return the same orbits at a tenth of the tolerance."""
        return replace(self, tolerance=self.tolerance / 10)

    def shifts(self) -> Mapping[str, Self]:
        """Return orbits that are more eccentric, smaller, and observed with noise, with rollouts as before."""
        few = replace(self, samples=max(8, self.samples // 16))
        return {
            "more_eccentric": replace(few, disorder=2 * self.disorder),
            "smaller_orbits": replace(few, places=(0.7 * self.places[0], self.places[0])),
            "noisy": replace(few, noise=0.05),
        }
