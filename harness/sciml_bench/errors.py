"""Every exception of the package.

SciMLBenchError
├── UsageError              the caller asked for something that cannot be: exit status 2
│   ├── UnknownNameError    no such method, dataset, tier, hyperparameter …: answered with its neighbours
│   ├── DataFileError       a user's data file cannot be used as a dataset
│   └── LeakageError        the same unit stands in two parts of a split
├── ContractError           a method or dataset broke its contract: the cell fails, the others go on
│   ├── NotFiniteError      a prediction holds NaN or infinity
│   └── UndefinedScoreError a score divides by something of the truth that is zero
├── DivergedError           a method reports that it diverged
├── KilledError             a trial was ended from outside: it says nothing of its method, and its pair has no result
├── InterruptedRunError     the user pressed Ctrl-C, or SIGTERM came: exit status 130 or 143
└── StoreError              a record or a cache on disk cannot be read or written

Each message says what was given, what was expected and what to do, in one plain sentence.
"""

import difflib
from collections.abc import Iterable


class SciMLBenchError(Exception):
    """The root of the tree."""


class UsageError(SciMLBenchError):
    """The caller asked for something that cannot be."""


class UnknownNameError(UsageError):
    """No such name; the message lists its nearest neighbours. `owner` is what should have it."""

    def __init__(self, kind: str, given: str, known: Iterable[str], owner: str = "") -> None:
        names = sorted(known)
        near = difflib.get_close_matches(given, names, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(names) or 'none'}."
        super().__init__(f"unknown {kind} '{given}'{f' of {owner}' if owner else ''}: {hint}")


class DataFileError(UsageError):
    """A user's data file cannot be used as a dataset."""


class LeakageError(UsageError):
    """The same unit stands in two parts of a split."""


class ContractError(SciMLBenchError):
    """A method or dataset broke its contract."""


class NotFiniteError(ContractError):
    """A prediction holds NaN or infinity."""


class UndefinedScoreError(ContractError):
    """A score divides by something of the truth that is zero."""


class DivergedError(SciMLBenchError):
    """A method reports that it diverged."""


class KilledError(SciMLBenchError):
    """A trial was ended from outside."""


class InterruptedRunError(SciMLBenchError):
    """The user pressed Ctrl-C."""


class StoreError(SciMLBenchError):
    """A record or a cache on disk cannot be read or written."""
