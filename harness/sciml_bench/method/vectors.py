"""Between an `xr.Dataset` and plain matrices (sample, feature), for methods that know nothing of space."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
import xarray as xr

from ..errors import ContractError
from ..problem import SAMPLE, Problem, Variable
from .template import Template, samples_of


def why_not_vectors(problem: Problem, *, labels: bool = False) -> str | None:
    """Return None if every sample is a vector of one length, else the reason why not, in a sentence.

    `labels` allows targets that are class labels.
    """
    for v in (*problem.inputs, *problem.targets):
        loose = [d for d in v.dims if d in ("node", "edge")]
        if loose:
            return (
                f"It needs samples of one size, but '{v.name}' lives on the {loose[0]}s of meshes or "
                "graphs that may differ."
            )
    for v in problem.targets:
        if v.kind == "label" and not labels:
            return f"It predicts numbers, but the target '{v.name}' is a class label."
    return None


@dataclass(frozen=True, kw_only=True)
class VectorCodec:
    """Flattens all inputs, and all targets, to one float64 vector a sample, and dresses such vectors as
    targets again. A label becomes a vector of zeros with a 1 at its class; a vector of probabilities stands for it.
    """

    inputs: tuple[Variable, ...]
    shapes: Mapping[str, tuple[int, ...]]
    template: Template

    @classmethod
    def of(cls, problem: Problem, train: xr.Dataset) -> Self:
        """Return the codec of a problem for which `why_not_vectors` is None."""
        shapes = {v.name: tuple(int(train.sizes[d]) for d in v.dims) for v in problem.inputs}
        return cls(inputs=problem.inputs, shapes=shapes, template=Template.of(problem, train))

    def encode_inputs(self, data: xr.Dataset) -> list[np.ndarray]:
        """Return each input as (sample, feature); `ContractError` if its shape is not that of the training
        data.
        """
        for v in self.inputs:
            shape = tuple(int(data.sizes[d]) for d in v.dims)
            if shape != self.shapes[v.name]:
                raise ContractError(
                    f"the input '{v.name}' has the shape {shape} here and had {self.shapes[v.name]} in "
                    "training; "
                    "this method works only on the grid that it was trained on"
                )
        return [_flat(data, v) for v in self.inputs]

    def encode_targets(self, data: xr.Dataset) -> list[np.ndarray]:
        """Return each target as (sample, feature)."""
        return [_one_hot(data, v) if v.kind == "label" else _flat(data, v) for v in self.template.targets]

    def decode(self, vectors: list[np.ndarray], inputs: xr.Dataset) -> xr.Dataset:
        """Return the targets of the samples in `inputs` from one (sample, feature) matrix for each."""
        pairs = zip(self.template.targets, vectors, strict=True)
        arrays = {v.name: m.reshape(len(m), *self.template.shape(v)) for v, m in pairs}
        return self.template.dress(arrays, inputs)


def _one_hot(data: xr.Dataset, variable: Variable) -> np.ndarray:
    return np.eye(len(variable.classes))[data[variable.name].to_numpy()]


def _flat(data: xr.Dataset, variable: Variable) -> np.ndarray:
    values = data[variable.name].transpose(SAMPLE, *variable.dims).to_numpy()
    return values.astype(np.float64).reshape(samples_of(data), -1)
