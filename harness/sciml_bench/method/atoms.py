"""Between an `xr.Dataset` of atoms and flat arrays, for methods whose forces are the gradient of their energy.

What a problem offers is told from its variables: a scalar target E, a target on the nodes that is by definition ± its
gradient by an input (node, direction), the positions, and at most one other input, a number of each node that says of which
kind it is. No framework is imported here.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import xarray as xr

from ..errors import ContractError
from ..problem import Problem, Variable
from .edges import neighbours
from .graphs import centre, node_counts
from .template import Template


def why_not_atoms(problem: Problem) -> str | None:
    """Return None if the problem is one of energy and forces as described above, else the reason why not, in a sentence."""
    names = {v.name for v in problem.targets}
    relation = next(iter(problem.gradients.items()), None)
    if relation is None or names != {relation[0], relation[1].of} or len(problem.gradients) != 1:
        return "It predicts an energy and forces that are its gradient, and the targets are not such a pair."
    place = problem.input(relation[1].by)
    if place.dims != ("node", "direction"):
        return (
            f"It takes the gradient by the positions of nodes, but '{place.name}' depends on {', '.join(place.dims)}."
        )
    others = [v for v in problem.inputs if v is not place]
    for v in others:
        if v.dims != ("node",) or v.kind != "field" or len(others) > 1:
            return f"It knows positions and one kind of each node, and cannot use the input '{v.name}'."
    return None


@dataclass(frozen=True, kw_only=True)
class Atoms:
    """Samples one behind the other: `positions` (atom, d) about each sample's centre, `kinds` (atom,), `counts` (sample,)."""

    positions: np.ndarray
    kinds: np.ndarray
    counts: np.ndarray

    @property
    def owner(self) -> np.ndarray:
        """The sample of each atom."""
        return np.repeat(np.arange(len(self.counts)), self.counts)

    def pairs(self, cutoff: float) -> np.ndarray:
        """Return the ordered pairs (pair, 2) of atoms of one sample within `cutoff`."""
        return neighbours(self.positions, self.counts, cutoff, 1)


@dataclass(frozen=True, kw_only=True)
class AtomsCodec:
    """E = Σᵢ e(kind of i) + s·ε, F = ± s·∂ε/∂x: energies without those of the kinds, and both by the scale of the forces.

    `kinds` are those of the training data, in order; `offsets` (kind,) the energies e that fit its energies best in least
    squares (of least norm where the compositions leave them open), `scale` the root mean square component s of its forces.
    Lengths keep the unit of the data.
    """

    energy: Variable
    forces: Variable
    sign: float
    positions: str
    kind: str
    kinds: np.ndarray
    offsets: np.ndarray
    scale: float
    template: Template

    @classmethod
    def of(cls, problem: Problem, train: xr.Dataset) -> Self:
        """Return the codec of a problem for which `why_not_atoms` is None."""
        (name, gradient), *_ = problem.gradients.items()
        kind = next((v.name for v in problem.inputs if v.name != gradient.by), "")
        kinds = np.unique(train[kind].values) if kind else np.zeros(1)
        rms = float(np.sqrt(np.mean(train[name].values ** 2)))
        bare = cls(
            energy=next(v for v in problem.targets if v.name == gradient.of),
            forces=next(v for v in problem.targets if v.name == name),
            sign=gradient.sign,
            positions=gradient.by,
            kind=kind,
            kinds=kinds,
            offsets=np.zeros(len(kinds)),
            scale=rms or 1.0,
            template=Template.of(problem, train),
        )
        composition = bare.composition(bare.encode(train))
        offsets = np.linalg.lstsq(composition, train[gradient.of].values, rcond=1e-10)[0]
        return cls(**{**bare.__dict__, "offsets": offsets})

    def encode(self, data: xr.Dataset) -> Atoms:
        """Return the atoms; `ContractError` if one is of a kind that did not occur in training."""
        counts = node_counts(data)
        values = data[self.kind].to_numpy() if self.kind else np.zeros(int(counts.sum()))
        kinds = np.minimum(np.searchsorted(self.kinds, values), len(self.kinds) - 1)
        strange = values[self.kinds[kinds] != values]
        if len(strange):
            raise ContractError(
                f"the input '{self.kind}' is {strange[0]:g} for some node, and training knew only "
                f"{', '.join(f'{k:g}' for k in self.kinds)}; this method cannot predict a kind that it has never seen"
            )
        positions = data[self.positions].transpose("node", ...).to_numpy().astype(np.float64)
        return Atoms(positions=centre(positions, counts), kinds=kinds, counts=counts)

    def composition(self, atoms: Atoms) -> np.ndarray:
        """Return how many atoms of each kind every sample has: (sample, kind)."""
        flat = np.bincount(atoms.owner * len(self.kinds) + atoms.kinds, minlength=len(atoms.counts) * len(self.kinds))
        return flat.reshape(len(atoms.counts), len(self.kinds)).astype(np.float64)

    def targets(self, data: xr.Dataset, atoms: Atoms) -> tuple[np.ndarray, np.ndarray]:
        """Return ε (sample,) and ∂ε/∂x (atom, d)."""
        energy = data[self.energy.name].to_numpy() - self.composition(atoms) @ self.offsets
        forces = data[self.forces.name].transpose("node", ...).to_numpy()
        return energy / self.scale, forces / (self.sign * self.scale)

    def decode(self, energy: np.ndarray, gradient: np.ndarray, atoms: Atoms, inputs: xr.Dataset) -> xr.Dataset:
        """Return the targets of `inputs` from ε (sample,) and ∂ε/∂x (atom, d)."""
        whole = self.composition(atoms) @ self.offsets + self.scale * energy
        arrays = {self.energy.name: whole, self.forces.name: self.sign * self.scale * gradient}
        return self.template.dress(arrays, inputs)
