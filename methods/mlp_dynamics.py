"""A network for dz/dt, trained on rates: what a Hamiltonian network must beat."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
import xarray as xr

from sciml_bench.errors import UsageError
from sciml_bench.method import Budget, Log, Method, Predictor
from sciml_bench.method.dynamics import OptaxOptimizer, RateSource, why_not_dynamics
from sciml_bench.method.rate_rows import rows_of
from sciml_bench.method.training import Precision, Schedule, Training
from sciml_bench.problem import MethodCard, Problem, Source


@dataclass(frozen=True, kw_only=True)
class MLPDynamics(Method):
    """dz/dt = f(z), f a network; loss ⟨(f(z) − ż_observed)²⟩.

    f has `depth` layers of `width` with tanh, on scaled states. Nothing keeps it from gaining or losing energy,
    little by little. The fields are those of the Hamiltonian network, of which this is the published baseline.

    Source: Greydanus et al. 2019, arXiv:1906.01563, section 3 (baseline); AdamW, arXiv:1711.05101.
    """

    card: ClassVar[MethodCard] = MethodCard(
        title="MLP of the rates",
        family="network",
        framework="jax",
        summary="a network from the state to its rate of change, rolled out in time",
        description="Learns the right-hand side of the system by regression on rates, with no knowledge of what is "
        "conserved. The baseline of the Hamiltonian network, of its size and training, in two rows as that one: from rates "
        "at observed states, and from the training rollouts.",
        sources=(
            Source(
                citation="S. Greydanus, M. Dzamba and J. Yosinski, Hamiltonian neural networks, NeurIPS 2019",
                doi="10.48550/arXiv.1906.01563",
            ),
        ),
        needs=("diffrax", "optax"),
    )
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
        {
            "smoke": {"width": 16, "updates": 60, "validations": 2},
            "small": {},
            "full": {},
        }
    )
    search: ClassVar[Mapping[str, tuple[Any, ...]]] = MappingProxyType(
        {
            "learning_rate": (5e-4, 1e-3, 2e-3, 4e-3),
            "width": (100, 200, 300),
            "weight_decay": (0.0, 1e-4, 0.01),
            "batch_size": (100, 200, 400),
        }
    )

    width: int = 200
    depth: int = 2
    learn_from: RateSource = "auto"
    tolerance: float = 1e-9
    optimizer: OptaxOptimizer = "adamw"
    schedule: Schedule = "cosine"
    precision: Precision = "32-true"
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    batch_size: int = 200
    updates: int = 2000
    clip_norm: float = 0.0
    validations: int = 10
    patience: int = 0

    def applies_to(self, problem: Problem) -> str | None:
        """Only to trajectories of a state."""
        return why_not_dynamics(problem)

    def variants(self, problem: Problem) -> Mapping[str, Mapping[str, Any]]:
        """Return a row that learns from observed rates where there are any, and one that learns from the rollouts then too."""
        return rows_of(problem)

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
        """Train the right-hand side on rates with the shared loop."""
        from sciml_bench.method.jax_dynamics import Scales, VectorField, fit_rates, network

        for name in ("width", "depth"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} is {getattr(self, name)}, but must be at least 1")

        def build(z: np.ndarray, rates: np.ndarray) -> VectorField:
            net = network(z.shape[1], z.shape[1], self.width, self.depth, seed)
            return VectorField(net, Scales.of(z, rates))

        return fit_rates(
            build,
            train,
            valid,
            problem=problem,
            source=self.learn_from,
            tolerance=self.tolerance,
            training=Training.of(self),
            seed=seed,
            device=device,
            log=log,
        )
