"""A mass on an ideal spring: from noisy observations of the phase plane to trajectories of 20 seconds."""

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
    on_circle,
    within_box,
)


def energy(q: Any, p: Any, m: Any) -> Any:  # noqa: ARG001
    """H = q² + p²."""
    return (q**2 + p**2)[..., 0]


def turn(data: xr.Dataset) -> xr.Dataset:
    """Turn the phase plane by 90°: (q, p) → (p, −q), a symplectic map that leaves H as it is."""
    return data.map(lambda z: z.isel(component=[1, 0]) * xr.DataArray([1.0, -1.0], dims="component"))


def radius(inputs: xr.Dataset) -> np.ndarray:
    """Say of each sample whether its rollout lies within the radii that are observed."""
    r = np.linalg.norm(inputs["z0"].values, axis=-1)
    return np.where(r <= 1.0, "observed radii", "larger radii")


@dataclass(frozen=True, kw_only=True)
class Spring(MechanicsDataset):
    """H = q² + p², dq/dt = 2p, dp/dt = −2q: circles in the phase plane, once round in π seconds.

    Observed trajectories start at a random angle with a radius between the two `radii`; |q| and |p| of a
    rollout's start lie between the two numbers of `box`. The other fields are those of `MechanicsDataset`.
    """

    card: ClassVar[DatasetCard] = DatasetCard(
        title="Spring",
        kind="dynamics",
        summary="ideal mass-spring system: from noisy rates in the phase plane to 20 s trajectories",
        description=(
            "The simplest system that conserves energy, and the one on which Hamiltonian neural networks were "
            "introduced. Each sample holds two trajectories: 30 noisy states on [0, 3] with their exact rates, to "
            "learn from, and a rollout of 20 s from another start, some six times round. Its start lies in the box "
            "0.2 < |q|, |p| < 1 of the published evaluation, in part outside of the observed radii. As exact rates "
            "are paired with noisy states, a fit of the rates underestimates them: the predicted phase lags, while "
            "energy can still be conserved. The best linear fit to the states of all samples turns at 1.88 in place of 2 and "
            "so has a rel_l2 of 1.2, above that of the mean: here the energy tells methods apart. 40 samples give 26 training "
            "trajectories a fold, where the paper has 25; the published size is small, so that the tiers small and full are "
            "alike. The score `conserved_mse/energy` "
            "is the paper's energy error, which it averages over 100 times from 15 starts."
        ),
        sources=(
            Source(
                citation="S. Greydanus, M. Dzamba and J. Yosinski, Hamiltonian neural networks, NeurIPS 2019",
                doi="10.48550/arXiv.1906.01563",
            ),
        ),
        truth="closed_form",
    )
    version: ClassVar[int] = 1
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
        {"smoke": {"samples": 32, "observations": 12, "frames": 25, "horizon": 5.0}, "small": {}, "full": {}}
    )

    radii: tuple[float, float] = (0.1, 1.0)
    box: tuple[float, float] = (0.2, 1.0)

    def problem(self) -> Problem:
        """Return what a method may know: the energy, the solver, and that all angles are alike."""
        hamiltonian = Hamiltonian(energy=energy, formula="H = q² + p²")
        return Problem(
            name="spring",
            kind="dynamics",
            inputs=(START, OBSERVED),
            targets=(RATE, STATE),
            solver=MechanicsSolver(
                rate=self.rate, flow=self.flow, truth="closed form", times=tuple(map(float, self.times))
            ),
            conserved={"energy": conserved_energy(hamiltonian)},
            symmetries={"rotation": Symmetry(inputs=turn, targets=turn, description="turning the phase plane by 90°")},
            hamiltonian=hamiltonian,
            regimes={"radius": Regime(of=radius, description="radius of the rollout")},
            primary="rel_l2/z",
        )

    def starts(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Draw a point on a circle of random radius, and one in the box."""
        return on_circle(rng, self.radii), within_box(rng, self.box)

    def rate(self, z: np.ndarray) -> np.ndarray:
        """Return (2p, −2q)."""
        return 2 * z[..., ::-1] * np.array([1.0, -1.0])

    def flow(self, starts: np.ndarray, times: np.ndarray) -> np.ndarray:
        """Return (q cos 2t + p sin 2t, p cos 2t − q sin 2t)."""
        q, p = starts[:, :1], starts[:, 1:]
        c, s = np.cos(2 * times), np.sin(2 * times)
        return np.stack([q * c + p * s, p * c - q * s], axis=-1)

    def refined(self) -> Self:
        """Raise NotImplementedError: the truth is exact."""
        raise NotImplementedError("the truth is a closed form")

    def shifts(self) -> Mapping[str, Self]:
        """Return observations without noise, with rollouts as before, and rollouts far outside of the observed radii."""
        few = replace(self, samples=max(8, self.samples // 4))
        return {
            "no_noise": replace(few, noise=0.0),
            "higher_energy": replace(few, box=(self.box[1], 1.5 * self.box[1])),
        }
