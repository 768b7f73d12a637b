"""Energy and force errors against values worked out by hand."""

import numpy as np
import pytest
import xarray as xr

from sciml_bench.errors import ContractError, NotFiniteError
from sciml_bench.metrics import atomistic
from sciml_bench.problem import Gradient, Problem, Variable
from sciml_bench.problem.labels import labelled
from sciml_bench.problem.samples import take

POSITIONS = Variable(name="positions", dims=("node", "direction"), description="places")
ENERGY = Variable(name="energy", dims=(), description="energy", unit="eV", kind="scalar")
FORCES = Variable(name="forces", dims=("node", "direction"), description="forces", unit="eV/angstrom")


def problem(sign=-1.0):
    return Problem(
        name="atoms",
        kind="regression",
        inputs=(POSITIONS,),
        targets=(ENERGY, FORCES),
        gradients={"forces": Gradient(of="energy", by="positions", sign=sign)},
    )


def data(energy, forces):
    """Two samples of two and three atoms."""
    return labelled([ENERGY, FORCES], {"energy": energy, "forces": forces}, counts={"node": np.array([2, 3])})


TRUTH = data(np.array([1.0, -2.0]), np.array([[3.0, 4, 0], [0, 1, 0], [0, 0, 2], [1, 0, 0], [0, 0, 0]]))
GUESS = data(np.array([2.0, 1.0]), np.array([[-6.0, -8, 0], [1, 0, 0], [0, 0, 1], [1, 1, 0], [0, 0, 0]]))


def test_values_by_hand():
    found = atomistic.evaluate(GUESS[["energy", "forces"]], TRUTH, problem())
    assert set(found) == {"energy_mae", "force_mae", "force_cosine"}
    np.testing.assert_allclose(found["energy_mae"], [1 / 2, 3 / 3])
    np.testing.assert_allclose(found["force_mae"], [(9 + 12 + 1 + 1) / 6, (1 + 1) / 9])
    # opposite and perpendicular; parallel, at 45 degrees, and no force in either
    np.testing.assert_allclose(found["force_cosine"], [(-1 + 0) / 2, (1 + 0.5**0.5 + 1) / 3])


def test_the_truth_scores_perfectly():
    found = atomistic.evaluate(TRUTH, TRUTH, problem())
    assert not found["energy_mae"].any()
    assert not found["force_mae"].any()
    np.testing.assert_allclose(found["force_cosine"], 1.0)


def test_a_force_where_there_is_none_has_no_direction():
    zero, some = np.zeros((1, 3)), np.ones((1, 3))
    assert atomistic.force_cosine(some, zero) == 0
    assert atomistic.force_cosine(zero, some) == 0
    assert atomistic.force_cosine(zero, zero) == 1


def test_neither_order_nor_company_changes_the_value_of_a_sample():
    whole = atomistic.evaluate(GUESS, TRUTH, problem())
    turned = atomistic.evaluate(take(GUESS, [1, 0]), take(TRUTH, [1, 0]), problem())
    alone = atomistic.evaluate(take(GUESS, [1]), take(TRUTH, [1]), problem())
    for name, values in whole.items():
        np.testing.assert_array_equal(turned[name], values[::-1])
        np.testing.assert_array_equal(alone[name], values[1:])


def test_scaling_forces_keeps_their_cosine():
    scaled = GUESS.assign(forces=GUESS.forces * 1e-3)
    a, b = (atomistic.evaluate(g, TRUTH, problem()) for g in (GUESS, scaled))
    np.testing.assert_allclose(a["force_cosine"], b["force_cosine"], rtol=1e-12)
    assert not np.allclose(a["force_mae"], b["force_mae"])


def test_it_applies_to_forces_alone():
    assert atomistic.evaluate(GUESS, TRUTH, problem(sign=1.0)) == {}
    assert atomistic.evaluate(GUESS, TRUTH, Problem(name="x", kind="regression", inputs=(), targets=(ENERGY,))) == {}


def test_what_does_not_match_or_is_not_finite_is_refused():
    with pytest.raises(ContractError, match="entries along 'node'"):
        atomistic.evaluate(GUESS.isel(node=slice(4)), TRUTH, problem())
    with pytest.raises(NotFiniteError, match="prediction of 'energy'"):
        atomistic.evaluate(GUESS.assign(energy=GUESS.energy * np.nan), TRUTH, problem())
    dense = xr.Dataset({"energy": ("sample", [0.0, 1.0]), "forces": (("sample", "direction"), np.ones((2, 3)))})
    with pytest.raises(ContractError, match="one sample behind the other"):
        atomistic.evaluate(dense, dense, problem())
