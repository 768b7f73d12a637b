"""The contract, on every file of `methods/` and one problem of each shape that it applies to."""

from functools import cache

import pytest

from sciml_bench.registry import build_method, dataset_class, dataset_names, method_class, method_names
from sciml_bench.testing import METHOD_CHECKS, Bench
from sciml_bench.testing import benches as suite


@cache
def bench(method: str, dataset: str) -> Bench:
    return suite.bench(method, dataset)


def pairs():
    """Return each method with the datasets it is tried on; the checks of a pair share its fits, and so run in one process."""
    for method in method_names():
        for dataset in suite.fitting(method):
            yield pytest.param(
                method, dataset, marks=pytest.mark.xdist_group(f"{method} {dataset}"), id=f"{method}-{dataset}"
            )


@pytest.mark.parametrize("check", METHOD_CHECKS, ids=lambda c: c.__name__)
@pytest.mark.parametrize(("method", "dataset"), list(pairs()))
def test_contract(method, dataset, check):
    reason = method_class(method).known_failures.get(check.__name__)
    if reason is not None:
        pytest.xfail(reason)
    check(bench(method, dataset))


@pytest.mark.parametrize("method", method_names())
def test_gives_a_reason_where_it_does_not_apply(method):
    built = build_method(method_class(method), "smoke", {}, {})
    for dataset in dataset_names():
        reason = built.applies_to(dataset_class(dataset).tier("smoke").problem())
        assert reason is None or (reason.strip().endswith(".") and len(reason) > 20), (dataset, reason)
