"""The contract of a dataset: a frozen dataclass whose fields are its parameters."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from types import MappingProxyType
from typing import Any, ClassVar, Self

import numpy as np
import xarray as xr

from ..errors import UnknownNameError
from .card import DatasetCard, Kind
from .equation import Equation
from .hamiltonian import Hamiltonian
from .solver import Solver
from .variable import Variable

TIERS = ("smoke", "small", "full")


@dataclass(frozen=True, kw_only=True)
class Conserved:
    """A quantity that the true system conserves, `quantity(field) → value` over space.

    `quantity` maps the target variable (any dims) to an array without its space dims; its drift is divided by `scale`, a
    mapping of the given initial state to a positive number for each sample.
    """

    variable: str
    quantity: Callable[[xr.DataArray], xr.DataArray]
    scale: Callable[[xr.DataArray], xr.DataArray]
    description: str


@dataclass(frozen=True, kw_only=True)
class Symmetry:
    """A transformation of the inputs under which the solution is transformed likewise."""

    inputs: Callable[[xr.Dataset], xr.Dataset]
    targets: Callable[[xr.Dataset], xr.Dataset]
    description: str


@dataclass(frozen=True, kw_only=True)
class Gradient:
    """A target that is the derivative of another one: `sign` · ∂`of`/∂`by`, `of` a scalar target and `by` an input.

    A force is minus the gradient of the energy by the positions.
    """

    of: str
    by: str
    sign: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Regime:
    """A division of the samples into regimes or groups, `of(inputs) → name of each sample's regime`.

    The primary error is reported for each, so that a mean cannot hide the one that is served worse.
    """

    of: Callable[[xr.Dataset], np.ndarray]
    description: str


@dataclass(frozen=True, kw_only=True)
class Problem:
    """All that a method may know of a task beside its training data: no targets, no test inputs."""

    name: str
    kind: Kind
    inputs: tuple[Variable, ...]
    targets: tuple[Variable, ...]
    equation: Equation | None = None
    solver: Solver | None = None
    conserved: Mapping[str, Conserved] = field(default_factory=dict)
    symmetries: Mapping[str, Symmetry] = field(default_factory=dict)
    nonnegative: tuple[str, ...] = ()
    boundary: Mapping[str, float] = field(default_factory=dict)
    """Target variable → its value on the edge of the domain, where that is prescribed."""
    edge_nodes: str = ""
    """Of a mesh: the input that is 1 at nodes on the edge of the domain and 0 elsewhere."""
    gradients: Mapping[str, Gradient] = field(default_factory=dict)
    """Target variable → the gradient that it is by definition."""
    hamiltonian: Hamiltonian | None = None
    regimes: Mapping[str, Regime] = field(default_factory=dict)
    primary: str = ""
    """The headline metric, `metric` or `metric/variable`; "" leaves it to the kind of the targets."""

    @property
    def evolves(self) -> bool:
        """Whether every target has a time axis and a given initial state."""
        return all(v.steps and v.initial for v in self.targets)

    @property
    def space(self) -> tuple[str, ...]:
        """The spatial dimensions of the first target."""
        return self.targets[0].space

    def input(self, name: str) -> Variable:
        """Return the input called `name`."""
        return next(v for v in self.inputs if v.name == name)


class Dataset(ABC):
    """One dataset, in `datasets/<name>.py`.

    A subclass is a frozen dataclass with at least the field `samples`; its other fields are the parameters of the
    problem. `tiers` gives each tier's parameters. `version` is raised whenever the generated numbers change.
    """

    card: ClassVar[DatasetCard]
    version: ClassVar[int] = 1
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = MappingProxyType({})
    batch: ClassVar[int] = 32
    """How many samples are generated together: the unit of progress."""
    known_failures: ClassVar[Mapping[str, str]] = MappingProxyType({})
    """Check of the contract that the dataset fails → the reason, shown wherever the contract is run."""

    samples: int

    @abstractmethod
    def problem(self) -> Problem:
        """Return what a method may know of this task."""

    @abstractmethod
    def generate(self, seed: int, samples: Sequence[int], *, device: str = "cpu") -> xr.Dataset:
        """Return the given samples, inputs and targets together, in float64.

        Sample `i` depends on the dataset's parameters, `seed` and `i` alone, not on its companions.
        """

    @abstractmethod
    def refined(self) -> Self:
        """Return the same problem with a finer truth on the same data grid: twice the points, half the step.

        Where the truth is not refined (`card.truth`) there is none: raise NotImplementedError.
        """

    @classmethod
    def tier(cls, name: str) -> Self:
        """Return the dataset with the parameters of a tier."""
        if name not in cls.tiers:
            raise UnknownNameError("tier", name, cls.tiers, owner=cls.__name__)
        return cls(**cls.tiers[name])

    def shifts(self) -> Mapping[str, Self]:
        """Return the out-of-distribution test sets: name → the same dataset with other parameters."""
        return {}

    def parameters(self) -> dict[str, Any]:
        """Return the parameters as plain data."""
        return asdict(self)  # type: ignore[call-overload]
