"""Periodic fields on the unit torus: changes of grid, and the compiled time loop of the exponax steppers."""

import math
from collections.abc import Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any, Protocol

import numpy as np

from ..errors import UsageError

PARALLEL = 2
CHUNK = {"cpu": 8, "cuda": 128}
FEW = 2
"""States that advance together: so many as fill the caches of a core, or a GPU, and `FEW` where there are no more of them than
`FEW` for each thread, so that none idles. A chunk that is not full is filled up, unless it is a single state: three shapes
are ever compiled, as compiling takes longer than solving for many.
"""


class Stepper(Hashable, Protocol):
    """Hashable settings that can build an exponax stepper, so that compiled loops can be kept."""

    def build(self) -> Any:
        """Return the exponax stepper. Called with 64-bit JAX."""


def axis(points: int) -> np.ndarray:
    """Return 0, 1/points, …, 1 − 1/points: the points of one periodic axis of length one."""
    return np.arange(points) / points


def substeps(interval: float, step: float) -> int:
    """Return how many steps fill the interval; raise `UsageError` if not a whole number."""
    count = round(interval / step)
    if count < 1 or not math.isclose(count * step, interval, rel_tol=1e-9):
        raise UsageError(f"step={step:g} does not divide the interval {interval:g}: choose a whole fraction of it")
    return count


def project(values: np.ndarray, points: int, dims: int) -> np.ndarray:
    """Return Σ ûₖ exp(2πi k·x) over |kᵢ| < points/2: a Fourier projection down, an interpolation up.

    `values` has its last `dims` axes on a periodic grid; the result has them on `points` points each. What a
    coarser grid cannot hold is dropped, not aliased.
    """
    for along in range(-dims, 0):
        values = _project(values, points, along)
    return values


def _project(values: np.ndarray, points: int, along: int) -> np.ndarray:
    n = values.shape[along]
    if n == points:
        return values
    spectrum = np.moveaxis(np.fft.rfft(values, axis=along, norm="forward"), along, -1)
    kept = np.zeros((*spectrum.shape[:-1], points // 2 + 1), dtype=spectrum.dtype)
    count = min(n, points)
    top = (count + 1) // 2  # wavenumbers below this one have both signs on both grids
    kept[..., :top] = spectrum[..., :top]
    if count % 2 == 0 and points > n:
        # The sawtooth ±1 of the coarse grid becomes a cosine: half of it at each sign of its wavenumber.
        kept[..., top] = 0.5 * spectrum[..., top].real
    return np.moveaxis(np.fft.irfft(kept, points, axis=-1, norm="forward"), -1, along)


def evaluate(values: np.ndarray, points: int, dims: int) -> np.ndarray:
    """Return the values of the trigonometric interpolant at j/points: exact point values, on any grid."""
    fine = math.lcm(points, values.shape[-1]) if points < values.shape[-1] else points
    values = project(values, fine, dims)
    kept: Any = (..., *[slice(None, None, fine // points)] * dims)
    return values[kept]


def rollout(
    stepper: Stepper,
    states: np.ndarray,
    *,
    steps: int,
    records: int,
    stride: int = 1,
    precision: str = "float64",
    device: str = "cpu",
) -> np.ndarray:
    """Return each state after `steps`, 2·`steps`, … steps: (n, points …) → (n, records, points/stride …).

    `stride` keeps every so many points of the result. `precision` is that of the arithmetic, float64 or
    float32; the result is float64. The chunks' shape depends on `n` only by whether it is one or few, and the samples in a
    chunk do not touch each other.
    """
    if precision not in ("float64", "float32"):
        raise UsageError(f"precision='{precision}' is not one of float64, float32")
    n, dims = len(states), states.ndim - 1
    size = CHUNK[device] if n > PARALLEL * FEW else FEW
    run = _compiled(stepper, dims, steps, records, stride, precision, device)

    def one(start: int) -> np.ndarray:
        chunk = states[start : start + size]
        filled = size if n > 1 else 1
        return run(np.concatenate([chunk, np.repeat(chunk[-1:], filled - len(chunk), 0)]))[: len(chunk)]

    # XLA leaves cores idle in a chain of small transforms, so two chunks run side by side; neither touches the other.
    with ThreadPoolExecutor(PARALLEL) as pool:
        return np.concatenate(list(pool.map(one, range(0, n, size))))


@lru_cache(maxsize=64)
def _compiled(stepper: Stepper, dims: int, steps: int, records: int, stride: int, precision: str, device: str) -> Any:
    """Return the compiled loop, from and to float64 NumPy arrays; JAX's configuration stays as it is."""
    import equinox as eqx
    import jax
    import jax.numpy as jnp

    target = jax.devices("gpu" if device == "cuda" else "cpu")[0]
    real = jnp.float32 if precision == "float32" else jnp.float64
    axes = tuple(range(-dims, 0))

    def narrow(leaf: Any) -> Any:
        if not isinstance(leaf, jax.Array) or precision == "float64" or not jnp.issubdtype(leaf.dtype, jnp.inexact):
            return leaf
        return jnp.asarray(np.asarray(leaf).astype(np.complex64 if jnp.iscomplexobj(leaf) else np.float32))

    # The coefficients are made in 64 bits even for a run in 32, which keeps the exponentials exact.
    with x64(), jax.default_device(target):
        built = jax.tree.map(narrow, eqx.filter_jit(stepper.build)())

    def advance(states: Any) -> Any:
        points = states.shape[1:]
        one = jax.vmap(built.step_fourier)

        def record(spectra: Any, _: None) -> tuple[Any, Any]:
            spectra = jax.lax.fori_loop(0, steps, lambda _, s: one(s), spectra)
            values = jnp.fft.irfftn(spectra[:, 0], points, axes=axes)
            return spectra, values[(slice(None), *(slice(None, None, stride),) * dims)]

        spectra = jnp.fft.rfftn(states[:, None], axes=axes)
        return jnp.moveaxis(jax.lax.scan(record, spectra, None, length=records)[1], 0, 1)

    compiled = jax.jit(advance)

    def run(states: np.ndarray) -> np.ndarray:
        with x64(), jax.default_device(target):
            return np.asarray(compiled(jnp.asarray(states, dtype=real)), dtype=np.float64)

    return run


def x64() -> Any:
    """Return a context in which JAX computes in 64 bits."""
    import jax

    if hasattr(jax, "enable_x64"):
        return jax.enable_x64(True)
    from jax.experimental import enable_x64  # type: ignore[attr-defined]  # before JAX 0.8

    return enable_x64()


def stacked(draws: Sequence[np.ndarray]) -> np.ndarray:
    """Return the draws as one float64 array, `sample` first."""
    return np.stack([np.asarray(d, dtype=np.float64) for d in draws])
