"""What boosting libraries share: a booster for each number, or one for the classes, and how they report."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from .contract import Log
from .tabular import Certain, Model, Target, check_outputs, choose, spread

POINTS = 200
"""Points of a logged curve, at most."""


@dataclass(frozen=True, kw_only=True)
class Rows:
    """What a booster is grown on: rows (sample, feature) and one answer each, a number or a class from 0 up."""

    x: np.ndarray
    y: np.ndarray
    valid_x: np.ndarray
    valid_y: np.ndarray
    classes: int
    """The number of classes; 0 for numbers."""


@dataclass(frozen=True, kw_only=True)
class Grown:
    """A booster: rows → (sample,) numbers or (sample, class) probabilities; the round that counts; the loss of each round."""

    predict: Callable[[np.ndarray], np.ndarray]
    best: int
    loss: Sequence[float]
    valid_loss: Sequence[float]


Grow = Callable[[int, Rows], Grown]
"""Grows trees of a size."""


def boost(what: str, sizes: Iterable[int], grow: Grow, target: Target, log: Log) -> Model:
    """Return the trees of that size, called `what`, that do best on the validation part, and log how they grew.

    There is a booster for each number of a target, or one for all its classes, each stopped by the validation part.
    """
    check_outputs(target)
    kind = _classes if target.label else _numbers
    model = choose(what, sizes, lambda size: kind(partial(grow, size), target), target, log)
    for grown in model.boosters if isinstance(model, Boosted) else ():
        _report(grown, log)
    return model


def _numbers(grow: Callable[[Rows], Grown], target: Target) -> Model:
    pairs = zip(target.y.T, target.valid_y.T, strict=True)
    rows = [Rows(x=target.x, y=y, valid_x=target.valid_x, valid_y=u, classes=0) for y, u in pairs]
    return Boosted(tuple(map(grow, rows)))


def _classes(grow: Callable[[Rows], Grown], target: Target) -> Model:
    """Classes that do not occur in training have no trees; validation samples of theirs tell nothing and are left out.

    Where none is left the training samples stand in.
    """
    seen = np.unique(target.classes)
    if len(seen) == 1:
        return Certain(target.y[0])
    known = np.isin(target.valid_y.argmax(axis=1), seen)
    valid_x, valid_y = (target.valid_x[known], target.valid_y[known]) if known.any() else (target.x, target.y)
    labels, valid = (np.searchsorted(seen, y.argmax(axis=1)) for y in (target.y, valid_y))
    rows = Rows(x=target.x, y=labels, valid_x=valid_x, valid_y=valid, classes=len(seen))
    return Boosted((grow(rows),), seen, target.y.shape[1])


def _report(grown: Grown, log: Log) -> None:
    curves: Mapping[str, Sequence[float]] = {"loss": grown.loss, "valid_loss": grown.valid_loss}
    for name, values in curves.items():
        for step in range(0, len(values), -(-len(values) // POINTS)):
            log.curve(name, step + 1, values[step])
    log.fact("best_round", grown.best)


@dataclass(frozen=True)
class Boosted:
    """A booster for each number, or one for all classes that were seen."""

    boosters: tuple[Grown, ...]
    seen: np.ndarray | None = None
    classes: int = 0

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Return the numbers, or the probabilities of the classes, (sample, output)."""
        found = [grown.predict(x) for grown in self.boosters]
        if self.seen is not None:
            return spread(found[0], self.seen, self.classes)
        return np.column_stack(found).astype(np.float64)
