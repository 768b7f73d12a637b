"""−Δu = f on a polygon, u = g on its edge, by linear or quadratic elements on triangles; and meshes of smooth domains.

The mesh is scipy's Delaunay triangulation of points on the outline and inside, the quadratic elements are scikit-fem's; linear
ones are put together here, as their seconds are what methods are held against, and a library's calls would be most of them. A
refinement halves every edge and keeps the polygon, so that the truth and its approximations share one domain.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy
import scipy.sparse.linalg

from ..errors import ContractError

CLEARANCE = 0.6
"""No inner point lies nearer to the outline than this fraction of the spacing, so that the outline's pieces are edges."""

SMOOTHING = 8
"""How often inner points move to the mean of their neighbours."""


@dataclass(frozen=True, eq=False)
class Triangles:
    """A triangulated polygon: `points` (node, 2), `cells` (cell, 3) in numbers of nodes, `edge` True on the polygon's edge."""

    points: np.ndarray
    cells: np.ndarray
    edge: np.ndarray

    @property
    def pairs(self) -> np.ndarray:
        """The edges of the triangles (edge, 2), each once, lower node first, in order."""
        ends = np.concatenate([self.cells[:, [0, 1]], self.cells[:, [1, 2]], self.cells[:, [0, 2]]])
        return np.unique(np.sort(ends, axis=1), axis=0)

    @property
    def area(self) -> float:
        """The area of all triangles."""
        return float(np.abs(_signed(self.points, self.cells)).sum())

    def refined(self, values: np.ndarray) -> tuple["Triangles", np.ndarray]:
        """Return the mesh with every triangle cut in four, old nodes first, and piecewise linear `values` on its nodes."""
        pairs, n = self.pairs, len(self.points)
        keys = pairs[:, 0] * n + pairs[:, 1]
        a, b, c = self.cells.T
        ab, bc, ca = (
            n + np.searchsorted(keys, np.minimum(p, q) * n + np.maximum(p, q)) for p, q in ((a, b), (b, c), (c, a))
        )
        cells = np.concatenate([np.stack(t, axis=1) for t in ((a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca))])
        outer = np.bincount(np.concatenate([ab, bc, ca]) - n, minlength=len(pairs)) == 1
        points = np.concatenate([self.points, self.points[pairs].mean(axis=1)])
        mesh = Triangles(points=points, cells=cells, edge=np.concatenate([self.edge, outer]))
        return mesh, np.concatenate([values, values[pairs].mean(axis=1)])


def _signed(points: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """Return the areas of triangles, negative for those whose corners run clockwise."""
    a, b, c = (points[cells[:, k]] for k in range(3))
    u, v = b - a, c - a
    return np.asarray((u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]) / 2)


def inside(points: np.ndarray, outline: np.ndarray) -> np.ndarray:
    """Return which points lie inside the polygon with these corners, by counting the edges that a ray to the right crosses."""
    a, b = outline, np.roll(outline, -1, axis=0)
    x, y = points[:, :1], points[:, 1:]
    straddles = (a[:, 1] > y) != (b[:, 1] > y)
    rise = np.where(a[:, 1] == b[:, 1], 1.0, b[:, 1] - a[:, 1])
    crossing = a[:, 0] + (y - a[:, 1]) / rise * (b[:, 0] - a[:, 0])
    return np.asarray((straddles & (x < crossing)).sum(axis=1) % 2 == 1)


