"""−∇·(a∇u) = f on the unit square, u = 0 on its edge, by bilinear finite elements on a uniform grid.

scikit-fem makes the element matrices once for each grid. Every coefficient then reuses them, and the linear
system is solved by conjugate gradients, preconditioned with the exact inverse of −Δ on the same elements (two
sine transforms). The number of iterations depends on the contrast max a / min a alone, not on the grid: the
error shrinks by (√c − 1)/(√c + 1) each time.

Source: Concus & Golub 1973, doi:10.1137/0710092 (fast Poisson solvers for variable coefficients).
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import scipy

from ..errors import DivergedError

TOLERANCE = 1e-10
"""The iteration stops at this residual over right-hand side, in the norm of the inverse Laplacian."""

ITERATIONS = 500


def axis(points: int) -> np.ndarray:
    """Return `points` nodes from 0 to 1, both ends included."""
    return np.linspace(0.0, 1.0, points)


def inner_points(points: int, within: int) -> np.ndarray:
    """Return the mid-points of `within` equal parts of each of the points − 1 elements along one axis."""
    count = (points - 1) * within
    return (np.arange(count) + 0.5) / count


def element_mean(values: np.ndarray, points: int) -> np.ndarray:
    """Return the mean over each element of values at its inner points: shape (points − 1, points − 1)."""
    within = values.shape[0] // (points - 1)
    return values.reshape(points - 1, within, points - 1, within).mean((1, 3))


@dataclass(frozen=True, eq=False)
class _Square:
    """What all coefficients on one grid share, for the inner nodes in the order of x, then y."""

    assembly: Any
    """Sparse, (entries of the matrix, elements): times the coefficient it gives the entries."""
    indices: np.ndarray
    pointers: np.ndarray
    basis: np.ndarray
    """∫φ of each inner node."""
    laplacian: np.ndarray
    """Eigenvalues of −Δ on these elements, for the sine transform."""


@lru_cache(maxsize=8)
def _square(points: int) -> _Square:
    from skfem import Basis, BilinearForm, ElementQuad1, LinearForm, MeshQuad
    from skfem.helpers import dot, grad

    mesh = MeshQuad.init_tensor(axis(points), axis(points))
    space = Basis(mesh, ElementQuad1())
    entries = BilinearForm(lambda u, v, _: dot(grad(u), grad(v))).coo_data(space)
    load = LinearForm(lambda v, _: 1.0 * v).assemble(space)

    inner = (points - 2) ** 2
    number = np.full((points, points), -1)
    number[1:-1, 1:-1] = np.arange(inner).reshape(points - 2, points - 2)
    rows, columns = (number.ravel()[i] for i in entries.indices)
    elements = np.tile(np.arange(mesh.nelements), len(rows) // mesh.nelements)
    kept = (rows >= 0) & (columns >= 0)
    places, where = np.unique(rows[kept] * inner + columns[kept], return_inverse=True)
    assembly = scipy.sparse.csr_array(
        (entries.data[kept], (where, elements[kept])), shape=(len(places), mesh.nelements)
    )
    pointers = np.concatenate([[0], np.cumsum(np.bincount(places // inner, minlength=inner))])

    cosine = np.cos(np.pi * np.arange(1, points - 1) / (points - 1))
    stiffness, mass = 2 - 2 * cosine, (4 + 2 * cosine) / 6
    return _Square(
        assembly=assembly,
        indices=places % inner,
        pointers=pointers,
        basis=load.reshape(points, points)[1:-1, 1:-1].ravel(),
        laplacian=np.multiply.outer(stiffness, mass) + np.multiply.outer(mass, stiffness),
    )


def matrix(coefficient: np.ndarray) -> Any:
    """Return the stiffness matrix of a coefficient given on each element, over the inner nodes."""
    square = _square(coefficient.shape[0] + 1)
    inner = len(square.basis)
    return scipy.sparse.csr_array(
        (square.assembly @ coefficient.ravel(), square.indices, square.pointers), shape=(inner, inner)
    )


def load(points: int, force: np.ndarray | float = 1.0) -> np.ndarray:
    """Return ∫fφ for the inner nodes, f taken at the nodes: a number or shape (points, points)."""
    values = np.broadcast_to(np.asarray(force, dtype=np.float64), (points, points))
    return _square(points).basis * values[1:-1, 1:-1].ravel()


def solve(coefficient: np.ndarray, force: np.ndarray | float = 1.0) -> np.ndarray:
    """Return u at the nodes for a coefficient on each element: (points − 1, points − 1) → (points, points).

    Second order in the grid spacing for a smooth coefficient; about first order where it jumps off the
    element edges.
    """
    points = coefficient.shape[0] + 1
    inside = inverse(matrix(coefficient), load(points, force))
    values = np.zeros((points, points))
    values[1:-1, 1:-1] = inside.reshape(points - 2, points - 2)
    return values


def inverse(system: Any, right: np.ndarray) -> np.ndarray:
    """Return A⁻¹b to `TOLERANCE`; raise `DivergedError` if that takes more than `ITERATIONS`."""
    side = round(len(right) ** 0.5)
    eigenvalues = _square(side + 2).laplacian

    def smooth(vector: np.ndarray) -> np.ndarray:
        spectrum = scipy.fft.dstn(vector.reshape(side, side), type=1, norm="ortho") / eigenvalues
        return scipy.fft.idstn(spectrum, type=1, norm="ortho").ravel()

    found = np.zeros_like(right)
    rest = right.copy()
    direction = smoothed = smooth(rest)
    size = first = float(rest @ smoothed)
    for _ in range(ITERATIONS):
        if size <= TOLERANCE**2 * first:
            return found
        image = system @ direction
        length = size / float(direction @ image)
        found = found + length * direction
        rest = rest - length * image
        smoothed = smooth(rest)
        previous, size = size, float(rest @ smoothed)
        direction = smoothed + (size / previous) * direction
    raise DivergedError(f"the linear system was not solved to {TOLERANCE:g} in {ITERATIONS} iterations")
