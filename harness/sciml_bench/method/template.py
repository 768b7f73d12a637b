"""What a method remembers of the targets' layout, to dress bare arrays as the `xr.Dataset` that a predictor
returns.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
import xarray as xr

from ..errors import ContractError
from ..problem import CLASS, RAGGED, SAMPLE, TIME, Problem, Variable
from ..problem.samples import count


@dataclass(frozen=True, kw_only=True)
class Template:
    """The targets' dimensions, sizes, coordinates and attributes, taken from training data; no values.

    `sizes` and `coordinates` are those of the training data. Space may differ at prediction (a finer grid),
    so `dress` takes the coordinates of space from the inputs wherever these have them.
    """

    targets: tuple[Variable, ...]
    sizes: Mapping[str, int]
    coordinates: Mapping[str, xr.Variable]
    attributes: Mapping[str, Mapping[str, str]]

    @classmethod
    def of(cls, problem: Problem, train: xr.Dataset) -> Self:
        """Remember the layout of the targets in `train`."""
        dims = list(dict.fromkeys(d for v in problem.targets for d in v.dims))
        return cls(
            targets=problem.targets,
            sizes={d: int(train.sizes[d]) for d in dims if d not in RAGGED},
            coordinates={d: train[d].variable.copy() for d in dims if d in train.coords},
            attributes={v.name: dict(train[v.name].attrs) for v in problem.targets},
        )

    def shape(self, target: Variable) -> tuple[int, ...]:
        """Return the training data's shape of one sample of `target`: of a label the number of its classes."""
        if target.kind == "label":
            return (len(target.classes),)
        return tuple(self.sizes[d] for d in target.dims)

    def dress(self, arrays: Mapping[str, np.ndarray], inputs: xr.Dataset) -> xr.Dataset:
        """Return `arrays`, each (sample, *dims of its target), as float64 targets of the samples in `inputs`.

        Of a mesh or graph an array is (node, …), samples one behind the other; of a label (sample, class).
        The coordinates of time are the training data's, all others those of the inputs where these have them.
        """
        variables = {
            v.name: (_dims(v), np.asarray(arrays[v.name], np.float64), self.attributes[v.name]) for v in self.targets
        }
        result = xr.Dataset(variables)
        for dim, size in result.sizes.items():
            ours = self.coordinates.get(str(dim))
            if dim in inputs.coords and dim != TIME:
                result = result.assign_coords({dim: inputs[dim].variable})
            elif ours is not None and ours.size == size:
                result = result.assign_coords({dim: ours})
        return result

    def require_grid(self, inputs: xr.Dataset, method: str) -> None:
        """Raise `ContractError` if `inputs` lie on another grid than the training data."""
        for dim in {d for v in self.targets for d in v.space if d not in RAGGED}:
            if dim in inputs.sizes and inputs.sizes[dim] != self.sizes[dim]:
                raise ContractError(
                    f"{method} predicts only on the grid that it was trained on: '{dim}' has "
                    f"{inputs.sizes[dim]} points "
                    f"here and had {self.sizes[dim]} in training; use a method that works on any grid, "
                    "such as fno"
                )


def _dims(target: Variable) -> tuple[str, ...]:
    """Return the dimensions of a prediction of `target`."""
    return (SAMPLE, CLASS) if target.kind == "label" else target.stored


def samples_of(data: xr.Dataset) -> int:
    """Return the number of samples, refusing a dataset without any."""
    n = count(data)
    if n == 0:
        raise ContractError("a dataset without samples was given, but at least one is needed")
    return n
