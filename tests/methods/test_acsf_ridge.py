"""Symmetry functions against their definition in plain loops, their derivatives, and potentials that they hold exactly."""

import numpy as np
import pytest

from sciml_bench.errors import ContractError, UsageError
from sciml_bench.method.atoms import AtomsCodec
from sciml_bench.methods.acsf_ridge import PENALTIES, ACSFRidge, SymmetryFunctions
from sciml_bench.problem import Gradient, Problem, Variable
from sciml_bench.problem.labels import labelled
from sciml_bench.problem.samples import only, take
from sciml_bench.testing import Silent

POSITIONS = Variable(name="place", dims=("node", "direction"), description="positions")
KIND = Variable(name="kind", dims=("node",), description="kind of atom")
ENERGY = Variable(name="potential", dims=(), description="energy", kind="scalar")
PULL = Variable(name="pull", dims=("node", "direction"), description="forces")
GRADIENT = Gradient(of="potential", by="place", sign=-1.0)
PROBLEM = Problem(
    name="atoms", kind="regression", inputs=(POSITIONS, KIND), targets=(ENERGY, PULL), gradients={"pull": GRADIENT}
)
CUTOFF, RADIAL = 3.0, 6
OWN = {3.0: 1.5, 8.0: -2.0}


def fade(r):
    return 0.5 * (1 + np.cos(np.pi * r / CUTOFF)) * (r < CUTOFF)


def strength(a, b):
    """What multiplies the bell of a pair of kinds."""
    return 0.1 * (a + 1) * (b + 1)


def pair_potential(x, kind):
    """E = Σ_{i<j} c e^(−2(r−1.5)²) f(r) + Σᵢ e, which is one of the functions of G² for each pair of kinds, and −∇E."""
    energy, forces = sum(OWN[k] for k in kind), np.zeros_like(x)
    for i in range(len(x)):
        for j in range(i):
            r = np.linalg.norm(x[i] - x[j])
            if r < CUTOFF:
                bell = strength(kind[i], kind[j]) * np.exp(-2 * (r - 1.5) ** 2)
                slope = -np.pi / (2 * CUTOFF) * np.sin(np.pi * r / CUTOFF)
                energy += bell * fade(r)
                push = bell * (4 * (r - 1.5) * fade(r) - slope) * (x[i] - x[j]) / r
                forces[i] += push
                forces[j] -= push
    return energy, forces


def spread(rng, n):
    """Points of a box, none nearer than 0.7."""
    while True:
        x = rng.uniform(0, 2.4, (n, 3))
        if (np.linalg.norm(x[:, None] - x, axis=-1) + 9 * np.eye(n)).min() > 0.7:
            return x


def made(samples, seed=0, noise=0.0):
    rng = np.random.default_rng(seed)
    sizes = rng.integers(2, 7, samples)
    places, kinds = [spread(rng, n) for n in sizes], [rng.choice([3.0, 8.0], n) for n in sizes]
    answers = [pair_potential(x, k) for x, k in zip(places, kinds, strict=True)]
    arrays = {
        "place": np.concatenate(places),
        "kind": np.concatenate(kinds),
        "potential": np.array([e for e, _ in answers]),
        "pull": np.concatenate([f for _, f in answers]),
    }
    arrays["pull"] = arrays["pull"] + noise * rng.standard_normal(arrays["pull"].shape)
    return labelled((POSITIONS, KIND, ENERGY, PULL), arrays, counts={"node": sizes})


def fitted(train, valid, log=None, **options):
    method = ACSFRidge(**{"cutoff": CUTOFF, "radial": RADIAL, "widths": 1, "powers": 1, **options})
    return method.fit(train, valid, problem=PROBLEM, budget=None, seed=0, device="cpu", log=log or Silent())


def given(data):
    return only(data, ["place", "kind"])


def test_the_functions_are_those_of_their_definition():
    data = made(3)
    atoms = AtomsCodec.of(PROBLEM, data).encode(data)
    functions = SymmetryFunctions(kinds=2, cutoff=CUTOFF, radial=RADIAL, widths=2, powers=2)
    found, _ = functions(atoms)
    for s, start in enumerate(np.cumsum(atoms.counts) - atoms.counts):
        members = range(start, start + atoms.counts[s])
        x, kind = atoms.positions, atoms.kinds
        expected = dict.fromkeys([(a, b) for a in (0, 1) for b in (0, 1) if b <= a], 0.0)
        angular = {(c, *pair): np.zeros((2, 2, 2)) for c in (0, 1) for pair in expected}
        centres = CUTOFF * np.arange(1, RADIAL + 1) / RADIAL
        steep = 0.5 / (CUTOFF / RADIAL) ** 2
        for i in members:
            for j in members:
                for k in members:
                    a, b, c = (np.linalg.norm(x[p] - x[q]) for p, q in ((i, j), (i, k), (j, k)))
                    if i == j and i < k:
                        pair = tuple(sorted((kind[i], kind[k]), reverse=True))
                        expected[pair] = expected[pair] + np.exp(-steep * (b - centres) ** 2) * fade(b)
                    elif len({i, j, k}) == 3 and j < k:
                        cosine = (x[j] - x[i]) @ (x[k] - x[i]) / (a * b)
                        triplet = (kind[i], *sorted((kind[j], kind[k]), reverse=True))
                        for p, sign, w in np.ndindex(2, 2, 2):
                            zeta, eta = 2**p, 0.4 * 4**w / CUTOFF**2
                            turn = 2.0 ** (1 - zeta) * (1 + (1 - 2 * sign) * cosine) ** zeta
                            bell = np.exp(-eta * (a**2 + b**2 + c**2)) * fade(a) * fade(b) * fade(c)
                            angular[triplet][p, sign, w] += turn * bell
        radial = [np.broadcast_to(v, RADIAL) for v in expected.values()]
        wanted = np.concatenate([*radial, *(v.ravel() for v in angular.values())])
        np.testing.assert_allclose(found[s, : len(wanted)], wanted, rtol=1e-11, atol=1e-14)
        np.testing.assert_array_equal(found[s, len(wanted) :], np.bincount(kind[list(members)], minlength=2))


