"""Small clusters of metal atoms: from elements and positions to the energy and the forces."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
import xarray as xr

from sciml_bench.errors import UnknownNameError, UsageError
from sciml_bench.problem import Dataset, DatasetCard, Gradient, Problem, Regime, Source, Symmetry, Variable
from sciml_bench.problem.labels import labelled

if TYPE_CHECKING:
    from ase import Atoms

METALS = ("Al", "Ni", "Cu", "Pd", "Ag", "Pt", "Au")
"""The elements for which the potential was made."""

POSITIONS = Variable(
    name="positions", dims=("node", "direction"), description="positions of the atoms", unit="angstrom"
)
NUMBER = Variable(name="number", dims=("node",), description="atomic number")
ENERGY = Variable(
    name="energy", dims=(), description="potential energy above that of the bulk metals", unit="eV", kind="scalar"
)
FORCES = Variable(name="forces", dims=("node", "direction"), description="forces on the atoms", unit="eV/angstrom")

CLOSEST = 0.85
"""Distance of two atoms as they are packed, at least, as a share of the sum of their covalent radii."""
CANDIDATES = 8
"""Of so many places at which an atom touches the cluster, the one nearest to its centre is taken."""
TIMESTEP, FRICTION = 5.0, 0.05
"""Step of the dynamics in fs, and friction of its thermostat in 1/fs."""

MOVE = np.array([3.0, -2.0, 1.0])


def _rotation() -> np.ndarray:
    """Return the matrix of a turn by 2 radians about the axis (1, 2, 2)/3, by Rodrigues' formula."""
    x, y, z = np.array([1.0, 2.0, 2.0]) / 3
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return np.asarray(np.eye(3) + np.sin(2.0) * cross + (1 - np.cos(2.0)) * cross @ cross)


def turn(data: xr.Dataset) -> xr.Dataset:
    """Turn positions and forces about the origin; energies stay."""
    matrix = _rotation()
    vectors = [n for n, v in data.data_vars.items() if "direction" in v.dims]
    return data.assign({n: data[n].copy(data=data[n].values @ matrix.T) for n in vectors})


def move(data: xr.Dataset) -> xr.Dataset:
    """Move all positions by (3, −2, 1) Å."""
    return data.assign(positions=data["positions"].copy(data=data["positions"].values + MOVE))


def same(data: xr.Dataset) -> xr.Dataset:
    """Leave the data as they are."""
    return data


def reverse(data: xr.Dataset) -> xr.Dataset:
    """Number the atoms of each cluster the other way round."""
    ends = np.cumsum(data["node_count"].values)
    starts = ends - data["node_count"].values
    return data.isel(node=np.concatenate([np.arange(b - 1, a - 1, -1) for a, b in zip(starts, ends, strict=True)]))


@dataclass(frozen=True)
class Sizes:
    """Divides clusters of `fewest` to `most` atoms into three ranges."""

    fewest: int
    most: int

    def __call__(self, inputs: xr.Dataset) -> np.ndarray:
        """Return the range of each cluster, such as "05 to 07 atoms"."""
        edges = np.linspace(self.fewest, self.most + 1, 4).round().astype(int)
        place = np.clip(np.searchsorted(edges, inputs["node_count"].values, side="right") - 1, 0, 2)
        return np.array([f"{edges[k]:02} to {edges[k + 1] - 1:02} atoms" for k in place])


def kinds_of(inputs: xr.Dataset) -> np.ndarray:
    """Return "1 element", "2 elements" … of each cluster."""
    pieces = np.split(inputs["number"].values, np.cumsum(inputs["node_count"].values)[:-1])
    counts = [len(np.unique(piece)) for piece in pieces]
    return np.array([f"{n} element{'s' if n > 1 else ''}" for n in counts])


