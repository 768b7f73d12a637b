"""The contract, on every file of `datasets/`: a new one needs no test of its own to be held to it."""

import pytest

from sciml_bench.registry import dataset_class, dataset_names
from sciml_bench.testing import DATASET_CHECKS


@pytest.mark.parametrize("check", DATASET_CHECKS, ids=lambda c: c.__name__)
@pytest.mark.parametrize("name", dataset_names())
def test_contract(name, check):
    check(dataset_class(name))
