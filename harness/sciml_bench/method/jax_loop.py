"""The shared training loop of JAX methods: optax optimisers, many updates in one compiled call.

Deterministic: the same seed gives the same bytes on the same machine. It never reads the clock. A model is
any pytree (an Equinox module): its floating-point JAX arrays are trained, its NumPy arrays are constants.
"""

import math
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from ..errors import DivergedError, UsageError
from ..problem.spectral import x64
from .contract import Log
from .training import MOMENTUM, Training

POINTS = 200
"""Points of a logged curve, at most."""
TICKS = 80
"""Reports of progress over a fit."""

Model = TypeVar("Model")
Batch = tuple[jax.Array, ...]
Loss = Callable[[Any, Batch], jax.Array]


def optimize(
    model: Model,
    examples: tuple[np.ndarray, ...],
    loss: Loss,
    validate: Callable[[Model], float],
    *,
    training: Training,
    seed: int,
    device: str,
    log: Log,
) -> Model:
    """θ ← θ − η ∇θ L(θ), for `training.updates` updates; return the model at its best validation.

    `examples` are arrays whose first axis counts the examples; `loss(model, batch)` is a mean over a batch of
    them. `validate(model)` is called between updates; lower is better. Examples are drawn in epochs without
    replacement, each in a new order. Logs the curves `loss` (mean since the last point), `gradient_norm`
    (before clipping), `learning_rate` and `valid_loss`, and the facts `parameters`, `best_update` and `updates`.

    Precision "bf16-mixed" evaluates the loss in bfloat16 on weights that are kept in 32 bits, "64-true" does all
    in 64 bits. Raises `UsageError` for "16-mixed", whose scaling of the loss is not offered here, and
    `DivergedError` when the training loss, or every validation, is not finite.

    Sources: AdamW, Loshchilov & Hutter 2017, arXiv:1711.05101; Lion, Chen et al. 2023, arXiv:2302.06675; one cycle,
    Smith & Topin 2017, arXiv:1708.07120; optax, DeepMind 2020.
    """
    if training.precision == "16-mixed":
        raise UsageError("precision is '16-mixed', which methods on JAX do not offer; use 'bf16-mixed' or '32-true'")
    with jax.default_device(jax.devices("gpu" if device == "cuda" else "cpu")[0]):
        if training.precision != "64-true":
            return _optimize(model, examples, loss, validate, training=training, seed=seed, log=log)
        with x64():
            return _optimize(model, examples, loss, validate, training=training, seed=seed, log=log)


def is_trained(leaf: Any) -> bool:
    """Whether a leaf of a model is a weight: a floating-point array of JAX, not of NumPy."""
    return isinstance(leaf, jax.Array) and bool(jnp.issubdtype(leaf.dtype, jnp.floating))


def cast(tree: Model, dtype: Any) -> Model:
    """Return the pytree with its floating-point arrays, trained and constant, in another precision."""

    def one(a: Any) -> Any:
        if is_trained(a):
            return a.astype(dtype)
        return np.asarray(a, dtype) if isinstance(a, np.ndarray) and a.dtype.kind == "f" else a

    return jax.tree.map(one, tree)


def as_numpy(model: Model) -> Model:
    """Return the model with NumPy arrays for leaves, which any process can unpickle without touching a device."""
    return jax.tree.map(lambda a: np.asarray(a) if eqx.is_array(a) else a, model)


def rule(training: Training) -> optax.GradientTransformation:
    """Return optax's optimiser with the schedule and the clipping of `training`."""
    rate = schedule(training)
    decay = training.weight_decay
    momentum = MOMENTUM if training.momentum is None else training.momentum
    steps = {
        "adamw": lambda: optax.adamw(rate, weight_decay=decay),
        "sgd": lambda: optax.chain(optax.add_decayed_weights(decay), optax.sgd(rate, momentum=momentum)),
        "lion": lambda: optax.lion(rate, weight_decay=decay),
    }
    if training.optimizer not in steps:
        raise UsageError(f"optimizer is '{training.optimizer}', but must be one of {', '.join(steps)}")
    clip = optax.clip_by_global_norm(training.clip_norm) if training.clip_norm else optax.identity()
    return optax.chain(clip, steps[training.optimizer]())


def schedule(training: Training) -> optax.Schedule:
    """Return the learning rate as a function of the number of updates done."""
    if training.schedule == "onecycle" and training.updates >= 10:  # its warm-up must be longer than a step
        return optax.cosine_onecycle_schedule(training.updates, training.learning_rate)
    if training.schedule in ("onecycle", "cosine"):
        return optax.cosine_decay_schedule(training.learning_rate, training.updates)
    return optax.constant_schedule(training.learning_rate)


