"""The graph convolutional network, from torch_geometric."""

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
class GCN(Method):
    """hₗ₊₁ = hₗ + σ(D^(−1/2) (A + I) D^(−1/2) norm(hₗ) Wₗ), A the adjacency matrix and D the degrees of A + I, `layers` times.

    The convolution of the paper, here between pointwise encoder and decoder, with layer norm and skip connections, without
    which more than a few layers wash all nodes out to one value. It sees who is joined to whom and no more: positions enter
    as features of the nodes. `virtual_node` adds a node that hears from all others and answers, in each layer.
    In training the share `dropout` of what each layer adds is set to 0.

    Edges are the given ones, in both directions; where a problem gives none, all pairs within `radius`, or if that is 0 the
    `neighbours` nearest. With `centred` each node knows its position relative to the graph's mean. A trajectory is predicted
    step by step where its times are even, or as `forecast` says; the other fields say how the shared loop trains. Numbers of
    a whole graph are means over its nodes, times their number where they grow with it.

    Works well: 32 to 128 channels, as many layers as the graph is wide. Blind to the lengths and directions of edges.

    Source: Kipf & Welling 2017, arXiv:1609.02907, equation 2; virtual node, Gilmer et al. 2017, arXiv:1704.01212.
    """

    card: ClassVar[MethodCard] = MethodCard(
        title="Graph convolutional network",
        family="network",
        framework="torch",
        summary="averages over neighbours, layer by layer",
        description="The convolution of the paper as torch_geometric implements it, in a deep network with skip connections. "
        "It knows which nodes are joined, not how far apart they are.",
        sources=(
            Source(
                citation="T. N. Kipf and M. Welling, Semi-supervised classification with graph convolutional networks, ICLR 2017",
                doi="10.48550/arXiv.1609.02907",
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
            "smoke": {"width": 16, "layers": 2, "updates": 40, "batch_size": 8, "validations": 2},
            "small": {},
            "full": {"width": 128, "layers": 16, "updates": 50_000, "validations": 20},
        }
    )
    search: ClassVar[Mapping[str, tuple[Any, ...]]] = MappingProxyType(
        {
            "learning_rate": (5e-4, 1e-3, 2e-3, 4e-3),
            "width": (48, 64, 96),
            "layers": (8, 12, 16),
        }
    )

    width: int = 64
    layers: int = 12
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
    updates: int = 1000
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

        for name in ("width", "layers"):
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

    def build(self, node_features: int, edge_features: int, outputs: int) -> "torch.nn.Module":  # noqa: ARG002
        """Return the network for graphs with so many features."""
        from torch_geometric.nn import GCNConv

        from sciml_bench.method.graph_nets import Convolutions

        return Convolutions(
            node_features,
            outputs,
            width=self.width,
            layers=self.layers,
            conv=lambda width: GCNConv(width, width),
            edged=False,
            virtual=self.virtual_node,
            dropout=self.dropout,
        )
