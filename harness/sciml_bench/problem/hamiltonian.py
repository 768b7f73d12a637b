"""The Hamiltonian of a mechanical system, written once: for the solver, for the energy check, and for methods that know it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Array = Any


@dataclass(frozen=True, kw_only=True)
class Hamiltonian:
    """H(q, p), with dq/dt = ∂H/∂p and dp/dt = −∂H/∂q.

    `energy(q, p, m)` returns H for arrays (…, d) of positions and momenta, without their last dimension; `m` is the
    namespace whose functions act on them, numpy or jax.numpy. `state` names the target whose last dimension, `component`,
    holds q and then p. `separable` says that H(q, p) = T(p) + V(q).
    """

    energy: Callable[[Array, Array, Any], Array]
    formula: str
    state: str = "z"
    separable: bool = True
