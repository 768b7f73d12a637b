"""Networks for pictures: what they refuse, what they learn, symmetries in training, and checkpoints read elsewhere."""

import pickle
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
import xarray as xr

from sciml_bench.errors import ContractError, UsageError
from sciml_bench.method.image_network import Pictures, outputs
from sciml_bench.method.images import Answers, Channels, picture_channels, why_not_images
from sciml_bench.methods.efficientnet import EfficientNet
from sciml_bench.methods.resnet import ResNet
from sciml_bench.methods.vit import ViT
from sciml_bench.problem import Problem, Symmetry, Variable
from sciml_bench.testing import Silent

FIELD = Variable(name="a", dims=("x", "y"), description="a picture")
NUMBER = Variable(name="nu", dims=(), description="a number", kind="scalar")
KIND = Variable(name="kind", dims=(), description="what it shows", kind="label", classes=("bars", "rods"))
TILT = Variable(name="tilt", dims=(), description="how tilted it is", kind="scalar")


def swap(data):
    return data.assign(a=data["a"].copy(data=np.swapaxes(data["a"].values, 1, 2)))


def exchange(data):
    return data.assign(kind=1 - data["kind"], tilt=-data["tilt"])


TASK = Problem(name="task", kind="classification", inputs=(FIELD, NUMBER), targets=(KIND, TILT))
SYMMETRIC = replace(TASK, symmetries={"swap": Symmetry(inputs=swap, targets=exchange, description="swap the axes")})
METHODS = [
    ResNet(width=8, updates=60, batch_size=16, validations=2),
    EfficientNet(width_factor=0.25, depth_factor=0.25, updates=120, batch_size=16, learning_rate=1e-2, validations=2),
    ViT(width=32, depth=2, updates=150, batch_size=16, validations=2),
]
NAMES = [type(m).__name__ for m in METHODS]


