"""The Lorenz 1996 model: a ring of sites in weather-like chaos, forecast from its recent past."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, ClassVar, Self

import numpy as np
import xarray as xr

from sciml_bench.errors import DivergedError, UsageError
from sciml_bench.problem import Dataset, DatasetCard, Evolution, Problem, Source, Symmetry, Variable
from sciml_bench.problem.labels import labelled

SPIN_UP_STEP = 0.02
"""The step on the way to the attractor. Where that way ends is by definition a start, so that it is never refined."""

ORDERS = (2, 4)
"""The Runge–Kutta methods: Heun's and the classical one."""

PAST = Variable(
    name="past", dims=("history", "x"), description="given frames, the last of them at t = 0", symbol="X", periodic=True
)
FUTURE = Variable(
    name="future", dims=("time", "x"), description="frames that follow", symbol="X", initial="past", periodic=True
)


def tendency(x: np.ndarray, forcing: float) -> np.ndarray:
    """Return dXₖ/dt = (Xₖ₊₁ − Xₖ₋₂) Xₖ₋₁ − Xₖ + F for states (…, site)."""
    ring = np.concatenate([x[..., -2:], x, x[..., :1]], axis=-1)
    return np.asarray((ring[..., 3:] - ring[..., :-3]) * ring[..., 1:-2] - x + forcing)


def heun(x: np.ndarray, h: float, forcing: float) -> np.ndarray:
    """Return the state a step h later, by Heun's method of order 2."""
    a = tendency(x, forcing)
    return np.asarray(x + h / 2 * (a + tendency(x + h * a, forcing)))


def runge_kutta(x: np.ndarray, h: float, forcing: float) -> np.ndarray:
    """Return the state a step h later, by the classical method of order 4."""
    a = tendency(x, forcing)
    b = tendency(x + h / 2 * a, forcing)
    c = tendency(x + h / 2 * b, forcing)
    d = tendency(x + h * c, forcing)
    return np.asarray(x + h / 6 * (a + 2 * b + 2 * c + d))


def advanced(x: np.ndarray, h: float, steps: int, forcing: float, order: int = 4) -> np.ndarray:
    """Return the states (…, site) after `steps` steps of size h."""
    step = runge_kutta if order == 4 else heun
    for _ in range(steps):
        x = step(x, h, forcing)
    return x


def trajectory(
    x: np.ndarray, *, frames: int, interval: float, steps: int, forcing: float, order: int = 4
) -> np.ndarray:
    """Return the `frames` states (sample, frame, site) that follow `x` (sample, site), `steps` steps apart."""
    found = []
    for _ in range(frames):
        x = advanced(x, interval / steps, steps, forcing, order)
        found.append(x)
    return np.stack(found, axis=1)


