"""What boosting libraries share: a booster for each number, or one for the classes, and how they report."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .contract import Log
from .tabular import Certain, Model, Target, check_outputs, spread

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


Grow = Callable[[Rows], Grown]


def boost(grow: Grow, target: Target, log: Log) -> Model:
    """Grow a booster for each number of a target, or one for all its classes, stopped by the validation part."""
    check_outputs(target)
    if target.label:
        return _classes(grow, target, log)
    found = []
    for k in range(target.y.shape[1]):
        rows = Rows(x=target.x, y=target.y[:, k], valid_x=target.valid_x, valid_y=target.valid_y[:, k], classes=0)
        found.append(_grown(grow, rows, log, (k + 1) / target.y.shape[1]))
    return BoostedNumbers(tuple(found))


def _classes(grow: Grow, target: Target, log: Log) -> Model:
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
    return BoostedClasses(_grown(grow, rows, log, 1.0), seen, target.y.shape[1])


def _grown(grow: Grow, rows: Rows, log: Log, done: float) -> Callable[[np.ndarray], np.ndarray]:
    grown = grow(rows)
    curves: Mapping[str, Sequence[float]] = {"loss": grown.loss, "valid_loss": grown.valid_loss}
    for name, values in curves.items():
        for step in range(0, len(values), -(-len(values) // POINTS)):
            log.curve(name, step + 1, values[step])
    log.fact("best_round", grown.best)
    log.progress(done, f"best after {grown.best} rounds, validation {min(grown.valid_loss):.3g}")
    return grown.predict


@dataclass(frozen=True)
class BoostedNumbers:
    """A booster for each number."""

    boosters: tuple[Callable[[np.ndarray], np.ndarray], ...]

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Return the numbers, (sample, output)."""
        return np.column_stack([predict(x) for predict in self.boosters]).astype(np.float64)


@dataclass(frozen=True)
class BoostedClasses:
    """One booster for all classes that were seen."""

    booster: Callable[[np.ndarray], np.ndarray]
    seen: np.ndarray
    classes: int

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Return the probabilities, (sample, class)."""
        return spread(self.booster(x), self.seen, self.classes)
