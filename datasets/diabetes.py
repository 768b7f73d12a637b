"""Diabetes: ten measurements of a patient, and how far the disease has gone a year later."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from types import MappingProxyType
from typing import Any, ClassVar, Self

import numpy as np
import xarray as xr

from sciml_bench.errors import UsageError
from sciml_bench.problem import Dataset, DatasetCard, Problem, Regime, Source, Variable
from sciml_bench.problem.labels import labelled


def _input(name: str, description: str, unit: str = "1") -> Variable:
    return Variable(name=name, dims=(), description=description, unit=unit, kind="scalar")


INPUTS = (
    _input("age", "age", "yr"),
    _input("sex", "sex, coded 1 or 2"),
    _input("bmi", "body mass index", "kg/m2"),
    _input("bp", "mean arterial blood pressure", "mmHg"),
    _input("tc", "total serum cholesterol", "mg/dl"),
    _input("ldl", "low-density lipoproteins", "mg/dl"),
    _input("hdl", "high-density lipoproteins", "mg/dl"),
    _input("tch", "total cholesterol over HDL"),
    _input("ltg", "logarithm of serum triglycerides", "log(mg/dl)"),
    _input("glu", "blood sugar", "mg/dl"),
)
"""In the order of scikit-learn's columns."""
PROGRESSION = Variable(
    name="progression", dims=(), description="disease progression one year after baseline", kind="scalar"
)


@lru_cache(maxsize=1)
def patients() -> tuple[np.ndarray, np.ndarray]:
    """Return the measurements (442, 10) and the progression (442,), in the units of the study."""
    from sklearn.datasets import load_diabetes

    found = load_diabetes(scaled=False)
    return np.asarray(found.data, np.float64), np.asarray(found.target, np.float64)


def sex(inputs: xr.Dataset) -> np.ndarray:
    """Name the sex of each patient; the study does not say which code stands for which."""
    return np.array([f"coded {int(code)}" for code in inputs["sex"].values])


def age_band(inputs: xr.Dataset) -> np.ndarray:
    """Name the age band of each patient: about a third of them in each."""
    names = np.array(["under 42", "42 to 54", "55 and over"])
    return names[np.digitize(inputs["age"].values, (42, 55))]


@dataclass(frozen=True, kw_only=True)
class Diabetes(Dataset):
    """Ten baseline measurements of 442 patients → progression of the disease after a year, all measured.

    The dataset holds patients with a body mass index of at most `largest_bmi` (kg/m²), in the order of the study, or, if
    `above`, those beyond. The data do not depend on the seed. Their noise is large: R² stays near 0.5 whatever the method.

    Source: Efron et al. 2004, doi:10.1214/009053604000000067.
    """

    card: ClassVar[DatasetCard] = DatasetCard(
        title="Diabetes",
        kind="regression",
        summary="ten measurements of a patient to the progression of diabetes after a year",
        description=(
            "A small table of real measurements, with noise that no model can explain: the test of whether a flexible "
            "method knows when to stop. Errors are reported by sex and by age band, as a model may serve one group "
            "worse. Patients with a body mass index above 33 are kept out of training and form the shifted test set. "
            "The floor is not known, as with all measurements."
        ),
        sources=(
            Source(
                citation="B. Efron, T. Hastie, I. Johnstone and R. Tibshirani, Least angle regression, "
                "Ann. Statist. 32 (2004)",
                doi="10.1214/009053604000000067",
            ),
            Source(
                citation="Pedregosa et al., Scikit-learn: machine learning in Python, JMLR 12 (2011), which ships the data",
                doi="10.48550/arXiv.1201.0490",
            ),
        ),
        license="BSD-3-Clause",
        truth="measured",
        needs=("sklearn",),
    )
    version: ClassVar[int] = 1
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
        {"smoke": {"samples": 96}, "small": {"samples": 411}, "full": {"samples": 411}}
    )

    samples: int = 411
    largest_bmi: float = 33.0
    above: bool = False

    def problem(self) -> Problem:
        """Return what a method may know: the columns, and the groups whose errors are compared."""
        return Problem(
            name="diabetes",
            kind="regression",
            inputs=INPUTS,
            targets=(PROGRESSION,),
            nonnegative=("progression",),
            regimes={
                "sex": Regime(of=sex, description="sex of the patient"),
                "age": Regime(of=age_band, description="age of the patient in years"),
            },
        )

    def generate(self, seed: int, samples: Sequence[int], *, device: str = "cpu") -> xr.Dataset:  # noqa: ARG002
        """Return the measurements and the progression of the given patients."""
        table, progression = patients()
        chosen = np.flatnonzero((table[:, 2] > self.largest_bmi) == self.above)
        if max(samples, default=0) >= len(chosen):
            side = "above" if self.above else "up to"
            raise UsageError(
                f"sample {max(samples)} was asked for, but only {len(chosen)} patients have a body mass index {side} "
                f"{self.largest_bmi:g}; use at most {len(chosen)} samples"
            )
        rows = chosen[list(samples)]
        columns = {v.name: table[rows, k] for k, v in enumerate(INPUTS)}
        return labelled([*INPUTS, PROGRESSION], {**columns, "progression": progression[rows]})

    def refined(self) -> Self:
        """Raise NotImplementedError: nobody knows the error of the measurements."""
        raise NotImplementedError("the data are measured: there is nothing to refine")

    def shifts(self) -> Mapping[str, Self]:
        """Return the patients with a larger body mass index than any in training."""
        return {"higher_bmi": replace(self, above=True, samples=31)}