def turn(data: xr.Dataset) -> xr.Dataset:
    """Turn the ring by a quarter, whole sites."""
    return data.roll(x=data.sizes["x"] // 4, roll_coords=False)


@dataclass(frozen=True, kw_only=True)
class Lorenz96Solver(Evolution):
    """dXₖ/dt = (Xₖ₊₁ − Xₖ₋₂) Xₖ₋₁ − Xₖ + F from the last given frame, by explicit Runge–Kutta steps.

    `steps` steps of order `order`, 2 or 4, lead from a frame to the next. All sites of all samples advance together; the
    arithmetic is elementwise, so that a sample's bytes do not depend on its companions.

    Source: Kutta 1901, Z. Math. Phys. 46, 435–453; Heun 1900, Z. Math. Phys. 45, 23–38.
    """

    forcing: float
    interval: float
    frames: int
    steps: int

    @property
    def costs(self) -> Mapping[str, Mapping[str, Any]]:
        """Heun with 1 to 4 steps a frame, then the classical method up to the truth's own number of steps."""
        counts = [n for n in (1, 2, 4, 8, 16, 32) if n < self.steps]
        points = [(2, 1), (2, 2), *((4, n) for n in counts), (4, self.steps)]
        return {self._name(order, n): {"order": order, "steps": n} for order, n in points}

    def _name(self, order: int, steps: int) -> str:
        return f"RK{order}, dt {self.interval / steps:.3g}"

    def solve(self, inputs: xr.Dataset, *, device: str = "cpu", **knobs: Any) -> xr.Dataset:  # noqa: ARG002
        """Return the frames that follow; `knobs`: order and steps (a frame). Runs on the CPU."""
        order, steps = knobs["order"], knobs["steps"]
        if order not in ORDERS or steps < 1:
            raise UsageError(f"order is {order} and steps {steps}: expected an order of 2 or 4 and at least one step")
        start = inputs["past"].transpose("sample", "history", "x").to_numpy()[:, -1]
        values = trajectory(
            start, frames=self.frames, interval=self.interval, steps=steps, forcing=self.forcing, order=order
        )
        axes = {"time": self.interval * np.arange(1, self.frames + 1), "x": inputs["x"].values}
        return labelled([FUTURE], {"future": values}, axes)

    def advance(self, state: xr.Dataset, *, device: str = "cpu") -> xr.Dataset:  # noqa: ARG002
        """Return the state one frame later, with the truth's own steps."""
        x = state["future"].transpose("sample", "x")
        values = advanced(x.to_numpy(), self.interval / self.steps, self.steps, self.forcing)
        return state.assign(future=x.copy(data=values))


@dataclass(frozen=True, kw_only=True)
class Lorenz96(Dataset):
    """dXₖ/dt = (Xₖ₊₁ − Xₖ₋₂) Xₖ₋₁ − Xₖ + F, k on a ring of `sites`.

    `forcing` is F. A start Xₖ = F + U(−1, 1) is left to itself for `spin_up` time units and is then on the attractor, unless
    that is 0. From there the truth runs with `steps` classical Runge–Kutta steps from one frame to the next, `interval`
    time units later: `given` frames are the past, `frames` the future.
    """

    card: ClassVar[DatasetCard] = DatasetCard(
        title="Lorenz 1996",
        kind="forecast",
        summary="chaos on a ring of 40 sites: from 20 frames of the past to the 40 that follow",
        description=(
            "The standard test of weather forecasting and data assimilation: a quantity on a circle of latitude, carried, "
            "damped and forced. At F = 8 the 40 sites are chaotic. A small error grows by a factor e in 0.6 time units "
            "(the leading Lyapunov exponent is 1.7), so that the forecast of 2 units spans three such times; one unit "
            "stands for five days of weather. The last given frame determines the future: what a method lacks is the rule, "
            "and the precision of one step. The rule is the same at every site and reaches only to near neighbours, which "
            "a method may use. Shifted test sets have weaker and stronger forcing, a ring of twice the sites, and "
            "starts that have not yet reached the attractor."
        ),
        sources=(
            Source(
                citation="E. N. Lorenz, Predictability: a problem partly solved, in Predictability of Weather and Climate "
                "(2006), first given at ECMWF in 1995",
                doi="10.1017/CBO9780511617652.004",
            ),
            Source(
                citation="E. N. Lorenz and K. A. Emanuel, Optimal sites for supplementary weather observations, "
                "J. Atmos. Sci. 55 (1998)",
                doi="10.1175/1520-0469(1998)055<0399:OSFSWO>2.0.CO;2",
            ),
        ),
    )
    version: ClassVar[int] = 1
    batch: ClassVar[int] = 256
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
        {
            "smoke": {"samples": 32, "given": 8, "frames": 12},
            "small": {},
            "full": {"samples": 4096},
        }
    )

    samples: int = 512
    sites: int = 40
    forcing: float = 8.0
    spin_up: float = 20.0
    interval: float = 0.05
    given: int = 20
    frames: int = 40
    steps: int = 32

    @property
    def solver(self) -> Lorenz96Solver:
        """The program that makes the truth."""
        return Lorenz96Solver(forcing=self.forcing, interval=self.interval, frames=self.frames, steps=self.steps)

    def problem(self) -> Problem:
        """Return what a method may know: the solver, and that all sites are alike."""
        return Problem(
            name="lorenz96",
            kind="forecast",
            inputs=(PAST,),
            targets=(FUTURE,),
            solver=self.solver,
            symmetries={"rotation": Symmetry(inputs=turn, targets=turn, description="turning the ring by a quarter")},
        )

    def generate(self, seed: int, samples: Sequence[int], *, device: str = "cpu") -> xr.Dataset:  # noqa: ARG002
        """Return `past` and `future` of the given samples."""
        self._check()
        draws = [np.random.default_rng([seed, i]).uniform(-1.0, 1.0, self.sites) for i in samples]
        start = advanced(self.forcing + np.stack(draws), SPIN_UP_STEP, round(self.spin_up / SPIN_UP_STEP), self.forcing)
        run = trajectory(
            start,
            frames=self.given - 1 + self.frames,
            interval=self.interval,
            steps=self.steps,
            forcing=self.forcing,
        )
        run = np.concatenate([start[:, None], run], axis=1)
        if not np.isfinite(run).all():
            raise DivergedError(
                f"the truth diverged with forcing={self.forcing:g} and {self.steps} steps a frame: double `steps`"
            )
        axes = {
            "history": self.interval * np.arange(1 - self.given, 1),
            "time": self.interval * np.arange(1, self.frames + 1),
            "x": np.arange(float(self.sites)),
        }
        return labelled([PAST, FUTURE], {"past": run[:, : self.given], "future": run[:, self.given :]}, axes)

    def _check(self) -> None:
        for name, least in (("sites", 4), ("given", 1), ("frames", 1), ("steps", 1), ("spin_up", 0)):
            if getattr(self, name) < least:
                raise UsageError(f"{name} is {getattr(self, name)}, but must be at least {least}")
        if not self.interval > 0:
            raise UsageError(f"interval is {self.interval}, but must be positive")

    def refined(self) -> Self:
        """Return the same problem with half the step, from the same starts."""
        return replace(self, steps=2 * self.steps)

    def shifts(self) -> Mapping[str, Self]:
        """Return weaker and stronger forcing, a ring of twice the sites, and starts that are off the attractor."""
        few = replace(self, samples=max(8, self.samples // 8))
        return {
            "weaker_forcing": replace(few, forcing=0.75 * self.forcing),
            "stronger_forcing": replace(few, forcing=1.25 * self.forcing),
            "more_sites": replace(few, sites=2 * self.sites),
            "off_attractor": replace(few, spin_up=0.0),
        }
