"""Patterns of two reacting chemicals: from a snapshot to the regime that it belongs to."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache
from types import MappingProxyType
from typing import Any, ClassVar, Self

import numpy as np
import xarray as xr

from sciml_bench.errors import DivergedError, UsageError
from sciml_bench.problem import Dataset, DatasetCard, Problem, Source, Symmetry, Variable
from sciml_bench.problem.labels import labelled
from sciml_bench.problem.spectral import axis, x64

DIFFUSIVITY_U, DIFFUSIVITY_V = 2e-5, 1e-5
"""Pearson's diffusivities, which set the unit of length."""

TICK = 8.0
"""Snapshots are taken at multiples of this time."""

ALIVE = 0.02
"""A pattern whose v has a standard deviation below this has died out."""
ATTEMPTS = 50

SLOPE = 0.25
"""dk/dF along the band of the (F, k) plane in which patterns live, for 0.03 < F < 0.05."""


@dataclass(frozen=True, kw_only=True)
class Region:
    """The parallelogram F = F₀ + ξ ΔF, k = k₀ + ξ SLOPE ΔF + η Δk, ξ and η uniform on (−1, 1)."""

    feed: float
    kill: float
    feed_reach: float
    kill_reach: float

    def draw(self, rng: np.random.Generator, jitter: float) -> tuple[float, float]:
        """Return (F, k) from the region, its reach times `jitter`."""
        along, across = jitter * rng.uniform(-1.0, 1.0, 2)
        feed = self.feed + along * self.feed_reach
        return feed, self.kill + SLOPE * along * self.feed_reach + across * self.kill_reach


REGIONS: Mapping[str, Region] = MappingProxyType(
    {
        "spirals": Region(feed=0.0180, kill=0.0487, feed_reach=0.0010, kill_reach=0.0018),
        "gliders": Region(feed=0.0170, kill=0.0535, feed_reach=0.0015, kill_reach=0.0012),
        "holes": Region(feed=0.0360, kill=0.0575, feed_reach=0.0030, kill_reach=0.0003),
        "maze": Region(feed=0.0360, kill=0.0595, feed_reach=0.0030, kill_reach=0.0011),
        "worms": Region(feed=0.0360, kill=0.0619, feed_reach=0.0030, kill_reach=0.0007),
        "spots": Region(feed=0.0360, kill=0.0635, feed_reach=0.0030, kill_reach=0.0004),
    }
)
"""Class → its region. At one F the last four follow each other in k, with gaps smaller than the regions."""

U = Variable(name="u", dims=("x", "y"), description="signal of the substrate", symbol="u", periodic=True)
V = Variable(name="v", dims=("x", "y"), description="signal of the autocatalyst", symbol="v", periodic=True)
REGIME = Variable(
    name="regime",
    dims=(),
    description="region of (F, k) that the pattern comes from",
    kind="label",
    classes=tuple(REGIONS),
)


