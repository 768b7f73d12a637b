"""K folds over independent units, or over what follows in time, each with a validation part taken from its training part."""

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


def split(units: np.ndarray, folds: int, seed: int, strata: np.ndarray | None = None) -> list[Split]:
    """Split samples into `folds` folds.

    `units[i]` names the independent unit (trajectory, parameter group, molecule) that sample `i` belongs to; all samples of
    a unit stand in the same part. Units are permuted once by `seed`; fold k tests on the k-th of `folds` nearly equal runs,
    so that every unit is tested exactly once; of the other units, the first fifth is for validation.

    With `strata`, the class of each sample, units are dealt class by class (a unit belongs to the class of its first sample),
    so that each part holds each class in nearly the same share.
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
    if strata is None:
        parts = np.array_split(order, folds)
    else:
        dealt = _by_class(order, units, strata)
        parts = [dealt[k::folds] for k in range(folds)]
    result = []
    for k in range(folds):
        rest = np.concatenate([p for j, p in enumerate(parts) if j != k])
        cut = max(1, round(VALID_SHARE * len(rest)))
        if strata is None:
            valid, train = rest[:cut], rest[cut:]
        else:
            rest = _by_class(rest, units, strata)
            chosen = np.zeros(len(rest), bool)
            chosen[np.unique(np.linspace(0, len(rest) - 1, cut).round().astype(int))] = True
            valid, train = rest[chosen], rest[~chosen]
        result.append(Split(_where(units, train), _where(units, valid), _where(units, parts[k])))
    return result


def forward(places: np.ndarray, folds: int) -> list[Split]:
    """Split samples that follow each other in time into `folds` folds, none of which sees the future: forward chaining.

    `places[i]` is the place of sample `i` in time; samples of one place stay together. Their places are cut into `folds` + 1
    nearly equal runs; fold k tests on run k + 1 and trains on all that come before, the last fifth of which is for validation.
    The first run is never tested.
    """
    names = np.unique(places)
    if folds < 2:
        raise UsageError(f"--folds is {folds}: cross-validation needs at least 2")
    if len(names) < 2 * (folds + 1):
        raise UsageError(
            f"--folds is {folds} but the samples stand at {len(names)} places in time; so many folds that follow each other "
            f"take at least {2 * (folds + 1)}"
        )
    runs = np.array_split(names, folds + 1)
    result = []
    for k in range(folds):
        past = np.concatenate(runs[: k + 1])
        cut = max(1, round(VALID_SHARE * len(past)))
        result.append(Split(*(_where(places, part) for part in (past[:-cut], past[-cut:], runs[k + 1]))))
    return result


def _by_class(order: np.ndarray, units: np.ndarray, strata: np.ndarray) -> np.ndarray:
    """Return the units class by class, in their order within each."""
    first = {unit: strata[i] for i, unit in reversed(list(enumerate(units)))}
    return order[np.argsort([first[unit] for unit in order], kind="stable")]


def _where(units: np.ndarray, names: np.ndarray) -> np.ndarray:
    return np.flatnonzero(np.isin(units, names))
