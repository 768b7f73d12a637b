"""Auto-ignition of methane in air: from temperature, pressure and mixture to the time until it burns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from types import MappingProxyType
from typing import Any, ClassVar, Self

import numpy as np
import xarray as xr

from sciml_bench.errors import DivergedError, UnknownNameError, UsageError
from sciml_bench.problem import Dataset, DatasetCard, Problem, Regime, Solver, Source, Variable
from sciml_bench.problem.labels import labelled

ATMOSPHERE = 101325.0
"""Pascals in an atmosphere."""
GAS_CONSTANT = 8.31446261815324
"""J/(mol K)."""
MECHANISMS = ("gri30", "gri30 without nitrogen chemistry")
ABSOLUTE = 1e-10
"""The absolute tolerance, as a fraction of the relative one: far below the mass fractions of the radicals."""
LONGEST = 1e4
"""Seconds after which a mixture counts as one that does not ignite."""

TEMPERATURE = Variable(
    name="temperature", dims=(), description="initial temperature", unit="K", symbol="T0", kind="scalar"
)
PRESSURE = Variable(name="pressure", dims=(), description="initial pressure", unit="atm", symbol="p0", kind="scalar")
RATIO = Variable(name="equivalence_ratio", dims=(), description="equivalence ratio", symbol="φ", kind="scalar")
DELAY = Variable(
    name="log_delay",
    dims=(),
    description="decadic logarithm of the ignition delay in seconds",
    unit="log10(s)",
    symbol="log₁₀ τ",
    kind="scalar",
)


@lru_cache(maxsize=2)
def gas(mechanism: str) -> Any:
    """Return the Cantera phase of a mechanism, one for each process: its state is set anew before each use.

    Without nitrogen chemistry N₂ is inert: 36 of the 53 species and 219 of the 325 reactions are left.
    """
    import cantera as ct

    if mechanism not in MECHANISMS:
        raise UnknownNameError("mechanism", mechanism, MECHANISMS)
    full = ct.Solution("gri30.yaml", transport_model=None)
    if mechanism == "gri30":
        return full
    species = [s for s in full.species() if "N" not in s.composition or s.name == "N2"]
    names = {s.name for s in species}
    reactions = [r for r in full.reactions() if {*r.reactants, *r.products} <= names]
    return ct.Solution(thermo="ideal-gas", kinetics="gas", species=species, reactions=reactions)


def mixture(ratio: float) -> dict[str, float]:
    """Return φ CH₄ + 2 (O₂ + 3.76 N₂) in moles."""
    return {"CH4": ratio, "O2": 2.0, "N2": 7.52}


def heating(phase: Any) -> float:
    """Return dT/dt = −Σ_k u_k ω̇_k / (ρ c_v) of the present state at constant volume, in K/s."""
    released = -float(phase.net_production_rates @ phase.partial_molar_int_energies)
    return released / (phase.density * phase.cv_mass)


def log_delay(temperature: float, pressure: float, ratio: float, *, mechanism: str, tolerance: float) -> float:
    """Return log₁₀ of the time of largest dT/dt in seconds; the peak is that of a parabola through three steps.

    `temperature` in K, `pressure` in atm. CVODES chooses its steps by `tolerance`, relative to each state
    variable. Raises `DivergedError` for a mixture that has not ignited after 10⁴ s.
    """
    import cantera as ct

    phase = gas(mechanism)
    phase.TPX = temperature, pressure * ATMOSPHERE, mixture(ratio)
    network = ct.ReactorNet([ct.IdealGasReactor(phase, clone=False)])
    network.rtol, network.atol = tolerance, tolerance * ABSOLUTE
    times, rates, top = [0.0], [heating(phase)], 0
    while temperature + 200 > phase.T or rates[-1] > 0.5 * rates[top]:
        times.append(network.step())
        rates.append(heating(phase))
        top = len(rates) - 1 if rates[-1] > rates[top] else top
        if times[-1] > LONGEST:
            raise DivergedError(
                f"a mixture of φ = {ratio:g} at {temperature:g} K and {pressure:g} atm did not ignite in {LONGEST:g} s; "
                "use a higher temperature"
            )
    return float(np.log10(_peak(times[top - 1 : top + 2], rates[top - 1 : top + 2])))


def _peak(t: list[float], rate: list[float]) -> float:
    """Return where the parabola through three points is largest."""
    width = t[2] - t[0]
    square, slope, _ = np.polyfit((np.array(t) - t[1]) / width, rate, 2)
    return float(t[1] - width * slope / (2 * square))


def correlation(temperature: np.ndarray, pressure: np.ndarray, ratio: np.ndarray) -> np.ndarray:
    """τ = 2.21·10⁻¹⁴ exp(22659/T) [O₂]^(−1.05) [CH₄]^0.33, in s, K and mol/cm³: return its log₁₀.

    A fit to many shock-tube measurements, which scatter around it by a factor of about two.

    Source: Spadaccini & Colket 1994, doi:10.1016/0360-1285(94)90011-6.
    """
    total = pressure * ATMOSPHERE / (GAS_CONSTANT * temperature) * 1e-6
    moles = ratio + 9.52
    oxygen, methane = 2 * total / moles, ratio * total / moles
    return np.asarray(
        np.log10(2.21e-14) + 22659 / temperature / np.log(10) - 1.05 * np.log10(oxygen) + 0.33 * np.log10(methane)
    )


@dataclass(frozen=True, kw_only=True)
class IgnitionSolver(Solver):
    """ρ dY_k/dt = W_k ω̇_k, ρ c_v dT/dt = −Σ u_k ω̇_k at constant volume, until dT/dt has passed its maximum.

    By CVODES (variable-order backward differences) at a relative tolerance, with all of GRI-Mech 3.0 or
    without its nitrogen chemistry, which moves log₁₀ τ by about 4·10⁻⁶. The cheapest point integrates
    nothing: it is the published correlation of measured delays.

    Runs on the CPU whatever the device.

    Source: Cantera, doi:10.5281/zenodo.17620923.
    """

    tolerance: float

    @property
    def costs(self) -> Mapping[str, Mapping[str, Any]]:
        """The correlation, five tolerances without nitrogen chemistry, then the truth's own setting."""
        costs: dict[str, Mapping[str, Any]] = {"correlation of shock-tube data": {"mechanism": "correlation"}}
        for tolerance in (1e-2, 1e-3, 1e-4, 1e-5, 1e-6):
            costs[f"36 species, rtol {tolerance:.0e}"] = {"mechanism": MECHANISMS[1], "tolerance": tolerance}
        costs[f"53 species, rtol {self.tolerance:.0e}"] = {"mechanism": MECHANISMS[0], "tolerance": self.tolerance}
        return costs

    def solve(self, inputs: xr.Dataset, *, device: str = "cpu", **knobs: Any) -> xr.Dataset:  # noqa: ARG002
        """Return log₁₀ τ; `knobs`: mechanism and, unless that is "correlation", tolerance."""
        columns = [inputs[v.name].values for v in (TEMPERATURE, PRESSURE, RATIO)]
        if knobs["mechanism"] == "correlation":
            return labelled([DELAY], {"log_delay": correlation(*columns)})
        found = [log_delay(*map(float, row), **knobs) for row in zip(*columns, strict=True)]
        return labelled([DELAY], {"log_delay": np.array(found)})


