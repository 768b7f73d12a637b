"""Flow through a medium of two materials: from its picture to its effective permeability."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from types import MappingProxyType
from typing import Any, ClassVar, Self

import numpy as np
import scipy
import xarray as xr

from sciml_bench.errors import DivergedError, UsageError
from sciml_bench.problem import Dataset, DatasetCard, Problem, Solver, Source, Symmetry, Variable
from sciml_bench.problem.labels import labelled
from sciml_bench.problem.random_field import PeriodicField

TOLERANCE = 1e-8
"""Conjugate gradients stop at this residual over right-hand side, in the norm of the inverse Laplacian."""
ENOUGH = 1e-3
"""The same for the reference solver: an energy errs by its square, far less than by the size of the elements."""
ITERATIONS = 5000

PICTURE = Variable(name="a", dims=("x", "y"), description="permeability", symbol="a", periodic=True)
KXX, KYY = (
    Variable(
        name=f"log_k{axis * 2}",
        dims=(),
        description=f"decimal logarithm of the effective permeability along {axis}",
        symbol=f"log₁₀ K_{axis * 2}",
        kind="scalar",
    )
    for axis in "xy"
)


def swap_axes(data: xr.Dataset) -> xr.Dataset:
    """Reflect the picture in its diagonal: (x, y) → (y, x)."""
    return data.assign(a=data["a"].copy(data=data["a"].transpose(..., "y", "x").values))


def swap_targets(data: xr.Dataset) -> xr.Dataset:
    """Exchange K_xx and K_yy."""
    return data.assign(
        log_kxx=data["log_kxx"].copy(data=data["log_kyy"].values),
        log_kyy=data["log_kyy"].copy(data=data["log_kxx"].values),
    )


def translate(data: xr.Dataset) -> xr.Dataset:
    """Move the picture by five sixteenths of the cell along x, whole pixels; repeated, it comes everywhere."""
    return data.roll(x=5 * data.sizes["x"] // 16, roll_coords=False)


def same(data: xr.Dataset) -> xr.Dataset:
    """Return the targets as they are."""
    return data


@dataclass(frozen=True, eq=False)
class _Cell:
    """What all pictures of one size share: bilinear elements on the periodic unit cell, nodes in the order of x, then y."""

    assembly: Any
    """Sparse, (entries of the stiffness matrix, elements): times the coefficient it gives the entries."""
    indices: np.ndarray
    pointers: np.ndarray
    loads: tuple[Any, Any]
    """Sparse, (nodes, elements): times the coefficient a it gives ∫a ∂φ/∂x of each node φ, and ∫a ∂φ/∂y."""
    laplacian: np.ndarray
    """Eigenvalues of −Δ on these elements for the real Fourier transform; 1 for the constant, which has none."""


@lru_cache(maxsize=8)
def _cell(n: int) -> _Cell:
    from skfem import Basis, BilinearForm, ElementQuad1, LinearForm, MeshQuad
    from skfem.helpers import dot, grad

    edges = np.linspace(0.0, 1.0, n + 1)
    mesh = MeshQuad.init_tensor(edges, edges)
    space = Basis(mesh, ElementQuad1())
    stiffness = BilinearForm(lambda u, v, _: dot(grad(u), grad(v))).coo_data(space)
    loads = [LinearForm(lambda v, _, d=d: grad(v)[d]).coo_data(space) for d in (0, 1)]

    def numbered(points: np.ndarray) -> np.ndarray:
        """Return the number of a node, or of the element with this lower corner; the far edges are the near ones."""
        x, y = np.rint(points * n).astype(np.int64) % n
        return x * n + y

    node = numbered(mesh.p)
    element = numbered(mesh.p[:, mesh.t].min(axis=1))
    rows, columns = (node[i] for i in stiffness.indices)
    places, where = np.unique(rows * n * n + columns, return_inverse=True)
    cosine = np.cos(2 * np.pi * np.arange(n) / n)
    second, mass = 2 - 2 * cosine, (4 + 2 * cosine) / 6
    laplacian = np.multiply.outer(second, mass) + np.multiply.outer(mass, second)
    laplacian[0, 0] = 1.0
    return _Cell(
        assembly=scipy.sparse.csr_array(
            (stiffness.data, (where, np.resize(element, len(rows)))), shape=(len(places), n * n)
        ),
        indices=places % (n * n),
        pointers=np.concatenate([[0], np.cumsum(np.bincount(places // (n * n), minlength=n * n))]),
        loads=tuple(
            scipy.sparse.csr_array(
                (b.data, (node[b.indices[0]], np.resize(element, len(b.data)))), shape=(n * n, n * n)
            )
            for b in loads
        ),
        laplacian=laplacian[:, : n // 2 + 1],
    )


def upper_bound(a: np.ndarray, tolerance: float = TOLERANCE) -> np.ndarray:
    """Return K_ij = ⟨a⟩ δ_ij − b_i·A⁻¹b_j, the least energy of a periodic flow in the finite-element space.

    `a` holds the permeability of each element, (n, n); A is the stiffness matrix and b_i = ∫a ∂φ/∂x_i. It is the
    minimum of ∫a |e_i + ∇χ|² over bilinear periodic χ, so that no direction's permeability is above it.
    """
    n, cell = len(a), _cell(len(a))
    entries = cell.assembly @ a.ravel()
    system = scipy.sparse.csr_array((entries, cell.indices, cell.pointers), shape=(n * n, n * n))
    loads = [load @ a.ravel() for load in cell.loads]
    response = [_inverse(system, b, cell.laplacian, tolerance) for b in loads]
    return a.mean() * np.eye(2) - np.array([[b @ x for x in response] for b in loads])


def lower_bound(a: np.ndarray, tolerance: float = TOLERANCE) -> np.ndarray:
    """Return Rᵀ K(1/a)⁻¹ R, R the quarter turn and K(1/a) the upper bound of the inverse medium.

    In two dimensions a flow of the medium, turned by 90°, is a flow of the inverse medium, hence K(a) = Rᵀ K(1/a)⁻¹ R,
    and an upper bound of K(1/a) is a lower one of K(a). Source: Keller 1964, doi:10.1063/1.1704146, for tensors
    Mendelson 1975, J. Appl. Phys. 46.
    """
    turn = np.array([[0.0, -1.0], [1.0, 0.0]])
    return turn.T @ np.linalg.inv(upper_bound(1.0 / a, tolerance)) @ turn


def log_permeability(a: np.ndarray, tolerance: float = TOLERANCE) -> np.ndarray:
    """Return log₁₀ K_xx and log₁₀ K_yy, each midway between its upper and its lower bound."""
    bounds = (np.diag(upper_bound(a, tolerance)), np.diag(lower_bound(a, tolerance)))
    return np.asarray(np.mean(np.log10(bounds), axis=0))


def resampled(a: np.ndarray, elements: int) -> np.ndarray:
    """Return the picture on `elements`² cells: pixels repeated, or the geometric mean of those that one cell covers."""
    if elements >= len(a):
        return np.kron(a, np.ones((elements // len(a),) * 2))
    within = len(a) // elements
    return np.exp(np.log(a).reshape(elements, within, elements, within).mean(axis=(1, 3)))


def _inverse(system: Any, right: np.ndarray, laplacian: np.ndarray, tolerance: float) -> np.ndarray:
    """Return A⁻¹b of zero mean by conjugate gradients, preconditioned with the inverse of −Δ."""
    n = len(laplacian)

    def smooth(vector: np.ndarray) -> np.ndarray:
        spectrum = scipy.fft.rfft2(vector.reshape(n, n)) / laplacian
        spectrum[0, 0] = 0.0
        return np.asarray(scipy.fft.irfft2(spectrum, (n, n))).ravel()

    found, rest = np.zeros_like(right), right.copy()
    direction = smoothed = smooth(rest)
    size = first = float(rest @ smoothed)
    for _ in range(ITERATIONS):
        if size <= tolerance**2 * first:
            return found
        image = system @ direction
        length = size / float(direction @ image)
        found += length * direction
        rest -= length * image
        smoothed = smooth(rest)
        previous, size = size, float(rest @ smoothed)
        direction = smoothed + (size / previous) * direction
    raise DivergedError(f"the cell problem was not solved to {tolerance:g} in {ITERATIONS} iterations")


@dataclass(frozen=True, kw_only=True)
class PermeabilitySolver(Solver):
    """Homogenisation of the picture on `elements`² bilinear elements, midway between both energy bounds.

    On fewer elements than pixels each takes the geometric mean of its pixels. Conjugate gradients stop at a residual of 1e-3,
    for the truth at 1e-8. Runs on the CPU whatever the device.
    """

    grid: int
    refinement: int

    @property
    def costs(self) -> Mapping[str, Mapping[str, Any]]:
        """Elements along each side: an eighth of the pixels or fewer, up to the truth's own."""
        finest = self.grid * self.refinement
        sides = [n for n in (finest // 2**k for k in range(9, -1, -1)) if n >= 4]
        return {f"{n}x{n} elements": {"elements": n} for n in sides}

    def solve(self, inputs: xr.Dataset, *, device: str = "cpu", **knobs: Any) -> xr.Dataset:  # noqa: ARG002
        """Return both permeabilities; `knobs`: elements, along each side, a multiple or a whole fraction of the pixels."""
        return _solved(inputs, **knobs, tolerance=ENOUGH)


def _solved(inputs: xr.Dataset, *, elements: int, tolerance: float) -> xr.Dataset:
    pictures = inputs["a"].transpose("sample", "x", "y").values
    found = np.array([log_permeability(resampled(a, elements), tolerance) for a in pictures])
    return labelled([KXX, KYY], {"log_kxx": found[:, 0], "log_kyy": found[:, 1]})


@dataclass(frozen=True, kw_only=True)
class Permeability(Dataset):
    """K_ξξ = min over periodic χ of ∫a |ξ + ∇χ|² on the unit cell, for ξ along x and y, from a picture of a.

    a is `high` in the share φ of the `grid`² pixels where a Gaussian field g ~ N(0, (−Δ + τ²)^(−3)), periodic with
    wavenumbers up to `modes`, is largest, else 1; φ is uniform on (`least`, `most`) and τ log-uniform on (`coarse`,
    `fine`): the larger, the finer the grains. The pixels are the medium, so that the picture tells all. Solved on
    `refinement`² elements a pixel, midway in the logarithm between the upper bound, the energy of a flow, and the lower
    one, that of the inverse medium turned by 90°, which encloses the truth.

    Source of the cell problem: Jikov, Kozlov & Oleinik 1994, doi:10.1007/978-3-642-84659-5.
    """

    card: ClassVar[DatasetCard] = DatasetCard(
        title="Permeability of a medium",
        kind="regression",
        summary="effective permeability of a random two-phase medium from its picture",
        description=(
            "A sponge of two materials, one fifty times as permeable as the other, repeats periodically. How much flows "
            "through it along x and along y depends on how much there is of each material and, above all, on "
            "whether the permeable one hangs together in that direction. The method sees the picture, the pixels of "
            "which are the medium, and predicts the decimal logarithm of both effective permeabilities. Two numbers that "
            "need no picture but its two shares (the means of Wiener) enclose the answer widely. The truth lies midway "
            "between two rigorous bounds from finite elements. Refining them moves it by about a thousandth of its spread, "
            "which is its floor; the bounds themselves lie further apart, 0.01 along x and 0.02 along y on the first sample of "
            "the small tier. Exchanging the axes exchanges both targets, and moving the picture changes nothing."
        ),
        sources=(
            Source(
                citation="Jikov, Kozlov & Oleinik 1994, Homogenization of differential operators and integral functionals",
                doi="10.1007/978-3-642-84659-5",
            ),
            Source(
                citation="Keller 1964, A theorem on the conductivity of a composite medium, J. Math. Phys. 5",
                doi="10.1063/1.1704146",
            ),
            Source(
                citation="Mendelson 1975, A theorem on the effective conductivity of a two-dimensional heterogeneous "
                "medium, J. Appl. Phys. 46",
            ),
            Source(
                citation="Gustafsson & McBain 2020, scikit-fem: A Python package for finite element assembly",
                doi="10.21105/joss.02369",
            ),
        ),
        needs=("skfem",),
    )
    version: ClassVar[int] = 1
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
        {
            "smoke": {"samples": 48, "grid": 32, "modes": 12},
            "small": {"samples": 600},
            "full": {"samples": 4000, "grid": 128, "modes": 48, "fine": 80.0},
        }
    )

    samples: int = 600
    high: float = 50.0
    least: float = 0.2
    most: float = 0.8
    coarse: float = 15.0
    fine: float = 45.0
    modes: int = 20
    grid: int = 64
    refinement: int = 2

    @property
    def solver(self) -> PermeabilitySolver:
        """The finite elements that make the truth, to a looser tolerance."""
        return PermeabilitySolver(grid=self.grid, refinement=self.refinement)

    def problem(self) -> Problem:
        """Return what a method may know: the solver, and what exchanging the axes and moving the picture do."""
        return Problem(
            name="permeability",
            kind="regression",
            inputs=(PICTURE,),
            targets=(KXX, KYY),
            solver=self.solver,
            symmetries={
                "reflection": Symmetry(
                    inputs=swap_axes, targets=swap_targets, description="reflecting the picture in its diagonal"
                ),
                "translation": Symmetry(inputs=translate, targets=same, description="moving the picture along x"),
            },
        )

    def picture(self, rng: np.random.Generator) -> np.ndarray:
        """Return a at the pixels, (grid, grid)."""
        share, tau = rng.uniform(self.least, self.most), np.exp(rng.uniform(np.log(self.coarse), np.log(self.fine)))
        field = PeriodicField(dims=2, scale=1.0, tau=float(tau), alpha=3.0, modes=self.modes, mean=False)
        g = field.sample(rng, self.grid)
        return np.where(g > np.quantile(g, 1.0 - share), self.high, 1.0)

    def generate(self, seed: int, samples: Sequence[int], *, device: str = "cpu") -> xr.Dataset:  # noqa: ARG002
        """Return `a`, `log_kxx` and `log_kyy` of the given samples."""
        if not 0 < self.least <= self.most < 1 or self.refinement < 1:
            raise UsageError(
                f"least={self.least:g} and most={self.most:g} must be shares in order between 0 and 1, and "
                f"refinement={self.refinement} at least 1"
            )
        pictures = np.stack([self.picture(np.random.default_rng([seed, i])) for i in samples])
        pixels = (np.arange(self.grid) + 0.5) / self.grid
        given = labelled([PICTURE], {"a": pictures}, {"x": pixels, "y": pixels})
        return given.merge(_solved(given, elements=self.grid * self.refinement, tolerance=TOLERANCE))

    def refined(self) -> Self:
        """Return the same pictures with twice the elements along each side."""
        return replace(self, refinement=2 * self.refinement)

    def shifts(self) -> Mapping[str, Self]:
        """Return media of four times the contrast, of finer grain, and with little of the permeable material."""
        few = replace(self, samples=max(12, self.samples // 10))
        return {
            "higher_contrast": replace(few, high=4 * self.high),
            "finer_grain": replace(few, coarse=self.fine, fine=2 * self.fine),
            "lower_fraction": replace(few, least=0.5 * self.least, most=self.least),
        }
