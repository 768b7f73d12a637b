"""Ridge regression on descriptors of a node's surroundings: the baseline of graphs and meshes."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import xarray as xr

from sciml_bench.errors import UsageError
from sciml_bench.method import Budget, Log, Method, Predictor
from sciml_bench.method.graphs import GraphCodec, Graphs, why_not_a_graph
from sciml_bench.problem import MethodCard, Problem, Source

PENALTIES = tuple(10.0**k for k in range(-8, 3))
"""Penalties that are tried, for each node."""
FLAT = 1e-3
"""A descriptor with less spread tells nothing; the features that it averages have spreads about 1."""


@dataclass(frozen=True, kw_only=True)
class DescriptorRidge(Method):
    """û_i = d_i W + b, (W, b) = argmin (1/n) Σᵢ ‖d_i W + b − uᵢ‖² + λ ‖W‖², over the nodes of all graphs.

    The descriptors d_i of a node, all standardised, are these, but for what varies less than a thousandth of the features:

    - its features, and their means over the walks of 1, 2, 4 … 2^(`scales` − 1) edges that start at it;
    - their Gaussian averages over the graph with widths of 2, 4 … 2^`scales` edge lengths, and their mean over the graph;
    - its degree, the sums over its edges of the edge features, and of products of two of them;
    - where the problem marks nodes on the edge of the domain: the distance to it, and the product of all the others with this
      distance and its square.

    A number of a whole graph is regressed on the means of the descriptors over its nodes. λ is the one of a grid with the
    least error on the validation part. Edges are the given ones, or else those to the `neighbours` nearest nodes.

    Source: Hoerl & Kennard 1970, doi:10.1080/00401706.1970.10488634; diffused features, Rossi et al. 2020, arXiv:2004.11198.
    """

    card: ClassVar[MethodCard] = MethodCard(
        title="Descriptors and ridge",
        family="baseline",
        framework="numpy",
        summary="the best linear function of fixed descriptors of a node's surroundings",
        description="Averages of the inputs over neighbourhoods of several sizes, distance to the edge of the domain and "
        "sums over edges, then ridge regression. What learnt message passing adds is its distance to this row.",
        sources=(
            Source(
                citation="A. E. Hoerl and R. W. Kennard, Ridge regression, Technometrics 12 (1970)",
                doi="10.1080/00401706.1970.10488634",
            ),
            Source(
                citation="E. Rossi et al., SIGN: Scalable inception graph neural networks, 2020",
                doi="10.48550/arXiv.2004.11198",
            ),
        ),
    )
    search: ClassVar[dict[str, tuple[int, ...]]] = {
        "scales": (3, 4, 5),
        "neighbours": (8, 12, 16),
    }

    scales: int = 4
    neighbours: int = 12

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
        seed: int,  # noqa: ARG002
        device: str,  # noqa: ARG002
        log: Log,
    ) -> Predictor:
        """Solve for each penalty and keep the best on `valid`, for nodes and for graphs."""
        if self.scales < 1:
            raise UsageError(f"scales is {self.scales}, but must be at least 1")
        codec = GraphCodec.of(problem, train, neighbours=self.neighbours)
        describe = Describe(codec=codec, scales=self.scales)
        given, check = codec.encode(train, targets=True), codec.encode(valid, targets=True)
        x, x_valid = describe(given, train), describe(check, valid)
        log.progress(0.5, f"{x.shape[1]} descriptors")
        nodes = _choose(x, given.node_targets, x_valid, check.node_targets, "nodes", log)
        graphs = _choose(
            _means(x, given), given.graph_targets, _means(x_valid, check), check.graph_targets, "graphs", log
        )
        log.fact("parameters", nodes.weights.size + graphs.weights.size)
        log.progress(1.0)
        return DescriptorPredictor(describe=describe, nodes=nodes, graphs=graphs)


@dataclass(frozen=True, kw_only=True)
class Describe:
    """Computes the descriptors of nodes."""

    codec: GraphCodec
    scales: int

    def __call__(self, graphs: Graphs, data: xr.Dataset) -> np.ndarray:
        """Return (node, descriptor)."""
        own = graphs.nodes.astype(np.float64)
        parts = [own, *self._walks(own, graphs), _spread(_means(own, graphs), graphs), *self._edges(graphs)]
        marked = self.codec.problem.edge_nodes
        flags = data[marked].to_numpy() > 0.5 if marked else np.zeros(len(own), bool)
        parts += self._averages(own, graphs)
        x = np.hstack(parts)
        if not marked:
            return x
        distance = self._distance(graphs, flags)
        return np.hstack([x, distance, distance**2, x * distance, x * distance**2])

    def _walks(self, own: np.ndarray, graphs: Graphs) -> list[np.ndarray]:
        from scipy.sparse import coo_array

        n, (start, end) = len(own), graphs.edges
        degree = np.maximum(np.bincount(end, minlength=n), 1.0)
        step = coo_array((1.0 / degree[end], (end, start)), shape=(n, n)).tocsr()
        found, x, done = [], own, 0
        for k in range(self.scales):
            for _ in range(2**k - done):
                x = step @ x
            done = 2**k
            found.append(x)
        return [*found, degree[:, None]]

    def _edges(self, graphs: Graphs) -> list[np.ndarray]:
        e, end = graphs.edge_features.astype(np.float64), graphs.edges[1]
        pairs = [e[:, [a]] * e[:, a:] for a in range(e.shape[1])]
        total = np.zeros((len(graphs.nodes), e.shape[1] + sum(p.shape[1] for p in pairs)))
        np.add.at(total, end, np.hstack([e, *pairs]))
        return [total]

    def _averages(self, own: np.ndarray, graphs: Graphs) -> list[np.ndarray]:
        if not graphs.positions.shape[1]:
            return []
        found = np.zeros((len(own), self.scales * own.shape[1]))
        for s in _slices(graphs):
            square = _squares(graphs.positions[s], graphs.positions[s]) / self.codec.length**2
            for k in range(self.scales):
                weights = np.exp(-square / (2 * 4.0 ** (k + 1)))
                average = weights @ own[s] / weights.sum(axis=1, keepdims=True)
                found[s, k * own.shape[1] : (k + 1) * own.shape[1]] = average
        return [found]

    def _distance(self, graphs: Graphs, flags: np.ndarray) -> np.ndarray:
        found = np.zeros((len(flags), 1))
        for s in _slices(graphs):
            if graphs.positions.shape[1] and flags[s].any():
                square = _squares(graphs.positions[s], graphs.positions[s][flags[s]])
                found[s, 0] = np.sqrt(square.min(axis=1)) / self.codec.length
        return found


@dataclass(frozen=True, kw_only=True)
class Affine:
    """y = (x − x̄) W + ȳ, x̄ already divided by the spread of x in W."""

    centre: np.ndarray
    weights: np.ndarray
    mean: np.ndarray

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Return y."""
        return np.asarray((x - self.centre) @ self.weights + self.mean)


