"""Physics-informed networks: exact solutions, derivatives in closed form, and two frameworks that must agree."""

import os
import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch
import xarray as xr

from sciml_bench.datasets.burgers import Burgers
from sciml_bench.datasets.burgers_shock import BurgersShock
from sciml_bench.datasets.darcy import Darcy
from sciml_bench.datasets.navier_stokes import NavierStokes
from sciml_bench.errors import UsageError
from sciml_bench.method.collocation import Box, Collocation, Settings, first_weights, layer_sizes
from sciml_bench.methods.pinn import Pinn, TensorDerivatives, _Fit, deepxde
from sciml_bench.methods.pinn_jax import PinnJax, derivatives, network, pointwise
from sciml_bench.problem import Equation, Problem, Variable
from sciml_bench.problem.spectral import x64
from sciml_bench.testing import Silent

SMALL = {"width": 12, "layers": 2, "points": 150, "adam_updates": 0, "lbfgs_updates": 100, "rounds": 1}
TIMES = np.array([0.25, 0.5, 1.0])


def heat(d, p):
    return {"heat": d.u_t - p.nu * d.u_xx}


def drift(d, p):
    return {"drift": d.u_t + p.c * d.u_x - p.nu * d.u_xx}


def problem(residual, *, periodic, boundary=None, dims=("x",), **parameters):
    return Problem(
        name="line",
        kind="evolution",
        inputs=(Variable(name="u0", dims=dims, description="start"),),
        targets=(Variable(name="u", dims=("time", "x"), description="u", initial="u0", periodic=periodic),),
        equation=Equation(
            formula="",
            residual=residual,
            unknowns=("u",),
            coordinates=("t", "x"),
            parameters=parameters,
            extent={"t": (0.0, 1.0), "x": (0.0, 1.0)},
        ),
        boundary={} if periodic else {"u": 0.0} if boundary is None else boundary,
    )


ROD = problem(heat, periodic=False, nu=0.1)
RING = problem(drift, periodic=True, dims=("history", "x"), nu=0.02, c=0.4)


def rod(size=1.0):
    """Return sin πx, cooling between walls: u = e^(−νπ²t) sin πx."""
    x = np.linspace(0, 1, 21)
    u = np.exp(-0.1 * np.pi**2 * TIMES)[:, None] * np.sin(np.pi * x)
    return xr.Dataset(
        {"u0": (("sample", "x"), size * np.sin(np.pi * x)[None]), "u": (("sample", "time", "x"), size * u[None])},
        coords={"x": x, "time": TIMES},
    )


def ring():
    """Return e^(−4π²νt) sin 2π(x − ct) on a circle, given at t = −1 and t = 0.1."""
    x, given = np.arange(20) / 20, np.array([-1.0, 0.1])

    def wave(t):
        return np.exp(-0.02 * 4 * np.pi**2 * t)[:, None] * np.sin(2 * np.pi * (x - 0.4 * t[:, None]))

    return xr.Dataset(
        {"u0": (("sample", "history", "x"), wave(given)[None]), "u": (("sample", "time", "x"), wave(TIMES)[None])},
        coords={"x": x, "time": TIMES, "history": given},
    )


def predict(method, on, data, log=None):
    fitted = method.fit(data, data, problem=on, budget=None, seed=0, device="cpu", log=log or Silent())
    return fitted(data[["u0"]])["u"].values


def relative(value, truth):
    return float(np.linalg.norm(value - truth) / np.linalg.norm(truth))


@pytest.mark.parametrize("method", [Pinn, PinnJax])
def test_exact_solution_between_walls(method):
    log = Silent()
    assert relative(predict(method(**SMALL), ROD, rod(), log), rod().u.values) < 2e-2
    assert log.curves["loss"][-1][1] < 1e-3 * log.curves["loss"][0][1]
    assert log.facts["parameters"] == 2 * 12 + 12 + 12 * 12 + 12 + 12 + 1
    assert log.facts["lbfgs_iterations_per_second"] > 0


def test_exact_solution_on_a_circle_from_the_latest_of_the_given_frames():
    # Both frameworks take the same steps there (below), so that one is enough.
    method = PinnJax(**{**SMALL, "lbfgs_updates": 300, "adam_updates": 20, "rounds": 2})
    assert relative(predict(method, RING, ring()), ring().u.values) < 1e-2


def test_the_unit_of_the_data_does_not_matter():
    method = PinnJax(**{**SMALL, "lbfgs_updates": 20})
    assert predict(method, ROD, rod(512.0)) == pytest.approx(512.0 * predict(method, ROD, rod()), rel=1e-6)


def test_both_frameworks_take_the_same_steps():
    curves = []
    for method in (Pinn, PinnJax):
        log = Silent()
        predict(method(**{**SMALL, "adam_updates": 20, "lbfgs_updates": 0}), RING, ring(), log)
        curves.append(dict(log.curves["loss"]))
    # DeepXDE notes the loss after an update, JAX the loss that the update started from.
    shared = [(curves[0][k - 1], curves[1][k]) for k in curves[1] if k - 1 in curves[0]]
    assert len(shared) > 10
    assert [a for a, _ in shared] == pytest.approx([b for _, b in shared], rel=1e-8)


