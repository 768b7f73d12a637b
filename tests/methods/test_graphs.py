"""Encoding of graphs against brute force, and back."""

import numpy as np
import pytest
import torch
import xarray as xr

from sciml_bench.errors import ContractError, UsageError
from sciml_bench.method.graph_loop import GraphBatch, GraphExamples, fit_on_graphs, graph_loss
from sciml_bench.method.graph_steps import GraphRollout, one_step
from sciml_bench.method.graphs import GraphCodec, why_not_a_graph
from sciml_bench.method.template import Template
from sciml_bench.method.training import Training
from sciml_bench.problem import Problem, Variable
from sciml_bench.problem.labels import labelled
from sciml_bench.problem.samples import only, take
from sciml_bench.testing.method_checks import Silent

POSITIONS = Variable(name="positions", dims=("node", "direction"), description="place")
NUMBER = Variable(name="number", dims=("node",), description="kind")
STATE = Variable(name="z0", dims=("node", "component"), description="start")
EDGES = Variable(name="edges", dims=("edge", "end"), kind="index", description="edges")
WEIGHT = Variable(name="weight", dims=("edge",), description="weight")
PRESSURE = Variable(name="pressure", dims=(), kind="scalar", description="of a whole graph")
FIELD = Variable(name="u", dims=("node",), description="field")
FORCES = Variable(name="forces", dims=("node", "direction"), description="forces")
ENERGY = Variable(name="energy", dims=(), kind="scalar", description="energy")
PATH = Variable(name="z", dims=("node", "time", "component"), description="path", initial="z0")


def problem(inputs, targets):
    return Problem(name="p", kind="steady", inputs=inputs, targets=targets)


CLUSTERS = problem((POSITIONS, NUMBER, PRESSURE), (ENERGY, FORCES))
MESHES = problem((POSITIONS, NUMBER, EDGES, WEIGHT), (FIELD,))
MOTION = problem((STATE, EDGES, WEIGHT), (PATH,))


def make(p, graphs=12, seed=0, sizes=(4, 9)):
    """Graphs whose energy is −3 for each node of kind 1 and −7 of kind 2, but for a little noise."""
    rng = np.random.default_rng(seed)
    n = rng.integers(*sizes, graphs)
    e = n  # a ring
    total, owner = int(n.sum()), np.repeat(np.arange(graphs), n)
    number = rng.integers(1, 3, total).astype(float)
    ring = np.concatenate([np.stack([np.arange(k), (np.arange(k) + 1) % k], axis=1) for k in n])
    arrays = {
        "positions": 5 + 2 * rng.standard_normal((total, 3)),
        "number": number,
        "z0": 3 + rng.standard_normal((total, 4)),
        "edges": ring,
        "weight": rng.random(len(ring)),
        "pressure": rng.random(graphs),
        "u": rng.standard_normal(total),
        "forces": 4 * rng.standard_normal((total, 3)),
        "energy": np.bincount(owner, np.where(number == 1, -3.0, -7.0)) + 0.01 * n * rng.standard_normal(graphs),
        "z": 3 + rng.standard_normal((total, 5, 4)),
    }
    counts = {"node": n} | ({"edge": e} if EDGES in p.inputs else {})
    return labelled((*p.inputs, *p.targets), arrays, {"time": 0.5 * np.arange(1, 6)}, counts=counts)


def codec_and_data(p, **options):
    data = make(p)
    return GraphCodec.of(p, data, **options), data


@pytest.mark.parametrize("p", [CLUSTERS, MESHES, MOTION], ids=["clusters", "meshes", "motion"])
def test_decoding_undoes_encoding_on_new_data(p):
    codec, _ = codec_and_data(p)
    data = make(p, graphs=5, seed=9)
    graphs = codec.encode(data, targets=True)
    back = codec.decode(graphs.node_targets, graphs.graph_targets, data)
    for target in p.targets:
        assert back[target.name].dims == target.stored
        np.testing.assert_allclose(back[target.name], data[target.name], rtol=1e-5, atol=1e-5)


def test_features_are_standardised_with_training_data_alone():
    codec, data = codec_and_data(CLUSTERS)
    graphs = codec.encode(data, targets=True)
    scaled = graphs.nodes[:, :-2]
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=0.2)
    np.testing.assert_allclose((scaled[:, -3:] ** 2).mean(), 1, rtol=1e-3)  # positions, one scale for all directions
    np.testing.assert_allclose((graphs.node_targets**2).mean(), 1, rtol=0.05)
    moved = codec.encode(data.assign(number=data["number"] * 10), targets=True)
    assert abs(moved.nodes[:, 0]).min() > 5


