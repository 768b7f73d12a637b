"""Ridge regression on atom-centred symmetry functions, to energies and their exact gradients together."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
import xarray as xr

from sciml_bench.errors import UsageError
from sciml_bench.method import Budget, Log, Method, Predictor
from sciml_bench.method.atoms import Atoms, AtomsCodec, why_not_atoms
from sciml_bench.problem import MethodCard, Problem, Source
from sciml_bench.problem.samples import count, take

PENALTIES = tuple(10.0**k for k in range(-13, 1))
"""Ridge penalties that are tried, for columns of norm 1."""
CHUNK = 16
"""Samples described together."""

Gradient = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
"""Atoms p and q (term,), the unit vector from q to p (term, d), and the slope of each function by their distance (term, m)."""


@dataclass(frozen=True, kw_only=True)
class ACSFRidge(Method):
    """E = Σ_Z e_Z n_Z + w·Σᵢ Gᵢ, F = −w·Σᵢ ∂Gᵢ/∂x, w = argmin Σ ‖F − F'‖² + ω Σ (E − E')²/N + λ ‖w‖².

    Gᵢ describes the neighbours of atom i closer than `cutoff` r_c (in the unit of the positions), apart for each pair and
    triplet of kinds of atoms, with f(r) = (1 + cos(πr/r_c))/2:

        G² = Σⱼ e^(−η(rᵢⱼ − r_s)²) f(rᵢⱼ),  `radial` evenly spaced r_s, as wide as they are apart,
        G⁴ = 2^(1−ζ) Σ_{j<k} (1 ± cos θ_jik)^ζ e^(−η(rᵢⱼ² + rᵢₖ² + rⱼₖ²)) f(rᵢⱼ) f(rᵢₖ) f(rⱼₖ),

    the latter with `powers` ζ = 1, 2, 4 … and `widths` η = 1, 4, 16 … times 0.4/r_c².

    Energies and forces enter one linear system, the energies with weight `energy_weight` ω in units of the forces' scale; λ is
    that of a grid with the least relative error of the forces plus ω times that of the energy per atom on the validation part.
    Derivatives are analytic; energy is invariant and forces turn with the atoms to rounding. Exact for a potential that is a
    sum over pairs and triplets of these functions. It predicts only kinds of atoms that training knew; two kinds that never met
    in training do not feel each other.

    Source: Behler 2011, doi:10.1063/1.3553717, functions G² and G⁴.
    """

    card: ClassVar[MethodCard] = MethodCard(
        title="Symmetry functions and ridge",
        family="baseline",
        framework="numpy",
        summary="a potential that is linear in functions of distances and angles, fitted to energies and forces at once",
        description="Atom-centred symmetry functions tell distances and angles around each atom apart by kind; the energy is "
        "linear in their sums, forces are its exact gradient, and one linear system gives the weights. What a nonlinear "
        "potential adds is its distance to this row.",
        sources=(
            Source(
                citation="J. Behler, Atom-centered symmetry functions for constructing high-dimensional neural network "
                "potentials, J. Chem. Phys. 134 (2011)",
                doi="10.1063/1.3553717",
            ),
        ),
    )
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
        {"smoke": {"radial": 8, "powers": 1, "widths": 1}, "small": {}, "full": {}}
    )
    search: ClassVar[Mapping[str, tuple[Any, ...]]] = MappingProxyType(
        {
            "cutoff": (4.5, 5.5, 6.5),
            "radial": (12, 16, 24),
            "energy_weight": (0.3, 1.0, 3.0),
        }
    )

    cutoff: float = 5.5
    radial: int = 16
    widths: int = 3
    powers: int = 2
    energy_weight: float = 1.0

    def applies_to(self, problem: Problem) -> str | None:
        """Only where an energy and forces that are its gradient are asked for."""
        return why_not_atoms(problem)

    def fit(
        self,
        train: xr.Dataset,
        valid: xr.Dataset,
        *,
        problem: Problem,
        budget: Budget,  # noqa: ARG002
        seed: int,  # noqa: ARG002
        device: str,  # noqa: ARG002
        log: Log,
    ) -> Predictor:
        """Add up the normal equations, solve them for every penalty and keep the best one on `valid`."""
        self._check()
        codec = AtomsCodec.of(problem, train)
        functions = SymmetryFunctions(
            kinds=len(codec.kinds), cutoff=self.cutoff, radial=self.radial, widths=self.widths, powers=self.powers
        )
        matrix, load = _normal_equations(codec, functions, train, self.energy_weight, log)
        weights = _solve(matrix, load)
        errors = _errors(codec, functions, valid, weights, self.energy_weight)
        best = int(np.argmin(errors))
        log.fact("parameters", len(load))
        log.fact("penalty", PENALTIES[best])
        log.fact("valid_loss", float(errors[best]))
        log.progress(1.0, f"{len(load)} functions, penalty {PENALTIES[best]:g}")
        return LinearPotential(codec=codec, functions=functions, weights=weights[:, best].copy())

    def _check(self) -> None:
        """Raise `UsageError` for hyperparameters without meaning."""
        if self.radial < 2 or not (self.cutoff > 0 and self.energy_weight >= 0):
            raise UsageError(
                f"radial is {self.radial}, cutoff {self.cutoff} and energy_weight {self.energy_weight}, but they must be at "
                "least 2, positive and not negative"
            )
        if self.widths < 1 or self.powers < 1:
            raise UsageError(f"widths is {self.widths} and powers {self.powers}, but both must be at least 1")


@dataclass(frozen=True, kw_only=True)
class SymmetryFunctions:
    """Σᵢ Gᵢ of each sample and its gradient, G² of each pair of kinds, then G⁴ of each centre and pair of kinds, then counts."""

    kinds: int
    cutoff: float
    radial: int
    widths: int
    powers: int

    def __call__(self, atoms: Atoms) -> tuple[np.ndarray, np.ndarray]:
        """Return the sums (sample, function) and their gradient by the positions (atom, d, function)."""
        ordered = atoms.pairs(self.cutoff)
        pair_kinds = self.kinds * (self.kinds + 1) // 2
        parts = [
            _gathered(atoms, *self._pairs(atoms, ordered[ordered[:, 0] < ordered[:, 1]]), pair_kinds),
            _gathered(atoms, *self._triplets(atoms, ordered), self.kinds * pair_kinds),
        ]
        own = np.zeros((len(atoms.counts), self.kinds))
        np.add.at(own, (atoms.owner, atoms.kinds), 1.0)
        still = np.zeros((*atoms.positions.shape, self.kinds))
        return np.hstack([*(p[0] for p in parts), own]), np.concatenate([*(p[1] for p in parts), still], axis=2)

    def _pairs(self, atoms: Atoms, pairs: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[Gradient]]:
        """Return of each pair its kind, its first atom, the values of G² and how they depend on the distance."""
        i, j = pairs.T
        r, along = _distance(atoms, i, j)
        centres = np.linspace(0, self.cutoff, self.radial + 1)[1:]
        offset = r[:, None] - centres
        steep = 0.5 / (centres[1] - centres[0]) ** 2
        bell = np.exp(-steep * offset**2)
        fade, slope = self._fade(r)
        values = bell * fade[:, None]
        change = bell * slope[:, None] - 2 * steep * offset * values
        return self._couple(atoms.kinds[i], atoms.kinds[j]), i, values, [(i, j, along, change)]

    def _triplets(self, atoms: Atoms, pairs: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[Gradient]]:
        """Return of each triplet its kind, its centre, the values of G⁴ and how they depend on the three distances."""
        i, j, k = _corners(pairs, len(atoms.positions))
        inside = _distance(atoms, j, k)[0] < self.cutoff
        i, j, k = i[inside], j[inside], k[inside]
        ends = [(i, j), (i, k), (j, k)]
        (a, b, c), alongs = zip(*(_distance(atoms, p, q) for p, q in ends), strict=True)
        cosine = (a**2 + b**2 - c**2) / (2 * a * b)
        turns = np.stack([1 / b - cosine / a, 1 / a - cosine / b, -c / (a * b)])
        angle, angle_slopes = self._angular(cosine, turns)
        bell, bell_slopes = self._bells(np.stack([a, b, c]))
        values = (angle[:, :, None] * bell[:, None]).reshape(len(i), angle.shape[1] * bell.shape[1])
        slopes = angle_slopes[..., None] * bell[:, None] + angle[:, :, None] * bell_slopes[:, :, None]
        gradients = [(p, q, u, s.reshape(values.shape)) for (p, q), u, s in zip(ends, alongs, slopes, strict=True)]
        pair_kinds = self.kinds * (self.kinds + 1) // 2
        kind = atoms.kinds[i] * pair_kinds + self._couple(atoms.kinds[j], atoms.kinds[k])
        return kind, i, values, gradients

    def _angular(self, cosine: np.ndarray, turns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return 2^(1−ζ) (1 ± cos θ)^ζ (term, m) and its derivatives by the three distances (3, term, m)."""
        both = [(sign, power) for power in 2.0 ** np.arange(self.powers) for sign in (1.0, -1.0)]
        bases = [np.maximum(1 + sign * cosine, 0.0) for sign, _ in both]  # rounding may take it below 0
        values = [2 ** (1 - z) * base**z for base, (_, z) in zip(bases, both, strict=True)]
        slopes = [2 ** (1 - z) * z * sign * base ** (z - 1) for base, (sign, z) in zip(bases, both, strict=True)]
        value, slope = (np.column_stack(columns) for columns in (values, slopes))
        return value, turns[..., None] * slope

    def _bells(self, sides: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return e^(−η Σ r²) Π f(r) (term, η) of three distances (3, term) and its derivatives by them (3, term, η)."""
        eta = 0.4 * 4.0 ** np.arange(self.widths) / self.cutoff**2
        bell = np.exp(-eta * (sides**2).sum(axis=0)[:, None])
        fade, slope = self._fade(sides)
        product = fade.prod(axis=0)
        others = np.stack([fade[1] * fade[2], fade[0] * fade[2], fade[0] * fade[1]])
        change = (slope * others)[..., None] - 2 * eta * (sides * product)[..., None]
        return bell * product[:, None], bell * change

    def _fade(self, r: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return f(r) = (1 + cos(πr/r_c))/2 and its derivative."""
        turn = np.pi / self.cutoff
        return 0.5 * (1 + np.cos(turn * r)), -0.5 * turn * np.sin(turn * r)

    def _couple(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Return the number of the unordered pair of two kinds."""
        low, high = np.minimum(first, second), np.maximum(first, second)
        return np.asarray(high * (high + 1) // 2 + low)


@dataclass(frozen=True, kw_only=True)
class LinearPotential:
    """E' = w·Σᵢ Gᵢ and its gradient."""

    codec: AtomsCodec
    functions: SymmetryFunctions
    weights: np.ndarray

    def __call__(self, inputs: xr.Dataset) -> xr.Dataset:
        """Return the targets of the atoms in `inputs`; `ContractError` for a kind that training did not know."""
        found = [[g @ self.weights for g in self.functions(self.codec.encode(part))] for part in _chunks(inputs)]
        energy, gradient = (np.concatenate(pieces) for pieces in zip(*found, strict=True))
        return self.codec.decode(energy, gradient, self.codec.encode(inputs), inputs)


def _chunks(data: xr.Dataset) -> Iterator[xr.Dataset]:
    for start in range(0, count(data), CHUNK):
        yield take(data, range(start, min(start + CHUNK, count(data))))


def _distance(atoms: Atoms, p: np.ndarray, q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the distances of atoms p from atoms q and the unit vectors from q to p."""
    vectors = atoms.positions[p] - atoms.positions[q]
    r = np.sqrt((vectors**2).sum(axis=1))
    return r, vectors / r[:, None]


def _corners(pairs: np.ndarray, atoms: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the centre i and both neighbours j < k of all triplets, from ordered pairs sorted by their first atom."""
    ends = np.cumsum(np.bincount(pairs[:, 0], minlength=atoms))
    found = [np.empty((2, 0), np.int64)]
    for start, end in zip(ends - np.diff(ends, prepend=0), ends, strict=True):
        found.append(start + np.stack(np.triu_indices(end - start, 1)))
    left, right = np.concatenate(found, axis=1)
    return pairs[left, 0], pairs[left, 1], pairs[right, 1]


def _gathered(
    atoms: Atoms, kind: np.ndarray, first: np.ndarray, values: np.ndarray, gradients: list[Gradient], kinds: int
) -> tuple[np.ndarray, np.ndarray]:
    """Add up terms (term, m) by kind and sample, (sample, kind·m), and their gradients by kind and atom, (atom, d, kind·m)."""
    samples, (n, d), m = len(atoms.counts), atoms.positions.shape, values.shape[1]
    sums = _added(kind * samples + atoms.owner[first], values, kinds * samples)
    total = np.zeros((kinds * n, m * d))
    for p, q, along, slope in gradients:
        pulls = (slope[:, :, None] * along[:, None]).reshape(len(kind), m * d)
        total += _added(kind * n + p, pulls, kinds * n) - _added(kind * n + q, pulls, kinds * n)
    gradient = total.reshape(kinds, n, m, d).transpose(1, 3, 0, 2).reshape(n, d, kinds * m)
    return sums.reshape(kinds, samples, m).transpose(1, 0, 2).reshape(samples, kinds * m), gradient


def _added(index: np.ndarray, values: np.ndarray, size: int) -> np.ndarray:
    """Return the sums of the rows of `values` that share an index, (size, …)."""
    from scipy.sparse import csr_array

    ones = np.ones(len(index))
    return np.asarray(csr_array((ones, (index, np.arange(len(index)))), shape=(size, len(index))) @ values)


def _normal_equations(
    codec: AtomsCodec, functions: SymmetryFunctions, data: xr.Dataset, energy_weight: float, log: Log
) -> tuple[np.ndarray, np.ndarray]:
    """Return AᵀA and Aᵀy of all rows: every component of a force, and every energy times √(ω/N)."""
    matrix: np.ndarray | float = 0.0
    load: np.ndarray | float = 0.0
    for k, part in enumerate(_chunks(data)):
        atoms = codec.encode(part)
        sums, slopes = functions(atoms)
        energy, gradient = codec.targets(part, atoms)
        scale = np.sqrt(energy_weight / atoms.counts)
        rows = np.concatenate([slopes.reshape(-1, slopes.shape[2]), scale[:, None] * sums])
        matrix = matrix + rows.T @ rows
        load = load + rows.T @ np.concatenate([gradient.ravel(), scale * energy])
        log.progress(0.9 * min(1.0, (k + 1) * CHUNK / count(data)), "symmetry functions")
    return np.asarray(matrix), np.asarray(load)


def _solve(matrix: np.ndarray, load: np.ndarray) -> np.ndarray:
    """Return the weights (function, penalty) of every ridge penalty, columns scaled to norm 1."""
    norms = np.sqrt(np.diag(matrix))
    norms = np.where(norms > 0, norms, 1.0)
    sizes, vectors = np.linalg.eigh(matrix / np.outer(norms, norms))
    across = vectors.T @ (load / norms)
    shrunk = across[:, None] / (np.maximum(sizes, 0.0)[:, None] + np.array(PENALTIES))
    return np.asarray((vectors @ shrunk) / norms[:, None])


def _errors(
    codec: AtomsCodec, functions: SymmetryFunctions, data: xr.Dataset, weights: np.ndarray, energy_weight: float
) -> np.ndarray:
    """Return for each column of weights ⟨‖F' − F‖ / ‖F‖⟩ + ω ⟨|E' − E| / N⟩, in the units of the forces' scale."""
    found = []
    for part in _chunks(data):
        atoms = codec.encode(part)
        sums, slopes = functions(atoms)
        energy, gradient = codec.targets(part, atoms)
        square = ((slopes @ weights - gradient[..., None]) ** 2).sum(axis=1)
        starts = np.cumsum(atoms.counts) - atoms.counts
        size = np.sqrt(np.add.reduceat((gradient**2).sum(axis=1), starts))[:, None]
        forces = np.sqrt(np.add.reduceat(square, starts, axis=0)) / np.where(size > 0, size, 1.0)
        found.append(forces + energy_weight * np.abs(sums @ weights - energy[:, None]) / atoms.counts[:, None])
    return np.asarray(np.concatenate(found).mean(axis=0))
