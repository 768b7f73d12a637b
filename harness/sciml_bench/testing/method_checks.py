"""What every method must do, on a small problem of its own kind. Each raises the broken promise as a sentence."""

import ast
import inspect
import pickle
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import FrozenInstanceError, dataclass, field, fields, is_dataclass
from functools import cached_property
from types import FrameType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import numpy as np
import xarray as xr

from .. import logged
from ..complaint import bare
from ..digest import of_arrays
from ..errors import ContractError, UnknownNameError, UsageError
from ..method.contract import Method, Predictor
from ..problem import RAGGED, Problem, Variable
from ..problem.samples import blocks, count, like, take
from ..protocol.budgets import BUDGETS
from ..raised import told
from ..registry import build_method
from ..running.checked import CheckedPredictor
from ..values import coerce
from .words import require_words

FRAMEWORKS = {
    "ase", "cantera", "deepxde", "diffrax", "e3nn", "equinox", "jax", "lightgbm", "lightning_fabric", "neuralop", "optax",
    "pandas", "sklearn", "tensorflow", "timm", "torch", "torch_geometric", "xgboost",
}  # fmt: skip
"""Modules that take a second or more to import."""
PATIENCE = 3
"""A fit is ended after so many times its budget."""


@dataclass
class Silent:
    """A log that keeps what it is told, and refuses what that of a run refuses."""

    fractions: list[float] = field(default_factory=list)
    curves: dict[str, list[tuple[int, float]]] = field(default_factory=dict)
    facts: dict[str, float | str] = field(default_factory=dict)

    def progress(self, fraction: float, message: str = "") -> None:  # noqa: ARG002
        """Keep the fraction."""
        self.fractions.append(logged.share(fraction))

    def curve(self, name: str, step: int, value: float) -> None:
        """Keep the point."""
        name, point = logged.point(name, step, value)
        self.curves.setdefault(name, []).append(point)

    def fact(self, name: str, value: float | str) -> None:
        """Keep the fact."""
        name, plain = logged.fact(name, value)
        self.facts[name] = plain


@contextmanager
def _ended_after(seconds: float) -> Iterator[None]:
    """End what takes longer, where the system and the thread allow it: a check that hangs says nothing."""
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(_number: int, _frame: FrameType | None) -> None:
        raise ContractError(
            f"a smoke fit with its predictions was ended after {seconds:g} s; its budget is {BUDGETS['smoke'].seconds:g} s: give "
            "`tiers` a smaller setting for smoke, and look for what waits for ever"
        )

    before, begun = signal.signal(signal.SIGALRM, end), time.monotonic()
    left, _ = signal.setitimer(signal.ITIMER_REAL, seconds)  # of a test's own limit, which is given back
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if left:
            signal.setitimer(signal.ITIMER_REAL, max(1e-3, left - (time.monotonic() - begun)))


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
    def _first(self) -> "Fitted | Exception | SystemExit":
        try:
            return self._fitted()
        except (Exception, SystemExit) as error:
            return error

    @property
    def first(self) -> "Fitted":
        """A fit with the first seed; raises what it raised, at every look at it."""
        if not isinstance(self._first, Fitted):
            raise self._first
        return self._first

    @property
    def works(self) -> bool:
        """Whether it can be fitted and its predictor be asked."""
        return isinstance(self._first, Fitted)

    @cached_property
    def again(self) -> "Fitted":
        """The same once more."""
        return self._fitted()

    @property
    def predictor(self) -> Predictor:
        """The predictor of the first fit."""
        return self.first.predictor

    def _fitted(self) -> "Fitted":
        data, log, begun = (self.train, self.valid, self.inputs), Silent(), time.perf_counter()
        before = [of_arrays(d) for d in data]
        with _ended_after(PATIENCE * BUDGETS["smoke"].seconds):
            predictor = CheckedPredictor.of(self.fit(log=log), self.problem)
            seconds = time.perf_counter() - begun
            answer = predictor(self.inputs)
        return Fitted(predictor.predictor, answer, log, seconds, [of_arrays(d) for d in data] == before)


@dataclass(frozen=True)
class Fitted:
    """A fit: its predictor, the answer to the bench's inputs, its log, its seconds, and whether it left its data alone."""

    predictor: Predictor
    answer: xr.Dataset
    log: Silent
    seconds: float
    left_alone: bool


def card_is_complete(bench: Bench) -> None:
    """Card and docstring say what it is, in words of its own; a method of the literature names its source."""
    card = bench.cls.card
    require_words(bench.cls)
    if card.family not in ("baseline", "solver") and not card.sources:
        raise ContractError("the card names no source: add the paper that the method comes from")


def is_a_frozen_dataclass(bench: Bench) -> None:
    """Hyperparameters are fields with defaults; an unknown one is an error."""
    if not is_dataclass(bench.cls):
        raise ContractError("the class is not a dataclass: decorate it with @dataclass(frozen=True, kw_only=True)")
    if said := bare(bench.cls, Method):
        raise ContractError("; ".join(said.values()))
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


def can_be_set(bench: Bench) -> None:
    """Every hyperparameter can be given on the command line, with --set."""
    hints = get_type_hints(bench.cls)
    for name in (f.name for f in fields(bench.cls)):  # type: ignore[arg-type]
        hint = hints[name]
        if not _is_read(name, hint):
            raise ContractError(
                f"the field '{name}' is of type {hint if get_args(hint) else getattr(hint, '__name__', hint)}, which "
                f"--set {name}=… cannot give: use a field of type int, float, bool, str or Literal[…] for each value, such as "
                "width and depth in place of layers, and put them together in fit"
            )