def test_whole_numbers_become_categories():
    codec, data = codec_and_data(CLUSTERS)
    nodes = codec.encode(data).nodes
    np.testing.assert_array_equal(nodes[:, -2:], np.eye(2)[data["number"].values.astype(int) - 1])


def test_an_energy_is_extensive_and_a_temperature_is_not():
    codec, data = codec_and_data(CLUSTERS)
    assert codec.target_scales["energy"].extensive
    z = codec.encode(data, targets=True).graph_targets
    np.testing.assert_allclose((z**2).mean(), 1, rtol=1e-3)
    zero = codec.decode(np.zeros((data.sizes["node"], 3)), np.zeros((12, 1)), data)
    np.testing.assert_allclose(zero["energy"], data["energy"], atol=0.5)  # the composition alone
    warm = data.assign(energy=data["energy"].copy(data=np.random.default_rng(0).random(12)))
    scale = GraphCodec.of(CLUSTERS, warm).target_scales["energy"]
    assert not scale.extensive
    np.testing.assert_allclose([scale.mean, scale.std], [warm["energy"].mean(), warm["energy"].std()])


def test_edges_go_both_ways_with_their_features():
    codec, data = codec_and_data(MESHES)
    graphs = codec.encode(data)
    starts = np.cumsum(data["node_count"].values) - data["node_count"].values
    wanted = {}
    for k, (a, b) in enumerate(data["edges"].values):
        owner = np.searchsorted(np.cumsum(data["edge_count"].values), k, side="right")
        for pair in ((a, b), (b, a)):
            wanted[pair[0] + starts[owner], pair[1] + starts[owner]] = float(data["weight"][k])
    assert len(graphs.edges.T) == len(wanted) == graphs.edge_count.sum()
    weight = codec.edge_scale.decode(graphs.edge_features[:, 4:].astype(float))[:, 0]
    x = data["positions"].values
    for (a, b), features, w in zip(graphs.edges.T, graphs.edge_features, weight, strict=True):
        np.testing.assert_allclose(w, wanted[a, b], atol=1e-6)
        np.testing.assert_allclose(codec.length * features[:3], x[a] - x[b], atol=1e-5)
        np.testing.assert_allclose(codec.length * features[3], np.linalg.norm(x[a] - x[b]), atol=1e-5)


@pytest.mark.parametrize(("radius", "nearest"), [(3.0, 1), (0.0, 3), (0.0, 20)])
def test_neighbours_by_brute_force(radius, nearest):
    codec, data = codec_and_data(CLUSTERS, radius=radius, neighbours=nearest)
    x, owner = data["positions"].values, codec.encode(data).batch
    gap = np.linalg.norm(x[:, None] - x[None], axis=-1)
    gap[owner[:, None] != owner[None]] = np.inf
    np.fill_diagonal(gap, np.inf)
    if radius:
        joined = gap <= radius
    else:
        rank = np.argsort(np.argsort(gap, axis=1), axis=1)
        joined = (rank < nearest) & np.isfinite(gap)
        joined |= joined.T
    np.testing.assert_array_equal(codec.encode(data).edges, np.stack(np.nonzero(joined)))


def test_a_trajectory_is_encoded_as_its_change_and_moving_everything_changes_nothing():
    codec, data = codec_and_data(MOTION, centred=False)
    graphs = codec.encode(data, targets=True)
    change = codec.target_scales["z"].decode(graphs.node_targets.astype(float)).reshape(-1, 5, 4)
    np.testing.assert_allclose(change + data["z0"].values[:, None], data["z"], atol=1e-5)
    moved = data.assign({k: data[k] + np.array([9.0, -9.0, 0, 0]) for k in ("z0", "z")})
    again = codec.encode(moved, targets=True)
    for name in ("nodes", "edge_features", "node_targets"):
        np.testing.assert_allclose(getattr(again, name), getattr(graphs, name), atol=1e-5)


def test_centred_positions_are_relative_to_the_graph():
    codec, data = codec_and_data(MESHES, centred=True)
    other = data.assign(positions=data["positions"] + 100.0)
    np.testing.assert_allclose(codec.encode(other).nodes, codec.encode(data).nodes, atol=1e-4)
    assert (
        codec.encode(data).nodes.shape[1] == 3 + GraphCodec.of(MESHES, data, centred=False).encode(data).nodes.shape[1]
    )


