"""How far a prediction is from obeying its own physics; the truth is not looked at.

p₁ … p_T are the predicted states at the output times, p₀ the given initial state. Every function returns one
value for each sample; where several targets are concerned, each is measured alone and the values are
averaged.
"""

import numpy as np
import xarray as xr

from ..errors import ContractError, NotFiniteError
from ..problem import HISTORY, SAMPLE, TIME, Conserved, Evolution, Problem, Steady, Variable
from ..problem.samples import blocks, dense, ragged_dims
from .accuracy import edge
from .base import check_finite
from .fourier import on_grid

STEPS = 10
"""At most so many steps of a rollout enter `pde_defect`: each takes a run of the reference solver."""
CHUNK = 2048
"""At most so many states are advanced in one call of the reference solver."""


def evaluate(
    prediction: xr.Dataset,
    inputs: xr.Dataset,
    problem: Problem,
    *,
    truth: xr.Dataset | None = None,
    solver: bool = True,
    device: str = "cpu",
) -> dict[str, np.ndarray]:
    """Return by name the values of every sample, of all that applies to the problem.

    `pde_defect`, `pde_residual`, `conservation/<quantity>`, `conserved_mse/<quantity>`, `bc_error`, `positivity`: smaller
    is better, zero is perfect. `bc_error` is for targets on a uniform grid, whose edge is known, and on meshes that
    mark the nodes of theirs. The prediction has the data's coordinates and, like the inputs, the counts of ragged
    dimensions. `truth` holds the targets, for `conserved_mse` alone. Without `solver`, what the reference solver measures is left
    out: `pde_defect` and `pde_residual`.

    Raises NotFiniteError at any NaN or infinity in the prediction, and ContractError as the single functions
    do.
    """
    values: dict[str, np.ndarray] = {}
    regular = solver and not ragged_dims(inputs)
    if regular and isinstance(problem.solver, Evolution) and problem.evolves:
        values["pde_defect"] = pde_defect(prediction, inputs, problem, device=device)
    if regular and isinstance(problem.solver, Steady):
        values["pde_residual"] = pde_residual(prediction, inputs, problem)
    parts, given = dense(prediction), dense(inputs)
    truths = [None] * len(parts) if truth is None else dense(truth)
    each = [_local(p, a, u, problem) for p, a, u in zip(parts, given, truths, strict=True)]
    return values | {name: np.concatenate([found[name] for found in each]) for name in each[0]}


def _local(
    prediction: xr.Dataset, inputs: xr.Dataset, truth: xr.Dataset | None, problem: Problem
) -> dict[str, np.ndarray]:
    """Return what is measured on the prediction alone, of dense samples."""
    values: dict[str, np.ndarray] = {}
    for name, quantity in problem.conserved.items():
        target = _target(problem, quantity.variable)
        values[f"conservation/{name}"] = conservation(prediction, inputs, quantity, target)
        if truth is not None:
            p, u = state(prediction, target), state(truth, target)
            values[f"conserved_mse/{name}"] = conserved_mse(p, u, quantity)
    edged = {_target(problem, name): value for name, value in problem.boundary.items()}
    each = [
        bc_error(state(prediction, v), value, _edge(inputs, v, problem))
        for v, value in edged.items()
        if on_grid(v) or (problem.edge_nodes and "node" in v.space)
    ]
    if each:
        values["bc_error"] = np.mean(each, axis=0)
    if problem.nonnegative:
        fields = [state(prediction, _target(problem, name)) for name in problem.nonnegative]
        values["positivity"] = np.mean([positivity(field) for field in fields], axis=0)
    return values


def pde_defect(prediction: xr.Dataset, inputs: xr.Dataset, problem: Problem, *, device: str = "cpu") -> np.ndarray:
    """(1/T) Σ_{k=0}^{T−1} ‖S(p_k) − p_{k+1}‖₂ / ‖p_{k+1}‖₂, norms over space.

    S advances a state by one output interval with the reference solver, which must be an `Evolution`. First
    the ratio at each time, then the mean over times, then over targets. Zero for an exact solution, whatever
    the output interval; the truth's own defect, from the precision in which it is stored, is the floor. Of more than
    10 steps, 10 are taken, evenly spread from the first to the last.
    Converges to the ratio of L² norms over the domain, averaged over the steps. Unit: 1.

    Raises ContractError if a predicted state is zero everywhere while S does not give zero, or if S gives NaN
    or infinity.
    """
    if not isinstance(problem.solver, Evolution):
        raise ContractError(f"pde_defect of '{problem.name}' needs a reference solver that is an Evolution")
    whole = {v.name: state(prediction, v).transpose(SAMPLE, TIME, ...) for v in problem.targets}
    before = {v.name: _earlier(whole[v.name], initial_state(inputs, v)) for v in problem.targets}
    after = {name: p.isel({TIME: _steps(p.sizes[TIME])}) for name, p in whole.items()}
    advanced = _advance(problem.solver, xr.Dataset(before), device)
    defects = []
    for name, p in after.items():
        gap = advanced[name].reshape(p.shape) - p.values
        ratio = _ratio(_norm(gap, 2), _norm(p.values, 2), f"pde_defect of '{name}'", "the predicted state")
        defects.append(ratio.mean(axis=1))
    return np.mean(defects, axis=0)


