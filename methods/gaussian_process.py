"""Gaussian-process regression, from scikit-learn."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar, Literal

import numpy as np
import scipy
import xarray as xr

from sciml_bench.errors import UsageError
from sciml_bench.method import Budget, Log, Method, Predictor
from sciml_bench.method.tabular import Table, Target, check_positive, targets_of, threads, why_not_a_table
from sciml_bench.problem import MEMBER, MethodCard, Problem, Source

Kernel = Literal["auto", "rbf", "matern52", "matern32"]
SMOOTHNESS: Mapping[str, float] = MappingProxyType({"rbf": np.inf, "matern52": 2.5, "matern32": 1.5})
LENGTHS = (1e-2, 1e3)
"""Bounds of length scales, in standard deviations of an input: at the upper one the input does not matter."""
NOISE = (1e-10, 10.0)
"""Bounds of the noise's variance, as a share of the target's."""
MOST_PROCESSES = 64
"""At most so many numbers are predicted, each by a process of its own."""


@dataclass(frozen=True, kw_only=True)
class GaussianProcess(Method):
    """u(x) = f(x) + ε, f ~ GP(0, s² k(r)), r² = Σ_j (x_j − x'_j)²/l_j², ε ~ N(0, σ²): the predicted distribution is normal.

    Its mean is k(x, X) (K + σ²I)⁻¹ u. s², σ and a length l_j for each column (one for all if there are more than
    `most_lengths`) maximise the likelihood of the training part, starting from s = 1, lengths of one standard deviation of
    a column and σ² = 10⁻³, and from `restarts` random points within the bounds. `kernel` names k; "auto" takes, of a
    squared exponential and of Matérn kernels with ν = 5/2 and 3/2, the one under which the validation part has the
    largest predictive density. `calibrate` multiplies the predicted standard deviation by the ⌈0.9(n+1)⌉-th smallest |u − û|/σ̂
    of n validation samples over 1.645, that of a normal distribution: by 1 if the model is right, and also where fewer
    than 9 samples tell nothing. From then on the 90 % interval is that of split-conformal prediction.

    The answer is `members` quantiles m/(M+1) of the predicted distribution, along `member`, with these levels as its
    coordinate: of 19 or 39 members the intervals of 50 and 90 % are those of the distribution itself.

    Time grows with the cube of the training samples, of which it takes `most_samples` at random.

    Source: Rasmussen & Williams 2006, doi:10.7551/mitpress/3206.001.0001, equations 2.25, 2.26 and 5.8.
    """

    card: ClassVar[MethodCard] = MethodCard(
        title="Gaussian process",
        family="kernel",
        framework="sklearn",
        summary="a normal distribution over functions, conditioned on the training samples",
        description="The standard emulator of computer experiments with few samples: it interpolates smooth functions to "
        "several digits and predicts its own error. Lengths, variances and noise are learnt from the likelihood, the "
        "smoothness is chosen on the validation part, and the spread is scaled there.",
        sources=(
            Source(
                citation="C. E. Rasmussen and C. K. I. Williams, Gaussian processes for machine learning, MIT Press (2006)",
                doi="10.7551/mitpress/3206.001.0001",
            ),
        ),
    )
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
        {"smoke": {"restarts": 0, "most_samples": 64}, "small": {}, "full": {"most_samples": 3000}}
    )

    kernel: Kernel = "auto"
    restarts: int = 0
    calibrate: bool = True
    members: int = 39
    most_lengths: int = 32
    most_samples: int = 1000

    def applies_to(self, problem: Problem) -> str | None:
        """Only where the targets are a few numbers."""
        return why_not_a_table(problem, labels=False)

    def fit(
        self,
        train: xr.Dataset,
        valid: xr.Dataset,
        *,
        problem: Problem,
        budget: Budget,  # noqa: ARG002
        seed: int,
        device: str,  # noqa: ARG002
        log: Log,
    ) -> Predictor:
        """Fit a process to each predicted number."""
        check_positive(self, "most_samples", "most_lengths")
        if self.members < 2 or self.restarts < 0:
            raise UsageError(
                f"members is {self.members} and restarts {self.restarts}, but members must be at least 2 and restarts "
                "not negative"
            )
        table = Table.of(problem, train)
        targets = targets_of(table, train, valid)
        total = sum(t.y.shape[1] for t in targets)
        if total > MOST_PROCESSES:
            raise UsageError(f"the targets hold {total} numbers, and at most {MOST_PROCESSES} can have a process each")
        processes = []
        for target in targets:
            processes.append(tuple(self._process(target, k, seed, log) for k in range(target.y.shape[1])))
            log.progress(sum(map(len, processes)) / total, f"'{target.name}' is fitted")
        return Normal(table=table, processes=tuple(processes), members=self.members)

    def _process(self, target: Target, column: int, seed: int, log: Log) -> "Process":
        """Return the process of one number under the kernel that makes the validation part most likely."""
        kept = np.random.default_rng(seed).permutation(len(target.x))[: self.most_samples]
        kernels = tuple(SMOOTHNESS) if self.kernel == "auto" else (self.kernel,)
        truth = target.valid_y[:, column]
        found = []
        for step, name in enumerate(kernels):
            process = Process(self._fit(SMOOTHNESS[name], target.x[kept], target.y[kept, column], seed))
            mean, std = process(target.valid_x)
            score = -float(scipy.stats.norm.logpdf(truth, mean, std).mean())
            log.curve("valid_loss", step + 1, score)
            found.append((score, step, process))
        score, step, best = min(found, key=lambda f: f[:2])
        mean, std = best(target.valid_x)
        factor = _factor(np.abs(truth - mean) / std) if self.calibrate else 1.0
        log.fact(f"kernel/{target.name}", f"{kernels[step]}: {best.model.kernel_}")
        log.fact(f"spread_factor/{target.name}", factor)
        log.fact("parameters", len(best.model.kernel_.theta))
        log.fact("valid_loss", score)
        return Process(best.model, factor)

    def _fit(self, smoothness: float, x: np.ndarray, y: np.ndarray, seed: int) -> Any:
        from sklearn.gaussian_process import GaussianProcessRegressor
        from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel
        from threadpoolctl import threadpool_limits

        lengths = np.ones(x.shape[1]) if x.shape[1] <= self.most_lengths else float(np.sqrt(x.shape[1]))
        kernel = ConstantKernel(1.0, (1e-3, 1e5)) * Matern(lengths, LENGTHS, nu=smoothness) + WhiteKernel(1e-3, NOISE)
        model = GaussianProcessRegressor(
            kernel, alpha=1e-12, n_restarts_optimizer=self.restarts, random_state=seed % 2**32
        )
        with warnings.catch_warnings(), threadpool_limits(threads(len(x))):
            # An input without influence sends its length to the bound, noise-free data send the noise there.
            warnings.simplefilter("ignore")
            return model.fit(x, y)


def _factor(deviations: np.ndarray) -> float:
    """Return by how much the spread must grow for 90 % of the intervals to hold, of |u − û|/σ̂ of the validation part."""
    rank = -(-(len(deviations) + 1) * 9 // 10)
    return float(np.sort(deviations)[rank - 1] / scipy.stats.norm.ppf(0.95)) if rank <= len(deviations) else 1.0


@dataclass(frozen=True)
class Process:
    """One fitted process; `factor` multiplies its standard deviation."""

    model: Any
    factor: float = 1.0

    def __call__(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return mean and standard deviation of each row, noise included."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # rounding can make a tiny variance negative: the next line mends it
            mean, std = self.model.predict(x, return_std=True)
        noise = float(np.sqrt(self.model.kernel_.k2.noise_level))
        return mean, self.factor * np.maximum(std, noise)


@dataclass(frozen=True, kw_only=True)
class Normal:
    """Quantiles of the normal distributions that the processes predict."""

    table: Table
    processes: tuple[tuple[Process, ...], ...]
    members: int

    def __call__(self, inputs: xr.Dataset) -> xr.Dataset:
        """Return û + σ̂ Φ⁻¹(m/(M+1)), m = 1 … M along `member`."""
        x = self.table.rows(inputs)
        pairs = [[process(x) for process in group] for group in self.processes]
        means = [np.column_stack([mean for mean, _ in group]) for group in pairs]
        above = [np.column_stack([mean + std for mean, std in group]) for group in pairs]
        centre, edge = self.table.dress(means, inputs), self.table.dress(above, inputs)
        levels = np.arange(1, self.members + 1) / (self.members + 1)
        steps = xr.DataArray(scipy.stats.norm.ppf(levels), coords={MEMBER: levels}, dims=[MEMBER])
        return xr.Dataset({n: (c + steps * (edge[n] - c)).assign_attrs(c.attrs) for n, c in centre.data_vars.items()})
