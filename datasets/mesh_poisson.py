"""Poisson's equation on domains of every shape, each with a triangular mesh of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, ClassVar, Self

import numpy as np
import xarray as xr

from sciml_bench.problem import Dataset, DatasetCard, Problem, Regime, Solver, Source, Symmetry, Variable
from sciml_bench.problem import triangles as fem
from sciml_bench.problem.labels import labelled
from sciml_bench.problem.samples import count, take

INPUTS = (
    Variable(name="positions", dims=("node", "direction"), description="position of the node", symbol="x"),
    Variable(name="source", dims=("node",), description="source, linear on each triangle", symbol="f"),
    Variable(name="boundary", dims=("node",), description="1 on the edge of the domain, else 0"),
    Variable(name="edges", dims=("edge", "end"), kind="index", description="nodes that share an edge of a triangle"),
)
SOLUTION = Variable(name="u", dims=("node",), description="solution", symbol="u")

ANGLE = 0.7
WAVES = 32
"""Plane waves that a source is the sum of."""


def turn(data: xr.Dataset) -> xr.Dataset:
    """Turn the domain by `ANGLE` about the origin."""
    c, s = np.cos(ANGLE), np.sin(ANGLE)
    return data.assign(positions=data["positions"].copy(data=data["positions"].values @ np.array([[c, s], [-s, c]])))


def shift(data: xr.Dataset) -> xr.Dataset:
    """Move the domain."""
    return data.assign(positions=data["positions"].copy(data=data["positions"].values + np.array([1.0, -2.0])))


def same(data: xr.Dataset) -> xr.Dataset:
    """Return the solution, which neither turning nor moving the domain changes."""
    return data


def negative(name: str) -> Any:
    """Return the map that changes the sign of one variable."""
    return _Negative(name)


@dataclass(frozen=True)
class _Negative:
    name: str

    def __call__(self, data: xr.Dataset) -> xr.Dataset:
        return data.assign({self.name: data[self.name].copy(data=-data[self.name].values)})


@dataclass(frozen=True)
class Areas:
    """Sorts domains by area, told from the number of nodes that lie `spacing` apart."""

    spacing: float

    def __call__(self, inputs: xr.Dataset) -> np.ndarray:
        """Return "small", "medium" or "large" of each sample: below 2.5, up to 3.8 and above, if each node had a full cell.

        Those on the edge have half of one, so that the true areas are about a tenth smaller.
        """
        area = inputs["node_count"].values * self.spacing**2 * 3**0.5 / 2
        return np.array(["small", "medium", "large"])[np.digitize(area, [2.5, 3.8])]


@dataclass(frozen=True, kw_only=True)
class TriangleSolver(Solver):
    """−Δu = f, u = 0 on the edge, from f at the nodes, by finite elements on triangles.

    `coarsening` c > 1 keeps every c-th corner of the domain and about 1/c² of the nodes, linear elements, and interpolates to
    the others, with zero where the coarser polygon does not reach; `refinements` cut each triangle in four so often,
    `degree` is that of the elements. Runs on the CPU whatever the device.
    """

    refinements: int
    """Those of the truth."""

    @property
    def costs(self) -> Mapping[str, Mapping[str, Any]]:
        """From a sixteenth of the nodes to the truth's own setting.

        On meshes of this size a coarser one takes longer to make than it saves: these settings show how the error falls, and the
        data's own mesh is the cheapest.
        """
        coarse = {f"1/{c}² of the nodes": {"coarsening": c} for c in (4, 3, 2)}
        own: dict[str, dict[str, Any]] = {
            "the data's mesh": {},
            "the data's mesh, quadratic": {"degree": 2},
            f"refined {self.refinements}×, quadratic": {"degree": 2, "refinements": self.refinements},
        }
        return coarse | own

    def solve(self, inputs: xr.Dataset, *, device: str = "cpu", **knobs: Any) -> xr.Dataset:  # noqa: ARG002
        """Return u at the nodes; `knobs`: coarsening, degree, refinements."""
        found = []
        for i in range(count(inputs)):
            one = take(inputs, [i])
            mesh = fem.from_edges(one["positions"].values, one["edges"].values, one["boundary"].values)
            found.append(_solve(mesh, one["source"].values, **knobs))
        return labelled([SOLUTION], {"u": np.concatenate(found)})


def _solve(
    mesh: fem.Triangles, force: np.ndarray, *, coarsening: int = 1, degree: int = 1, refinements: int = 0
) -> np.ndarray:
    if coarsening > 1:
        return _coarse(mesh, force, coarsening)
    nodes = len(force)
    for _ in range(refinements):
        mesh, force = mesh.refined(force)
    return fem.solve(mesh, force, degree=degree)[:nodes]


def _coarse(mesh: fem.Triangles, force: np.ndarray, factor: int) -> np.ndarray:
    from matplotlib.tri import LinearTriInterpolator, Triangulation

    coarse, nodes = fem.coarsen(mesh, factor)
    u = fem.solve(coarse, force[nodes])
    between = LinearTriInterpolator(Triangulation(coarse.points[:, 0], coarse.points[:, 1], coarse.cells), u)
    return np.where(mesh.edge, 0.0, np.ma.filled(between(mesh.points[:, 0], mesh.points[:, 1]), 0.0))


@dataclass(frozen=True, kw_only=True)
class MeshPoisson(Dataset):
    """−Δu = f in Ω, u = 0 on ∂Ω, Ω = {|x| < r(θ)}, log r = log R + Σₖ k^(−2) (aₖ cos kθ + bₖ sin kθ), k = 2 … `harmonics`.

    aₖ, bₖ ~ N(0, `roughness`²), R uniform in [0.8, 1.2] times `size`. f is a sum of plane waves with random phases and wave
    vectors N(0, 1/`correlation`²): nearly a Gaussian field of variance 1 with covariance exp(−|x − y|²/2ℓ²).
    Ω is replaced by a polygon with corners about `spacing` apart, f by its piecewise linear interpolation on the mesh, so
    that the inputs determine u. Truth: quadratic elements on the mesh refined `refinements` times, u taken at its nodes.

    Works for `roughness` up to about 1; a narrow neck raises ContractError.
    """

    card: ClassVar[DatasetCard] = DatasetCard(
        title="Poisson on meshes",
        kind="steady",
        summary="Poisson's equation on unstructured meshes of random domains: from source and shape to solution",
        description=(
            "A membrane under a random load, held at its edge: every sample has a domain, a mesh and a source of its own. "
            "The method is given the nodes, which of them lie on the edge, the source there, and the edges of the triangles. "
            "The solution at a node depends on all of the source and of the edge, so that information has to travel across "
            "the mesh, ten to fifteen edges wide. The domain is the polygon of the mesh and the source is linear on each "
            "triangle, so nothing is hidden; the solver at its dearest setting is the truth. Generated on the CPU whatever "
            "the device."
        ),
        sources=(
            Source(
                citation="Pfaff et al. 2021, Learning mesh-based simulation with graph networks",
                doi="10.48550/arXiv.2010.03409",
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
            "smoke": {"samples": 32, "spacing": 0.3},
            "small": {"samples": 400},
            "full": {"samples": 2000, "spacing": 0.07},
        }
    )

    samples: int = 400
    size: float = 1.0
    roughness: float = 0.5
    harmonics: int = 6
    correlation: float = 0.6
    spacing: float = 0.16
    refinements: int = 1

    def problem(self) -> Problem:
        """Return what a method may know: the solver, the edge, and the symmetries of the equation."""
        return Problem(
            name="mesh_poisson",
            kind="steady",
            inputs=INPUTS,
            targets=(SOLUTION,),
            solver=TriangleSolver(refinements=self.refinements),
            symmetries={
                "rotation": Symmetry(inputs=turn, targets=same, description="turning the domain by 0.7 radians"),
                "translation": Symmetry(inputs=shift, targets=same, description="moving the domain by (1, −2)"),
                "sign": Symmetry(inputs=negative("source"), targets=negative("u"), description="(f, u) → (−f, −u)"),
            },
            boundary={"u": 0.0},
            edge_nodes="boundary",
            regimes={"area": Regime(of=Areas(self.spacing), description="area of the domain")},
        )

    def generate(self, seed: int, samples: Sequence[int], *, device: str = "cpu") -> xr.Dataset:  # noqa: ARG002
        """Return meshes, sources and solutions of the given samples."""
        parts: dict[str, list[np.ndarray]] = {v.name: [] for v in (*INPUTS, SOLUTION)}
        for i in samples:
            rng = np.random.default_rng([seed, i])
            mesh = fem.fill(self._outline(rng), self.spacing, rng)
            f = self._source(rng, mesh.points)
            u = _solve(mesh, f, degree=2, refinements=self.refinements)
            arrays = (mesh.points, f, mesh.edge.astype(np.float64), mesh.pairs, u)
            for found, values in zip(parts.values(), arrays, strict=True):
                found.append(values)
        counts = {d: np.array([len(a) for a in parts[n]]) for d, n in (("node", "positions"), ("edge", "edges"))}
        return labelled((*INPUTS, SOLUTION), {k: np.concatenate(v) for k, v in parts.items()}, counts=counts)

    def _outline(self, rng: np.random.Generator) -> np.ndarray:
        """Return corners that lie about `spacing` apart on the curve r(θ), counterclockwise."""
        k = np.arange(2, self.harmonics + 1)[:, None]
        a, b = self.roughness * rng.standard_normal((2, len(k), 1)) / k**2
        radius = self.size * rng.uniform(0.8, 1.2)
        theta = np.linspace(0, 2 * np.pi, 2049)
        r = radius * np.exp((a * np.cos(k * theta) + b * np.sin(k * theta)).sum(axis=0))
        curve = np.stack([r * np.cos(theta), r * np.sin(theta)], axis=1)
        length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(curve, axis=0), axis=1))])
        at = np.linspace(0, length[-1], round(length[-1] / self.spacing) + 1)[:-1]
        return np.stack([np.interp(at, length, c) for c in curve.T], axis=1)

    def _source(self, rng: np.random.Generator, points: np.ndarray) -> np.ndarray:
        waves = rng.standard_normal((2, WAVES)) / self.correlation
        return np.asarray((2 / WAVES) ** 0.5 * np.cos(points @ waves + rng.uniform(0, 2 * np.pi, WAVES)).sum(axis=1))

    def refined(self) -> Self:
        """Return the same problem, its truth on a mesh refined once more."""
        return replace(self, refinements=self.refinements + 1)

    def shifts(self) -> Mapping[str, Self]:
        """Return larger domains (and meshes), rougher ones, and the same ones with finer meshes."""
        few = replace(self, samples=max(8, self.samples // 15))
        return {
            "larger_domains": replace(few, size=1.5 * self.size),
            "rougher_domains": replace(few, roughness=1.6 * self.roughness),
            "finer_meshes": replace(few, spacing=self.spacing / 1.5),
        }
