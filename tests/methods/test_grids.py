"""The codecs between labelled data and arrays, and the scaling of channels."""

import dataclasses
import pickle

import numpy as np
import pytest
import xarray as xr

from sciml_bench.errors import ContractError, UsageError
from sciml_bench.method.forecasting import plan
from sciml_bench.method.grids import GridCodec, why_not_a_grid
from sciml_bench.method.scaling import Standardizer
from sciml_bench.method.vectors import VectorCodec, why_not_vectors
from sciml_bench.problem import Problem, Variable


def variable(name, *dims, **more):
    return Variable(name=name, dims=dims, description=name, **more)


def dataset(space, samples=3, history=2, time=4):
    """A flow of two components with a history, a static field and a scalar, on a grid of unequal sides."""
    sizes = {"sample": samples, "history": history, "time": time, "channel": 2}
    sizes |= dict(zip(space, (5, 6, 7), strict=False))
    problem = Problem(
        name="made_up",
        kind="evolution",
        inputs=(
            variable("given", "history", "channel", *space),
            variable("field", *space),
            variable("nu", kind="scalar"),
        ),
        targets=(
            variable("flow", "time", "channel", *space, initial="given"),
            variable("heat", "time", *space),
        ),
    )
    rng = np.random.default_rng(0)
    variables = {}
    for v in (*problem.inputs, *problem.targets):
        dims = ("sample", *v.dims)
        values = rng.standard_normal([sizes[d] for d in dims]).astype(np.float32).astype(np.float64)
        variables[v.name] = (dims, values, {"units": "m/s"})
    coords = {d: np.linspace(0, 1, sizes[d]) for d in space} | {
        "time": np.arange(3.0, 3 + time),
        "history": [1.0, 2.0],
    }
    return problem, xr.Dataset(variables, coords=coords)


@pytest.mark.parametrize("space", [("x",), ("x", "y"), ("x", "y", "z")])
def test_targets_survive_the_round_trip_through_channels(space):
    problem, data = dataset(space)
    codec = GridCodec.of(problem, data)
    channels = codec.encode_targets(data)
    assert channels.dtype == np.float32
    assert channels.shape == (3, 4 * 2 + 4, *(5, 6, 7)[: len(space)])
    back = codec.decode(channels, data[["given", "field", "nu"]])
    xr.testing.assert_identical(back, data[["flow", "heat"]])


def test_frames_are_decoded_target_by_target():
    problem, data = dataset(("x",))
    codec = GridCodec.of(problem, data)
    frames = np.concatenate([codec.block(data, v) for v in problem.targets], axis=2)
    assert frames.shape == (3, 4, 3, 5)
    xr.testing.assert_equal(codec.decode_frames(frames, data), data[["flow", "heat"]])


def test_inputs_become_channels_with_scalars_constant_in_space():
    problem, data = dataset(("x", "y"))
    codec = GridCodec.of(problem, data)
    channels = codec.encode_inputs(data)
    assert channels.shape == (3, 2 * 2 + 1 + 1, 5, 6)
    np.testing.assert_array_equal(channels[:, 2], data["given"].values[:, 1, 0])
    np.testing.assert_array_equal(channels[:, 4], data["field"].values)
    np.testing.assert_array_equal(channels[:, 5], np.broadcast_to(data["nu"].values[:, None, None], (3, 5, 6)))
    assert codec.input_groups(data) == [0, 1, 0, 1, 2, 3]


def test_storage_order_of_the_data_does_not_matter():
    problem, data = dataset(("x", "y"))
    codec = GridCodec.of(problem, data)
    turned = data.transpose("y", "time", "x", "channel", "sample", "history")
    np.testing.assert_array_equal(codec.encode_inputs(turned), codec.encode_inputs(data))


def test_the_grid_is_that_of_the_inputs_not_of_training():
    problem, data = dataset(("x",))
    codec = GridCodec.of(problem, data)
    fine = data[["given", "field", "nu"]].interp(x=np.linspace(0, 1, 9))
    channels = np.zeros((3, 12, 9), np.float32)
    result = codec.decode(channels, fine)
    np.testing.assert_array_equal(result["x"], fine["x"])
    np.testing.assert_array_equal(result["time"], data["time"])


def test_a_wrong_number_of_channels_is_refused():
    problem, data = dataset(("x",))
    with pytest.raises(ContractError, match="12 channels in all, but 13 were predicted"):
        GridCodec.of(problem, data).decode(np.zeros((3, 13, 5), np.float32), data)


def test_a_missing_variable_is_named():
    problem, data = dataset(("x",))
    with pytest.raises(ContractError, match="'nu' is missing; the data hold given, field"):
        GridCodec.of(problem, data).encode_inputs(data[["given", "field"]])


