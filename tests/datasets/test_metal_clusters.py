"""Metal clusters: the formula of effective medium theory written once more, published bulk values, and the gradient."""

from dataclasses import replace

import numpy as np
import pytest

from sciml_bench.datasets.metal_clusters import METALS, MetalClusters, pack
from sciml_bench.errors import UnknownNameError, UsageError
from sciml_bench.problem.samples import take

SMOKE = MetalClusters.tier("smoke")

BOHR = 0.529177210903
PARAMETERS = {  # Jacobsen, Stoltze & Nørskov 1996: E0 / eV, s0 / bohr, V0 / eV, η2, κ, λ / bohr⁻¹, n0 / bohr⁻³
    13: (-3.28, 3.00, 1.493, 1.240, 2.000, 1.169, 0.00700),
    29: (-3.51, 2.67, 2.476, 1.652, 2.740, 1.906, 0.00910),
    47: (-2.96, 3.01, 2.132, 1.652, 2.790, 1.892, 0.00547),
    79: (-3.80, 3.00, 2.321, 1.674, 2.873, 2.182, 0.00703),
    28: (-4.44, 2.60, 3.673, 1.669, 2.757, 1.948, 0.01030),
    46: (-3.90, 2.87, 2.773, 1.818, 3.107, 2.155, 0.00688),
    78: (-5.85, 2.90, 4.067, 1.812, 3.145, 2.192, 0.00802),
}
BETA = 1.809


def theta(r):
    """The smooth cutoff, halfway between third and fourth neighbours of the largest metal, 1e-4 at the fourth."""
    nearest = BETA * 3.01 * BOHR
    middle = nearest * (3**0.5 + 2) / 2
    return 1 / (1 + np.exp(np.log(1e4 - 1) / (2 * nearest - middle) * (r - middle)))


def emt(numbers, positions):
    """The energy of effective medium theory (Jacobsen, Stoltze & Nørskov 1996), all pairs at once and no cutoff but θ."""
    e0, s0, v0, eta, kappa, lam, n0 = np.array([PARAMETERS[int(z)] for z in numbers]).T
    s0, eta, kappa, lam = s0 * BOHR, eta / BOHR, kappa / BOHR, lam / BOHR
    shells, count = BETA * s0[:, None] * np.sqrt([1, 2, 3]), np.array([12, 6, 24])
    gamma1 = (count * np.exp(-eta[:, None] * (shells - BETA * s0[:, None])) * theta(shells)).sum(1) / 12
    gamma2 = (count * np.exp(-kappa[:, None] / BETA * (shells - BETA * s0[:, None])) * theta(shells)).sum(1) / 12
    r = np.linalg.norm(positions[:, None] - positions, axis=-1)
    pairs = theta(r) * n0 / n0[:, None] * ~np.eye(len(r), dtype=bool)
    sigma1 = (pairs * np.exp(-eta * (r - BETA * s0))).sum(1) / gamma1
    sigma2 = (pairs * np.exp(-kappa / BETA * (r - BETA * s0))).sum(1) / gamma2
    s = -np.log(sigma1 / 12) / (BETA * eta)
    cohesive = e0 * (1 + lam * s) * np.exp(-lam * s)
    sphere = 6 * v0 * (np.exp(-kappa * s) - sigma2 / 12)
    return float((cohesive - e0 + sphere).sum())


@pytest.fixture(scope="module")
def data():
    return SMOKE.generate(0, range(12))


def clusters(data):
    return [take(data, [i]) for i in range(data.sizes["sample"])]


def test_energy_is_that_of_the_formula():
    varied = replace(SMOKE, elements=METALS, kinds=4).generate(3, range(8))
    assert set(np.unique(varied.number)) == set(PARAMETERS)
    for one in clusters(varied):
        assert one.energy.item() == pytest.approx(emt(one.number.values, one.positions.values), rel=1e-8)


@pytest.mark.parametrize(("symbol", "number"), [("Cu", 29), ("Au", 79)])
def test_bulk_has_the_cohesive_energy_and_lattice_constant_of_the_table(symbol, number):
    """By construction of the theory: at the radius s0 an fcc crystal has the energy E0, here the zero, at a minimum."""
    from ase.build import bulk
    from ase.calculators.emt import EMT

    def energy(stretch):
        constant = (16 * np.pi / 3) ** (1 / 3) * PARAMETERS[number][1] * BOHR * stretch
        crystal = bulk(symbol, "fcc", a=constant)
        crystal.calc = EMT()
        return crystal.get_potential_energy()

    values = [energy(1 + h) for h in (-0.02, 0.0, 0.02)]
    assert abs(values[1]) < 0.01
    assert values[1] < min(values[0], values[2])


