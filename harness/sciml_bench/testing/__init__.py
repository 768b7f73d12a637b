"""The contract as checks that anyone can run on a dataset or a method of their own.

from sciml_bench.testing import check_method

def test_contract():
    check_method("my_method.py")
"""

from .dataset_checks import DATASET_CHECKS
from .method_checks import METHOD_CHECKS, Bench, Silent
from .report import Outcome, check_dataset, check_method, dataset_outcomes, method_outcomes

__all__ = [
    "DATASET_CHECKS",
    "METHOD_CHECKS",
    "Bench",
    "Outcome",
    "Silent",
    "check_dataset",
    "check_method",
    "dataset_outcomes",
    "method_outcomes",
]
