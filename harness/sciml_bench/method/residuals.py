"""Where the residual of a problem's equation can be taken on the data's grid. No framework is imported here."""

from ..problem import TIME, Equation, Problem, Variable
from ..problem.equation import split_name
from .grids import why_not_a_grid


def why_no_residual(problem: Problem) -> str | None:
    """Return None if predictions on the grid have a pointwise residual, else the reason why not, in a sentence."""
    if problem.equation is None:
        return "It needs the equation, and the problem gives none."
    return (
        why_not_a_grid(problem)
        or _unknown(problem, problem.equation)
        or _given(problem, problem.equation)
        or _high(problem, problem.equation)
    )


def _unknown(problem: Problem, equation: Equation) -> str | None:
    """Say which unknown of the equation is neither predicted nor given, or has other axes than the equation."""
    known = {v.name: v for v in (*problem.targets, *problem.inputs)}
    predicted = {v.name for v in problem.targets}
    axes = [TIME if c == "t" else c for c in equation.coordinates]
    for name in equation.unknowns:
        if name not in known and equation.auxiliary is None:
            return f"It needs every field of the equation, but '{name}' is neither predicted nor given."
        if name in predicted and sorted(known[name].dims) != sorted(axes):
            return f"It needs the fields of the equation on its axes {_list(axes)}, but '{name}' depends on {_dims(known[name])}."
    if not predicted & set(equation.unknowns):
        return "It needs an equation for what is predicted, but the equation holds no target."
    return None


def _given(problem: Problem, equation: Equation) -> str | None:
    """Say which given field the equation differentiates: it may jump, and then has no derivative on a grid."""
    given = {v.name: v for v in problem.inputs if v.name in equation.unknowns}
    for name in sorted(equation.reads()):
        base, order = split_name(name)
        if base in given and order:
            return (
                f"It needs the residual at points, but the equation differentiates the given field '{base}', "
                "which may jump there."
            )
    for v in given.values():
        if TIME in v.dims or "history" in v.dims:
            return f"It needs given fields of the equation to be fixed in time, but '{v.name}' is not."
    return None


def _high(problem: Problem, equation: Equation) -> str | None:
    """Say which derivative is of too high an order for central differences."""
    periodic = all(v.periodic for v in problem.targets)
    for name in sorted(equation.reads()):
        _, order = split_name(name)
        if any(order.count(axis) > 2 for axis in order if axis == "t" or not periodic):
            return f"It takes second derivatives at most where an axis has ends, but the equation reads '{name}'."
    return None


def _list(names: list[str]) -> str:
    return ", ".join(names)


def _dims(variable: Variable) -> str:
    return _list(list(variable.dims)) or "nothing"