def test_taking_examples_is_encoding_their_samples():
    codec, data = codec_and_data(CLUSTERS)
    examples, chosen = GraphExamples(codec.encode(data, targets=True)), [7, 0, 7, 3]
    found = examples.take(torch.tensor(chosen))
    alone = codec.encode(take(data, chosen), targets=True)
    np.testing.assert_array_equal(found[2], alone.edges)
    np.testing.assert_array_equal(found[4], alone.batch)
    for k, name in ((0, "nodes"), (3, "edge_features"), (6, "node_targets"), (7, "graph_targets"), (8, "sizes")):
        np.testing.assert_allclose(found[k], getattr(alone, name), rtol=1e-6)


def test_the_loss_is_the_relative_error_of_each_graph():
    codec, data = codec_and_data(MESHES)
    graphs = codec.encode(data, targets=True)
    batch = GraphExamples(graphs).take(torch.arange(12))
    off = torch.from_numpy(
        graphs.node_targets + 0.1 * np.random.default_rng(0).standard_normal(graphs.node_targets.shape)
    )
    values = graph_loss((off.float(), torch.zeros(12, 0)), batch, codec.node_slices(), torch.zeros(1))
    guess = codec.decode(off.numpy(), np.zeros((12, 0)), data)["u"].values
    ends = np.cumsum(data["node_count"].values)[:-1]
    pairs = zip(np.split(guess, ends), np.split(data["u"].values, ends), strict=True)
    np.testing.assert_allclose(values, [np.linalg.norm(p - u) / np.linalg.norm(u) for p, u in pairs], rtol=1e-4)
    batched = GraphBatch(*batch[:6])
    np.testing.assert_allclose(batched.mean(torch.ones(len(guess), 1)), np.ones((12, 1)))


def test_pairs_of_states_and_their_rollout():
    """The map z → z + 1 repeated: the rollout of the exact step is the exact path."""
    data = make(MOTION, graphs=4)
    path = data["z0"].values[:, None] + np.arange(1, 6)[None, :, None]
    data = data.assign(z=data["z"].copy(data=path))
    pairs = one_step(MOTION, data)
    assert pairs.sizes["sample"] == 20
    np.testing.assert_allclose(pairs["z"].values[:, 0], pairs["z0"].values + 1)

    def step(inputs):
        return xr.Dataset({"z": (PATH.dims, inputs["z0"].values[:, None] + 1)})

    rollout = GraphRollout(step=step, template=Template.of(MOTION, data), steps=5)
    xr.testing.assert_allclose(rollout(only(data, ["z0", "edges", "weight"]))["z"], data["z"])


@pytest.mark.parametrize(
    ("inputs", "targets", "words"),
    [
        ((PRESSURE,), (ENERGY,), "no input lives on nodes"),
        ((NUMBER,), (ENERGY,), "It needs edges, or positions"),
        (
            (POSITIONS,),
            (Variable(name="c", dims=(), kind="label", classes=("a", "b"), description="c"),),
            "class label",
        ),
        ((POSITIONS,), (Variable(name="f", dims=("x",), description="f"),), "'f' depends on x"),
        ((POSITIONS,), (Variable(name="f", dims=("edge",), description="f"),), "'f' depends on edge"),
    ],
)
def test_reasons(inputs, targets, words):
    assert words in why_not_a_graph(problem(inputs, targets))


@pytest.mark.parametrize("p", [CLUSTERS, MESHES, MOTION])
def test_no_reason(p):
    assert why_not_a_graph(p) is None


def test_values_without_meaning_are_refused():
    for options in ({"radius": -1.0}, {"neighbours": 0}):
        with pytest.raises(UsageError, match="expected at least"):
            codec_and_data(CLUSTERS, **options)
    codec, data = codec_and_data(CLUSTERS)
    with pytest.raises(ContractError, match="without graphs"):
        codec.encode(take(data, []))


def test_an_uneven_trajectory_is_not_forecast_step_by_step():
    data = make(MOTION).assign_coords(time=[1.0, 2.0, 4.0, 5.0, 6.0])
    with pytest.raises(UsageError, match="do not continue the given ones evenly"):
        fit_on_graphs(
            lambda *_: torch.nn.Identity(),
            data,
            data,
            problem=MOTION,
            training=Training(),
            forecast="autoregressive",
            radius=0.0,
            neighbours=3,
            centred=True,
            seed=0,
            device="cpu",
            log=Silent(),
        )
