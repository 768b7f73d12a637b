"""Proper orthogonal decomposition of the inputs, then ridge regression to the targets."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import scipy
import xarray as xr

from sciml_bench.errors import UsageError
from sciml_bench.method import Budget, Log, Method, Predictor
from sciml_bench.method.vectors import VectorCodec, why_not_vectors
from sciml_bench.problem import MethodCard, Problem, Source

PENALTIES = (0.0, 1e-10, 1e-8, 1e-6, 1e-4, 1e-3, 1e-2, 0.1, 1.0)
"""Ridge penalties that are tried, as fractions of the largest squared singular value."""


@dataclass(frozen=True, kw_only=True)
class Linear(Method):
    """û = ū + (a − ā) V_r W, with W = argmin ‖(A − ā) V_r W − (U − ū)‖² + λ ‖W‖².

    A (sample, feature) holds the training inputs, each variable divided by its own standard deviation, U the
    targets; V_r are the r leading right singular vectors of A − ā (POD modes). Rank r and penalty λ are those
    of a grid with the least error on the validation part. Exact, to rounding, for an affine map whose inputs
    span no more dimensions than there are training samples. All in float64. It predicts only on the grid that
    it was trained on.

    `max_rank` bounds r.

    Source: Sirovich 1987, doi:10.1090/qam/910462; Hoerl & Kennard 1970, doi:10.1080/00401706.1970.10488634.
    """

    card: ClassVar[MethodCard] = MethodCard(
        title="Linear (POD and ridge)",
        family="baseline",
        framework="numpy",
        summary="the best linear map from the leading modes of the inputs to the targets",
        description="Principal modes of the inputs, then ridge regression; rank and penalty are chosen "
        "on the validation part. "
        "What a nonlinear method adds is its distance to this row.",
        sources=(
            Source(
                citation="L. Sirovich, Turbulence and the dynamics of coherent structures, I, Q. Appl. Math. 45 (1987)",
                doi="10.1090/qam/910462",
            ),
            Source(
                citation="A. E. Hoerl and R. W. Kennard, Ridge regression, Technometrics 12 (1970)",
                doi="10.1080/00401706.1970.10488634",
            ),
        ),
    )

    max_rank: int = 512

    def applies_to(self, problem: Problem) -> str | None:
        """Only where all samples have one size and the targets are numbers."""
        return why_not_vectors(problem)

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
        """Decompose the inputs once, then choose rank and penalty on `valid`."""
        if self.max_rank < 1:
            raise UsageError(f"max_rank is {self.max_rank}, but must be at least 1")
        codec = VectorCodec.of(problem, train)
        inputs = codec.encode_inputs(train)
        scales = tuple(_spread(x) for x in inputs)
        a = np.hstack([x / s for x, s in zip(inputs, scales, strict=True)])
        targets = codec.encode_targets(train)
        u = np.hstack(targets)
        splits = np.cumsum([t.shape[1] for t in targets])[:-1]
        a_mean, u_mean = a.mean(axis=0), u.mean(axis=0)
        left, sizes, right = scipy.linalg.svd(a - a_mean, full_matrices=False)
        full = int(np.sum(sizes > sizes[0] * max(a.shape) * np.finfo(float).eps)) if sizes[0] > 0 else 0
        full = min(full, self.max_rank)
        left, sizes, right = left[:, :full], sizes[:full], right[:full]
        load = left.T @ (u - u_mean)
        log.progress(0.5, f"{full} modes")

        a_valid = np.hstack([x / s for x, s in zip(codec.encode_inputs(valid), scales, strict=True)])
        modes = (a_valid - a_mean) @ right.T
        truth = np.split(np.hstack(codec.encode_targets(valid)) - u_mean, splits, axis=1)
        norms = [_scale(t) for t in codec.encode_targets(valid)]
        best = (np.inf, 0, 0.0)
        for rank in _ranks(full):
            for penalty in PENALTIES:
                weights = _shrink(sizes, rank, penalty)
                guess = np.split((modes[:, :rank] * weights) @ load[:rank], splits, axis=1)
                errors = [np.linalg.norm(g - t, axis=1).mean() / n for g, t, n in zip(guess, truth, norms, strict=True)]
                best = min(best, (float(np.mean(errors)), rank, penalty))
        score, rank, penalty = best
        log.fact("rank", rank)
        log.fact("penalty", penalty)
        log.fact("valid_loss", score)
        log.progress(1.0, f"rank {rank}, penalty {penalty:g}")
        weights = _shrink(sizes, rank, penalty)[:, None] * load[:rank]
        return Affine(
            codec=codec,
            scales=scales,
            splits=tuple(int(s) for s in splits),
            input_mean=a_mean,
            modes=right[:rank].T.copy(),
            weights=weights,
            target_mean=u_mean,
        )


@dataclass(frozen=True, kw_only=True)
class Affine:
    """û = ū + (a − ā) V W."""

    codec: VectorCodec
    scales: tuple[float, ...]
    splits: tuple[int, ...]
    input_mean: np.ndarray
    modes: np.ndarray
    weights: np.ndarray
    target_mean: np.ndarray

    def __call__(self, inputs: xr.Dataset) -> xr.Dataset:
        """Return the targets; `ContractError` on another grid than in training."""
        parts = self.codec.encode_inputs(inputs)
        a = np.hstack([x / s for x, s in zip(parts, self.scales, strict=True)])
        u = (a - self.input_mean) @ self.modes @ self.weights + self.target_mean
        return self.codec.decode(np.split(u, self.splits, axis=1), inputs)


def _spread(values: np.ndarray) -> float:
    """Return the standard deviation over samples and features, or 1 for a constant."""
    return float(values.std()) or 1.0


def _scale(values: np.ndarray) -> float:
    """Return the mean norm of a sample, or 1 where all are zero."""
    return float(np.linalg.norm(values, axis=1).mean()) or 1.0


def _ranks(full: int) -> list[int]:
    """Return the ranks to try: none (the mean), powers of two up to the full rank, and that one."""
    return sorted({0, full} | {2**k for k in range(full.bit_length()) if 2**k < full})


def _shrink(sizes: np.ndarray, rank: int, penalty: float) -> np.ndarray:
    """Return s / (s² + λ) for the leading singular values, λ = penalty · s₁²."""
    s = sizes[:rank]
    return s / (s**2 + penalty * s[0] ** 2) if rank else s
