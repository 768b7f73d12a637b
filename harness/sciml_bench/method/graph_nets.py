"""Networks on graphs in torch: stacks of graph convolutions, and message passing along edges with features."""

from collections.abc import Callable

import torch

from .graph_loop import GraphBatch

Tensor = torch.Tensor


def mlp(inputs: int, width: int, outputs: int) -> torch.nn.Sequential:
    """Return a perceptron with one hidden layer."""
    return torch.nn.Sequential(torch.nn.Linear(inputs, width), torch.nn.GELU(), torch.nn.Linear(width, outputs))


class VirtualNode(torch.nn.Module):
    """h ← h + W₂ σ(W₁ mean(h)), the mean over the graph: every node hears of every other in one step.

    Source: Gilmer et al. 2017, arXiv:1704.01212, section 5.2 (the master node).
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = torch.nn.LayerNorm(width)
        self.net = mlp(width, width, width)

    def forward(self, h: Tensor, graphs: GraphBatch) -> Tensor:
        """(node, width) → (node, width)."""
        told = self.net(graphs.mean(self.norm(h)))
        return h + told.index_select(0, graphs.batch)


class Convolutions(torch.nn.Module):
    """h ← h + σ(conv(norm(h))), layer by layer, between pointwise encoder and decoder; `virtual` adds a virtual node to each.

    `conv(width)` makes a layer of torch_geometric; `edged` says that it is given edge features too. In training the share
    `dropout` of what each layer adds is set to 0.
    """

    def __init__(
        self,
        node_features: int,
        outputs: int,
        *,
        width: int,
        layers: int,
        conv: Callable[[int], torch.nn.Module],
        edged: bool,
        virtual: bool,
        dropout: float,
    ) -> None:
        super().__init__()
        self.encoder = mlp(node_features, width, width)
        self.convs = torch.nn.ModuleList(conv(width) for _ in range(layers))
        self.norms = torch.nn.ModuleList(torch.nn.LayerNorm(width) for _ in range(layers))
        self.virtual = torch.nn.ModuleList(VirtualNode(width) for _ in range(layers if virtual else 0))
        self.decoder = torch.nn.Sequential(torch.nn.LayerNorm(width), mlp(width, width, outputs))
        self.dropout = torch.nn.Dropout(dropout)
        self.edged = edged

    def forward(self, graphs: GraphBatch) -> Tensor:
        """Return (node, outputs)."""
        h = self.encoder(graphs.nodes)
        extra = (graphs.edges,) if self.edged else ()
        for k, (conv, norm) in enumerate(zip(self.convs, self.norms, strict=True)):
            h = h + self.dropout(torch.nn.functional.gelu(conv(norm(h), graphs.edge_index, *extra)))
            if len(self.virtual):
                h = self.virtual[k](h, graphs)
        return self.decoder(h)


class MessagePassing(torch.nn.Module):
    """mᵢⱼ = φ(eᵢⱼ, norm(hᵢ), norm(hⱼ)); eᵢⱼ ← eᵢⱼ + mᵢⱼ; hᵢ ← hᵢ + ψ(norm(hᵢ), Σⱼ mᵢⱼ), φ and ψ perceptrons: one step.

    In training the share `dropout` of what ψ gives is set to 0.
    """

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.norm = torch.nn.LayerNorm(width)
        # The first layer of φ acts on nodes before they are gathered to edges, of which there are more: the same map, cheaper.
        self.sender = torch.nn.Linear(width, width, bias=False)
        self.receiver = torch.nn.Linear(width, width, bias=False)
        self.edge = torch.nn.Linear(width, width)
        self.message = torch.nn.Sequential(torch.nn.GELU(), torch.nn.Linear(width, width))
        self.update = mlp(2 * width, width, width)
        self.dropout = torch.nn.Dropout(dropout)

    def forward(self, h: Tensor, e: Tensor, graphs: GraphBatch) -> tuple[Tensor, Tensor]:
        """(node, width), (edge, width) → the same."""
        start, end = graphs.edge_index
        x = self.norm(h)
        heard = self.sender(x).index_select(0, start) + self.receiver(x).index_select(0, end)
        m = self.message(heard + self.edge(e))
        total = torch.zeros_like(h).index_add(0, end, m.to(h.dtype))
        return h + self.dropout(self.update(torch.cat([x, total], dim=1))), e + m


class EncodeProcessDecode(torch.nn.Module):
    """Perceptrons encode nodes and edges, `steps` steps of message passing follow, a perceptron decodes the nodes."""

    def __init__(
        self,
        node_features: int,
        edge_features: int,
        outputs: int,
        *,
        width: int,
        steps: int,
        virtual: bool,
        dropout: float,
    ) -> None:
        super().__init__()
        self.nodes = torch.nn.Sequential(mlp(node_features, width, width), torch.nn.LayerNorm(width))
        self.edges = torch.nn.Sequential(mlp(max(1, edge_features), width, width), torch.nn.LayerNorm(width))
        self.steps = torch.nn.ModuleList(MessagePassing(width, dropout) for _ in range(steps))
        self.virtual = torch.nn.ModuleList(VirtualNode(width) for _ in range(steps if virtual else 0))
        self.decoder = torch.nn.Sequential(torch.nn.LayerNorm(width), mlp(width, width, outputs))

    def forward(self, graphs: GraphBatch) -> Tensor:
        """Return (node, outputs)."""
        given = graphs.edges if graphs.edges.shape[1] else torch.ones_like(graphs.edges.sum(1, keepdim=True))
        h, e = self.nodes(graphs.nodes), self.edges(given)
        for k, step in enumerate(self.steps):
            h, e = step(h, e, graphs)
            if len(self.virtual):
                h = self.virtual[k](h, graphs)
        return self.decoder(h)
