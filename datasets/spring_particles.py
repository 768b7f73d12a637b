"""Particles in the plane joined by springs: from the state at the start to the trajectories."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, ClassVar, Self

import numpy as np
import xarray as xr

from sciml_bench.errors import UsageError
from sciml_bench.problem import Conserved, Dataset, DatasetCard, Problem, Regime, Solver, Source, Symmetry, Variable
from sciml_bench.problem.labels import labelled
from sciml_bench.problem.samples import count, take

START = Variable(name="s0", dims=("node", "component"), description="position and velocity at the start: x, y, vx, vy")
SPRINGS = (
    Variable(name="edges", dims=("edge", "end"), kind="index", description="particles at the ends of a spring"),
    Variable(name="stiffness", dims=("edge",), description="stiffness of a spring", symbol="k"),
    Variable(name="rest_length", dims=("edge",), description="length of a spring at rest", symbol="ℓ"),
)
STATE = Variable(
    name="s",
    dims=("node", "time", "component"),
    description="position and velocity: x, y, vx, vy",
    initial="s0",
)
CLOSEST = 0.6
"""Distance of two particles at the start, at least."""

ANGLE, MOVE = 0.7, np.array([1.0, -2.0])


@dataclass(frozen=True)
class Turn:
    """Turns positions and velocities of one variable by `ANGLE`."""

    name: str

    def __call__(self, data: xr.Dataset) -> xr.Dataset:
        """Return the turned data."""
        c, s = np.cos(ANGLE), np.sin(ANGLE)
        both = np.kron(np.eye(2), np.array([[c, s], [-s, c]]))
        return data.assign({self.name: data[self.name].copy(data=data[self.name].values @ both)})


@dataclass(frozen=True)
class Move:
    """Moves the positions of one variable; with `boost`, so much in a unit of time, and the velocities with it."""

    name: str
    boost: bool = False

    def __call__(self, data: xr.Dataset) -> xr.Dataset:
        """Return the moved data."""
        values = data[self.name].values.copy()
        if self.boost:
            t = np.asarray(data.variables["time"].values)[:, None] if "time" in data[self.name].dims else 0.0
            values = values + np.concatenate([MOVE * t, MOVE + 0 * MOVE * t], axis=-1)
        else:
            values[..., :2] += MOVE
        return data.assign({self.name: data[self.name].copy(data=values)})


def _symmetry(make: Any, description: str) -> Symmetry:
    return Symmetry(inputs=make("s0"), targets=make("s"), description=description)


def momentum(s: xr.DataArray) -> xr.DataArray:
    """Σ v over the particles, which have mass 1."""
    return s.isel(component=slice(2, 4)).sum("node")


def angular_momentum(s: xr.DataArray) -> xr.DataArray:
    """Σ (x vy − y vx) over the particles, about the origin."""
    x, y, vx, vy = (s.isel(component=k) for k in range(4))
    return (x * vy - y * vx).sum("node")


def _length(vectors: xr.DataArray) -> xr.DataArray:
    return (vectors * vectors).sum("component") ** 0.5


def _speed(s: xr.DataArray) -> xr.DataArray:
    return _length(s.isel(component=slice(2, 4)))


def _momentum_scale(s: xr.DataArray) -> xr.DataArray:
    return _speed(s).sum("node")


def _angular_scale(s: xr.DataArray) -> xr.DataArray:
    return (_length(s.isel(component=slice(0, 2))) * _speed(s)).sum("node")


def particles(inputs: xr.Dataset) -> np.ndarray:
    """Return the number of particles of each sample, as text."""
    return np.array([f"{n} particles" for n in inputs["node_count"].values])


@dataclass(frozen=True)
class Springs:
    """ẍᵢ = Σⱼ kᵢⱼ (rᵢⱼ − ℓᵢⱼ) (xⱼ − xᵢ) / rᵢⱼ over the springs of i, r their lengths; x has shape (node, 2).

    The energy is Σ v²/2 + Σ k (r − ℓ)²/2.
    """

    edges: np.ndarray
    stiffness: np.ndarray
    rest_length: np.ndarray

    def _differences(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        between = x[self.edges[:, 1]] - x[self.edges[:, 0]]
        return between, np.sqrt((between**2).sum(axis=1))

    def acceleration(self, x: np.ndarray) -> np.ndarray:
        """Return ẍ."""
        between, r = self._differences(x)
        pull = (self.stiffness * (r - self.rest_length) / r)[:, None] * between
        total = np.zeros_like(x)
        np.add.at(total, self.edges[:, 0], pull)
        np.subtract.at(total, self.edges[:, 1], pull)
        return total

    def energy(self, s: np.ndarray) -> float:
        """Return the energy of a state (node, 4)."""
        r = self._differences(s[:, :2])[1]
        return float((s[:, 2:] ** 2).sum() / 2 + (self.stiffness * (r - self.rest_length) ** 2).sum() / 2)

    def integrate(self, s: np.ndarray, times: np.ndarray, tolerance: float) -> np.ndarray:
        """Return the states (time, node, 4), by the Runge–Kutta method of order 8 with error control."""
        from scipy.integrate import solve_ivp

        def rate(_: float, flat: np.ndarray) -> np.ndarray:
            state = flat.reshape(-1, 4)
            return np.hstack([state[:, 2:], self.acceleration(state[:, :2])]).ravel()

        found = solve_ivp(
            rate, (0, times[-1]), s.ravel(), method="DOP853", t_eval=times, rtol=tolerance, atol=tolerance
        )
        return np.asarray(found.y.T.reshape(len(times), -1, 4))

    def leapfrog(self, s: np.ndarray, times: np.ndarray, steps: int) -> np.ndarray:
        """Return the states (time, node, 4), by velocity Verlet with `steps` steps to each output time."""
        x, v, a = s[:, :2], s[:, 2:], self.acceleration(s[:, :2])
        found = []
        for interval in np.diff(times, prepend=0.0):
            h = interval / steps
            for _ in range(steps):
                v = v + h / 2 * a
                x = x + h * v
                a = self.acceleration(x)
                v = v + h / 2 * a
            found.append(np.hstack([x, v]))
        return np.stack(found)


@dataclass(frozen=True, kw_only=True)
class SpringSolver(Solver):
    """The equations of motion by velocity Verlet, of second order and conserving momentum, or as the truth is made.

    Source: Hairer, Lubich & Wanner 2003, doi:10.1017/S0962492902000144, equation 1.5.
    """

    times: tuple[float, ...]
    tolerance: float

    @property
    def costs(self) -> Mapping[str, Mapping[str, Any]]:
        """Verlet with one to 32 steps in an output interval, then the truth's own integrator up to its own tolerance."""
        steps = {f"Verlet, {n} step{'s' if n > 1 else ''}": {"steps": n} for n in (1, 2, 4, 8, 16, 32)}
        orders = {f"Runge–Kutta to {t:g}": {"tolerance": t} for t in (1e-4, 1e-7, self.tolerance)}
        return {**steps, **orders}

    def solve(self, inputs: xr.Dataset, *, device: str = "cpu", **knobs: Any) -> xr.Dataset:  # noqa: ARG002
        """Return s; `knobs`: steps, of all samples at once, or tolerance, of each with steps of its own."""
        times = np.array(self.times)
        if "steps" in knobs:
            found = [_together(inputs).leapfrog(inputs["s0"].values, times, **knobs)]
        else:
            samples = (take(inputs, [i]) for i in range(count(inputs)))
            found = [_together(one).integrate(one["s0"].values, times, **knobs) for one in samples]
        return labelled([STATE], {"s": np.concatenate(found, axis=1).transpose(1, 0, 2)}, {"time": times})


