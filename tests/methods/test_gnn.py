"""Graph networks and their baseline on graphs whose answer is known, and on what they can and cannot see."""

import subprocess
import sys
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch

from sciml_bench.errors import UsageError
from sciml_bench.method.wrapping import wrap
from sciml_bench.methods.descriptor_ridge import DescriptorRidge
from sciml_bench.methods.gat import GAT
from sciml_bench.methods.gcn import GCN
from sciml_bench.methods.mc_dropout import MCDropout, dropout_layers
from sciml_bench.methods.mpnn import MPNN
from sciml_bench.methods.persistence import Persistence
from sciml_bench.problem import Problem, Variable
from sciml_bench.problem.labels import labelled
from sciml_bench.problem.samples import only, take
from sciml_bench.testing.method_checks import Silent

A = Variable(name="a", dims=("node",), description="field")
STATE = Variable(name="z0", dims=("node", "component"), description="start")
POSITIONS = Variable(name="positions", dims=("node", "direction"), description="place")
EDGES = Variable(name="edges", dims=("edge", "end"), kind="index", description="edges")
WEIGHT = Variable(name="weight", dims=("edge",), description="weight")
U = Variable(name="u", dims=("node",), description="field")
ENERGY = Variable(name="energy", dims=(), kind="scalar", description="energy")
PATH = Variable(name="z", dims=("node", "time", "component"), description="path", initial="z0")


def graphs(variables, n=120, seed=0, sizes=(5, 10)):
    """Random graphs with a ring and a few chords, and what is asked of them."""
    rng = np.random.default_rng(seed)
    counts, pieces, edge_counts = rng.integers(*sizes, n), {v.name: [] for v in variables}, []
    for k in counts:
        ring = {(i, i + 1) for i in range(k - 1)} | {(0, int(k) - 1)}
        pairs = np.array(sorted(ring | {tuple(sorted(rng.choice(k, 2, replace=False).tolist())) for _ in range(2)}))
        a, w, x = rng.standard_normal(k), rng.random(len(pairs)), rng.standard_normal((k, 2))
        laplacian, adjacency = np.zeros((k, k)), np.zeros((k, k))
        for (i, j), value in zip(pairs, w, strict=True):
            laplacian[[i, j], [i, j]] += value
            laplacian[[i, j], [j, i]] -= value
            adjacency[[i, j], [j, i]] = 1
        z0 = rng.standard_normal((k, 4))
        path = [z0]
        for _ in range(3):
            path.append(path[-1] - 0.3 * laplacian @ path[-1])
        answers = {
            "a": a,
            "positions": x,
            "edges": pairs,
            "weight": w,
            "u": laplacian @ a if WEIGHT in variables else adjacency @ a / adjacency.sum(axis=1),
            "energy": (10 + a**2).sum(),
            "z0": z0,
            "z": np.stack(path[1:], axis=1),
        }
        for name, found in pieces.items():
            found.append(answers[name])
        edge_counts.append(len(pairs))
    arrays = {k: np.array(v) if k == "energy" else np.concatenate(v) for k, v in pieces.items()}
    return labelled(
        variables, arrays, {"time": np.arange(1.0, 4.0)}, counts={"node": counts, "edge": np.array(edge_counts)}
    )


def problem(inputs, targets):
    return Problem(name="p", kind="steady", inputs=inputs, targets=targets)


AVERAGE = problem((A, EDGES), (U,))
WEIGHTED = problem((A, EDGES, WEIGHT), (U,))
DIFFUSION = problem((STATE, EDGES, WEIGHT), (PATH,))
SQUARES = problem((A, EDGES), (ENERGY,))
SHORT = {"width": 24, "updates": 120, "batch_size": 16, "validations": 2, "learning_rate": 1e-2, "virtual_node": False}


