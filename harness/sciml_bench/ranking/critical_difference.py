"""Whether mean ranks over several datasets differ: Friedman's test, and Nemenyi's critical difference for every pair.

With ranks r(m, d) of k methods on N datasets, and R(m) their mean over the datasets,

    CD = q_α √(k(k + 1) / 6N),   q_α the upper α quantile of the studentized range of k groups, ∞ degrees, over √2.

Two methods whose mean ranks lie no further apart than CD are not told apart at the level α = 0.05, corrected for all pairs. Where
Friedman's test finds no difference among all, no pair is to be read as one. Datasets are the only units: with few
of them CD is wide, which is what so few can tell. Source: Demšar 2006, J. Mach. Learn. Res. 7, 1–30, sections 3.2.2 and 3.2.5.
"""

import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import scipy

ALPHA = 0.05


@dataclass(frozen=True, kw_only=True)
class CriticalDifference:
    """Mean ranks, best first, and the smallest difference of two of them that counts."""

    mean_ranks: Mapping[str, float]
    datasets: int
    difference: float
    statistic: float
    """Friedman's χ², corrected for ties."""
    p_value: float
    """Of the hypothesis that all methods rank alike."""
    cliques: tuple[tuple[str, ...], ...]
    """The longest runs of at least two neighbours that are not told apart, from the best on."""

    @property
    def different(self) -> bool:
        """Whether Friedman's test finds any difference."""
        return self.p_value < ALPHA

    @property
    def sentence(self) -> str:
        """Say it in plain words."""
        k = len(self.mean_ranks)
        found = "the methods differ" if self.different else "no difference among the methods is found"
        p = "p < 0.0001" if self.p_value < 1e-4 else f"p = {self.p_value:.2g}"
        return (
            f"mean ranks of {k} methods on {self.datasets} datasets: {found} (Friedman, {p}); "
            f"two mean ranks closer than {self.difference:.2f} are not told apart (Nemenyi, 95%)"
        )


def critical_difference(names: tuple[str, ...], ranks: np.ndarray) -> CriticalDifference | None:
    """Return the analysis of ranks (method, dataset); None for fewer than three methods or two datasets."""
    k, n = ranks.shape
    if k < 3 or n < 2:
        return None
    alike = bool((ranks == ranks[:1]).all())  # the statistic would be 0/0
    statistic, p = (0.0, 1.0) if alike else scipy.stats.friedmanchisquare(*ranks)
    means = ranks.mean(axis=1)
    order = np.argsort(means, kind="stable")
    difference = quantile(k) * math.sqrt(k * (k + 1) / (6 * n))
    return CriticalDifference(
        mean_ranks={names[m]: float(means[m]) for m in order},
        datasets=n,
        difference=difference,
        statistic=float(statistic),
        p_value=float(p),
        cliques=tuple(tuple(names[m] for m in order[a:b]) for a, b in _runs(means[order], difference)),
    )


@functools.cache
def quantile(methods: int) -> float:
    """Return q_α for a number of methods."""
    return float(scipy.stats.studentized_range.ppf(1 - ALPHA, methods, np.inf)) / math.sqrt(2)


def _runs(ranks: np.ndarray, difference: float) -> list[tuple[int, int]]:
    """Return the longest runs (start, end), end not included, of sorted mean ranks that span at most the difference."""
    found: list[tuple[int, int]] = []
    for start in range(len(ranks)):
        end = int(np.searchsorted(ranks, ranks[start] + difference + 1e-12, side="right"))
        if end - start > 1 and (not found or end > found[-1][1]):
            found.append((start, end))
    return found
