"""Permeability: laminates, the checkerboard, bounds from both sides, and the symmetries."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from sciml_bench.datasets.permeability import (
    Permeability,
    log_permeability,
    lower_bound,
    resampled,
    upper_bound,
)
from sciml_bench.errors import UsageError
from sciml_bench.problem.samples import only

SMOKE = Permeability.tier("smoke")


@pytest.fixture(scope="module")
def data():
    return SMOKE.generate(0, range(12))


def test_the_truth_is_solved_to_its_own_tolerance_and_the_solver_to_a_looser_one(data):
    pictures, found = data["a"].values, np.stack([data["log_kxx"], data["log_kyy"]], axis=1)
    tight = np.array([log_permeability(resampled(a, 64), tolerance=1e-12) for a in pictures])
    np.testing.assert_allclose(found, tight, atol=1e-9, rtol=0)
    np.testing.assert_allclose(found, [log_permeability(resampled(a, 64)) for a in pictures], atol=1e-12, rtol=0)
    solved = SMOKE.solver.solve(only(data, ["a"]), elements=64)
    off = np.abs(np.stack([solved["log_kxx"], solved["log_kyy"]], axis=1) - tight).max()
    assert 1e-8 < off < 1e-3


def turned(k):
    """The tensor of a medium turned by 90°."""
    r = np.array([[0.0, -1.0], [1.0, 0.0]])
    return r @ k @ r.T


def test_a_laminate_has_the_harmonic_mean_across_and_the_arithmetic_one_along():
    """And in any direction between, the tensor of the two; both bounds are exact, for the flow is linear in each layer."""
    layers = np.random.default_rng(0).choice([1.0, 7.0, 50.0], 24)
    exact = np.diag([1 / np.mean(1 / layers), np.mean(layers)])
    a = np.repeat(layers[:, None], 24, axis=1)
    for bound in (upper_bound, lower_bound):
        assert bound(a) == pytest.approx(exact, rel=1e-6, abs=1e-8)
        assert bound(a.T) == pytest.approx(exact[::-1, ::-1], rel=1e-6, abs=1e-8)


def test_a_chessboard_has_the_geometric_mean():
    """√(a₁a₂): Dykhne 1970; the bounds close in on it and their middle is exact by symmetry."""
    gaps = []
    for n in (4, 8, 16, 32):
        a = np.kron([[1.0, 10.0], [10.0, 1.0]], np.ones((n // 2, n // 2)))
        upper, lower = upper_bound(a)[0, 0], lower_bound(a)[0, 0]
        assert lower < np.sqrt(10) < upper
        gaps.append(upper / lower - 1)
    assert all(later < 0.8 * earlier for earlier, later in pairwise(gaps))
    assert log_permeability(a) == pytest.approx([0.5, 0.5], abs=1e-6)


def test_square_inclusions_obey_keller_and_hashin_and_shtrikman():
    """Squares of 50 in 1, shares φ = ¼ and ¾: K(50 in 1) · K(1 in 50) = 50, each within the isotropic bounds."""
    n, share = 128, 0.25
    a = np.ones((n, n))
    a[: n // 2, : n // 2] = 50.0
    k, inverse = 10 ** log_permeability(a)[0], 10 ** log_permeability(51 - a)[0]
    assert k * inverse == pytest.approx(50.0, rel=1e-6)
    for value, high in ((k, share), (inverse, 1 - share)):
        low = 1 + high / (1 / 49 + (1 - high) / 2)
        up = 50 + (1 - high) / (-1 / 49 + high / 100)
        assert low < value < up


def test_thin_laminate_at_an_angle_is_the_rotated_tensor():
    """Layers along the diagonal: K_xx = K_yy = (arithmetic + harmonic)/2, K_xy = (arithmetic − harmonic)/2."""
    n = 192
    i, j = np.indices((n, n))
    a = np.where((i + j) % 48 < 24, 5.0, 1.0)
    along, across = 3.0, 1 / (0.5 * (1 + 1 / 5))
    middle = (upper_bound(a) + lower_bound(a)) / 2
    assert middle[0, 0] == pytest.approx((along + across) / 2, rel=0.01)
    assert middle[0, 1] == pytest.approx(-(along - across) / 2, rel=0.02)


def test_bounds_enclose_the_truth_and_close_in(data):
    for a in data.a.values[:4]:
        widths = []
        for elements in (32, 64, 128):
            fine = resampled(a, elements)
            upper, lower = upper_bound(fine), lower_bound(fine)
            assert np.linalg.eigvalsh(upper - lower).min() > 0
            wiener = (1 / np.mean(1 / a), np.mean(a))
            assert wiener[0] < np.linalg.eigvalsh(lower).min()
            assert np.linalg.eigvalsh(upper).max() < wiener[1]
            widths.append(np.log10(np.diag(upper) / np.diag(lower)).max())
        assert all(later < 0.85 * earlier for earlier, later in pairwise(widths))


def test_a_finer_truth_moves_it_little(data):
    refined = SMOKE.refined().generate(0, range(12))
    for name in ("log_kxx", "log_kyy"):
        moved = refined[name] - data[name]
        assert 0 < np.sqrt(float((moved**2).mean())) < 3e-3 * float(data[name].std())


def test_the_picture_turned_turns_the_tensor(data):
    a = data.a.values[0]
    moved = upper_bound(np.rot90(a))
    assert moved == pytest.approx(turned(upper_bound(a)), rel=1e-6, abs=1e-7)
    assert np.abs(moved[0, 1]) > 1e-3  # the off-diagonal entry says which way it was turned


@pytest.mark.parametrize("name", ["reflection", "translation"])
def test_symmetries_of_the_problem_are_those_of_the_solver(name, data):
    problem = SMOKE.problem()
    symmetry, inputs = problem.symmetries[name], only(data, ["a"])
    moved = symmetry.inputs(inputs)
    assert not np.array_equal(moved.a.values, inputs.a.values)
    found = problem.solver.solve(moved, elements=32)
    expected = symmetry.targets(problem.solver.solve(inputs, elements=32))
    for target in ("log_kxx", "log_kyy"):
        assert found[target].values == pytest.approx(expected[target].values, abs=1e-6)
    assert float(np.abs(expected.log_kxx - expected.log_kyy).max()) > 0.05


def test_pictures_have_the_share_and_the_materials_that_were_asked_for():
    made = replace(SMOKE, least=0.3, most=0.3, high=20.0).generate(2, range(4))
    assert set(np.unique(made.a)) == {1.0, 20.0}
    assert (made.a == 20.0).mean(("x", "y")).values == pytest.approx(0.3, abs=1 / 32**2)


def test_finer_grains_have_longer_borders():
    def border(dataset):
        a = dataset.generate(0, range(8)).a.values
        return float((a != np.roll(a, 1, 1)).mean())

    assert border(SMOKE.shifts()["finer_grain"]) > 1.5 * border(SMOKE)


def test_error_of_the_solver_falls_with_its_cost(data):
    solver = SMOKE.solver
    errors = []
    for knobs in solver.costs.values():
        made = solver.solve(only(data, ["a"]), **knobs)
        errors.append(float(np.sqrt(((made.log_kxx - data.log_kxx) ** 2).mean())))
    assert len(errors) >= 5
    assert all(later < earlier for earlier, later in pairwise(errors))
    assert 1e-7 < errors[-1] < 1e-4


def test_shares_without_meaning_are_refused():
    with pytest.raises(UsageError, match="shares in order between 0 and 1"):
        replace(SMOKE, least=0.9).generate(0, [0])
