"""Power spectra of a picture, then logistic or ridge regression."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import xarray as xr

from sciml_bench.method import Budget, Log, Method, Predictor
from sciml_bench.method.images import picture_channels, why_not_images
from sciml_bench.method.tabular import (
    Certain,
    Model,
    Numbers,
    Probabilities,
    Target,
    check_positive,
    choose,
    fit_targets,
)
from sciml_bench.problem import SAMPLE, MethodCard, Problem, Source, Variable

PENALTIES = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0)
"""Penalties that are tried, for each training sample."""

SMALLEST = 1e-12
"""Power under this, as a share of the mean square, counts as this: its logarithm would only tell of rounding."""


@dataclass(frozen=True, kw_only=True)
class SpectralLinear(Method):
    """p = softmax(s W + b) of a class, ŷ = s W + b of a number, s = (mean, variance, log power of each wavenumber).

    Of each channel of the picture s holds the mean and variance over the grid and log₁₀ P(k) for k = 1, 2, … up to half
    the points along the shorter axis, where P(k) = Σ |û|² over the shell k − ½ ≤ |k| < k + ½, û the discrete Fourier
    transform over the number of points. The features are standardised. The penalty λ of
    (1/n) loss + λ‖W‖², of classes ½λ‖W‖², is the one of a grid with the least error on the validation part. `iterations`
    bounds the search for W of classes.

    It sees no phase and no direction: how strong each length scale is, not what shape. Pictures whose classes differ in
    their length scales it tells apart from very few samples. Inputs of one to three dimensions.

    Source: logistic regression, Cox 1958, doi:10.1111/j.2517-6161.1958.tb00292.x; ridge, Hoerl & Kennard 1970,
    doi:10.1080/00401706.1970.10488634.
    """

    card: ClassVar[MethodCard] = MethodCard(
        title="Linear model on spectra",
        family="baseline",
        framework="sklearn",
        summary="logistic or ridge regression on the radial power spectra of the inputs",
        description="Each picture is reduced to its mean, its variance and the power of each wavenumber, and a linear "
        "model does the rest: logistic regression for classes, ridge regression for numbers. What a network adds that "
        "sees shapes is its distance to this row.",
        sources=(
            Source(
                citation="D. R. Cox, The regression analysis of binary sequences, J. R. Stat. Soc. B 20 (1958)",
                doi="10.1111/j.2517-6161.1958.tb00292.x",
            ),
            Source(
                citation="A. E. Hoerl and R. W. Kennard, Ridge regression, Technometrics 12 (1970)",
                doi="10.1080/00401706.1970.10488634",
            ),
        ),
        needs=("sklearn",),
    )

    iterations: int = 1000

    def applies_to(self, problem: Problem) -> str | None:
        """Only from fields on a grid to classes and numbers."""
        return why_not_images(problem, dims=(1, 2, 3))

    def fit(
        self,
        train: xr.Dataset,
        valid: xr.Dataset,
        *,
        problem: Problem,
        budget: Budget,  # noqa: ARG002
        seed: int,  # noqa: ARG002
        device: str,  # noqa: ARG002
        log: Log,
    ) -> Predictor:
        """Solve for each penalty and keep the best on `valid`."""
        check_positive(self, "iterations")
        spectra = Spectra(inputs=problem.inputs)
        parts = [
            spectra(data).assign({v.name: data[v.name] for v in problem.targets}).drop_vars(SAMPLE, errors="ignore")
            for data in (train, valid)
        ]
        names = [str(name) for name in spectra(train).data_vars]
        features = tuple(Variable(name=n, dims=(), description=n, kind="scalar") for n in names)
        table = Problem(name=problem.name, kind=problem.kind, inputs=features, targets=problem.targets)

        def build(target: Target) -> Model:
            log.fact("parameters", target.y.shape[1] * (target.x.shape[1] + 1))
            if target.label and len(set(target.classes)) == 1:
                return Certain(target.y[0])
            return choose("penalty", PENALTIES, lambda penalty: self._solve(penalty, target), target, log)

        return SpectralPredictor(spectra=spectra, model=fit_targets(build, *parts, problem=table))

    def _solve(self, penalty: float, target: Target) -> Model:
        from sklearn.linear_model import LogisticRegression, Ridge

        n = len(target.x)
        if target.label:
            model = LogisticRegression(
                C=1 / (n * penalty), max_iter=self.iterations, tol=1e-6, solver="newton-cholesky"
            )
            return Probabilities(model.fit(target.x, target.classes), target.y.shape[1])
        return Numbers(Ridge(alpha=n * penalty).fit(target.x, target.y))


@dataclass(frozen=True, kw_only=True)
class Spectra:
    """Inputs → mean, variance and log₁₀ P(k) of each channel, one scalar variable each."""

    inputs: tuple[Variable, ...]

    def __call__(self, data: xr.Dataset) -> xr.Dataset:
        """Return the features of all samples."""
        fields, numbers = ([v for v in self.inputs if bool(v.space) is spatial] for spatial in (True, False))
        columns: dict[str, np.ndarray] = {}
        for k, channel in enumerate(np.moveaxis(picture_channels(fields, data), 1, 0)):
            mean_square = (channel**2).mean(axis=tuple(range(1, channel.ndim)))
            columns[f"mean_{k}"] = channel.mean(axis=tuple(range(1, channel.ndim)))
            columns[f"variance_{k}"] = channel.var(axis=tuple(range(1, channel.ndim)))
            floor = SMALLEST * np.where(mean_square > 0, mean_square, 1.0)
            for shell, power in enumerate(radial_power(channel).T, start=1):
                columns[f"power_{k}_{shell}"] = np.log10(np.maximum(power, floor))
        for v in numbers:
            values = data[v.name].transpose(SAMPLE, *v.dims).to_numpy().reshape(data.sizes[SAMPLE], -1)
            columns |= {f"{v.name}_{i}": column for i, column in enumerate(values.T)}
        return xr.Dataset({name: ((SAMPLE,), values) for name, values in columns.items()})


def radial_power(fields: np.ndarray) -> np.ndarray:
    """Return P(k) = Σ |û|² over the shell k − ½ ≤ |k| < k + ½, for k = 1 … n/2: (sample, *grid) → (sample, shell)."""
    grid = fields.shape[1:]
    power = np.abs(np.fft.fftn(fields, axes=range(1, fields.ndim), norm="forward")) ** 2
    wavenumbers = np.meshgrid(*(np.fft.fftfreq(n, 1 / n) for n in grid), indexing="ij")
    shells = np.floor(np.sqrt(sum(k**2 for k in wavenumbers)) + 0.5).astype(np.int64)
    flat = power.reshape(len(power), -1)
    return np.stack([flat[:, shells.ravel() == k].sum(axis=1) for k in range(1, min(grid) // 2 + 1)], axis=1)


@dataclass(frozen=True, kw_only=True)
class SpectralPredictor:
    """Spectra, then a model of each target."""

    spectra: Spectra
    model: Predictor

    def __call__(self, inputs: xr.Dataset) -> xr.Dataset:
        """Return the targets of the samples in `inputs`."""
        return self.model(self.spectra(inputs))
