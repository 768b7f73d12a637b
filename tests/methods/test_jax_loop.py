"""The shared JAX loop: what it learns, keeps, logs and repeats."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from sciml_bench.errors import DivergedError, UsageError
from sciml_bench.method.jax_loop import as_numpy, is_trained, optimize, schedule
from sciml_bench.method.training import Training
from sciml_bench.testing.method_checks import Silent

TRUE = np.array([[1.0, -2.0], [0.5, 3.0]])


class Linear(eqx.Module):
    weight: jax.Array
    offset: np.ndarray  # a constant

    def __call__(self, x):
        return self.weight @ x + self.offset


def examples(n=64):
    x = np.random.default_rng(5).standard_normal((n, 2))
    return x, x @ TRUE.T + 0.5


def square(model, batch):
    x, y = batch
    return ((jax.vmap(model)(x) - y) ** 2).mean()


def distance(model):
    return float(np.linalg.norm(np.asarray(model.weight, np.float64) - TRUE) / np.linalg.norm(TRUE))


def learn(seed=0, validate=distance, loss=square, log=None, data=None, **hyperparameters):
    model = Linear(jax.random.normal(jax.random.PRNGKey(seed), (2, 2)), np.full(2, 0.5))
    training = Training(**{"learning_rate": 0.1, "updates": 200, "weight_decay": 0.0, **hyperparameters})
    return optimize(
        model, data or examples(), loss, validate, training=training, seed=seed, device="cpu", log=log or Silent()
    )


@pytest.mark.parametrize(
    ("optimizer", "schedule", "rate", "near"),
    [
        ("adamw", "onecycle", 0.1, 0.01),
        ("adamw", "constant", 0.1, 0.01),
        ("sgd", "cosine", 0.03, 0.01),
        ("lion", "cosine", 0.05, 0.02),
    ],
)
def test_a_linear_map_is_learnt(optimizer, schedule, rate, near):
    assert distance(learn(optimizer=optimizer, schedule=schedule, learning_rate=rate, updates=400)) < near


def test_constants_are_not_trained():
    model = learn()
    assert isinstance(model.offset, np.ndarray)
    assert np.array_equal(model.offset, np.full(2, 0.5, np.float32))
    assert not is_trained(model.offset)
    assert is_trained(model.weight)
    assert isinstance(as_numpy(model).weight, np.ndarray)


def test_one_update_is_that_of_optax():
    x, y = examples(8)
    rule = optax.adamw(0.1, weight_decay=0.3)
    with_decay = learn(
        data=(x, y), optimizer="adamw", schedule="constant", weight_decay=0.3, updates=1, batch_size=8, clip_norm=0.0
    )
    weight = jax.random.normal(jax.random.PRNGKey(0), (2, 2))
    gradient = jax.grad(lambda w: ((jnp.asarray(x, jnp.float32) @ w.T + 0.5 - jnp.asarray(y)) ** 2).mean())(weight)
    step, _ = rule.update(gradient, rule.init(weight), weight)
    assert np.asarray(with_decay.weight) == pytest.approx(np.asarray(weight + step), abs=1e-5)


def test_the_loss_falls_and_the_curves_are_thin():
    log = Silent()
    learn(updates=1003, log=log)
    assert set(log.curves) == {"loss", "gradient_norm", "learning_rate", "valid_loss"}
    steps, losses = zip(*log.curves["loss"], strict=True)
    assert losses[-1] < 1e-3 * losses[0]
    assert len(steps) <= 205
    assert steps[-1] == 1003
    assert max(r for _, r in log.curves["learning_rate"]) == pytest.approx(0.1, rel=0.01)
    assert [s for s, _ in log.curves["valid_loss"]] == [201, 402, 602, 803, 1003]
    assert log.facts["parameters"] == 4
    assert log.facts["updates"] == 1003
    assert 50 <= len(log.fractions) <= 100
    assert log.fractions == sorted(log.fractions)
    assert log.fractions[-1] == 1


def test_the_logged_loss_is_the_mean_since_the_last_point():
    log = Silent()
    learn(updates=400, optimizer="sgd", schedule="constant", learning_rate=1e-30, batch_size=64, log=log)
    expected = float(square(Linear(jax.random.normal(jax.random.PRNGKey(0), (2, 2)), np.full(2, 0.5)), examples()))
    assert [v for _, v in log.curves["loss"]] == pytest.approx([expected] * 200, rel=1e-5)


def test_the_state_of_the_best_validation_is_kept():
    scores = iter([3.0, 1.0, 2.0, math.nan, 5.0])
    seen = []

    def validate(model):
        seen.append(np.asarray(model.weight).copy())
        return next(scores)

    log = Silent()
    model = learn(validate=validate, log=log)
    assert np.array_equal(np.asarray(model.weight), seen[1])
    assert not np.array_equal(seen[1], seen[4])
    assert log.facts["best_update"] == 80


def test_patience_ends_the_fit():
    log = Silent()
    learn(validate=lambda _: 1.0, patience=2, log=log)
    assert log.facts["updates"] == 120
    assert log.facts["best_update"] == 40


def test_seeds_repeat_and_differ():
    first, again, other = (np.asarray(learn(seed=s, updates=20).weight) for s in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_every_example_is_seen_once_in_an_epoch():
    n = 12
    rows = np.eye(n)

    class Count(eqx.Module):
        seen: jax.Array

    found = optimize(
        Count(jnp.zeros(n)),
        (rows,),
        lambda m, batch: -(batch[0].sum(0) * m.seen).sum(),  # each update adds the examples of its batch
        lambda _: 0.0,
        training=Training(
            optimizer="sgd",
            schedule="constant",
            learning_rate=1e-3,
            weight_decay=0.0,
            batch_size=4,
            updates=1,
            clip_norm=0.0,
            validations=1,
        ),
        seed=3,
        device="cpu",
        log=Silent(),
    )
    assert sorted(np.round(1e3 * np.asarray(found.seen)).tolist()) == [0.0] * 8 + [1.0] * 4


def test_clipping_bounds_the_step():
    start = np.asarray(jax.random.normal(jax.random.PRNGKey(0), (2, 2)))
    common = {"optimizer": "sgd", "schedule": "constant", "learning_rate": 1.0, "updates": 1}
    moved = np.asarray(learn(clip_norm=1e-2, **common).weight) - start
    assert np.linalg.norm(moved) == pytest.approx(1e-2, rel=1e-3)


@pytest.mark.parametrize(("precision", "near"), [("bf16-mixed", 0.05), ("64-true", 1e-6)])
def test_precisions(precision, near):
    model = learn(precision=precision, updates=600)
    assert distance(model) < near
    assert model.weight.dtype == (np.float64 if precision == "64-true" else np.float32)


def test_onecycle_falls_back_where_it_is_too_short():
    rates = [float(schedule(Training(updates=5))(k)) for k in range(6)]
    assert rates[0] == pytest.approx(1e-3)
    assert rates[-1] == 0
    assert all(math.isfinite(r) for r in rates)


def test_a_loss_that_is_not_finite_diverges():
    with pytest.raises(DivergedError, match=r"smaller learning_rate \(now 1e\+30\)"):
        learn(optimizer="sgd", schedule="constant", learning_rate=1e30, clip_norm=0.0)


def test_a_validation_that_is_never_finite_diverges():
    with pytest.raises(DivergedError, match="no validation"):
        learn(validate=lambda _: math.nan)


@pytest.mark.parametrize(
    ("change", "words"), [({"precision": "16-mixed"}, "bf16-mixed"), ({"optimizer": "adam"}, "adamw, sgd, lion")]
)
def test_what_it_cannot_do_is_refused(change, words):
    with pytest.raises(UsageError, match=words):
        learn(**change)
