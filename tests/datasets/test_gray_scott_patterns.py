"""Gray–Scott: the well-mixed limit, linear decay, the equation's own residual, the regions and the symmetries."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from sciml_bench.datasets.gray_scott_patterns import (
    DIFFUSIVITY_U,
    DIFFUSIVITY_V,
    REGIME,
    REGIONS,
    SLOPE,
    GrayScottPatterns,
    integrator,
)
from sciml_bench.errors import UsageError
from sciml_bench.problem import GridDerivatives

SMOKE = GrayScottPatterns.tier("smoke")
BARE = replace(SMOKE, gain=1.0, noise=0.0)
GRID, EXTENT = 32, 0.5


@pytest.fixture(scope="module")
def data():
    return BARE.generate(0, range(12))


def relative(value, truth):
    return float(np.linalg.norm(value - truth) / np.linalg.norm(truth))


def uniform(u, v):
    return np.stack([np.full((GRID, GRID), u), np.full((GRID, GRID), v)])


def hills():
    """A start that 32 points resolve to rounding, for a while."""
    x = 2 * np.pi * np.arange(GRID) / GRID
    v = 0.2 + 0.1 * np.cos(x)[:, None] * np.sin(x + 1)[None, :]
    return np.stack([1 - 1.5 * v, v])


def test_the_well_mixed_limit_is_the_ordinary_differential_equation():
    feed, kill = 0.04, 0.05

    def rate(_, y):
        u, v = y
        return [feed * (1 - u) - u * v**2, u * v**2 - (feed + kill) * v]

    exact = solve_ivp(rate, (0, 160), (0.5, 0.4), method="DOP853", rtol=1e-11, atol=1e-13).y[:, -1]
    assert abs(exact[0] - 0.5) > 0.1  # it has moved
    found = integrator(GRID, 1.0, "cpu")(uniform(0.5, 0.4), EXTENT, feed, kill, 160)
    assert found.std(axis=(1, 2)).max() < 1e-13
    assert found[:, 0, 0] == pytest.approx(exact, rel=1e-6)


@pytest.mark.parametrize("fed", [False, True])
def test_uniform_steady_states_stay(fed):
    """(1, 0), and u = ½(1 − √(1 − 4(F + k)²/F)), v = F(1 − u)/(F + k), stable for F well above k."""
    feed, kill = 0.06, 0.05
    u = 0.5 * (1 - np.sqrt(1 - 4 * (feed + kill) ** 2 / feed)) if fed else 1.0
    v = feed * (1 - u) / (feed + kill)
    found = integrator(GRID, 8.0, "cpu")(uniform(u, v), EXTENT, feed, kill, 250)
    assert found[:, 0, 0] == pytest.approx([u, v], abs=1e-12)


def test_without_the_autocatalyst_a_wave_of_the_substrate_decays_as_it_must():
    feed, number, time = 0.03, 3, 64.0
    x = EXTENT * np.arange(GRID) / GRID
    wave = 0.1 * np.cos(2 * np.pi * number * x / EXTENT)[:, None] * np.ones(GRID)
    found = integrator(GRID, 4.0, "cpu")(np.stack([1 + wave, 0 * wave]), EXTENT, feed, 0.06, 16)
    decay = np.exp(-(DIFFUSIVITY_U * (2 * np.pi * number / EXTENT) ** 2 + feed) * time)
    assert found[0] - 1 == pytest.approx(wave * decay, abs=1e-6)
    assert np.abs(found[1]).max() == 0.0


def test_both_equations_have_no_residual_at_fourth_order_in_time():
    feed, kill = 0.036, 0.0595
    worst = []
    for spacing in (2.0, 1.0, 0.5):
        run = integrator(GRID, spacing / 8, "cpu")
        first = run(hills(), EXTENT, feed, kill, round((8 - 2 * spacing) / (spacing / 8)))
        frames = [run(first, EXTENT, feed, kill, 8 * k) for k in range(5)]
        axes = {"t": spacing * np.arange(5.0), **dict.fromkeys("xy", EXTENT * np.arange(GRID) / GRID)}
        fields = {"u": np.array([f[0] for f in frames]), "v": np.array([f[1] for f in frames])}
        d = GridDerivatives(fields, axes, periodic=True)
        reaction = d.u * d.v**2
        u = d.u_t - DIFFUSIVITY_U * (d.u_xx + d.u_yy) + reaction - feed * (1 - d.u)
        v = d.v_t - DIFFUSIVITY_V * (d.v_xx + d.v_yy) - reaction + (feed + kill) * d.v
        worst.append([np.abs(u).max(), np.abs(v).max()])
    assert np.log2(np.array(worst[:-1]) / np.array(worst[1:])) == pytest.approx(4.0, abs=0.5)


def test_order_in_time_is_four():
    def at(step):
        return integrator(GRID, step, "cpu")(hills(), EXTENT, 0.036, 0.0595, round(64 / step))

    exact = at(1 / 8)
    errors = [relative(at(h), exact) for h in (2.0, 1.0, 0.5)]
    assert np.log2(np.array(errors[:-1]) / errors[1:]) == pytest.approx([4.0, 4.0], abs=0.3)


def test_a_resting_pattern_is_accurate_to_a_few_hundredths_and_its_label_exact():
    small = replace(BARE, earliest=400.0, latest=400.0)
    maze = [REGIME.classes.index("maze")]
    made, finer = small.generate(0, maze), small.refined().generate(0, maze)
    assert 0 < relative(made.v.values, finer.v.values) < 0.05
    assert made.regime.values == finer.regime.values == maze


def test_regions_do_not_overlap_even_where_they_are_widened():
    def corners(region):
        k = region.kill - SLOPE * region.feed
        return (region.feed, 1.25 * region.feed_reach), (k, 1.25 * region.kill_reach)

    for a, b in combinations(REGIONS.values(), 2):
        apart = [abs(p[0] - q[0]) > p[1] + q[1] for p, q in zip(corners(a), corners(b), strict=True)]
        assert any(apart)


def test_rates_are_drawn_from_the_region_of_the_class():
    rng = np.random.default_rng(0)
    for region in REGIONS.values():
        drawn = np.array([region.draw(rng, 1.0) for _ in range(500)])
        along = (drawn[:, 0] - region.feed) / region.feed_reach
        across = (drawn[:, 1] - region.kill - SLOPE * (drawn[:, 0] - region.feed)) / region.kill_reach
        for value in (along, across):
            assert np.abs(value).max() <= 1 + 1e-9
            assert value.min() < -0.95
            assert value.max() > 0.95


def test_classes_are_balanced_and_patterns_alive(data):
    assert (np.bincount(data.regime.values) == 2).all()
    assert data.regime.dtype == np.int64
    assert (data.v.std(("x", "y")) > 0.02).all()
    assert float(data.v.min()) > -0.01
    assert float(data.u.max()) < 1.01


def test_holes_are_holes_and_spots_are_spots(data):
    """The sign of the third moment of v tells dark spots on bright ground from bright ones on dark ground."""

    def skewness(name):
        v = data.v.values[data.regime.values == REGIME.classes.index(name)]
        return [float(((x - x.mean()) ** 3).mean() / x.std() ** 3) for x in v]

    assert max(skewness("holes")) < 0
    assert min(skewness("spots")) > 0.5


@pytest.mark.parametrize("name", ["translation", "rotation"])
def test_the_equation_has_the_symmetries_of_the_problem(name, data):
    symmetry = SMOKE.problem().symmetries[name]
    run = integrator(GRID, 8.0, "cpu")

    def solved(inputs):
        return run(np.stack([inputs.u.values[0], inputs.v.values[0]]), EXTENT, 0.036, 0.0595, 10)

    start = data[["u", "v"]].isel(sample=[3])
    moved = symmetry.inputs(start)
    assert not np.allclose(moved.u.values, start.u.values)
    after = start.assign(u=start.u.copy(data=solved(start)[:1]), v=start.v.copy(data=solved(start)[1:]))
    expected = symmetry.inputs(after)
    assert solved(moved)[0] == pytest.approx(expected.u.values[0], abs=1e-10)
    assert solved(moved)[1] == pytest.approx(expected.v.values[0], abs=1e-10)
    assert symmetry.targets(data[["regime"]]).equals(data[["regime"]])


def test_signals_are_the_concentrations_times_a_gain_and_with_noise(data):
    seen = replace(BARE, gain=3.0).generate(0, range(12))
    gains = np.stack([(seen[n] / data[n]).values for n in ("u", "v")])
    assert gains.std(axis=(2, 3)).max() < 1e-9
    factors = gains.mean(axis=(2, 3))
    assert ((factors > 1 / 3) & (factors < 3)).all()
    assert np.log(factors).std() > 0.4
    assert np.abs(factors[0] / factors[1] - 1).min() > 0.01  # one for each chemical
    noise = replace(BARE, noise=0.5).generate(0, range(12)).v - data.v
    assert (noise.std(("x", "y")) / data.v.std(("x", "y"))).values == pytest.approx(0.5, rel=0.1)
    assert float(np.abs((noise * noise.roll(x=1)).mean())) < 0.05 * float((noise**2).mean())


def test_four_copies_of_a_square_evolve_as_the_one_of_half_the_side():
    run, start = integrator(GRID, 8.0, "cpu"), hills()
    tiled = np.tile(start[:, ::2, ::2], (1, 2, 2))
    large = run(tiled, 0.5, 0.036, 0.0595, 20)
    alone = integrator(GRID // 2, 8.0, "cpu")(start[:, ::2, ::2], 0.25, 0.036, 0.0595, 20)
    assert large[:, : GRID // 2, : GRID // 2] == pytest.approx(alone, abs=1e-10)


def test_shifts_are_other_snapshots():
    made = {name: shifted.generate(1, range(6)) for name, shifted in SMOKE.shifts().items()}
    plain = SMOKE.generate(1, range(6))
    assert {d.sizes["x"] for d in made.values()} == {32}
    assert all(not np.allclose(d.v, plain.v) for d in made.values())


def test_settings_that_do_not_fit_are_refused():
    with pytest.raises(UsageError, match="a whole fraction of 8"):
        replace(SMOKE, step=3.0).generate(0, [0])
    with pytest.raises(UsageError, match="multiple of grid=24"):
        replace(SMOKE, grid=24).generate(0, [0])
