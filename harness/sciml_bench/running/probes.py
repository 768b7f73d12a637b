"""Questions put to a predictor beside the test part, and what its answers tell: symmetries, and gradients that targets are.

`ask` runs in the worker, `measure` in the parent; both see the first few test inputs.
"""

from collections.abc import Callable

import numpy as np
import xarray as xr

from .. import metrics
from ..problem import SAMPLE, Gradient, Problem
from ..problem.samples import blocks, count, like, take

SAMPLES = 4
"""Probes are put on the first so many test samples."""
STEP = 3e-3
"""Step of the difference quotient, as a share of the spread of the input."""

Ask = Callable[[xr.Dataset], xr.Dataset]


def ask(problem: Problem, predict: Ask, test: xr.Dataset) -> dict[str, xr.Dataset]:
    """Return the predictions for transformed and for slightly moved inputs, by the name of the part."""
    some = first(test)
    parts = {f"symmetry-{name}": predict(s.inputs(some)) for name, s in problem.symmetries.items()}
    for name, gradient in problem.gradients.items():
        move = _move(some, gradient)
        for side, sign in (("ahead", 1.0), ("behind", -1.0)):
            parts[f"gradient-{name}-{side}"] = predict(some.assign({gradient.by: some[gradient.by] + sign * move}))
    return parts


def measure(problem: Problem, parts: dict[str, xr.Dataset], inputs: xr.Dataset) -> dict[str, float]:
    """Return `symmetry/<name>` and `gradient/<target>` from the answers in `parts`."""
    some = first(inputs)
    whole = like(metrics.mean_prediction(parts["test"]), inputs)
    known = {d: inputs.coords[d] for d in whole.dims if d in inputs.coords}  # none are kept with a prediction
    prediction = take(whole.assign_coords(known), range(count(some)))
    found = {}
    for name, symmetry in problem.symmetries.items():
        answer = metrics.mean_prediction(parts[f"symmetry-{name}"])
        error = metrics.physics.symmetry_error(answer, symmetry.targets(prediction))
        found[f"symmetry/{name}"] = float(error.mean())
    for name, gradient in problem.gradients.items():
        ahead, behind = (metrics.mean_prediction(parts[f"gradient-{name}-{s}"]) for s in ("ahead", "behind"))
        slope = (ahead[gradient.of].values - behind[gradient.of].values) / 2
        found[f"gradient/{name}"] = float(
            gradient_error(slope, prediction[name], _move(some, gradient), gradient, some)
        )
    return found


def first(data: xr.Dataset) -> xr.Dataset:
    """Return the samples that are asked about."""
    return take(data, range(min(SAMPLES, count(data))))


def gradient_error(
    slope: np.ndarray, claimed: xr.DataArray, move: xr.DataArray, gradient: Gradient, data: xr.Dataset
) -> float:
    """√⟨(s·E′ − g·m)²⟩ / √⟨‖g‖² ‖m‖² / n⟩: of the difference quotient and of the claimed gradient g along a random move m.

    E′ = (E(x+m) − E(x−m))/2 is the predicted change of the scalar, s the sign, n the number of entries of m, ⟨·⟩ the mean
    over samples. About 0 if the claimed gradient is that of the scalar, about 1 or more if it has nothing to do with it.
    The difference quotient itself errs by the square of the step, 3·10⁻³ of the spread of the input. Unit: 1.
    """
    pairs = list(zip(blocks(data, claimed), blocks(data, move), strict=True))
    dims = [d for d in pairs[0][0].dims if d != SAMPLE]
    along = np.concatenate([(g * m.transpose(*g.dims).values).sum(dims).values for g, m in pairs])
    scale = np.concatenate([_size(g) * _size(m) / g[0].size for g, m in pairs])
    error = np.sqrt(np.mean((gradient.sign * slope - along) ** 2))
    total = float(np.sqrt(np.mean(scale)))
    return float(error / total) if total > 0 else float(error > 0)


def _size(array: xr.DataArray) -> np.ndarray:
    """‖·‖² of each sample."""
    return np.asarray((array * array).sum([d for d in array.dims if d != SAMPLE]).values)


def _move(some: xr.Dataset, gradient: Gradient) -> xr.DataArray:
    """Return the random move of the input, the same in worker and parent."""
    given = some[gradient.by]
    random = np.random.default_rng(0).standard_normal(given.shape)
    return given.copy(data=STEP * float(given.values.std()) * random)