def pde_residual(prediction: xr.Dataset, inputs: xr.Dataset, problem: Problem) -> np.ndarray:
    """‖A(p) − f‖ / ‖f‖, A the discrete operator of the reference solver, which must be a `Steady`.

    The solver computes it and states its norm. Zero for the solver's own solution; the truth's residual is
    the floor. Unit: 1.
    Raises ContractError if the solver does not give one finite number for each sample.
    """
    if not isinstance(problem.solver, Steady):
        raise ContractError(f"pde_residual of '{problem.name}' needs a reference solver that is a Steady")
    fields = xr.Dataset({v.name: state(prediction, v) for v in problem.targets})
    residual = problem.solver.residual(inputs, fields)
    if residual.dims != (SAMPLE,):
        raise ContractError(
            f"the solver's residual of '{problem.name}' has dimensions {residual.dims}, not 'sample' alone"
        )
    check_finite(problem.name, residual, "solver's residual", ContractError)
    return residual.values.astype(np.float64)


def conservation(prediction: xr.Dataset, inputs: xr.Dataset, conserved: Conserved, target: Variable) -> np.ndarray:
    """|Q(p_k) − Q(p₀)| / s(p₀), its maximum over k ≥ 1, Q the conserved quantity and s > 0 its scale.

    Q is computed at each time, then the largest drift of the sample is taken. Zero for a system that
    conserves Q exactly. Converges to the largest drift over the time interval. Unit: 1.
    Raises ContractError if the scale of a sample is not positive.
    """
    p, first = state(prediction, target), initial_state(inputs, target)
    scale = conserved.scale(first)
    if not (scale.values > 0).all():
        raise ContractError(
            f"the scale of a conserved quantity of '{target.name}' is {float(scale.min())} for some sample: "
            "it must be positive for every initial state"
        )
    drift = abs(conserved.quantity(p) - conserved.quantity(first)) / scale
    check_finite(target.name, drift, "drift of a conserved quantity", ContractError)
    return drift.max([d for d in drift.dims if d != SAMPLE], skipna=False).values


def conserved_mse(prediction: xr.DataArray, truth: xr.DataArray, conserved: Conserved) -> np.ndarray:
    """(1/T) Σₖ (Q(p_k) − Q(u_k))², Q the conserved quantity, in the square of its unit.

    The mean over output times, then over samples. Zero if the prediction has the true quantity at every time, whatever
    its phase. Source: Greydanus et al. 2019, arXiv:1906.01563 (energy MSE).
    """
    gap = conserved.quantity(prediction) - conserved.quantity(truth)
    return np.asarray((gap * gap).mean([d for d in gap.dims if d != SAMPLE], skipna=False).values)


def _edge(inputs: xr.Dataset, target: Variable, problem: Problem) -> xr.DataArray | None:
    """Return where a mesh says that its edge is, None for a grid, which knows."""
    if on_grid(target):
        return None
    return inputs[problem.edge_nodes].drop_vars(SAMPLE, errors="ignore") > 0.5


def bc_error(field: xr.DataArray, value: float, where: xr.DataArray | None = None) -> np.ndarray:
    """|p − g| / max(RMS p, |g|), its maximum over edge points and times, g the value prescribed on the edge.

    The root mean square is that of the sample over all space and time: the field's own scale, so that the
    number does not depend on the unit; where the field is small beside g, g is the scale. Zero where the
    condition holds exactly, also for a prediction of zero under g = 0, where the scale is zero as well.
    Converges to the L^∞ norm on the boundary. `where` says which points lie on the edge; None: the first and last of
    a grid. Unit: 1.
    """
    others = [d for d in field.dims if d != SAMPLE]
    error = abs(field - value).where(edge(field) if where is None else where, 0.0).max(others, skipna=False).values
    rms = np.sqrt((field * field).mean(others, skipna=False).values)
    return _ratio(error, np.maximum(rms, abs(value)), "bc_error", "the prediction")


def positivity(field: xr.DataArray) -> np.ndarray:
    """Σ max(−p, 0) / Σ |p|, sums over space and time: the negative share of the field.

    Between 0, nowhere negative, and 1, nowhere positive; 0 for a prediction of zero, which is nowhere
    negative. Converges to the ratio of the integrals over domain and time interval. Unit: 1.
    """
    others = [d for d in field.dims if d != SAMPLE]
    negative = (-field).clip(min=0.0).sum(others, skipna=False).values
    total = abs(field).sum(others, skipna=False).values
    return _ratio(negative, total, "positivity", "the prediction")


