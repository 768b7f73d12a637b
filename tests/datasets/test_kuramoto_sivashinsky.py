"""Kuramoto–Sivashinsky: another integrator on other formulas, the growth of small waves, the equation and the contract."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from sciml_bench.datasets.kuramoto_sivashinsky import KuramotoSivashinsky, KuramotoSivashinskyStepper
from sciml_bench.errors import UsageError
from sciml_bench.metrics import physics
from sciml_bench.problem import GridDerivatives
from sciml_bench.problem.spectral import axis, rollout

SMOKE = KuramotoSivashinsky.tier("smoke")


@pytest.fixture(scope="module")
def data():
    return SMOKE.generate(0, range(4))


def relative(value, truth):
    return float(np.linalg.norm(value - truth) / np.linalg.norm(truth))


def by_dormand_prince(u, length, times):
    """Integrate u_t = −u u_x − u_xx − u_xxxx at the points of `u`, as it stands, explicitly with error control."""
    k = 2 * np.pi / length * np.arange(len(u) // 2 + 1)

    def rate(_, u):
        spectrum = np.fft.rfft(u)
        return -u * np.fft.irfft(1j * k * spectrum) + np.fft.irfft((k**2 - k**4) * spectrum)

    return solve_ivp(rate, (0, times[-1]), u, "DOP853", times, rtol=1e-9, atol=1e-9).y.T


def test_truth_is_what_an_explicit_integrator_of_the_advective_form_finds(data):
    for i in range(2):
        found = by_dormand_prince(data.u_given.values[i, -1], SMOKE.length, data.time.values[:3])
        assert relative(data.u.values[i, :3], found) < 2e-4  # what 48 points without dealiasing hold


def test_small_waves_grow_as_the_linear_equation_says():
    length, points, time = 32.0, 64, 4.0
    for mode in (1, 4, 6):
        k = 2 * np.pi * mode / length
        wave = 1e-6 * np.cos(2 * np.pi * mode * axis(points))
        stepper = KuramotoSivashinskyStepper(length=length, points=points, step=0.25)
        found = rollout(stepper, wave[None], steps=16, records=1)[0, 0]
        assert found == pytest.approx(wave * np.exp((k**2 - k**4) * time), abs=1e-10)


def test_residual_of_the_equation_vanishes_at_fourth_order():
    worst = []
    for interval in (1.0, 0.5):
        made = replace(SMOKE, interval=interval, given=1, frames=8, grid=96).generate(0, [0])
        u = np.concatenate([made.u_given.values[0], made.u.values[0]])
        times = np.concatenate([made.history.values, made.time.values])
        d = GridDerivatives({"u": u}, {"t": times, "x": made.x.values}, periodic=True)
        equation = SMOKE.problem().equation
        now = int(np.argmin(np.abs(times[2:-2] - 2.0)))
        worst.append(np.abs(equation.residual(d, equation.p)["front"][now]).max())
    assert worst[1] < worst[0] / 8


def test_data_have_the_declared_shape(data):
    assert dict(data.sizes) == {"sample": 4, "history": 3, "time": 12, "x": 48}
    assert data.history.values == pytest.approx([-2, -1, 0])
    assert data.time.values == pytest.approx(np.arange(1, 13))
    assert data.x.values[-1] == pytest.approx(32 * 47 / 48)
    assert float((data.u**2).mean() ** 0.5) == pytest.approx(1.3, abs=0.2)  # of the attractor, whatever the start


def test_the_given_frames_lead_to_the_others(data):
    solver = SMOKE.solver
    again = solver.advance(data[["u_given"]].isel(history=1, drop=True).rename(u_given="u"))
    assert relative(again.u.values, data.u_given.values[:, 2]) < 1e-4
    assert relative(solver.advance(data[["u"]].isel(time=4, drop=True)).u.values, data.u.values[:, 5]) < 1e-4


def test_refined_truth_starts_alike_and_stays_close(data):
    refined = SMOKE.refined().generate(0, range(4))
    assert refined.u_given.values[:, 0] == pytest.approx(data.u_given.values[:, 0], abs=1e-12)
    assert 0 < relative(data.u.values, refined.u.values) < 1e-4


def test_the_mean_stays_zero(data):
    scores = physics.evaluate(data, data, SMOKE.problem(), truth=data)
    assert scores["conservation/mass"].max() < 1e-12
    assert scores["pde_defect"].max() < 1e-4
    assert np.abs(data.u.values.mean(axis=-1)).max() < 1e-13


@pytest.mark.parametrize("name", ["translation", "reflection"])
def test_symmetries_hold_for_the_solver(data, name):
    symmetry, solver, inputs = SMOKE.problem().symmetries[name], SMOKE.solver, data[["u_given"]]
    moved = solver.solve(symmetry.inputs(inputs), grid=96, step=1 / 32)
    expected = symmetry.targets(solver.solve(inputs, grid=96, step=1 / 32))
    assert moved.u.values == pytest.approx(expected.u.values, abs=1e-8)
    assert np.abs(moved.u.values - data.u.values).max() > 0.5


def test_shifts_lie_where_they_say(data):
    shifts = SMOKE.shifts()
    longer = shifts["longer_circle"].generate(0, range(1))
    assert longer.x.values[1] == pytest.approx(data.x.values[1])
    assert longer.sizes["x"] == 72
    off = shifts["off_attractor"].generate(0, range(2))
    assert off.u_given.values[0, 0] == pytest.approx(
        shifts["off_attractor"].initial.sample(np.random.default_rng([0, 0]), 48)
    )
    assert shifts["finer_grid"].generate(0, range(1)).u.values[..., ::2] == pytest.approx(data.u.values[:1], abs=1e-9)


def test_a_circle_without_growing_waves_is_refused():
    with pytest.raises(UsageError, match="length of at least 4π"):
        replace(SMOKE, length=6.0).generate(0, [0])