def band(inputs: xr.Dataset) -> np.ndarray:
    """Name the band of temperature of each sample."""
    edges = np.array(["below 1400 K", "1400 to 1700 K", "above 1700 K"])
    return edges[np.digitize(inputs["temperature"].values, (1400, 1700))]


def side(inputs: xr.Dataset) -> np.ndarray:
    """Say of each sample whether it has more air than it needs."""
    return np.where(inputs["equivalence_ratio"].values < 1, "lean", "rich")


@dataclass(frozen=True, kw_only=True)
class IgnitionDelay(Dataset):
    """(T₀, p₀, φ) → log₁₀ τ: methane and air in a closed adiabatic vessel of constant volume, GRI-Mech 3.0.

    τ is the time of the largest dT/dt. T₀ is uniform between the `temperatures` (K), log p₀ between the
    `pressures` (atm), φ between the `ratios`; air is O₂ + 3.76 N₂. `tolerance` is that of the integrator.

    One should see τ fall by about three and a half decades from 1100 to 2000 K, nearly as exp(E/RT), and as p₀ to the power of
    −0.8 to −1.1. GRI-Mech 3.0 was fitted to data between about 1000 and 2500 K and up to 10 atm: above that the
    delays are those of the mechanism, no longer sure to be those of methane.
    """

    card: ClassVar[DatasetCard] = DatasetCard(
        title="Ignition delay",
        kind="regression",
        summary="methane in air, GRI-Mech 3.0: from temperature, pressure and mixture to the ignition delay",
        description=(
            "How long hot methane and air wait before they burn decides whether an engine knocks and a gas turbine "
            "holds its flame. Each delay takes the integration of a stiff system of 53 species and 325 reactions; "
            "tables of them are what flow solvers look up. The target is the logarithm of the time of steepest "
            "temperature rise in a closed adiabatic vessel: smooth, close to linear in 1/T, not in T. Shifted test "
            "sets are colder, at higher pressure and leaner than all training samples."
        ),
        sources=(
            Source(citation="G. P. Smith et al., GRI-Mech 3.0, Gas Research Institute (1999), as shipped with Cantera"),
            Source(
                citation="D. G. Goodwin et al., Cantera: an object-oriented software toolkit for chemical kinetics, "
                "thermodynamics, and transport processes (2025)",
                doi="10.5281/zenodo.17620923",
            ),
            Source(
                citation="L. J. Spadaccini and M. B. Colket, Ignition delay characteristics of methane fuels, "
                "Prog. Energy Combust. Sci. 20 (1994)",
                doi="10.1016/0360-1285(94)90011-6",
            ),
        ),
        needs=("cantera",),
    )
    version: ClassVar[int] = 1
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
        {"smoke": {"samples": 48}, "small": {"samples": 800}, "full": {"samples": 10_000}}
    )

    samples: int = 800
    temperatures: tuple[float, float] = (1100.0, 2000.0)
    pressures: tuple[float, float] = (1.0, 20.0)
    ratios: tuple[float, float] = (0.5, 2.0)
    tolerance: float = 1e-8

    def problem(self) -> Problem:
        """Return what a method may know: the solver, and regimes of temperature and mixture."""
        return Problem(
            name="ignition_delay",
            kind="regression",
            inputs=(TEMPERATURE, PRESSURE, RATIO),
            targets=(DELAY,),
            solver=IgnitionSolver(tolerance=self.tolerance),
            regimes={
                "temperature": Regime(of=band, description="initial temperature"),
                "mixture": Regime(of=side, description="lean (φ < 1) or rich"),
            },
        )

    def generate(self, seed: int, samples: Sequence[int], *, device: str = "cpu") -> xr.Dataset:  # noqa: ARG002
        """Return the inputs and `log_delay` of the given samples."""
        for name in ("temperatures", "pressures", "ratios"):
            low, high = getattr(self, name)
            if not 0 < low < high:
                raise UsageError(f"{name} are {low:g} and {high:g}: expected two positive numbers, the lower first")
        rows = np.array([self._draw(np.random.default_rng([seed, i])) for i in samples])
        found = [log_delay(*map(float, row), mechanism="gri30", tolerance=self.tolerance) for row in rows]
        columns = dict(zip((TEMPERATURE.name, PRESSURE.name, RATIO.name), rows.T.copy(), strict=True))
        return labelled([TEMPERATURE, PRESSURE, RATIO, DELAY], {**columns, "log_delay": np.array(found)})

    def _draw(self, rng: np.random.Generator) -> tuple[float, float, float]:
        pressure = np.exp(rng.uniform(*np.log(self.pressures)))
        return rng.uniform(*self.temperatures), float(pressure), rng.uniform(*self.ratios)

    def refined(self) -> Self:
        """Return the same mixtures integrated at a hundredth of the tolerance."""
        return replace(self, tolerance=self.tolerance / 100)

    def shifts(self) -> Mapping[str, Self]:
        """Return colder, denser and leaner mixtures, each just outside of the range."""
        few = replace(self, samples=max(8, self.samples // 16))
        return {
            "colder": replace(few, temperatures=(1000.0, self.temperatures[0])),
            "higher_pressure": replace(few, pressures=(self.pressures[1], 2 * self.pressures[1])),
            "leaner": replace(few, ratios=(0.3, self.ratios[0])),
        }