def test_their_gradients_are_their_difference_quotients():
    data, step = made(4, seed=1), 1e-5
    codec = AtomsCodec.of(PROBLEM, data)
    functions = SymmetryFunctions(kinds=2, cutoff=CUTOFF, radial=RADIAL, widths=2, powers=3)
    slopes = functions(codec.encode(data))[1]
    move = np.random.default_rng(0).standard_normal(data["place"].shape)
    ahead, behind = (
        functions(codec.encode(data.assign(place=data["place"] + side * step * move)))[0] for side in (1, -1)
    )
    quotient = (ahead - behind).sum(axis=0) / (2 * step)
    along = np.einsum("ad,adf->f", move, slopes)
    assert np.abs(along).max() > 1
    np.testing.assert_allclose(along, quotient, atol=1e-7)


def test_a_pair_potential_is_recovered_with_its_forces():
    test, log = made(20, seed=3), Silent()
    answer = fitted(made(80), made(10, seed=2), log)(given(test))
    np.testing.assert_allclose(answer["pull"], test["pull"], atol=1e-5)
    np.testing.assert_allclose(answer["potential"], test["potential"], atol=1e-5)
    assert log.facts["penalty"] == PENALTIES[0]
    assert log.facts["parameters"] == 3 * RADIAL + 6 * 2 + 2


def test_forces_alone_are_enough_for_forces():
    test = made(20, seed=3)
    answer = fitted(made(80), made(10, seed=2), energy_weight=0.0)(given(test))
    np.testing.assert_allclose(answer["pull"], test["pull"], atol=1e-5)


def test_the_penalty_is_that_of_the_least_error_on_the_validation_part():
    log, valid = Silent(), made(20, seed=2)
    answer = fitted(made(12, noise=0.5), valid, log)(given(valid))
    codec = AtomsCodec.of(PROBLEM, made(12, noise=0.5))
    ends = np.cumsum(valid["node_count"].values)[:-1]
    parts = [np.split(v["pull"].values, ends) for v in (answer, valid)]
    forces = np.mean([np.linalg.norm(p - u) / np.linalg.norm(u) for p, u in zip(*parts, strict=True)])
    energy = (np.abs(answer["potential"] - valid["potential"]) / valid["node_count"]).mean() / codec.scale
    assert log.facts["valid_loss"] == pytest.approx(forces + float(energy), rel=1e-9)
    assert log.facts["penalty"] > PENALTIES[0]  # noise is shrunk away


def test_predictions_turn_move_and_are_renumbered_with_the_atoms():
    predict, data = fitted(made(30), made(5, seed=2)), given(made(6, seed=4))
    turn = np.linalg.qr(np.random.default_rng(1).standard_normal((3, 3)))[0]
    answer, turned = (
        predict(data),
        predict(data.assign(place=data["place"].copy(data=data["place"].values @ turn.T + 5.0))),
    )
    np.testing.assert_allclose(turned["potential"], answer["potential"], rtol=1e-10)
    np.testing.assert_allclose(turned["pull"], answer["pull"].values @ turn.T, atol=1e-9)
    one = take(data, [0])
    backwards, ahead = predict(one.isel(node=slice(None, None, -1))), predict(one)
    np.testing.assert_allclose(backwards["pull"].values[::-1], ahead["pull"], atol=1e-10)
    np.testing.assert_allclose(backwards["potential"], ahead["potential"], rtol=1e-12)


def test_energies_without_those_of_the_kinds_are_what_is_scaled():
    data = made(40)
    far = data.assign(place=data["place"] * 100)  # no pair interacts
    alone = np.array([sum(OWN[k] for k in take(far, [i])["kind"].values) for i in range(40)])
    codec = AtomsCodec.of(PROBLEM, far.assign(potential=far["potential"].copy(data=alone)))
    np.testing.assert_allclose(codec.offsets, [OWN[3.0], OWN[8.0]], rtol=1e-12)
    assert codec.scale == pytest.approx(np.sqrt((data["pull"].values ** 2).mean()))


def test_a_kind_that_training_did_not_know_is_refused():
    data = given(made(2))
    with pytest.raises(ContractError, match="is 5 for some node, and training knew only 3, 8"):
        fitted(made(10), made(3, seed=2))(data.assign(kind=data["kind"] * 0 + 5))


def test_values_without_meaning_are_refused():
    with pytest.raises(UsageError, match="cutoff -1"):
        fitted(made(3), made(2), cutoff=-1.0)
    with pytest.raises(UsageError, match="powers 0, but both must be at least 1"):
        fitted(made(3), made(2), powers=0)


def test_it_says_where_it_does_not_apply():
    assert ACSFRidge().applies_to(PROBLEM) is None
    free = Problem(name="x", kind="regression", inputs=(POSITIONS, KIND), targets=(ENERGY, PULL))
    assert "forces that are its gradient" in str(ACSFRidge().applies_to(free))
    charge = Variable(name="charge", dims=("node",), description="charge")
    more = Problem(
        name="x",
        kind="regression",
        inputs=(POSITIONS, KIND, charge),
        targets=(ENERGY, PULL),
        gradients={"pull": GRADIENT},
    )
    assert "cannot use the input 'kind'" in str(ACSFRidge().applies_to(more))
