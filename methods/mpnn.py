"""Message passing with edge features: encode, process, decode."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

import xarray as xr

from sciml_bench.errors import UsageError
from sciml_bench.method import Budget, Log, Method, Predictor
from sciml_bench.method.forecasting import Forecast
from sciml_bench.method.graphs import why_not_a_graph
from sciml_bench.method.training import Optimizer, Precision, Schedule, Training
from sciml_bench.problem import MethodCard, Problem, Source

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, kw_only=True)
class MPNN(Method):
    """mᵢⱼ = φₗ(eᵢⱼ, norm hᵢ, norm hⱼ); eᵢⱼ ← eᵢⱼ + mᵢⱼ; hᵢ ← hᵢ + ψₗ(norm hᵢ, Σⱼ mᵢⱼ), `steps` times, φₗ, ψₗ perceptrons.

    The graph network of learnt simulators. Nodes and edges are encoded to `width` channels, edges from relative position,
    distance and given features; messages are summed; a perceptron decodes the nodes. The papers put the layer norm behind φ
    and ψ; here it stands in front. `virtual_node` adds a node that hears from all others and answers, in each step.
    In training the share `dropout` of what ψ gives is set to 0.

    Edges are the given ones, in both directions; where a problem gives none, all pairs within `radius`, or if that is 0 the
    `neighbours` nearest. With `centred` each node knows its position relative to the graph's mean. A trajectory is predicted
    step by step where its times are even, or as `forecast` says; the other fields say how the shared loop trains. Numbers of
    a whole graph are means over its nodes, times their number where they grow with it.

    Works well: 32 to 128 channels, and as many steps as it takes to cross the graph.

    Source: Sanchez-Gonzalez et al. 2020, arXiv:2002.09405, section 4; Pfaff et al. 2021, arXiv:2010.03409, section 3.2.
    """

    card: ClassVar[MethodCard] = MethodCard(
        title="Message-passing network",
        family="network",
        framework="torch",
        summary="encode, pass messages along edges, decode: the graph network of learnt simulators",
        description="Perceptrons on edges and nodes with skip connections and sums over neighbours. "
        "It sees lengths and directions of edges, and not where the graph lies.",
        sources=(
            Source(
                citation="A. Sanchez-Gonzalez et al., Learning to simulate complex physics with graph networks, ICML 2020",
                doi="10.48550/arXiv.2002.09405",
            ),
            Source(
                citation="T. Pfaff et al., Learning mesh-based simulation with graph networks, ICLR 2021",
                doi="10.48550/arXiv.2010.03409",
            ),
        ),
    )
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
        {
            "smoke": {"width": 16, "steps": 2, "updates": 40, "batch_size": 8, "validations": 2},
            "small": {},
            "full": {"width": 128, "steps": 15, "updates": 50_000, "validations": 20},
        }
    )
    search: ClassVar[Mapping[str, tuple[Any, ...]]] = MappingProxyType(
        {
            "learning_rate": (5e-4, 1e-3, 2e-3, 4e-3),
            "width": (32, 48, 64),
            "steps": (8, 10, 12),
        }
    )

    width: int = 48
    steps: int = 10
    virtual_node: bool = True
    dropout: float = 0.0
    radius: float = 0.0
    neighbours: int = 12
    centred: bool = False
    forecast: Forecast = "auto"
    optimizer: Optimizer = "adamw"
    schedule: Schedule = "onecycle"
    precision: Precision = "32-true"
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    batch_size: int = 8
    updates: int = 500
    clip_norm: float = 1.0
    validations: int = 5
    patience: int = 0

    def applies_to(self, problem: Problem) -> str | None:
        """Only on graphs, meshes and point clouds, for numbers on nodes or of whole graphs."""
        return why_not_a_graph(problem)

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
        from sciml_bench.method.graph_loop import fit_on_graphs

        for name in ("width", "steps"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} is {getattr(self, name)}, but must be at least 1")
        if not 0 <= self.dropout <= 0.9:
            raise UsageError(f"dropout is {self.dropout}, but must lie between 0 and 0.9")
        return fit_on_graphs(
            self.build,
            train,
            valid,
            problem=problem,
            training=Training.of(self),
            forecast=self.forecast,
            radius=self.radius,
            neighbours=self.neighbours,
            centred=self.centred,
            seed=seed,
            device=device,
            log=log,
        )

    def build(self, node_features: int, edge_features: int, outputs: int) -> "torch.nn.Module":
        """Return the network for graphs with so many features."""
        from sciml_bench.method.graph_nets import EncodeProcessDecode

        return EncodeProcessDecode(
            node_features,
            edge_features,
            outputs,
            width=self.width,
            steps=self.steps,
            virtual=self.virtual_node,
            dropout=self.dropout,
        )
