"""Neural ordinary differential equation: a network for dz/dt, trained through the solver on trajectories."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar

import xarray as xr

from sciml_bench.errors import UsageError
from sciml_bench.method import Budget, Log, Method, Predictor
from sciml_bench.method.dynamics import OptaxOptimizer, why_not_dynamics
from sciml_bench.method.training import Precision, Schedule, Training
from sciml_bench.problem import MethodCard, Problem, Source


@dataclass(frozen=True, kw_only=True)
class NeuralODE(Method):
    """dz/dt = f(z), f a network; loss ⟨(z(tₖ₊ⱼ; z(tₖ)) − zₖ₊ⱼ)²⟩ over j = 1 … `segment`.

    Trained on short segments of the rollouts: from each frame on, the solution must pass through the following
    ones. Gradients go through `steps` solver steps from frame to frame. It needs no rates, and observed ones
    are not used. f has `depth` layers of `width` with tanh, on scaled states. Rollouts are by a Runge–Kutta pair
    of order 8 with error control at `tolerance`, in 64 bits. The other fields say how the shared JAX loop trains.

    Works well: segments of about a fifth of a period; longer ones make the loss rough, shorter ones are blind to
    slow drift. `steps` such that the solver's own error is below the one aimed at, for the network would learn
    to make up for it.

    Source: Chen et al. 2018, arXiv:1806.07366; diffrax, arXiv:2202.02435.
    """

    card: ClassVar[MethodCard] = MethodCard(
        title="Neural ODE",
        family="network",
        framework="jax",
        summary="a network for dz/dt, trained through an ODE solver on short stretches of trajectories",
        description="Fits the training rollouts, which are free of noise, rather than rates: noise in observed rates does not "
        "touch it, and it can learn where no rates are known. Predictions integrate the network with tight error control.",
        sources=(
            Source(
                citation="R. T. Q. Chen, Y. Rubanova, J. Bettencourt and D. Duvenaud, Neural ordinary differential "
                "equations, NeurIPS 2018",
                doi="10.48550/arXiv.1806.07366",
            ),
            Source(
                citation="P. Kidger, On neural differential equations (diffrax), 2021",
                doi="10.48550/arXiv.2202.02435",
            ),
        ),
        needs=("diffrax", "optax"),
    )
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
        {
            "smoke": {"width": 16, "segment": 3, "steps": 1, "updates": 40, "validations": 2},
            "small": {},
            "full": {"width": 200, "updates": 10_000},
        }
    )
    search: ClassVar[Mapping[str, tuple[Any, ...]]] = MappingProxyType(
        {
            "learning_rate": (1e-3, 3e-3, 0.01),
            "width": (64, 100, 150),
            "segment": (2, 4, 8),
            "weight_decay": (0.0, 1e-4, 0.01),
        }
    )

    width: int = 100
    depth: int = 2
    segment: int = 4
    steps: int = 2
    tolerance: float = 1e-9
    optimizer: OptaxOptimizer = "adamw"
    schedule: Schedule = "cosine"
    precision: Precision = "32-true"
    learning_rate: float = 3e-3
    weight_decay: float = 1e-4
    batch_size: int = 128
    updates: int = 3000
    clip_norm: float = 1.0
    validations: int = 5
    patience: int = 0

    def applies_to(self, problem: Problem) -> str | None:
        """Only to trajectories of a state."""
        return why_not_dynamics(problem)

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
        """Train the right-hand side on segments of trajectories with the shared loop."""
        from sciml_bench.method.jax_dynamics import Scales, VectorField, fit_segments, network

        for name in ("width", "depth", "segment", "steps"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} is {getattr(self, name)}, but must be at least 1")

        def build(scales: Scales) -> VectorField:
            size = len(scales.mean)
            return VectorField(network(size, size, self.width, self.depth, seed), scales)

        return fit_segments(
            build,
            train,
            valid,
            problem=problem,
            segment=self.segment,
            steps=self.steps,
            tolerance=self.tolerance,
            training=Training.of(self),
            seed=seed,
            device=device,
            log=log,
        )
