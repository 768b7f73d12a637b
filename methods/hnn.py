"""Hamiltonian neural network: learn the energy, let its symplectic gradient move the state."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
import xarray as xr

from sciml_bench.errors import UsageError
from sciml_bench.method import Budget, Log, Method, Predictor
from sciml_bench.method.dynamics import OptaxOptimizer, RateSource, why_not_canonical
from sciml_bench.method.rate_rows import rows_of
from sciml_bench.method.training import Precision, Schedule, Training
from sciml_bench.problem import MethodCard, Problem, Source


@dataclass(frozen=True, kw_only=True)
class HNN(Method):
    """dq/dt = ∂H/∂p, dp/dt = −∂H/∂q, H(q, p) a network; loss ⟨(ż(z) − ż_observed)²⟩.

    Whatever H is learnt, a trajectory stays on one of its level sets: energy does not drift, however long the
    rollout. H has `depth` layers of `width` with tanh, on scaled states. `learn_from` says which rates: those
    observed ("auto" takes them where there are any), or those of splines through the training rollouts: a row each.
    Rollouts are by a Runge–Kutta pair of order 8 with error control at `tolerance`, in 64 bits. The other
    fields say how the shared JAX loop trains.

    Works well: the defaults, which are the published ones but for the scaling and a cosine schedule. Fitted to
    exact rates at noisy states it underestimates the rates (regression dilution) and its phase lags.

    Source: Greydanus et al. 2019, arXiv:1906.01563, equations 2 and 3; AdamW, arXiv:1711.05101.
    """

    card: ClassVar[MethodCard] = MethodCard(
        title="Hamiltonian neural network",
        family="physics",
        framework="jax",
        summary="a learnt energy whose symplectic gradient is the right-hand side",
        description="Knows that positions and momenta obey Hamilton's equations, not which. It is rolled out with tight "
        "error control. Two rows: one learns from rates at observed states, as in the paper, which may be noisy; the other "
        "(rollouts) from the training rollouts, as the neural ODE does.",
        sources=(
            Source(
                citation="S. Greydanus, M. Dzamba and J. Yosinski, Hamiltonian neural networks, NeurIPS 2019",
                doi="10.48550/arXiv.1906.01563",
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
        """Only to trajectories of positions and momenta."""
        return why_not_canonical(problem)

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
        """Train the energy on rates with the shared loop."""
        from sciml_bench.method.jax_dynamics import HamiltonianField, Scales, fit_rates, network

        for name in ("width", "depth"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} is {getattr(self, name)}, but must be at least 1")

        def build(z: np.ndarray, rates: np.ndarray) -> HamiltonianField:
            net = network(z.shape[1], "scalar", self.width, self.depth, seed)
            return HamiltonianField(net, Scales.of(z, rates))

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
