"""Whence the hyperparameters of rows came, in the words of the pages: unequal effort is to be seen where methods are ranked."""

from collections import Counter
from collections.abc import Iterable

from ..ranking import effort
from ..ranking.summary import Row

WORDS = {"tuned": "tuned", "chosen": "by hand", "default": "default", "given": "given"}
"""What the origin in a record is called; the order is that of the effort."""
NONE = "none"
"""What is said of a method without hyperparameters."""

_COUNTED = {
    "tuned": "tuned with counted effort",
    "by hand": "chosen by hand",
    "default": "run with the defaults of the tier",
    "given": "given on the command line",
    "": "without a record of it",
}


def origin(row: Row) -> str:
    """Return how the settings of a row came about; nothing of a solver, of what does not apply, or where no record tells."""
    if row.solver or not row.applies:
        return ""
    first = row.records[0]
    if not first.cell.hyperparameters:
        return NONE
    return WORDS.get(effort.origin(first) or "", "")


def trials(row: Row) -> str:
    """Return how many trials a row's settings were tuned with, nothing where they were not or no line tells."""
    line = effort.search(row.records[0]) if origin(row) == WORDS["tuned"] else None
    return "" if line is None else f"{line.trials} trial{'s' if line.trials != 1 else ''}"


def counted(rows: Iterable[Row]) -> str:
    """Say in a sentence how the settings of the learned rows came about; nothing where there is none."""
    learned = [r for r in rows if r.applies and not (r.solver or r.control)]
    found = Counter(o for r in learned if (o := origin(r)) != NONE)
    if not found:
        return ""
    shown = [f"{found[o]} {told}" for o, told in _COUNTED.items() if found[o] or o in ("tuned", "by hand", "default")]
    total = found.total()
    return (
        f"Settings of its {total} row{'s' if total != 1 else ''} of learned methods with hyperparameters: "
        f"{', '.join(shown[:-1])} and {shown[-1]}."
    )
