"""Standardising channels with statistics of the training part only."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from ..errors import ContractError

CONSTANT = 1e-6
"""A channel whose standard deviation is below this fraction of its largest value counts as constant."""


@dataclass(frozen=True, kw_only=True)
class Standardizer:
    """z = (x − μ) / σ, channel by channel, with μ and σ over samples and space of the data it was fitted on.

    Frozen: once fitted on the training part it cannot learn from any other. Where σ is zero up to rounding, σ
    is set to 1, so a constant channel becomes zero rather than noise. `mean` and `std` have shape (channel,),
    in the data's unit.
    """

    mean: np.ndarray
    std: np.ndarray

    @classmethod
    def fit(cls, values: np.ndarray, groups: Sequence[int] | None = None) -> Self:
        """Fit on `values` (sample, channel, *space); channels with the same number in `groups` share μ and σ.

        Steps of one field should share them, so that the change from step to step keeps its size.
        """
        if len(values) == 0:
            raise ContractError(
                "a standardizer was given no samples to fit on; the training part must hold at least one"
            )
        channels = values.shape[1]
        numbers = np.arange(channels) if groups is None else np.asarray(groups)
        if len(numbers) != channels:
            raise ContractError(f"{len(numbers)} groups were given for {channels} channels; give one for each channel")
        mean, std = np.empty(channels), np.empty(channels)
        for number in np.unique(numbers):
            member = numbers == number
            part = values[:, member].astype(np.float64)
            centre, spread = part.mean(), part.std()
            constant = spread <= CONSTANT * np.abs(part).max()
            mean[member], std[member] = centre, 1.0 if constant else spread
        return cls(mean=mean, std=std)

    def encode(self, values: np.ndarray) -> np.ndarray:
        """Return z for `values` (sample, channel, *space), in their own dtype."""
        return ((values - self._along(self.mean, values)) / self._along(self.std, values)).astype(values.dtype)

    def decode(self, values: np.ndarray) -> np.ndarray:
        """Return x = μ + σ z, the opposite of `encode`."""
        return (values * self._along(self.std, values) + self._along(self.mean, values)).astype(values.dtype)

    @staticmethod
    def _along(statistic: np.ndarray, values: np.ndarray) -> np.ndarray:
        return statistic.reshape(1, -1, *(1,) * (values.ndim - 2))
