"""A named array of a problem: its dimensions, its unit and what it stands for."""

from dataclasses import dataclass
from typing import Literal

SAMPLE = "sample"
TIME = "time"
HISTORY = "history"
MEMBER = "member"
SPACE = ("x", "y", "z", "node")
"""Dimensions that are summed over as space, in this order."""
RAGGED = ("node", "edge")
"""Dimensions along which samples differ in size and lie one behind the other; see `samples`."""
CLASS = "class"
"""The dimension of a predicted distribution over the classes of a label."""


@dataclass(frozen=True, kw_only=True)
class Variable:
    """One input or target.

    `dims` are its dimensions without `sample`, in storage order: `history` or `time` first, then `channel`, then space;
    of a mesh or graph `node` or `edge` first, which takes the place of `sample`.
    `kind` is "field" for an array of numbers, "scalar" for one number a sample, "label" for a class number (int64,
    `classes` names them; a prediction is a probability for each, along `class`), "index" for the end points of edges
    (int64, local to the sample).
    `initial` names, for a target that evolves in time, the input that holds its state at the start:
    an array of the same space, with or without a `history` dimension whose last entry is the latest.
    """

    name: str
    dims: tuple[str, ...]
    description: str
    unit: str = "1"
    symbol: str = ""
    initial: str | None = None
    periodic: bool = False
    kind: Literal["field", "scalar", "label", "index"] = "field"
    classes: tuple[str, ...] = ()

    @property
    def space(self) -> tuple[str, ...]:
        """The spatial dimensions of the variable."""
        return tuple(d for d in self.dims if d in SPACE)

    @property
    def ragged(self) -> str | None:
        """The dimension along which samples lie one behind the other, None for samples of one size."""
        return self.dims[0] if self.dims and self.dims[0] in RAGGED else None

    @property
    def stored(self) -> tuple[str, ...]:
        """The dimensions of the stored array."""
        return self.dims if self.ragged else (SAMPLE, *self.dims)

    @property
    def steps(self) -> bool:
        """Whether the variable evolves along `time`."""
        return TIME in self.dims
