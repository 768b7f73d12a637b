"""TabNet: a network that chooses, step by step and sample by sample, which columns of a table to look at."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, cast

import xarray as xr

from sciml_bench.errors import UsageError
from sciml_bench.method import Budget, Log, Method, Predictor
from sciml_bench.method.tabular import check_positive, why_not_a_table
from sciml_bench.method.training import Optimizer, Precision, Schedule, Training
from sciml_bench.problem import SAMPLE, MethodCard, Problem, Source

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, kw_only=True)
class TabNet(Method):
    """y = W Σ_i ReLU(d_i), (d_i, a_i) = F_i(M_i ⊙ x), M_{i+1} = sparsemax(P_i ⊙ h_i(a_i)): `steps` looks at the columns.

    Each mask M_i is a distribution over columns with exact zeros; P_i = Π_{j≤i} (γ − M_j) turns later steps to
    other columns, the more the closer `relaxation` γ is to 1. `decision` and `attention` are the
    widths of d_i and a_i. `sparsity` times the entropy of the masks is added to the loss. `ghost` is the size of the parts
    of a batch over which it is normalised, `norm_momentum` the weight of the latest part in the running statistics. The
    other fields say how the shared loop trains.

    Works well: widths of 8 to 64, 3 to 8 steps, γ of 1 to 2, large batches. Made for large tables; on small ones trees
    and plain networks do better.

    Source: Arik & Pfister 2021, doi:10.1609/aaai.v35i8.16826, section "TabNet for tabular learning".
    """

    card: ClassVar[MethodCard] = MethodCard(
        title="TabNet",
        family="network",
        framework="torch",
        summary="a network that attends to a few columns at a time",
        description="Sequential attention over the columns of a table: each step looks at a few of them, chosen for "
        "each sample, so that one can see what a prediction rests on.",
        sources=(
            Source(
                citation="S. O. Arik and T. Pfister, TabNet: attentive interpretable tabular learning, AAAI 2021",
                doi="10.1609/aaai.v35i8.16826",
            ),
        ),
    )
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
        {
            "smoke": {"updates": 60, "validations": 4},
            "small": {},
            "full": {"decision": 32, "attention": 32, "batch_size": 1024, "ghost": 128, "updates": 20_000},
        }
    )
    search: ClassVar[Mapping[str, tuple[Any, ...]]] = MappingProxyType(
        {
            "learning_rate": (5e-3, 0.01, 0.02, 0.04),
            "decision": (8, 16, 32),
            "steps": (2, 3, 4),
            "relaxation": (1.2, 1.5, 1.8),
        }
    )

    decision: int = 16
    attention: int = 16
    steps: int = 3
    relaxation: float = 1.5
    sparsity: float = 1e-4
    ghost: int = 64
    norm_momentum: float = 0.02
    optimizer: Optimizer = "adamw"
    schedule: Schedule = "onecycle"
    precision: Precision = "32-true"
    learning_rate: float = 2e-2
    weight_decay: float = 1e-5
    batch_size: int = 128
    updates: int = 2000
    clip_norm: float = 1.0
    validations: int = 40
    patience: int = 0

    def applies_to(self, problem: Problem) -> str | None:
        """Only where the targets are a few numbers or a class."""
        return why_not_a_table(problem)

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

        self._check(train)
        return fit_on_vectors(
            self.build,
            train,
            valid,
            problem=problem,
            training=Training.of(self),
            seed=seed,
            device=device,
            log=log,
            penalty=lambda network: self.sparsity * cast("torch.Tensor", network.mask_entropy),
        )

    def build(self, features: int, outputs: int) -> "torch.nn.Module":
        """Return the network for rows of this length."""
        from .network import Network

        return Network(
            features,
            outputs,
            decision=self.decision,
            attention=self.attention,
            steps=self.steps,
            relaxation=self.relaxation,
            ghost=self.ghost,
            momentum=self.norm_momentum,
        )

    def _check(self, train: xr.Dataset) -> None:
        check_positive(self, "decision", "attention", "steps", "norm_momentum")
        for name, least in (("relaxation", 1), ("sparsity", 0), ("ghost", 2), ("batch_size", 2)):
            if getattr(self, name) < least:
                raise UsageError(f"{name} is {getattr(self, name)}, but must be at least {least}")
        if train.sizes[SAMPLE] < 2:
            raise UsageError("TabNet normalises over batches, which takes 2 training samples; there is 1")
