"""What every method must do, on a small problem of its own kind. `check_method(cls, dataset)` raises the first broken promise."""

import pickle
from collections.abc import Callable
from dataclasses import FrozenInstanceError, dataclass, field, fields, is_dataclass
from functools import cached_property
from typing import Any

import numpy as np
import xarray as xr

from ..digest import of_arrays
from ..errors import ContractError, UnknownNameError
from ..method.contract import Method, Predictor
from ..problem import CLASS, MEMBER, Problem, Variable
from ..problem.samples import blocks, count, like, take
from ..protocol.budgets import BUDGETS
from ..registry import build_method


@dataclass
class Silent:
    """A log that keeps what it is told."""

    fractions: list[float] = field(default_factory=list)
    curves: dict[str, list[tuple[int, float]]] = field(default_factory=dict)
    facts: dict[str, float | str] = field(default_factory=dict)

    def progress(self, fraction: float, message: str = "") -> None:  # noqa: ARG002
        """Keep the fraction."""
        self.fractions.append(fraction)

    def curve(self, name: str, step: int, value: float) -> None:
        """Keep the point."""
        self.curves.setdefault(name, []).append((step, value))

    def fact(self, name: str, value: float | str) -> None:
        """Keep the fact."""
        self.facts[name] = value


@dataclass(frozen=True)
class Bench:
    """A problem with a little data, and the method fitted to it; `predictor` is fitted once and kept."""

    cls: type[Method]
    problem: Problem
    train: xr.Dataset
    valid: xr.Dataset
    inputs: xr.Dataset

    def fit(self, seed: int = 1, log: Silent | None = None) -> Predictor:
        """Fit the method at its smoke tier."""
        method = build_method(self.cls, "smoke", {}, {})
        return method.fit(
            self.train,
            self.valid,
            problem=self.problem,
            budget=BUDGETS["smoke"],
            seed=seed,
            device="cpu",
            log=log or Silent(),
        )

    @cached_property
    def predictor(self) -> Predictor:
        """The method fitted with the first seed."""
        return self.fit()


def card_is_complete(bench: Bench) -> None:
    """The card says what it is; a method of the literature names its source."""
    card = bench.cls.card
    for name in ("title", "summary", "description"):
        if not getattr(card, name).strip():
            raise ContractError(f"the card has no {name}: write one")
    if card.family not in ("baseline", "solver") and not card.sources:
        raise ContractError("the card names no source: add the paper that the method comes from")


def is_a_frozen_dataclass(bench: Bench) -> None:
    """Hyperparameters are fields with defaults; an unknown one is an error."""
    if not is_dataclass(bench.cls):
        raise ContractError("the class is not a dataclass: decorate it with @dataclass(frozen=True, kw_only=True)")
    method = bench.cls()
    for f in fields(bench.cls):
        try:
            setattr(method, f.name, None)
        except FrozenInstanceError:
            continue
        raise ContractError(f"the field '{f.name}' can be changed: use @dataclass(frozen=True)")
    try:
        build_method(bench.cls, "smoke", {}, {"no_such_hyperparameter": 1})
    except UnknownNameError:
        return
    raise ContractError("an unknown hyperparameter is accepted")


def leaves_its_data_as_they_are(bench: Bench) -> None:
    """Neither fit nor predict changes what it is given."""
    before = [of_arrays(d) for d in (bench.train, bench.valid, bench.inputs)]
    bench.fit()(bench.inputs)  # anew, so that the comparison spans the fit
    if [of_arrays(d) for d in (bench.train, bench.valid, bench.inputs)] != before:
        raise ContractError("fit or predict changed its input arrays: copy before writing")


def repeats_itself(bench: Bench) -> None:
    """The same seed gives the same bytes."""
    first, again = (_arrays(bench, p(bench.inputs)) for p in (bench.predictor, bench.fit()))
    if any(not np.array_equal(a, b) for a, b in zip(first, again, strict=True)):
        raise ContractError("the same seed gave different predictions: derive all randomness from `seed`")


def predicts_what_was_declared(bench: Bench) -> None:
    """Every target is there with its dimensions, finite, one for each input."""
    answer = bench.predictor(bench.inputs)
    for v in bench.problem.targets:
        dims = {str(d) for d in answer[v.name].dims} - {MEMBER}
        expected = (*v.stored, *((CLASS,) if v.kind == "label" else ()))
        unit = v.stored[0]
        if dims != set(expected) or answer[v.name].sizes[unit] != bench.inputs.sizes[unit]:
            raise ContractError(f"the prediction of '{v.name}' has {dict(answer[v.name].sizes)}: expected {expected}")
        if not np.isfinite(answer[v.name].values).all():
            raise ContractError(f"the prediction of '{v.name}' is not finite")


def is_indifferent_to_order_and_batch(bench: Bench) -> None:
    """A sample's prediction does not depend on its place or its companions, to single precision."""
    predict = bench.predictor
    last = count(bench.inputs) - 1
    whole = predict(bench.inputs)
    orders = [range(last, -1, -1), *([] if bench.cls.card.per_instance else [[min(1, last)]])]
    for order in orders:
        inputs = take(bench.inputs, order)
        mine, other = take(like(whole, bench.inputs), order), predict(inputs)
        for v in bench.problem.targets:
            apart = _apart(v, mine, like(other, inputs))
            if apart > 1e-4:
                raise ContractError(
                    f"predictions of '{v.name}' depend on order or batch (by {apart:.1e} of their scale)"
                )


def _apart(variable: Variable, mine: xr.Dataset, other: xr.Dataset) -> float:
    """Return the largest difference of two predictions, as a share of their scale."""
    a, b = mine[variable.name], other[variable.name]
    pairs = zip(blocks(mine, a), blocks(other, b.transpose(*a.dims)), strict=True)
    scale = float(np.abs(a.values).max()) or 1.0
    return max(float(np.abs(p.values - q.values).max()) for p, q in pairs) / scale


def can_be_kept(bench: Bench) -> None:
    """The predictor survives pickling: that is its checkpoint."""
    predict = bench.predictor
    kept = pickle.loads(pickle.dumps(predict))
    first, again = _arrays(bench, predict(bench.inputs)), _arrays(bench, kept(bench.inputs))
    if any(not np.array_equal(a, b) for a, b in zip(first, again, strict=True)):
        raise ContractError("a predictor read back from its checkpoint predicts something else")


def _arrays(bench: Bench, answer: xr.Dataset) -> list[Any]:
    return [answer[v.name].values for v in bench.problem.targets]


METHOD_CHECKS: tuple[Callable[[Bench], None], ...] = (
    card_is_complete,
    is_a_frozen_dataclass,
    leaves_its_data_as_they_are,
    repeats_itself,
    predicts_what_was_declared,
    is_indifferent_to_order_and_batch,
    can_be_kept,
)


def check_method(bench: Bench) -> None:
    """Run every check."""
    for check in METHOD_CHECKS:
        check(bench)