@pytest.mark.parametrize("dataset", [Burgers, BurgersShock, NavierStokes])
def test_both_frameworks_have_the_same_residual(dataset):
    import jax.numpy as jnp

    made = dataset.tier("smoke")
    on, data = made.problem(), made.generate(0, range(1))
    settings = Settings.of(Pinn(width=6, layers=2, points=32))
    collocation = Collocation.of(on, data, points=32, seed=3)
    box, instance = collocation.box(data), collocation.instance(data, 0)
    with deepxde(settings, "cpu") as dde:
        fit = _Fit(dde, settings, collocation, box)
        model = fit._model(instance)
        x = torch.as_tensor(instance.inside).requires_grad_()
        ours = {k: v.detach().numpy()[:, 0] for k, v in fit._residuals(x, model.net(x), instance).items()}
        dde.grad.clear()
    with x64():
        equation, names = on.equation, on.equation.unknowns
        sizes = layer_sizes(box, settings, len(names))
        theta = jnp.concatenate([a.ravel() for pair in first_weights(box, settings, len(names), 3) for a in pair])
        d = pointwise(
            lambda x: network(theta, sizes, box, x) * instance.scales,
            jnp.asarray(instance.inside),
            equation.reads(),
            names,
            box.names,
        )
        theirs = {k: np.asarray(v) / instance.residual_scales[k] for k, v in equation.residual(d, equation.p).items()}
    assert ours.keys() == theirs.keys()
    for name, values in ours.items():
        assert values == pytest.approx(theirs[name], rel=1e-9, abs=1e-9)
        assert np.abs(values).max() > 1e-2


def test_derivatives_are_those_in_closed_form():
    import jax.numpy as jnp

    points = np.random.default_rng(0).uniform(-1, 1, (7, 2))
    t, x = points.T
    exact = {
        "u": t**3 * np.sin(2 * x),
        "u_t": 3 * t**2 * np.sin(2 * x),
        "u_x": 2 * t**3 * np.cos(2 * x),
        "u_xx": -4 * t**3 * np.sin(2 * x),
        "u_xxx": -8 * t**3 * np.cos(2 * x),
        "u_tx": 6 * t**2 * np.cos(2 * x),
        "v_x": t,
        "t": t,
    }
    with x64():
        both = lambda p: jnp.stack([p[:, 0] ** 3 * jnp.sin(2 * p[:, 1]), p[:, 0] * p[:, 1]], axis=1)  # noqa: E731
        d = pointwise(both, jnp.asarray(points), frozenset(exact), ("u", "v"), ("t", "x"))
        for name, value in exact.items():
            assert np.asarray(getattr(d, name)) == pytest.approx(value, abs=1e-12)
        assert set(derivatives(both, jnp.asarray(points), {"t", "xx"}, "tx")) == {"", "t", "x", "xx"}  # no mixed one
    equation = Equation(formula="", residual=heat, unknowns=("u", "v"), coordinates=("t", "x"))
    with deepxde(Settings.of(Pinn()), "cpu") as dde:
        p = torch.as_tensor(points).requires_grad_()
        u = torch.cat([p[:, :1] ** 3 * torch.sin(2 * p[:, 1:]), p[:, :1] * p[:, 1:]], dim=1)
        d = TensorDerivatives(dde, equation, ("t", "x"), p, u)
        for name, value in exact.items():
            assert getattr(d, name).detach().numpy()[:, 0] == pytest.approx(value, abs=1e-12)
        dde.grad.clear()


def test_a_network_on_a_circle_is_periodic():
    box = Box(names=("t", "x"), lower=(0.0, 1.0), upper=(1.0, 3.0), circles=(False, True))
    settings = Settings.of(PinnJax(width=5, layers=1))
    theta = np.concatenate([a.ravel() for pair in first_weights(box, settings, 1, 0) for a in pair])
    sizes = layer_sizes(box, settings, 1)
    at = np.array([[0.3, 1.2], [0.3, 3.2], [0.3, 2.2]])
    with x64():
        u = np.asarray(network(theta, sizes, box, at))[:, 0]
    assert u[0] == pytest.approx(u[1], abs=1e-12)
    assert abs(u[0] - u[2]) > 1e-3
    assert box.walls(4, 0).shape == (0, 2)


