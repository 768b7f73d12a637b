"""What datasets of mechanical systems share: variables, observations with noise, rollouts, and their energy."""

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from ..errors import DivergedError, UsageError
from .dataset import Conserved, Dataset
from .hamiltonian import Hamiltonian
from .labels import labelled
from .solver import Solver
from .variable import Variable

Rate = Callable[[np.ndarray], np.ndarray]
"""z (…, 2d) → dz/dt, same shape."""
Flow = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Starts (n, 2d) and times (T,) → states (n, T, 2d)."""

COMPONENT = "component"
"""The dimension along which a state holds q and then p."""
START = Variable(
    name="z0", dims=(COMPONENT,), description="state (q, p) at t = 0 of the trajectory to be predicted", symbol="z"
)
OBSERVED = Variable(
    name="z_observed",
    dims=("observation", COMPONENT),
    description="states observed along another trajectory, with the noise of the observation",
    symbol="z",
)
RATE = Variable(
    name="rate",
    dims=("observation", COMPONENT),
    description="dz/dt at the observed states as they are without noise",
    symbol="dz/dt",
)
STATE = Variable(name="z", dims=("time", COMPONENT), description="state (q, p)", symbol="z", initial="z0")

STEPS = (1, 2, 4, 8, 16, 32)
"""Runge–Kutta steps from one output time to the next, at the solver's cost points."""


