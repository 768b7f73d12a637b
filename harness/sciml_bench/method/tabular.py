"""Tables: samples as rows of numbers, and the models of one target after the other that a library fits to them.

Nothing here imports a framework.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol, Self, TypeVar

import numpy as np
import xarray as xr

from ..errors import UsageError
from ..problem import Problem
from .contract import Log
from .scaling import Standardizer
from .vectors import VectorCodec, why_not_vectors

MOST_OUTPUTS = 1000
"""A method with a model for each number fits at most so many."""

SMALL = 5000
"""A table of fewer rows is small."""

Choice = TypeVar("Choice")


class Model(Protocol):
    """Rows (sample, feature) → (sample, output): standardised numbers, or the probability of each class."""

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Return the answers of the rows."""


def why_not_a_table(problem: Problem, *, labels: bool = True) -> str | None:
    """Return None if each target is a class or a few numbers, else the reason why not, in a sentence.

    Inputs may be fields: they are flattened.
    """
    reason = why_not_vectors(problem, labels=labels)
    if reason is not None:
        return reason
    for v in problem.targets:
        if v.space or v.steps:
            return f"It fits a model to each predicted number, and the target '{v.name}' is a field with very many."
    return None


@dataclass(frozen=True, kw_only=True)
class Target:
    """One target to be learnt: rows `x` and answers `y` (sample, output) of the training part, and the validation part's.

    All numbers are standardised by the training part; of a class `y` is 1 at the true one and 0 elsewhere.
    """

    name: str
    label: bool
    x: np.ndarray
    y: np.ndarray
    valid_x: np.ndarray
    valid_y: np.ndarray
    number: int = 0
    total: int = 1
    """Its place among the targets and their number, for the progress."""

    @property
    def classes(self) -> np.ndarray:
        """The class number of each training sample."""
        return np.asarray(self.y.argmax(axis=1))

    def loss(self, model: Model) -> float:
        """⟨(p − y)²⟩ over the validation part; of a class, where p are probabilities, Brier's score over their number."""
        return float(((model(self.valid_x) - self.valid_y) ** 2).mean())


@dataclass(frozen=True, kw_only=True)
class Table:
    """Turns samples into standardised rows and answers, and answers into targets.

    Numbers of one field share their mean and spread, a scalar has its own. Statistics are those of the training part.
    """

    codec: VectorCodec
    inputs: Standardizer
    targets: tuple[Standardizer | None, ...]
    """One for each target; None for a class."""

    @classmethod
    def of(cls, problem: Problem, train: xr.Dataset) -> Self:
        """Return the table of a problem for which `why_not_vectors` is None."""
        codec = VectorCodec.of(problem, train)
        parts = codec.encode_inputs(train)
        groups = [i for i, part in enumerate(parts) for _ in range(part.shape[1])]
        targets = tuple(
            None if v.kind == "label" else Standardizer.fit(y, [0] * y.shape[1])
            for v, y in zip(problem.targets, codec.encode_targets(train), strict=True)
        )
        return cls(codec=codec, inputs=Standardizer.fit(np.hstack(parts), groups), targets=targets)

    def rows(self, data: xr.Dataset) -> np.ndarray:
        """Return the inputs as (sample, feature)."""
        return self.inputs.encode(np.hstack(self.codec.encode_inputs(data)))

    def answers(self, data: xr.Dataset) -> list[np.ndarray]:
        """Return each target as (sample, output)."""
        found = zip(self.codec.encode_targets(data), self.targets, strict=True)
        return [y if scale is None else scale.encode(y) for y, scale in found]

    def dress(self, answers: Iterable[np.ndarray], inputs: xr.Dataset) -> xr.Dataset:
        """Return the targets of the samples in `inputs` from standardised numbers and probabilities."""
        pairs = zip(answers, self.targets, strict=True)
        return self.codec.decode([y if scale is None else scale.decode(y) for y, scale in pairs], inputs)


@dataclass(frozen=True, kw_only=True)
class TablePredictor:
    """A model for each target."""

    table: Table
    models: tuple[Model, ...]

    def __call__(self, inputs: xr.Dataset) -> xr.Dataset:
        """Return the targets; `ContractError` on another grid than in training."""
        x = self.table.rows(inputs)
        return self.table.dress([model(x) for model in self.models], inputs)


