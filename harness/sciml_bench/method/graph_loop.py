"""Fitting a torch network to a problem on graphs, with the shared loop."""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
import xarray as xr

from ..errors import UsageError
from ..problem import HISTORY, Problem
from ..problem.samples import count, only, take
from .contract import Log, Predictor
from .forecasting import Forecast, plan
from .graph_steps import GraphRollout, one_step
from .graphs import GraphCodec, Graphs
from .template import Template
from .torch_loop import optimize, seeded, stream
from .training import Training

Tensor = torch.Tensor
CHUNK = 32
"""Graphs predicted together."""
VALIDATED = 512
"""Pairs of successive states that score an autoregressive fit, at most."""
FLOOR = 0.1
"""Errors of a node field are divided by at least this fraction of the field's mean norm over training."""


class GraphBatch(NamedTuple):
    """Graphs one behind the other, scaled as `Graphs` says; `batch` is the number of each node's graph, `counts` its nodes."""

    nodes: Tensor
    positions: Tensor
    edge_index: Tensor
    edges: Tensor
    batch: Tensor
    counts: Tensor

    def pool(self, values: Tensor) -> Tensor:
        """Return the sum over each graph of values (node, …): (graph, …)."""
        zeros = values.new_zeros((len(self.counts), *values.shape[1:]))
        return zeros.index_add(0, self.batch, values)

    def mean(self, values: Tensor) -> Tensor:
        """Return the mean over each graph of values (node, feature)."""
        return self.pool(values) / self.counts[:, None].to(values.dtype)


class GraphExamples:
    """Graphs held as flat tensors; `take` puts the chosen ones one behind the other.

    It returns the fields of a `GraphBatch` and then the node targets, graph targets and sizes of `Graphs`.
    """

    def __init__(self, graphs: Graphs) -> None:
        self._node_count = torch.from_numpy(graphs.node_count)
        self._edge_count = torch.from_numpy(graphs.edge_count.astype(np.int64))
        self._node_start = self._node_count.cumsum(0) - self._node_count
        self._edge_start = self._edge_count.cumsum(0) - self._edge_count
        self._nodes = [torch.from_numpy(a) for a in (graphs.nodes, graphs.positions.astype(np.float32))]
        self._edges = torch.from_numpy(graphs.edges)
        self._edge_features = torch.from_numpy(graphs.edge_features)
        self._node_targets = torch.from_numpy(graphs.node_targets)
        self._samples = [torch.from_numpy(a) for a in (graphs.graph_targets, graphs.sizes)]

    def __len__(self) -> int:
        return len(self._node_count)

    def take(self, index: Tensor) -> tuple[Tensor, ...]:
        """Return the graphs with these numbers, edges renumbered to the nodes that are returned."""
        counts, edge_counts = self._node_count[index], self._edge_count[index]
        node = _spans(self._node_start[index], counts)
        edge = _spans(self._edge_start[index], edge_counts)
        shift = (counts.cumsum(0) - counts) - self._node_start[index]
        edges = self._edges[:, edge] + torch.repeat_interleave(shift, edge_counts)
        batch = torch.repeat_interleave(torch.arange(len(index)), counts)
        nodes, positions = (a[node] for a in self._nodes)
        graphs = GraphBatch(nodes, positions, edges, self._edge_features[edge], batch, counts)
        return (*graphs, self._node_targets[node], *(a[index] for a in self._samples))


def _spans(starts: Tensor, counts: Tensor) -> Tensor:
    """Return start, start + 1, … of every span, one behind the other."""
    shift = starts - (counts.cumsum(0) - counts)
    return torch.repeat_interleave(shift, counts) + torch.arange(int(counts.sum()))


class Build(Protocol):
    """Makes a network from `GraphBatch` to (node, `outputs`)."""

    def __call__(self, node_features: int, edge_features: int, outputs: int) -> torch.nn.Module:
        """Return the network, on the CPU, with weights from torch's random state."""


class Pooled(torch.nn.Module):
    """Splits what a network gives for each node: the node targets, and the rest averaged over each graph."""

    def __init__(self, net: torch.nn.Module, node_outputs: int) -> None:
        super().__init__()
        self.net = net
        self.node_outputs = node_outputs

    def forward(self, graphs: GraphBatch) -> tuple[Tensor, Tensor]:
        """Return scaled node targets (node, feature) and graph targets (graph, feature)."""
        values = self.net(graphs)
        return values[:, : self.node_outputs], graphs.mean(values[:, self.node_outputs :])


def fit_on_graphs(
    build: Build,
    train: xr.Dataset,
    valid: xr.Dataset,
    *,
    problem: Problem,
    training: Training,
    forecast: Forecast,
    radius: float,
    neighbours: int,
    centred: bool,
    seed: int,
    device: str,
    log: Log,
) -> Predictor:
    """Train the network that `build` makes and return its predictor.

    `forecast` "autoregressive" learns the change from each state to the next and repeats it, "direct" the change from the
    given state to every output time at once; "auto" is autoregressive where the output times are even and continue the
    given state. `radius`, `neighbours` and `centred` are those of `GraphCodec`. Statistics come from `train` alone.
    """
    steps = _steps(problem, train, forecast)
    log.fact("forecast", "autoregressive" if steps else "direct")
    given, check = (one_step(problem, d) for d in (train, valid)) if steps else (train, valid)
    if steps and count(check) > VALIDATED:
        check = take(check, np.linspace(0, count(check) - 1, VALIDATED).astype(np.int64))
    codec = GraphCodec.of(problem, given, radius=radius, neighbours=neighbours, centred=centred)
    predictor = _fit(build, given, check, codec=codec, training=training, seed=seed, device=device, log=log)
    if not steps:
        return predictor
    return GraphRollout(step=predictor, template=Template.of(problem, train), steps=steps)