def halves(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return q and p of states (…, 2d)."""
    d = z.shape[-1] // 2
    return z[..., :d], z[..., d:]


def on_circle(rng: np.random.Generator, radii: tuple[float, float]) -> np.ndarray:
    """Draw a point of the square [−1, 1]², moved along its ray to a radius that is uniform between `radii`.

    Angles near the diagonals are so a little more frequent than others, as in the published set-up.
    """
    low, high = radii
    if not 0 < low <= high:
        raise UsageError(f"radii are {low:g} and {high:g}: expected two positive numbers, the lower first")
    point = rng.uniform(-1.0, 1.0, 2)
    return np.asarray(point / np.linalg.norm(point) * rng.uniform(low, high))


def within_box(rng: np.random.Generator, box: tuple[float, float]) -> np.ndarray:
    """Draw q and p, each with either sign and a size that is uniform between the two numbers of `box`."""
    low, high = box
    if not 0 <= low <= high:
        raise UsageError(f"box is {low:g} and {high:g}: expected two numbers, not negative, the lower first")
    return np.asarray(rng.choice([-1.0, 1.0], 2) * rng.uniform(low, high, 2))


def over_states(function: Callable[[np.ndarray], np.ndarray]) -> Callable[[xr.DataArray], xr.DataArray]:
    """Return the function of states (…, 2d) as one of arrays with the dimension `component`."""

    def applied(z: xr.DataArray) -> xr.DataArray:
        found: xr.DataArray = xr.apply_ufunc(function, z, input_core_dims=[[COMPONENT]])
        return found

    return applied


def energy_of(hamiltonian: Hamiltonian) -> Callable[[np.ndarray], np.ndarray]:
    """Return z ↦ H(q, p), in numpy."""
    return lambda z: np.asarray(hamiltonian.energy(*halves(z), np))


def conserved_energy(hamiltonian: Hamiltonian) -> Conserved:
    """Return the energy of the rollout as a conserved quantity, its drift relative to |H(z0)|."""
    energy = energy_of(hamiltonian)
    return Conserved(
        variable=STATE.name,
        quantity=over_states(energy),
        scale=over_states(lambda z: np.abs(energy(z))),
        description=f"{hamiltonian.formula}, over its size at the start",
    )


def runge_kutta(rate: Rate, starts: np.ndarray, times: np.ndarray, steps: int) -> np.ndarray:
    """Return states (n, T, 2d) at `times`, t = 0 at the start, by the classical fourth-order method.

    `steps` equal steps lead from one time to the next. Source: Kutta 1901, Z. Math. Phys. 46, 435–453.
    """
    z, found = starts, []
    for interval in np.diff(times, prepend=0.0):
        h = interval / steps
        for _ in range(steps):
            a = rate(z)
            b = rate(z + h / 2 * a)
            c = rate(z + h / 2 * b)
            z = z + h / 6 * (a + 2 * b + 2 * c + rate(z + h * c))
        found.append(z)
    return np.stack(found, axis=1)


def integrate(rate: Rate, starts: np.ndarray, times: np.ndarray, tolerance: float) -> np.ndarray:
    """Return states (n, T, 2d) at `times`, each trajectory alone with steps of its own.

    By the Runge–Kutta pair of order 8 (Dormand & Prince), its steps chosen by `tolerance`, relative and absolute.
    Raises `DivergedError` where the steps become too small, as at a collision. Source: Hairer, Nørsett & Wanner
    1993, doi:10.1007/978-3-540-78862-1, section II.5.
    """
    from scipy.integrate import solve_ivp

    found = []
    for start in starts:
        path = solve_ivp(
            lambda _, z: rate(z), (0.0, float(times[-1])), start, "DOP853", times, rtol=tolerance, atol=tolerance
        )
        if not path.success:
            raise DivergedError(
                f"the truth cannot be integrated from z = {np.round(start, 3)} with tolerance={tolerance:g} "
                f"({path.message}); choose starts that stay apart"
            )
        found.append(path.y.T)
    return np.stack(found)


@dataclass(frozen=True, kw_only=True)
class MechanicsSolver(Solver):
    """dz/dt = J ∇H(z) from z0: classical Runge–Kutta, or the flow that made the truth.

    `truth` is the name of that last cost point, `times` are the output times. Rates are those at the observed
    states: exact there, but not at the states without noise, which nobody is told.
    """

    rate: Rate
    flow: Flow
    truth: str
    times: tuple[float, ...]

    @property
    def costs(self) -> Mapping[str, Mapping[str, Any]]:
        """Runge–Kutta with 1 to 32 steps from frame to frame, then the truth's own way."""
        return {**{f"RK4, {n} steps a frame": {"steps": n} for n in STEPS}, self.truth: {"steps": 0}}

    def solve(self, inputs: xr.Dataset, *, device: str = "cpu", **knobs: Any) -> xr.Dataset:  # noqa: ARG002
        """Return the rollout and the rates; `knobs`: steps, 0 for the truth's own way. Runs on the CPU."""
        starts = inputs["z0"].transpose("sample", COMPONENT).to_numpy()
        observed = inputs["z_observed"].transpose("sample", "observation", COMPONENT).to_numpy()
        times = np.array(self.times)
        steps = knobs["steps"]
        z = runge_kutta(self.rate, starts, times, steps) if steps else self.flow(starts, times)
        return labelled([RATE, STATE], {"rate": self.rate(observed), "z": z}, {"time": times})


@dataclass(frozen=True, kw_only=True)
class MechanicsDataset(Dataset):
    """Two trajectories a sample: one is observed with its rates, the other is to be predicted from its start.

    `observations` states at equal intervals of [0, `span`] are observed with Gaussian noise of standard deviation
    `noise` in each component; their rates dz/dt are those without noise. The rollout has its own start, without
    noise, and is given at `frames` equally spaced times up to `horizon`.
    """

    samples: int = 40
    observations: int = 30
    span: float = 3.0
    noise: float = 0.1
    frames: int = 100
    horizon: float = 20.0

    @property
    def times(self) -> np.ndarray:
        """The output times of the rollout; z0 is the state at time 0."""
        return self.horizon * np.arange(1, self.frames + 1) / self.frames

    @abstractmethod
    def starts(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Draw the start of the observed trajectory and that of the rollout, each (2d,)."""

    @abstractmethod
    def rate(self, z: np.ndarray) -> np.ndarray:
        """Return dz/dt of states (…, 2d)."""

    @abstractmethod
    def flow(self, starts: np.ndarray, times: np.ndarray) -> np.ndarray:
        """Return the true states (n, T, 2d) at `times` ≥ 0, t = 0 at the start."""

    def generate(self, seed: int, samples: Sequence[int], *, device: str = "cpu") -> xr.Dataset:  # noqa: ARG002
        """Return `z0`, `z_observed`, `rate` and `z` of the given samples."""
        self._check()
        draws = [self._draw(np.random.default_rng([seed, i])) for i in samples]
        first, start, noise = (np.stack(part) for part in zip(*draws, strict=True))
        when = np.linspace(0.0, self.span, self.observations)
        clean = self.flow(first, when)
        arrays = {
            "z0": start,
            "z_observed": clean + self.noise * noise,
            "rate": self.rate(clean),
            "z": self.flow(start, self.times),
        }
        data = labelled([START, OBSERVED, RATE, STATE], arrays, {"time": self.times})
        meaning = {"units": "1", "long_name": "time of the observation", "symbol": "t"}
        return data.assign_coords(observation=("observation", when, meaning))

    def _draw(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        first, start = self.starts(rng)
        return first, start, rng.standard_normal((self.observations, len(start)))

    def _check(self) -> None:
        for name, least in (("observations", 2), ("frames", 1)):
            if getattr(self, name) < least:
                raise UsageError(f"{name} is {getattr(self, name)}, but must be at least {least}")
        for name in ("span", "horizon"):
            if not getattr(self, name) > 0:
                raise UsageError(f"{name} is {getattr(self, name)}, but must be positive")
        if self.noise < 0:
            raise UsageError(f"noise is {self.noise}, but must not be negative")
