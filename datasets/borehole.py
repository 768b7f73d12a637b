"""The borehole function: steady flow of water from one aquifer to another through a hole between them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, ClassVar, Self

import numpy as np
import xarray as xr

from sciml_bench.errors import UsageError
from sciml_bench.problem import Dataset, DatasetCard, Problem, Source, Variable
from sciml_bench.problem.labels import labelled


def _input(name: str, description: str, unit: str) -> Variable:
    return Variable(name=name, dims=(), description=description, unit=unit, symbol=name, kind="scalar")


INPUTS = (
    _input("rw", "radius of the borehole", "m"),
    _input("r", "radius of influence", "m"),
    _input("Tu", "transmissivity of the upper aquifer", "m2/yr"),
    _input("Hu", "potentiometric head of the upper aquifer", "m"),
    _input("Tl", "transmissivity of the lower aquifer", "m2/yr"),
    _input("Hl", "potentiometric head of the lower aquifer", "m"),
    _input("L", "length of the borehole", "m"),
    _input("Kw", "hydraulic conductivity of the borehole", "m/yr"),
)
FLOW = Variable(name="flow", dims=(), description="flow of water", unit="m3/yr", symbol="Q", kind="scalar")

RANGES: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "r": (100.0, 50_000.0),
        "Tu": (63_070.0, 115_600.0),
        "Hu": (990.0, 1110.0),
        "Tl": (63.1, 116.0),
        "Hl": (700.0, 820.0),
        "L": (1120.0, 1680.0),
    }
)
"""The ranges of the inputs that are no field of the dataset."""


def flow(
    rw: np.ndarray,
    r: np.ndarray,
    Tu: np.ndarray,
    Hu: np.ndarray,
    Tl: np.ndarray,
    Hl: np.ndarray,
    L: np.ndarray,
    Kw: np.ndarray,
) -> np.ndarray:
    """Q = 2π T_u (H_u − H_l) / (ln(r/r_w) [1 + 2 L T_u / (ln(r/r_w) r_w² K_w) + T_u/T_l]), in m³/yr.

    Lengths and heads in m, transmissivities in m²/yr, the conductivity in m/yr.
    """
    log = np.log(r / rw)
    return np.asarray(2 * np.pi * Tu * (Hu - Hl) / (log * (1 + 2 * L * Tu / (log * rw**2 * Kw) + Tu / Tl)))


@dataclass(frozen=True, kw_only=True)
class Borehole(Dataset):
    """Q = 2π T_u (H_u − H_l) / (ln(r/r_w) [1 + 2 L T_u / (ln(r/r_w) r_w² K_w) + T_u/T_l]).

    All eight inputs are independent and uniform over the usual ranges, as in studies of emulators; the original study
    of uncertainty drew r_w from a normal and r from a lognormal distribution instead. `radius` is the range of r_w in
    m, `conductivity` that of K_w in m/yr.

    One should see Q between about 10 and 280 m³/yr: nearly proportional to r_w², and hardly dependent on r, T_u and T_l.

    Source: Harper & Gupta 1983; Morris et al. 1993, doi:10.1080/00401706.1993.10485320.
    """

    card: ClassVar[DatasetCard] = DatasetCard(
        title="Borehole",
        kind="regression",
        summary="the eight-input borehole function: flow of water between two aquifers",
        description=(
            "The standard test of emulators of computer experiments: a closed formula with eight inputs, smooth, free "
            "of noise. The well's radius alone makes five sixths of the variance, interactions some four hundredths, and several "
            "inputs hardly matter. It tells how much a method "
            "learns from few samples. Shifted test sets have wider holes, and a lower conductivity, as in the variant "
            "that is less additive."
        ),
        sources=(
            Source(
                citation="W. V. Harper and S. K. Gupta, Sensitivity/uncertainty analysis of a borehole scenario "
                "comparing Latin hypercube sampling and deterministic sensitivity approaches, BMI/ONWI-516 (1983)"
            ),
            Source(
                citation="M. D. Morris, T. J. Mitchell and D. Ylvisaker, Bayesian design and analysis of computer "
                "experiments: use of derivatives in surface prediction, Technometrics 35 (1993)",
                doi="10.1080/00401706.1993.10485320",
            ),
        ),
        truth="closed_form",
    )
    version: ClassVar[int] = 1
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
        {"smoke": {"samples": 48}, "small": {"samples": 300}, "full": {"samples": 10_000}}
    )

    samples: int = 300
    radius: tuple[float, float] = (0.05, 0.15)
    conductivity: tuple[float, float] = (9855.0, 12_045.0)

    def problem(self) -> Problem:
        """Return what a method may know: the names and units of the inputs, and that water flows downwards."""
        return Problem(name="borehole", kind="regression", inputs=INPUTS, targets=(FLOW,), nonnegative=("flow",))

    def generate(self, seed: int, samples: Sequence[int], *, device: str = "cpu") -> xr.Dataset:  # noqa: ARG002
        """Return the eight inputs and `flow` of the given samples."""
        for name in ("radius", "conductivity"):
            low, high = getattr(self, name)
            if not 0 < low < high:
                raise UsageError(f"{name} is {low:g} to {high:g}: expected two positive numbers, the lower first")
        ranges = {**RANGES, "rw": self.radius, "Kw": self.conductivity}
        low, high = np.array([ranges[v.name] for v in INPUTS]).T
        rows = np.array([np.random.default_rng([seed, i]).uniform(low, high) for i in samples])
        columns = {v.name: rows[:, k].copy() for k, v in enumerate(INPUTS)}
        return labelled([*INPUTS, FLOW], {**columns, "flow": flow(**columns)})

    def refined(self) -> Self:
        """Raise NotImplementedError: the formula is exact to rounding."""
        raise NotImplementedError("the borehole function is a closed form: there is nothing to refine")

    def shifts(self) -> Mapping[str, Self]:
        """Return wider holes than in training, and conductivities below all of those."""
        few = replace(self, samples=max(8, self.samples // 6))
        return {
            "wider_borehole": replace(few, radius=(self.radius[1], 2 * self.radius[1])),
            "lower_conductivity": replace(few, conductivity=(1500.0, self.conductivity[0])),
        }
