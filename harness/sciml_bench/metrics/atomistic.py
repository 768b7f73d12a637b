"""How far predicted energies and forces of atoms are from the true ones, as the field of learnt potentials reports it.

They apply where a target on the nodes is minus the gradient of a scalar target by the positions of the nodes. Every function
returns one value for each sample; the score is its mean over samples.
"""

import numpy as np
import xarray as xr

from ..errors import ContractError
from ..problem import SAMPLE, Gradient, Problem
from ..problem.samples import blocks
from .base import aligned, finite


def evaluate(prediction: xr.Dataset, truth: xr.Dataset, problem: Problem) -> dict[str, np.ndarray]:
    """Return `energy_mae`, `force_mae` and `force_cosine` of every sample; nothing where the problem has no forces.

    `truth` holds the counts of its ragged dimensions. Raises ContractError where prediction and truth do not match, and
    NotFiniteError at any NaN or infinity.
    """
    found = forces_of(problem)
    if found is None:
        return {}
    name, gradient = found
    p, u = (
        [_rows(block) for block in blocks(truth, a)] for a in (aligned(prediction, truth, name), finite(truth, name))
    )
    energy = aligned(prediction, truth, gradient.of), finite(truth, gradient.of)
    counts = np.array([len(rows) for rows in u])
    return {
        "energy_mae": energy_mae(energy[0].values, energy[1].values, counts),
        "force_mae": np.array([force_mae(a, b) for a, b in zip(p, u, strict=True)]),
        "force_cosine": np.array([force_cosine(a, b) for a, b in zip(p, u, strict=True)]),
    }


def forces_of(problem: Problem) -> tuple[str, Gradient] | None:
    """Return the target that is a force on nodes, and how: minus the gradient of a scalar by positions; None without one."""
    for name, gradient in problem.gradients.items():
        if gradient.sign < 0 and problem.input(gradient.by).dims == ("node", "direction"):
            return name, gradient
    return None


def energy_mae(prediction: np.ndarray, truth: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """|E′ − E| / N of each sample, N its number of atoms: an error per atom, which does not grow with the system.

    Arguments (sample,), in the energy's unit; the value is in that unit per atom. Zero only for the true energy.
    Source: Chanussot et al. 2021, arXiv:2010.09990 (energy MAE), divided by N.
    """
    return np.asarray(np.abs(prediction - truth) / counts)


def force_mae(prediction: np.ndarray, truth: np.ndarray) -> float:
    """⟨|F′ − F|⟩ over the atoms and the directions of one sample, (atom, direction), in the force's unit.

    Source: Chanussot et al. 2021, arXiv:2010.09990 (force MAE).
    """
    return float(np.abs(prediction - truth).mean())


def force_cosine(prediction: np.ndarray, truth: np.ndarray) -> float:
    """⟨F′·F / (‖F′‖ ‖F‖)⟩ over the atoms of one sample, (atom, direction): 1 for forces that all point the right way.

    Between −1 and 1, higher is better; it does not see how strong they are. Where one of the two forces is zero there is no
    angle, and the atom counts as 0, where both are, as 1. Unit: 1.
    Source: Chanussot et al. 2021, arXiv:2010.09990 (force cosine).
    """
    sizes = np.linalg.norm(prediction, axis=1) * np.linalg.norm(truth, axis=1)
    both = ~prediction.any(axis=1) & ~truth.any(axis=1)
    product = (prediction * truth).sum(axis=1)
    cosine = np.divide(product, sizes, out=np.asarray(both, np.float64), where=sizes > 0)
    return float(cosine.mean())


def _rows(block: xr.DataArray) -> np.ndarray:
    """Return the vectors of one sample, (node, direction)."""
    if block.sizes[SAMPLE] != 1:
        raise ContractError(
            f"forces have dimensions {block.dims} of one size; expected nodes, one sample behind the other"
        )
    return np.asarray(block.isel({SAMPLE: 0}).transpose("node", ...).values, np.float64)
