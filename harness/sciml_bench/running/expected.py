"""How long cells will take, from the records of those that ran before: for the order of a sweep and its time left."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean

from ..records.record import Record


def seconds_of(record: Record) -> float | None:
    """Return how long a cell took in all; None where that is not known."""
    if record.cost is not None:
        cost = record.cost
        return cost.fit_seconds + cost.predictor_seconds + (cost.overhead_seconds or 0.0)
    return record.cell.budget_seconds if record.status == "over_budget" else None


def by_row(records: Iterable[Record]) -> Mapping[tuple[str, str, str], float]:
    """Return the mean seconds of the cells of every row: (tier, dataset, row)."""
    found: dict[tuple[str, str, str], list[float]] = {}
    for record in records:
        seconds = seconds_of(record)
        if seconds is not None:
            found.setdefault((record.cell.tier, record.cell.dataset, record.row), []).append(seconds)
    return {row: fmean(values) for row, values in found.items()}


def longest_first(expected: Mapping[int, float | None]) -> list[int]:
    """Return the numbers such that no long piece is left for the end: unknown ones first, then by falling seconds."""

    def rank(n: int) -> float:
        seconds = expected[n]
        return -float("inf") if seconds is None else -seconds

    return sorted(expected, key=rank)


@dataclass
class Remaining:
    """What is left of some pieces of work, for which `expected` seconds are known or not."""

    expected: Mapping[int, float | None]
    jobs: int
    took: dict[int, float] = field(default_factory=dict)

    def done(self, number: int, seconds: float) -> None:
        """Note how long a piece took."""
        self.took[number] = seconds

    def seconds(self) -> float | None:
        """Return the seconds until all is done, or None where nothing is known.

        What is expected is scaled by how the finished pieces compared with it; a piece of which nothing is known counts as the
        mean of those done, or else of those known.
        """
        pairs = [(took, self.expected[n]) for n, took in self.took.items()]
        known = [(took, e) for took, e in pairs if e]
        pace = sum(t for t, _ in known) / sum(e for _, e in known) if known else 1.0
        blind = [t for t, e in pairs if e is None] or list(self.took.values())
        guess = fmean(blind) if blind else _mean([e for e in self.expected.values() if e is not None])
        left = [e * pace if e is not None else guess for n, e in self.expected.items() if n not in self.took]
        if any(s is None for s in left):
            return None
        seconds = [s for s in left if s is not None]
        return max(sum(seconds) / self.jobs, max(seconds, default=0.0))


def _mean(values: Sequence[float]) -> float | None:
    return fmean(values) if values else None
