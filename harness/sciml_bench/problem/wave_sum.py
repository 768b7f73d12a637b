"""Random starts as sums of a few sines, some of them folded or cut: functions on the circle, known at every point."""

from dataclasses import dataclass

import numpy as np

from ..errors import UsageError

WINDOW = ((0.1, 0.45), (0.55, 0.9))
"""Where a window opens and where it closes: uniform between these."""


@dataclass(frozen=True, kw_only=True)
class Wave:
    """g(x) = Σ a sin(2πnx + φ) on the circle of length one, then s|g| if `fold` is s = ±1, then 0 outside `window`."""

    amplitudes: np.ndarray
    wavenumbers: np.ndarray
    phases: np.ndarray
    fold: float
    window: tuple[float, float] | None

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Return g at any points of the line, (…,) → (…,)."""
        place = x % 1.0
        g = np.sin(2 * np.pi * np.multiply.outer(place, self.wavenumbers) + self.phases) @ self.amplitudes
        if self.fold:
            g = self.fold * np.abs(g)
        if self.window is not None:
            g = np.where((place >= self.window[0]) & (place < self.window[1]), g, 0.0)
        return np.asarray(g)


@dataclass(frozen=True, kw_only=True)
class WaveSum:
    """Sums of `waves` sines: amplitudes U(0, 1), phases U(0, 2π), whole wavenumbers between `lowest` and `highest`.

    With probability `folded` the absolute value is taken, with either sign, which puts kinks where g was zero; with
    probability `windowed` g is cut to zero outside a window, which puts jumps at its ends.

    Source: Takamoto et al. 2022, PDEBench, doi:10.48550/arXiv.2210.07182, the starts of its 1D problems as its text has them.
    """

    waves: int
    lowest: int
    highest: int
    folded: float
    windowed: float

    def draw(self, rng: np.random.Generator) -> Wave:
        """Return one function. What is taken from `rng` does not depend on the probabilities."""
        if self.waves < 1 or not 1 <= self.lowest <= self.highest:
            raise UsageError(
                f"waves={self.waves}, lowest={self.lowest} and highest={self.highest}: expected at least one wave, and "
                "1 ≤ lowest ≤ highest"
            )
        amplitudes, phases = rng.uniform(size=self.waves), 2 * np.pi * rng.uniform(size=self.waves)
        wavenumbers = rng.integers(self.lowest, self.highest, self.waves, endpoint=True)
        (folds, cuts), sign = rng.uniform(size=2), rng.choice([-1.0, 1.0])
        ends = tuple(float(rng.uniform(*side)) for side in WINDOW)
        return Wave(
            amplitudes=amplitudes,
            wavenumbers=wavenumbers,
            phases=phases,
            fold=float(sign) if folds < self.folded else 0.0,
            window=(ends[0], ends[1]) if cuts < self.windowed else None,
        )