def translate(data: xr.Dataset) -> xr.Dataset:
    """Move the pattern by five sixteenths of the square along x, whole grid points; repeated, it comes everywhere."""
    return data.roll(x=5 * data.sizes["x"] // 16, roll_coords=False)


def quarter_turn(data: xr.Dataset) -> xr.Dataset:
    """Turn the pattern by 90°: (x, y) → (y, −x)."""
    return data.map(lambda v: v.copy(data=np.rot90(v.values, axes=(v.get_axis_num("x"), v.get_axis_num("y")))))


def same(data: xr.Dataset) -> xr.Dataset:
    """Return the label as it is."""
    return data


@lru_cache(maxsize=16)
def integrator(points: int, step: float, device: str) -> Any:
    """Return run(state, side, F, k, steps) → state: (2, points, points), one compiled loop whatever the other four."""
    import exponax as ex
    import jax

    def advance(state: Any, side: Any, feed: Any, kill: Any, steps: Any) -> Any:
        stepper = ex.stepper.reaction.GrayScott(
            2,
            side,
            points,
            step,
            diffusivity_1=DIFFUSIVITY_U,
            diffusivity_2=DIFFUSIVITY_V,
            feed_rate=feed,
            kill_rate=kill,
            order=4,
            dealiasing_fraction=1.0,  # the spectra of these patterns fall off so fast that cutting harms more
        )
        spectrum = jax.lax.fori_loop(0, steps, lambda _, s: stepper.step_fourier(s), ex.fft(state, num_spatial_dims=2))
        return ex.ifft(spectrum, num_spatial_dims=2, num_points=points)

    target = jax.devices("gpu" if device == "cuda" else "cpu")[0]
    compiled = jax.jit(advance)

    def run(state: np.ndarray, side: float, feed: float, kill: float, steps: int) -> np.ndarray:
        with x64(), jax.default_device(target):
            return np.asarray(compiled(state, side, feed, kill, steps))

    return run


@dataclass(frozen=True, kw_only=True)
class GrayScottPatterns(Dataset):
    """u_t = D_u Δu − uv² + F(1 − u), v_t = D_v Δv + uv² − (F + k)v on a periodic square → the region of (F, k).

    Sample i is of class i modulo 6: (F, k) is drawn from the region of that class, `jitter` times its reach, and the
    snapshot is taken at a time drawn from `earliest` to `latest`, a multiple of 8, on a square whose side is `side`
    times a factor between 1/`magnification` and `magnification`. It starts from u = 1, v = 0 with random smooth spots of v ≤
    0.5, u = 1 − v, 6 to 17 for each unit of area. exponax solves on `solver_grid`² points with `step` (Fourier, ETDRK4), of which
    `grid`² are kept. D_u = 2·10⁻⁵, D_v = 10⁻⁵; u and v are relative to the feed, time and length in the unit that these
    set.

    The method sees signals: each concentration times a gain between 1/`gain` and `gain`, with white noise of `noise` times
    its standard deviation, pixel by pixel. Magnification and gain are log-uniform and not told. A pattern that has died
    out, as spirals may on a small square, is drawn anew.

    Spirals and gliders are chaotic: after some hundred units of time their snapshot is one of the regime's, not the one
    that exact arithmetic would give. The label is exact in any case. Another machine may round otherwise.
    """

    card: ClassVar[DatasetCard] = DatasetCard(
        title="Gray–Scott patterns",
        kind="classification",
        summary="2D Gray–Scott reaction–diffusion: from a snapshot to the regime of its pattern",
        description=(
            "A chemical is fed and eaten by another that multiplies and is drained. Depending on the rates of feeding, F, "
            "and draining, k, the square fills with waves and spirals, with spots that wander and divide, with holes, with "
            "a maze, with worms, or with spots at rest. Each class is a region of the (F, k) plane around known "
            "regimes (Pearson's, and those of The Well, of which the regions are our own cut). The method sees one snapshot "
            "of both chemicals, at a time between 1600 and 4000, as a camera sees it: with noise, and of unknown gain and "
            "magnification, for the mean concentrations alone would give the rates away. The regions of holes, maze, worms "
            "and spots follow each other closely in k, so that pictures near a border look alike. The truth, "
            "the region that the rates were drawn from, is exact; the snapshot before the camera is accurate to some six "
            "hundredths of its contrast in the median pattern at rest, and to half of it where one still rearranges itself, "
            "while of the chaotic regimes it is a typical state only. The classes are balanced."
        ),
        sources=(
            Source(
                citation="Pearson 1993, Complex patterns in a simple system, Science 261",
                doi="10.1126/science.261.5118.189",
            ),
            Source(
                citation="Ohana et al. 2024, The Well: a large-scale collection of diverse physics simulations",
                doi="10.48550/arXiv.2412.00568",
            ),
            Source(citation="Koehler et al. 2024, APEBench and exponax", doi="10.48550/arXiv.2411.00180"),
            Source(
                citation="Kassam & Trefethen 2005, Fourth-order time-stepping for stiff PDEs",
                doi="10.1137/S1064827502410633",
            ),
        ),
        needs=("exponax",),
    )
    version: ClassVar[int] = 1
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
        {
            "smoke": {"samples": 48, "side": 0.5, "solver_grid": 32, "grid": 32, "earliest": 800.0, "latest": 1600.0},
            "small": {"samples": 600},
            "full": {"samples": 3000, "side": 1.8, "solver_grid": 128, "grid": 128, "step": 4.0},
        }
    )

    samples: int = 600
    side: float = 0.9
    magnification: float = 1.4
    gain: float = 2.0
    noise: float = 0.1
    jitter: float = 1.0
    earliest: float = 1600.0
    latest: float = 4000.0
    step: float = 8.0
    solver_grid: int = 64
    grid: int = 64

    def problem(self) -> Problem:
        """Return what a method may know: that neither place nor direction matters."""
        return Problem(
            name="gray_scott_patterns",
            kind="classification",
            inputs=(U, V),
            targets=(REGIME,),
            symmetries={
                "translation": Symmetry(inputs=translate, targets=same, description="moving the pattern along x"),
                "rotation": Symmetry(inputs=quarter_turn, targets=same, description="turning the pattern by 90°"),
            },
        )

    def start(self, rng: np.random.Generator, side: float, points: int) -> np.ndarray:
        """Return u and v at the start, (2, points, points): the same functions on every grid."""
        empty = np.ones((points, points))
        for _ in range(max(2, round(rng.integers(6, 18) * side**2))):
            place, width, height = rng.random(2), rng.uniform(0.03, 0.06), rng.uniform(0.5, 1.0)
            x, y = (side * ((axis(points) - p + 0.5) % 1.0 - 0.5) for p in place)
            empty *= 1.0 - height * np.exp(-np.add.outer(x**2, y**2) / (2 * width**2))
        v = 0.5 * (1.0 - empty)
        return np.stack([1.0 - v, v])

    def snapshot(self, seed: int, sample: int, device: str) -> np.ndarray:
        """Return the signals of u and v of one sample, (2, grid, grid); a pattern that has died out is drawn anew."""
        rng = np.random.default_rng([seed, sample])
        for _ in range(ATTEMPTS):
            state = self.pattern(REGIONS[REGIME.classes[sample % len(REGIONS)]], rng, device)
            if not state[1].std() < ALIVE:
                return self.seen(state, rng)
        raise DivergedError(f"sample {sample} died out {ATTEMPTS} times on a square of side {self.side:g}: enlarge it")

    def pattern(self, region: Region, rng: np.random.Generator, device: str) -> np.ndarray:
        """Return u and v of a region at a time, (2, grid, grid)."""
        feed, kill = region.draw(rng, self.jitter)
        side = self.side * self.magnification ** rng.uniform(-1.0, 1.0)
        # Drawn as a time, not as a number of steps: half the step leaves the same moment.
        time = TICK * round(rng.uniform(self.earliest, self.latest) / TICK)
        start = self.start(rng, side, self.solver_grid)
        state = integrator(self.solver_grid, self.step, device)(start, side, feed, kill, round(time / self.step))
        stride = self.solver_grid // self.grid
        return state[:, ::stride, ::stride]

    def seen(self, state: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return γ (c + σ s ζ) for each concentration c: γ the gain, s the standard deviation of c, ζ white noise."""
        gain = self.gain ** rng.uniform(-1.0, 1.0, (2, 1, 1))
        spread = state.std(axis=(1, 2), keepdims=True)
        return np.asarray(gain * (state + self.noise * spread * rng.standard_normal(state.shape)))

    def generate(self, seed: int, samples: Sequence[int], *, device: str = "cpu") -> xr.Dataset:
        """Return `u`, `v` and `regime` of the given samples."""
        if self.solver_grid % self.grid or TICK % self.step or self.earliest > self.latest:
            raise UsageError(
                f"solver_grid={self.solver_grid} must be a multiple of grid={self.grid}, step={self.step:g} a whole "
                f"fraction of {TICK:g}, and earliest={self.earliest:g} not after latest={self.latest:g}"
            )
        # A loop of small transforms leaves a core half idle, so two samples run side by side.
        with ThreadPoolExecutor(2) as pool:
            states = np.stack(list(pool.map(lambda i: self.snapshot(seed, i, device), samples)))
        if not np.isfinite(states).all():
            raise DivergedError(
                f"a pattern diverged with step={self.step:g} on {self.solver_grid}² points: halve the step"
            )
        return labelled(
            [U, V, REGIME],
            {"u": states[:, 0], "v": states[:, 1], "regime": np.asarray(samples, np.int64) % len(REGIONS)},
            {"x": axis(self.grid), "y": axis(self.grid)},
        )

    def refined(self) -> Self:
        """Return the same patterns solved on twice the points with half the step; the labels are the same."""
        return replace(self, solver_grid=2 * self.solver_grid, step=self.step / 2)

    def shifts(self) -> Mapping[str, Self]:
        """Return patterns still growing, rates from larger regions that all but touch, and a larger square."""
        few = replace(self, samples=max(12, self.samples // 10))
        return {
            "earlier": replace(few, earliest=self.earliest / 4, latest=self.earliest / 2),
            "wider_regions": replace(few, jitter=1.25 * self.jitter),
            "larger_domain": replace(few, side=1.5 * self.side, solver_grid=2 * self.solver_grid),
        }
