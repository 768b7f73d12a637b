"""The leakage audit: the same unit, up to rounding, may not stand in two parts of a split."""

import hashlib
from collections.abc import Sequence

import numpy as np
import xarray as xr

from ..errors import LeakageError
from ..problem.samples import count, ragged_dims, take
from .folds import Split

DIGITS = 6


def fingerprints(inputs: xr.Dataset) -> list[str]:
    """Return one digest a sample of its inputs, each variable rounded to six digits of its largest value in that sample."""
    if ragged_dims(inputs):
        single = (take(inputs, [i]) for i in range(count(inputs)))
        return [_digest([part for v in one.data_vars.values() for part in _rounded(v.values[None])]) for one in single]
    rounded = [
        part for v in inputs.data_vars.values() for part in _rounded(np.asarray(v.transpose("sample", ...).values))
    ]
    return [_digest([part[i] for part in rounded]) for i in range(count(inputs))]


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


def _rounded(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the largest size among the values of each sample and all of them over it, both to six digits."""
    flat = values.reshape(len(values), -1).astype(np.float64)
    largest = np.abs(flat).max(axis=1, initial=0.0)
    mantissa, exponent = np.frexp(largest)
    scale = np.ldexp(np.round(mantissa, DIGITS), exponent)
    over = np.round(flat / np.where(scale > 0, scale, 1.0)[:, None], DIGITS) + 0.0  # no negative zero
    return scale, over.reshape(values.shape)


def _digest(arrays: Sequence[np.ndarray]) -> str:
    total = hashlib.sha256()
    for array in arrays:
        total.update(repr(array.shape).encode())
        total.update(np.ascontiguousarray(array).data)
    return total.hexdigest()
