"""Between an `xr.Dataset` and the states and rates of a dynamical system. No framework is imported here.

What a problem offers is told from its variables, never from its name:

- the *state* is the target that evolves along `time` from a given start and lies neither in space nor on a
  graph: its remaining dimensions, flattened, are z;
- a *rate* is a target without time of the same dimensions as an input (the *observation*), both with the state's
  dimensions behind: it is dz/dt at the observed states. There is at most one such pair;
- z0 belongs to time 0, as for any target with a given start.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
import xarray as xr

from ..errors import UsageError
from ..problem import HISTORY, SAMPLE, TIME, Problem, Variable
from .template import Template

OptaxOptimizer = Literal["adamw", "sgd", "lion"]
RateSource = Literal["auto", "observations", "rollouts"]
"""Where rates are taken from: observed ones, or those of splines through the rollouts; "auto" prefers observed ones."""

SHAPES = (1, 16, 64)
"""Samples that are predicted together; fewer are filled up, so that few programs are compiled."""


def why_not_dynamics(problem: Problem) -> str | None:
    """Return None if the problem is a dynamical system as described above, else the reason why not, in a sentence."""
    state = state_of(problem)
    if problem.kind != "dynamics" or state is None:
        return "It learns dz/dt = f(z), but the targets are not the trajectory of a state that starts from a given one."
    for v in problem.targets:
        if v is not state and v is not _pair(problem)[0]:
            return f"It predicts states and their rates, but the target '{v.name}' is neither."
    known = {state.initial, *(v.name for v in _pair(problem) if v)}
    for v in problem.inputs:
        if v.name not in known:
            return f"It learns one system, but the input '{v.name}' may change it from sample to sample."
    return None


def why_not_canonical(problem: Problem) -> str | None:
    """Return None if the state is known to be (q, p), else the reason why not, in a sentence."""
    reason = why_not_dynamics(problem)
    if reason:
        return reason
    if problem.hamiltonian is None:
        return "It needs to know which components are positions and which momenta, and the problem does not say so."
    return None


def state_of(problem: Problem) -> Variable | None:
    """Return the target that is the trajectory of a state, None if there is none or there are several."""
    found = [v for v in problem.targets if v.steps and v.initial and not v.space and v.ragged is None]
    if len(found) != 1 or HISTORY in problem.input(str(found[0].initial)).dims:
        return None
    return found[0]


def _pair(problem: Problem) -> tuple[Variable | None, Variable | None]:
    """Return the target that is a rate, and the input at whose states it holds, or None twice."""
    state = state_of(problem)
    if state is None:
        return None, None
    behind = _state_dims(state)
    for target in problem.targets:
        for given in problem.inputs:
            like = target.dims == given.dims and target.dims[len(target.dims) - len(behind) :] == behind
            if like and not target.steps and given.name != state.initial:
                return target, given
    return None, None


def _state_dims(state: Variable) -> tuple[str, ...]:
    return tuple(d for d in state.dims if d != TIME)


@dataclass(frozen=True, kw_only=True)
class DynamicsCodec:
    """States as (sample, d), trajectories as (sample, T, d), observations and rates as (sample, m, d), in float64."""

    state: Variable
    rate: Variable | None
    observed: Variable | None
    template: Template
    times: np.ndarray
    size: int

    @classmethod
    def of(cls, problem: Problem, train: xr.Dataset) -> Self:
        """Return the codec of a problem for which `why_not_dynamics` is None."""
        state = state_of(problem)
        if state is None or TIME not in train.coords:
            raise UsageError(f"the problem '{problem.name}' gives no output times, which a rollout needs")
        rate, observed = _pair(problem)
        return cls(
            state=state,
            rate=rate,
            observed=observed,
            template=Template.of(problem, train),
            times=np.asarray(train[TIME].values, np.float64),
            size=int(np.prod([train.sizes[d] for d in _state_dims(state)])),
        )

    def starts(self, data: xr.Dataset) -> np.ndarray:
        """Return z(0), (sample, d)."""
        return self._values(data, str(self.state.initial), _state_dims(self.state), ())

    def trajectories(self, data: xr.Dataset) -> np.ndarray:
        """Return z at time 0 and at the output times, (sample, 1 + T, d)."""
        frames = self._values(data, self.state.name, (TIME, *_state_dims(self.state)), (len(self.times),))
        return np.concatenate([self.starts(data)[:, None], frames], axis=1)

    def observations(self, data: xr.Dataset) -> np.ndarray:
        """Return the observed states, (sample, m, d); none if the problem has no observations."""
        return self._points(data, self.observed)

    def rates(self, data: xr.Dataset) -> np.ndarray:
        """Return the rates at the observed states, (sample, m, d)."""
        return self._points(data, self.rate)

    def decode(self, z: np.ndarray, rates: np.ndarray, inputs: xr.Dataset) -> xr.Dataset:
        """Return trajectories (sample, T, d), and rates (sample, m, d) where there are such, as targets."""
        shape = tuple(self.template.sizes[d] for d in _state_dims(self.state))
        arrays = {self.state.name: z.reshape(*z.shape[:2], *shape)}
        if self.rate is not None:
            arrays[self.rate.name] = rates.reshape(len(rates), *(inputs.sizes[d] for d in self.rate.dims))
        return self.template.dress(arrays, inputs)

    def pairs(self, data: xr.Dataset, source: RateSource) -> tuple[np.ndarray, np.ndarray]:
        """Return states and their rates, each (points, d), from the observations or along the rollouts.

        Along a rollout the rate is the derivative of the interpolating spline of degree 5 (less for fewer points):
        its error falls with the fifth power of the output interval.
        """
        if source == "observations" and self.rate is None:
            raise UsageError("learn_from is 'observations', but the problem observes no rates; use 'rollouts'")
        if self.rate is not None and source != "rollouts":
            z, rates = self.observations(data), self.rates(data)
        else:
            z = self.trajectories(data)
            rates = spline_rates(np.concatenate([[0.0], self.times]), z)
        return z.reshape(-1, self.size), rates.reshape(-1, self.size)

    def _points(self, data: xr.Dataset, variable: Variable | None) -> np.ndarray:
        if variable is None:
            return np.empty((data.sizes[SAMPLE], 0, self.size))
        return self._values(data, variable.name, variable.dims, (-1,))

    def _values(self, data: xr.Dataset, name: str, dims: tuple[str, ...], front: tuple[int, ...]) -> np.ndarray:
        values = data[name].transpose(SAMPLE, *dims).to_numpy().astype(np.float64)
        return values.reshape(len(values), *front, self.size)


def spline_rates(times: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Return dz/dt of trajectories (sample, T, d) at `times`, by the spline of degree 5 through all points."""
    from scipy.interpolate import make_interp_spline

    spline = make_interp_spline(times, z, k=min(5, len(times) - 1), axis=1)
    return np.asarray(spline.derivative()(times))


def in_chunks(function: Callable[[np.ndarray], Any], values: np.ndarray) -> np.ndarray:
    """Return `function` of `values`, applied to chunks along the first axis of one of few lengths."""
    size = next((s for s in SHAPES if len(values) <= s), SHAPES[-1])
    pieces = []
    for first in range(0, len(values), size):
        part = values[first : first + size]
        filled = np.concatenate([part, np.repeat(part[-1:], size - len(part), 0)])
        pieces.append(np.asarray(function(filled))[: len(part)])
    return np.concatenate(pieces)
