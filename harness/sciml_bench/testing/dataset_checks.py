"""What every dataset must do. Each raises the broken promise as a sentence."""

import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import xarray as xr

from ..digest import of_arrays
from ..errors import ContractError
from ..metrics import physics
from ..problem import RAGGED, SPACE, TIERS, Dataset, Variable
from ..problem.equation import Equation, split_name
from ..problem.generation import some
from ..problem.samples import count, dense, like, only, take
from ..protocol.leakage import fingerprints
from ..running import probes
from .words import require_words

SEED = 5
LOOSE = 0.01
"""A law that is broken by more than this, where its score counts in units of one, is none."""


def card_is_complete(cls: type[Dataset]) -> None:
    """Card and docstring say what it is, in words of its own; the card, where it comes from and under which licence."""
    card = cls.card
    require_words(cls)
    if not card.license.strip():
        raise ContractError("the card has no license: write one")
    if not card.sources:
        raise ContractError("the card names no source: add the paper or data that the set-up comes from")


def parameters_are_explained(cls: type[Dataset]) -> None:
    """The docstrings of the class and of those that it builds on say what every parameter means."""
    told = "\n".join(vars(c).get("__doc__") or "" for c in cls.__mro__ if issubclass(c, Dataset))
    silent = [n for n in cls.tier("smoke").parameters() if n != "samples" and not re.search(rf"\b{n}\b", told)]
    if silent:
        raise ContractError(
            f"the docstring says nothing of the parameter{'s' if len(silent) > 1 else ''} {', '.join(silent)}: say what each "
            "means, with its unit, as the dataset's page shows that text"
        )


def tiers_are_complete(cls: type[Dataset]) -> None:
    """There are a smoke, a small and a full tier, each larger than the one before."""
    if tuple(cls.tiers) != TIERS:
        raise ContractError(f"the tiers are {', '.join(cls.tiers)}: expected {', '.join(TIERS)}")
    sizes = [cls.tier(t).samples for t in TIERS]
    if sizes != sorted(sizes):
        raise ContractError(f"the tiers have {sizes} samples: expected a growing number")


def generation_is_deterministic(cls: type[Dataset]) -> None:
    """The same seed gives the same bytes, another seed others."""
    dataset = cls.tier("smoke")
    first, again = (of_arrays(some(dataset, SEED, range(2))) for _ in range(2))
    if first != again:
        raise ContractError("the same seed gave different bytes: derive all randomness from (seed, sample)")
    same = of_arrays(dataset.generate(SEED + 1, range(2))) == first
    if same and cls.card.truth != "measured":
        raise ContractError("another seed gave the same data: use the seed")


def samples_do_not_depend_on_their_companions(cls: type[Dataset]) -> None:
    """Sample 2 is the same alone and in a batch, to rounding, and has other inputs than its companions."""
    dataset = cls.tier("smoke")
    three = some(dataset, SEED, range(3))
    whole = only(three, [v.name for v in dataset.problem().inputs])
    finite = all(np.isfinite(v.values).all() for v in whole.data_vars.values())
    if finite and len(set(fingerprints(whole))) < count(whole):
        raise ContractError("two of the first three samples have the same inputs: draw each from its own index")
    batch, alone = take(three, [2]), some(dataset, SEED, [2])
    for name in batch.data_vars:
        scale = float(np.abs(batch[name].values).max()) or 1.0
        if (
            batch[name].shape != alone[name].shape
            or np.abs(batch[name].values - alone[name].values).max() > 1e-9 * scale
        ):
            raise ContractError(
                f"sample 2 of '{name}' differs when it is generated alone: seed each sample by its index"
            )


def variables_are_as_declared(cls: type[Dataset]) -> None:
    """Inputs and targets have the declared dimensions, are finite, float64 or of labels and indices int64, and carry a unit."""
    dataset = cls.tier("smoke")
    problem, data = dataset.problem(), some(dataset, SEED, range(2))
    if count(data) != 2:
        raise ContractError(f"2 samples were asked for and {count(data)} generated")
    for variable in (*problem.inputs, *problem.targets):
        if variable.name not in data:
            raise ContractError(f"the declared variable '{variable.name}' is not generated")
        array = data[variable.name]
        if array.dims != variable.stored:
            raise ContractError(f"'{variable.name}' has dimensions {array.dims}: expected {variable.stored}")
        wanted = np.int64 if variable.kind in ("label", "index") else np.float64
        if array.dtype != wanted:
            raise ContractError(f"'{variable.name}' is {array.dtype}: expected {wanted.__name__}")
        bad = int((~np.isfinite(array.values)).sum())
        if bad:
            raise ContractError(f"'{variable.name}' holds {bad} values of {array.size} that are NaN or infinite")
        _check_kind(variable, array, data)
        held = array.attrs.get("units")
        if held != variable.unit:
            has = "lacks the attribute units" if held is None else f"has the attribute units={held!r}"
            raise ContractError(f"'{variable.name}' {has}; its declared unit is {variable.unit!r}")


def _check_kind(variable: Variable, array: xr.DataArray, data: xr.Dataset) -> None:
    """Raise where the values contradict what the variable says it is."""
    name = variable.name
    if variable.kind == "label" and not ((array.values >= 0) & (array.values < len(variable.classes))).all():
        raise ContractError(
            f"the label '{name}' must lie between 0 and {len(variable.classes) - 1}, one for each of `classes`"
        )
    if variable.kind in ("label", "scalar") and variable.dims:
        raise ContractError(f"'{name}' is a {variable.kind} and must have no dimensions but 'sample'")
    if variable.ragged and data.sizes[variable.ragged] != int(data[f"{variable.ragged}_count"].sum()):
        raise ContractError(f"'{variable.ragged}_count' does not add up to the entries of '{name}'")
    if set(variable.dims[1:]) & set(RAGGED):
        raise ContractError(
            f"'{name}' has dimensions {variable.dims}: 'node' or 'edge' comes first, and only one of them"
        )