def bars(samples, seed=0, only=None):
    """Stripes across x (kind 0) or y (kind 1); `tilt` is their strength, its sign says which."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, 2, samples) if only is None else np.full(samples, only)
    phase, strength = 2 * np.pi * rng.random((samples, 1)), rng.uniform(0.5, 2, samples)
    wave = np.cos(2 * np.pi * 4 * np.arange(32) / 32 + phase)[:, :, None] * np.ones(32) * strength[:, None, None]
    a = np.where(kind[:, None, None] == 0, wave, np.swapaxes(wave, 1, 2)) + 0.3 * rng.standard_normal((samples, 32, 32))
    return xr.Dataset(
        {
            "a": (("sample", "x", "y"), a + 5),
            "nu": (("sample",), rng.random(samples)),
            "kind": (("sample",), kind.astype(np.int64)),
            "tilt": (("sample",), 100 * strength * (1 - 2 * kind)),
        }
    )


def fit(method, train, valid, problem=TASK, seed=0, log=None):
    return method.fit(train, valid, problem=problem, budget=None, seed=seed, device="cpu", log=log or Silent())


@pytest.fixture(scope="module")
def fitted():
    return {type(m).__name__: fit(m, bars(96), bars(24, 1)) for m in METHODS}


@pytest.mark.parametrize("name", NAMES)
def test_it_learns_which_way_the_bars_run_and_how_strong_they_are(name, fitted):
    test = bars(40, 2)
    found = fitted[name](test[["a", "nu"]])
    assert found.kind.dims == ("sample", "class")
    np.testing.assert_allclose(found.kind.sum("class"), 1.0, rtol=1e-12)
    assert (found.kind.values.argmax(axis=1) == test.kind.values).mean() > 0.95
    error = np.sqrt(float(((found.tilt - test.tilt) ** 2).mean()))
    assert error < 0.5 * float(test.tilt.std())  # in the target's own unit, far from its training scale of 1


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_is_predicted_alike_in_any_company(name, fitted):
    test = bars(9, 3)[["a", "nu"]]
    whole, alone = fitted[name](test), fitted[name](test.isel(sample=[4]))
    np.testing.assert_allclose(whole.kind[4], alone.kind[0], atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(name):
    method = replace(METHODS[NAMES.index(name)], updates=3)
    train, valid, test = bars(32), bars(8, 1), bars(4, 2)[["a", "nu"]]
    first, again, other = (fit(method, train, valid, SYMMETRIC, seed)(test) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.tilt, again.tilt)
    assert not np.allclose(first.tilt, other.tilt)


@pytest.mark.slow
def test_a_checkpoint_opens_in_another_process(fitted, tmp_path):
    test = bars(3, 4)[["a", "nu"]]
    for name in NAMES:
        (tmp_path / name).write_bytes(pickle.dumps((fitted[name], test)))
    code = (
        "import pickle, sys\n"
        "for path in sys.argv[1:]:\n"
        "    predict, inputs = pickle.loads(open(path, 'rb').read())\n"
        "    print(*predict(inputs).tilt.values)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *(str(tmp_path / n) for n in NAMES)], capture_output=True, text=True, check=True
    )
    printed = [[float(word) for word in line.split()] for line in done.stdout.splitlines()]
    np.testing.assert_allclose(printed, [fitted[n](test).tilt.values for n in NAMES], rtol=1e-5)


def test_symmetries_move_pictures_and_targets_together():
    train = bars(64, only=0)
    channels, answers = Channels.of(SYMMETRIC, train), Answers.of(SYMMETRIC, train)
    plain = Pictures(train, channels, answers, None, 0)
    moved = Pictures(train, channels, answers, SYMMETRIC, 0)
    index, kinds = torch.arange(8), set()
    expected = plain.take(index)
    for _ in range(6):
        pictures, truth = moved.take(index)
        kind = truth[:, 1].long()
        kinds.add(int(kind.sum()))
        wanted = torch.where(kind[:, None, None, None] == 0, expected[0], expected[0].transpose(2, 3))
        torch.testing.assert_close(pictures, wanted)
        tilt = answers.scales[1].decode(truth[:, 2:].numpy())
        np.testing.assert_allclose(tilt[:, 0], train.tilt.values[:8] * (1 - 2 * kind.numpy()), rtol=1e-5)
    assert len(kinds) > 2  # the quarters of a batch move differently


def test_with_its_symmetry_a_class_is_learnt_that_training_never_showed():
    train, test = bars(64, only=0), bars(24, 2, only=1)
    method = METHODS[0]

    def hits(problem, augment):
        predict = fit(replace(method, augment=augment), train, bars(16, 1), problem)
        return float((predict(test[["a", "nu"]]).kind.values.argmax(axis=1) == 1).mean())

    assert hits(SYMMETRIC, True) > 0.9
    assert hits(SYMMETRIC, False) == hits(TASK, True) == 0.0


def test_numbers_become_constant_channels_in_order():
    data = bars(3)
    channels = picture_channels((NUMBER, FIELD), data)
    assert channels.shape == (3, 2, 32, 32)
    np.testing.assert_array_equal(channels[:, 0], np.broadcast_to(data.nu.values[:, None, None], (3, 32, 32)))
    np.testing.assert_array_equal(channels[:, 1], data.a.values)


def test_steps_of_a_history_become_channels_whatever_their_storage_order():
    film = Variable(name="f", dims=("history", "x", "y"), description="frames")
    values = np.random.default_rng(0).standard_normal((2, 3, 4, 5))
    data = xr.Dataset({"f": (("sample", "history", "x", "y"), values)})
    np.testing.assert_array_equal(picture_channels((film,), data), values)
    np.testing.assert_array_equal(picture_channels((film,), data.transpose("x", "sample", "y", "history")), values)


def test_another_grid_is_refused(fitted):
    with pytest.raises(ContractError, match="only on the grid that it was trained on"):
        fitted["ResNet"](bars(2)[["a", "nu"]].isel(x=slice(16)))


def test_double_precision_is_kept_through_the_checkpoint():
    method = replace(METHODS[0], precision="64-true", updates=2)
    predict = fit(method, bars(16), bars(8, 1))
    test = bars(2, 2)[["a", "nu"]]
    kept = pickle.loads(pickle.dumps(predict))
    assert next(kept.module.parameters()).dtype == torch.float64
    np.testing.assert_array_equal(kept(test).tilt, predict(test).tilt)


def test_the_random_state_is_left_as_it_was(fitted):
    torch.manual_seed(5)
    first = torch.rand(1)
    torch.manual_seed(5)
    pickle.loads(pickle.dumps(fitted["ViT"]))
    assert torch.rand(1) == first


def test_outputs_do_not_depend_on_the_chunks():
    module = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(4, 2))
    pictures = np.random.default_rng(0).standard_normal((150, 1, 2, 2)).astype(np.float32)
    whole = module(torch.from_numpy(pictures)).double()
    torch.testing.assert_close(outputs(module, pictures, "cpu"), whole)


def test_reasons():
    assert why_not_images(TASK) is None
    assert "field" in why_not_images(replace(TASK, targets=(replace(TILT, dims=("x", "y"), kind="field"),)))
    line = replace(FIELD, name="b", dims=("x",))
    assert "one grid" in why_not_images(replace(TASK, inputs=(FIELD, line)))
    assert "the inputs have 1" in why_not_images(replace(TASK, inputs=(line,)))
    assert why_not_images(replace(TASK, inputs=(line,)), dims=(1, 2)) is None
    assert "the inputs have none" in why_not_images(replace(TASK, inputs=(NUMBER,)))
    assert "nodes of a mesh" in why_not_images(replace(TASK, inputs=(replace(FIELD, dims=("node",)),)))


@pytest.mark.parametrize(
    ("method", "sentence"),
    [
        (ResNet(width=0), "width is 0, but must be at least 1"),
        (ResNet(dropout=1.0), "dropout is 1.0, but must lie between 0 and 0.9"),
        (EfficientNet(width_factor=0.0), "width_factor is 0.0, but must lie between 0.1 and 10"),
        (ViT(heads=5), "width=96 is not a multiple of heads=5"),
        (ViT(patch=7), "patch=7 does not divide the picture of 32 x 32 points"),
    ],
)
def test_hyperparameters_without_meaning_are_refused(method, sentence):
    with pytest.raises(UsageError, match=sentence):
        fit(method, bars(8), bars(4, 1))


def test_sizes_are_those_of_the_papers():
    """ResNet-18 of 1000 classes has 11.7 million weights, EfficientNet-B0 5.3, ViT-Ti/16 5.7: He, Tan, Touvron."""

    def millions(method, grid):
        return sum(p.numel() for p in method.build(3, 1000, grid).parameters()) / 1e6

    assert millions(ResNet(width=64, blocks=2), (224, 224)) == pytest.approx(11.7, abs=0.05)
    assert millions(EfficientNet(width_factor=1.0, depth_factor=1.0), (224, 224)) == pytest.approx(5.3, abs=0.05)
    assert millions(ViT(patch=16, width=192, depth=12, heads=3), (224, 224)) == pytest.approx(5.7, abs=0.05)
