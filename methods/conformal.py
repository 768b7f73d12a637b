"""Split conformal prediction around any method: its errors on the validation part become intervals."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import xarray as xr

from sciml_bench.errors import UsageError
from sciml_bench.method import Budget, Log, Predictor
from sciml_bench.method.wrapping import Wrapper
from sciml_bench.problem import MEMBER, SAMPLE, MethodCard, Problem, Source

MEMBERS = 19
"""Predicted quantiles m/20, so that the ends of the 90% interval are the first and the last."""


@dataclass(frozen=True, kw_only=True)
class Conformal(Wrapper):
    """p ± h_c(x), h_c from the residuals r_i = u_i − p_i of the n validation samples.

    `scope="point"`: h_c(x) is the ⌈(n+1)c⌉-th smallest |r_i(x)| at each place and time x, so that each place is covered with
    probability c. `scope="field"`: h_c(x) = q_c σ(x), σ(x) the root mean square residual of one half of the validation part and
    q_c the ⌈(n₂+1)c⌉-th smallest max_x |r_i(x)|/σ(x) of the other: the whole field is inside at once with probability c, and
    the intervals are wider. Both hold where the validation part is new to f; as methods stop and select on it, coverage falls
    some per cent short on small tables. Where the rank exceeds n the largest residual stands in, and the coverage falls short:
    c = 0.9 takes 9 samples, of each half.

    Sources: Lei et al. 2018, doi:10.1080/01621459.2017.1307116; Diquigiovanni, Fontana & Vantini 2022,
    doi:10.1016/j.jmva.2021.104879 (simultaneous).
    """

    card: ClassVar[MethodCard] = MethodCard(
        title="Conformal prediction",
        family="wrapper",
        framework="numpy",
        summary="any method, with intervals from its validation errors: conformal(fno,scope=field)",
        description="Fits the inner method, measures its errors on the validation part, and lays intervals around its "
        "predictions that cover each place, or the whole field at once.",
        sources=(
            Source(
                citation="J. Lei, M. G’Sell, A. Rinaldo, R. J. Tibshirani and L. Wasserman, Distribution-free predictive "
                "inference for regression, J. Am. Stat. Assoc. 113 (2018)",
                doi="10.1080/01621459.2017.1307116",
            ),
            Source(
                citation="J. Diquigiovanni, M. Fontana and S. Vantini, Conformal prediction bands for multivariate "
                "functional data, J. Multivar. Anal. 189 (2022)",
                doi="10.1016/j.jmva.2021.104879",
            ),
        ),
    )

    scope: Literal["point", "field"] = "point"

    def why_not(self, problem: Problem) -> str | None:
        """Only for numbers at places that all samples share."""
        if any(v.kind == "label" for v in problem.targets):
            return "It lays intervals around numbers, and a target is a class label."
        if any(v.ragged for v in problem.targets):
            return "It needs residuals at the same places in every sample, and a target lives on meshes or graphs that differ."
        return None

    def fit(
        self,
        train: xr.Dataset,
        valid: xr.Dataset,
        *,
        problem: Problem,
        budget: Budget,
        seed: int,
        device: str,
        log: Log,
    ) -> Predictor:
        """Fit the inner method and calibrate."""
        inner = self.inner.fit(train, valid, problem=problem, budget=budget, seed=seed, device=device, log=log)
        answer = inner(valid[[v.name for v in problem.inputs]])
        if MEMBER in answer.dims:
            raise UsageError("the inner method predicts a distribution of its own; conformal is for those that do not")
        make = point_widths if self.scope == "point" else field_widths
        widths = {}
        for v in problem.targets:
            truth = valid[v.name].transpose(SAMPLE, *v.dims).values
            widths[v.name] = make(truth - answer[v.name].transpose(SAMPLE, *v.dims).values)
        dims = {v.name: v.dims for v in problem.targets}
        return Banded(inner=inner, widths=widths, dims=dims)


def point_widths(residuals: np.ndarray) -> np.ndarray:
    """Return h of each of the levels (m, …) from residuals (sample, …)."""
    size = np.sort(np.abs(residuals), axis=0)
    return np.stack([size[rank] for rank in _ranks(len(size))])


def field_widths(residuals: np.ndarray) -> np.ndarray:
    """Return h = q σ of each of the levels (m, …) from residuals (sample, …): σ from one half, q from the other."""
    if len(residuals) < 2:
        raise UsageError("simultaneous intervals take at least 2 validation samples")
    first, second = residuals[::2], residuals[1::2]
    sigma = np.sqrt((first**2).mean(axis=0))
    sigma = np.maximum(sigma, np.finfo(np.float64).tiny)  # where the inner method is exact the band has no width
    worst = np.sort((np.abs(second) / sigma).reshape(len(second), -1).max(axis=1))
    return np.stack([worst[rank] * sigma for rank in _ranks(len(worst))])


def _ranks(n: int) -> list[int]:
    """Return the index of the residual that bounds each of the levels 1/10, 2/10, …, 9/10, for the members above the middle."""
    half = MEMBERS // 2
    return [min(-(-(n + 1) * m // (half + 1)), n) - 1 for m in range(1, half + 1)]


@dataclass(frozen=True, kw_only=True)
class Banded:
    """The inner prediction as the middle one of `MEMBERS` quantiles."""

    inner: Predictor
    widths: dict[str, np.ndarray]
    dims: dict[str, tuple[str, ...]]

    def __call__(self, inputs: xr.Dataset) -> xr.Dataset:
        """Return the quantiles along `member`."""
        answer = self.inner(inputs)
        return xr.Dataset(
            {name: self._members(answer[name].transpose(SAMPLE, *dims)) for name, dims in self.dims.items()}
        )

    def _members(self, p: xr.DataArray) -> xr.DataArray:
        h = self.widths[str(p.name)]
        steps = np.concatenate([-h[::-1], np.zeros_like(h[:1]), h])
        values = p.values[None] + steps[:, None]
        coords = {d: p.coords[d] for d in p.dims if d in p.coords} | {MEMBER: np.arange(1, MEMBERS + 1) / (MEMBERS + 1)}
        return xr.DataArray(values, dims=(MEMBER, *p.dims), coords=coords, attrs=p.attrs)
