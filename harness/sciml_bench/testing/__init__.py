"""The contract as checks that anyone can run on a dataset or a method of their own."""

from .dataset_checks import DATASET_CHECKS, check_dataset
from .method_checks import METHOD_CHECKS, Bench, Silent, check_method

__all__ = ["DATASET_CHECKS", "METHOD_CHECKS", "Bench", "Silent", "check_dataset", "check_method"]
