"""Navier–Stokes: exact solutions, an independent integrator, the equation's own residual and the contract."""

import subprocess
import sys
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import xarray as xr

from sciml_bench.datasets.navier_stokes import NavierStokes, VorticityStepper
from sciml_bench.errors import DivergedError, UsageError
from sciml_bench.problem import GridDerivatives
from sciml_bench.problem.spectral import axis, evaluate, project, rollout, substeps

SMOKE = NavierStokes.tier("smoke")
NU = 0.01


@pytest.fixture(scope="module")
def data():
    return SMOKE.generate(0, range(8))


def relative(value, truth):
    return float(np.linalg.norm(value - truth) / np.linalg.norm(truth))


def plane(points):
    x = axis(points)
    return 2 * np.pi * x[:, None], 2 * np.pi * x[None, :]


def smooth_start(points):
    x, y = plane(points)
    return np.cos(x) + 0.7 * np.sin(2 * y + 0.3) + 0.5 * np.cos(x - 2 * y)


def advance(w, step, time, *, forcing=0.1, records=1, viscosity=NU):
    stepper = VorticityStepper(viscosity=viscosity, forcing=forcing, points=w.shape[-1], step=step)
    return rollout(stepper, w[None], steps=substeps(time, step), records=records)[0]


def independent(w, viscosity, amplitude, time, steps):
    """Classical RK4 on the velocity–vorticity form, every derivative by a full complex FFT."""
    n = w.shape[-1]
    k = np.fft.fftfreq(n, 1 / n)
    kx, ky = 2j * np.pi * k[:, None], 2j * np.pi * k[None, :]
    keep = (np.abs(k)[:, None] < n / 3) & (np.abs(k)[None, :] < n / 3)
    laplace = (kx**2 + ky**2).real
    solvable = np.where(laplace == 0, 1.0, laplace)
    x, y = plane(n)
    force = amplitude * (np.sin(x + y) + np.cos(x + y))

    def back(spectrum):
        return np.fft.ifft2(spectrum * keep).real

    def rate(spectrum):
        psi = np.where(laplace == 0, 0.0, -spectrum / solvable)  # −Δψ = w
        advection = back(ky * psi) * back(kx * spectrum) - back(kx * psi) * back(ky * spectrum)
        return viscosity * laplace * spectrum + keep * np.fft.fft2(force - advection)

    s, h = np.fft.fft2(w), time / steps
    for _ in range(steps):
        a = rate(s)
        b = rate(s + h / 2 * a)
        c = rate(s + h / 2 * b)
        s = s + h / 6 * (a + 2 * b + 2 * c + rate(s + h * c))
    return np.fft.ifft2(s).real


def test_one_shell_of_wavenumbers_decays_exactly():
    x, y = plane(16)
    w = np.cos(2 * x) + np.sin(2 * y)
    assert advance(w, 0.1, 1.0, forcing=0.0)[0] == pytest.approx(w * np.exp(-NU * 16 * np.pi**2), abs=1e-12)


def test_force_alone_drives_the_laminar_solution():
    x, y = plane(16)
    force = 0.1 * (np.sin(x + y) + np.cos(x + y))
    rate = 8 * np.pi**2 * NU
    exact = force * (1 - np.exp(-3 * rate)) / rate
    assert advance(np.zeros((16, 16)), 0.1, 3.0)[0] == pytest.approx(exact, abs=1e-13)


def test_agrees_with_an_independent_integrator():
    w = smooth_start(32)
    assert relative(advance(w, 0.01, 1.0)[0], independent(w, NU, 0.1, 1.0, 200)) < 1e-6


def test_order_in_time_is_four():
    w = smooth_start(32)
    exact = advance(w, 1 / 256, 1.0)[0]
    errors = [relative(advance(w, h, 1.0)[0], exact) for h in (1 / 8, 1 / 16, 1 / 32)]
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert orders == pytest.approx([4.0, 4.0], abs=0.5)


def test_residual_of_the_equation_vanishes_at_fourth_order():
    problem = replace(SMOKE, viscosity=NU).problem()
    equation = problem.equation
    worst = []
    for spacing in (0.1, 0.05, 0.025):
        w = advance(smooth_start(48), spacing / 4, spacing, records=round(1.0 / spacing))
        fields = {"w": w, **equation.auxiliary({"w": w})}
        times = spacing * np.arange(1, len(w) + 1)
        d = GridDerivatives(fields, {"t": times, "x": axis(48), "y": axis(48)}, periodic=True)
        rest = equation.residual(d, equation.p)
        middle = np.argmin(np.abs(times[2:-2] - 0.5))
        assert np.abs(rest["stream_function"]).max() < 1e-10
        worst.append(np.abs(rest["vorticity"][middle]).max())
    assert np.log2(np.array(worst[:-1]) / worst[1:]) == pytest.approx([4.0, 4.0], abs=0.4)


def test_data_have_the_declared_shape_and_are_float64(data):
    problem = SMOKE.problem()
    for variable in (*problem.inputs, *problem.targets):
        assert data[variable.name].dims == ("sample", *variable.dims)
        assert data[variable.name].dtype == np.float64
        assert data[variable.name].attrs["units"] == "1"
    assert list(data.history.values) == [1, 2, 3, 4, 5]
    assert list(data.time.values) == [6, 7, 8, 9, 10]
    assert data.sizes["x"] == data.sizes["y"] == 16


