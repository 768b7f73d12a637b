"""The graph attention network (version 2), from torch_geometric."""

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
class GAT(Method):
    """hᵢ ← hᵢ + σ(Σⱼ αᵢⱼ W norm(hⱼ)), αᵢⱼ = softmaxⱼ(a · LeakyReLU(W₁hᵢ + W₂hⱼ + W₃eᵢⱼ)), `layers` times, with `heads` such sums.

    A node weighs what its neighbours say by attention, which sees both ends and the edge: relative position, distance, given
    features. Between pointwise encoder and decoder, with layer norm and skip connections. `virtual_node` adds a node that
    hears from all others and answers, in each layer. `width` is divided among the heads. In training the share `dropout` of
    what each layer adds is set to 0.

    Edges are the given ones, in both directions; where a problem gives none, all pairs within `radius`, or if that is 0 the
    `neighbours` nearest. With `centred` each node knows its position relative to the graph's mean. A trajectory is predicted
    step by step where its times are even, or as `forecast` says; the other fields say how the shared loop trains. Numbers of
    a whole graph are means over its nodes, times their number where they grow with it.

    Works well: 32 to 128 channels, 2 to 8 heads, as many layers as the graph is wide. What a node hears is an average: it
    cannot count its neighbours.

    Source: Brody et al. 2022, arXiv:2105.14491, equations 1 and 7; Veličković et al. 2018, arXiv:1710.10903.
    """

    card: ClassVar[MethodCard] = MethodCard(
        title="Graph attention network",
        family="network",
        framework="torch",
        summary="neighbours weighed by attention that sees the edge between",
        description="The dynamic attention of GATv2 as torch_geometric implements it, in a deep network with skip connections. "
        "Attention sees lengths and directions of edges.",
        sources=(
            Source(
                citation="S. Brody et al., How attentive are graph attention networks?, ICLR 2022",
                doi="10.48550/arXiv.2105.14491",
            ),
            Source(
                citation="P. Veličković et al., Graph attention networks, ICLR 2018", doi="10.48550/arXiv.1710.10903"
            ),
            Source(
                citation="M. Fey and J. E. Lenssen, Fast graph representation learning with PyTorch Geometric, 2019",
                doi="10.48550/arXiv.1903.02428",
            ),
        ),
        needs=("torch_geometric",),
    )
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
        {
            "smoke": {"width": 16, "heads": 2, "layers": 2, "updates": 40, "batch_size": 8, "validations": 2},
            "small": {},
            "full": {"width": 128, "layers": 16, "updates": 50_000, "validations": 20},
        }
    )
    search: ClassVar[Mapping[str, tuple[Any, ...]]] = MappingProxyType(
        {
            "learning_rate": (5e-4, 1e-3, 2e-3, 4e-3),
            "width": (48, 64, 96),
            "layers": (6, 8, 10),
        }
    )

    width: int = 64
    heads: int = 4
    layers: int = 8
    virtual_node: bool = True
    dropout: float = 0.0
    radius: float = 0.0
    neighbours: int = 12
    centred: bool = True
    forecast: Forecast = "auto"
    optimizer: Optimizer = "adamw"
    schedule: Schedule = "onecycle"
    precision: Precision = "32-true"
    learning_rate: float = 2e-3
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

        for name in ("width", "heads", "layers"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} is {getattr(self, name)}, but must be at least 1")
        if not 0 <= self.dropout <= 0.9:
            raise UsageError(f"dropout is {self.dropout}, but must lie between 0 and 0.9")
        if self.width % self.heads:
            raise UsageError(f"width is {self.width}, but must be a multiple of heads, {self.heads}")
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
        from torch_geometric.nn import GATv2Conv

        from sciml_bench.method.graph_nets import Convolutions

        return Convolutions(
            node_features,
            outputs,
            width=self.width,
            layers=self.layers,
            conv=lambda width: GATv2Conv(width, width // self.heads, self.heads, edge_dim=edge_features or None),
            edged=edge_features > 0,
            virtual=self.virtual_node,
            dropout=self.dropout,
        )
