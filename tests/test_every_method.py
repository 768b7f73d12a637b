"""The contract, on every file of `methods/` and one problem of each shape that it applies to."""

import pytest

from sciml_bench.registry import build_method, dataset_class, dataset_names, method_class, method_names
from sciml_bench.testing import benches, check_method


@pytest.mark.slow
@pytest.mark.parametrize(("method", "dataset"), [(m, d) for m in method_names() for d in benches.fitting(m)], ids=str)
def test_contract(method, dataset):
    """All checks of a pair share its fits."""
    check_method(method, dataset)


@pytest.mark.parametrize("method", method_names())
def test_gives_a_reason_where_it_does_not_apply(method):
    built = build_method(method_class(method), "smoke", {}, {})
    for dataset in dataset_names():
        reason = built.applies_to(dataset_class(dataset).tier("smoke").problem())
        assert reason is None or (reason.strip().endswith(".") and len(reason) > 20), (dataset, reason)
