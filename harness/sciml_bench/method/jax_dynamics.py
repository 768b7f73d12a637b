"""Learnt right-hand sides dz/dt = f(z) and their rollouts, in Equinox and diffrax. Importing this imports JAX."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Self

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from ..errors import UsageError
from ..problem import Problem
from ..problem.samples import count
from ..problem.spectral import x64
from .contract import Log
from .dynamics import DynamicsCodec, RateSource, in_chunks
from .jax_loop import as_numpy, optimize
from .training import Training

VALIDATED = 32
"""Validation rollouts that score a state of a fit on trajectories, at most."""
COARSE = 1e-6
"""The least tolerance of those rollouts."""
MOST_STEPS = 20_000
"""Steps of a rollout, at most: one that needs more ends in infinities, which the harness reports."""

Array = Any


class Scales(eqx.Module):
    """Mean and standard deviation of states, and the root mean square of rates, of the training points: constants."""

    mean: np.ndarray
    std: np.ndarray
    rate: np.ndarray

    @classmethod
    def of(cls, z: np.ndarray, rates: np.ndarray) -> Self:
        """Return the scales of points (n, d); a component that never changes has the scale 1."""
        std, size = z.std(axis=0), np.sqrt((rates**2).mean(axis=0))
        return cls(z.mean(axis=0), np.where(std > 0, std, 1.0), np.where(size > 0, size, 1.0))


class VectorField(eqx.Module):
    """f(z) = s · net((z − μ) / σ), component by component."""

    net: eqx.nn.MLP
    scales: Scales

    def __call__(self, z: Array) -> Array:
        """Return dz/dt of one state (d,)."""
        return self.scales.rate * self.net((z - self.scales.mean) / self.scales.std)


class HamiltonianField(eqx.Module):
    """f(z) = (∂H/∂p, −∂H/∂q), H(z) = s · net((z − μ) / σ), z = (q, p).

    σ is the root mean square of the components' own, so that all are scaled alike, and s that of rates times σ.
    """

    net: eqx.nn.MLP
    scales: Scales

    def energy(self, z: Array) -> Array:
        """Return H of one state (d,), up to a constant."""
        spread = jnp.sqrt((self.scales.std**2).mean())
        size = jnp.sqrt((self.scales.rate**2).mean())
        return size * spread * self.net((z - self.scales.mean) / spread)

    def __call__(self, z: Array) -> Array:
        """Return dz/dt of one state (d,)."""
        by_q, by_p = jnp.split(jax.grad(self.energy)(z), 2)
        return jnp.concatenate([by_p, -by_q])


def tanh(x: Array) -> Array:
    """Return tanh x, by a name that can be pickled."""
    return jnp.tanh(x)


def identity(x: Array) -> Array:
    """Return x, by a name that can be pickled."""
    return x


def network(inputs: int, outputs: int | Literal["scalar"], width: int, depth: int, seed: int) -> eqx.nn.MLP:
    """Return an MLP with tanh between its layers, orthogonal weights and no bias at the end, in float32.

    Source: Greydanus et al. 2019, arXiv:1906.01563; orthogonal weights, Saxe et al. 2013, arXiv:1312.6120.
    """
    return _network(inputs, outputs, width, depth, jax.random.PRNGKey(seed))


@eqx.filter_jit  # one program instead of one for each array
def _network(inputs: int, outputs: int | Literal["scalar"], width: int, depth: int, key: Array) -> eqx.nn.MLP:
    key, *keys = jax.random.split(key, depth + 2)
    net = eqx.nn.MLP(inputs, outputs, width, depth, tanh, identity, use_final_bias=False, key=key)
    orthogonal = jax.nn.initializers.orthogonal()
    weights = [orthogonal(k, layer.weight.shape) for k, layer in zip(keys, net.layers, strict=True)]
    return eqx.tree_at(lambda n: [layer.weight for layer in n.layers], net, weights)


def square_error(field: Callable[[Array], Array], batch: tuple[Array, ...]) -> Array:
    """⟨((f(z) − ż) / s)²⟩ over points and components, s the root mean square of each component's rate."""
    z, rates = batch
    gap = (jax.vmap(field)(z) - rates) / field.scales.rate  # type: ignore[attr-defined]
    return (gap**2).mean()


