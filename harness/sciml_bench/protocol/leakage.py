"""The leakage audit: the same unit, up to rounding, may not stand in two parts of a split."""

import hashlib

import numpy as np
import xarray as xr

from ..errors import LeakageError
from ..problem.samples import count, ragged_dims, take
from .folds import Split


def fingerprints(inputs: xr.Dataset) -> list[str]:
    """Return one digest a sample of its inputs, each variable rounded to six digits of its own scale."""
    if ragged_dims(inputs):
        return [_digest([v.values for v in take(inputs, [i]).data_vars.values()]) for i in range(count(inputs))]
    rounded = []
    for variable in inputs.data_vars.values():
        values = variable.transpose("sample", ...).values
        scale = float(np.abs(values).max()) or 1.0
        rounded.append(np.round(values / scale, 6) + 0.0)
    return [_digest([r[i] for r in rounded]) for i in range(count(inputs))]


def audit(marks: list[str], split: Split) -> None:
    """Raise if a sample of one part has a twin in another."""
    parts = {"training": split.train, "validation": split.valid, "test": split.test}
    owner: dict[str, tuple[str, int]] = {}
    for part, samples in parts.items():
        for i in samples:
            other = owner.setdefault(marks[i], (part, int(i)))
            if other[0] != part:
                raise LeakageError(
                    f"sample {other[1]} of the {other[0]} part and sample {int(i)} of the {part} part have the same inputs; "
                    "remove the duplicate, or name a group variable that keeps them in one part"
                )


def _digest(arrays: list[np.ndarray]) -> str:
    total = hashlib.sha256()
    for array in arrays:
        total.update(repr(array.shape).encode())
        total.update(np.ascontiguousarray(array).data)
    return total.hexdigest()
