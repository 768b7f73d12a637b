"""The physics-informed operator: its derivatives, its residual on exact solutions, and where it applies."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import xarray as xr

from sciml_bench.datasets.burgers import Burgers
from sciml_bench.datasets.darcy import Darcy
from sciml_bench.datasets.navier_stokes import NavierStokes
from sciml_bench.errors import UsageError
from sciml_bench.method.physics_loss import PhysicsLoss, TensorDerivatives, with_auxiliary
from sciml_bench.methods.pino import PINO
from sciml_bench.problem import Equation, GridDerivatives, Problem, Variable


class Notes:
    def __init__(self):
        self.facts = {}

    def progress(self, fraction, message=""):
        pass

    def curve(self, name, step, value):
        pass

    def fact(self, name, value):
        self.facts[name] = value


def tensors(fields):
    return {k: torch.from_numpy(v) for k, v in fields.items()}


@pytest.mark.parametrize("periodic", [True, False])
@pytest.mark.parametrize("space", [{"x": 16}, {"x": 12, "y": 15}])
def test_derivatives_are_those_of_the_check_of_the_truth(space, periodic):
    axes = {"t": 0.1 * np.arange(9.0), **{k: np.arange(n) / n for k, n in space.items()}}
    fields = {"u": np.random.default_rng(0).standard_normal((3, 9, *space.values()))}
    ours = TensorDerivatives(tensors(fields), axes, periodic=periodic)
    names = ["u", "u_t", "u_x", "u_tx", "t", "x", *(["u_xy", "u_y", "y"] if "y" in space else [])]
    names += ["u_xx", "u_xxx"] if periodic else []  # with ends, second derivatives here have a narrower stencil
    for sample in range(3):
        theirs = GridDerivatives({"u": fields["u"][sample]}, axes, periodic=periodic)
        for name in names:
            mine, expected = getattr(ours, name), getattr(theirs, name)
            mine = mine[min(sample, len(mine) - 1)]
            np.testing.assert_allclose(mine, expected, rtol=1e-9, atol=1e-9 * np.abs(expected).max(), err_msg=name)


def test_derivatives_of_a_wave_and_of_polynomials_in_closed_form():
    t, x = 0.01 * np.arange(12), np.arange(32) / 32
    phase = 2 * np.pi * x - t[:, None]
    d = TensorDerivatives(tensors({"u": np.sin(phase)[None]}), {"t": t, "x": x}, periodic=True)
    inner = phase[2:-2]
    np.testing.assert_allclose(d.u_x[0], 2 * np.pi * np.cos(inner), atol=1e-11)
    np.testing.assert_allclose(d.u_xxx[0], -((2 * np.pi) ** 3) * np.cos(inner), atol=1e-8)
    np.testing.assert_allclose(d.u_t[0], -np.cos(inner), atol=1e-8)
    np.testing.assert_allclose(d.u_tt[0], -np.sin(inner), atol=1e-8)
    np.testing.assert_allclose(d.u_xtt[0], -2 * np.pi * np.cos(inner), atol=1e-7)
    y = np.linspace(-1, 2, 20)
    cubic = t[:, None] ** 4 + t[:, None] * y**2  # exact for fourth order in time, second in space
    d = TensorDerivatives(tensors({"u": cubic[None]}), {"t": t, "x": y}, periodic=False)
    tt, yy = t[2:-2, None], y[None, 2:-2]
    np.testing.assert_allclose(d.u_t[0], 4 * tt**3 + yy**2, atol=1e-10)
    np.testing.assert_allclose(d.u_tt[0], np.broadcast_to(12 * tt**2, d.u_tt[0].shape), atol=1e-8)
    np.testing.assert_allclose(d.u_x[0], 2 * tt * yy, atol=1e-10)
    np.testing.assert_allclose(d.u_xx[0], np.broadcast_to(2 * tt, d.u_xx[0].shape), atol=1e-10)
    np.testing.assert_allclose(d.u_tx[0], np.broadcast_to(2 * yy, d.u_tx[0].shape), atol=1e-8)


def test_derivatives_without_time():
    x = np.arange(16) / 16
    u = np.sin(2 * np.pi * x)[:, None] * np.cos(4 * np.pi * x)
    d = TensorDerivatives(tensors({"u": u[None]}), {"x": x, "y": x}, periodic=True)
    np.testing.assert_allclose((d.u_xx + d.u_yy)[0], -(2**2 + 4**2) * np.pi**2 * u, atol=1e-9)


def test_the_residual_has_the_gradient_of_finite_differences():
    loss, x, y = heat_loss(times=8)
    torch.manual_seed(0)
    y = (y[:2] + 0.1 * torch.randn(2, *y.shape[1:], dtype=torch.float64)).requires_grad_()
    assert torch.autograd.gradcheck(lambda v: loss(x[:2], v), (y,))


def heat_data(nu, *, times, spacing, samples=6, n=16):
    rng = np.random.default_rng(0)
    k, x, t = np.arange(1, 4), np.arange(n) / n, spacing * np.arange(1, times + 1)
    c = rng.standard_normal((samples, 3)) * np.exp(2j * np.pi * rng.random((samples, 3)))
    decay = np.exp(-nu * np.outer(t, (2 * np.pi * k) ** 2))
    u = np.einsum("sk,tk,kx->stx", c, decay, np.exp(2j * np.pi * np.outer(k, x))).real
    u0 = (c @ np.exp(2j * np.pi * np.outer(k, x))).real
    return xr.Dataset({"u0": (("sample", "x"), u0), "u": (("sample", "time", "x"), u)}, coords={"time": t, "x": x})


def heat_problem(nu, sign=1.0):
    return Problem(
        name="heat",
        kind="evolution",
        inputs=(Variable(name="u0", dims=("x",), description="start", periodic=True),),
        targets=(Variable(name="u", dims=("time", "x"), description="heat", initial="u0", periodic=True),),
        equation=Equation(
            formula="u_t = ν u_xx",
            residual=lambda d, p: {"heat": d.u_t - sign * p.nu * d.u_xx},
            unknowns=("u",),
            coordinates=("t", "x"),
            parameters={"nu": nu},
        ),
    )


def heat_loss(nu=0.01, sign=1.0, *, times=12, spacing=0.05, weight=1.0):
    data = heat_data(0.01, times=times, spacing=spacing)
    loss = PhysicsLoss.of(heat_problem(nu, sign), data, weight=weight)
    return loss, torch.from_numpy(data["u0"].values)[:, None], torch.from_numpy(data["u"].values)


def test_the_loss_vanishes_on_an_exact_solution_at_fourth_order():
    losses = []
    for spacing in (0.05, 0.025, 0.0125):
        loss, x, y = heat_loss(spacing=spacing)
        losses.append(float(loss(x, y)))
        assert float(loss(x, y + 0.1 * torch.randn(y.shape, dtype=y.dtype))) > 0.1
    assert losses[0] < 1e-3
    assert np.log2(np.array(losses[:-1]) / losses[1:]) == pytest.approx([4, 4], abs=0.5)


def test_another_equation_leaves_a_residual_of_order_one():
    """(u_t − νu_xx) of a solution for another ν' is (ν' − ν) u_xx: against the size √(1 + (ν/ν')²) of its terms."""
    for nu, sign in ((0.01, -1.0), (0.03, 1.0)):
        loss, x, y = heat_loss(nu, sign)
        expected = abs(0.01 - sign * nu) / np.hypot(0.01, nu)
        assert loss.floor == pytest.approx(
            expected, rel=0.35
        )  # samples differ, so that mixed terms are not independent
        assert float(loss(x, y)) < 0.01  # and then the data themselves say that the equation is not to be heeded
        assert loss.share < 0.02


def test_an_equation_that_the_data_miss_is_refused_rather_than_ignored():
    data, wrong = heat_data(0.01, times=12, spacing=0.05), heat_problem(0.01, sign=-1.0)
    with pytest.raises(UsageError, match=r"miss the equation 'heat' at every time, by 1\.\d"):
        fit(PINO(width=4, modes=3, layers=1, updates=2), wrong, data)
    log = Notes()
    fit(PINO(width=4, modes=3, layers=1, updates=2, physics_weight=0.0), wrong, data, log)
    assert log.facts["physics_share"] < 0.01
    fit(PINO(width=4, modes=3, layers=1, updates=2), heat_problem(0.01), data, log)
    assert log.facts["physics_share"] > 0.9


def test_the_loss_has_no_unit_and_is_proportional_to_its_weight():
    loss, x, y = heat_loss()
    other, _, _ = heat_loss(weight=3.0)
    wrong = y * torch.linspace(0.5, 1.5, y.shape[1], dtype=y.dtype)[:, None]
    assert float(other(x, wrong)) == pytest.approx(3 * float(loss(x, wrong)))
    data = heat_data(0.01, times=12, spacing=0.05)
    scaled = PhysicsLoss.of(heat_problem(0.01), 1e4 * data, weight=1.0)
    assert float(scaled(1e4 * x, 1e4 * wrong)) == pytest.approx(float(loss(x, wrong)), rel=1e-6)


def test_the_truth_of_burgers_and_of_navier_stokes_has_next_to_no_loss():
    burgers = Burgers(samples=4, grid=64, modes=8, solver_grid=128, initial_alpha=3.0, frames=80)
    flow = NavierStokes(**{**NavierStokes.tiers["smoke"], "samples": 4, "horizon": 14})
    for dataset, bound in ((burgers, 0.01), (flow, 0.02)):
        data = dataset.generate(0, range(dataset.samples))
        problem, whole = with_auxiliary(dataset.problem(), data)
        loss = PhysicsLoss.of(problem, whole, weight=1.0)
        y = np.concatenate([whole[v.name].values for v in problem.targets], axis=1)
        start = whole[problem.inputs[0].name].values
        x = start if dataset is flow else start[:, None]
        assert float(loss(torch.from_numpy(x), torch.from_numpy(y))) < bound
        assert loss.floor < bound
        turned = torch.from_numpy(y[:, ::-1].copy())  # time backwards, where viscosity would feed the flow
        assert float(loss(torch.from_numpy(x), turned)) > 10 * bound


def test_the_stream_function_is_predicted_but_not_returned():
    dataset = NavierStokes(**NavierStokes.tiers["smoke"])
    data = dataset.generate(0, range(8))
    problem, whole = with_auxiliary(dataset.problem(), data)
    assert [v.name for v in problem.targets] == ["w", "psi"]
    k = 2 * np.pi * np.fft.fftfreq(16, 1 / 16)
    laplacian = -(k[:, None] ** 2 + k[None] ** 2) * np.fft.fft2(whole["psi"].values)
    w = whole["w"].values
    np.testing.assert_allclose(np.fft.ifft2(laplacian).real, -(w - w.mean((2, 3), keepdims=True)), atol=1e-9)
    assert "psi" not in data
    predictor = fit(PINO(width=4, modes=3, layers=1, updates=2), dataset.problem(), data)
    assert list(predictor(data[["w_given"]])) == ["w"]


def fit(method, problem, data, log=None):
    n = data.sizes["sample"]
    parts = data.isel(sample=slice(0, 3 * n // 4)), data.isel(sample=slice(3 * n // 4, n))
    return method.fit(*parts, problem=problem, budget=None, seed=0, device="cpu", log=log or Notes())


def test_the_equation_makes_predictions_obey_it():
    """The predictions for new starts are nearer to the equation, and not far less accurate for it."""
    data = heat_data(0.01, times=10, spacing=0.1, samples=60)
    problem, log = heat_problem(0.01), Notes()
    train, test = data.isel(sample=slice(0, 20)), data.isel(sample=slice(20, 60))
    judge = PhysicsLoss.of(problem, train, weight=1.0)
    left, errors = [], []
    for weight in (0.0, 1.0):
        method = PINO(width=12, modes=4, layers=2, updates=250, learning_rate=1e-2, physics_weight=weight)
        p = fit(method, problem, train, log)(test[["u0"]])["u"].values
        left.append(float(judge(torch.from_numpy(test["u0"].values)[:, None], torch.from_numpy(p))))
        errors.append(np.linalg.norm(p - test["u"].values) / np.linalg.norm(test["u"].values))
    assert left[1] < 0.75 * left[0]
    assert errors[1] < 1.5 * errors[0]
    assert 0 < log.facts["truth_residual"] < 0.01


def test_a_problem_with_walls_has_central_differences():
    x, t = np.linspace(0, 1, 21), 0.1 * np.arange(1, 9)
    c = np.random.default_rng(0).standard_normal((8, 1, 1))
    u = c * np.exp(-t)[None, :, None] * np.sin(np.pi * x)
    data = xr.Dataset(
        {"u0": (("sample", "x"), (c * np.sin(np.pi * x))[:, 0]), "u": (("sample", "time", "x"), u)},
        coords={"time": t, "x": x},
    )
    problem = heat_problem(1 / np.pi**2)
    walls = tuple(replace(v, periodic=False) for v in problem.targets)
    problem = replace(problem, targets=walls, boundary={"u": 0.0})
    assert PINO().applies_to(problem) is None
    loss = PhysicsLoss.of(problem, data, weight=1.0)
    x, y = torch.from_numpy(data["u0"].values)[:, None], torch.from_numpy(u)
    assert float(loss(x, y)) < 0.003  # π²h²/12 of u_xx
    assert float(loss(x, y**2)) > 0.1
    assert np.isfinite(fit(PINO(width=4, modes=3, layers=1, updates=3), problem, data)(data[["u0"]])["u"]).all()


def test_it_says_where_it_does_not_apply():
    assert PINO().applies_to(Burgers().problem()) is None
    assert PINO().applies_to(NavierStokes().problem()) is None
    assert "differentiates the given field 'a', which may jump" in PINO().applies_to(Darcy().problem())
    bare = replace(heat_problem(1.0), equation=None)
    assert PINO().applies_to(bare) == "It needs the equation, and the problem gives none."
    equation = replace(heat_problem(1.0).equation, unknowns=("u", "q"))
    assert "'q' is neither predicted nor given" in PINO().applies_to(replace(bare, equation=equation))
    third = replace(heat_problem(1.0).equation, residual=lambda d, p: {"u": d.u_t + d.u_xxx})
    assert PINO().applies_to(replace(bare, equation=third)) is None
    walls = tuple(replace(v, periodic=False) for v in bare.targets)
    assert "reads 'u_xxx'" in PINO().applies_to(replace(bare, equation=third, targets=walls))
    other = replace(heat_problem(1.0).equation, coordinates=("x",))
    assert "on its axes x, but 'u' depends on time, x" in PINO().applies_to(replace(bare, equation=other))


def test_the_given_state_counts_so_that_zero_is_no_solution():
    loss, x, y = heat_loss()
    assert len(loss.axes["t"]) == y.shape[1] + 1
    assert float(loss(x, 0 * y)) > 0.05
    assert float(loss(0 * x, 0 * y)) < 1e-6
    apart = heat_data(0.01, times=12, spacing=0.05)
    apart["time"] = apart["time"] + 0.02  # no longer a whole interval after the start
    assert len(PhysicsLoss.of(heat_problem(0.01), apart, weight=1.0).axes["t"]) == 12
    times = apart["time"] - 0.02
    history = xr.concat([apart["u0"], apart["u0"]], "history").transpose("sample", "history", "x")
    given = apart.drop_vars("u0").assign(u0=history).assign_coords(history=[-0.05, 0.0], time=times)
    problem = heat_problem(0.01)
    problem = replace(problem, inputs=(replace(problem.inputs[0], dims=("history", "x")),))
    longer = PhysicsLoss.of(problem, given, weight=1.0)
    np.testing.assert_allclose(longer.axes["t"], 0.05 * np.arange(-1, 13), atol=1e-12)
    two = torch.cat([x + 1, x], dim=1)
    field = longer.derivatives(two, y).u
    torch.testing.assert_close(field, torch.cat([two, y], dim=1)[:, 2:-2])


def test_too_few_and_uneven_times_are_refused():
    data = heat_data(0.01, times=12, spacing=0.05)
    with pytest.raises(UsageError, match="there are 4 times, but the residual's time derivative needs 5"):
        fit(PINO(), heat_problem(0.01), data.isel(time=slice(3)))
    with pytest.raises(UsageError, match="the output times are not evenly spaced"):
        fit(PINO(), heat_problem(0.01), data.isel(time=[0, 1, 2, 4, 5, 7]))
    with pytest.raises(UsageError, match=r"physics_weight is -1\.0, but must lie between 0 and"):
        fit(PINO(physics_weight=-1.0), heat_problem(0.01), data)