def _together(inputs: xr.Dataset) -> Springs:
    """Return the springs of all samples as those of one system, the parts of which do not touch."""
    edges, stiffness, rest_length = (inputs[v.name].values for v in SPRINGS)
    before = np.cumsum(inputs["node_count"].values) - inputs["node_count"].values
    return Springs(edges + np.repeat(before, inputs["edge_count"].values)[:, None], stiffness, rest_length)


@dataclass(frozen=True, kw_only=True)
class SpringParticles(Dataset):
    """ẍᵢ = Σⱼ kᵢⱼ (rᵢⱼ − ℓᵢⱼ) (xⱼ − xᵢ) / rᵢⱼ, particles of mass 1 in the plane, springs on a random connected graph.

    Each sample has `fewest` to `most` particles. At the start they lie in a disc of radius 0.6 √N, no two nearer than 0.6, with
    velocities N(0, `speed`²). A random tree joins them, and every other pair with probability `density`. Stiffnesses are
    uniform in [0.5, 1.5] times `stiffness`, rest lengths in [0.7, 1.3] times the distance at the start. `times` output times,
    `interval` apart. Truth: Runge–Kutta of order 8 with error control to `tolerance`.

    Momentum, angular momentum and energy are conserved; turning, moving and boosting the system changes nothing else.
    """

    card: ClassVar[DatasetCard] = DatasetCard(
        title="Particles on springs",
        kind="dynamics",
        summary="4 to 8 particles joined by springs: from the initial state to the trajectories",
        description=(
            "Particles of mass 1 in the plane pull and push each other through springs, each with a stiffness and a rest "
            "length of its own; who is joined to whom is drawn anew for each sample. The method is given positions and "
            "velocities at the start and the springs, and predicts both at all output times, about one period of a spring. "
            "The motion is not linear, as the springs turn, and abrupt where one is nearly folded to nothing. Generated on the "
            "CPU whatever the device."
        ),
        sources=(
            Source(
                citation="Battaglia et al. 2016, Interaction networks for learning about objects, relations and physics",
                doi="10.48550/arXiv.1612.00222",
            ),
            Source(
                citation="Kipf et al. 2018, Neural relational inference for interacting systems",
                doi="10.48550/arXiv.1802.04687",
            ),
        ),
    )
    version: ClassVar[int] = 1
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
        {
            "smoke": {"samples": 32, "most": 6, "times": 5},
            "small": {"samples": 500},
            "full": {"samples": 5000, "fewest": 5, "most": 20, "times": 40, "interval": 0.25},
        }
    )

    samples: int = 500
    fewest: int = 4
    most: int = 8
    density: float = 0.3
    stiffness: float = 1.0
    speed: float = 0.4
    times: int = 20
    interval: float = 0.2
    tolerance: float = 1e-10

    def problem(self) -> Problem:
        """Return what a method may know: the solver, what is conserved, and the symmetries of the motion."""
        times = self.interval * np.arange(1, self.times + 1)
        return Problem(
            name="spring_particles",
            kind="dynamics",
            inputs=(START, *SPRINGS),
            targets=(STATE,),
            solver=SpringSolver(times=tuple(float(t) for t in times), tolerance=self.tolerance),
            conserved={
                "momentum": Conserved(
                    variable="s",
                    quantity=momentum,
                    scale=_momentum_scale,
                    description="Σ v, relative to Σ |v| at the start",
                ),
                "angular_momentum": Conserved(
                    variable="s",
                    quantity=angular_momentum,
                    scale=_angular_scale,
                    description="Σ x × v about the origin, relative to Σ |x| |v| at the start",
                ),
            },
            symmetries={
                "rotation": _symmetry(Turn, "turning everything by 0.7 radians about the origin"),
                "translation": _symmetry(Move, "moving everything by (1, −2)"),
                "boost": _symmetry(lambda name: Move(name, boost=True), "adding (1, −2) to every velocity"),
            },
            regimes={"particles": Regime(of=particles, description="number of particles")},
        )

    def generate(self, seed: int, samples: Sequence[int], *, device: str = "cpu") -> xr.Dataset:  # noqa: ARG002
        """Return initial states, springs and trajectories of the given samples."""
        if not 2 <= self.fewest <= self.most:
            raise UsageError(f"fewest is {self.fewest} and most {self.most}; expected 2 ≤ fewest ≤ most")
        times = self.interval * np.arange(1, self.times + 1)
        parts: dict[str, list[np.ndarray]] = {v.name: [] for v in (START, *SPRINGS, STATE)}
        for i in samples:
            start, system = self._draw(np.random.default_rng([seed, i]))
            path = system.integrate(start, times, self.tolerance).transpose(1, 0, 2)
            arrays = (start, system.edges, system.stiffness, system.rest_length, path)
            for found, values in zip(parts.values(), arrays, strict=True):
                found.append(values)
        counts = {d: np.array([len(a) for a in parts[n]]) for d, n in (("node", "s0"), ("edge", "edges"))}
        flat = {name: np.concatenate(found) for name, found in parts.items()}
        return labelled((START, *SPRINGS, STATE), flat, {"time": times}, counts=counts)

    def _draw(self, rng: np.random.Generator) -> tuple[np.ndarray, Springs]:
        n = int(rng.integers(self.fewest, self.most + 1))
        x, v = _scatter(rng, n), self.speed * rng.standard_normal((n, 2))
        edges = _connected(rng, n, self.density)
        stiffness = self.stiffness * rng.uniform(0.5, 1.5, len(edges))
        distance = np.linalg.norm(x[edges[:, 1]] - x[edges[:, 0]], axis=1)
        rest = distance * rng.uniform(0.7, 1.3, len(edges))
        return np.hstack([x, v]), Springs(edges=edges, stiffness=stiffness, rest_length=rest)

    def refined(self) -> Self:
        """Return the same problem with a thousandth of the tolerance."""
        return replace(self, tolerance=self.tolerance / 1000)

    def shifts(self) -> Mapping[str, Self]:
        """Return systems of more particles, and of stiffer springs."""
        few = replace(self, samples=max(8, self.samples // 15))
        return {
            "more_particles": replace(few, fewest=self.most + 1, most=self.most + 4),
            "stiffer_springs": replace(few, stiffness=2 * self.stiffness),
        }


def _scatter(rng: np.random.Generator, n: int) -> np.ndarray:
    """Return n points of a disc of radius 0.6 √n, each clear of those before it."""
    found: list[np.ndarray] = []
    while len(found) < n:
        x = 0.6 * n**0.5 * rng.uniform(-1, 1, 2)
        if x @ x <= 0.36 * n and all(np.hypot(*(x - y)) >= CLOSEST for y in found):
            found.append(x)
    return np.stack(found)


def _connected(rng: np.random.Generator, n: int, density: float) -> np.ndarray:
    """Return the edges (edge, 2), lower particle first, of a random tree and random further pairs."""
    tree = {(int(rng.integers(k)), k) for k in range(1, n)}
    further = {(a, b) for a in range(n) for b in range(a + 1, n) if rng.random() < density}
    return np.array(sorted(tree | further), np.int64)