def triangulate(points: np.ndarray, corners: int) -> Triangles:
    """Return the Delaunay triangles inside the polygon whose corners are the first `corners` points, in order.

    Raises ContractError if they do not fill the polygon: a piece of the outline is longer than the gap to a point near it.
    """
    outline = points[:corners]
    cells = scipy.spatial.Delaunay(points).simplices.astype(np.int64)
    signed = _signed(points, cells)
    whole = abs(signed) > 1e-12 * np.abs(signed).max()
    cells = np.where(signed[:, None] > 0, cells, cells[:, [0, 2, 1]])
    cells = cells[whole & inside(points[cells].mean(axis=1), outline)]
    mesh = Triangles(points=points, cells=cells, edge=np.arange(len(points)) < corners)
    a, b = outline, np.roll(outline, -1, axis=0)
    area = abs(float((a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum())) / 2
    if abs(mesh.area - area) > 1e-9 * area:
        raise ContractError(
            f"the triangles cover {mesh.area:.6g} of a polygon of area {area:.6g}; the outline needs more points"
        )
    return mesh


def fill(outline: np.ndarray, spacing: float, rng: np.random.Generator) -> Triangles:
    """Return a mesh of the polygon with these corners, which lie about `spacing` apart, as inner points will.

    These start on a triangular lattice, shaken by a fifth of the spacing, and are smoothed.
    """
    low, high = outline.min(axis=0), outline.max(axis=0)
    rows = np.arange(low[1], high[1], spacing * 3**0.5 / 2)
    columns = np.arange(low[0], high[0], spacing)
    lattice = np.array([(x + spacing / 2 * (k % 2), y) for k, y in enumerate(rows) for x in columns])
    shaken = lattice + 0.2 * spacing * rng.uniform(-1, 1, lattice.shape)
    inner = shaken[_clear(shaken, outline, spacing)]
    for _ in range(SMOOTHING):
        mesh = triangulate(np.concatenate([outline, inner]), len(outline))
        moved = _neighbour_mean(mesh)[len(outline) :]
        inner = np.where(_clear(moved, outline, spacing)[:, None], moved, inner)
    return triangulate(np.concatenate([outline, inner]), len(outline))


def _clear(points: np.ndarray, outline: np.ndarray, spacing: float) -> np.ndarray:
    """Return which points lie inside the outline and clear of it."""
    a, b = outline, np.roll(outline, -1, axis=0)
    along = ((points[:, None] - a) * (b - a)).sum(-1) / ((b - a) ** 2).sum(-1)
    nearest = a + np.clip(along, 0, 1)[..., None] * (b - a)
    gap = np.sqrt(((points[:, None] - nearest) ** 2).sum(-1)).min(axis=1)
    clear: np.ndarray = inside(points, outline) & (gap > CLEARANCE * spacing)
    return clear


def _neighbour_mean(mesh: Triangles) -> np.ndarray:
    pairs, n = mesh.pairs, len(mesh.points)
    both = np.concatenate([pairs, pairs[:, ::-1]])
    adjacency = scipy.sparse.coo_array((np.ones(len(both)), (both[:, 0], both[:, 1])), shape=(n, n)).tocsr()
    return np.asarray((adjacency @ mesh.points) / np.asarray(adjacency.sum(axis=1)).reshape(-1, 1))


def from_edges(points: np.ndarray, pairs: np.ndarray, edge: np.ndarray) -> Triangles:
    """Return the mesh that has these edges: its cells are the triangles of edges with no node inside."""
    near: list[set[int]] = [set() for _ in points]
    for a, b in np.sort(pairs, axis=1).tolist():
        near[a].add(b)
    cells = np.array([(a, b, c) for a, after in enumerate(near) for b in after for c in after & near[b]], np.int64)
    cells = cells[np.lexsort(cells.T[::-1])]
    cells = np.where(_signed(points, cells)[:, None] > 0, cells, cells[:, [0, 2, 1]])
    return Triangles(points=points, cells=cells[~_holds_a_node(points, cells)], edge=np.asarray(edge) > 0.5)


def _holds_a_node(points: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """Return which counterclockwise triangles have a node in their interior."""
    within = np.ones((len(cells), len(points)), bool)
    for k in range(3):
        a, b = points[cells[:, k]], points[cells[:, (k + 1) % 3]]
        side = (b - a)[:, None, 0] * (points[:, 1] - a[:, 1:]) - (b - a)[:, None, 1] * (points[:, 0] - a[:, :1])
        within &= side > 1e-12
    return np.asarray(within.any(axis=1))


def outline(mesh: Triangles) -> np.ndarray:
    """Return the numbers of the nodes on the edge of a mesh without holes, counterclockwise from the lowest number."""
    sides = np.concatenate([mesh.cells[:, [0, 1]], mesh.cells[:, [1, 2]], mesh.cells[:, [2, 0]]])
    known = {(int(a), int(b)) for a, b in sides}
    after = {a: b for a, b in known if (b, a) not in known}
    order = [min(after)]
    while after[order[-1]] != order[0]:
        order.append(after[order[-1]])
    return np.array(order)


def coarsen(mesh: Triangles, factor: int) -> tuple[Triangles, np.ndarray]:
    """Return a mesh of about 1 / `factor`² of the nodes, and which those are: every `factor`-th corner, and inner nodes
    chosen one after the other, each farthest from those before.
    """
    corners = outline(mesh)[::factor]
    polygon = mesh.points[corners]
    free = np.flatnonzero(~mesh.edge)
    spacing = float(np.median(np.linalg.norm(np.roll(polygon, -1, axis=0) - polygon, axis=1)))
    free = free[_clear(mesh.points[free], polygon, spacing)]
    chosen = list(corners)
    gap = scipy.spatial.cKDTree(polygon).query(mesh.points[free])[0] if len(free) else np.empty(0)
    while len(gap) and gap.max() > 0.8 * spacing:
        best = int(np.argmax(gap))
        chosen.append(int(free[best]))
        gap = np.minimum(gap, np.linalg.norm(mesh.points[free] - mesh.points[free[best]], axis=1))
    nodes = np.array(chosen)
    return triangulate(mesh.points[nodes], len(corners)), nodes


def solve(mesh: Triangles, force: np.ndarray, value: np.ndarray | float = 0.0, *, degree: int = 1) -> np.ndarray:
    """Return u at the nodes: −Δu = f, f linear on each triangle, u = `value` on the edge (a number or one of each node).

    With linear elements (degree 1) the error falls with the square of the spacing, with quadratic ones (2) with its cube,
    where u is smooth; `value` is taken as linear along each edge.
    """
    edge = np.broadcast_to(np.asarray(value, np.float64), len(mesh.points))
    return _linear(mesh, force, edge) if degree == 1 else _quadratic(mesh, force, edge)


def _linear(mesh: Triangles, force: np.ndarray, edge: np.ndarray) -> np.ndarray:
    """Solve with linear elements: K_ij = ∫ ∇φ_i·∇φ_j and b_i = ∫ f φ_i, both exact, the edge's values taken out.

    With e_k the side that faces corner k of a triangle of area A, K_kl = e_k·e_l / 4A and ∫ φ_k φ_l = A (1 + δ_kl) / 12.
    """
    n, cells = len(mesh.points), mesh.cells
    corners = mesh.points[cells]
    sides = np.roll(corners, 1, axis=1) - np.roll(corners, -1, axis=1)
    area = _signed(mesh.points, cells)
    local = np.einsum("ckd,cld->ckl", sides, sides) / (4 * area)[:, None, None]
    rows, columns = np.repeat(cells, 3, axis=1).ravel(), np.tile(cells, 3).ravel()
    stiffness = scipy.sparse.coo_array((local.ravel(), (rows, columns)), shape=(n, n)).tocsr()
    at = force[cells]
    load = np.bincount(
        cells.ravel(), ((at + at.sum(axis=1, keepdims=True)) * (area / 12)[:, None]).ravel(), minlength=n
    )
    u, free = np.where(mesh.edge, edge, 0.0), np.flatnonzero(~mesh.edge)
    inner = stiffness[free]
    u[free] = scipy.sparse.linalg.spsolve(inner[:, free].tocsc(), (load[free] - inner @ u))
    return u


def _quadratic(mesh: Triangles, force: np.ndarray, edge: np.ndarray) -> np.ndarray:
    from skfem import Basis, BilinearForm, ElementTriP1, ElementTriP2, LinearForm, MeshTri, condense
    from skfem import solve as solve_linear
    from skfem.helpers import dot, grad

    grid = MeshTri(mesh.points.T.copy(), mesh.cells.T.copy())
    space = Basis(grid, ElementTriP2(), intorder=4)
    given = space.with_element(ElementTriP1()).interpolate(force)
    stiffness: Any = BilinearForm(lambda u, v, _: dot(grad(u), grad(v))).assemble(space)
    load = LinearForm(lambda v, w: w.f * v).assemble(space, f=given)
    start = np.zeros(space.N)
    start[space.nodal_dofs[0]] = np.where(mesh.edge, edge, 0.0)
    outer = grid.boundary_facets()
    start[space.facet_dofs[0, outer]] = edge[grid.facets[:, outer]].mean(axis=0)
    found = solve_linear(*condense(stiffness, load, x=start, D=space.get_dofs()))
    return np.asarray(found[space.nodal_dofs[0]])
