"""Darcy: Poisson's series, a manufactured solution, a layered medium, the equation's own residual and the
contract.
"""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import xarray as xr

from sciml_bench.datasets.darcy import Darcy, DarcySolver
from sciml_bench.errors import UnknownNameError, UsageError
from sciml_bench.problem import GridDerivatives
from sciml_bench.problem import finite_elements as fem

SMOKE = Darcy.tier("smoke")


@pytest.fixture(scope="module")
def data():
    return SMOKE.generate(0, range(8))


def relative(value, truth):
    return float(np.linalg.norm(value - truth) / np.linalg.norm(truth))


def test_constant_permeability_is_the_poisson_series():
    centre = 0.0
    for i in range(1, 400, 2):
        for j in range(1, 400, 2):
            sign = (-1) ** ((i + j) // 2 - 1)
            centre += 16 * sign / (np.pi**4 * i * j * (i * i + j * j))
    assert centre == pytest.approx(0.0736713532814, abs=1e-8)
    errors = [abs(fem.solve(np.full((n, n), 2.0))[n // 2, n // 2] - 0.0736713532814 / 2) for n in (20, 40, 80)]
    assert np.log2(np.array(errors[:-1]) / errors[1:]) == pytest.approx([2.0, 2.0], abs=0.1)


def test_manufactured_solution_is_second_order():
    def error(n):
        x = fem.axis(n)[:, None]
        y = fem.axis(n)[None, :]
        u = np.sin(np.pi * x) * np.sin(2 * np.pi * y)
        a = 2 + x + np.sin(np.pi * y)
        a_x, a_y = 1.0, np.pi * np.cos(np.pi * y)
        u_x = np.pi * np.cos(np.pi * x) * np.sin(2 * np.pi * y)
        u_y = 2 * np.pi * np.sin(np.pi * x) * np.cos(2 * np.pi * y)
        force = 5 * np.pi**2 * a * u - a_x * u_x - a_y * u_y
        c = fem.inner_points(n, 1)
        return relative(fem.solve(2 + c[:, None] + np.sin(np.pi * c[None, :]), force), u)

    errors = [error(n) for n in (17, 33, 65)]
    assert np.log2(np.array(errors[:-1]) / errors[1:]) == pytest.approx([2.0, 2.0], abs=0.1)


def test_layered_medium_far_from_the_ends():
    """In thin layers along y a flow across them sees the harmonic mean, along them the arithmetic one."""
    n = 129
    layers = np.where(np.arange(n - 1) // 2 % 2 == 0, 12.0, 3.0)
    across, along = 1 / np.mean(1 / layers), np.mean(layers)
    u = fem.solve(np.repeat(layers[:, None], n - 1, 1))
    terms = [(i, j) for i in range(1, 80, 2) for j in range(1, 80, 2)]
    effective = sum(
        16 * (-1) ** ((i + j) // 2 - 1) / (np.pi**4 * i * j * (across * i * i + along * j * j)) for i, j in terms
    )
    assert u[64, 64] == pytest.approx(effective, rel=0.02)


def test_one_layered_column_is_exact_in_one_dimension():
    """−(a u')' = 1 between two walls, the matrix applied to the exact nodal values leaves the ends' terms
    alone.
    """
    n = 33
    a = np.where(np.arange(n - 1) < 12, 12.0, 3.0)
    h = 1 / (n - 1)
    nodes = fem.axis(n)
    flux = (np.diff(nodes**2) / 2 / a).sum() / (h / a).sum()
    u = np.concatenate([[0.0], np.cumsum((flux * h - np.diff(nodes**2) / 2) / a)])
    assert abs(u[-1]) < 1e-15
    extended = np.repeat(u[1:-1, None], n - 2, 1)
    system = fem.matrix(np.repeat(a[:, None], n - 1, 1))
    rest = (system @ extended.ravel() - fem.load(n)).reshape(n - 2, n - 2)
    assert np.abs(rest[:, 1:-1]).max() < 1e-14


def test_residual_of_the_equation_vanishes_at_second_order_where_a_is_smooth():
    smooth = replace(SMOKE, coefficient="lognormal", modes=3)
    equation = smooth.problem().equation
    worst = []
    for n in (33, 65, 129):
        made = replace(smooth, grid=n, solver_grid=n).generate(0, [0])
        fields = {"u": made.u.values[0], "a": made.a.values[0]}
        d = GridDerivatives(fields, {"x": fem.axis(n), "y": fem.axis(n)}, periodic=False)
        inside = equation.residual(d, equation.p)["balance"]
        edge = n // 4
        worst.append(np.sqrt(np.mean(inside[edge:-edge, edge:-edge] ** 2)))
    assert np.log2(np.array(worst[:-1]) / worst[1:]) == pytest.approx([2.0, 2.0], abs=0.35)


def test_data_have_the_declared_shape_and_two_materials(data):
    problem = SMOKE.problem()
    for variable in (*problem.inputs, *problem.targets):
        assert data[variable.name].dims == ("sample", *variable.dims)
        assert data[variable.name].dtype == np.float64
    assert set(np.unique(data.a)) == {3.0, 12.0}
    assert float(data.u.isel(x=0).max()) == float(data.u.isel(y=-1).max()) == 0.0
    assert float(data.u.min()) >= 0.0


def test_same_bytes_again_and_no_influence_of_companions(data):
    assert data.equals(SMOKE.generate(0, range(8)))
    alone = xr.concat([SMOKE.generate(0, [i]) for i in (5, 2)], "sample")
    assert alone.equals(data.isel(sample=[5, 2]))


def test_finer_grid_and_refined_truth_hold_the_same_medium(data):
    finer = replace(SMOKE, grid=33).generate(0, range(2))
    assert finer.isel(x=slice(None, None, 2), y=slice(None, None, 2)).equals(data.isel(sample=[0, 1]))
    refined = SMOKE.refined().generate(0, range(4))
    assert (refined.a.values == data.a.values[:4]).all()
    assert 0 < relative(data.u.values[:4], refined.u.values) < 1e-2


def test_reflection(data):
    problem = SMOKE.problem()
    reflection = problem.symmetries["reflection"]
    moved = problem.solver.solve(reflection.inputs(data[["a"]]), grid=33)
    expected = reflection.targets(problem.solver.solve(data[["a"]], grid=33))
    assert moved.u.values == pytest.approx(expected.u.values, abs=1e-9)


def test_error_of_the_solver_falls_with_its_cost(data):
    solver = SMOKE.solver
    errors = [relative(solver.solve(data[["a"]], **k).u.values, data.u.values) for k in solver.costs.values()]
    assert len(errors) >= 5
    assert all(later < earlier for earlier, later in pairwise(errors))
    assert errors[-1] < 0.03


def test_discrete_residual_is_the_relative_energy_error(data):
    solver = SMOKE.solver
    inputs = data[["a"]]
    own = solver.solve(inputs, grid=SMOKE.grid)
    assert float(solver.residual(inputs, own).max()) < 1e-8
    assert solver.residual(inputs, 0 * own).values == pytest.approx(np.ones(8), rel=1e-8)
    assert solver.residual(inputs, 1.1 * own).values == pytest.approx(np.full(8, 0.1), rel=1e-6)
    assert 0 < float(solver.residual(inputs, data[["u"]]).max()) < 0.2


def test_smooth_medium_converges_at_second_order():
    smooth = replace(SMOKE, coefficient="lognormal", modes=4, grid=9)
    truth = replace(smooth, solver_grid=257).generate(0, [0]).u.values
    errors = [relative(replace(smooth, solver_grid=n).generate(0, [0]).u.values, truth) for n in (17, 33, 65)]
    assert np.log2(np.array(errors[:-1]) / errors[1:]) == pytest.approx([2.0, 2.0], abs=0.3)
    fine = replace(smooth, grid=65, solver_grid=65).generate(0, [0])
    solver = DarcySolver(materials=None, data_grid=65, solver_grid=65)
    assert relative(solver.solve(fine[["a"]], grid=65).u.values, fine.u.values) < 2e-3


def test_shifts_and_impossible_settings():
    for shifted in SMOKE.shifts().values():
        assert float(shifted.generate(1, [0]).u.max()) > 0
    assert set(np.unique(SMOKE.shifts()["higher_contrast"].generate(1, [0]).a)) == {3.0, 24.0}
    with pytest.raises(UnknownNameError, match="did you mean threshold"):
        replace(SMOKE, coefficient="treshold").generate(0, [0])
    with pytest.raises(UsageError, match="must be a multiple of grid"):
        replace(SMOKE, grid=18).generate(0, [0])
