"""Poisson on meshes against manufactured solutions, closed forms and the geometry of triangulations."""

import numpy as np
import pytest

from sciml_bench.datasets.mesh_poisson import MeshPoisson
from sciml_bench.errors import ContractError
from sciml_bench.problem import triangles as fem
from sciml_bench.problem.samples import count, only, take

DATASET = MeshPoisson.tier("smoke")
DATA = DATASET.generate(3, range(6))


def mesh_of(data, i):
    one = take(data, [i])
    return fem.from_edges(one["positions"].values, one["edges"].values, one["boundary"].values), one


def domain(spacing, seed=0):
    rng = np.random.default_rng(seed)
    theta = 2 * np.pi * np.arange(round(7 / spacing)) / round(7 / spacing)
    r = 1 + 0.25 * np.cos(3 * theta)
    return fem.fill(np.stack([r * np.cos(theta), r * np.sin(theta)], axis=1), spacing, rng)


def wave(points):
    x, y = points.T
    return np.sin(2 * x + 0.3) * np.cos(1.5 * y)


def errors(degree, levels):
    """Errors at the nodes, −Δu = 6.25 u, on a mesh that is refined again and again."""
    mesh, found = domain(0.3), []
    for _ in range(levels):
        u = wave(mesh.points)
        found.append(np.sqrt(np.mean((fem.solve(mesh, 6.25 * u, u, degree=degree) - u) ** 2)))
        mesh, _ = mesh.refined(u)
    return np.array(found)


def test_linear_elements_are_of_second_order_for_a_manufactured_solution():
    order = np.log2(errors(1, 4)[:-1] / errors(1, 4)[1:])
    assert (order[1:] > 1.85).all(), order
    assert (order[1:] < 2.3).all(), order


def test_a_linear_solution_is_met_exactly():
    mesh = domain(0.3)
    u = 1 + mesh.points @ [2.0, -3.0]
    for degree in (1, 2):
        np.testing.assert_allclose(fem.solve(mesh, np.zeros(len(u)), u, degree=degree), u, atol=1e-12)


def test_linear_elements_are_those_of_a_library():
    from skfem import Basis, BilinearForm, ElementTriP1, LinearForm, MeshTri, condense, solve
    from skfem.helpers import dot, grad

    mesh = domain(0.2, seed=3)
    force, edge = wave(mesh.points), np.where(mesh.edge, 1 + mesh.points[:, 0] ** 2, 0.0)
    space = Basis(MeshTri(mesh.points.T.copy(), mesh.cells.T.copy()), ElementTriP1(), intorder=2)
    stiffness = BilinearForm(lambda u, v, _: dot(grad(u), grad(v))).assemble(space)
    load = LinearForm(lambda v, w: w.f * v).assemble(space, f=space.interpolate(force))
    expected = solve(*condense(stiffness, load, x=edge.copy(), D=space.get_dofs()))
    np.testing.assert_allclose(fem.solve(mesh, force, edge), expected, rtol=1e-12)


def test_the_torsion_of_a_disc():
    """−Δu = 1 in the unit disc: u = (1 − r²) / 4, but for the polygon in its place, of second order too."""
    worst = []
    for n in (24, 48):
        theta = 2 * np.pi * np.arange(n) / n
        disc = np.stack([np.cos(theta), np.sin(theta)], axis=1)
        mesh = fem.fill(disc, 2 * np.pi / n, np.random.default_rng(1))
        u = fem.solve(mesh, np.ones(len(mesh.points)))
        worst.append(np.abs(u - (1 - (mesh.points**2).sum(axis=1)) / 4).max())
    assert worst[0] < 5e-3
    assert 3 < worst[0] / worst[1] < 6


def test_refining_keeps_the_polygon_and_interpolates_linearly():
    mesh = domain(0.3)
    finer, x = mesh.refined(mesh.points[:, 0])
    np.testing.assert_allclose(x, finer.points[:, 0])
    np.testing.assert_allclose(finer.area, mesh.area)
    assert len(finer.cells) == 4 * len(mesh.cells)
    assert finer.edge.sum() == 2 * mesh.edge.sum()


