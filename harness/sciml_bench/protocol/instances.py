"""On which test samples a method is scored: all of them, unless it solves each one anew at a minute's cost."""

import numpy as np

from ..problem import MethodCard

INSTANCES = {"smoke": 1, "small": 2, "full": 2}
"""Test samples of a fold on which a method that solves each instance is scored: the first ones, the same for all such."""


def test_samples(card: MethodCard, tier: str, test: np.ndarray) -> np.ndarray:
    """Return the samples of the test part on which a method is scored."""
    return test[: INSTANCES[tier]] if card.per_instance else test
