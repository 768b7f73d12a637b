"""The multilayer perceptron: the plain network of fully connected layers."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

import xarray as xr

from sciml_bench.errors import UsageError
from sciml_bench.method import Budget, Log, Method, Predictor
from sciml_bench.method.tabular import check_positive
from sciml_bench.method.training import Optimizer, Precision, Schedule, Training
from sciml_bench.method.vectors import why_not_vectors
from sciml_bench.problem import MethodCard, Problem, Source

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, kw_only=True)
class MLP(Method):
    """h₀ = x, hₗ = drop(GELU(Wₗ hₗ₋₁ + bₗ)), l = 1 … `depth`, y = W h + b: all inputs at once to all targets.

    Layers have `width` units; `dropout` is the share of them that is set to 0 at random in training. x and y are
    standardised; a field is laid out flat, so that the network knows nothing of space and predicts only on the grid that
    it was trained on. Classes are predicted by the softmax of their outputs. The other fields say how the shared loop
    trains.

    Works well: a width of 64 to 512, depth 2 to 4, a learning rate of 1e-3 to 5e-3; dropout and weight decay against
    noise.

    Source: Rumelhart et al. 1986, doi:10.1038/323533a0; dropout, Srivastava et al. 2014, JMLR 15; AdamW,
    arXiv:1711.05101.
    """

    card: ClassVar[MethodCard] = MethodCard(
        title="Multilayer perceptron",
        family="network",
        framework="torch",
        summary="fully connected layers from all inputs to all targets",
        description="The network that assumes nothing: the neural baseline of tables, and of fields laid out flat, where "
        "its distance to networks that know of space is what that knowledge is worth.",
        sources=(
            Source(
                citation="D. E. Rumelhart, G. E. Hinton and R. J. Williams, Learning representations by back-propagating "
                "errors, Nature 323 (1986)",
                doi="10.1038/323533a0",
            ),
            Source(
                citation="N. Srivastava et al., Dropout: a simple way to prevent neural networks from overfitting, "
                "JMLR 15 (2014)"
            ),
        ),
    )
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
        {
            "smoke": {"width": 32, "depth": 2, "updates": 150, "validations": 5},
            "small": {},
            "full": {"width": 512, "depth": 4, "updates": 30_000, "validations": 50},
        }
    )
    search: ClassVar[Mapping[str, tuple[Any, ...]]] = MappingProxyType(
        {
            "learning_rate": (1e-3, 3e-3, 0.01),
            "depth": (2, 3, 4),
            "weight_decay": (1e-4, 0.01, 0.1),
            "dropout": (0.0, 0.1, 0.2),
        }
    )

    width: int = 128
    depth: int = 3
    dropout: float = 0.0
    optimizer: Optimizer = "adamw"
    schedule: Schedule = "onecycle"
    precision: Precision = "32-true"
    learning_rate: float = 3e-3
    weight_decay: float = 1e-4
    batch_size: int = 64
    updates: int = 4000
    clip_norm: float = 1.0
    validations: int = 40
    patience: int = 0

    def applies_to(self, problem: Problem) -> str | None:
        """Only where all samples have one size."""
        return why_not_vectors(problem, labels=True)

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
        from sciml_bench.method.vector_network import fit_on_vectors

        check_positive(self, "width", "depth")
        if not 0 <= self.dropout < 1:
            raise UsageError(f"dropout is {self.dropout}, but must be at least 0 and below 1")
        return fit_on_vectors(
            self.build,
            train,
            valid,
            problem=problem,
            training=Training.of(self),
            seed=seed,
            device=device,
            log=log,
        )

    def build(self, features: int, outputs: int) -> "torch.nn.Module":
        """Return the network for rows of this length."""
        from torch import nn

        layers: list[nn.Module] = []
        for level in range(self.depth):
            layers += [nn.Linear(self.width if level else features, self.width), nn.GELU(), nn.Dropout(self.dropout)]
        return nn.Sequential(*layers, nn.Linear(self.width, outputs))