def rollout(field: Callable[[Array], Array], starts: np.ndarray, times: np.ndarray, tolerance: float) -> np.ndarray:
    """Return states (n, T, d) at `times` from starts (n, d) at time 0, in 64 bits, whatever the field's precision.

    By the pair of order 8 of Dormand & Prince with steps of each sample's own, chosen by `tolerance`, relative and
    absolute. Source: diffrax, Kidger 2021, arXiv:2202.02435.
    """
    with x64():
        wide, when, goal = _wide(field), jnp.asarray(times, jnp.float64), jnp.asarray(tolerance)
        return in_chunks(lambda part: _rollouts(wide, jnp.asarray(part), when, goal), starts)


def rates_at(field: Callable[[Array], Array], z: np.ndarray) -> np.ndarray:
    """Return f(z) of states (n, m, d), in 64 bits."""
    if z.size == 0:
        return z
    with x64():
        wide = _wide(field)
        return in_chunks(lambda part: _rates(wide, jnp.asarray(part)), z)


def _wide(tree: Any) -> Any:
    """Return the pytree with all floating-point arrays as JAX arrays of 64 bits."""
    return jax.tree.map(lambda a: jnp.asarray(a, jnp.float64) if eqx.is_inexact_array_like(a) else a, tree)


@eqx.filter_jit
def _rollouts(field: Callable[[Array], Array], starts: Array, times: Array, tolerance: Array) -> Array:
    def one(start: Array) -> Array:
        solution = diffrax.diffeqsolve(
            diffrax.ODETerm(lambda _t, z, _: field(z)),
            diffrax.Dopri8(),
            t0=jnp.zeros_like(times[0]),
            t1=times[-1],
            dt0=None,
            y0=start,
            saveat=diffrax.SaveAt(ts=times),
            stepsize_controller=diffrax.PIDController(rtol=tolerance, atol=tolerance),
            adjoint=diffrax.ForwardMode(),
            max_steps=MOST_STEPS,
            throw=False,
        )
        return solution.ys

    return jax.vmap(one)(starts)


@eqx.filter_jit
def _rates(field: Callable[[Array], Array], z: Array) -> Array:
    return jax.vmap(jax.vmap(field))(z)


@dataclass(frozen=True, kw_only=True)
class FieldPredictor:
    """Rolls the learnt field out from z0, and evaluates it at the observed states."""

    codec: DynamicsCodec
    field: Any
    tolerance: float

    @classmethod
    def of(cls, codec: DynamicsCodec, field: Any, tolerance: float) -> Self:
        """Keep the field as NumPy arrays."""
        return cls(codec=codec, field=as_numpy(field), tolerance=tolerance)

    def __call__(self, inputs: xr.Dataset) -> xr.Dataset:
        """Return trajectories and rates."""
        z = rollout(self.field, self.codec.starts(inputs), self.codec.times, self.tolerance)
        return self.codec.decode(z, rates_at(self.field, self.codec.observations(inputs)), inputs)


def fit_rates(
    build: Callable[[np.ndarray, np.ndarray], Any],
    train: xr.Dataset,
    valid: xr.Dataset,
    *,
    problem: Problem,
    source: RateSource,
    tolerance: float,
    training: Training,
    seed: int,
    device: str,
    log: Log,
) -> FieldPredictor:
    """Train a field on states and their rates, select it by its error of rates on `valid`, and return its predictor.

    `build(z, rates)` makes the field from the training points (n, d). `tolerance` is that of its rollouts.
    """
    check_tolerance(tolerance)
    codec = DynamicsCodec.of(problem, train)
    examples, checked = codec.pairs(train, source), codec.pairs(valid, source)
    check = eqx.filter_jit(square_error)

    def validate(field: Any) -> float:
        return float(check(field, tuple(jnp.asarray(a, field.net.layers[0].weight.dtype) for a in checked)))

    field = optimize(
        build(*examples), examples, square_error, validate, training=training, seed=seed, device=device, log=log
    )
    return FieldPredictor.of(codec, field, tolerance)


