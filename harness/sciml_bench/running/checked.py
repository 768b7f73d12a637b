"""A predictor whose wrong answers are noticed where they are made."""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from ..errors import ContractError, NotFiniteError
from ..method.contract import Predictor
from ..problem import CLASS, MEMBER, RAGGED, SAMPLE, Problem, Variable, levels_of


@dataclass
class CheckedPredictor:
    """A predictor whose answers are checked and whose time is counted."""

    predictor: Predictor
    problem: Problem
    seconds: float = 0.0

    @classmethod
    def of(cls, fitted: Any, problem: Problem) -> "CheckedPredictor":
        """Return what `fit` returned as such; raises ContractError if it cannot be called."""
        if not callable(fitted):
            raise ContractError(
                f"fit returned a {type(fitted).__name__}; expected a predictor that can be called with inputs"
            )
        return cls(fitted, problem)

    def __call__(self, inputs: xr.Dataset) -> xr.Dataset:
        """Return the checked targets of `inputs`."""
        begun = time.perf_counter()
        answer = self.predictor(inputs)
        self.seconds += time.perf_counter() - begun
        names = [v.name for v in self.problem.targets]
        if not isinstance(answer, xr.Dataset):
            raise ContractError(
                f"the predictor returned a {type(answer).__name__}; expected an xarray.Dataset of the targets"
            )
        missing = [n for n in names if n not in answer]
        if missing:
            held = ", ".join(map(str, answer.data_vars)) or "nothing"
            raise ContractError(f"the prediction lacks the target '{missing[0]}'; it holds {held}")
        for variable in self.problem.targets:
            _check_shape(answer[variable.name], variable, inputs)
            _refuse_nan(answer[variable.name])
        return answer[names]


def _check_shape(found: xr.DataArray, variable: Variable, inputs: xr.Dataset) -> None:
    dims = tuple(str(d) for d in found.dims if d != MEMBER)
    expected = (*variable.stored, *((CLASS,) if variable.kind == "label" else ()))
    if set(dims) != set(expected):
        raise ContractError(f"the prediction of '{variable.name}' has the dimensions {dims}; expected {expected}")
    for dim in expected:
        known = inputs.sizes.get(dim)
        if known is not None and found.sizes[dim] != known:
            raise ContractError(
                f"the prediction of '{variable.name}' has the length {found.sizes[dim]} along '{dim}'; its inputs have {known}"
            )
    if found.sizes.get(MEMBER, 2) < 2:
        raise ContractError(
            f"the prediction of '{variable.name}' has {found.sizes[MEMBER]} entries along '{MEMBER}': a distribution takes at "
            "least 2; leave the dimension out where there is one prediction"
        )
    levels_of(found)


def _refuse_nan(found: xr.DataArray) -> None:
    if found.dtype.kind not in "fiub":
        raise ContractError(f"the prediction of '{found.name}' has the type {found.dtype}; expected real numbers")
    bad = ~np.isfinite(found.values)
    if bad.any():
        unit = next(d for d in (SAMPLE, *RAGGED) if d in found.dims)
        hit = int(np.moveaxis(bad, found.dims.index(unit), 0).reshape(found.sizes[unit], -1).any(1).sum())
        raise NotFiniteError(
            f"the prediction of '{found.name}' holds {int(bad.sum())} values of {bad.size} that are NaN or infinite, "
            f"in {hit} of {found.sizes[unit]} {unit}s"
        )
