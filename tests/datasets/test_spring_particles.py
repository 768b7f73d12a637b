"""Particles on springs against closed forms and conserved quantities."""

import numpy as np
import pytest
import xarray as xr

from sciml_bench.datasets.spring_particles import SpringParticles, Springs, angular_momentum, momentum
from sciml_bench.errors import UsageError
from sciml_bench.metrics import physics
from sciml_bench.problem.samples import only, take
from sciml_bench.problem.storage import read_parts, write_parts
from sciml_bench.running import probes

DATASET = SpringParticles.tier("smoke")
DATA = DATASET.generate(2, range(8))
TIMES = 0.3 * np.arange(1, 11)
PAIR = Springs(edges=np.array([[0, 1]]), stiffness=np.array([1.7]), rest_length=np.array([1.2]))


def along_the_axis(t):
    """Two particles that vibrate along their axis: r'' = −2k (r − ℓ), while their centre moves on."""
    w = np.sqrt(2 * 1.7)
    r, rate = 1.2 + 0.4 * np.cos(w * t), -0.4 * w * np.sin(w * t)
    centre, zero = 0.3 * t, np.zeros_like(t)
    left = np.stack([centre - r / 2, 0.5 + zero, 0.3 - rate / 2, zero], axis=-1)
    right = np.stack([centre + r / 2, 0.5 + zero, 0.3 + rate / 2, zero], axis=-1)
    return np.stack([left, right], axis=1)


def around_each_other(t):
    """Two particles on a circle of diameter r, where the spring is the centripetal force: ω² r/2 = k (r − ℓ)."""
    r = 1.5
    w = np.sqrt(2 * 1.7 * (r - 1.2) / r)
    x = r / 2 * np.stack([np.cos(w * t), np.sin(w * t)], axis=-1)
    v = r / 2 * w * np.stack([-np.sin(w * t), np.cos(w * t)], axis=-1)
    one = np.concatenate([x, v], axis=-1)
    return np.stack([one, -one], axis=1)


@pytest.mark.parametrize("exact", [along_the_axis, around_each_other])
def test_two_particles_on_a_spring(exact):
    start = exact(np.zeros(1))[0]
    np.testing.assert_allclose(PAIR.integrate(start, TIMES, 1e-11), exact(TIMES), atol=1e-9)
    errors = [np.abs(PAIR.leapfrog(start, TIMES, n) - exact(TIMES)).max() for n in (8, 16, 32)]
    order = np.log2(np.array(errors[:-1]) / errors[1:])
    assert (abs(order - 2) < 0.1).all(), order


def test_the_truth_conserves_momentum_to_rounding_and_energy_to_its_tolerance():
    for quantity, tolerance in ((momentum, 1e-12), (angular_momentum, 1e-8)):
        for i in range(8):
            one = take(DATA, [i])
            drift = quantity(one["s"]) - quantity(one["s0"])
            assert float(abs(drift).max()) < tolerance
    for i in range(8):
        one = take(DATA, [i])
        system = Springs(*(one[k].values for k in ("edges", "stiffness", "rest_length")))
        first = system.energy(one["s0"].values)
        for k in range(DATA.sizes["time"]):
            assert abs(system.energy(one["s"].values[:, k]) - first) < 1e-8 * first


def test_the_conserved_quantities_are_scored_and_notice_a_change():
    problem = DATASET.problem()
    inputs = only(DATA, [v.name for v in problem.inputs])
    assert physics.evaluate(DATA, inputs, problem)["conservation/momentum"].max() < 1e-12
    pushed = DATA["s"].copy(data=DATA["s"].values + np.array([0, 0, 0.1, 0]))
    scores = physics.evaluate(DATA.assign(s=pushed), inputs, problem)
    speed = [np.linalg.norm(take(DATA, [i])["s0"].values[:, 2:], axis=1).mean() for i in range(8)]
    np.testing.assert_allclose(scores["conservation/momentum"], 0.1 / np.array(speed), rtol=1e-6)


def test_the_truth_is_converged():
    fine = DATASET.refined().generate(2, range(8))
    assert 0 < np.linalg.norm(fine["s"] - DATA["s"]) / np.linalg.norm(fine["s"]) < 1e-8


