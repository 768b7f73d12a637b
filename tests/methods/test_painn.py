"""PaiNN: symmetries and the gradient to rounding, locality, and that it learns a potential."""

import pickle
from dataclasses import replace

import numpy as np
import pytest

from sciml_bench.datasets.metal_clusters import MetalClusters
from sciml_bench.errors import ContractError, UsageError
from sciml_bench.method.atoms import AtomsCodec, why_not_atoms
from sciml_bench.methods.painn import PaiNN
from sciml_bench.problem import Problem, Variable
from sciml_bench.problem.samples import only, take
from sciml_bench.registry import build_method
from sciml_bench.testing import Silent

torch = pytest.importorskip("torch")

SMOKE = MetalClusters.tier("smoke")
PROBLEM = SMOKE.problem()
INPUTS = ("positions", "number")


@pytest.fixture(scope="module")
def data():
    return replace(SMOKE, elements=("Ni", "Cu"), held_out=("Pt", "Au")).generate(0, range(32))


def fitted(data, log=None, **options):
    method = build_method(PaiNN, "smoke", {}, {"updates": 10, **options})
    train, valid = take(data, range(24)), take(data, range(24, 32))
    return method.fit(train, valid, problem=PROBLEM, budget=None, seed=3, device="cpu", log=log or Silent())


@pytest.fixture(scope="module")
def predict(data):
    return fitted(data)


@pytest.fixture(scope="module")
def potential():
    """A network with random weights, in double precision, as (kinds, positions) → energy and gradient."""
    from sciml_bench.methods.painn.network import Potential

    torch.manual_seed(0)
    module = Potential(PaiNN(width=8, layers=2, radial=5, cutoff=3.0).build(2)).double().eval()

    def call(kinds, x):
        r = np.linalg.norm(x[:, None] - x, axis=-1)
        edges = np.stack(np.nonzero((r < 3.0) & (r > 0)))
        arrays = (kinds, x, edges, np.zeros(len(x), np.int64))
        energy, gradient = module(*(torch.from_numpy(a) for a in arrays), 1)
        return float(energy.detach()), gradient.numpy()

    return call


KINDS = np.array([0, 1, 1, 0, 1])
PLACES = np.array([[0.0, 0, 0], [1.9, 0.2, 0], [0.3, 2.1, 0.4], [1.0, 1.0, 1.7], [2.6, 1.5, 0.9]])


def test_the_gradient_is_the_difference_quotient(potential):
    gradient, step = potential(KINDS, PLACES)[1], 1e-5
    for k in np.ndindex(PLACES.shape):
        move = np.zeros_like(PLACES)
        move[k] = step
        quotient = (potential(KINDS, PLACES + move)[0] - potential(KINDS, PLACES - move)[0]) / (2 * step)
        assert gradient[k] == pytest.approx(quotient, abs=1e-8)
    assert np.abs(gradient).max() > 0.01


def test_energy_is_invariant_and_the_gradient_turns_to_rounding(potential):
    energy, gradient = potential(KINDS, PLACES)
    turn = np.linalg.qr(np.random.default_rng(0).standard_normal((3, 3)))[0]
    for matrix in (turn, -turn):  # one of the two is a reflection
        turned = potential(KINDS, PLACES @ matrix.T + 7.0)
        assert turned[0] == pytest.approx(energy, abs=1e-13)
        np.testing.assert_allclose(turned[1], gradient @ matrix.T, atol=1e-13)
    backwards = potential(KINDS[::-1].copy(), PLACES[::-1].copy())
    assert backwards[0] == pytest.approx(energy, abs=1e-13)
    np.testing.assert_allclose(backwards[1][::-1], gradient, atol=1e-13)


def test_vectors_tell_apart_what_distances_alone_do_not():
    """One round of messages: an atom with two neighbours, straight or bent, their distance beyond the cutoff."""
    torch.manual_seed(0)
    net = PaiNN(width=8, layers=1, radial=5, cutoff=3.0).build(1).double()
    edges = torch.tensor([[1, 2], [0, 0]])
    straight, bent = ([[0.0, 0, 0], [2.0, 0, 0], end] for end in ([-2.0, 0, 0], [0, 2.0, 0]))
    kinds = torch.zeros(3, dtype=torch.int64)
    energies = [net(kinds, torch.tensor(x).double(), edges)[0].item() for x in (straight, bent)]
    assert abs(energies[0] - energies[1]) > 1e-5  # sums of invariant messages would give 0


def test_atoms_beyond_the_cutoff_do_not_feel_each_other(potential):
    far = np.concatenate([PLACES, PLACES + 50.0])
    energy, gradient = potential(np.concatenate([KINDS, KINDS]), far)
    alone = potential(KINDS, PLACES)
    assert energy == pytest.approx(2 * alone[0], abs=1e-12)
    np.testing.assert_allclose(gradient[:5], alone[1], atol=1e-12)