def fit_targets(
    fit: Callable[[Target], Model], train: xr.Dataset, valid: xr.Dataset, *, problem: Problem
) -> TablePredictor:
    """Fit a model to each target and return their predictor."""
    table = Table.of(problem, train)
    return TablePredictor(table=table, models=tuple(fit(t) for t in targets_of(table, train, valid)))


def targets_of(table: Table, train: xr.Dataset, valid: xr.Dataset) -> list[Target]:
    """Return each target with the rows of both parts."""
    x, valid_x = table.rows(train), table.rows(valid)
    triples = list(zip(table.codec.template.targets, table.answers(train), table.answers(valid), strict=True))
    return [
        Target(
            name=v.name,
            label=v.kind == "label",
            x=x,
            y=y,
            valid_x=valid_x,
            valid_y=u,
            number=i,
            total=len(triples),
        )
        for i, (v, y, u) in enumerate(triples)
    ]


def choose(
    what: str, candidates: Iterable[Choice], build: Callable[[Choice], Model], target: Target, log: Log
) -> Model:
    """Return the model of the candidate with the least loss on the validation part, and note which one it was."""
    found = []
    tried = list(candidates)
    for i, candidate in enumerate(tried):
        model = build(candidate)
        found.append((target.loss(model), model))
        done = (target.number + (i + 1) / len(tried)) / target.total
        log.progress(done, f"{what} {candidate}, validation {found[-1][0]:.3g}")
    best = min(range(len(tried)), key=lambda i: found[i][0])
    log.fact(f"{what}/{target.name}", str(tried[best]))
    log.fact(f"valid_loss/{target.name}", found[best][0])
    return found[best][1]


@dataclass(frozen=True)
class Numbers:
    """A regressor of the scikit-learn kind."""

    model: Any

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Return its predictions, (sample, output)."""
        return np.asarray(self.model.predict(x), np.float64).reshape(len(x), -1)


@dataclass(frozen=True)
class Probabilities:
    """A classifier of the scikit-learn kind; a class that it has not met in training has the probability 0."""

    model: Any
    classes: int

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Return the probability of each class, (sample, class)."""
        return spread(self.model.predict_proba(x), self.model.classes_, self.classes)


@dataclass(frozen=True)
class Certain:
    """Predicts the only class that there was in training."""

    answer: np.ndarray

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Return the same answer for each row."""
        return np.tile(self.answer, (len(x), 1))


def spread(probabilities: np.ndarray, seen: np.ndarray, classes: int) -> np.ndarray:
    """Return probabilities of the classes `seen` as columns of all classes, rows adding up to 1 in double precision."""
    found = np.asarray(probabilities, np.float64)
    answer = np.zeros((len(found), classes))
    answer[:, seen] = found / found.sum(axis=1, keepdims=True)
    return answer


def check_outputs(target: Target) -> None:
    """Raise `UsageError` for a target of more numbers than a model each can be fitted to."""
    if target.y.shape[1] > MOST_OUTPUTS:
        raise UsageError(
            f"the target '{target.name}' has {target.y.shape[1]} numbers, and at most {MOST_OUTPUTS} can have a model each; "
            "use linear or mlp"
        )


def check_positive(method: Any, *names: str) -> None:
    """Raise `UsageError` unless the hyperparameters of these names are above zero."""
    for name in names:
        if not getattr(method, name) > 0:
            raise UsageError(f"{name} is {getattr(method, name)}, but must be above 0")


def check_share(method: Any, *names: str) -> None:
    """Raise `UsageError` unless the hyperparameters of these names are above 0 and at most 1."""
    for name in names:
        if not 0 < getattr(method, name) <= 1:
            raise UsageError(f"{name} is {getattr(method, name)}, but must be above 0 and at most 1")


def threads(rows: int) -> int:
    """Return how many threads to use for a table, where they can be chosen.

    As many as this process was allowed; one for a small table, where waking others takes longer than the work.
    """
    from threadpoolctl import threadpool_info

    if rows < SMALL:
        return 1
    return max((int(pool["num_threads"]) for pool in threadpool_info()), default=1)