def test_same_seed_same_bytes_and_other_seed_other_flow(data):
    again = SMOKE.generate(0, range(8))
    assert data.equals(again)
    assert not data.equals(SMOKE.generate(1, range(8)))


def test_a_sample_does_not_depend_on_its_companions(data):
    alone = xr.concat([SMOKE.generate(0, [i]) for i in (5, 2)], "sample")
    assert alone.w.values == pytest.approx(data.w.values[[5, 2]], rel=1e-10, abs=1e-12)


@pytest.mark.parametrize("n", [2, 3, 4, 5])
def test_a_few_samples_have_the_bytes_that_they_have_among_many(data, n):
    few = SMOKE.generate(0, range(n))
    assert few.w.values.tobytes() == data.w.values[:n].tobytes()


def test_finer_data_grid_holds_the_same_flow(data):
    finer = replace(SMOKE, grid=32).generate(0, range(2))
    assert finer.w.values[..., ::2, ::2] == pytest.approx(data.w.values[:2], abs=1e-12)


def test_refined_truth_is_close(data):
    refined = SMOKE.refined().generate(0, range(4))
    assert 0 < relative(data.w.values[:4], refined.w.values) < 5e-5


def test_circulation_and_symmetry_hold(data):
    problem = SMOKE.problem()
    inputs = data[["w_given"]].isel(sample=[0, 1])
    conserved = problem.conserved["circulation"]
    assert float(np.abs(conserved.quantity(data.w)).max()) < 1e-13
    assert float(conserved.scale(inputs.w_given.isel(history=-1)).min()) > 0.1
    symmetry = problem.symmetries["diagonal_translation"]
    setting = {"grid": 16, "step": 0.25}
    moved = problem.solver.solve(symmetry.inputs(inputs), **setting)
    expected = symmetry.targets(problem.solver.solve(inputs, **setting))
    assert moved.w.values == pytest.approx(expected.w.values, abs=1e-10)
    along_x = inputs.roll(x=4, roll_coords=False)
    assert relative(problem.solver.solve(along_x, **setting).w.values, moved.w.values) > 0.1


def test_error_of_the_solver_falls_with_its_cost(data):
    some = data.isel(sample=slice(4))  # as many as in the contract's check, which leaves its compiled programs
    problem = SMOKE.problem()
    errors = [
        relative(problem.solver.solve(some[["w_given"]], **knobs).w.values, some.w.values)
        for knobs in problem.solver.costs.values()
    ]
    assert len(errors) >= 6
    assert all(later < earlier for earlier, later in pairwise(errors))
    assert errors[-1] < 1e-4 < 1e-2 < errors[0]


def test_advance_makes_the_next_frame(data):
    state = data[["w"]].isel(time=2, drop=True)
    following = SMOKE.solver.advance(state)
    assert following.w.dims == state.w.dims
    assert relative(following.w.values, data.w.values[:, 3]) < 1e-4


def test_shifts_and_presets():
    shifts = SMOKE.shifts()
    assert set(shifts) == {"lower_viscosity", "rougher_initial", "finer_grid"}
    assert shifts["lower_viscosity"].problem().equation.parameters["nu"] == SMOKE.viscosity / 2
    assert shifts["finer_grid"].generate(0, [0]).sizes["x"] == 32
    assert NavierStokes.preset(1e-5).horizon == 20
    with pytest.raises(UsageError, match="has no preset"):
        NavierStokes.preset(1.0)


def test_impossible_settings_say_what_to_do():
    with pytest.raises(UsageError, match="does not divide the interval 1"):
        replace(SMOKE, step=0.3).generate(0, [0])
    with pytest.raises(UsageError, match="must be a multiple of grid=24"):
        replace(SMOKE, grid=24).generate(0, [0])
    with pytest.raises(DivergedError, match="halve the step"):
        replace(SMOKE, step=1.0, viscosity=1e-5, initial_scale=1e4).generate(0, [0])


def test_projection_keeps_point_values_where_it_can():
    x, y = plane(12)
    w = np.cos(2 * x - y)[None]
    fx, fy = plane(36)
    assert project(w, 36, 2)[0] == pytest.approx(np.cos(2 * fx - fy), abs=1e-13)
    assert evaluate(project(w, 36, 2), 12, 2) == pytest.approx(w, abs=1e-13)
    assert evaluate(np.cos(6 * x + 0 * y)[None], 36, 2)[0] == pytest.approx(np.cos(6 * fx) + 0 * fy, abs=1e-13)
    sx, sy = plane(8)
    assert evaluate(w, 8, 2)[0] == pytest.approx(np.cos(2 * sx - sy), abs=1e-13)
    assert project(np.cos(5 * x + 0 * y)[None], 8, 2) == pytest.approx(np.zeros((1, 8, 8)), abs=1e-13)


def test_importing_starts_no_framework_and_solving_leaves_jax_in_32_bits(data):
    code = (
        "import sys, sciml_bench.datasets.navier_stokes, sciml_bench.datasets.burgers, "
        "sciml_bench.datasets.darcy;print(sorted({'jax', 'torch', 'exponax', 'skfem'} & set(sys.modules)))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
    import jax.numpy as jnp

    assert jnp.ones(1).dtype == jnp.float32
