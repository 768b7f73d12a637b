"""A named array of a problem: its dimensions, its unit and what it stands for."""

from dataclasses import dataclass
from typing import Literal

SAMPLE = "sample"
TIME = "time"
HISTORY = "history"
MEMBER = "member"
SPACE = ("x", "y", "z", "node")
"""Dimensions that are summed over as space, in this order."""


@dataclass(frozen=True, kw_only=True)
class Variable:
    """One input or target.

    `dims` are its dimensions without `sample`, in storage order: `history` or `time` first, then `channel`, then space.
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
    kind: Literal["field", "scalar", "label"] = "field"

    @property
    def space(self) -> tuple[str, ...]:
        """The spatial dimensions of the variable."""
        return tuple(d for d in self.dims if d in SPACE)

    @property
    def steps(self) -> bool:
        """Whether the variable evolves along `time`."""
        return TIME in self.dims
