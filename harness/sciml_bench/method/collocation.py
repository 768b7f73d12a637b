"""What physics-informed networks share, whatever their framework: points, scales, first weights and the answer's grid.

Such a network is a function N(t, x …; θ), fitted to one sample by minimising

    Σ mean (r/R)² over points inside + w₀ Σ mean ((u − u₀)/U)² at the start + w_b Σ mean ((u − g)/U)² on the walls

where r are the residuals of the equation, U the root mean square of each given field and R the size of each residual for
one wave of that size across the domain, so that all terms are of order one for any unit. No framework is imported here.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from itertools import pairwise
from typing import Any, Literal, Protocol, Self

import numpy as np
import xarray as xr

from ..errors import DivergedError, UsageError
from ..problem import HISTORY, TIME, Equation, GridDerivatives, Problem
from ..problem.equation import split_name
from .contract import Log
from .grids import why_not_a_grid
from .template import Template, samples_of

POOL = 10
"""Points are drawn anew from so many times their number."""
WAVE = 16
"""Points along each axis for the wave that residuals are compared with."""
WALL_SHARE = 16
"""Each wall has so many times fewer points than the inside."""
MARKS = 20
"""Points of the logged curve while Adam runs."""
BLOCKS = 4
"""And in each round of L-BFGS."""
MEMORY = 50
"""The pairs of steps and gradients that L-BFGS keeps."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How the network of one sample is made and fitted: first by Adam, then by L-BFGS.

    `layers` hidden layers of `width` tanh units; `points` inside the domain; L-BFGS runs in `rounds` equal parts, before each
    of which the points are drawn anew with a density proportional to 1 + |r| / mean |r|.
    """

    width: int
    layers: int
    adam_updates: int
    lbfgs_updates: int
    learning_rate: float
    points: int
    rounds: int
    initial_weight: float
    boundary_weight: float
    precision: Literal["32-true", "64-true"]

    @classmethod
    def of(cls, method: Any) -> Self:
        """Take the fields of the same names from a method, and check them."""
        settings = cls(**{f.name: getattr(method, f.name) for f in fields(cls)})
        settings.check()
        return settings

    def check(self) -> None:
        """Raise `UsageError` for a value without meaning."""
        for name, least in (("width", 1), ("layers", 1), ("points", 1), ("rounds", 1)):
            if getattr(self, name) < least:
                raise UsageError(f"{name} is {getattr(self, name)}, but must be at least {least}")
        for name in ("adam_updates", "lbfgs_updates"):
            if getattr(self, name) < 0:
                raise UsageError(f"{name} is {getattr(self, name)}, but must not be negative")
        for name in ("learning_rate", "initial_weight", "boundary_weight"):
            if not (getattr(self, name) > 0 and math.isfinite(getattr(self, name))):
                raise UsageError(f"{name} is {getattr(self, name)}, but must be a positive number")
        if self.precision not in ("32-true", "64-true"):
            raise UsageError(f"precision is '{self.precision}', but must be '32-true' or '64-true'")

    @property
    def share(self) -> int:
        """The L-BFGS updates of one round."""
        return math.ceil(self.lbfgs_updates / self.rounds)


@dataclass(frozen=True, kw_only=True)
class Box:
    """The domain: time first, then space; an axis is open or a circle."""

    names: tuple[str, ...]
    lower: tuple[float, ...]
    upper: tuple[float, ...]
    circles: tuple[bool, ...]

    def features(self, columns: list[Any], sin: Callable[[Any], Any], cos: Callable[[Any], Any]) -> list[Any]:
        """Return the network's inputs: −1 … 1 along an open axis, cosine and sine of the angle on a circle.

        Every function of these is periodic on the circles.
        """
        found = []
        for column, low, high, circle in zip(columns, self.lower, self.upper, self.circles, strict=True):
            share = (column - low) / (high - low)
            found += [cos(2 * np.pi * share), sin(2 * np.pi * share)] if circle else [2 * share - 1]
        return found

    def inside(self, count: int, seed: int) -> np.ndarray:
        """Return a scrambled Halton sequence in the box, (count, axes)."""
        from scipy.stats import qmc

        unit = qmc.Halton(len(self.names), seed=np.random.default_rng(seed)).random(count)
        return np.asarray(self.lower) + (np.asarray(self.upper) - self.lower) * unit

    def walls(self, count: int, seed: int) -> np.ndarray:
        """Return `count` points on every wall, the two ends of each open axis of space."""
        faces = [(axis, end) for axis, circle in enumerate(self.circles) if axis and not circle for end in (0, 1)]
        drawn = []
        for number, (axis, end) in enumerate(faces):
            points = self.inside(count, seed + number)
            points[:, axis] = (self.lower, self.upper)[end][axis]
            drawn.append(points)
        return np.concatenate(drawn) if drawn else np.empty((0, len(self.names)))


@dataclass(frozen=True, kw_only=True)
class Instance:
    """One sample as points and values; unknowns in the order of the equation.

    `inside` (n, axes); `start` (n, axes) with `start_values` (n, unknown); `walls` (n, axes), where those unknowns that
    `wall_values` names by their number have its values; `queries` (n, axes), where the answer is wanted. `scales`
    (unknown,) are U, `residual_scales` are R.
    """

    inside: np.ndarray
    start: np.ndarray
    start_values: np.ndarray
    walls: np.ndarray
    wall_values: Mapping[int, float]
    queries: np.ndarray
    scales: np.ndarray
    residual_scales: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class Solution:
    """The unknowns at the queries, (n, unknown), the loss by update, and iterations a second of both phases."""

    values: np.ndarray
    losses: Mapping[int, float]
    adam_rate: float
    lbfgs_rate: float
    parameters: int


def why_not_collocation(problem: Problem) -> str | None:
    """Return None if the problem can be solved from its equation and the start of a sample, else the reason why not."""
    equation = problem.equation
    if equation is None:
        return "It solves the equation of a problem, and this one states none."
    given = {v.name for v in problem.inputs} & set(equation.unknowns)
    for name in sorted(equation.reads()):
        base, order = split_name(name)
        if base in given and order:
            return (
                f"The pointwise residual needs {name}, a derivative of the given field '{base}', which is known at "
                "the data's nodes only and may jump between them."
            )
    return why_not_a_grid(problem) or _why_not_evolution(problem, equation, given)


def _why_not_evolution(problem: Problem, equation: Equation, given: set[str]) -> str | None:
    if given:
        return f"The residual needs the given field '{min(given)}' between the data's nodes, where it is not known."
    if not problem.evolves or TIME not in {v.dims[0] for v in problem.targets}:
        return "It solves from a given state at the start, and this problem has none."
    names = {v.name for v in problem.targets}
    if not names <= set(equation.unknowns) or (set(equation.unknowns) - names and equation.auxiliary is None):
        return f"The equation's unknowns are {', '.join(equation.unknowns)}, which the given state does not tell."
    if any(split_name(name)[1].count("t") > 1 for name in equation.reads()):
        return "The equation is of second order in time, and the given state does not tell its rate of change."
    for v in problem.targets:
        if v.dims != (TIME, *v.space):
            return f"It solves for fields over time and space, but '{v.name}' also depends on other axes."
        if not v.periodic and v.name not in problem.boundary:
            return f"What holds for '{v.name}' at the edge of the domain is not stated as a value."
    return None


@dataclass(frozen=True, kw_only=True)
class Collocation:
    """Makes points and values of a sample, and a sample's answer of values."""

    equation: Equation
    template: Template
    boundary: Mapping[str, float]
    points: int
    seed: int

    @classmethod
    def of(cls, problem: Problem, train: xr.Dataset, *, points: int, seed: int) -> Self:
        """Return the collocation of a problem for which `why_not_collocation` is None; of `train` only the layout is used."""
        if problem.equation is None:
            raise UsageError(f"problem '{problem.name}' states no equation; ask `applies_to` first")
        return cls(
            equation=problem.equation,
            template=Template.of(problem, train),
            boundary=dict(problem.boundary),
            points=points,
            seed=seed,
        )

    @property
    def space(self) -> tuple[str, ...]:
        """The axes of space."""
        return self.template.targets[0].space

    def box(self, inputs: xr.Dataset) -> Box:
        """Return the domain from the given state to the last time wanted."""
        extent = self.equation.extent
        first = extent["t"][0]
        given = inputs[str(self.template.targets[0].initial)]
        if HISTORY in given.dims and HISTORY in inputs.coords:
            first = float(inputs[HISTORY].values[-1])
        last = float(self.template.coordinates[TIME].values[-1])
        periodic = all(v.periodic for v in self.template.targets)
        return Box(
            names=("t", *self.space),
            lower=(first, *(extent[d][0] for d in self.space)),
            upper=(last, *(extent[d][1] for d in self.space)),
            circles=(False, *(periodic for _ in self.space)),
        )

    def instance(self, inputs: xr.Dataset, sample: int) -> Instance:
        """Return the points and values of one sample."""
        box = self.box(inputs)
        axes = [inputs[d].values.astype(np.float64) for d in self.space]
        state = self._state(inputs, sample)
        names = self.equation.unknowns
        walls = {names.index(k): float(v) for k, v in self.boundary.items()}
        return Instance(
            inside=box.inside(self.points, self.seed),
            start=_mesh([np.array([box.lower[0]]), *axes]),
            start_values=np.stack([state[n].ravel() for n in names], axis=1),
            walls=box.walls(max(1, self.points // WALL_SHARE), self.seed + 1),
            wall_values=walls,
            queries=_mesh([self.template.coordinates[TIME].values.astype(np.float64), *axes]),
            scales=np.array([_size(state[n]) for n in names]),
            residual_scales=self._residual_scales(state, box),
        )

    def again(
        self, instance: Instance, box: Box, number: int, residual: Callable[[np.ndarray], np.ndarray]
    ) -> Instance:
        """Return the instance with points drawn anew, more of them where |`residual`| of the present fit is large.

        Source: Wu et al. 2023, doi:10.1016/j.cma.2022.115671, equation 2 with k = c = 1.
        """
        seed = self.seed + 1000 * number
        pool = box.inside(POOL * self.points, seed)
        size = np.abs(residual(pool)).astype(np.float64)
        if not np.isfinite(size).all():
            raise DivergedError("the residual of the network became infinite; a smaller learning_rate may help")
        density = size / (size.mean() or 1.0) + 1.0
        chosen = np.random.default_rng(seed).choice(len(pool), self.points, replace=False, p=density / density.sum())
        return replace(instance, inside=pool[chosen])

    def dress(self, solutions: list[np.ndarray], inputs: xr.Dataset) -> xr.Dataset:
        """Return the unknowns at the queries of all samples, each (n, unknown), as the targets."""
        shape = (-1, *(inputs.sizes[d] for d in self.space))
        columns = {v.name: self.equation.unknowns.index(v.name) for v in self.template.targets}
        arrays = {n: np.stack([s[:, c].reshape(shape) for s in solutions]) for n, c in columns.items()}
        return self.template.dress(arrays, inputs)

    def _state(self, inputs: xr.Dataset, sample: int) -> dict[str, np.ndarray]:
        state = {}
        for v in self.template.targets:
            first = inputs[str(v.initial)].isel(sample=sample)
            first = first.isel({HISTORY: -1}) if HISTORY in first.dims else first
            state[v.name] = first.transpose(*v.space).values.astype(np.float64)
        if self.equation.auxiliary is not None:
            made = self.equation.auxiliary({n: u[None] for n, u in state.items()})
            state |= {n: u[0] for n, u in made.items() if n not in state}
        return state

    def _residual_scales(self, state: Mapping[str, np.ndarray], box: Box) -> dict[str, float]:
        """Return the largest root mean square of each residual over: all unknowns moving together, each one alone.

        Each moves as one wave on the circle, half a wave from wall to wall, of its own size, that grows by itself over the
        time: what the data hold of shorter waves may die at once, and shall not make the rest of the evolution look small.
        """
        span, angle = box.upper[0] - box.lower[0], 2 * np.pi * np.arange(WAVE) / WAVE
        sides = zip(box.lower[1:], box.upper[1:], box.circles[1:], strict=True)
        lengths = [(high - low) * (1 if circle else 2) for low, high, circle in sides]
        axes = [low + length * angle / (2 * np.pi) for low, length in zip(box.lower[1:], lengths, strict=True)]
        grid = np.meshgrid(np.arange(-2, 3), *([angle] * len(axes)), indexing="ij")
        moving = {}
        for number, (name, field) in enumerate(state.items()):
            wave = np.prod([np.sqrt(2) * np.sin(a + number) for a in grid[1:]], axis=0)
            moving[name] = _size(field) * (1 + grid[0]) * wave
        alone = [{n: u if n == kept else 0 * u for n, u in moving.items()} for kept in moving]
        points = dict(zip(box.names, (box.lower[0] + span * np.arange(5), *axes), strict=True))
        largest: dict[str, float] = {}
        for trial in (moving, *(alone if len(alone) > 1 else [])):
            d = GridDerivatives(trial, points, periodic=True)
            for name, r in self.equation.residual(d, self.equation.p).items():
                largest[name] = max(largest.get(name, 0.0), float(np.sqrt(np.mean(np.square(r)))))
        return {name: size or 1.0 for name, size in largest.items()}


Solve = Callable[[Instance, Box], Solution]


class InstanceSolver(Protocol):
    """A method that can fit a network to an instance."""

    def solver(self, collocation: Collocation, device: str) -> Solve:
        """Return what solves one instance after the other."""


@dataclass(frozen=True, kw_only=True)
class SolveEach:
    """The predictor: fits a network to every sample that it is given, all from the same first weights."""

    method: InstanceSolver
    collocation: Collocation
    device: str
    log: Log | None = None

    def __call__(self, inputs: xr.Dataset) -> xr.Dataset:
        """Return the targets of the samples."""
        solve, box = self.method.solver(self.collocation, self.device), self.collocation.box(inputs)
        count, solutions = samples_of(inputs), []
        for i in range(count):
            solutions.append(solve(self.collocation.instance(inputs, i), box))
            if self.log is not None:
                self.log.progress((i + 1) / count, f"solved {i + 1} of {count} samples")
        if self.log is not None:
            _report(self.log, solutions)
        return self.collocation.dress([s.values for s in solutions], inputs)

    def __getstate__(self) -> dict[str, Any]:
        """Leave the log behind: it belongs to the process."""
        return {**self.__dict__, "log": None}


def layer_sizes(box: Box, settings: Settings, unknowns: int) -> tuple[tuple[int, int], ...]:
    """Return the inputs and outputs of each layer."""
    inputs = sum(2 if circle else 1 for circle in box.circles)
    sizes = [inputs, *[settings.width] * settings.layers, unknowns]
    return tuple(pairwise(sizes))


def first_weights(box: Box, settings: Settings, unknowns: int, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return (weight (in, out), bias) of each layer: normal with variance 2/(in + out), and zero.

    Source: Glorot & Bengio 2010.
    """
    rng = np.random.default_rng([seed, 7])
    return [
        (rng.standard_normal((a, b)) * math.sqrt(2 / (a + b)), np.zeros(b))
        for a, b in layer_sizes(box, settings, unknowns)
    ]


def _report(log: Log, solutions: list[Solution]) -> None:
    """Log the mean loss over the samples, a finished one keeping its last, and the mean rates."""
    for step in sorted({s for found in solutions for s in found.losses}):
        known = [[v for k, v in found.losses.items() if k <= step] for found in solutions]
        log.curve("loss", step, float(np.mean([k[-1] for k in known if k])))
    log.fact("parameters", solutions[0].parameters)
    for name in ("adam_rate", "lbfgs_rate"):
        rates = [getattr(s, name) for s in solutions]
        if all(r > 0 for r in rates):
            log.fact(f"{name.removesuffix('_rate')}_iterations_per_second", float(np.mean(rates)))


def _mesh(axes: list[np.ndarray]) -> np.ndarray:
    return np.stack([m.ravel() for m in np.meshgrid(*axes, indexing="ij")], axis=1)


def _size(field: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(field)))) or 1.0
