"""The reviewed hyperparameters beside the tracks, and how each was found.

`benchmarks/hyperparameters.toml` holds those of the published rows, `benchmarks/tuning.jsonl` one line for each pair of method and
dataset that was tuned: with what effort, from what, to what. Both are written by `sciml-bench tune`, whole and in a fixed order.
"""

import json
import tomllib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, FiniteFloat, ValidationError

from ._layout import root
from .errors import StoreError
from .paths import write_text

HYPERPARAMETERS = "hyperparameters.toml"
TUNING = "tuning.jsonl"
HEADER = """\
# Hyperparameters of the published rows, [tier.dataset.method]. What is not named here is the method's own for that tier.
# Written by `sciml-bench tune`, which chooses on the validation part of fold 0 and reads nothing of its test part, and allows the
# same trials and the same seconds to every pair of one search; tuning.jsonl says how each pair went. Pairs without a line
# there were chosen by hand, on a validation part too, and wait for it. The test parts of the other folds are made of samples that
# fold 0 trains on or is validated on: for one choice among a dozen they are nearly new, not quite. The command line's --set goes
# before this file, and this file before a method's `tiers`.
"""

Pair = tuple[str, str, str]
"""(tier, dataset, method)"""


class Tuning(BaseModel):
    """How one pair was tuned: one line of `tuning.jsonl`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tier: str
    dataset: str
    method: str
    metric: str
    allowed_trials: int
    allowed_seconds: FiniteFloat
    trials: int
    """Trials made, the one with the settings of before included."""
    failed: int
    seconds: FiniteFloat
    """What they took in all on one job's cores, each trial its wall time or, where less, its processor time."""
    before: FiniteFloat | None
    """Validation score of the settings of before; None where they failed."""
    best: FiniteFloat | None
    """The best validation score; None where every trial failed."""
    gain: FiniteFloat | None
    """Mean over validation samples of (statistic of before − statistic of the best), in its standard errors."""
    outcome: Literal["changed", "kept", "declined"]
    """Kept: nothing was better than before by more than noise. Declined: something was, and was not taken."""
    reason: str = ""
    """Why it was declined; by hand, as the outcome then is."""
    hyperparameters: dict[str, Any]
    """The entry in the file of hyperparameters; empty where the method's own stand."""
    search: dict[str, list[Any]]
    """What was chosen from."""
    threads: int
    method_digest: str
    data_digest: str
    commit: str | None
    date: str

    @property
    def pair(self) -> Pair:
        """Which pair it is about."""
        return self.tier, self.dataset, self.method


def hyperparameters(pair: Pair) -> dict[str, Any]:
    """Return the reviewed hyperparameters of one pair; none where the method's own stand."""
    tier, dataset, method = pair
    return dict(_table(*_state(root("benchmarks") / HYPERPARAMETERS)).get(tier, {}).get(dataset, {}).get(method, {}))


def tuning(pair: Pair, folder: Path | None = None) -> Tuning | None:
    """Return how a pair was tuned, None where it was not; from the suite's files, unless another folder is given."""
    return _lines(*_state((folder or root("benchmarks")) / TUNING)).get(pair)


def write(found: Tuning, folder: Path) -> None:
    """Put what tuning found for a pair into both files of a folder."""
    settings, lines = folder / HYPERPARAMETERS, folder / TUNING
    table = {t: {d: dict(m) for d, m in datasets.items()} for t, datasets in _table(*_state(settings)).items()}
    of_dataset = table.setdefault(found.tier, {}).setdefault(found.dataset, {})
    of_dataset.pop(found.method, None)
    if found.hyperparameters:
        of_dataset[found.method] = found.hyperparameters
    known = {**_lines(*_state(lines)), found.pair: found}
    write_text(lines, "".join(f"{known[pair].model_dump_json(exclude_defaults=True)}\n" for pair in sorted(known)))
    write_text(settings, to_toml(table))


def to_toml(table: Mapping[str, Mapping[str, Mapping[str, Mapping[str, Any]]]]) -> str:
    """Return the text of the file of hyperparameters, tiers, datasets and methods in alphabetical order."""
    parts = [HEADER]
    for tier, datasets in sorted(table.items()):
        for dataset, methods in sorted(datasets.items()):
            for method, values in sorted(methods.items()):
                lines = [f"{name} = {_toml(value)}" for name, value in values.items()]
                parts.append("\n".join([f"[{tier}.{dataset}.{method}]", *lines, ""]))
    return "\n".join(parts)


def _toml(value: Any) -> str:
    """Return a number, a truth value or a text as TOML writes it."""
    return repr(value) if isinstance(value, float) else json.dumps(value)


def _state(path: Path) -> tuple[Path, int, int]:
    """Return a file and what changes when it does."""
    if not path.exists():
        return path, 0, 0
    found = path.stat()
    return path, found.st_mtime_ns, found.st_ino


@lru_cache(maxsize=8)
def _table(path: Path, when: int, _inode: int) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8")) if when else {}
    except ValueError as error:  # also bytes that are no text
        raise StoreError(
            f"{path.name} cannot be read as TOML ({error}); restore it from version control, or mend that place"
        ) from error


@lru_cache(maxsize=8)
def _lines(path: Path, when: int, _inode: int) -> dict[Pair, Tuning]:
    if not when:
        return {}
    found: dict[Pair, Tuning] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
        try:
            read = Tuning.model_validate_json(line)
        except ValidationError as error:
            raise StoreError(
                f"{path.name} line {number} does not say how a pair was tuned: {error.errors()[0]['msg']}; restore the file "
                "from version control, or take the line out and tune the pair again"
            ) from error
        found[read.pair] = read
    return found