def fit(method, p, seed=0, n=120):
    data = graphs((*p.inputs, *p.targets), n, seed=1)
    train, valid = take(data, np.arange(5 * n // 6)), take(data, np.arange(5 * n // 6, n))
    return method.fit(train, valid, problem=p, budget=None, seed=seed, device="cpu", log=Silent())


def error(predictor, p, **options):
    data = graphs((*p.inputs, *p.targets), 20, seed=2, **options)
    found, name = predictor(only(data, [v.name for v in p.inputs])), p.targets[0].name
    truth = data[name].values
    known = 11 * data["node_count"].values if name == "energy" else 0.0  # its mean, given the size of the graph
    return float(np.linalg.norm(found[name].values - truth) / np.linalg.norm(truth - known))


@pytest.mark.parametrize("method", [GCN(layers=1, **SHORT), GAT(layers=1, heads=2, **SHORT), MPNN(steps=1, **SHORT)])
def test_the_mean_over_neighbours_is_learnt(method):
    assert error(fit(method, AVERAGE), AVERAGE) < 0.2


def test_edge_features_are_used_by_those_who_see_them():
    """u = L a with the weights of the edges in L: a network blind to them cannot do well."""
    assert error(fit(MPNN(steps=1, **SHORT), WEIGHTED), WEIGHTED) < 0.2
    assert error(fit(GCN(layers=2, **SHORT), WEIGHTED), WEIGHTED) > 0.25


def test_an_extensive_energy_carries_over_to_larger_graphs():
    predictor = fit(MPNN(steps=1, **SHORT), SQUARES)
    assert error(predictor, SQUARES, sizes=(15, 20)) < 0.4


def test_step_by_step_beats_persistence_and_the_choice_is_told():
    log = Silent()
    data = graphs((STATE, EDGES, WEIGHT, PATH), 60)
    method = MPNN(steps=2, **SHORT)
    predictor = method.fit(data, data, problem=DIFFUSION, budget=None, seed=0, device="cpu", log=log)
    assert log.facts["forecast"] == "autoregressive"
    still = Persistence().fit(data, data, problem=DIFFUSION, budget=None, seed=0, device="cpu", log=log)
    assert error(predictor, DIFFUSION) < 0.3 * error(still, DIFFUSION)
    replace(method, forecast="direct", updates=5).fit(
        data, data, problem=DIFFUSION, budget=None, seed=0, device="cpu", log=log
    )
    assert log.facts["forecast"] == "direct"


def test_persistence_repeats_the_state_of_every_node():
    data = graphs((STATE, EDGES, WEIGHT, PATH), 5)
    predictor = Persistence().fit(data, data, problem=DIFFUSION, budget=None, seed=0, device="cpu", log=Silent())
    found = predictor(only(data, ["z0", "edges", "weight"]))["z"]
    assert found.dims == PATH.dims
    np.testing.assert_array_equal(found, np.repeat(data["z0"].values[:, None], 3, axis=1))


def path_graph(k=9):
    pairs = np.array([(i, i + 1) for i in range(k - 1)])
    arrays = {"a": np.sin(np.arange(k)), "edges": pairs}
    return labelled((A, EDGES), arrays, counts={"node": np.array([k]), "edge": np.array([k - 1])})


@pytest.mark.parametrize("virtual", [False, True])
@pytest.mark.parametrize("method", [GCN(layers=3, width=8), GAT(layers=3, width=8), MPNN(steps=3, width=8)])
def test_three_layers_hear_three_edges_far_and_a_virtual_node_hears_all(method, virtual):
    predictor = fit(replace(method, updates=3, validations=1, virtual_node=virtual), AVERAGE, n=24)
    before = path_graph()
    after = before.assign(a=before["a"].copy(data=before["a"].values + (np.arange(9) == 0)))
    change = np.abs(predictor(after)["u"].values - predictor(before)["u"].values)
    assert (change[:4] > 1e-7).all()
    assert (change[4:] > 1e-9).all() == virtual
    if not virtual:
        np.testing.assert_array_equal(change[4:], 0)


@pytest.mark.parametrize(
    "method",
    [GCN(layers=2, width=8), GAT(layers=2, width=8), MPNN(steps=2, width=8), DescriptorRidge()],
    ids=["gcn", "gat", "mpnn", "ridge"],
)
def test_renumbering_the_nodes_renumbers_the_prediction(method):
    short = {} if isinstance(method, DescriptorRidge) else {"updates": 5, "validations": 1}
    predictor = fit(replace(method, **short), WEIGHTED, n=24)
    one = only(take(graphs((A, EDGES, WEIGHT, U), 3, seed=5), [1]), ["a", "edges", "weight"])
    order = np.random.default_rng(0).permutation(one.sizes["node"])
    place = np.argsort(order)
    flipped = place[one["edges"].values][::-1, ::-1]
    mixed = one.assign(
        a=one["a"].copy(data=one["a"].values[order]),
        edges=one["edges"].copy(data=flipped),
        weight=one["weight"].copy(data=one["weight"].values[::-1]),
    )
    np.testing.assert_allclose(predictor(mixed)["u"], predictor(one)["u"].values[order], atol=2e-5)


def test_a_message_passing_network_does_not_know_where_a_cloud_lies():
    cloud = problem((POSITIONS, A), (ENERGY,))
    data = graphs((POSITIONS, A, EDGES, ENERGY), 24)
    method = MPNN(steps=2, width=8, updates=5, validations=1)
    predictor = method.fit(data, data, problem=cloud, budget=None, seed=0, device="cpu", log=Silent())
    moved = predictor(data.assign(positions=data["positions"] + 7.0))["energy"]
    np.testing.assert_allclose(moved, predictor(data)["energy"], rtol=1e-4)


def test_ridge_on_descriptors_is_exact_for_a_mean_over_neighbours():
    assert error(fit(DescriptorRidge(), AVERAGE), AVERAGE) < 1e-3


def test_ridge_on_descriptors_knows_the_edge_of_a_domain():
    """u = distance to the flagged node, on a line."""
    flag = Variable(name="flag", dims=("node",), description="edge")
    p = replace(problem((POSITIONS, A, flag), (U,)), edge_nodes="flag")
    rng, parts = np.random.default_rng(0), []
    for k in rng.integers(6, 12, 30):
        x = np.stack([np.sort(rng.random(k)), np.zeros(k)], axis=1)
        parts.append((x, rng.standard_normal(k), np.arange(k) == 0, x[:, 0] - x[0, 0]))
    arrays = {
        n: np.concatenate(v).astype(float)
        for n, v in zip(("positions", "a", "flag", "u"), zip(*parts, strict=True), strict=True)
    }
    data = labelled((*p.inputs, U), arrays, counts={"node": np.array([len(q[1]) for q in parts])})
    predictor = DescriptorRidge().fit(data, data, problem=p, budget=None, seed=0, device="cpu", log=Silent())
    found = predictor(data.drop_vars("u"))["u"]
    assert float(abs(found - data["u"]).max()) < 1e-3


def test_ridge_on_descriptors_keeps_its_size_on_clouds_that_are_larger_than_its_neighbourhoods():
    """Where each node is joined to all others, means over long walks are zero but for a hair: no scale for where they are not."""
    variables = (POSITIONS, A, U)
    small, large = (graphs((*variables, EDGES), 60, sizes=sizes).drop_vars("edges") for sizes in ((5, 10), (25, 30)))
    cloud = problem((POSITIONS, A), (U,))
    predictor = DescriptorRidge().fit(small, small, problem=cloud, budget=None, seed=0, device="cpu", log=Silent())
    inside, beyond = (float(np.abs(predictor(d.drop_vars("u"))["u"]).max()) for d in (small, large))
    assert beyond < 1000 * inside  # what is left is the degree, beyond all that it was fitted to


@pytest.mark.parametrize("method", [GCN(layers=2, width=8), GAT(layers=2, width=8), MPNN(steps=2, width=8)])
def test_dropout_thins_in_training_alone_and_its_draws_can_be_kept(method):
    log = Silent()
    data = graphs((A, EDGES, U), 24, seed=1)
    short = replace(method, updates=5, validations=1)

    def trained(m):
        return m.fit(data, data, problem=AVERAGE, budget=None, seed=0, device="cpu", log=log)(data)["u"]

    thinned = replace(short, dropout=0.5)
    assert not np.array_equal(trained(short), trained(thinned))
    np.testing.assert_array_equal(trained(thinned), trained(thinned))
    draws = trained(wrap(MCDropout, type(method), {"draws": 3})(**asdict(thinned)))
    assert draws.dims == ("member", "node")
    assert (draws.std("member") > 0).all()
    assert not list(dropout_layers(short.build(2, 1, 1)))
    assert len(list(dropout_layers(thinned.build(2, 1, 1)))) == (2 if isinstance(method, MPNN) else 1)


@pytest.mark.parametrize("precision", ["bf16-mixed", "64-true"])
@pytest.mark.parametrize("method", [GCN(layers=1), GAT(layers=1), MPNN(steps=1)], ids=["gcn", "gat", "mpnn"])
def test_other_precisions_run(method, precision):
    predictor = fit(replace(method, width=8, updates=3, validations=1, precision=precision), WEIGHTED, n=24)
    assert error(predictor, WEIGHTED) < 10


@pytest.mark.parametrize(
    ("method", "words"),
    [
        (GCN(layers=0), "layers is 0, but must be at least 1"),
        (GAT(width=6, heads=4), "width is 6, but must be a multiple of heads, 4"),
        (MPNN(steps=0), "steps is 0, but must be at least 1"),
        (MPNN(updates=0), "updates is 0, but must be at least 1"),
        *(
            (method(dropout=rate), rf"dropout is {rate}, but must lie between 0 and 0\.9")
            for method in (GCN, GAT, MPNN)
            for rate in (-0.1, 1.0)
        ),
        (MPNN(forecast="autoregressive"), "use 'direct'"),
        (DescriptorRidge(scales=0), "scales is 0, but must be at least 1"),
    ],
)
def test_values_without_meaning_are_refused(method, words):
    with pytest.raises(UsageError, match=words):
        fit(method, AVERAGE, n=12)


def test_importing_the_methods_imports_no_framework():
    names = ", ".join(f"sciml_bench.methods.{n}" for n in ("gcn", "gat", "mpnn", "descriptor_ridge"))
    code = f"import sys, {names}; assert not {{'torch', 'torch_geometric', 'scipy'}} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_deterministic_to_the_byte():
    method = GAT(layers=1, width=8, updates=5, validations=1)
    data = path_graph()
    first, again, other = (fit(method, AVERAGE, seed, n=24)(data)["u"].values for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert not torch.are_deterministic_algorithms_enabled()
