"""A physics-informed network in JAX: fitted to each sample by its equation alone, with compiled forward derivatives."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType, SimpleNamespace
from typing import Any, ClassVar, Literal

import numpy as np
import xarray as xr

from sciml_bench.errors import DivergedError
from sciml_bench.method import Budget, Log, Method, Predictor
from sciml_bench.method.collocation import (
    BLOCKS,
    MARKS,
    MEMORY,
    Box,
    Collocation,
    Instance,
    Settings,
    Solution,
    Solve,
    SolveEach,
    first_weights,
    layer_sizes,
    why_not_collocation,
)
from sciml_bench.problem import MethodCard, Problem, Source
from sciml_bench.problem.equation import split_name
from sciml_bench.problem.spectral import x64

CHUNK = 256
"""On a processor, points are differentiated so many at a time: their layers then stay in its cache."""

Array = Any


@dataclass(frozen=True, kw_only=True)
class PinnJax(Method):
    """min_θ mean r[N_θ]² + w₀ mean (N_θ − u₀)² + w_b mean (N_θ − g)², for each sample anew.

    N_θ(t, x) is a tanh network of `layers` layers of `width`; r the residual of the problem's equation at `points`
    points, its derivatives by nested forward differentiation; u₀ the given state at the data's nodes, and g its value on
    the walls; periodic axes enter as sine and cosine. All terms are relative to the size of the data (see
    `method/collocation.py`). Adam with `learning_rate` for `adam_updates`, then L-BFGS for `lbfgs_updates` in `rounds`
    parts, each on points drawn anew where the residual is large.

    Works well: 3 to 5 layers of 20 to 40, thousands of L-BFGS updates, 64-bit arithmetic, without which L-BFGS stalls.
    It fails on long, chaotic or turbulent evolutions.

    Source: Raissi, Perdikaris & Karniadakis 2019, doi:10.1016/j.jcp.2018.10.045, equations 2 to 4.
    """

    card: ClassVar[MethodCard] = MethodCard(
        title="PINN (JAX)",
        family="physics",
        framework="jax",
        summary="a network fitted to each sample by its equation alone; JAX, compiled",
        description="No data and no training: every sample is solved by minimising the residual of its equation. The "
        "same network, points and weights as the DeepXDE row, with forward-mode derivatives in one compiled loop; at the "
        "small tier, some 15 to 30 s a sample on one core where the equation has derivatives of first and second order.",
        sources=(
            Source(
                citation="Raissi, Perdikaris & Karniadakis 2019, Physics-informed neural networks",
                doi="10.1016/j.jcp.2018.10.045",
            ),
            Source(
                citation="Wu et al. 2023, A comprehensive study of non-adaptive and residual-based adaptive sampling",
                doi="10.1016/j.cma.2022.115671",
            ),
        ),
        uses_data=False,
        per_instance=True,
        needs=("jax", "optax"),
    )
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
        {
            "smoke": {"width": 8, "layers": 2, "points": 64, "adam_updates": 20, "lbfgs_updates": 20, "rounds": 2},
            "small": {"points": 1000, "adam_updates": 400, "lbfgs_updates": 1600, "rounds": 4},
            "full": {"points": 5000, "lbfgs_updates": 10_000, "rounds": 10},
        }
    )
    search: ClassVar[Mapping[str, tuple[Any, ...]]] = MappingProxyType(
        {
            "learning_rate": (1e-3, 2e-3, 4e-3),
            "width": (24, 32, 48),
            "initial_weight": (1.0, 10.0, 100.0),
            "boundary_weight": (1.0, 10.0, 100.0),
        }
    )

    width: int = 32
    layers: int = 4
    points: int = 2500
    adam_updates: int = 500
    lbfgs_updates: int = 2500
    rounds: int = 5
    learning_rate: float = 2e-3
    initial_weight: float = 10.0
    boundary_weight: float = 10.0
    precision: Literal["32-true", "64-true"] = "64-true"

    def applies_to(self, problem: Problem) -> str | None:
        """Only where an equation and a given state determine the solution."""
        return why_not_collocation(problem)

    def fit(
        self,
        train: xr.Dataset,
        valid: xr.Dataset,  # noqa: ARG002
        *,
        problem: Problem,
        budget: Budget,  # noqa: ARG002
        seed: int,
        device: str,
        log: Log,
    ) -> Predictor:
        """Check the settings; of the data only the layout is used."""
        Settings.of(self)
        collocation = Collocation.of(problem, train, points=self.points, seed=seed)
        return SolveEach(method=self, collocation=collocation, device=device, log=log)

    def solver(self, collocation: Collocation, device: str) -> Solve:
        """Return what solves one instance after the other."""
        return Fit(settings=Settings.of(self), collocation=collocation, device=device)


@dataclass(frozen=True, kw_only=True)
class Fit:
    """Fits a network to one instance after the other; compiled once for all of one domain."""

    settings: Settings
    collocation: Collocation
    device: str

    def __call__(self, instance: Instance, box: Box) -> Solution:
        """Return the solution of one instance."""
        import jax

        with x64(), jax.default_device(jax.devices("gpu" if self.device == "cuda" else "cpu")[0]):
            return self._solve(instance, box)

    def _solve(self, instance: Instance, box: Box) -> Solution:
        settings, losses = self.settings, dict[int, float]()
        first = first_weights(box, settings, len(self.collocation.equation.unknowns), self.collocation.seed)
        theta, batch = np.concatenate([a.ravel() for pair in first for a in pair]), self._batch(instance)
        run = self._compiled(box)
        theta, adam_rate = self._adam(run, theta, batch, losses)
        iterations, seconds = 0, 0.0
        for number in range(settings.rounds if settings.lbfgs_updates else 0):
            size = self._sizes(run, theta, batch)
            instance = self.collocation.again(instance, box, number + 1, size)
            batch = self._batch(instance)
            begun = time.perf_counter()
            theta, count = self._lbfgs(run, theta, batch, losses, settings.adam_updates + iterations)
            iterations, seconds = iterations + count, seconds + time.perf_counter() - begun
        values = run.values(self._array(theta), self._array(instance.queries), batch["scales"])
        return Solution(
            values=np.asarray(values, np.float64),
            losses=losses,
            adam_rate=adam_rate,
            lbfgs_rate=iterations / seconds if iterations else 0.0,
            parameters=len(theta),
        )

    def _compiled(self, box: Box) -> "Compiled":
        equation = self.collocation.equation
        return compiled(equation.residual, equation.reads(), equation.unknowns, box, self.settings)

    def _adam(
        self, run: "Compiled", theta: np.ndarray, batch: Any, losses: dict[int, float]
    ) -> tuple[np.ndarray, float]:
        """Return the weights after Adam, and its iterations a second without the first, which compiles."""
        updates, at = self.settings.adam_updates, self._array(theta)
        state, begun = run.begin(at), time.perf_counter()
        for update in range(1, updates + 1):
            value, slope = run.slope(at, batch)
            at, state = run.update(at, slope, state)
            if update == 1 or update == updates or update % math.ceil(updates / MARKS) == 0:
                losses[update] = _checked(float(value), update)
            if update == 1:
                begun = time.perf_counter()
        seconds = time.perf_counter() - begun
        return np.asarray(at, np.float64), (updates - 1) / seconds if updates > 1 else 0.0

    def _lbfgs(
        self, run: "Compiled", theta: np.ndarray, batch: Any, losses: dict[int, float], before: int
    ) -> tuple[np.ndarray, int]:
        """Return the weights after one round of L-BFGS, and its iterations."""
        from scipy.optimize import OptimizeResult, minimize

        share, done = self.settings.share, 0

        def slope(theta: np.ndarray) -> tuple[float, np.ndarray]:
            value, slope = run.slope(self._array(theta), batch)
            losses.setdefault(before, float(value))
            return _checked(float(value), before + done), np.asarray(slope, np.float64)

        def note(intermediate_result: OptimizeResult) -> None:
            nonlocal done
            done += 1
            if done % math.ceil(share / BLOCKS) == 0:
                losses[before + done] = float(intermediate_result.fun)

        limits = {"maxiter": share, "maxfun": 20 * share, "maxcor": MEMORY, "maxls": 50, "ftol": 0.0, "gtol": 1e-12}
        found = minimize(slope, theta, jac=True, method="L-BFGS-B", callback=note, options=limits)
        losses[before + done] = float(found.fun)
        return found.x, done

    def _sizes(self, run: "Compiled", theta: np.ndarray, batch: Any) -> Callable[[np.ndarray], np.ndarray]:
        return lambda points: np.asarray(run.size(self._array(theta), self._array(points), batch))

    def _array(self, values: Any) -> Array:
        import jax.numpy as jnp

        return jnp.asarray(values, jnp.float64 if self.settings.precision == "64-true" else jnp.float32)

    def _batch(self, instance: Instance) -> dict[str, Any]:
        """Return the instance as arrays, the points inside in chunks, the last one filled up with points of no weight."""
        n = len(instance.inside)
        rows = 1 if self.device == "cuda" else math.ceil(n / CHUNK)
        size = math.ceil(n / rows)
        filled = np.resize(instance.inside, (rows * size, instance.inside.shape[1]))
        weight = (np.arange(rows * size) < n) / n
        return {
            "inside": self._array(filled.reshape(rows, size, -1)),
            "weight": self._array(weight.reshape(rows, size)),
            "start": self._array(instance.start),
            "start_values": self._array(instance.start_values),
            "walls": self._array(instance.walls),
            "wall_values": {str(k): self._array(v) for k, v in instance.wall_values.items()},
            "scales": self._array(instance.scales),
            "residual_scales": {k: self._array(v) for k, v in instance.residual_scales.items()},
            "parameters": {k: self._array(v) for k, v in self.collocation.equation.parameters.items()},
        }


def _checked(loss: float, update: int) -> float:
    if not math.isfinite(loss):
        raise DivergedError(f"the loss became {loss} after update {update}; a smaller learning_rate may help")
    return loss


@dataclass(frozen=True, kw_only=True)
class Compiled:
    """The compiled functions of the weights θ, a flat vector.

    `slope(θ, batch)` is the loss and its gradient; `begin(θ)` and `update(θ, gradient, state)` are Adam's; `size(θ, points,
    batch)` is Σ |r/R| and `values(θ, points, scales)` the unknowns.
    """

    slope: Callable[..., Any]
    begin: Callable[..., Any]
    update: Callable[..., Any]
    size: Callable[..., Any]
    values: Callable[..., Any]


@lru_cache(maxsize=16)
def compiled(
    residual: Callable[[Any, Any], dict[str, Array]],
    reads: frozenset[str],
    unknowns: tuple[str, ...],
    box: Box,
    settings: Settings,
) -> Compiled:
    """Return the functions for an equation on a domain; its parameters and the data come with the batch."""
    import jax
    import jax.numpy as jnp
    import optax

    sizes = layer_sizes(box, settings, len(unknowns))
    adam = optax.adam(settings.learning_rate)

    def residuals(theta: Array, points: Array, batch: Any) -> dict[str, Array]:
        def u(x: Array) -> Array:
            return network(theta, sizes, box, x) * batch["scales"]

        d = pointwise(u, points, reads, unknowns, box.names)
        found = residual(d, SimpleNamespace(**batch["parameters"]))
        return {name: r / batch["residual_scales"][name] for name, r in found.items()}

    def inside(theta: Array, points: Array, weight: Array, batch: Any) -> Array:
        return sum(jnp.sum(weight * r**2) for r in residuals(theta, points, batch).values())

    def edges(theta: Array, batch: Any) -> Array:
        gap = network(theta, sizes, box, batch["start"]) - batch["start_values"] / batch["scales"]
        total = settings.initial_weight * jnp.sum(jnp.mean(gap**2, axis=0))
        if batch["walls"].shape[0]:
            found = network(theta, sizes, box, batch["walls"])
            gaps = [found[:, int(k)] - v / batch["scales"][int(k)] for k, v in batch["wall_values"].items()]
            total += settings.boundary_weight * sum(jnp.mean(g**2) for g in gaps)
        return total

    def slope(theta: Array, batch: Any) -> Any:
        def add(total: Any, chunk: Any) -> Any:
            return jax.tree.map(jnp.add, total, jax.value_and_grad(inside)(theta, *chunk, batch)), None

        return jax.lax.scan(add, jax.value_and_grad(edges)(theta, batch), (batch["inside"], batch["weight"]))[0]

    def update(theta: Array, gradient: Array, state: Any) -> Any:
        change, state = adam.update(gradient, state)
        return optax.apply_updates(theta, change), state

    def size(theta: Array, points: Array, batch: Any) -> Array:
        return sum(abs(r) for r in residuals(theta, points, batch).values())

    def values(theta: Array, points: Array, scales: Array) -> Array:
        return network(theta, sizes, box, points) * scales

    return Compiled(
        slope=jax.jit(slope), begin=adam.init, update=jax.jit(update), size=jax.jit(size), values=jax.jit(values)
    )


def network(theta: Array, sizes: tuple[tuple[int, int], ...], box: Box, points: Array) -> Array:
    """N(points; θ), of order one: (n, axes) → (n, unknown)."""
    import jax.numpy as jnp

    columns = [points[:, i : i + 1] for i in range(points.shape[1])]
    h, used = jnp.concatenate(box.features(columns, jnp.sin, jnp.cos), axis=1), 0
    for number, (a, b) in enumerate(sizes):
        weight = theta[used : used + a * b].reshape(a, b)
        h = h @ weight + theta[used + a * b : used + a * b + b]
        h = jnp.tanh(h) if number + 1 < len(sizes) else h
        used += a * b + b
    return h


def pointwise(
    u: Callable[[Array], Array], points: Array, reads: frozenset[str], unknowns: tuple[str, ...], names: tuple[str, ...]
) -> Any:
    """Return the d of `residual(d, p)`: coordinates, fields and the derivatives that it reads, (n,) each.

    `u` maps points (n, axes) to (n, unknown), each row for itself.
    """
    import jax.numpy as jnp

    axes = "".join(names)
    wanted = [split_name(n) for n in reads if n not in names]
    found = derivatives(u, points, {order for _, order in wanted}, axes)
    named = {n: points[:, names.index(n)] for n in reads if n in names}
    for base, order in wanted:
        value = found["".join(sorted(order, key=axes.index))][:, unknowns.index(base)]
        named[f"{base}_{order}" if order else base] = value
    return SimpleNamespace(**named, sin=jnp.sin, cos=jnp.cos, exp=jnp.exp)


def derivatives(u: Callable[[Array], Array], points: Array, wanted: set[str], axes: str) -> dict[str, Array]:
    """Return u and its derivatives by name, such as "", "t", "xx", letters in the order of `axes`, (n, unknown) each.

    Nested Jacobian-vector products in one pass, in which all derivatives share what they have in common.
    """
    import jax
    import jax.numpy as jnp

    def leads(name: str) -> bool:
        return any(all(name.count(a) <= w.count(a) for a in axes) for w in wanted)

    def along(g: Callable[[Array], dict[str, Array]], axis: str) -> Callable[[Array], dict[str, Array]]:
        def further(x: Array) -> dict[str, Array]:
            direction = jnp.zeros_like(x).at[:, axes.index(axis)].set(1)
            value, rate = jax.jvp(g, (x,), (direction,))
            return value | {axis + n: r for n, r in rate.items() if axis + n not in value and leads(axis + n)}

        return further

    def plain(x: Array) -> dict[str, Array]:
        return {"": u(x)}

    tower: Callable[[Array], dict[str, Array]] = plain
    for axis in reversed(axes):
        for _ in range(max((w.count(axis) for w in wanted), default=0)):
            tower = along(tower, axis)
    return tower(points)
