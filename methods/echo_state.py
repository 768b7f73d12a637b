"""The echo state network: a random reservoir driven by what is observed, and a linear readout that is fitted."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
import scipy
import xarray as xr

from sciml_bench.errors import DivergedError, UsageError
from sciml_bench.method import Budget, Log, Method, Predictor
from sciml_bench.method.sequences import SequenceCodec, why_not_a_sequence, windows
from sciml_bench.problem import MethodCard, Problem, Source

PENALTIES = (1e-13, 1e-12, 1e-11, 1e-10, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2)
"""Ridge penalties that are tried, as fractions of a feature's mean square."""
VALIDATED = 32
"""Validation samples on which they are compared, at most: each costs a whole rollout."""
CHUNK = 64
"""Samples predicted together."""
BLOCK = 1024
"""Training sequences that are driven together."""


@dataclass(frozen=True, kw_only=True)
class EchoState(Method):
    """r(t) = (1 − a) r(t − Δt) + a tanh(A r(t − Δt) + B x(t) + b), Δz(t) = W (1, x, r, r²)(t), W by ridge regression.

    x is the standardised state z, with the inputs that do not evolve; a forecast feeds z + Δz back. A is a random
    sparse matrix of `units` rows with `degree` entries in each, scaled to the `spectral_radius`; the entries of B and b
    are uniform, so that B x has the standard deviation `input_scale` for white x, and b is as large. a is `leak`.

    `local` > 0 gives every point of a periodic line a reservoir of its own, driven by that point and the `local` ones on
    either side; all are alike and share W, so that each point of each sample is a training sequence, of which
    `sequences` are used at most. Elsewhere, and with 0, one reservoir is driven by the whole state, at most 5000 numbers.
    The penalty of the regression is the one of a grid with the least error of whole forecasts on the validation part.

    Works well: many units, a small spectral radius and leak 1 where the state is observed in full; `local` as far as
    influences travel in one step. A line that is continued from too small a neighbourhood diverges.

    Source: Jaeger & Haas 2004, doi:10.1126/science.1091277; local reservoirs and the squares in the readout, Pathak et
    al. 2018, doi:10.1103/PhysRevLett.120.024102, who fit a W for each point and square every other unit.
    """

    card: ClassVar[MethodCard] = MethodCard(
        title="Echo state network",
        family="network",
        framework="numpy",
        summary="a random recurrent network whose readout alone is fitted, by ridge regression",
        description="Reservoir computing: the recurrent weights are drawn and never trained, so that a fit is one linear "
        "regression. On periodic lines every point has a local reservoir, and all share their readout.",
        sources=(
            Source(
                citation="H. Jaeger and H. Haas, Harnessing nonlinearity: predicting chaotic systems and saving energy in "
                "wireless communication, Science 304 (2004)",
                doi="10.1126/science.1091277",
            ),
            Source(
                citation="J. Pathak et al., Model-free prediction of large spatiotemporally chaotic systems from data: "
                "a reservoir computing approach, Phys. Rev. Lett. 120 (2018)",
                doi="10.1103/PhysRevLett.120.024102",
            ),
        ),
    )
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
        {
            "smoke": {"units": 100, "sequences": 200},
            "small": {},
            "full": {"units": 2000, "sequences": 20_000},
        }
    )
    search: ClassVar[Mapping[str, tuple[Any, ...]]] = MappingProxyType(
        {
            "units": (400, 600, 800),
            "local": (2, 4, 6),
            "spectral_radius": (0.1, 0.3, 0.6, 0.9),
            "input_scale": (0.03, 0.1, 0.3),
        }
    )

    units: int = 600
    local: int = 4
    degree: int = 6
    spectral_radius: float = 0.3
    input_scale: float = 0.1
    leak: float = 1.0
    sequences: int = 3000

    def applies_to(self, problem: Problem) -> str | None:
        """Only where all targets evolve from a given state."""
        return why_not_a_sequence(problem)

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
        """Drive the reservoir by the training sequences, regress, and choose the penalty on `valid`."""
        self._check()
        codec = SequenceCodec.of(problem, train, self.local)
        rng = np.random.default_rng(seed)
        sequences = _Sequences.of(codec, train, self.sequences, rng)
        reservoir = self._reservoir(sequences.x.shape[-1], rng)
        regression = _Regression.of(reservoir, sequences, log)
        log.fact("local", codec.local)
        log.fact("parameters", regression.products.size)
        readout, penalty, error = _select(reservoir, regression, codec, valid)
        log.fact("penalty", penalty)
        log.fact("valid_loss", error)
        log.progress(1.0, f"penalty {penalty:g}, validation {error:.3g}")
        return EchoStatePredictor(codec=codec, reservoir=reservoir, readout=readout)

    def _reservoir(self, features: int, rng: np.random.Generator) -> "Reservoir":
        degree = min(self.degree, self.units)
        columns = np.concatenate([rng.choice(self.units, degree, replace=False) for _ in range(self.units)])
        rows = np.repeat(np.arange(self.units), degree)
        links = scipy.sparse.csr_array(
            (rng.uniform(-1.0, 1.0, len(rows)), (rows, columns)), shape=(self.units, self.units)
        )
        radius = float(np.abs(np.linalg.eigvals(links.toarray())).max())
        links *= self.spectral_radius / (radius or 1.0)
        wide = np.sqrt(3.0) * self.input_scale  # a uniform number on (−w, w) has the standard deviation w / √3
        return Reservoir(
            links=links,
            entry=rng.uniform(-wide, wide, (self.units, features)) / np.sqrt(features),
            bias=rng.uniform(-wide, wide, (self.units, 1)),
            leak=self.leak,
        )

    def _check(self) -> None:
        for name in ("units", "degree", "sequences"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} is {getattr(self, name)}, but must be at least 1")
        if not 0 < self.leak <= 1:
            raise UsageError(f"leak is {self.leak}, but must be above 0 and at most 1")
        if not (self.input_scale > 0 and self.spectral_radius >= 0):
            raise UsageError(
                f"input_scale is {self.input_scale} and spectral_radius {self.spectral_radius}: "
                "expected a positive number, and one that is not negative"
            )