def shifts_are_other_problems(cls: type[Dataset]) -> None:
    """There is an out-of-distribution set, and each differs from the tier in more than its number of samples."""
    dataset = cls.tier("smoke")
    if not dataset.shifts():
        raise ContractError("there is no shift: add an out-of-distribution test set")
    for name, shifted in dataset.shifts().items():
        if replace(shifted, samples=dataset.samples) == dataset:  # type: ignore[type-var]
            raise ContractError(f"the shift '{name}' has the parameters of the tier itself")


def refined_truth_is_on_the_same_grid(cls: type[Dataset]) -> None:
    """The refined truth is a truth of the same samples at the same points."""
    dataset = cls.tier("smoke")
    try:
        refined = dataset.refined()
    except NotImplementedError:
        if cls.card.truth == "refined":
            raise ContractError("the card says that the truth is refined, but refined() is not implemented") from None
        return
    plain, finer = (some(d, SEED, range(1)) for d in (dataset, refined))
    if all(v.kind == "label" for v in dataset.problem().targets):
        return  # a label is the same on any grid
    for variable in dataset.problem().targets:
        if plain[variable.name].shape != finer[variable.name].shape:
            raise ContractError(f"refined() changes the shape of '{variable.name}': keep the data grid")
        if np.array_equal(plain[variable.name].values, finer[variable.name].values):
            raise ContractError("refined() changes nothing: refine the solver")


def laws_hold(cls: type[Dataset]) -> None:
    """The truth keeps what is declared of it, the solver has the symmetries, and the equation reads what there is.

    That the truth solves the equation is left to a test of its own: on a coarse grid its derivatives are too rough to tell.
    """
    dataset = cls.tier("smoke")
    problem, data = dataset.problem(), some(dataset, SEED, range(3))
    inputs, names = only(data, [v.name for v in problem.inputs]), [v.name for v in problem.targets]
    truth = like(data[names], inputs)
    for name, quantity in problem.conserved.items():
        left = set(quantity.quantity(dense(truth)[0][quantity.variable]).dims) & {*SPACE, *RAGGED}
        if left:
            raise ContractError(
                f"the conserved quantity '{name}' keeps the dimensions {', '.join(map(str, left))}: sum over them"
            )
    found = physics.evaluate(truth, inputs, problem, solver=False)
    broken = {name: float(values.max()) for name, values in found.items()}
    if problem.solver is not None and problem.symmetries:
        dearest = list(problem.solver.costs.values())[-1]

        def solve(given: xr.Dataset) -> xr.Dataset:
            return problem.solver.solve(given, **dearest)[names]  # type: ignore[union-attr]

        broken |= probes.measure(problem, {"test": solve(inputs), **probes.ask(problem, solve, inputs)}, data)
    for name, value in broken.items():
        if not value <= LOOSE:
            kind, _, law = name.partition("/")
            whose = "solver" if kind == "symmetry" else "truth"
            score = f"{kind.replace('_', ' ')}{f' of {law}' if law else ''}"
            raise ContractError(
                f"the {whose} has {score} {value:.2g}, where 0 is perfect and {LOOSE:g} the most: mend what is declared, or "
                f"the {whose}"
            )
    _check_equation(problem.equation)


def _check_equation(equation: Equation | None) -> None:
    """Raise where the residual reads a field, derivative or coordinate that the equation does not have."""
    for name in sorted(equation.reads()) if equation is not None else ():
        field, order = split_name(name)
        if name in equation.coordinates or (field in equation.unknowns and set(order) <= set(equation.coordinates)):  # type: ignore[union-attr]
            continue
        raise ContractError(
            f"the equation's residual reads 'd.{name}', which is no derivative of its unknowns by its coordinates: declare "
            "it, or mend the name"
        )


def solver_has_a_curve(cls: type[Dataset]) -> None:
    """The reference solver has five cost points or more, and error falls with cost.

    The dearest point may be a quarter worse than the best: a solver that is given the data's own inputs can be
    limited by what those do not tell, and then the last points tie.
    """
    dataset = cls.tier("smoke")
    problem = dataset.problem()
    if problem.solver is None:
        return
    costs = problem.solver.costs
    if len(costs) < 5:
        raise ContractError(f"the solver has {len(costs)} cost points: at least 5 are needed")
    data = some(dataset, SEED, range(3))
    errors = []
    for knobs in costs.values():
        solved = problem.solver.solve(only(data, [v.name for v in problem.inputs]), **knobs)
        errors.append(max(_relative(solved[v.name], data[v.name]) for v in problem.targets))
    if errors[-1] > 1.25 * min(errors) or errors[0] != max(errors):
        shown = ", ".join(f"{error:.2g} ({name})" for name, error in zip(costs, errors, strict=True))
        raise ContractError(
            f"the errors of the solver's cost points, cheapest first, are {shown}: expected them to fall"
        )


def _relative(p: xr.DataArray, u: xr.DataArray) -> float:
    return float(np.linalg.norm(p.values - u.values) / np.linalg.norm(u.values))


DATASET_CHECKS: tuple[Callable[[type[Dataset]], None], ...] = (
    card_is_complete,
    parameters_are_explained,
    tiers_are_complete,
    generation_is_deterministic,
    samples_do_not_depend_on_their_companions,
    variables_are_as_declared,
    shifts_are_other_problems,
    refined_truth_is_on_the_same_grid,
    laws_hold,
    solver_has_a_curve,
)
