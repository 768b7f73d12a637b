"""Advection: a start that comes by again, an upwind scheme of one cell a step, the equation and the regimes."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from sciml_bench.datasets.advection import Advection
from sciml_bench.metrics import physics
from sciml_bench.problem import GridDerivatives
from sciml_bench.problem.spectral import axis
from sciml_bench.problem.wave_sum import WaveSum

SMALL = Advection.tier("small")


@pytest.fixture(scope="module")
def data():
    return SMALL.generate(0, range(40))


def relative(value, truth):
    return float(np.linalg.norm(value - truth) / np.linalg.norm(truth))


def test_upwind_differences_at_courant_number_one_give_the_truth(data):
    """u_i ← u_i − C(u_i − u_{i−1}) with C = βΔt/h = 1 is exact at the grid points, for jumps as well."""
    h = 1 / SMALL.grid
    step = h / SMALL.speed
    u, frames = data.u0.values, []
    for frame in data.time.values:
        while len(frames) * 2.0 / SMALL.frames + 1e-9 < frame:
            for _ in range(round(2.0 / SMALL.frames / step)):
                u = u - SMALL.speed * step / h * (u - np.roll(u, 1, axis=-1))
            frames.append(u)
    assert data.u.values == pytest.approx(np.stack(frames, axis=1), abs=1e-12)


def test_the_start_comes_by_again():
    once_round = replace(SMALL, speed=0.5).generate(0, range(8))
    assert once_round.u.values[:, -1] == pytest.approx(once_round.u0.values, abs=1e-12)


def test_residual_of_the_equation_vanishes_at_fourth_order():
    smooth = replace(SMALL, folded=0.0, windowed=0.0)
    worst = []
    for frames in (400, 800):
        made = replace(smooth, frames=frames).generate(0, [0])
        d = GridDerivatives({"u": made.u.values[0]}, {"t": made.time.values, "x": axis(SMALL.grid)}, periodic=True)
        equation = smooth.problem().equation
        worst.append(np.abs(equation.residual(d, equation.p)["transport"]).max())
    assert np.log2(worst[0] / worst[1]) == pytest.approx(4.0, abs=0.2)


def test_starts_are_the_published_ones():
    draws = [SMALL.initial.draw(np.random.default_rng([1, i])) for i in range(2000)]
    assert {int(n) for g in draws for n in g.wavenumbers} == set(range(1, 9))
    assert np.mean([bool(g.fold) for g in draws]) == pytest.approx(0.1, abs=0.02)
    assert {g.fold for g in draws} == {-1.0, 0.0, 1.0}
    assert np.mean([g.window is not None for g in draws]) == pytest.approx(0.1, abs=0.02)
    assert np.mean([g.amplitudes for g in draws]) == pytest.approx(0.5, abs=0.02)
    g = replace(draws[0], amplitudes=np.array([0.5, 1.0]), wavenumbers=np.array([1, 3]), phases=np.array([0.0, 1.0]))
    plain = replace(g, fold=0.0, window=None)
    x = np.array([0.0, 0.2, 0.7, 1.2])
    by_hand = 0.5 * np.sin(2 * np.pi * x) + np.sin(6 * np.pi * x + 1)
    assert plain(x) == pytest.approx(by_hand)
    assert replace(plain, fold=-1.0)(x) == pytest.approx(-np.abs(by_hand))
    assert replace(plain, window=(0.1, 0.6))(x) == pytest.approx(np.array([0.0, by_hand[1], 0.0, by_hand[3]]))
    same = WaveSum(waves=2, lowest=1, highest=8, folded=0.0, windowed=1.0).draw(np.random.default_rng([1, 0]))
    assert same.phases == pytest.approx(draws[0].phases)


def test_regimes_tell_smooth_starts_from_others(data):
    drawn = [SMALL.initial.draw(np.random.default_rng([0, i])) for i in range(40)]
    expected = ["smooth" if not g.fold and g.window is None else "kinks or jumps" for g in drawn]
    assert list(SMALL.problem().regimes["start"].of(data)) == expected
    assert len(set(expected)) == 2


def test_what_is_conserved_stays_and_the_defect_of_the_truth_is_rounding(data):
    scores = physics.evaluate(data, data, SMALL.problem(), truth=data)
    for name in ("conservation/mass", "conservation/energy", "pde_defect"):
        assert scores[name].max() < 1e-12


def test_error_of_the_solver_falls_with_its_cost(data):
    solver = SMALL.solver
    errors = [relative(solver.solve(data[["u0"]], **k).u.values, data.u.values) for k in solver.costs.values()]
    assert len(errors) >= 6
    assert all(later < earlier for earlier, later in pairwise(errors))
    assert errors[-1] < 1e-13


def test_a_solver_on_half_the_waves_is_the_truncated_series():
    made = replace(SMALL, folded=0.0, windowed=0.0, lowest=3, highest=3).generate(0, range(2))
    blind, seeing = (SMALL.solver.solve(made[["u0"]], grid=n).u.values for n in (6, 8))
    assert np.abs(blind).max() < 1e-14
    assert seeing == pytest.approx(made.u.values, abs=1e-12)


@pytest.mark.parametrize("name", ["translation", "sign"])
def test_symmetries_hold_for_the_solver(data, name):
    symmetry, solver = SMALL.problem().symmetries[name], SMALL.solver
    moved = solver.solve(symmetry.inputs(data[["u0"]]), grid=32)
    assert moved.u.values == pytest.approx(symmetry.targets(solver.solve(data[["u0"]], grid=32)).u.values, abs=1e-12)


def test_shifts_lie_where_they_say(data):
    made = {name: d.generate(0, range(4)) for name, d in SMALL.shifts().items()}
    faster = made["faster"]  # its frame k stands where frame 1.25k of the tier does
    assert faster.u.values[:, 3] == pytest.approx(data.u.values[:4, 4], abs=1e-12)
    assert made["finer_grid"].u.values[..., ::2] == pytest.approx(data.u.values[:4], abs=1e-12)
    assert (made["jumps"].u0.values[:, [0, -1]] == 0).all()
    spectrum = np.abs(np.fft.rfft(replace(SMALL.shifts()["shorter_waves"], folded=0, windowed=0).generate(0, [0]).u0))
    assert set(np.flatnonzero(spectrum[0] > 1e-9)) <= {9, 10, 11, 12}