@dataclass(frozen=True, kw_only=True)
class Reservoir:
    """The recurrent part; states and inputs are columns, (unit, sequence) and (feature, sequence)."""

    links: "scipy.sparse.csr_array"
    entry: np.ndarray
    bias: np.ndarray
    leak: float

    def start(self, sequences: int) -> np.ndarray:
        """Return the state before anything was seen."""
        return np.zeros((len(self.bias), sequences))

    def step(self, r: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Return the state after x was seen."""
        return np.asarray((1 - self.leak) * r + self.leak * np.tanh(self.links @ r + self.entry @ x + self.bias))

    def features(self, r: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Return (1, x, r, r²), what the readout sees."""
        return np.concatenate([np.ones((1, x.shape[1])), x, r, r**2])

    def rollout(self, codec: SequenceCodec, readout: np.ndarray, data: xr.Dataset) -> np.ndarray:
        """Return z at the output times, (sample, time, channel, site), for the given frames of `data`.

        `readout` (channel, feature) gives the change. A forecast that diverges holds infinity or NaN.
        """
        given, constants = codec.given(data).astype(np.float64), codec.constants(data).astype(np.float64)
        parts = [
            self._continue(codec, readout, given[first : first + CHUNK], constants[first : first + CHUNK])
            for first in range(0, len(given), CHUNK)
        ]
        return np.concatenate(parts)

    def _continue(
        self, codec: SequenceCodec, readout: np.ndarray, given: np.ndarray, constants: np.ndarray
    ) -> np.ndarray:
        samples, history, channels, sites = given.shape
        r, found = self.start(samples * sites), []
        for t in range(history):
            x = _columns(given[:, t], constants, codec.local)
            r = self.step(r, x)
        z = given[:, -1]
        with np.errstate(over="ignore", invalid="ignore"):
            for t in range(codec.plan.steps):
                change = (readout @ self.features(r, x)).reshape(channels, samples, sites)
                z = z + change.transpose(1, 0, 2)
                found.append(z)
                if t + 1 < codec.plan.steps:
                    x = _columns(z, constants, codec.local)
                    r = self.step(r, x)
        return np.stack(found, axis=1)


def _columns(z: np.ndarray, constants: np.ndarray, local: int) -> np.ndarray:
    """Return the neighbourhoods of all sites of states (sample, channel, site) as (feature, sample · site)."""
    near = windows(np.concatenate([z, constants], axis=1), local)
    return np.ascontiguousarray(near.reshape(-1, near.shape[-1]).T)


@dataclass(frozen=True, kw_only=True)
class _Sequences:
    """Training sequences: x (sequence, step, feature) and the change due, (sequence, step, channel).

    The readout is fitted from step `first` on, when all given frames have been seen.
    """

    x: np.ndarray
    change: np.ndarray
    first: int

    @classmethod
    def of(cls, codec: SequenceCodec, train: xr.Dataset, most: int, rng: np.random.Generator) -> "_Sequences":
        run, constants = codec.run(train), codec.constants(train)
        samples, steps, _, sites = run.shape
        count = samples * sites
        chosen = np.sort(rng.choice(count, most, replace=False)) if count > most else np.arange(count)
        sample, site = chosen // sites, chosen % sites
        near = (site[:, None] + np.arange(-codec.local, codec.local + 1)) % sites
        both = np.concatenate(
            [run, np.broadcast_to(constants[:, None], (samples, steps, *constants.shape[1:]))], axis=2
        )
        x = both[sample[:, None], :, :, near].transpose(0, 2, 3, 1)  # (sequence, step, channel, neighbour)
        change = np.diff(run[sample, :, :, site].astype(np.float64), axis=1)
        return cls(
            x=x[:, :-1].reshape(len(chosen), steps - 1, -1).astype(np.float64),
            change=change,
            first=steps - codec.plan.steps - 1,
        )


@dataclass(frozen=True, kw_only=True)
class _Regression:
    """The sums of squares of a ridge regression, decomposed: (Φ Φᵀ) = S V Λ Vᵀ S, with S the features' sizes."""

    sizes: np.ndarray
    values: np.ndarray
    vectors: np.ndarray
    products: np.ndarray

    @classmethod
    def of(cls, reservoir: Reservoir, sequences: _Sequences, log: Log) -> "_Regression":
        total: Any = 0.0
        products: Any = 0.0
        rows = len(sequences.x)
        for begin in range(0, rows, BLOCK):
            x = sequences.x[begin : begin + BLOCK]
            due = sequences.change[begin : begin + BLOCK]
            r = reservoir.start(len(x))
            for t in range(x.shape[1]):
                column = np.ascontiguousarray(x[:, t].T)
                r = reservoir.step(r, column)
                if t >= sequences.first:
                    seen = reservoir.features(r, column)
                    total = total + seen @ seen.T
                    products = products + seen @ due[:, t]
            log.progress(0.9 * min(begin + BLOCK, rows) / rows, f"{min(begin + BLOCK, rows)} of {rows} sequences")
        sizes = np.sqrt(np.diag(total))
        sizes[sizes == 0] = 1.0
        values, vectors = scipy.linalg.eigh(total / np.outer(sizes, sizes))
        return cls(sizes=sizes, values=values, vectors=vectors, products=products)

    def readout(self, penalty: float) -> np.ndarray:
        """Return W (channel, feature)."""
        shrunk = np.maximum(self.values, 0.0) + penalty
        return (
            (self.vectors / shrunk) @ (self.vectors.T @ (self.products / self.sizes[:, None])) / self.sizes[:, None]
        ).T


def _select(
    reservoir: Reservoir, regression: _Regression, codec: SequenceCodec, valid: xr.Dataset
) -> tuple[np.ndarray, float, float]:
    """Return the readout with the least error of whole forecasts, its penalty and that error."""
    part = valid.isel(sample=slice(VALIDATED))
    truth = codec.run(part)[:, -codec.plan.steps :]
    best: tuple[np.ndarray, float, float] | None = None
    for penalty in PENALTIES:
        readout = regression.readout(penalty)
        z = reservoir.rollout(codec, readout, part)
        error = codec.relative_l2(z, truth) if np.isfinite(z).all() else np.inf
        if np.isfinite(error) and (best is None or error < best[2]):
            best = readout, penalty, error
    if best is None:
        raise DivergedError(
            "the forecasts of the reservoir diverge at every penalty; a larger `local`, or 0, or fewer units may help"
        )
    return best


@dataclass(frozen=True, kw_only=True)
class EchoStatePredictor:
    """Drives the reservoir by the given frames, then by its own forecast."""

    codec: SequenceCodec
    reservoir: Reservoir
    readout: np.ndarray

    def __call__(self, inputs: xr.Dataset) -> xr.Dataset:
        """Return the targets of the samples in `inputs`; another grid needs a `local` above 0."""
        return self.codec.decode(self.reservoir.rollout(self.codec, self.readout, inputs), inputs)
