"""A named array of a problem: its dimensions, its unit and what it stands for."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import xarray as xr

from ..errors import ContractError

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


def levels_of(prediction: xr.DataArray) -> np.ndarray | None:
    """Return the levels of which the members are quantiles; None where they are draws, without a coordinate or with numbers.

    Raises ContractError if a coordinate of fractions does not rise within (0, 1).
    """
    if MEMBER not in prediction.coords or prediction.coords[MEMBER].dtype.kind != "f":
        return None
    levels = np.asarray(prediction.coords[MEMBER].values)
    if not (np.diff(levels, prepend=0.0, append=1.0) > 0).all():
        raise ContractError(
            f"the coordinate '{MEMBER}' of the prediction of '{prediction.name}' does not rise from above 0 to below 1: where "
            "the members are quantiles it holds their levels; leave it out, or number them, where they are draws"
        )
    return levels.astype(np.float64)
