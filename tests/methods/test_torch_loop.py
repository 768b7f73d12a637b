"""The shared loop: what it learns, keeps, logs and repeats."""

import math
import pickle

import numpy as np
import pytest
import torch

from sciml_bench.errors import DivergedError, UsageError
from sciml_bench.method.torch_loop import TensorExamples, optimize, seeded
from sciml_bench.method.training import Training


class Notes:
    """A log that keeps everything."""

    def __init__(self):
        self.facts, self.curves, self.fractions = {}, {}, []

    def progress(self, fraction, message=""):
        self.fractions.append(fraction)

    def curve(self, name, step, value):
        self.curves.setdefault(name, []).append((step, value))

    def fact(self, name, value):
        self.facts[name] = value


TRUE = torch.tensor([[1.0, -2.0], [0.5, 3.0]])


def examples(n=64):
    x = torch.randn(n, 2, generator=torch.Generator().manual_seed(5))
    return TensorExamples(x, x @ TRUE.T)


def square(module, batch):
    return ((module(batch[0]) - batch[1]) ** 2).mean()


def distance(module):
    return float((module.weight.detach().float() - TRUE).norm() / TRUE.norm())


def learn(seed=0, validate=distance, loss=square, log=None, module=None, **hyperparameters):
    if module is None:
        with seeded(seed, "cpu"):
            module = torch.nn.Linear(2, 2)
    training = Training(**{"learning_rate": 0.1, "updates": 200, "weight_decay": 0.0, **hyperparameters})
    return optimize(module, examples(), loss, validate, training=training, seed=seed, device="cpu", log=log or Notes())


def weights(module):
    return b"".join(p.detach().numpy().tobytes() for p in module.parameters())


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
@pytest.mark.parametrize("schedule", ["onecycle", "cosine", "constant"])
def test_a_linear_map_is_learnt(optimizer, schedule):
    rate = 0.1 if optimizer == "adamw" else 0.03
    module = learn(optimizer=optimizer, schedule=schedule, learning_rate=rate)
    assert distance(module) < 0.01
    assert not module.training


def test_the_loss_falls_and_the_curves_are_thin():
    log = Notes()
    learn(updates=1000, log=log)
    assert set(log.curves) == {"loss", "gradient_norm", "learning_rate", "valid_loss"}
    steps, losses = zip(*log.curves["loss"], strict=True)
    assert losses[-1] < 1e-3 * losses[0]
    assert len(steps) <= 205
    assert steps[-1] == 1000
    assert max(r for _, r in log.curves["learning_rate"]) == pytest.approx(0.1, rel=0.01)
    assert [s for s, _ in log.curves["valid_loss"]] == [200, 400, 600, 800, 1000]
    assert 50 <= len(log.fractions) <= 100
    assert log.fractions == sorted(log.fractions)
    assert log.fractions[-1] == 1
    assert log.facts["parameters"] == 6


def test_same_seed_same_bytes_other_seed_other_bytes():
    once, again, other = learn(seed=3), learn(seed=3), learn(seed=4)
    assert weights(once) == weights(again)
    assert weights(once) != weights(other)


def test_the_global_random_states_are_put_back():
    torch.manual_seed(1)
    np.random.seed(1)  # noqa: NPY002
    before, numpy_before = torch.get_rng_state(), pickle.dumps(np.random.get_state())  # noqa: NPY002
    learn(updates=5)
    assert torch.equal(torch.get_rng_state(), before)
    assert pickle.dumps(np.random.get_state()) == numpy_before  # noqa: NPY002
    assert not torch.are_deterministic_algorithms_enabled()


def test_the_best_validation_is_kept():
    scores, states = iter([3.0, 1.0, 2.0, 1.5]), []

    def validate(module):
        assert not module.training
        states.append(weights(module))
        return next(scores)

    log = Notes()
    module = learn(updates=40, validations=4, validate=validate, log=log)
    assert log.facts["best_update"] == 20
    assert weights(module) == states[1]
    assert len(set(states)) == 4


def test_patience_ends_the_fit():
    scores, log = iter([1.0, 2.0, 3.0, 0.0]), Notes()
    learn(updates=40, validations=4, patience=2, validate=lambda _: next(scores), log=log)
    assert log.facts["updates"] == 30
    assert log.facts["best_update"] == 10


def test_a_validation_that_is_not_finite_is_never_the_best():
    scores, log = iter([math.nan, 5.0, math.inf, math.nan]), Notes()
    learn(updates=40, validations=4, validate=lambda _: next(scores), log=log)
    assert log.facts["best_update"] == 20
    with pytest.raises(DivergedError, match="no validation of the fit was finite"):
        learn(updates=10, validate=lambda _: math.nan)


def test_an_exploding_fit_is_reported():
    with pytest.raises(DivergedError, match=r"the training loss became (nan|inf) by update \d+ of 200; a smaller"):
        learn(optimizer="sgd", schedule="constant", learning_rate=1e6, clip_norm=0.0)


def test_clipping_shortens_the_gradient():
    """One plain step of SGD moves the weights by rate × clipped norm."""

    def moved(**more):
        module = torch.nn.Linear(2, 2)
        torch.nn.init.zeros_(module.weight)
        torch.nn.init.zeros_(module.bias)
        learn(module=module, optimizer="sgd", schedule="constant", updates=1, learning_rate=0.5, **more)
        return float(torch.cat([p.detach().flatten() for p in module.parameters()]).norm())

    assert moved(clip_norm=0.1) == pytest.approx(0.05, rel=1e-4)
    assert moved(clip_norm=0.0) > 0.5


@pytest.mark.parametrize("precision", ["bf16-mixed", "64-true"])
def test_other_precisions_learn(precision):
    module = learn(precision=precision)
    assert distance(module) < 0.05
    assert module.weight.dtype == (torch.float64 if precision == "64-true" else torch.float32)


def test_half_precision_needs_a_gpu():
    with pytest.raises(UsageError, match="needs a GPU; use 'bf16-mixed'"):
        learn(precision="16-mixed")


def test_every_epoch_sees_every_example_once():
    seen = []

    def loss(module, batch):
        seen.extend(batch[0][:, 0].tolist())
        return square(module, batch)

    learn(loss=loss, updates=8, batch_size=16)
    assert sorted(seen[:64]) == sorted(seen[64:]) == sorted(examples().take(torch.arange(64))[0][:, 0].tolist())
    assert seen[:64] != seen[64:]


def test_a_batch_larger_than_the_data_is_all_of_it():
    assert distance(learn(batch_size=1000)) < 0.01


@pytest.mark.parametrize(
    ("hyperparameters", "words"),
    [
        ({"updates": 0}, "updates is 0, but must be at least 1"),
        ({"learning_rate": -1.0}, "learning_rate is -1.0, but must be a positive number"),
        ({"weight_decay": -0.1}, "weight_decay is -0.1, but must not be negative"),
    ],
)
def test_values_without_meaning_are_refused(hyperparameters, words):
    with pytest.raises(UsageError, match=words):
        Training(**hyperparameters).check()
