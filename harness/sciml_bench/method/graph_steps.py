"""Forecasting on graphs step by step: pairs of successive states to learn from, and the rollout of what was learnt."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from ..problem import HISTORY, TIME, Problem
from ..problem.samples import join, only
from .contract import Predictor
from .template import Template


def one_step(problem: Problem, data: xr.Dataset) -> xr.Dataset:
    """Return every pair of successive states as a sample: the first as the given state, the next as target at a single time."""
    pairs = []
    inputs = only(data, [v.name for v in problem.inputs]).drop_vars(TIME, errors="ignore")
    for k in range(data.sizes[TIME]):
        states, after = {}, {}
        for target in problem.targets:
            path = data[target.name].drop_vars(TIME, errors="ignore")
            given = inputs[str(target.initial)]
            states[given.name] = given if k == 0 else _as_given(path.isel({TIME: k - 1}), given)
            after[target.name] = path.isel({TIME: [k]})
        pairs.append(inputs.assign(states | after))
    return join(pairs)


def _as_given(state: xr.DataArray, given: xr.DataArray) -> xr.DataArray:
    """Return a state in the form of the given one."""
    wide = state.expand_dims({HISTORY: 1}) if HISTORY in given.dims else state
    return given.copy(data=wide.transpose(*given.dims).values)


@dataclass(frozen=True, kw_only=True)
class GraphRollout:
    """Applies a predictor of the next state again and again, each time to what it gave before."""

    step: Predictor
    template: Template
    steps: int

    def __call__(self, inputs: xr.Dataset) -> xr.Dataset:
        """Return the targets at all output times."""
        state = inputs.drop_vars(TIME, errors="ignore")
        found: dict[str, list[np.ndarray]] = {v.name: [] for v in self.template.targets}
        for _ in range(self.steps):
            after = self.step(state)
            following: dict[Any, xr.DataArray] = {}
            for v in self.template.targets:
                last = after[v.name].isel({TIME: 0}, drop=True)
                found[v.name].append(last.transpose(*(d for d in v.dims if d != TIME)).values)
                following[v.initial] = _as_given(last, state[str(v.initial)])
            state = state.assign(following)
        arrays = {v.name: np.stack(found[v.name], v.dims.index(TIME)) for v in self.template.targets}
        return self.template.dress(arrays, inputs)