@dataclass(frozen=True, kw_only=True)
class DescriptorPredictor:
    """Predicts all targets from descriptors."""

    describe: Describe
    nodes: Affine
    graphs: Affine

    def __call__(self, inputs: xr.Dataset) -> xr.Dataset:
        """Return the targets of the graphs in `inputs`."""
        graphs = self.describe.codec.encode(inputs)
        x = self.describe(graphs, inputs)
        return self.describe.codec.decode(self.nodes(x), self.graphs(_means(x, graphs)), inputs)


def _choose(x: np.ndarray, y: np.ndarray, x_valid: np.ndarray, y_valid: np.ndarray, what: str, log: Log) -> Affine:
    """Return the affine map whose penalty has the least mean square error on the validation part."""
    centre, mean = x.mean(axis=0), y.mean(axis=0, dtype=np.float64)
    spread = x.std(axis=0)
    spread[spread < FLAT] = np.inf
    if not y.shape[1]:
        return Affine(centre=centre, weights=np.zeros((x.shape[1], 0)), mean=mean)
    scaled = (x - centre) / spread
    values, vectors = np.linalg.eigh(scaled.T @ scaled / len(x))
    load = vectors.T @ (scaled.T @ (y - mean) / len(x))
    best: tuple[float, float, Affine] | None = None
    for penalty in PENALTIES:
        weights = (vectors @ (load / (np.maximum(values, 0) + penalty)[:, None])) / spread[:, None]
        found = Affine(centre=centre, weights=weights, mean=mean)
        score = float(np.sqrt(np.mean((found(x_valid) - y_valid) ** 2)))
        if best is None or score < best[0]:
            best = score, penalty, found
    if best is None:
        raise UsageError("there are no penalties to try")
    log.fact(f"valid_loss_{what}", best[0])
    log.fact(f"penalty_{what}", best[1])
    return best[2]


def _slices(graphs: Graphs) -> list[slice]:
    ends = np.cumsum(graphs.node_count)
    return [slice(int(b - n), int(b)) for n, b in zip(graphs.node_count, ends, strict=True)]


def _means(x: np.ndarray, graphs: Graphs) -> np.ndarray:
    return np.stack([x[s].mean(axis=0) for s in _slices(graphs)])


def _spread(values: np.ndarray, graphs: Graphs) -> np.ndarray:
    return np.repeat(values, graphs.node_count, axis=0)


def _squares(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the squared distances of all pairs (point of a, point of b)."""
    return np.asarray(((a[:, None] - b[None]) ** 2).sum(axis=-1))
