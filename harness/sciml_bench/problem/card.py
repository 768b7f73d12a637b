"""What a reader sees of a dataset or a method before running it."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["evolution", "steady", "dynamics", "regression", "classification", "forecast"]
Framework = Literal["numpy", "torch", "jax", "sklearn"]
Family = Literal["control", "baseline", "solver", "operator", "physics", "network", "wrapper", "tree", "kernel"]
Truth = Literal["refined", "closed_form", "measured"]


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where a thing comes from: a citation in words and, where there is one, a DOI."""

    citation: str
    doi: str | None = None


@dataclass(frozen=True, kw_only=True)
class DatasetCard:
    """The card of a dataset.

    `kind` is the kind of task, `summary` one line for listings, `description` what a user meets in it,
    `sources` where the set-up comes from, `license` that of the generated data. `truth` says how the targets are
    known: from a solver whose error a refined one measures, exactly to rounding, or measured in the world, with an
    error that nobody knows. `needs` names the modules beside the core ones that must be installed.
    """

    title: str
    kind: Kind
    summary: str
    description: str
    sources: tuple[Source, ...]
    license: str = "CC-BY-4.0"
    truth: Truth = "refined"
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class MethodCard:
    """The card of a method.

    `framework` is what a worker imports before the method runs; `family` groups rows on the board, where a "control"
    is what any method must beat; `uses_data` is False for a method whose `fit` ignores the training part (a classical
    solver); `per_instance` is True for one that solves every sample anew at prediction (a PINN), which is scored on a
    few test samples only. `needs` names the modules beside the core ones that must be installed.
    """

    title: str
    family: Family
    framework: Framework
    summary: str
    description: str
    sources: tuple[Source, ...] = ()
    uses_data: bool = True
    per_instance: bool = False
    needs: tuple[str, ...] = ()