def test_points_of_a_sample():
    data = NavierStokes.tier("smoke").generate(0, range(2))
    on = NavierStokes.tier("smoke").problem()
    collocation = Collocation.of(on, data, points=200, seed=0)
    instance = collocation.instance(data, 1)
    assert instance.start[:, 0] == pytest.approx(5.0)  # the last given frame
    assert instance.start_values[:, 0].reshape(16, 16) == pytest.approx(data.w_given.values[1, -1])
    psi = instance.start_values[:, 1].reshape(16, 16)
    k = 2 * np.pi * np.fft.fftfreq(16, 1 / 16)
    laplacian = np.fft.ifft2(-(k[:, None] ** 2 + k**2) * np.fft.fft2(psi)).real
    w = data.w_given.values[1, -1]
    assert -laplacian == pytest.approx(w - w.mean(), abs=1e-9)
    assert (instance.inside >= [5.0, 0.0, 0.0]).all()
    assert instance.inside.max(axis=0) == pytest.approx([10.0, 1.0, 1.0], rel=0.02)
    assert instance.queries.shape == (5 * 256, 3)
    shock = BurgersShock.tier("smoke")
    walled = Collocation.of(shock.problem(), shock.generate(0, [0]), points=160, seed=0).instance(
        shock.generate(0, [0]), 0
    )
    assert sorted(set(walled.walls[:, 1])) == [-1.0, 1.0]
    assert walled.wall_values == {0: 0.0}
    size = np.sqrt(0.5 * 64 / 65)
    assert walled.scales == pytest.approx([size])
    # u = √2 s (1 + k) sin(π(x+1)/2), k = −2 … 2, u_t = √2 s sin: at k = 0, the only time away from the ends, the residual is
    # √2 s (1 + νπ²/4) sin(π(x+1)/2) + ½πs² sin(π(x+1)).
    expected = np.hypot(size * (1 + 0.01 * np.pi / 4), np.pi * size**2 / (2 * np.sqrt(2)))
    assert walled.residual_scales == pytest.approx({"momentum": expected}, rel=1e-9)


def test_points_are_drawn_anew_where_the_residual_is_large():
    collocation = Collocation.of(ROD, rod(), points=400, seed=0)
    box, instance = collocation.box(rod()), collocation.instance(rod(), 0)
    again = collocation.again(instance, box, 1, lambda p: np.where(p[:, 1] < 0.1, 1.0, 0.0))
    before, after = (np.mean(i.inside[:, 1] < 0.1) for i in (instance, again))
    assert before == pytest.approx(0.1, abs=0.02)
    # The density is 11 there and 1 elsewhere, so 55% at most; a tenth of the pool is taken, which thins the dense part.
    assert 0.4 < after < 0.55
    assert len(np.unique(again.inside, axis=0)) == 400


def wave(d, p):
    return {"wave": d.u_tt - d.u_xx}


@pytest.mark.parametrize(
    ("on", "said"),
    [
        (Darcy.tier("smoke").problem(), "a_x"),
        (replace(ROD, equation=None), "states none"),
        (replace(ROD, boundary={}), "edge of the domain"),
        (problem(wave, periodic=True), "second order in time"),
        (replace(ROD, targets=(replace(ROD.targets[0], initial=None),)), "given state"),
        (replace(ROD, equation=replace(ROD.equation, unknowns=("u", "q"))), "unknowns are u, q"),
    ],
)
def test_where_it_does_not_apply_it_says_why(on, said):
    assert said in PinnJax().applies_to(on)
    assert Pinn().applies_to(on) == PinnJax().applies_to(on)


@pytest.mark.parametrize("dataset", [Burgers, BurgersShock, NavierStokes])
def test_where_it_applies(dataset):
    assert Pinn().applies_to(dataset.tier("smoke").problem()) is None


def test_what_a_residual_reads():
    assert ROD.equation.reads() == {"u_t", "u_xx"}
    assert NavierStokes().problem().equation.reads() >= {"x", "y", "psi_xx", "w_t"}


@pytest.mark.parametrize(
    "wrong", [{"width": 0}, {"rounds": 0}, {"adam_updates": -1}, {"learning_rate": 0.0}, {"precision": "16-mixed"}]
)
def test_settings_without_meaning_are_refused(wrong):
    for method in (Pinn, PinnJax):
        with pytest.raises(UsageError, match=next(iter(wrong))):
            predict(method(**{**SMALL, **wrong}), ROD, rod())


def test_deepxde_leaves_nothing_behind(capfd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DDE_BACKEND", raising=False)
    state = torch.get_rng_state()
    predict(Pinn(**{**SMALL, "lbfgs_updates": 2, "adam_updates": 2}), ROD, rod())
    said = capfd.readouterr()
    assert said.out == said.err == ""
    assert "DDE_BACKEND" not in os.environ
    assert torch.get_default_dtype() == torch.float32
    assert torch.equal(torch.get_rng_state(), state)
    assert not list(tmp_path.iterdir())


def test_a_log_stays_behind_when_the_predictor_is_kept():
    log = Silent()
    fitted = PinnJax(**SMALL).fit(rod(), rod(), problem=ROD, budget=None, seed=0, device="cpu", log=log)
    assert pickle.loads(pickle.dumps(fitted)).log is None
    assert fitted.log is log