def _is_read(name: str, hint: Any) -> bool:
    """Whether some text of the command line is read as a value of this type, which is not of several values."""
    kinds = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    if any(get_origin(kind) not in (None, Literal) for kind in kinds):
        return False
    for text in ("1", "true", *(str(choice) for kind in kinds for choice in get_args(kind))):
        with suppress(UsageError, TypeError):
            coerce(name, text, hint)
            return True
    return False


def can_be_tuned(bench: Bench) -> None:
    """What tuning chooses from are values of hyperparameters, in order, and the small tier's own are among them."""
    small = build_method(bench.cls, "small", {}, {}).hyperparameters()
    for name, values in bench.cls.search.items():
        for value in values:
            build_method(bench.cls, "small", {}, {name: value})
        if len(set(values)) < 2 or list(values) != sorted(values):
            raise ContractError(f"`search` gives {values} for '{name}': expected two or more values in rising order")
        if small[name] not in values:
            raise ContractError(
                f"`search` gives {values} for '{name}' without {small[name]}, its value at the small tier: add it"
            )


def leaves_its_data_as_they_are(bench: Bench) -> None:
    """Neither fit nor predict changes what it is given."""
    if not (bench.first.left_alone and bench.again.left_alone):
        raise ContractError("fit or predict changed its input arrays: copy before writing")


def repeats_itself(bench: Bench) -> None:
    """The same seed gives the same bytes."""
    first, again = (_arrays(bench, fitted.answer) for fitted in (bench.first, bench.again))
    if any(not np.array_equal(a, b) for a, b in zip(first, again, strict=True)):
        raise ContractError("the same seed gave different predictions: derive all randomness from `seed`")


def predicts_what_was_declared(bench: Bench) -> None:
    """It can be fitted and asked, and every target is there with its dimensions, finite, one for each input."""
    answer = bench.first.answer
    for v in bench.problem.targets:
        for dim in (d for d in v.dims if d not in RAGGED):
            if answer[v.name].sizes[dim] != bench.train.sizes[dim]:
                raise ContractError(
                    f"the prediction of '{v.name}' has {answer[v.name].sizes[dim]} entries along '{dim}': expected "
                    f"{bench.train.sizes[dim]}, as in the training data"
                )


def is_indifferent_to_order_and_batch(bench: Bench) -> None:
    """A sample's prediction does not depend on its place or its companions, to single precision."""
    predict = bench.predictor
    last = count(bench.inputs) - 1
    whole = bench.first.answer
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


def keeps_its_budget(bench: Bench) -> None:
    """A smoke fit on a handful of samples takes seconds, so that a contributor can try it."""
    limit = BUDGETS["smoke"].seconds
    if bench.first.seconds > limit:
        raise ContractError(
            f"a smoke fit took {bench.first.seconds:.0f} s, its budget is {limit:g} s: give `tiers` a smaller setting for smoke"
        )


def reports_how_far_it_is(bench: Bench) -> None:
    """`fit` calls `log.progress` with growing fractions between 0 and 1."""
    log = bench.first.log
    if not log.fractions:
        raise ContractError("fit never called log.progress: call it with the fraction done, at least once at the end")
    if any(not 0 <= f <= 1 for f in log.fractions) or log.fractions != sorted(log.fractions):
        raise ContractError("log.progress was given fractions that shrink or leave 0 to 1")


def imports_no_framework(bench: Bench) -> None:
    """Importing the module imports no framework, so that listing stays instant."""
    source = inspect.getsource(sys.modules[bench.cls.__module__])
    names = set()
    for node in ast.parse(source).body:
        if isinstance(node, ast.Import):
            names |= {a.name.partition(".")[0] for a in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add((node.module or "").partition(".")[0])
    heavy = sorted(names & FRAMEWORKS)
    if heavy:
        raise ContractError(f"the module imports {', '.join(heavy)} at its top: import it inside fit")


def can_be_kept(bench: Bench) -> None:
    """The predictor survives pickling: that is its checkpoint."""
    predict = bench.predictor
    kept = pickle.loads(_pickled(predict, bench.cls))
    first, again = _arrays(bench, bench.first.answer), _arrays(bench, kept(bench.inputs))
    if any(not np.array_equal(a, b) for a, b in zip(first, again, strict=True)):
        raise ContractError("a predictor read back from its checkpoint predicts something else")


def _pickled(predict: Predictor, cls: type[Method]) -> bytes:
    try:
        return pickle.dumps(predict)
    except Exception as error:
        name = cls.__module__.rpartition(".")[2] if cls.__module__.startswith("sciml_bench.") else "<name>"
        apart = (
            f"; what needs {cls.card.framework} stands in a file of its own, methods/{name}/network.py beside "
            f"methods/{name}/__init__.py, which fit imports, or is built of the framework's own classes"
        )
        raise ContractError(
            f"the predictor cannot be pickled ({told(error)}): define the classes and functions that it holds at the top level of "
            f"the module, not inside a function{apart if cls.card.framework in FRAMEWORKS else ''}"
        ) from error


def _arrays(bench: Bench, answer: xr.Dataset) -> list[Any]:
    return [answer[v.name].values for v in bench.problem.targets]


WITHOUT_A_FIT = (card_is_complete, is_a_frozen_dataclass, can_be_set, can_be_tuned, imports_no_framework)
METHOD_CHECKS: tuple[Callable[[Bench], None], ...] = (
    *WITHOUT_A_FIT,
    predicts_what_was_declared,
    keeps_its_budget,
    reports_how_far_it_is,
    leaves_its_data_as_they_are,
    repeats_itself,
    is_indifferent_to_order_and_batch,
    can_be_kept,
)