@pytest.mark.parametrize(
    ("inputs", "targets", "words"),
    [
        ([variable("a", "x")], [variable("u", "x")], None),
        ([variable("a", "node")], [variable("u", "node")], "'a' lives on the nodes"),
        ([variable("a", "y")], [variable("u", "x")], "'a' depends on y and the targets on x"),
        ([variable("a", "x")], [variable("u")], "'u' has no spatial dimension"),
        ([variable("a", "x")], [variable("u", "x"), variable("v", "y")], "'v' depends on y and others on x"),
        ([variable("a", "x")], [variable("u", "x", kind="label")], "'u' is a class label"),
    ],
)
def test_why_not_a_grid_says_so_in_a_sentence(inputs, targets, words):
    reason = why_not_a_grid(Problem(name="p", kind="steady", inputs=tuple(inputs), targets=tuple(targets)))
    if words is None:
        assert reason is None
    else:
        assert words in reason
        assert reason.endswith(".")


def test_vectors_survive_the_round_trip():
    problem, data = dataset(("x", "y"))
    codec = VectorCodec.of(problem, data)
    assert [m.shape for m in codec.encode_inputs(data)] == [(3, 120), (3, 30), (3, 1)]
    xr.testing.assert_equal(codec.decode(codec.encode_targets(data), data), data[["flow", "heat"]])


def test_vectors_refuse_another_grid():
    problem, data = dataset(("x",))
    codec = VectorCodec.of(problem, data)
    with pytest.raises(ContractError, match=r"'given' has the shape \(2, 2, 4\) here and had \(2, 2, 5\)"):
        codec.encode_inputs(data.isel(x=slice(4)))


def test_vectors_need_samples_of_one_size():
    graph = Problem(name="p", kind="steady", inputs=(variable("a", "node"),), targets=(variable("u", "node"),))
    assert "nodes of meshes or graphs" in str(why_not_vectors(graph))


def test_standardizer_has_mean_zero_and_deviation_one_on_its_own_data():
    values = np.random.default_rng(0).normal(3, 5, (20, 2, 30))
    z = Standardizer.fit(values).encode(values)
    np.testing.assert_allclose(z.mean(axis=(0, 2)), 0, atol=1e-12)
    np.testing.assert_allclose(z.std(axis=(0, 2)), 1, rtol=1e-12)


def test_standardizer_takes_nothing_from_what_it_encodes():
    rng = np.random.default_rng(0)
    scaler = Standardizer.fit(rng.normal(0, 1, (20, 1, 8)))
    before = scaler.mean.copy(), scaler.std.copy()
    test = rng.normal(100, 50, (20, 1, 8))
    alone = scaler.encode(test[:1])
    np.testing.assert_array_equal(scaler.encode(test)[:1], alone)
    np.testing.assert_array_equal((scaler.mean, scaler.std), before)
    np.testing.assert_allclose(scaler.decode(scaler.encode(test)), test)
    with pytest.raises(dataclasses.FrozenInstanceError):
        scaler.mean = 0


def test_a_constant_channel_becomes_zero_and_comes_back():
    values = np.full((4, 1, 6), np.float32(0.1))
    scaler = Standardizer.fit(values)
    assert scaler.std[0] == 1
    np.testing.assert_allclose(scaler.encode(values), 0, atol=1e-7)
    np.testing.assert_array_equal(scaler.decode(scaler.encode(values)), values)


def test_grouped_channels_share_their_statistics():
    values = np.stack([np.zeros((5, 4)), np.full((5, 4), 2.0), np.full((5, 4), 7.0)], axis=1)
    scaler = Standardizer.fit(values, groups=[0, 0, 1])
    np.testing.assert_allclose(scaler.mean, [1, 1, 7])
    np.testing.assert_allclose(scaler.std, [1, 1, 1])


def test_standardizer_refuses_no_samples_and_wrong_groups():
    with pytest.raises(ContractError, match="no samples"):
        Standardizer.fit(np.empty((0, 2, 3)))
    with pytest.raises(ContractError, match="1 groups were given for 2 channels"):
        Standardizer.fit(np.ones((3, 2, 3)), groups=[0])


def evolving(times, history=None):
    initial = variable("start", *(["history"] if history else []), "x")
    problem = Problem(
        name="p", kind="evolution", inputs=(initial,), targets=(variable("u", "time", "x", initial="start"),)
    )
    data = xr.Dataset(coords={"time": times} | ({"history": history} if history else {}))
    return problem, data


def test_auto_steps_where_the_output_times_continue_the_history():
    steps = plan(*evolving([3.0, 4.0, 5.0], [1.0, 2.0]), "auto")
    assert steps is not None
    assert steps.steps == 3


@pytest.mark.parametrize(("times", "history"), [([3.0, 5.0], [1.0, 2.0]), ([4.0, 5.0], [1.0, 2.0]), ([1.0, 2.0], None)])
def test_auto_is_direct_elsewhere(times, history):
    assert plan(*evolving(times, history), "auto") is None


def test_steps_from_a_single_state_can_be_asked_for():
    assert plan(*evolving([0.5, 1.0]), "autoregressive").steps == 2
    with pytest.raises(UsageError, match="do not continue the given ones evenly; use 'direct'"):
        plan(*evolving([0.7, 1.0]), "autoregressive")


def test_codecs_can_be_pickled():
    problem, data = dataset(("x",))
    for codec in (GridCodec.of(problem, data), VectorCodec.of(problem, data)):
        again = pickle.loads(pickle.dumps(codec))
        for a, b in zip(again.encode_inputs(data), codec.encode_inputs(data), strict=True):
            np.testing.assert_array_equal(a, b)
