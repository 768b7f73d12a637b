"""Symplectic integration of the problem's own Hamiltonian: the classical method that keeps energy."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar, Literal

import numpy as np
import xarray as xr

from sciml_bench.errors import ContractError, UsageError
from sciml_bench.method import Budget, Log, Method, Predictor
from sciml_bench.method.dynamics import DynamicsCodec, in_chunks, why_not_canonical
from sciml_bench.problem import Hamiltonian, MethodCard, Problem, Source

ROWS = ((2, 1), (2, 2), (2, 4), (2, 16), (4, 1), (4, 4), (4, 16), (6, 4), (6, 16))
"""Order and steps from frame to frame of the rows that are filled when none is set."""


def substeps(order: int) -> tuple[float, ...]:
    """Return the lengths, in steps, of the Störmer–Verlet steps that make a method of this order.

    S_{2k+2}(h) = S_{2k}(x₁h) S_{2k}(x₀h) S_{2k}(x₁h), x₁ = 1/(2 − 2^(1/(2k+1))), x₀ = 1 − 2x₁.

    Source: Yoshida 1990, doi:10.1016/0375-9601(90)90092-3, equation 4.13.
    """
    lengths = (1.0,)
    for k in range(1, order // 2):
        x = 1 / (2 - 2 ** (1 / (2 * k + 1)))
        lengths = tuple(factor * length for factor in (x, 1 - 2 * x, x) for length in lengths)
    return lengths


@dataclass(frozen=True, kw_only=True)
class SymplecticSolver(Method):
    """p ← p − ½h ∇V(q), q ← q + h ∇T(p), p ← p − ½h ∇V(q), for H(q, p) = T(p) + V(q); ∇ by automatic differentiation.

    Störmer–Verlet (`order` 2), or Yoshida's symmetric compositions of it (4, 6), `steps` steps from one output time
    to the next. It conserves a Hamiltonian that differs from H by O(hᵒʳᵈᵉʳ), so that the energy error stays
    bounded however long the rollout, while the phase error grows linearly. All in 64 bits. It learns nothing
    from data; rates are the equations' own at the observed states. With nothing set it fills one row for each of
    several orders and steps.

    Source: Hairer, Lubich & Wanner 2006, doi:10.1007/3-540-30666-8, sections I.1.4 and II.4; Yoshida 1990,
    doi:10.1016/0375-9601(90)90092-3.
    """

    card: ClassVar[MethodCard] = MethodCard(
        title="Symplectic solver",
        family="solver",
        framework="jax",
        summary="Störmer–Verlet and Yoshida's compositions on the true Hamiltonian, at several steps",
        description="Knows the equations and needs no data. Its rows show what accuracy each second buys, and how "
        "small the energy error of a method that respects the geometry can be.",
        sources=(
            Source(
                citation="H. Yoshida, Construction of higher order symplectic integrators, Phys. Lett. A 150 (1990)",
                doi="10.1016/0375-9601(90)90092-3",
            ),
            Source(
                citation="E. Hairer, C. Lubich and G. Wanner, Geometric numerical integration, Springer 2006",
                doi="10.1007/3-540-30666-8",
            ),
        ),
        uses_data=False,
    )

    order: Literal[2, 4, 6] = 4
    steps: int = 16

    def applies_to(self, problem: Problem) -> str | None:
        """Only to separable Hamiltonians that are known."""
        reason = why_not_canonical(problem)
        if reason:
            return reason
        if problem.hamiltonian is not None and not problem.hamiltonian.separable:
            return "Its steps are explicit for H = T(p) + V(q) alone, and this Hamiltonian is not such a sum."
        return None

    def variants(self, problem: Problem) -> Mapping[str, Mapping[str, Any]]:  # noqa: ARG002
        """One row for each order and step."""
        return {f"order {o}, {s} steps a frame": {"order": o, "steps": s} for o, s in ROWS}

    def fit(
        self,
        train: xr.Dataset,
        valid: xr.Dataset,  # noqa: ARG002
        *,
        problem: Problem,
        budget: Budget,  # noqa: ARG002
        seed: int,  # noqa: ARG002
        device: str,
        log: Log,
    ) -> Predictor:
        """Remember the output times; nothing else is taken from the data."""
        if self.steps < 1:
            raise UsageError(f"steps is {self.steps}, but must be at least 1")
        if problem.hamiltonian is None:
            raise ContractError("the symplectic solver was run on a problem without a Hamiltonian; ask `applies_to`")
        log.progress(1.0)
        return Integrate(
            codec=DynamicsCodec.of(problem, train),
            hamiltonian=problem.hamiltonian,
            order=self.order,
            steps=self.steps,
            device=device,
        )


@dataclass(frozen=True, kw_only=True)
class Integrate:
    """Integrates each sample from z0, and evaluates the equations at the observed states."""

    codec: DynamicsCodec
    hamiltonian: Hamiltonian
    order: int
    steps: int
    device: str

    def __call__(self, inputs: xr.Dataset) -> xr.Dataset:
        """Return trajectories and rates."""
        import jax

        from sciml_bench.problem.spectral import x64

        advance, rates = _compiled(self.hamiltonian, self.order, self.steps)
        with x64(), jax.default_device(jax.devices("gpu" if self.device == "cuda" else "cpu")[0]):
            intervals = np.diff(self.codec.times, prepend=0.0)
            z = in_chunks(lambda part: advance(part, intervals), self.codec.starts(inputs))
            return self.codec.decode(z, in_chunks(rates, self.codec.observations(inputs)), inputs)


@lru_cache(maxsize=16)
def _compiled(hamiltonian: Hamiltonian, order: int, steps: int) -> tuple[Any, Any]:
    """Return the compiled rollout (n, d), (T,) → (n, T, d), and z ↦ dz/dt."""
    import jax
    import jax.numpy as jnp

    def force(q: Any, p: Any) -> Any:
        return -jax.grad(lambda x: hamiltonian.energy(x, p, jnp).sum())(q)

    def speed(q: Any, p: Any) -> Any:
        return jax.grad(lambda x: hamiltonian.energy(q, x, jnp).sum())(p)

    lengths = np.tile(substeps(order), steps)

    def frame(state: Any, interval: Any) -> Any:
        def verlet(state: Any, length: Any) -> Any:
            q, p = state
            h = interval / steps * length
            p = p + h / 2 * force(q, p)
            q = q + h * speed(q, p)
            return (q, p + h / 2 * force(q, p)), None

        state, _ = jax.lax.scan(verlet, state, jnp.asarray(lengths))
        return state, jnp.concatenate(state, axis=-1)

    @jax.jit
    def advance(starts: Any, intervals: Any) -> Any:
        _, states = jax.lax.scan(frame, tuple(jnp.split(starts, 2, axis=-1)), intervals)
        return jnp.swapaxes(states, 0, 1)

    @jax.jit
    def rates(z: Any) -> Any:
        q, p = jnp.split(z, 2, axis=-1)
        return jnp.concatenate([speed(q, p), force(q, p)], axis=-1)

    return advance, rates
