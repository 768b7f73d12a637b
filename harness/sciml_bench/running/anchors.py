"""Published numbers, and how the suite is held against them: `benchmarks/anchors.toml`."""

import tomllib
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, FiniteFloat, model_validator

from .._layout import root
from ..errors import ContractError
from ..registry import dataset_class
from .task import Task, certificate


class Anchor(BaseModel):
    """One published number and what is asked of ours."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    kind: Literal["cell", "floor"] = "cell"
    dataset: str
    tier: Literal["smoke", "small", "full"]
    method: str = ""
    score: str
    published: FiniteFloat | None = None
    at_most: FiniteFloat
    minutes: FiniteFloat
    device: Literal["any", "cuda"] = "any"
    fold_of_sample: int | None = None
    """Take the fold that tests this sample; None: the first fold."""
    source: str
    note: str = ""

    @model_validator(mode="after")
    def _has_a_method(self) -> "Anchor":
        if (self.kind == "cell") != bool(self.method):
            raise ValueError(
                f"the anchor '{self.name}' of kind {self.kind} must {'' if self.kind == 'cell' else 'not '}name a method"
            )
        return self


@dataclass(frozen=True, kw_only=True)
class Obtained:
    """What came of an anchor; `value` is None where it could not be obtained."""

    anchor: Anchor
    value: float | None
    reason: str = ""

    @property
    def verdict(self) -> Literal["holds", "misses", "not run"]:
        """Whether our number is what is asked of it."""
        if self.value is None:
            return "not run"
        return "holds" if self.value <= self.anchor.at_most else "misses"


def anchors() -> list[Anchor]:
    """Return all anchors. Raises ContractError for a table that does not say what it must."""
    path = root("benchmarks") / "anchors.toml"
    with open(path, "rb") as handle:
        table = tomllib.load(handle)
    try:
        return [Anchor.model_validate(entry) for entry in table["anchor"]]
    except (KeyError, ValueError) as error:
        raise ContractError(f"'{path.name}' cannot be read as anchors: {error}") from error


def floor(anchor: Anchor, task: Task) -> Obtained:
    """Return the error of a truth against a refined one."""
    dataset = dataset_class(anchor.dataset).tier(anchor.tier)
    made = task.certificate or certificate(dataset, task.data.path, 0)
    return Obtained(anchor=anchor, value=made.floor[anchor.score])


def fold_of(anchor: Anchor, task: Task) -> int:
    """Return the fold to run."""
    if anchor.fold_of_sample is None:
        return 0
    return next(k for k, s in enumerate(task.splits) if anchor.fold_of_sample in s.test)