def _steps(problem: Problem, data: xr.Dataset, forecast: Forecast) -> int:
    """Return the number of steps of an autoregressive forecast, 0 for a direct one."""
    if forecast == "direct":
        return 0
    try:
        steps = plan(problem, data, "autoregressive")
    except UsageError:
        if forecast == "autoregressive":
            raise
        return 0
    return steps.steps if steps and data.sizes.get(HISTORY, 1) == 1 else 0


def _fit(
    build: Build,
    train: xr.Dataset,
    valid: xr.Dataset,
    *,
    codec: GraphCodec,
    training: Training,
    seed: int,
    device: str,
    log: Log,
) -> "GraphPredictor":
    """Fit in one pass.

    Loss and validation: ‖p − u‖₂ / ‖u‖₂ of each node field over a graph, the change from a given state relative to the state
    itself, plus |z − z'| of each scaled graph target, averaged over targets and graphs.
    """
    examples = GraphExamples(codec.encode(train, targets=True))
    check = GraphExamples(codec.encode(valid, targets=True))
    sample = examples.take(torch.zeros(1, dtype=torch.int64))
    outputs = [sample[k].shape[1] for k in (6, 7)]
    with seeded(stream(seed, 0), "cpu"):  # the same weights whatever the device
        net = build(sample[0].shape[1], sample[3].shape[1], sum(outputs))
    module = Pooled(net, outputs[0])
    slices, floors = codec.node_slices(), FLOOR * examples.take(torch.arange(len(examples)))[8].mean(0)

    def loss(network: torch.nn.Module, batch: tuple[Tensor, ...]) -> Tensor:
        return graph_loss(network(_as(network, batch)), batch, slices, floors.to(batch[0].device)).mean()

    def score(network: torch.nn.Module) -> float:
        parts = [tuple(t.to(device) for t in batch) for batch in _chunks(check)]
        values = [graph_loss(network(_as(network, b)), b, slices, floors.to(device)) for b in parts]
        return float(torch.cat(values).mean())

    optimize(module, examples, loss, score, training=training, seed=seed, device=device, log=log)
    names = tuple(v.name for v in codec.problem.inputs)
    return GraphPredictor(codec=codec, inputs=names, module=module, device=device)


def graph_loss(
    predicted: tuple[Tensor, Tensor], batch: tuple[Tensor, ...], slices: list[slice], floors: Tensor
) -> Tensor:
    """Return the error of each graph, averaged over its targets."""
    graphs, (nodes, scalars, sizes) = GraphBatch(*batch[:6]), batch[6:]
    square = (predicted[0] - nodes) ** 2
    fields = [
        (graphs.pool(square[:, s].sum(1)) + 1e-12).sqrt() / sizes[:, k].clamp_min(float(floors[k]))
        for k, s in enumerate(slices)
    ]
    return torch.stack([*fields, *(predicted[1] - scalars).abs().unbind(1)]).mean(0)


def _as(module: torch.nn.Module, batch: tuple[Tensor, ...]) -> GraphBatch:
    """Return the graphs of a batch in the precision of the module's weights."""
    dtype = next(module.parameters()).dtype
    return GraphBatch(*(t.to(dtype) if t.is_floating_point() else t for t in batch[:6]))


def _chunks(examples: GraphExamples) -> Iterator[tuple[Tensor, ...]]:
    for start in range(0, len(examples), CHUNK):
        yield examples.take(torch.arange(start, min(start + CHUNK, len(examples))))


@dataclass(frozen=True, kw_only=True)
class GraphPredictor:
    """Predicts all targets of graphs in one pass."""

    codec: GraphCodec
    inputs: tuple[str, ...]
    module: Pooled
    device: str

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "module": copy.deepcopy(self.module).to("cpu")}

    def __call__(self, inputs: xr.Dataset) -> xr.Dataset:
        """Return the targets of the graphs in `inputs`."""
        device = self.device if self.device == "cpu" or torch.cuda.is_available() else "cpu"
        self.module.to(device).eval()
        nodes: list[np.ndarray] = []
        graphs: list[np.ndarray] = []
        with torch.no_grad():
            for start in range(0, count(inputs), CHUNK):
                part = only(take(inputs, range(start, min(start + CHUNK, count(inputs)))), self.inputs)
                batch = GraphExamples(self.codec.encode(part)).take(torch.arange(count(part)))
                for found, values in zip(
                    (nodes, graphs), self.module(_as(self.module, tuple(t.to(device) for t in batch))), strict=True
                ):
                    found.append(values.float().cpu().numpy())
        return self.codec.decode(np.concatenate(nodes), np.concatenate(graphs), inputs)