def symmetry_error(prediction_of_transformed: xr.Dataset, transformed_prediction: xr.Dataset) -> np.ndarray:
    """‖f(g·a) − g·f(a)‖₂ / ‖g·f(a)‖₂, f the method, g the symmetry, a the inputs.

    Norms over space and time together: one ratio for each sample, then the mean over targets. Zero for an
    equivariant method, whether or not it is accurate. Converges to the ratio of L² norms over domain and time
    interval. Unit: 1.
    Raises ContractError if the transformed prediction of a sample is zero everywhere while the other is not.
    """
    errors = []
    for name, array in transformed_prediction.data_vars.items():
        if str(name).endswith("_count"):
            continue
        other = prediction_of_transformed[name].transpose(*array.dims)
        pairs = zip(blocks(transformed_prediction, other), blocks(transformed_prediction, array), strict=True)
        errors.append(np.concatenate([_apart(a, b, str(name)) for a, b in pairs]))
    return np.asarray(np.mean(errors, axis=0))


def _apart(a: xr.DataArray, b: xr.DataArray, name: str) -> np.ndarray:
    """‖a − b‖₂ / ‖b‖₂ of each sample."""
    reference = b.transpose(SAMPLE, ...).values.astype(np.float64)
    gap = a.transpose(SAMPLE, ...).values - reference
    return _ratio(_norm(gap, 1), _norm(reference, 1), f"symmetry_error of '{name}'", "the prediction")


def state(prediction: xr.Dataset, target: Variable) -> xr.DataArray:
    """Return the prediction of a target as (sample, …) in storage order, in float64."""
    field = prediction[target.name]
    expected = (SAMPLE, *target.dims)
    if set(field.dims) != set(expected):
        raise ContractError(f"the prediction of '{target.name}' has dimensions {field.dims}; expected {expected}")
    check_finite(target.name, field, "prediction", NotFiniteError)
    return field.transpose(*expected).drop_vars(SAMPLE, errors="ignore").astype(np.float64)


def initial_state(inputs: xr.Dataset, target: Variable) -> xr.DataArray:
    """Return p₀ of a target: the input named by its `initial`, at its latest time, in float64."""
    if target.initial is None:
        raise ContractError(f"the target '{target.name}' names no input as its initial state, which is needed here")
    first = inputs[target.initial]
    if HISTORY in first.dims:
        first = first.isel({HISTORY: -1}, drop=True)
    order = (SAMPLE, *(d for d in target.dims if d != TIME))
    return first.transpose(*order).drop_vars(SAMPLE, errors="ignore").astype(np.float64)


def _target(problem: Problem, name: str) -> Variable:
    for target in problem.targets:
        if target.name == name:
            return target
    raise ContractError(
        f"problem '{problem.name}' states a property of '{name}', which is not a target "
        f"({', '.join(v.name for v in problem.targets)})"
    )


def _earlier(p: xr.DataArray, first: xr.DataArray) -> xr.DataArray:
    """p₀ … p_{T−1} of every sample, those before the steps that are taken, one behind the other along `sample`."""
    states = np.concatenate([first.values[:, None], p.values[:, :-1]], axis=1)[:, _steps(p.sizes[TIME])]
    coords = {d: p.coords[d] for d in p.dims[2:] if d in p.coords}
    return xr.DataArray(states.reshape(-1, *states.shape[2:]), dims=(SAMPLE, *p.dims[2:]), coords=coords)


def _steps(total: int) -> np.ndarray:
    """Return the numbers of the steps that are taken."""
    return np.unique(np.linspace(0, total - 1, min(STEPS, total)).round().astype(np.int64))


def _advance(solver: Evolution, states: xr.Dataset, device: str) -> dict[str, np.ndarray]:
    """S of every state, in calls of one size, so that a compiled solver is compiled once.

    The last call is filled up with copies of the last state.
    """
    total = states.sizes[SAMPLE]
    size = -(-total // -(-total // CHUNK))
    pieces: dict[str, list[np.ndarray]] = {str(name): [] for name in states.data_vars}
    for start in range(0, total, size):
        index = np.minimum(np.arange(start, start + size), total - 1)
        after = solver.advance(states.isel({SAMPLE: index}), device=device)
        for name, found in pieces.items():
            values = after[name].transpose(*states[name].dims).values[: total - start]
            if not np.isfinite(values).all():
                raise ContractError(
                    f"the reference solver cannot advance the predicted '{name}': "
                    "one output step leads to NaN or infinity"
                )
            found.append(values.astype(np.float64))
    return {name: np.concatenate(found) for name, found in pieces.items()}


def _norm(values: np.ndarray, kept: int) -> np.ndarray:
    """‖·‖₂ over all axes behind the first `kept`."""
    return np.sqrt(np.square(values).sum(axis=tuple(range(kept, values.ndim))))


def _ratio(size: np.ndarray, scale: np.ndarray, name: str, what: str) -> np.ndarray:
    """|size| / scale, and 0 where both are zero: there is nothing wrong with an exact zero."""
    zero = scale == 0
    lost = int((zero & (size > 0)).sum())
    if lost:
        raise ContractError(
            f"{name} is relative to {what}, which is zero everywhere in {lost} of {zero.size} cases: "
            "no relative error exists there"
        )
    return np.divide(size, scale, out=np.zeros_like(size), where=~zero)
