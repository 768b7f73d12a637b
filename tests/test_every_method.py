"""The contract, on every file of `methods/` and every kind of problem that it applies to."""

from functools import cache

import numpy as np
import pytest

from sciml_bench.problem.samples import take
from sciml_bench.registry import build_method, dataset_class, dataset_names, method_class, method_names
from sciml_bench.testing import METHOD_CHECKS, Bench


@cache
def data_of(dataset: str):
    return dataset_class(dataset).tier("smoke").generate(1, range(12))


def bench(method: str, dataset: str) -> Bench:
    problem = dataset_class(dataset).tier("smoke").problem()
    cls = method_class(method)
    reason = build_method(cls, "smoke", {}, {}).applies_to(problem)
    if reason is not None:
        pytest.skip(reason)
    data = data_of(dataset)
    inputs = data[[v.name for v in problem.inputs]]
    return Bench(cls, problem, take(data, np.arange(6)), take(data, [6, 7]), take(inputs, np.arange(8, 12)))


@pytest.mark.parametrize("check", METHOD_CHECKS, ids=lambda c: c.__name__)
@pytest.mark.parametrize("dataset", dataset_names())
@pytest.mark.parametrize("method", method_names())
def test_contract(method, dataset, check):
    check(bench(method, dataset))
