"""A track: which datasets are run at which tier under which protocol. Frozen once its results are published."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Track:
    """One track of the leaderboard, in `benchmarks/<name>.py` as the constant `TRACK`.

    Every method of the suite is run on every dataset that it applies to. `version` is raised when anything else changes
    after results were published.
    """

    title: str
    summary: str
    datasets: tuple[str, ...]
    tier: str = "small"
    folds: int = 5
    seeds: int = 1
    version: int = 1
