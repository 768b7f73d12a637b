"""Between an `xr.Dataset` of graphs, meshes or point clouds and flat arrays of nodes and edges, for graph networks.

Samples lie one behind the other, as in the data; edges are numbered over all of them. No framework is imported here.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

import numpy as np
import xarray as xr

from ..errors import ContractError, UsageError
from ..problem import HISTORY, SAMPLE, TIME, Problem, Variable
from ..problem.samples import count
from .edges import both_ways, neighbours
from .scaling import Standardizer
from .template import Template

CATEGORIES = 8
"""A node feature that is a whole number with at most so many values in training is also given as a vector of 0 and 1."""
SHARED = (TIME, HISTORY, "direction")
"""Entries along these dimensions share one mean and one scale."""


def why_not_a_graph(problem: Problem) -> str | None:
    """Return None if `problem` is one of graphs with node fields or scalars as targets, else the reason why not, in a sentence."""
    if not any(v.ragged == "node" for v in problem.inputs):
        return "It needs nodes of a mesh or graph, but no input lives on nodes."
    for v in problem.targets:
        if v.kind == "label":
            return f"It predicts numbers, but the target '{v.name}' is a class label."
        if v.ragged != "node" and v.dims:
            return f"It predicts values of nodes or of whole graphs, but '{v.name}' depends on {', '.join(v.dims)}."
    if not any(v.kind == "index" for v in problem.inputs) and position_input(problem) is None:
        return "It needs edges, or positions from which to find neighbours, and the inputs give neither."
    return None


def position_input(problem: Problem) -> Variable | None:
    """Return the input that holds the positions of the nodes, if there is one.

    That is "positions", else the only input (node, direction), else the initial state (node, component) of a target, whose
    components are the coordinates and then as many velocities or momenta.
    """
    vectors = [v for v in problem.inputs if v.dims == ("node", "direction")]
    named = [v for v in vectors if v.name == "positions"]
    states = [v for v in problem.inputs if v.dims == ("node", "component") and _is_initial(v, problem)]
    return next(iter(named or (vectors if len(vectors) == 1 else states)), None)


def _is_initial(variable: Variable, problem: Problem) -> bool:
    return any(t.initial == variable.name for t in problem.targets)


@dataclass(frozen=True, kw_only=True)
class Graphs:
    """Graphs one behind the other, scaled, float32 but for `positions` (float64, in the data's unit).

    `nodes` (node, feature), `positions` (node, direction), `edges` (2, edge), sender and receiver, numbered over all
    graphs, each pair in both directions; `edge_features` (edge, feature) are the sender's position relative to the receiver,
    the distance, and the given edge inputs. `node_targets` (node, feature) and `graph_targets` (sample, feature) are empty
    where only inputs were encoded; `sizes` (sample, node target) is ‖u‖₂ in the unit of `node_targets`.
    """

    nodes: np.ndarray
    positions: np.ndarray
    edges: np.ndarray
    edge_features: np.ndarray
    node_count: np.ndarray
    edge_count: np.ndarray
    node_targets: np.ndarray
    graph_targets: np.ndarray
    sizes: np.ndarray

    @property
    def batch(self) -> np.ndarray:
        """The number of the graph to which each node belongs."""
        return np.repeat(np.arange(len(self.node_count)), self.node_count)


@dataclass(frozen=True, kw_only=True)
class Scale:
    """y = w·c + μ + σ N^e z: how a scalar of a graph follows from z, the mean of what its N nodes contribute.

    c holds N and the number of nodes of each category; e is 1 for an extensive quantity, one that grows with the graph.
    """

    weights: np.ndarray
    mean: float
    std: float
    extensive: bool

    @classmethod
    def fit(cls, values: np.ndarray, composition: np.ndarray) -> Self:
        """Fit on `values` (sample,). Extensive if the composition (sample, category) alone halves the spread."""
        weights = np.linalg.lstsq(composition, values, rcond=1e-10)[0]
        rest = values - composition @ weights
        extensive = float(np.sqrt(np.mean(rest**2))) < 0.5 * float(values.std())
        if not extensive:
            return cls(weights=0 * weights, mean=float(values.mean()), std=float(values.std()) or 1.0, extensive=False)
        spread = float(np.sqrt(np.mean((rest / composition[:, 0]) ** 2)))
        rounding = 1e-12 * float(np.abs(values).max())
        return cls(weights=weights, mean=0.0, std=spread if spread > rounding else 1.0, extensive=True)

    def _size(self, composition: np.ndarray) -> np.ndarray:
        return self.std * (composition[:, 0] if self.extensive else np.ones(len(composition)))

    def encode(self, values: np.ndarray, composition: np.ndarray) -> np.ndarray:
        """Return z."""
        return np.asarray((values - composition @ self.weights - self.mean) / self._size(composition))

    def decode(self, z: np.ndarray, composition: np.ndarray) -> np.ndarray:
        """Return y."""
        return np.asarray(composition @ self.weights + self.mean + self._size(composition) * z)


@dataclass(frozen=True, kw_only=True)
class GraphCodec:
    """Encodes graphs and decodes predictions; every statistic is taken from the training data it is made of.

    Edges are those of the problem's "index" input. Without one, all pairs within `radius` are joined, or if that is 0 each
    node with its `neighbours` nearest. Node features are all node inputs and, repeated on each node, the inputs of a whole
    graph; of the positions, those relative to the graph's mean if `centred`, else none, so that a network which sees only
    edges is blind to where the graph lies. A target that starts from a given state is encoded as its change since then.
    """

    problem: Problem
    template: Template
    radius: float
    neighbours: int
    centred: bool
    categories: tuple[np.ndarray, ...] = ()
    node_scale: Standardizer | None = None
    edge_scale: Standardizer | None = None
    length: float = 1.0
    target_scales: Mapping[str, Standardizer | Scale]
    """Of each node target, (feature,) behind one another, and of each scalar target."""

    @classmethod
    def of(
        cls, problem: Problem, train: xr.Dataset, *, radius: float = 0.0, neighbours: int = 12, centred: bool = True
    ) -> Self:
        """Return the codec of a problem for which `why_not_a_graph` is None; `UsageError` for a value without meaning."""
        if radius < 0 or neighbours < 1:
            raise UsageError(f"radius is {radius} and neighbours {neighbours}; expected at least 0 and at least 1")
        bare = cls(
            problem=problem,
            template=Template.of(problem, train),
            radius=radius,
            neighbours=neighbours,
            centred=centred,
            target_scales={},
        )
        raw = bare._raw_nodes(train)
        categories = tuple(_categories(column) for column in raw.T)
        pairs, _ = bare._edges(train)
        vectors = _difference(bare.positions(train), pairs)
        length = float(np.sqrt((vectors**2).sum(axis=1).mean())) if vectors.size else 1.0
        fitted = {
            **bare.__dict__,
            "categories": categories,
            "node_scale": Standardizer.fit(raw, bare._node_groups(train)),
            "edge_scale": _edge_scale(bare, train),
            "length": length or 1.0,
        }
        coded = cls(**fitted)
        return cls(**{**fitted, "target_scales": {t.name: coded._target_scale(t, train) for t in problem.targets}})

    @property
    def node_targets(self) -> tuple[Variable, ...]:
        """The targets that live on nodes."""
        return tuple(t for t in self.problem.targets if t.ragged == "node")

    @property
    def graph_targets(self) -> tuple[Variable, ...]:
        """The targets that are one number for each graph."""
        return tuple(t for t in self.problem.targets if t.ragged != "node")

    def node_slices(self) -> list[slice]:
        """Return where each node target lies among the features of `Graphs.node_targets`."""
        ends = np.cumsum([0, *(math.prod(self._shape(t)) for t in self.node_targets)])
        return [slice(int(a), int(b)) for a, b in pairwise(ends)]

    def positions(self, data: xr.Dataset) -> np.ndarray:
        """Return the positions of all nodes (node, direction) in the data's unit; no directions if none are given."""
        variable = position_input(self.problem)
        if variable is None:
            return np.zeros((data.sizes["node"], 0))
        values = data[variable.name].to_numpy().astype(np.float64)
        return values if variable.dims[1] == "direction" else values[:, : values.shape[1] // 2]

    def encode(self, data: xr.Dataset, *, targets: bool = False) -> Graphs:
        """Return the graphs, with their targets if these are asked for."""
        positions, counts = self.positions(data), node_counts(data)
        pairs, edge_inputs = self._edges(data)
        vectors = _difference(positions, pairs) / self.length
        distances = np.sqrt((vectors**2).sum(axis=1, keepdims=True)) if vectors.size else vectors[:, :0]
        given = edge_inputs if self.edge_scale is None else self.edge_scale.encode(edge_inputs)
        owner = np.repeat(np.arange(len(counts)), counts)
        node_values, graph_values, sizes = self._encode_targets(data) if targets else self._no_targets(counts)
        return Graphs(
            nodes=self._encode_nodes(data).astype(np.float32),
            positions=positions,
            edges=pairs.T.copy(),
            edge_features=np.hstack([vectors, distances, given]).astype(np.float32),
            node_count=counts,
            edge_count=np.bincount(owner[pairs[:, 0]], minlength=len(counts)),
            node_targets=node_values.astype(np.float32),
            graph_targets=graph_values.astype(np.float32),
            sizes=sizes.astype(np.float32),
        )

    def decode(self, nodes: np.ndarray, graphs: np.ndarray, inputs: xr.Dataset) -> xr.Dataset:
        """Return the targets of `inputs` from scaled node values (node, feature) and graph values (sample, feature)."""
        arrays: dict[str, np.ndarray] = {}
        for target, part in zip(self.node_targets, self.node_slices(), strict=True):
            values = self._standard(target).decode(nodes[:, part].astype(np.float64))
            arrays[target.name] = values.reshape(-1, *self._shape(target)) + self._start(target, inputs)
        composition = self.composition(inputs)
        for k, target in enumerate(self.graph_targets):
            scale = self.target_scales[target.name]
            if isinstance(scale, Scale):
                arrays[target.name] = scale.decode(graphs[:, k].astype(np.float64), composition)
        return self.template.dress(arrays, inputs)

    def composition(self, data: xr.Dataset) -> np.ndarray:
        """Return the number of nodes of each graph, and how many fall into each category: (sample, 1 + category)."""
        counts = node_counts(data)
        flags = np.hstack([np.ones((data.sizes["node"], 1)), self._flags(self._raw_nodes(data))])
        starts = np.concatenate([[0], np.cumsum(counts)])
        sums = np.concatenate([np.zeros((1, flags.shape[1])), np.cumsum(flags, axis=0)])
        return np.asarray(sums[starts[1:]] - sums[starts[:-1]])

    def _standard(self, target: Variable) -> Standardizer:
        scale = self.target_scales[target.name]
        if not isinstance(scale, Standardizer):
            raise ContractError(f"'{target.name}' is not a target on nodes")
        return scale

    def _shape(self, variable: Variable) -> tuple[int, ...]:
        return tuple(self.template.sizes[d] for d in variable.dims if d != "node")

    def _node_inputs(self) -> list[Variable]:
        return [v for v in self.problem.inputs if v.ragged == "node" and v != position_input(self.problem)]

    def _graph_inputs(self) -> list[Variable]:
        return [v for v in self.problem.inputs if v.ragged is None]

    def _raw_nodes(self, data: xr.Dataset) -> np.ndarray:
        """Return what each node is told, unscaled: (node, feature)."""
        counts, position = node_counts(data), position_input(self.problem)
        parts = [_flat(data, v) for v in self._node_inputs()]
        parts += [np.repeat(_flat(data, v), counts, axis=0) for v in self._graph_inputs()]
        if self.centred or not parts:
            parts.append(centre(self.positions(data), counts))
        if position is not None and position.dims[1] != "direction":
            values = _flat(data, position)
            parts.append(values[:, values.shape[1] // 2 :])
        return np.hstack(parts)

    def _node_groups(self, data: xr.Dataset) -> list[int]:
        """Return which features of `_raw_nodes` share a scale."""
        sets = [np.array(_groups(v, data), int) for v in (*self._node_inputs(), *self._graph_inputs())]
        space, position = self.positions(data).shape[1], position_input(self.problem)
        sets += [np.zeros(space, int)] if self.centred or not sets else []
        sets += [np.zeros(space, int)] if position is not None and position.dims[1] != "direction" else []
        starts = np.cumsum([0, *(int(g.max(initial=-1)) + 1 for g in sets[:-1])])
        return [int(n) for g, s in zip(sets, starts, strict=True) for n in g + s]

    def _flags(self, raw: np.ndarray) -> np.ndarray:
        columns = [raw[:, [k]] == values for k, values in enumerate(self.categories) if len(values)]
        return np.hstack([np.zeros((len(raw), 0)), *columns])

    def _encode_nodes(self, data: xr.Dataset) -> np.ndarray:
        raw = self._raw_nodes(data)
        scaled = raw if self.node_scale is None else self.node_scale.encode(raw)
        return np.hstack([scaled, self._flags(raw)])

    def _edges(self, data: xr.Dataset) -> tuple[np.ndarray, np.ndarray]:
        """Return all edges in both directions (edge, 2) and their given features (edge, feature)."""
        total = data.sizes["node"]
        index = next((v for v in self.problem.inputs if v.kind == "index"), None)
        if index is None:
            pairs = neighbours(self.positions(data), node_counts(data), self.radius, self.neighbours)
            return pairs, np.zeros((len(pairs), 0))
        counts = np.asarray(data["edge_count"].values, np.int64)
        starts = np.concatenate([[0], np.cumsum(node_counts(data))[:-1]])
        pairs = data[index.name].to_numpy() + np.repeat(starts, counts)[:, None]
        inputs = [_flat(data, v) for v in self.problem.inputs if v.ragged == "edge" and v.kind != "index"]
        given = np.hstack([np.zeros((len(pairs), 0)), *inputs])
        both, source = both_ways(pairs, total)
        return both, given[source]

    def _start(self, target: Variable, data: xr.Dataset) -> np.ndarray | float:
        """Return the state from which a target starts, along its time; 0 if none is given."""
        if target.initial is None or not target.steps:
            return 0.0
        state = data[target.initial]
        if HISTORY in state.dims:
            state = state.isel({HISTORY: -1}, drop=True)
        dims = tuple(d for d in target.dims if d != TIME)
        return np.expand_dims(state.transpose(*dims).to_numpy().astype(np.float64), target.dims.index(TIME))

    def _changes(self, target: Variable, data: xr.Dataset) -> np.ndarray:
        values = data[target.name].transpose(*target.dims).to_numpy().astype(np.float64) - self._start(target, data)
        return np.asarray(values.reshape(len(values), -1))

    def _target_scale(self, target: Variable, data: xr.Dataset) -> Standardizer | Scale:
        if target.ragged == "node":
            return Standardizer.fit(self._changes(target, data), _groups(target, data))
        return Scale.fit(data[target.name].to_numpy().astype(np.float64), self.composition(data))

    def _encode_targets(self, data: xr.Dataset) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        counts = node_counts(data)
        starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
        nodes, sizes = [np.zeros((int(counts.sum()), 0))], [np.zeros((len(counts), 0))]
        for target in self.node_targets:
            scale = self._standard(target)
            nodes.append(scale.encode(self._changes(target, data)))
            square = ((_flat(data, target) / scale.std) ** 2).sum(axis=1)
            sizes.append(np.sqrt(np.add.reduceat(square, starts))[:, None])
        graphs = [np.zeros((len(counts), 0))]
        composition = self.composition(data)
        for target in self.graph_targets:
            graph_scale = self.target_scales[target.name]
            if isinstance(graph_scale, Scale):
                graphs.append(graph_scale.encode(data[target.name].to_numpy(), composition)[:, None])
        return np.hstack(nodes), np.hstack(graphs), np.hstack(sizes)

    def _no_targets(self, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return np.zeros((int(counts.sum()), 0)), np.zeros((len(counts), 0)), np.zeros((len(counts), 0))


def node_counts(data: xr.Dataset) -> np.ndarray:
    """Return the number of nodes of each graph; `ContractError` if there is no graph, or one without nodes."""
    if count(data) == 0 or int(data["node_count"].min()) == 0:
        raise ContractError("a dataset without graphs, or with an empty one, was given; each graph needs a node")
    return np.asarray(data["node_count"].values, np.int64)


def centre(positions: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return the positions relative to the mean of their own graph."""
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    means = np.add.reduceat(positions, starts, axis=0) / counts[:, None]
    return np.asarray(positions - np.repeat(means, counts, axis=0))


def _difference(positions: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Return the sender's position relative to the receiver."""
    return np.asarray(positions[pairs[:, 0]] - positions[pairs[:, 1]])


def _edge_scale(codec: GraphCodec, train: xr.Dataset) -> Standardizer | None:
    given = codec._edges(train)[1]
    return Standardizer.fit(given) if given.size else None


def _categories(column: np.ndarray) -> np.ndarray:
    """Return the values of a feature that is a whole number with few of them, else none."""
    if not np.array_equal(column, np.round(column)):
        return np.empty(0)
    values = np.unique(column)
    return values if 2 <= len(values) <= CATEGORIES else np.empty(0)


def _flat(data: xr.Dataset, variable: Variable) -> np.ndarray:
    """Return a variable as (node, feature), (edge, feature) or (sample, feature)."""
    dims = variable.dims if variable.ragged else (SAMPLE, *variable.dims)
    values = data[variable.name].transpose(*dims).to_numpy().astype(np.float64)
    return np.asarray(values.reshape(len(values), -1))


def _groups(variable: Variable, data: xr.Dataset) -> list[int]:
    """Return for each feature of a variable the number of its scale: one for all entries along `SHARED` dimensions."""
    dims = [d for d in variable.dims if d != variable.ragged]
    own = [1 if d in SHARED else int(data.sizes[d]) for d in dims]
    numbers = np.arange(math.prod(own)).reshape(own)
    return [int(n) for n in np.broadcast_to(numbers, [int(data.sizes[d]) for d in dims]).ravel()]
