"""Symplectic integration: its order, its reversibility, its bounded energy error, and what it refuses."""

from dataclasses import replace

import numpy as np
import pytest

from sciml_bench.datasets.pendulum import Pendulum
from sciml_bench.datasets.spring import Spring
from sciml_bench.datasets.two_body import TwoBody
from sciml_bench.errors import UsageError
from sciml_bench.methods.symplectic_solver import SymplecticSolver, substeps
from sciml_bench.problem.hamiltonian_data import energy_of, runge_kutta
from sciml_bench.protocol.budgets import BUDGETS
from sciml_bench.testing.method_checks import Silent

INPUTS = ["z0", "z_observed"]


def solved(dataset, data, **hyperparameters):
    predictor = SymplecticSolver(**hyperparameters).fit(
        data, data, problem=dataset.problem(), budget=BUDGETS["smoke"], seed=0, device="cpu", log=Silent()
    )
    return predictor(data[INPUTS])


@pytest.fixture(scope="module")
def pendulum():
    return Pendulum.tier("smoke").generate(0, range(4))


def test_compositions_add_up_and_are_symmetric():
    for order, count in ((2, 1), (4, 3), (6, 9)):
        lengths = substeps(order)
        assert len(lengths) == count
        assert sum(lengths) == pytest.approx(1.0)
        assert lengths == pytest.approx(lengths[::-1])
    # Yoshida's condition of fourth order: the cubes add up to zero
    assert sum(x**3 for x in substeps(4)) == pytest.approx(0.0, abs=1e-14)


@pytest.mark.parametrize(("order", "steps"), [(2, (8, 16, 32)), (4, (8, 16, 32)), (6, (4, 8, 16))])
def test_error_falls_with_the_order(pendulum, order, steps):
    dataset = Pendulum.tier("smoke")
    errors = [float(abs(solved(dataset, pendulum, order=order, steps=s).z - pendulum.z).max()) for s in steps]
    assert np.log2(np.array(errors[:-1]) / errors[1:]) == pytest.approx([order, order], abs=0.5)


def test_one_verlet_step_is_that_of_the_book():
    spring = Spring(samples=1, frames=1, horizon=0.3)
    data = spring.generate(0, [0])
    (q, p), h = data.z0.values[0], 0.3
    half = p - h / 2 * 2 * q
    q = q + h * 2 * half
    assert solved(spring, data, order=2, steps=1).z.values[0, 0] == pytest.approx([q, half - h / 2 * 2 * q], rel=1e-14)


def test_energy_error_stays_bounded_where_runge_kuttas_grows():
    spring = Spring(samples=2, frames=2000, horizon=400.0)
    data = spring.generate(0, range(2))
    energy = energy_of(spring.problem().hamiltonian)
    start = energy(data.z0.values)[:, None]
    verlet = np.abs(energy(solved(spring, data, order=2, steps=1).z.values) / start - 1)
    assert verlet[:, -200:].max() <= 1.01 * verlet[:, :200].max()
    drift = np.abs(energy(runge_kutta(spring.rate, data.z0.values, spring.times, 1)) / start - 1)
    assert drift[:, -1].min() > 5 * drift[:, 199].max()


def test_it_retraces_its_steps(pendulum):
    dataset = Pendulum.tier("smoke")
    there = solved(dataset, pendulum, order=4, steps=2).z.values[:, -1]
    back = pendulum.assign(z0=(("sample", "component"), there * [1, -1]))
    again = solved(dataset, back, order=4, steps=2).z.values[:, -1] * [1, -1]
    assert again == pytest.approx(pendulum.z0.values, abs=1e-11)


def test_two_bodies_keep_momentum_and_angular_momentum():
    dataset = TwoBody.tier("smoke")
    data = dataset.generate(0, range(3))
    answer = solved(dataset, data, order=2, steps=4)
    for name in ("angular_momentum", "momentum"):
        conserved = dataset.problem().conserved[name]
        drift = conserved.quantity(answer.z) - conserved.quantity(data.z0)
        assert float(np.abs(drift).max()) < 1e-12  # exactly, whatever the step
    assert answer.rate.values == pytest.approx(data.rate.values, abs=1e-12)
    assert float(abs(solved(dataset, data, order=6, steps=16).z - data.z).max()) < 1e-8


def test_rows_span_orders_and_steps():
    rows = SymplecticSolver().variants(Spring().problem())
    assert len(rows) >= 5
    assert {r["order"] for r in rows.values()} == {2, 4, 6}


def test_what_it_cannot_do_is_refused(pendulum):
    problem = Spring().problem()
    assert SymplecticSolver().applies_to(problem) is None
    mixed = replace(problem, hamiltonian=replace(problem.hamiltonian, separable=False))
    assert "not such a sum" in SymplecticSolver().applies_to(mixed)
    assert "momenta" in SymplecticSolver().applies_to(replace(problem, hamiltonian=None))
    with pytest.raises(UsageError, match="steps is 0"):
        solved(Pendulum.tier("smoke"), pendulum, steps=0)
