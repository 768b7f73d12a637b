"""How a problem is forecast: in one shot or step by step. No framework is imported here."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import xarray as xr

from ..errors import UsageError
from ..problem import HISTORY, TIME, Problem, Variable

Forecast = Literal["auto", "direct", "autoregressive"]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Step by step: from the frames in `initial`, `steps` times on, with `static` inputs held fixed."""

    initial: tuple[Variable, ...]
    static: tuple[Variable, ...]
    steps: int


def plan(problem: Problem, data: xr.Dataset, forecast: Forecast) -> Plan | None:
    """Return the plan of an autoregressive forecast, or None for a direct one.

    "auto" is autoregressive where the given history has several frames and the output times continue them
    evenly. "autoregressive" raises `UsageError` where that cannot be done: no given state, or uneven output
    times.
    """
    if forecast == "direct":
        return None
    reason = _why_not_steps(problem, data)
    if forecast == "autoregressive" and reason:
        raise UsageError(f"forecast is 'autoregressive', but {reason}; use 'direct'")
    if reason or (forecast == "auto" and data.sizes.get(HISTORY, 1) < 2):
        return None
    names = tuple(str(v.initial) for v in problem.targets)
    return Plan(
        initial=tuple(problem.input(n) for n in names),
        static=tuple(v for v in problem.inputs if v.name not in names),
        steps=int(data.sizes[TIME]),
    )


def _why_not_steps(problem: Problem, data: xr.Dataset) -> str | None:
    if not problem.evolves:
        return "the targets do not evolve from a given state"
    initial = [problem.input(str(v.initial)) for v in problem.targets]
    if len({HISTORY in v.dims for v in initial}) > 1:
        return "only some of the given states have a history"
    for target, start in zip(problem.targets, initial, strict=True):
        if {*target.dims} - {TIME} != {*start.dims} - {HISTORY}:
            return f"'{target.name}' and its given state '{start.name}' differ in more than time"
    if TIME not in data.coords:
        return "the output times are not given"
    times = np.asarray(data[TIME].values, np.float64)
    if HISTORY in data.coords and HISTORY in initial[0].dims:
        times = np.concatenate([np.asarray(data[HISTORY].values, np.float64), times])
    elif HISTORY not in initial[0].dims:
        times = np.concatenate([[0.0], times])  # a state at the start is the one at time 0
    gaps = np.diff(times)
    if len(gaps) and not np.allclose(gaps, gaps[0], rtol=1e-6, atol=0):
        return "the output times do not continue the given ones evenly"
    return None
