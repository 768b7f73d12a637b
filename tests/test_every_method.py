"""The contract, on every file of `methods/` and one problem of each shape that it applies to."""

from functools import cache

import numpy as np
import pytest

from sciml_bench.problem import Problem
from sciml_bench.problem.samples import only, take
from sciml_bench.registry import build_method, dataset_class, dataset_names, method_class, method_names
from sciml_bench.testing import METHOD_CHECKS, Bench


def shape(problem: Problem) -> tuple[object, ...]:
    """Return what a method may care about: the kind of task, and how inputs and targets lie in space."""
    variables = (*problem.inputs, *problem.targets)
    ragged = any(v.ragged for v in variables)
    return problem.kind, len(problem.space), ragged, tuple(sorted({v.kind for v in problem.targets}))


@cache
def shapes() -> dict[tuple[object, ...], str]:
    """Return the first dataset of each shape."""
    found: dict[tuple[object, ...], str] = {}
    for name in dataset_names():
        found.setdefault(shape(dataset_class(name).tier("smoke").problem()), name)
    return found


@cache
def data_of(dataset: str):
    return dataset_class(dataset).tier("smoke").generate(1, range(24))


@cache
def bench(method: str, dataset: str) -> Bench:
    problem = dataset_class(dataset).tier("smoke").problem()
    cls, data = method_class(method), data_of(dataset)
    inputs = only(data, [v.name for v in problem.inputs])
    last = [16] if cls.card.per_instance else np.arange(16, 20)
    return Bench(cls, problem, take(data, np.arange(12)), take(data, np.arange(12, 16)), take(inputs, last))


def pairs() -> list[tuple[str, str]]:
    """Return each method with one dataset of each shape to which it applies."""
    found = []
    for method in method_names():
        built = build_method(method_class(method), "smoke", {}, {})
        for dataset in shapes().values():
            if built.applies_to(dataset_class(dataset).tier("smoke").problem()) is None:
                found.append((method, dataset))
    return found


@pytest.mark.parametrize("check", METHOD_CHECKS, ids=lambda c: c.__name__)
@pytest.mark.parametrize(("method", "dataset"), pairs(), ids="-".join)
def test_contract(method, dataset, check):
    check(bench(method, dataset))


@pytest.mark.parametrize("method", method_names())
def test_gives_a_reason_where_it_does_not_apply(method):
    built = build_method(method_class(method), "smoke", {}, {})
    for dataset in dataset_names():
        reason = built.applies_to(dataset_class(dataset).tier("smoke").problem())
        assert reason is None or (reason.strip().endswith(".") and len(reason) > 20), (dataset, reason)