def check_tolerance(tolerance: float) -> None:
    """Raise `UsageError` for a tolerance that no rollout in 64 bits can keep."""
    if not 1e-13 <= tolerance < 1:
        raise UsageError(f"tolerance is {tolerance}, but must lie between 1e-13 and 1")


def fit_segments(
    build: Callable[[Scales], VectorField],
    train: xr.Dataset,
    valid: xr.Dataset,
    *,
    problem: Problem,
    segment: int,
    steps: int,
    tolerance: float,
    training: Training,
    seed: int,
    device: str,
    log: Log,
) -> FieldPredictor:
    """Train a field so that its solution from each frame on passes through the `segment` following ones.

    `steps` solver steps lead from frame to frame in training, see `follow`. Loss: mean square of the gap, each
    component divided by its standard deviation. Validation: relative L2 error of whole rollouts.
    """
    check_tolerance(tolerance)
    codec = DynamicsCodec.of(problem, train)
    z, times = segments(codec, train, segment)
    part = valid.isel(sample=slice(VALIDATED))
    starts, truth = codec.starts(part), codec.trajectories(part)[:, 1:]

    def loss(field: VectorField, batch: tuple[Array, ...]) -> Array:
        states, when = batch
        found = jax.vmap(lambda start, t: follow(field, start, t, steps))(states[:, 0], when)
        return (((found - states[:, 1:]) / field.scales.std) ** 2).mean()

    def validate(field: VectorField) -> float:
        gap = rollout(field, starts, codec.times, max(tolerance, COARSE)) - truth
        return float(np.mean(np.linalg.norm(gap, axis=(1, 2)) / np.linalg.norm(truth, axis=(1, 2))))

    scales = Scales.of(*codec.pairs(train, "rollouts"))
    field = optimize(build(scales), (z, times), loss, validate, training=training, seed=seed, device=device, log=log)
    return FieldPredictor.of(codec, field, tolerance)


def segments(codec: DynamicsCodec, data: xr.Dataset, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Return every run of 1 + `length` frames, (runs, 1 + length, d), and its times from its start, (runs, 1 + length)."""
    times = np.concatenate([[0.0], codec.times])
    length = min(length, len(codec.times))
    runs = np.arange(len(times) - length)[:, None] + np.arange(1 + length)
    z = codec.trajectories(data)[:, runs]
    when = np.tile(times[runs] - times[runs[:, :1]], (count(data), 1))
    return z.reshape(-1, 1 + length, codec.size), when


def follow(field: Callable[[Array], Array], start: Array, times: Array, steps: int) -> Array:
    """Return the states (T − 1, d) at times[1:] from `start` (d,) at times[0]; gradients go through the solver.

    By the classical method of order 4, with `steps` equal steps from time to time: a fixed number of them, which
    compiles five times faster than diffrax's general loop. Source: Kutta 1901, Z. Math. Phys. 46, 435–453.
    """

    def step(z: Array, h: Array) -> tuple[Array, None]:
        a = field(z)
        b = field(z + h / 2 * a)
        c = field(z + h / 2 * b)
        return z + h / 6 * (a + 2 * b + 2 * c + field(z + h * c)), None

    def interval(z: Array, length: Array) -> tuple[Array, Array]:
        z, _ = jax.lax.scan(step, z, jnp.full(steps, length / steps))
        return z, z

    found: Array = jax.lax.scan(interval, start, jnp.diff(times))[1]
    return found
