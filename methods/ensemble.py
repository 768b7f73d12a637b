"""A deep ensemble: the same method trained several times, from different seeds."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import xarray as xr

from sciml_bench.errors import UsageError
from sciml_bench.method import Budget, Log, Predictor
from sciml_bench.method.wrapping import Wrapper
from sciml_bench.problem import MEMBER, MethodCard, Problem, Source
from sciml_bench.protocol.seeds import derive


@dataclass(frozen=True, kw_only=True)
class Ensemble(Wrapper):
    """p = {f₁(a), …, f_M(a)}, f_m the inner method trained with the m-th seed on the same data.

    The members' spread is the predicted uncertainty, their mean the prediction. Of class labels the probabilities are
    averaged instead. It costs M times the inner method's fit and prediction. A method that does not use its seed has members
    that agree, and so claims to be certain.

    Source: Lakshminarayanan, Pritzel & Blundell 2017, arXiv:1612.01474.
    """

    card: ClassVar[MethodCard] = MethodCard(
        title="Ensemble",
        family="wrapper",
        framework="numpy",
        summary="any method, trained several times: ensemble(fno,members=4)",
        description="Trains the inner method several times from different seeds; their spread is the uncertainty.",
        sources=(
            Source(
                citation="B. Lakshminarayanan, A. Pritzel and C. Blundell, Simple and scalable predictive uncertainty "
                "estimation using deep ensembles, NeurIPS (2017)",
                doi="10.48550/arXiv.1612.01474",
            ),
        ),
    )

    members: int = 4

    def why_not(self, problem: Problem) -> str | None:  # noqa: ARG002
        """Nothing stands against it."""
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
        """Fit every member."""
        if self.members < 2:
            raise UsageError(f"members is {self.members}, but an ensemble has at least 2")
        fitted = []
        for m in range(self.members):
            part = Part(log=log, number=m, total=self.members)
            fitted.append(
                self.inner.fit(
                    train,
                    valid,
                    problem=problem,
                    budget=budget,
                    seed=derive("member", seed, m),
                    device=device,
                    log=part,
                )
            )
        labels = tuple(v.name for v in problem.targets if v.kind == "label")
        return Members(predictors=tuple(fitted), labels=labels)


@dataclass(frozen=True, kw_only=True)
class Part:
    """The log of one member: its share of the progress; curves and facts of the first alone."""

    log: Log
    number: int
    total: int

    def progress(self, fraction: float, message: str = "") -> None:
        """Report the share of the whole that is done."""
        title = f"member {self.number + 1} of {self.total}"
        self.log.progress((self.number + fraction) / self.total, f"{title}, {message}" if message else title)

    def curve(self, name: str, step: int, value: float) -> None:
        """Keep the first member's curves."""
        if self.number == 0:
            self.log.curve(name, step, value)

    def fact(self, name: str, value: float | str) -> None:
        """Keep the first member's facts; count the parameters of all."""
        if name == "parameters" and isinstance(value, int | float):
            self.log.fact(name, value * self.total)
        elif self.number == 0:
            self.log.fact(name, value)


@dataclass(frozen=True, kw_only=True)
class Members:
    """The predictions of all members along `member`; the mean probabilities of labels."""

    predictors: tuple[Predictor, ...]
    labels: tuple[str, ...]

    def __call__(self, inputs: xr.Dataset) -> xr.Dataset:
        """Return them; a member that predicts a distribution gives all of its own members."""
        answers = [p(inputs) for p in self.predictors]
        return xr.Dataset({str(n): self._joined([a[n] for a in answers]) for n in answers[0].data_vars})

    def _joined(self, arrays: list[xr.DataArray]) -> xr.DataArray:
        first = arrays[0]
        if first.name in self.labels:
            return first.copy(data=np.mean([a.transpose(*first.dims).values for a in arrays], axis=0))
        each = [a if MEMBER in a.dims else a.expand_dims(MEMBER) for a in arrays]
        dims = (MEMBER, *(d for d in first.dims if d != MEMBER))
        values = np.concatenate([a.transpose(*dims).values for a in each])
        coords = {d: first.coords[d] for d in first.dims if d in first.coords and d != MEMBER}
        return xr.DataArray(values, dims=dims, coords=coords, attrs=first.attrs)
