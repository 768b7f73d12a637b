"""What a reader sees of a dataset or a method before running it."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["evolution", "steady", "dynamics", "regression", "classification", "forecast"]
Framework = Literal["numpy", "torch", "jax", "sklearn"]
Family = Literal["baseline", "solver", "operator", "network", "wrapper", "tree", "kernel"]


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where a thing comes from: a citation in words and, where there is one, a DOI."""

    citation: str
    doi: str | None = None


@dataclass(frozen=True, kw_only=True)
class DatasetCard:
    """The card of a dataset.

    `kind` is the kind of task, `summary` one line for listings, `description` what a user meets in it,
    `sources` where the set-up comes from, `license` that of the generated data.
    """

    title: str
    kind: Kind
    summary: str
    description: str
    sources: tuple[Source, ...]
    license: str = "CC-BY-4.0"


@dataclass(frozen=True, kw_only=True)
class MethodCard:
    """The card of a method.

    `framework` is what a worker imports before the method runs; `family` groups rows on the board;
    `uses_data` is False for a method whose `fit` ignores the training part (a classical solver).
    """

    title: str
    family: Family
    framework: Framework
    summary: str
    description: str
    sources: tuple[Source, ...] = ()
    uses_data: bool = True