@pytest.mark.parametrize("i", range(6))
def test_the_mesh_is_a_triangulation_of_the_whole_polygon(i):
    mesh, one = mesh_of(DATA, i)
    assert len(mesh.points) - len(one["edges"]) + len(mesh.cells) == 1  # Euler's formula without the outer face
    np.testing.assert_array_equal(mesh.pairs, one["edges"].values)
    ring = mesh.points[fem.outline(mesh)]
    assert len(ring) == one["boundary"].sum()
    x, y = ring.T
    np.testing.assert_allclose(mesh.area, (x * np.roll(y, -1) - y * np.roll(x, -1)).sum() / 2)


def test_cells_come_back_from_the_edges_whatever_the_order_of_the_nodes():
    mesh, _ = mesh_of(DATA, 0)
    order = np.random.default_rng(0).permutation(len(mesh.points))
    place = np.argsort(order)
    mixed = fem.from_edges(mesh.points[order], place[mesh.pairs], mesh.edge[order])
    u, v = fem.solve(mesh, wave(mesh.points)), fem.solve(mixed, wave(mixed.points))
    np.testing.assert_allclose(v, u[order], atol=1e-12)


def test_a_triangle_of_edges_around_a_node_is_not_a_cell():
    points = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.3, 0.3]])
    pairs = np.array([(a, b) for a in range(4) for b in range(a + 1, 4)])
    mesh = fem.from_edges(points, pairs, np.array([1, 1, 1, 0]))
    assert len(mesh.cells) == 3
    np.testing.assert_allclose(mesh.area, 0.5)


def test_the_truth_vanishes_on_the_edge_alone_and_solves_the_discrete_equation_of_its_own_mesh():
    edge = DATA["boundary"].values == 1
    assert (DATA["u"].values[edge] == 0).all()
    assert (DATA["u"].values[~edge] != 0).all()
    # Green: ∫ ∇u·∇u = ∫ f u, by linear elements on the data's mesh: equal but for the error of interpolation.
    mesh, one = mesh_of(DATASET.shifts()["finer_meshes"].generate(3, [0]), 0)
    area = fem._signed(mesh.points, mesh.cells)
    a, b, c = (mesh.points[mesh.cells[:, k]] for k in range(3))
    u, f = one["u"].values[mesh.cells], one["source"].values[mesh.cells]
    turned = sum(u[:, [k]] * s for k, s in enumerate((c - b, a - c, b - a))) / (2 * area[:, None])
    energy = ((turned**2).sum(axis=1) * area).sum()
    work = (area[:, None, None] / 12 * (np.ones((3, 3)) + np.eye(3)) * f[:, :, None] * u[:, None, :]).sum()
    np.testing.assert_allclose(energy, work, rtol=0.03)


def test_the_truth_is_converged():
    fine = DATASET.refined().generate(3, range(6))
    assert np.linalg.norm(fine["u"] - DATA["u"]) / np.linalg.norm(fine["u"]) < 1e-3


def test_the_solver_finds_the_truth_from_the_inputs_and_obeys_the_symmetries():
    problem = DATASET.problem()
    inputs = only(DATA, [v.name for v in problem.inputs])
    knobs = list(problem.solver.costs.values())[-1]
    found = problem.solver.solve(inputs, **knobs)
    np.testing.assert_allclose(found["u"], DATA["u"], atol=1e-12)
    for symmetry in problem.symmetries.values():
        moved = problem.solver.solve(symmetry.inputs(inputs), **knobs)
        np.testing.assert_allclose(moved["u"], symmetry.targets(found)["u"], atol=1e-10)


def test_sizes_vary_and_larger_domains_have_larger_meshes():
    assert len(set(DATA["node_count"].values.tolist())) > 3
    larger = DATASET.shifts()["larger_domains"].generate(3, range(6))
    assert count(larger) == 6
    assert larger["node_count"].mean() > 1.7 * DATA["node_count"].mean()
    names = DATASET.problem().regimes["area"].of(DATASET.generate(1, range(32)))
    assert set(names) == {"small", "medium", "large"}


def test_an_outline_with_too_few_points_is_refused():
    corners = np.array([[0.0, 0.0], [4.0, 0.0], [4.0, 0.4], [2.0, 0.05], [0.0, 0.4]])
    with pytest.raises(ContractError, match="the outline needs more points"):
        fem.triangulate(np.concatenate([corners, [[2.0, -0.1]]])[[0, 1, 2, 3, 4, 5]], 5)