@pytest.mark.parametrize("name", ["rotation", "translation", "boost"])
def test_symmetries(name):
    problem = DATASET.problem()
    inputs = only(DATA, [v.name for v in problem.inputs])
    symmetry, solver = problem.symmetries[name], problem.solver
    moved, plain = symmetry.inputs(inputs), solver.solve(inputs, tolerance=1e-10)
    assert float(abs(moved["s0"] - inputs["s0"]).max()) > 0.1
    xr.testing.assert_allclose(solver.solve(moved, tolerance=1e-10)["s"], symmetry.targets(plain)["s"], atol=1e-7)


def test_the_exact_solver_has_every_symmetry_after_its_predictions_were_stored(tmp_path):
    problem, test = DATASET.problem(), take(DATA, range(5))

    def predict(inputs: xr.Dataset) -> xr.Dataset:
        return problem.solver.solve(inputs, tolerance=1e-10)

    inputs = only(test, [v.name for v in problem.inputs])
    write_parts(tmp_path / "p.h5", {"test": predict(inputs)} | probes.ask(problem, predict, inputs))
    found = probes.measure(problem, read_parts(tmp_path / "p.h5"), test)
    assert set(found) == {"symmetry/rotation", "symmetry/translation", "symmetry/boost"}
    assert max(found.values()) < 1e-7

    def at_rest(inputs: xr.Dataset) -> xr.Dataset:
        states = np.repeat(inputs["s0"].values[:, None], test.sizes["time"], axis=1)
        return xr.Dataset({"s": (("node", "time", "component"), states)})

    write_parts(tmp_path / "q.h5", {"test": at_rest(inputs)} | probes.ask(problem, at_rest, inputs))
    still = probes.measure(problem, read_parts(tmp_path / "q.h5"), test)
    assert still["symmetry/rotation"] < 1e-12
    four = take(test, range(4))
    ends = np.cumsum(four["node_count"].values)
    missed = (np.array([1.0, -2.0]) * four["time"].values[:, None])[None]  # what a boost adds to the positions
    expected = []
    for s0 in np.split(four["s0"].values, ends[:-1]):
        moved = np.repeat((s0 + np.array([0, 0, 1, -2]))[:, None], four.sizes["time"], axis=1)
        moved[..., :2] += missed
        expected.append(np.sqrt(len(s0) * (missed**2).sum()) / np.linalg.norm(moved))
    assert still["symmetry/boost"] == pytest.approx(np.mean(expected), rel=1e-9)


@pytest.mark.parametrize("knobs", [{"steps": 3}, {"tolerance": 1e-4}])
def test_the_solver_gives_each_sample_what_it_gives_it_alone(knobs):
    data = SpringParticles(samples=6).generate(3, range(6))
    solver = SpringParticles().problem().solver
    alone = [solver.solve(take(data, [i]), **knobs)["s"].values for i in range(6)]
    assert np.array_equal(solver.solve(data, **knobs)["s"].values, np.concatenate(alone))


def test_springs_make_one_connected_graph_without_doubles():
    for i in range(8):
        one = take(DATA, [i])
        pairs, n = one["edges"].values, one.sizes["node"]
        assert (pairs[:, 0] < pairs[:, 1]).all()
        assert len({tuple(p) for p in pairs}) == len(pairs)
        laplacian = np.zeros((n, n))
        for a, b in pairs:
            laplacian[[a, b], [a, b]] += 1
            laplacian[[a, b], [b, a]] -= 1
        assert np.linalg.eigvalsh(laplacian)[1] > 1e-6  # Fiedler: positive if and only if connected


def test_parameters_do_what_they_say():
    more = DATASET.shifts()["more_particles"].generate(2, range(8))
    assert more["node_count"].min() > DATASET.most
    stiff = DATASET.shifts()["stiffer_springs"].generate(2, range(8))
    np.testing.assert_allclose(stiff["stiffness"], 2 * DATA["stiffness"])
    with pytest.raises(UsageError, match="expected 2 ≤ fewest ≤ most"):
        SpringParticles(fewest=1).generate(0, range(1))