@dataclass(frozen=True, kw_only=True)
class MetalClusters(Dataset):
    """E = Σᵢ E₀ f(λ ṡᵢ) + E_AS,ᵢ, f(x) = (1 + x) e^(−x), ṡᵢ = −ln(σ₁,ᵢ/12)/(β η₂), F = −∂E/∂x: effective medium theory.

    σ₁,ᵢ = Σⱼ γ₁⁻¹ χᵢⱼ e^(−η₂ⱼ (rᵢⱼ − β s₀ⱼ)) w(rᵢⱼ) is the density in which atom i lies; E_AS,ᵢ corrects for what
    differs from the perfect crystal; w cuts off smoothly near 5.4 Å. Energies count from that of the separate bulk metals, so
    that a cluster has a positive one, mostly of its surface. Each atom adds a function of the sum over its neighbours: no sum
    over pairs and no linear function of such sums can give it.

    A cluster has `fewest` to `most` atoms of up to `kinds` of the `elements`, packed at random and compactly, then relaxed by
    `relaxation` steps of FIRE and followed for `dynamics` steps of 5 fs of Langevin dynamics at a temperature uniform in
    `temperature` (K). The two elements of `held_out` never meet in a cluster ("seen" `composition`), or each cluster is an
    alloy of these two ("held_out"). One should see nearest neighbours about 2.2 to 3 Å apart and forces of about 1 eV/Å.

    Source: Jacobsen, Stoltze & Nørskov 1996, doi:10.1016/0039-6028(96)00816-3; as ASE implements it.
    """

    card: ClassVar[DatasetCard] = DatasetCard(
        title="Metal clusters",
        kind="regression",
        summary="clusters of 5 to 13 metal atoms: from elements and positions to energy and forces",
        description=(
            "The daily task of machine-learnt potentials, small enough for a laptop: clusters of nickel, copper, silver and "
            "gold as they occur in a short simulation at 300 to 900 K, with the energy and the forces of effective medium "
            "theory, which describes many-body bonding in these metals. Sizes and compositions vary; copper and gold never "
            "meet in training, but make up one of the shifted test sets. Energy does not change when a cluster is turned, "
            "moved or renumbered, forces turn with it, and forces are minus the gradient of the energy: all of that is "
            "measured. Unlike quantum chemistry, the potential ends at 6 Å and costs milliseconds, so there is nothing that "
            "a coarser solver could trade for accuracy, and no row for one. Generated on the CPU whatever the device."
        ),
        sources=(
            Source(
                citation="K. W. Jacobsen, P. Stoltze and J. K. Nørskov, A semi-empirical effective medium theory for metals "
                "and alloys, Surf. Sci. 366 (1996)",
                doi="10.1016/0039-6028(96)00816-3",
            ),
            Source(
                citation="A. H. Larsen et al., The atomic simulation environment, J. Phys.: Condens. Matter 29 (2017)",
                doi="10.1088/1361-648X/aa680e",
            ),
        ),
        truth="closed_form",
        needs=("ase",),
    )
    version: ClassVar[int] = 1
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
        {
            "smoke": {"samples": 32, "most": 8, "dynamics": 10},
            "small": {"samples": 1000},
            "full": {"samples": 10_000, "most": 38, "elements": METALS, "kinds": 3},
        }
    )

    samples: int = 1000
    fewest: int = 5
    most: int = 13
    elements: tuple[str, ...] = ("Ni", "Cu", "Ag", "Au")
    kinds: int = 2
    held_out: tuple[str, str] = ("Cu", "Au")
    composition: Literal["seen", "held_out"] = "seen"
    temperature: tuple[float, float] = (300.0, 900.0)
    relaxation: int = 12
    dynamics: int = 25

    def problem(self) -> Problem:
        """Return what a method may know: that forces are minus the gradient, and the symmetries of the energy."""
        return Problem(
            name="metal_clusters",
            kind="regression",
            inputs=(POSITIONS, NUMBER),
            targets=(ENERGY, FORCES),
            gradients={"forces": Gradient(of="energy", by="positions", sign=-1.0)},
            symmetries={
                "rotation": Symmetry(inputs=turn, targets=turn, description="turning the cluster by 2 radians"),
                "translation": Symmetry(inputs=move, targets=same, description="moving the cluster by (3, −2, 1) Å"),
                "permutation": Symmetry(inputs=reverse, targets=reverse, description="numbering the atoms backwards"),
            },
            regimes={
                "size": Regime(of=Sizes(self.fewest, self.most), description="number of atoms"),
                "composition": Regime(of=kinds_of, description="number of different elements"),
            },
            primary="rel_l2/forces",
        )

    def generate(self, seed: int, samples: Sequence[int], *, device: str = "cpu") -> xr.Dataset:  # noqa: ARG002
        """Return elements, positions, energies and forces of the given samples."""
        self._check()
        clusters = [self._cluster(np.random.default_rng([seed, i])) for i in samples]
        variables = (POSITIONS, NUMBER, ENERGY, FORCES)
        arrays = {
            "positions": np.concatenate([c.positions for c in clusters]),
            "number": np.concatenate([c.numbers for c in clusters]).astype(np.float64),
            "energy": np.array([c.get_potential_energy() for c in clusters]),
            "forces": np.concatenate([c.get_forces() for c in clusters]),
        }
        return labelled(variables, arrays, counts={"node": np.array([len(c) for c in clusters])})

    def refined(self) -> Self:
        """Raise NotImplementedError: the potential is a closed formula, exact to rounding."""
        raise NotImplementedError("the energy is a closed formula of the positions: there is nothing to refine")

    def shifts(self) -> Mapping[str, Self]:
        """Return larger clusters, hotter ones, and the alloy of the two elements that never meet in training."""
        few = replace(self, samples=max(8, self.samples // 10))
        return {
            "larger": replace(few, fewest=self.most + 1, most=2 * self.most),
            "hotter": replace(few, temperature=(1200.0, 1800.0)),
            "unseen_alloy": replace(few, composition="held_out"),
        }

    def _check(self) -> None:
        """Raise `UsageError` for parameters without meaning."""
        for element in (*self.elements, *self.held_out):
            if element not in METALS:
                raise UnknownNameError("element", element, METALS)
        if not 2 <= self.fewest <= self.most or not 1 <= self.kinds <= min(self.fewest, len(self.elements)):
            raise UsageError(
                f"fewest, most and kinds are {self.fewest}, {self.most} and {self.kinds}: expected 2 ≤ fewest ≤ most and "
                "1 ≤ kinds ≤ fewest and the number of elements"
            )
        if not 0 < self.temperature[0] <= self.temperature[1]:
            raise UsageError(f"temperature is {self.temperature}: expected two positive numbers, the lower first")

    def _cluster(self, rng: np.random.Generator) -> "Atoms":
        """Return one cluster with its calculator."""
        from ase import Atoms
        from ase.calculators.emt import EMT

        symbols = self._symbols(rng)
        cluster = Atoms(symbols, positions=pack(symbols, rng), calculator=EMT())
        heat(cluster, rng.uniform(*self.temperature), self.relaxation, self.dynamics, rng)
        cluster.positions -= cluster.positions.mean(axis=0)
        return cluster

    def _symbols(self, rng: np.random.Generator) -> list[str]:
        """Return the element of each atom; every one that was drawn occurs."""
        size, chosen = int(rng.integers(self.fewest, self.most + 1)), list(self.held_out)
        if self.composition == "seen":
            while set(self.held_out) <= set(chosen):
                chosen = list(rng.choice(self.elements, rng.integers(1, self.kinds + 1), replace=False))
        rest = rng.choice(chosen, size - len(chosen))
        return [str(s) for s in rng.permutation([*chosen, *rest])]


def pack(symbols: Sequence[str], rng: np.random.Generator) -> np.ndarray:
    """Return positions of atoms that are added one by one, each touching one and near the centre of those before."""
    from ase.data import atomic_numbers, covalent_radii

    radii = np.array([covalent_radii[atomic_numbers[s]] for s in symbols])
    places = np.zeros((1, 3))
    for radius in radii[1:]:
        known, found = radii[: len(places)], np.empty((0, 3))
        while not len(found):
            touched = rng.integers(len(places), size=CANDIDATES)
            direction = rng.standard_normal((CANDIDATES, 3))
            direction /= np.linalg.norm(direction, axis=1, keepdims=True)
            tried = places[touched] + (known[touched] + radius)[:, None] * direction
            gaps = np.linalg.norm(tried[:, None] - places, axis=-1) / (known + radius)
            found = tried[gaps.min(axis=1) > CLOSEST]
        nearest = np.linalg.norm(found - places.mean(axis=0), axis=1).argmin()
        places = np.concatenate([places, found[nearest : nearest + 1]])
    return places


def heat(cluster: "Atoms", temperature: float, relaxation: int, dynamics: int, rng: np.random.Generator) -> None:
    """Relax the cluster a little, then follow its Langevin dynamics at `temperature` (K), in place."""
    from ase import units
    from ase.md.langevin import Langevin
    from ase.optimize import FIRE

    FIRE(cluster, logfile=None).run(fmax=0.0, steps=relaxation)
    spread = np.sqrt(cluster.get_masses() * units.kB * temperature)[:, None]
    cluster.set_momenta(spread * rng.standard_normal((len(cluster), 3)))
    options = {"temperature_K": temperature, "friction": FRICTION / units.fs, "fixcm": False, "rng": rng}
    Langevin(cluster, TIMESTEP * units.fs, **options).run(dynamics)