def _optimize(
    model: Model,
    examples: tuple[np.ndarray, ...],
    loss: Loss,
    validate: Callable[[Model], float],
    *,
    training: Training,
    seed: int,
    log: Log,
) -> Model:
    dtype = jnp.float64 if training.precision == "64-true" else jnp.float32
    weights, rest = eqx.partition(cast(model, dtype), is_trained)
    data = tuple(jnp.asarray(a, dtype) for a in examples)
    chain, rates = rule(training), schedule(training)
    advance = _compiled(loss, chain, training.precision == "bf16-mixed")
    log.fact("parameters", sum(a.size for a in jax.tree.leaves(weights)))

    updates, progress = training.updates, math.ceil(training.updates / TICKS)
    checks = {math.ceil(updates * (k + 1) / training.validations) for k in range(training.validations)}
    batches = _batches(len(examples[0]), training.batch_size, seed)
    stride = math.ceil(updates / POINTS)
    state, update, tick = chain.init(weights), 0, 0
    best, best_score, best_update, worse = None, math.inf, 0, 0
    while update < updates:
        target = min([(update // stride + 1) * stride, updates, *(c for c in checks if c > update)])
        index = np.stack([next(batches) for _ in range(target - update)])
        filled = np.concatenate([index, np.repeat(index[-1:], stride - len(index), 0)])  # one shape is compiled
        weights, state, total, length = advance(
            weights, state, rest, data, jnp.asarray(filled), jnp.asarray(len(index))
        )
        update, mean = target, float(total) / len(index)
        if not math.isfinite(mean):
            raise DivergedError(
                f"the training loss became {mean} by update {update} of {updates}; a smaller learning_rate "
                f"(now {training.learning_rate:g}) or clip_norm (now {training.clip_norm:g}) may help"
            )
        log.curve("loss", update, mean)
        log.curve("gradient_norm", update, float(length))
        log.curve("learning_rate", update, float(rates(update - 1)))
        if update >= tick:
            tick = update + progress
            log.progress(update / updates, f"update {update} of {updates}, loss {mean:.3g}")
        if update in checks:
            score = float(validate(eqx.combine(weights, rest)))
            log.curve("valid_loss", update, score)
            worse += 1
            if score < best_score:
                best, best_score, best_update, worse = weights, score, update, 0
            if training.patience and worse >= training.patience:
                break
    if best is None:
        raise DivergedError(
            "no validation of the fit was finite, so there is no state to keep; a smaller learning_rate "
            f"(now {training.learning_rate:g}) may help"
        )
    log.fact("best_update", best_update)
    log.fact("updates", update)
    log.progress(1.0, f"best validation {best_score:.3g} at update {best_update}")
    return eqx.combine(best, rest)


def _compiled(loss: Loss, chain: optax.GradientTransformation, half: bool) -> Any:
    """Return the compiled function that makes `count` updates and returns weights, state, Σ loss and the last ‖∇‖.

    Data and constants are arguments, not part of the program, so that another fold finds it compiled already.
    """

    def value(weights: Any, rest: Any, batch: Batch) -> jax.Array:
        model = eqx.combine(weights, rest)
        if half:
            return loss(cast(model, jnp.bfloat16), cast(batch, jnp.bfloat16)).astype(jnp.float32)
        return loss(model, batch)

    @eqx.filter_jit
    def many(weights: Any, state: Any, rest: Any, data: Batch, index: jax.Array, count: jax.Array) -> Any:
        def one(k: Any, carry: Any) -> Any:
            weights, state, total, _ = carry
            found, gradient = jax.value_and_grad(value)(weights, rest, tuple(a[index[k]] for a in data))
            step, state = chain.update(gradient, state, weights)
            return optax.apply_updates(weights, step), state, total + found, norm(gradient)

        nothing = jnp.zeros((), jax.tree.leaves(weights)[0].dtype)
        return jax.lax.fori_loop(0, count, one, (weights, state, nothing, nothing))

    return many


def norm(tree: Any) -> jax.Array:
    """Return ‖·‖₂ of all leaves together."""
    return jnp.sqrt(sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(tree)))


def _batches(n: int, size: int, seed: int) -> Iterator[np.ndarray]:
    """Yield batches of indices for ever: each epoch a new order, its last batch dropped if it is short."""
    rng = np.random.default_rng(seed)
    size = min(size, n)
    while True:
        order = rng.permutation(n)
        for start in range(0, n - size + 1, size):
            yield order[start : start + size]
