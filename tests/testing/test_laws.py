"""What a dataset declares of its truth and does not keep is found by the check."""

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import ClassVar

import numpy as np
import pytest
import xarray as xr

from sciml_bench.datasets.reaction_diffusion import ReactionDiffusion
from sciml_bench.datasets.spring_particles import SpringParticles
from sciml_bench.errors import ContractError
from sciml_bench.problem import Conserved, Symmetry, Variable
from sciml_bench.problem.solver import Solver
from sciml_bench.testing.dataset_checks import laws_hold, solver_has_a_curve


def declaring(base, **changed):
    """Return the dataset with other claims about the same truth."""

    @dataclass(frozen=True, kw_only=True)
    class Other(base):
        def problem(self):
            problem = super().problem()
            return replace(problem, **{name: make(problem) for name, make in changed.items()})

    return Other


def conserved(variable, quantity):
    return lambda _: {
        "it": Conserved(variable=variable, quantity=quantity, scale=lambda u: abs(u).mean("x"), description="")
    }


def symmetry(act):
    return lambda _: {"it": Symmetry(inputs=act, targets=act, description="")}


def reading(term):
    return lambda problem: replace(problem.equation, residual=lambda d, p: {"it": d.u_t - term(d, p)})


def test_a_growing_front_conserves_nothing_and_its_mirror_image_solves_the_equation():
    laws_hold(ReactionDiffusion)
    laws_hold(SpringParticles)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"conserved": conserved("u", lambda u: u.mean("x"))}, "the truth has conservation of it"),
        ({"conserved": conserved("u", lambda u: u)}, "'it' keeps the dimensions x: sum over them"),
        ({"symmetries": symmetry(lambda data: 1 - data)}, "the solver has symmetry of it"),
        ({"equation": reading(lambda d, p: d.v_xx)}, "reads 'd.v_xx', which is no derivative"),
        ({"equation": reading(lambda d, p: d.u_yy)}, "reads 'd.u_yy', which is no derivative"),
    ],
)
def test_a_law_that_does_not_hold_is_named(changed, sentence):
    with pytest.raises(ContractError, match=sentence):
        laws_hold(declaring(ReactionDiffusion, **changed))


def test_a_parameter_that_the_equation_does_not_have_is_no_attribute():
    with pytest.raises(AttributeError, match="missing"):
        laws_hold(declaring(ReactionDiffusion, equation=reading(lambda d, p: p.missing)))


@dataclass(frozen=True)
class Backwards(Solver):
    """Worse with every setting that costs more."""

    costs: ClassVar = MappingProxyType({f"{n} steps": {"n": n} for n in range(1, 6)})

    def solve(self, inputs, *, device="cpu", n):
        return (inputs * (1 + n / 3)).rename(a="u")


def test_errors_of_the_solver_that_do_not_fall_are_told_with_its_settings():
    given, sought = (Variable(name=name, dims=(), description="") for name in "au")

    class Data(SpringParticles):
        def problem(self):
            return replace(super().problem(), inputs=(given,), targets=(sought,), solver=Backwards())

        def generate(self, seed, samples, *, device="cpu"):
            return xr.Dataset({name: ("sample", np.ones(3)) for name in "au"})

    told = (
        r"cheapest first, are 0\.33 \(1 steps\), 0\.67 \(2 steps\), 1 \(3 steps\), 1\.3 \(4 steps\), 1\.7 \(5 steps\): "
    )
    with pytest.raises(ContractError, match=told):
        solver_has_a_curve(Data)
