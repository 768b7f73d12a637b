"""Running the contract on a method or a dataset, check by check, and saying how each ended."""

import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import xarray as xr

from ..errors import ContractError, SciMLBenchError, UnknownNameError, UsageError
from ..method.contract import Method
from ..problem import Dataset
from ..raised import told
from ..registry import build_method, dataset_at, dataset_class, method_class, why_not
from .benches import benches, made
from .dataset_checks import DATASET_CHECKS
from .method_checks import METHOD_CHECKS, WITHOUT_A_FIT, Bench, predicts_what_was_declared

Ending = Literal["passed", "failed", "declared", "not reached"]


@dataclass(frozen=True)
class Outcome:
    """How one check ended.

    `declared`: it failed, and the class says that it does and why. `not reached`: it needs a predictor, and there is none, or it
    stops at what an earlier check has told in the same words.
    """

    check: str
    promise: str
    subject: str
    ending: Ending
    sentence: str = ""


class Here:
    """Where checks run: in this process, with data that are made in it."""

    refusal = ""
    """What is said behind a PermissionError."""

    def data(self, dataset: str) -> xr.Dataset:
        """Return the little data of a dataset on which a method is tried."""
        return made(dataset)

    def begin(self, check: Outcome) -> None:
        """Take note of a check that begins."""


def method_outcomes(
    method: str | type[Method], datasets: Sequence[str] = (), here: Here | None = None
) -> Iterator[Outcome]:
    """Run every check of a method on one dataset of each shape that it applies to, or on those named.

    Raises UsageError if it does not apply to one that is named or declares that something fails which is no check,
    ContractError if it applies to none of the suite.
    """
    cls = method_class(method) if isinstance(method, str) else method
    _require_checks(cls, METHOD_CHECKS)
    for dataset in datasets:
        reason = why_not(build_method(cls, "smoke", {}, {}), dataset_at(dataset, "smoke").problem())
        if reason is not None:
            raise UsageError(f"{cls.__name__} does not apply to the dataset '{dataset}': {reason}")
    here, tried = here or Here(), False
    for dataset, bench in benches(cls, datasets, here.data):
        tried = True
        yield from _told_once(_of_bench(bench, dataset, here))
    if not tried:
        raise ContractError(
            f"{cls.__name__} applies to no dataset of the suite: check what its applies_to returns, or name one it is for"
        )


def dataset_outcomes(dataset: str | type[Dataset], here: Here | None = None) -> Iterator[Outcome]:
    """Run every check of a dataset. Raises UsageError if it declares that something fails which is no check."""
    cls = dataset_class(dataset) if isinstance(dataset, str) else dataset
    _require_checks(cls, DATASET_CHECKS)
    yield from _told_once(_outcome(check, cls, "", cls.known_failures, here or Here()) for check in DATASET_CHECKS)


def _of_bench(bench: Bench, dataset: str, here: Here) -> Iterator[Outcome]:
    """Yield the outcomes of one dataset."""
    for check in METHOD_CHECKS:
        if check in WITHOUT_A_FIT or check is predicts_what_was_declared or bench.works:
            yield _outcome(check, bench, dataset, bench.cls.known_failures, here)
        else:
            yield Outcome(check.__name__, _promise(check), dataset, "not reached", "It needs a fit that predicts.")


def _told_once(outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
    """Yield the outcomes of one subject; what fails with the sentence of an earlier one has got no further than that one."""
    told: dict[str, str] = {}
    for outcome in outcomes:
        first = told.setdefault(outcome.sentence, outcome.check) if outcome.ending == "failed" else outcome.check
        if first == outcome.check:
            yield outcome
        else:
            yield replace(outcome, ending="not reached", sentence=f"It stops where '{first}' does.")


def check_method(method: str | type[Method], *datasets: str) -> None:
    """Raise `ContractError` with all broken promises of a method: a name, a path of a file, or the class."""
    _raise(method_outcomes(method, datasets))


def check_dataset(dataset: str | type[Dataset]) -> None:
    """Raise `ContractError` with all broken promises of a dataset: a name, a path of a file, or the class."""
    _raise(dataset_outcomes(dataset))


def _require_checks(cls: type[Method] | type[Dataset], checks: Sequence[Callable[[Any], None]]) -> None:
    known = [check.__name__ for check in checks]
    for name in cls.known_failures:
        if name not in known:
            raise UnknownNameError("check", str(name), known, owner=f"known_failures of {cls.__name__}")


def _raise(outcomes: Iterable[Outcome]) -> None:
    failed = [o for o in outcomes if o.ending == "failed"]
    if failed:
        raise ContractError(
            "; ".join(f"{o.check}{f' on {o.subject}' if o.subject else ''}: {o.sentence}" for o in failed)
        )


def _promise(check: Callable[[Any], None]) -> str:
    return (inspect.getdoc(check) or "").partition("\n")[0]


def _outcome(check: Callable[[Any], None], given: Any, subject: str, known: Any, here: Here) -> Outcome:
    promise = _promise(check)
    reason = known.get(check.__name__)
    here.begin(Outcome(check.__name__, promise, subject, "not reached"))
    try:
        check(given)
    except SciMLBenchError as error:
        return _failed(check.__name__, promise, subject, reason, str(error))
    except (Exception, SystemExit) as error:
        more = f"; {here.refusal}" if here.refusal and isinstance(error, PermissionError) else ""
        return _failed(check.__name__, promise, subject, reason, f"it raised {told(error, more)}")
    if reason is not None:
        return Outcome(
            check.__name__,
            promise,
            subject,
            "failed",
            f"known_failures says that this fails ('{reason}'), but it passes: delete that entry",
        )
    return Outcome(check.__name__, promise, subject, "passed")


def _failed(name: str, promise: str, subject: str, reason: str | None, sentence: str) -> Outcome:
    if reason is not None:
        return Outcome(name, promise, subject, "declared", reason)
    return Outcome(name, promise, subject, "failed", sentence)
