"""PaiNN: a network of scalars and vectors on atoms that turn as the atoms do, and forces that are its gradient."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import xarray as xr

from sciml_bench.errors import UsageError
from sciml_bench.method import Budget, Log, Method, Predictor
from sciml_bench.method.atoms import AtomsCodec, why_not_atoms
from sciml_bench.method.training import Optimizer, Schedule, Training
from sciml_bench.problem import MethodCard, Problem, Source

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, kw_only=True)
class PaiNN(Method):
    """E = Σᵢ ε(sᵢ), F = −∂E/∂x: polarizable atom interaction network.

    Each atom has `width` scalars sᵢ and vectors vᵢ. In each of `layers` rounds neighbours closer than `cutoff` (in the unit
    of the positions) send them, weighted by functions of the distance, r̂ᵢⱼ joining the vectors; then each atom mixes its own.
    `radial` waves resolve the distance. Energy is invariant and forces turn with the atoms by construction, to rounding, and
    forces are the exact gradient. `energy_weight` says how much the error of the energy per atom, in units of the forces'
    scale times one unit of length, counts beside the relative error of the forces; the other fields say how the shared loop
    trains, in single or double precision, as half of it would round the positions. Predictions are computed in double, and
    only for kinds of atoms that training knew.

    Works well: 32 to 128 channels, 3 layers, a cutoff of two to three neighbour distances.

    Source: Schütt, Unke & Gastegger 2021, arXiv:2102.03150, equations 7 to 10.
    """

    card: ClassVar[MethodCard] = MethodCard(
        title="PaiNN",
        family="network",
        framework="torch",
        summary="equivariant message passing on atoms; forces are the gradient of the energy",
        description="Scalars and vectors on each atom, exchanged between neighbours such that turning the atoms turns the "
        "vectors. It predicts an energy; forces are its exact derivative, so that energy is conserved in a simulation with "
        "them.",
        sources=(
            Source(
                citation="K. T. Schütt, O. T. Unke and M. Gastegger, Equivariant message passing for the prediction of "
                "tensorial properties and molecular spectra, ICML 2021",
                doi="10.48550/arXiv.2102.03150",
            ),
        ),
    )
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
        {
            "smoke": {"width": 16, "layers": 2, "radial": 8, "updates": 60, "batch_size": 4, "validations": 2},
            "small": {},
            "full": {"width": 128, "updates": 100_000, "validations": 40, "learning_rate": 1e-3},
        }
    )
    search: ClassVar[Mapping[str, tuple[Any, ...]]] = MappingProxyType(
        {
            "learning_rate": (2.5e-3, 5e-3, 0.01, 0.02),
            "width": (24, 32, 48),
            "cutoff": (5.0, 6.0, 7.0),
            "energy_weight": (0.3, 1.0, 3.0),
        }
    )

    width: int = 32
    layers: int = 3
    radial: int = 16
    cutoff: float = 6.0
    energy_weight: float = 1.0
    optimizer: Optimizer = "adamw"
    schedule: Schedule = "onecycle"
    precision: Literal["32-true", "64-true"] = "32-true"
    learning_rate: float = 1e-2
    weight_decay: float = 1e-4
    batch_size: int = 16
    updates: int = 1200
    clip_norm: float = 1.0
    validations: int = 6
    patience: int = 0

    def applies_to(self, problem: Problem) -> str | None:
        """Only where an energy and forces that are its gradient are asked for."""
        return why_not_atoms(problem)

    def fit(
        self,
        train: xr.Dataset,
        valid: xr.Dataset,
        *,
        problem: Problem,
        budget: Budget,  # noqa: ARG002
        seed: int,
        device: str,
        log: Log,
    ) -> Predictor:
        """Train the network with the shared loop."""
        from .fitting import fit_potential

        for name, least in (("width", 2), ("layers", 1), ("radial", 1)):
            if getattr(self, name) < least:
                raise UsageError(f"{name} is {getattr(self, name)}, but must be at least {least}")
        if not (self.cutoff > 0 and self.energy_weight >= 0):
            raise UsageError(
                f"cutoff is {self.cutoff} and energy_weight {self.energy_weight}, but must be positive and not negative"
            )
        return fit_potential(
            self.build,
            train,
            valid,
            codec=AtomsCodec.of(problem, train),
            cutoff=self.cutoff,
            energy_weight=self.energy_weight,
            training=Training.of(self),
            seed=seed,
            device=device,
            log=log,
        )

    def build(self, kinds: int) -> "torch.nn.Module":
        """Return the network for so many kinds of atoms."""
        from .network import PaiNN as Network

        return Network(kinds, width=self.width, layers=self.layers, radial=self.radial, cutoff=self.cutoff)
