"""Recurrent networks, the transformer and the reservoir on sequences whose rule is known in closed form."""

import pickle
from functools import cache

import numpy as np
import pytest
import xarray as xr

from sciml_bench.errors import ContractError, UsageError
from sciml_bench.method.sequences import SequenceCodec, why_not_a_sequence, windows
from sciml_bench.methods.echo_state import EchoState
from sciml_bench.methods.gru import GRU
from sciml_bench.methods.lstm import LSTM
from sciml_bench.methods.transformer import Transformer
from sciml_bench.problem import Problem, Variable
from sciml_bench.testing import Silent


def fit(method, problem, data, seed=0, log=None):
    n = data.sizes["sample"]
    return method.fit(
        data.isel(sample=slice(0, 3 * n // 4)),
        data.isel(sample=slice(3 * n // 4, n)),
        problem=problem,
        budget=None,
        seed=seed,
        device="cpu",
        log=log or Silent(),
    )


def error(prediction, truth):
    p, u = (a.values.reshape(len(a), -1) for a in (prediction, truth))
    return float((np.linalg.norm(p - u, axis=1) / np.linalg.norm(u, axis=1)).mean())


RING = Problem(
    name="ring",
    kind="forecast",
    inputs=(
        Variable(name="past", dims=("history", "x"), description="given frames"),
        Variable(name="share", dims=(), description="how much of a neighbour comes over", kind="scalar"),
    ),
    targets=(Variable(name="u", dims=("time", "x"), description="flow", initial="past", periodic=True),),
)


def ring(samples=40, n=12, history=2, steps=5, seed=0, span=(0.2, 0.8)):
    """uₖ ← (1 − s) uₖ + s uₖ₋₁ round a ring, its share s a constant of the sample: not linear in (u, s)."""
    rng = np.random.default_rng(seed)
    share = rng.uniform(*span, samples)
    frames = [5.0 + 3.0 * rng.standard_normal((samples, n))]
    for _ in range(history + steps - 1):
        u = frames[-1]
        frames.append(u + share[:, None] * (np.roll(u, 1, axis=1) - u))
    run = np.stack(frames, axis=1)
    return xr.Dataset(
        {
            "past": (("sample", "history", "x"), run[:, :history]),
            "share": (("sample",), share),
            "u": (("sample", "time", "x"), run[:, history:]),
        },
        coords={
            "history": np.arange(history) - history + 1.0,
            "time": np.arange(steps) + 1.0,
            "x": np.arange(float(n)),
        },
    )


PENDULUM = Problem(
    name="oscillator",
    kind="forecast",
    inputs=(Variable(name="past", dims=("history", "component"), description="given angles"),),
    targets=(Variable(name="angle", dims=("time", "component"), description="angle", initial="past"),),
)


def oscillator(samples=120, history=4, steps=8, seed=0):
    """cos(ωt + φ): one angle does not tell where it goes, two do."""
    phase = np.random.default_rng(seed).uniform(0, 2 * np.pi, samples)
    t = np.arange(1.0 - history, steps + 1.0)
    run = np.cos(0.7 * t + phase[:, None])[..., None]
    return xr.Dataset(
        {
            "past": (("sample", "history", "component"), run[:, :history]),
            "angle": (("sample", "time", "component"), run[:, history:]),
        },
        coords={"history": t[:history], "time": t[history:]},
    )


TRAINED = {"updates": 250, "learning_rate": 1e-2, "validations": 2, "batch_size": 32}
LOCAL = {
    "lstm": LSTM(width=24, local=1, **TRAINED),
    "gru": GRU(width=24, local=1, **TRAINED),
    "transformer": Transformer(width=24, layers=1, heads=2, local=1, **TRAINED),
    "echo_state": EchoState(units=150, local=1),
}
WHOLE = {
    "lstm": LSTM(width=24, local=0, **TRAINED),
    "gru": GRU(width=24, local=0, **TRAINED),
    "transformer": Transformer(width=24, layers=1, heads=2, local=0, **TRAINED),
    "echo_state": EchoState(units=60, local=0),
}
NAMES = list(LOCAL)


TORCH = NAMES[:3]


@cache
def fitted(name):
    """The predictor of a local method for the ring."""
    return fit(LOCAL[name], RING, ring())


@pytest.mark.parametrize("name", NAMES)
def test_a_rule_of_neighbours_is_learnt_and_holds_on_longer_rings(name):
    predictor = fitted(name)
    limit = 0.01 if name == "echo_state" else 0.03
    for n in (12, 31):
        test = ring(10, n=n, seed=1)
        result = predictor(test[["past", "share"]])
        assert error(result["u"], test["u"]) < limit
        xr.testing.assert_equal(result.drop_vars("u"), test[["u"]].drop_vars("u"))


@pytest.mark.parametrize("name", NAMES)
def test_a_constant_input_steers_the_rule(name):
    predictor = fitted(name)
    inputs = ring(6, seed=2)[["past", "share"]]
    still = predictor(inputs.assign(share=inputs["share"] * 0 + 0.2))
    moving = predictor(inputs.assign(share=inputs["share"] * 0 + 0.8))
    spread = [float(p["u"].isel(time=-1).std()) for p in (still, moving)]
    last = inputs["past"].isel(history=-1, drop=True)
    once = [error(p["u"].isel(time=0, drop=True), last) for p in (still, moving)]
    assert once[1] > 3 * once[0]
    assert all(s < 3.0 for s in spread)


@pytest.mark.parametrize("name", NAMES)
def test_turning_the_ring_turns_the_forecast(name):
    predictor = fitted(name)
    inputs = ring(4, seed=3)[["past", "share"]]
    turned = predictor(inputs.roll(x=5, roll_coords=False))["u"].values
    np.testing.assert_allclose(turned, np.roll(predictor(inputs)["u"].values, 5, axis=-1), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_predictions_survive_pickling_order_and_company(name):
    predictor = fitted(name)
    inputs = ring(70, seed=4)[["past", "share"]]
    whole = predictor(inputs)["u"]
    part = pickle.loads(pickle.dumps(predictor))(inputs.isel(sample=[69, 3]))["u"]
    np.testing.assert_allclose(part, whole.isel(sample=[69, 3]), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_memory_tells_where_an_oscillator_goes(name):
    log, test = Silent(), oscillator(50, seed=1)
    predictor = fit(WHOLE[name], PENDULUM, oscillator(), log=log)
    assert log.facts["local"] == 0
    assert error(predictor(test[["past"]])["angle"], test["angle"]) < 0.1
    blind = test[["past"]].copy(deep=True)
    blind["past"].values[:, :-1] = blind["past"].values[:, -1:]  # the last frame as it was, but no motion
    assert error(predictor(blind)["angle"], test["angle"]) > 0.3


@pytest.mark.parametrize("name", NAMES)
def test_the_whole_state_at_once_stays_on_its_grid(name):
    data = ring(30, steps=3)
    method = {
        "lstm": LSTM(width=8, local=0, updates=3, validations=1),
        "gru": GRU(width=8, local=0, updates=3, validations=1),
        "transformer": Transformer(width=8, layers=1, heads=2, local=0, updates=3, validations=1),
        "echo_state": EchoState(units=20, local=0),
    }[name]
    predictor = fit(method, RING, data)
    assert predictor(data[["past", "share"]])["u"].shape == data["u"].shape
    with pytest.raises(ContractError, match="only on the grid that it was trained on"):
        predictor(ring(2, n=14, steps=3)[["past", "share"]])


@pytest.mark.parametrize("name", TORCH)
def test_a_rollout_reads_its_own_forecast(name):
    """Reading the given frames and the forecast at once gives the changes that made the forecast."""
    import torch

    predictor = fitted(name)
    inputs = ring(3, seed=5)[["past", "share"]]
    given, constants = (torch.from_numpy(f(inputs)) for f in (predictor.codec.given, predictor.codec.constants))
    module = predictor.module
    with torch.no_grad():
        z = module.rollout(given, constants, 5)
        read = torch.cat([given, z[:, :-1]], dim=1)
        changes = module(module._neighbourhoods(read, constants))[0][:, -5:]
    due = torch.diff(torch.cat([given[:, -1:], z], dim=1), dim=1) / module.ratio[:, None]
    np.testing.assert_allclose(
        changes.unflatten(0, (3, 12))[..., 0].transpose(1, 2), due[:, :, 0], rtol=1e-3, atol=1e-4
    )


def test_the_examples_are_the_neighbourhoods_of_a_rollout():
    import torch

    from sciml_bench.method.sequence_network import Neighbourhoods

    data = ring(5)
    codec = SequenceCodec.of(RING, data, 2)
    run, constants = torch.from_numpy(codec.run(data)), torch.from_numpy(codec.constants(data))
    examples = Neighbourhoods(run, constants, torch.tensor([2.0]), 2)
    assert len(examples) == 60
    x, change = examples.take(torch.tensor([27]))  # site 3 of sample 2
    both = np.concatenate([codec.run(data), np.broadcast_to(codec.constants(data)[:, None], run.shape)], axis=2)
    np.testing.assert_array_equal(x[0], windows(both[2], 2)[:-1, 3])
    np.testing.assert_allclose(change[0, :, 0], np.diff(run[2, :, 0, 3]) / 2)


@pytest.mark.parametrize("local", [0, 3])
def test_the_codec_restores_what_it_encoded(local):
    data = ring(6)
    codec = SequenceCodec.of(RING, data, local)
    z = codec.run(data)
    assert z.shape == ((6, 7, 1, 12) if local else (6, 7, 12, 1))
    assert z.mean() == pytest.approx(0.0, abs=1e-5)
    assert z.std() == pytest.approx(1.0, abs=1e-5)
    np.testing.assert_allclose(codec.decode(z[:, 2:], data)["u"], data["u"], rtol=1e-5)
    step = np.diff(np.concatenate([data["past"], data["u"]], axis=1), axis=1)
    size = np.sqrt((step**2).mean()) / np.concatenate([data["past"], data["u"]], axis=1).std()
    np.testing.assert_allclose(codec.change, np.full(1 if local else 12, size), rtol=1e-5)
    worse = 1.1 * codec.state.decode(z[:, 2:]) - codec.state.mean
    expected = error(xr.DataArray(worse), xr.DataArray(codec.state.decode(z[:, 2:])))
    assert codec.relative_l2((worse - codec.state.mean) / codec.state.std, z[:, 2:]) == pytest.approx(
        expected, rel=1e-4
    )


def test_windows_hold_the_neighbours_round_the_ring():
    z = np.arange(10.0).reshape(2, 5)
    found = windows(z, 1)
    assert found.shape == (5, 6)
    assert found[0].tolist() == [4, 0, 1, 9, 5, 6]
    assert found[4].tolist() == [3, 4, 0, 8, 9, 5]


def test_the_transformer_sees_no_later_state():
    import torch

    from sciml_bench.methods.transformer.network import CausalTransformer

    torch.manual_seed(0)
    net, x = CausalTransformer(8, layers=2, heads=2, dropout=0.0).eval(), torch.randn(3, 6, 8)
    with torch.no_grad():
        whole = net(x)[0]
        later = x.clone()
        later[:, 4:] = torch.randn(3, 2, 8)
        changed = net(later)[0]
        first, memory = net(x[:, :2])
        middle, memory = net(x[:, 2:5], memory)
        last, _ = net(x[:, 5:], memory)
    torch.testing.assert_close(changed[:, :4], whole[:, :4])
    assert (changed[:, 4:] - whole[:, 4:]).abs().max(dim=-1).values.min() > 0.1
    assert (net(x.flip(1))[0][:, -1] - whole[:, 0]).abs().max() > 1e-3  # the place in the sequence matters
    torch.testing.assert_close(torch.cat([first, middle, last], dim=1), whole)


def test_the_reservoir_has_its_radius_and_its_readout_is_ridge_regression():
    from sciml_bench.methods.echo_state import _Regression, _Sequences

    rng = np.random.default_rng(0)
    reservoir = EchoState(units=30, spectral_radius=0.6, leak=0.7)._reservoir(2, rng)
    assert np.abs(np.linalg.eigvals(reservoir.links.toarray())).max() == pytest.approx(0.6)
    x, change = rng.standard_normal((40, 9, 2)), rng.standard_normal((40, 9, 1))
    regression = _Regression.of(reservoir, _Sequences(x=x, change=change, first=3), Silent())
    features, due, r = [], [], np.zeros((40, 30))
    for t in range(9):
        drive = r @ reservoir.links.toarray().T + x[:, t] @ reservoir.entry.T + reservoir.bias.T
        r = 0.3 * r + 0.7 * np.tanh(drive)
        if t >= 3:
            features.append(np.hstack([np.ones((40, 1)), x[:, t], r, r**2]))
            due.append(change[:, t])
    phi, u = np.concatenate(features), np.concatenate(due)
    size = np.linalg.norm(phi, axis=0)
    penalty = 1e-3
    expected = np.linalg.solve(phi.T @ phi + penalty * np.diag(size**2), phi.T @ u).T
    np.testing.assert_allclose(regression.readout(penalty), expected, rtol=1e-6, atol=1e-9)


def test_noise_and_dropout_change_the_fit():
    data = ring(16)
    plain = {"width": 8, "local": 1, "updates": 5, "validations": 1}
    results = [
        fit(LSTM(**plain, **extra), RING, data)(data[["past", "share"]])["u"].values
        for extra in ({}, {"noise": 0.1}, {"dropout": 0.5}, {})
    ]
    np.testing.assert_array_equal(results[0], results[3])
    assert not np.array_equal(results[0], results[1])
    assert not np.array_equal(results[0], results[2])


def test_reasons_why_a_problem_is_not_a_sequence():
    start = Variable(name="z0", dims=("component",), description="start")
    state = Variable(name="z", dims=("time", "component"), description="state", initial="z0")
    rate = Variable(name="rate", dims=("component",), description="rate")

    def reason(inputs, targets):
        return why_not_a_sequence(Problem(name="p", kind="dynamics", inputs=inputs, targets=targets))

    assert reason((start,), (state,)) is None
    assert "'rate' does not evolve from a given state" in reason((start,), (rate, state))
    other = Variable(name="z0", dims=("x",), description="start")
    assert "differ in more than time" in reason((other,), (state,))
    nodes = Variable(name="pos", dims=("node", "component"), description="positions")
    assert "lives on the nodes" in reason((start, nodes), (state,))
    line = Variable(name="force", dims=("x",), description="force along a line")
    assert "on one grid, but 'force' depends on x" in reason((start, line), (state,))
    for method in LOCAL.values():
        assert method.applies_to(RING) is None


@pytest.mark.parametrize(
    ("method", "message"),
    [
        (LSTM(width=0), "width is 0, but must be at least 1"),
        (LSTM(layers=0), "layers is 0, but must be at least 1"),
        (GRU(dropout=1.0, local=1), r"dropout is 1\.0, but must be at least 0 and below 1"),
        (GRU(noise=-1.0, local=1), r"noise is -1\.0, but must not be negative"),
        (Transformer(heads=3), "a width that the heads divide"),
        (LSTM(local=6), "local is 6, but the line has 12 points"),
        (EchoState(local=-1), "local is -1, but must not be negative"),
        (EchoState(units=0), "units is 0, but must be at least 1"),
        (EchoState(leak=0.0), r"leak is 0\.0, but must be above 0"),
        (EchoState(input_scale=0.0), r"input_scale is 0\.0"),
    ],
)
def test_values_without_meaning_are_refused(method, message):
    with pytest.raises(UsageError, match=message):
        fit(method, RING, ring(8))


def test_large_states_and_uneven_times_are_refused():
    large = ring(2, n=5001, steps=1)
    with pytest.raises(UsageError, match="the state has 5001 numbers, but at most 5000"):
        SequenceCodec.of(RING, large, 0)
    assert SequenceCodec.of(RING, large, 1).local == 1
    with pytest.raises(UsageError, match="do not continue the given ones evenly"):
        SequenceCodec.of(RING, ring(4).assign_coords(time=[1.0, 2.0, 3.0, 5.0, 6.0]), 1)
