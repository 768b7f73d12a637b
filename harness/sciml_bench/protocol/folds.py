"""K folds over independent units, each with a validation part taken from its training part."""

from dataclasses import dataclass

import numpy as np

from ..errors import UsageError

VALID_SHARE = 0.2


@dataclass(frozen=True)
class Split:
    """Sample indices of one fold. No unit stands in two parts."""

    train: np.ndarray
    valid: np.ndarray
    test: np.ndarray


def split(units: np.ndarray, folds: int, seed: int) -> list[Split]:
    """Split samples into `folds` folds.

    `units[i]` names the independent unit (trajectory, parameter group, molecule) that sample `i` belongs to; all samples of
    a unit stand in the same part. Units are permuted once by `seed`; fold k tests on the k-th of `folds` nearly equal runs,
    so that every unit is tested exactly once; of the other units, the first fifth is for validation.
    """
    names = np.unique(units)
    if folds < 2:
        raise UsageError(f"--folds is {folds}: cross-validation needs at least 2")
    if folds > len(names):
        raise UsageError(
            f"--folds is {folds} but the dataset has {len(names)} independent units; give at most {len(names)} folds"
        )
    if len(names) - -(-len(names) // folds) < 2:
        raise UsageError(
            f"{len(names)} independent units leave no training part with {folds} folds; more data is needed"
        )
    order = np.random.default_rng(seed).permutation(names)
    parts = np.array_split(order, folds)
    result = []
    for k in range(folds):
        rest = np.concatenate([p for j, p in enumerate(parts) if j != k])
        cut = max(1, round(VALID_SHARE * len(rest)))
        result.append(Split(_where(units, rest[cut:]), _where(units, rest[:cut]), _where(units, parts[k])))
    return result


def _where(units: np.ndarray, names: np.ndarray) -> np.ndarray:
    return np.flatnonzero(np.isin(units, names))
