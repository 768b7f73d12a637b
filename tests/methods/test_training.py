"""What the choices of training do: optimisers by hand, dropout, and which values are refused."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from sciml_bench.errors import UnknownNameError, UsageError
from sciml_bench.method.lion import Lion
from sciml_bench.method.torch_loop import TensorExamples, optimize
from sciml_bench.method.training import Training
from sciml_bench.methods.fno import FNO
from sciml_bench.methods.unet import UNet
from sciml_bench.methods.unet.network import UNetwork
from sciml_bench.registry import build_method


class Notes:
    """A log that keeps the curves."""

    def __init__(self):
        self.curves = {}

    def progress(self, fraction, message=""):
        pass

    def curve(self, name, step, value):
        self.curves.setdefault(name, []).append(value)

    def fact(self, name, value):
        pass


class Bowl(torch.nn.Module):
    """½ Σ cᵢ θᵢ²: its gradient is cᵢ θᵢ."""

    def __init__(self, start, curvature):
        super().__init__()
        self.theta = torch.nn.Parameter(torch.tensor(start, dtype=torch.float64))
        self.register_buffer("curvature", torch.tensor(curvature, dtype=torch.float64))

    def forward(self, x):
        return (self.curvature * self.theta**2).sum() / 2 + 0 * x.sum()


def descend(start, curvature, log=None, **hyperparameters):
    module, states = Bowl(start, curvature), []

    def validate(m):
        states.append(m.theta.detach().numpy().copy())
        return -len(states)

    updates = hyperparameters.setdefault("updates", 5)
    training = Training(
        **{"precision": "64-true", "weight_decay": 0.0, "clip_norm": 0.0, "validations": updates, **hyperparameters}
    )
    training.check()
    examples = TensorExamples(torch.zeros(4, 1, dtype=torch.float64))
    optimize(
        module, examples, lambda m, b: m(b[0]), validate, training=training, seed=0, device="cpu", log=log or Notes()
    )
    return np.array(states)


def lion_by_hand(theta, curvature, rates, decay):
    momentum, states = np.zeros_like(theta), []
    for rate in rates:
        gradient = curvature * theta
        direction = np.sign(0.9 * momentum + 0.1 * gradient)
        theta = theta - rate * (direction + decay * theta)
        momentum = 0.99 * momentum + 0.01 * gradient
        states.append(theta)
    return np.array(states)


def test_lion_makes_the_updates_of_the_paper():
    start, curvature = [1.0, -0.5, 0.02, 0.0], [1.0, 30.0, 2.0, 1.0]
    found = descend(
        start, curvature, updates=12, optimizer="lion", schedule="constant", learning_rate=0.05, weight_decay=0.3
    )
    expected = lion_by_hand(np.array(start), np.array(curvature), [0.05] * 12, 0.3)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)
    assert len(np.unique(np.sign(np.diff(expected[:, 2])))) == 2  # momentum carries it over the minimum and back


def test_lion_follows_the_cosine():
    rates = [0.025 * (1 + math.cos(math.pi * k / 12)) for k in range(12)]
    found = descend([1.0, -2.0], [1.0, 3.0], updates=12, optimizer="lion", schedule="cosine", learning_rate=0.05)
    np.testing.assert_allclose(found, lion_by_hand(np.array([1.0, -2.0]), np.array([1.0, 3.0]), rates, 0), rtol=1e-10)


def test_lion_treats_a_complex_weight_as_two_real_ones():
    weight = torch.nn.Parameter(torch.tensor([1.0 - 2.0j, 0.5 + 0.0j]))
    optimizer = Lion([weight], lr=0.1, weight_decay=0.5)
    weight.grad = torch.tensor([3.0 - 0.2j, -1.0 + 0.0j])
    optimizer.step()
    torch.testing.assert_close(weight.detach(), torch.tensor([0.85 - 1.8j, 0.575 + 0.0j]))


def test_sgd_has_the_momentum_that_it_is_given():
    for given, momentum in ((0.5, 0.5), (0.0, 0.0), (None, 0.9)):
        theta, velocity, expected = np.array([1.0, -2.0]), np.zeros(2), []
        for _ in range(5):
            velocity = momentum * velocity + np.array([1.0, 3.0]) * theta
            theta = theta - 0.05 * velocity
            expected.append(theta)
        more = {"optimizer": "sgd", "schedule": "constant", "learning_rate": 0.05, "momentum": given}
        np.testing.assert_allclose(descend([1.0, -2.0], [1.0, 3.0], **more), expected, rtol=1e-12)


def test_one_cycle_leaves_momentum_alone_and_moves_only_the_rate():
    log = Notes()
    found = descend(
        [1.0], [1.0], log, updates=20, optimizer="sgd", momentum=0.7, learning_rate=0.1, schedule="onecycle"
    )
    theta, velocity, expected = 1.0, 0.0, []
    for rate in log.curves["learning_rate"]:
        velocity = 0.7 * velocity + theta
        theta -= rate * velocity
        expected.append(theta)
    np.testing.assert_allclose(found[:, 0], expected, rtol=1e-10)
    rates = log.curves["learning_rate"]
    assert max(rates) == pytest.approx(0.1, rel=0.02)
    assert 0 < np.argmax(rates) < 10
    assert rates[-1] < 0.02 * max(rates)


def test_weight_decay_is_beside_the_gradient_of_adamw_and_part_of_that_of_sgd():
    flat = {"schedule": "constant", "learning_rate": 0.1, "weight_decay": 0.5, "updates": 1}
    assert descend([2.0], [0.0], optimizer="adamw", **flat)[0, 0] == pytest.approx(2 * (1 - 0.05))
    assert descend([2.0], [0.0], optimizer="lion", **flat)[0, 0] == pytest.approx(2 * (1 - 0.05))
    assert descend([2.0], [3.0], optimizer="sgd", momentum=0.0, **flat)[0, 0] == pytest.approx(2 - 0.1 * (6 + 1))


@pytest.mark.parametrize(
    ("hyperparameters", "words"),
    [
        ({"momentum": 0.5}, "momentum is 0.5, but optimizer is 'adamw', which has none; use 'sgd'"),
        ({"momentum": 0.0, "optimizer": "lion"}, "optimizer is 'lion', which has none"),
        ({"momentum": 1.0, "optimizer": "sgd"}, "momentum is 1.0, but must be at least 0 and below 1"),
        ({"learning_rate": math.nan}, "learning_rate is nan, but must be a positive number"),
        ({"weight_decay": math.inf}, "weight_decay is inf, but must not be negative, nor infinite"),
        ({"clip_norm": math.nan}, "clip_norm is nan, but must not be negative"),
        ({"patience": -1}, "patience is -1, but must not be negative"),
        ({"batch_size": 0}, "batch_size is 0, but must be at least 1"),
    ],
)
def test_values_without_meaning_are_refused(hyperparameters, words):
    with pytest.raises(UsageError, match=words):
        Training(**hyperparameters).check()


def test_an_unknown_choice_is_answered_with_its_neighbours():
    with pytest.raises(UnknownNameError, match=r"unknown optimizer 'adam': did you mean adamw\?"):
        Training(optimizer="adam").check()
    with pytest.raises(UnknownNameError, match=r"unknown precision 'bf16'"):
        Training(precision="bf16").check()


def test_the_command_line_sets_every_choice():
    words = {"optimizer": "sgd", "momentum": "0.8", "schedule": "cosine", "precision": "bf16-mixed", "patience": "2"}
    training = Training.of(build_method(FNO, "smoke", {}, words))
    assert (training.optimizer, training.momentum, training.schedule) == ("sgd", 0.8, "cosine")
    assert (training.precision, training.patience, training.updates) == ("bf16-mixed", 2, 60)
    with pytest.raises(UsageError, match="hyperparameter 'optimizer' is 'adam': expected one of adamw, sgd, lion"):
        build_method(FNO, "smoke", {}, {"optimizer": "adam"})


def test_a_method_without_momentum_of_its_own_trains_as_well():
    own = {k: v for k, v in vars(Training(updates=7)).items() if k != "momentum"}
    assert Training.of(SimpleNamespace(**own)) == Training(updates=7)
    with pytest.raises(AttributeError, match="schedule"):
        Training.of(SimpleNamespace(**{k: v for k, v in own.items() if k != "schedule"}))


@pytest.mark.parametrize("grid", [(32,), (12, 12)])
def test_dropout_of_the_unet_acts_in_training_alone(grid):
    x = torch.randn(2, 1, *grid, generator=torch.Generator().manual_seed(0))

    def network(dropout):
        torch.manual_seed(0)
        return UNetwork(1, 1, len(grid), width=8, depth=1, periodic=True, dropout=dropout)

    plain, thinned = network(0.0), network(0.5)
    torch.manual_seed(1)
    assert torch.equal(plain(x), plain(x))
    assert not torch.allclose(thinned(x), thinned(x))
    torch.testing.assert_close(thinned.eval()(x), plain.eval()(x))


def test_a_share_of_dropout_without_meaning_is_refused():
    with pytest.raises(UsageError, match=r"dropout is 1\.0, but must lie between 0 and 0\.9"):
        UNet(dropout=1.0).check()
