"""Steady flow through a porous medium of two materials: from the permeability to the pressure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from types import MappingProxyType
from typing import Any, ClassVar, Self

import numpy as np
import xarray as xr

from sciml_bench.errors import UnknownNameError, UsageError
from sciml_bench.problem import (
    Dataset,
    DatasetCard,
    Derivatives,
    Equation,
    Problem,
    Source,
    Steady,
    Symmetry,
    Variable,
)
from sciml_bench.problem import finite_elements as fem
from sciml_bench.problem.labels import labelled
from sciml_bench.problem.random_field import CosineField

COEFFICIENTS = ("threshold", "lognormal")

PERMEABILITY = Variable(name="a", dims=("x", "y"), description="permeability", symbol="a")
PRESSURE = Variable(name="u", dims=("x", "y"), description="pressure", symbol="u")


def residual(d: Derivatives, p: Any) -> dict[str, Any]:
    """−∇·(a∇u) − f, written out: zero for a solution where a is smooth."""
    return {"balance": -(d.a * (d.u_xx + d.u_yy) + d.a_x * d.u_x + d.a_y * d.u_y) - p.force}


def reflect(data: xr.Dataset) -> xr.Dataset:
    """Reflect every field in the diagonal: (x, y) → (y, x)."""
    swapped = {
        name: v.copy(data=v.transpose(..., "y", "x").values)
        for name, v in data.data_vars.items()
        if {"x", "y"} <= set(v.dims)
    }
    return data.assign(swapped)


@lru_cache(maxsize=32)
def _hats(nodes: int, points: int, within: int) -> np.ndarray:
    """Return the values of the `nodes` hat functions at the inner points of the elements."""
    distance = fem.inner_points(points, within)[:, None] - fem.axis(nodes)[None, :]
    return np.maximum(0.0, 1.0 - np.abs(distance) * (nodes - 1))


@dataclass(frozen=True, kw_only=True)
class DarcySolver(Steady):
    """−∇·(a∇u) = 1, u = 0 on the edge, from a at the data's nodes, by bilinear elements on `grid`² nodes.

    Between the nodes log a is interpolated linearly, and taken to the nearer of the two materials if there
    are two. Each element has the geometric mean of a over it. On a coarser grid u comes to the data's nodes
    by a bicubic spline.

    Even on the truth's own grid an error remains, about 4e-3 on a 61² grid: where the edge of a material runs
    between two nodes is not in the data. A method that learns where such edges tend to run may do better.

    Runs on the CPU whatever the device.
    """

    materials: tuple[float, float] | None
    """The two values of a, lower first, or None for a smooth a."""
    data_grid: int
    solver_grid: int

    @property
    def costs(self) -> Mapping[str, Mapping[str, Any]]:
        """Grids of 5² nodes up to the data's own, then the truth's own, where the data limit the error.

        Below some 20² nodes averaging the coefficient takes most of the time: a finer grid costs no more there.
        """
        coarser = (n for n in (5, 7, 9, 13, 21, 31, 43) if n < self.data_grid)
        return {f"{n}x{n} nodes": {"grid": n} for n in (*coarser, self.data_grid, self.solver_grid)}

    def solve(self, inputs: xr.Dataset, *, device: str = "cpu", **knobs: Any) -> xr.Dataset:  # noqa: ARG002
        """Return u at the nodes of the data; `knobs`: grid, the nodes along each side."""
        values = np.stack([self._solve(a, **knobs) for a in inputs["a"].values])
        return labelled([PRESSURE], {"u": values}, {name: inputs[name].values for name in ("x", "y")})

    def residual(self, inputs: xr.Dataset, prediction: xr.Dataset) -> xr.DataArray:
        """Return ‖Ap − b‖ / ‖b‖ in the dual of the energy norm, ‖r‖² = r·A⁻¹r, on the data's own grid.

        A and b are the finite elements of `solve` on the data's nodes; p is the prediction at the inner
        nodes, its edge set to the prescribed zero. By A's definition this is the relative energy error ‖p −
        u_h‖ / ‖u_h‖ against the discrete solution u_h. The truth has a residual of its own, since the data's
        grid does not resolve a.
        """
        values = [
            self._residual(a, p)
            for a, p in zip(inputs["a"].values, prediction["u"].transpose("sample", "x", "y").values, strict=True)
        ]
        return xr.DataArray(np.array(values), dims=("sample",), name="residual")

    def _elements(self, a: np.ndarray, grid: int) -> np.ndarray:
        nodes = a.shape[0]
        hats = _hats(nodes, grid, max(2, -(-2 * (nodes - 1) // (grid - 1))))
        log = hats @ np.log(a) @ hats.T
        if self.materials is not None:
            low, high = np.log(self.materials)
            log = np.where(log > (low + high) / 2, high, low)
        return np.exp(fem.element_mean(log, grid))

    def _solve(self, a: np.ndarray, *, grid: int) -> np.ndarray:
        from scipy.interpolate import RectBivariateSpline

        u = fem.solve(self._elements(a, grid))
        nodes = a.shape[0]
        if (grid - 1) % (nodes - 1) == 0:
            stride = (grid - 1) // (nodes - 1)
            return u[::stride, ::stride]
        at, to = fem.axis(grid), fem.axis(nodes)
        return RectBivariateSpline(at, at, u)(to, to)

    def _residual(self, a: np.ndarray, p: np.ndarray) -> float:
        system = fem.matrix(self._elements(a, a.shape[0]))
        right = fem.load(a.shape[0])
        rest = system @ p[1:-1, 1:-1].ravel() - right
        if not rest.any():
            return 0.0
        return float(np.sqrt((rest @ fem.inverse(system, rest)) / (right @ fem.inverse(system, right))))


@dataclass(frozen=True, kw_only=True)
class Darcy(Dataset):
    """−∇·(a∇u) = 1 on the unit square, u = 0 on its edge, a = ψ(g), g ~ N(0, σ²(−Δ + τ²I)^(−α)).

    −Δ has zero Neumann conditions and g has cosine modes up to `modes` in each direction, without the
    constant one: `scale` σ, `tau` τ, `alpha` α. For coefficient="threshold" ψ is `high` where g is positive,
    else `low`; for "lognormal" it is exp(τ^(α−1) g), smooth. Solved on `solver_grid`² nodes, kept on `grid`²
    nodes, the edge included. a is given at the nodes.
    """

    card: ClassVar[DatasetCard] = DatasetCard(
        needs=("skfem",),
        title="Darcy flow",
        kind="steady",
        summary="2D Darcy flow through two materials: from the permeability to the pressure",
        description=(
            "Water seeps through a square of two materials with permeability 3 and 12, fed evenly and "
            "drained at the edge. The materials are where a Gaussian random field, N(0, (−Δ + 9I)⁻²) with "
            "zero Neumann conditions, is negative or positive; as in the generator released with the paper "
            "it has no constant mode, so both materials cover half of the square on average. The method is "
            "given the permeability at the nodes of a grid, so that the exact course of the materials' edges "
            "between nodes stays unknown to it; so it does to the reference solver, whose finest setting therefore "
            "stays above the floor. The residual is that of the operator on the nodes that are given, which the truth, "
            "solved on finer ones, does not fulfil either. The truth converges at about first order in the grid "
            "spacing, for the permeability jumps. Generated on the CPU whatever the device."
        ),
        sources=(
            Source(
                citation="Li et al. 2021, Fourier neural operator for parametric PDEs",
                doi="10.48550/arXiv.2010.08895",
            ),
            Source(
                citation="Gustafsson & McBain 2020, scikit-fem: A Python package for finite element assembly",
                doi="10.21105/joss.02369",
            ),
            Source(
                citation="Concus & Golub 1973, Fast direct methods for nonseparable elliptic equations",
                doi="10.1137/0710092",
            ),
        ),
    )
    version: ClassVar[int] = 1
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
        {
            "smoke": {"samples": 32, "solver_grid": 65, "grid": 17, "modes": 32},
            "small": {"samples": 300},
            "full": {"samples": 1200, "solver_grid": 421, "grid": 85, "modes": 128},
        }
    )

    samples: int = 300
    coefficient: str = "threshold"
    low: float = 3.0
    high: float = 12.0
    scale: float = 1.0
    tau: float = 3.0
    alpha: float = 2.0
    modes: int = 64
    solver_grid: int = 241
    grid: int = 61

    @property
    def solver(self) -> DarcySolver:
        """The finite elements that make the truth, fed with the data's a."""
        return DarcySolver(
            materials=(self.low, self.high) if self.coefficient == "threshold" else None,
            data_grid=self.grid,
            solver_grid=self.solver_grid,
        )

    @property
    def field(self) -> CosineField:
        """The distribution of g."""
        return CosineField(scale=self.scale, tau=self.tau, alpha=self.alpha, modes=self.modes, mean=False)

    def permeability(self, g: np.ndarray) -> np.ndarray:
        """Return a = ψ(g)."""
        if self.coefficient == "threshold":
            return np.where(g > 0, self.high, self.low)
        if self.coefficient == "lognormal":
            return np.exp(self.tau ** (self.alpha - 1) * g)
        raise UnknownNameError("coefficient", self.coefficient, COEFFICIENTS)

    def problem(self) -> Problem:
        """Return what a method may know: the equation, its solver, the edge and the symmetry of the square."""
        return Problem(
            name="darcy",
            kind="steady",
            inputs=(PERMEABILITY,),
            targets=(PRESSURE,),
            equation=Equation(
                formula="−∇·(a ∇u) = f, u = 0 on the edge",
                residual=residual,
                unknowns=("u", "a"),
                coordinates=("x", "y"),
                parameters={"force": 1.0},
                boundary="zero Dirichlet",
                extent={"x": (0.0, 1.0), "y": (0.0, 1.0)},
            ),
            solver=self.solver,
            symmetries={
                "reflection": Symmetry(
                    inputs=reflect, targets=reflect, description="reflecting the square in its diagonal"
                )
            },
            nonnegative=("u",),
            boundary={"u": 0.0},
        )

    def generate(self, seed: int, samples: Sequence[int], *, device: str = "cpu") -> xr.Dataset:  # noqa: ARG002
        """Return `a` and `u` of the given samples."""
        if (self.solver_grid - 1) % (self.grid - 1):
            raise UsageError(
                f"solver_grid − 1 = {self.solver_grid - 1} must be a multiple of grid − 1 = {self.grid - 1}"
            )
        nodes, stride = fem.axis(self.grid), (self.solver_grid - 1) // (self.grid - 1)
        centres = fem.inner_points(self.solver_grid, 1)
        given, found = [], []
        for i in samples:
            at_nodes, at_centres = (
                self.permeability(self.field.sample(np.random.default_rng([seed, i]), x, x)) for x in (nodes, centres)
            )
            given.append(at_nodes)
            found.append(fem.solve(at_centres)[::stride, ::stride])
        return labelled(
            [PERMEABILITY, PRESSURE], {"a": np.stack(given), "u": np.stack(found)}, {"x": nodes, "y": nodes}
        )

    def refined(self) -> Self:
        """Return the same problem with twice the elements along each side, on the same functions a."""
        return replace(self, solver_grid=2 * self.solver_grid - 1)

    def shifts(self) -> Mapping[str, Self]:
        """Return media of twice the contrast, of finer grain, and the same media on a finer data grid."""
        few = replace(self, samples=max(8, self.samples // 15))
        return {
            "higher_contrast": replace(few, high=2 * self.high),
            "rougher_coefficient": replace(few, tau=2 * self.tau, alpha=0.8 * self.alpha),
            "finer_grid": replace(few, grid=2 * self.grid - 1, solver_grid=2 * self.solver_grid - 1),
        }