def test_forces_are_minus_the_gradient_of_the_formula(data):
    step = 1e-5
    for one in clusters(data)[:4]:
        x, z = one.positions.values, one.number.values
        slope = np.empty_like(x)
        for k in np.ndindex(x.shape):
            moved = np.zeros_like(x)
            moved[k] = step
            slope[k] = (emt(z, x + moved) - emt(z, x - moved)) / (2 * step)
        np.testing.assert_allclose(one.forces.values, -slope, atol=1e-6)


def test_no_force_or_torque_on_the_whole(data):
    for one in clusters(data):
        force, place = one.forces.values, one.positions.values
        np.testing.assert_allclose(force.sum(axis=0), 0, atol=1e-12)
        np.testing.assert_allclose(np.cross(place, force).sum(axis=0), 0, atol=1e-11)
        np.testing.assert_allclose(place.mean(axis=0), 0, atol=1e-12)


@pytest.mark.parametrize("name", ["rotation", "translation", "permutation"])
def test_the_energy_has_the_symmetries_that_are_declared(name, data):
    symmetry = SMOKE.problem().symmetries[name]
    moved, expected = symmetry.inputs(data), symmetry.targets(data)
    assert not np.allclose(moved.positions, data.positions)
    for given, one in zip(clusters(moved), clusters(expected), strict=True):
        assert emt(given.number.values, given.positions.values) == pytest.approx(one.energy.item(), rel=1e-8)
    if name == "rotation":
        np.testing.assert_allclose((moved.positions * expected.forces).sum(), (data.positions * data.forces).sum())
        assert np.linalg.norm(moved.positions - data.positions) > 1
    if name == "permutation":
        for given, one, other in zip(clusters(moved), clusters(expected), clusters(data), strict=True):
            np.testing.assert_array_equal(given.number, other.number[::-1])
            np.testing.assert_array_equal(one.forces, other.forces[::-1])


def test_a_rotation_is_one():
    from sciml_bench.datasets.metal_clusters import _rotation

    matrix = _rotation()
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(3), atol=1e-14)
    assert np.linalg.det(matrix) == pytest.approx(1)
    assert np.trace(matrix) == pytest.approx(1 + 2 * np.cos(2.0))


def test_atoms_neither_overlap_nor_fall_apart(data):
    for one in clusters(data):
        gaps = np.linalg.norm(one.positions.values[:, None] - one.positions.values, axis=-1)
        nearest = (gaps + 100 * np.eye(len(gaps))).min(axis=1)
        assert nearest.min() > 1.9
        assert nearest.max() < 3.5


def test_packed_atoms_touch_one_and_overlap_none():
    from ase.data import atomic_numbers, covalent_radii

    symbols = ["Cu", "Au", "Ag", "Ni"] * 4
    radii = np.array([covalent_radii[atomic_numbers[s]] for s in symbols])
    places = pack(symbols, np.random.default_rng(0))
    share = np.linalg.norm(places[:, None] - places, axis=-1) / (radii[:, None] + radii) + 9 * np.eye(16)
    assert share.min() > 0.85
    np.testing.assert_array_less(share.min(axis=1), 1 + 1e-12)


def test_copper_and_gold_meet_only_in_the_shifted_set():
    seen = replace(SMOKE, relaxation=0, dynamics=0).generate(0, range(60))
    kinds = [set(one.number.values) for one in clusters(seen)]
    assert {29} in kinds
    assert {79} in kinds
    assert {28, 29} in kinds
    assert all(len(k) <= 2 and k != {29, 79} for k in kinds)
    unseen = SMOKE.shifts()["unseen_alloy"].generate(0, range(4))
    assert all(set(one.number.values) == {29, 79} for one in clusters(unseen))


def test_shifts_are_larger_and_hotter(data):
    larger, hotter = (SMOKE.shifts()[name].generate(0, range(8)) for name in ("larger", "hotter"))
    assert larger.node_count.min() > data.node_count.max()
    assert 1.2 * float((data.forces**2).mean()) < float((hotter.forces**2).mean())


def test_regimes_name_size_and_composition():
    regimes = MetalClusters.tier("small").problem().regimes
    sizes = replace(SMOKE, most=13, relaxation=0, dynamics=0).generate(0, range(30))
    for n, name in zip(sizes.node_count.values, regimes["size"].of(sizes), strict=True):
        low, high = (int(t) for t in name.removesuffix(" atoms").split(" to "))
        assert low <= n <= high
    names = regimes["composition"].of(sizes)
    assert [n == "1 element" for n in names] == [len(set(one.number.values)) == 1 for one in clusters(sizes)]


def test_meaningless_parameters_are_refused():
    with pytest.raises(UnknownNameError, match="unknown element 'Fe'"):
        replace(SMOKE, elements=("Fe", "Cu")).generate(0, [0])
    with pytest.raises(UsageError, match="expected 2 ≤ fewest ≤ most"):
        replace(SMOKE, fewest=9).generate(0, [0])
    with pytest.raises(UsageError, match="temperature is"):
        replace(SMOKE, temperature=(0.0, 3.0)).generate(0, [0])