def test_the_energy_is_smooth_where_a_neighbour_leaves(potential):
    def at(r):
        return potential(KINDS[:2], np.array([[0.0, 0, 0], [r, 0, 0]]))

    gap = 1e-6
    assert at(3.0 - gap)[0] == pytest.approx(at(3.0 + gap)[0], abs=1e-9)
    assert np.abs(at(3.0 - gap)[1]).max() < 1e-4
    assert np.abs(at(2.5)[1]).max() > 1e-3


def test_predicted_forces_are_minus_the_gradient_of_the_predicted_energy(predict, data):
    given, step = only(data, INPUTS), 1e-4
    move = np.random.default_rng(1).standard_normal(given["positions"].shape)
    ahead, behind = (
        predict(given.assign(positions=given["positions"] + side * step * move))["energy"].values for side in (1, -1)
    )
    along = (predict(given)["forces"].values * move).sum(axis=1)
    totals = np.add.reduceat(along, np.cumsum(data["node_count"].values) - data["node_count"].values)
    np.testing.assert_allclose(totals, -(ahead - behind) / (2 * step), atol=1e-6)


@pytest.mark.parametrize("name", ["rotation", "translation", "permutation"])
def test_predictions_have_the_symmetries_to_rounding(predict, data, name):
    given, symmetry = only(data, INPUTS), PROBLEM.symmetries[name]
    answer = predict(given).assign(node_count=data["node_count"]).assign_attrs(ragged="node")
    expected, turned = symmetry.targets(answer), predict(symmetry.inputs(given))
    for target in ("energy", "forces"):
        np.testing.assert_allclose(turned[target], expected[target], atol=1e-11)


def test_it_learns_better_than_the_energies_of_the_kinds(data):
    log = Silent()
    test = replace(SMOKE, elements=("Ni", "Cu"), held_out=("Pt", "Au")).generate(5, range(8))
    answer = fitted(data, log, updates=100, width=16)(only(test, INPUTS))
    error = np.linalg.norm(answer["forces"] - test["forces"]) / np.linalg.norm(test["forces"])
    assert error < 0.6
    codec = AtomsCodec.of(PROBLEM, data)
    known = codec.composition(codec.encode(test)) @ codec.offsets
    assert np.abs(answer["energy"] - test["energy"]).mean() < 0.8 * np.abs(known - test["energy"].values).mean()
    losses = [v for _, v in log.curves["valid_loss"]]
    assert losses[-1] < losses[0]


def test_the_codec_undoes_itself(data):
    codec = AtomsCodec.of(PROBLEM, data)
    atoms = codec.encode(data)
    energy, gradient = codec.targets(data, atoms)
    assert np.sqrt((gradient**2).mean()) == pytest.approx(1.0)
    assert (gradient * data["forces"].values).sum() < 0
    back = codec.decode(energy, gradient, atoms, only(data, INPUTS))
    np.testing.assert_allclose(back["energy"], data["energy"], rtol=1e-12)
    np.testing.assert_allclose(back["forces"], data["forces"], rtol=1e-12, atol=1e-14)


def test_double_precision_trains_and_half_is_refused(data):
    answer = fitted(data, precision="64-true", updates=4, validations=1)(only(data, INPUTS))
    assert np.isfinite(answer["forces"].values).all()
    with pytest.raises(UsageError, match="bf16-mixed"):
        fitted(data, precision="bf16-mixed")


def test_a_checkpoint_predicts_the_same(predict, data):
    given = only(data, INPUTS)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(predict))(given)["forces"], predict(given)["forces"])


def test_unknown_elements_and_values_without_meaning_are_refused(predict, data):
    gold = only(data, INPUTS).assign(number=data["number"] * 0 + 79)
    with pytest.raises(ContractError, match="is 79 for some node, and training knew only 28, 29"):
        predict(gold)
    with pytest.raises(UsageError, match="layers is 0, but must be at least 1"):
        fitted(data, layers=0)
    with pytest.raises(UsageError, match="cutoff is 0"):
        fitted(data, cutoff=0.0)


def test_it_says_where_it_does_not_apply():
    assert why_not_atoms(PROBLEM) is None
    assert "cannot use the input 'edges'" in str(
        why_not_atoms(
            replace(
                PROBLEM,
                inputs=(
                    *PROBLEM.inputs[:1],
                    Variable(name="edges", dims=("edge", "end"), kind="index", description="bonds"),
                ),
            )
        )
    )
    plain = Problem(name="x", kind="regression", inputs=PROBLEM.inputs, targets=PROBLEM.targets)
    assert str(PaiNN().applies_to(plain)).endswith("the targets are not such a pair.")
