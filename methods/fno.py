"""The Fourier neural operator, from neuraloperator."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

import xarray as xr

from sciml_bench.errors import UsageError
from sciml_bench.method import Budget, Log, Method, Predictor
from sciml_bench.method.forecasting import Forecast
from sciml_bench.method.grids import why_not_a_grid
from sciml_bench.method.training import Optimizer, Precision, Schedule, Training
from sciml_bench.problem import MethodCard, Problem, Source

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, kw_only=True)
class FNO(Method):
    """vₗ₊₁ = σ(W vₗ + ℱ⁻¹[R_ℓ(k) · (ℱ vₗ)(k)]), |k| ≤ `modes`, between pointwise lifting and projection.

    Each layer multiplies the lowest Fourier modes of `width` channels by learnt matrices, so that the map is
    one of functions: trained on one grid, it predicts on any other. `modes` is the highest wavenumber kept
    along each axis (no more than half the training grid's points), `layers` the number ℓ of such layers.
    `domain_padding` extends a domain that is not periodic by this fraction of its length before the layers.
    `forecast` and `noise` say how evolution problems are trained, the other fields how the shared loop
    trains.

    Works well: 16 to 64 channels, 4 layers, `modes` up to a quarter of the points, a learning rate of 1e-3 to
    1e-2 with one cycle. It smooths jumps, whose spectrum decays slowly.

    Source: Li et al. 2020, arXiv:2010.08895, equations 2 to 5; optimiser AdamW, arXiv:1711.05101; one cycle,
    arXiv:1708.07120.
    """

    card: ClassVar[MethodCard] = MethodCard(
        needs=("neuralop",),
        title="Fourier neural operator",
        family="operator",
        framework="torch",
        summary="learnt multipliers on the lowest Fourier modes, on any grid",
        description="The network of the paper as neuraloperator implements it. Problems that give a "
        "history of frames are "
        "forecast one step at a time, the others in one pass.",
        sources=(
            Source(
                citation="Z. Li et al., Fourier neural operator for parametric partial differential "
                "equations, ICLR 2021",
                doi="10.48550/arXiv.2010.08895",
            ),
            Source(
                citation="J. Kossaifi et al., A library for learning neural operators (neuraloperator), 2024",
                doi="10.48550/arXiv.2412.10354",
            ),
        ),
    )
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
        {
            "smoke": {"width": 8, "modes": 4, "layers": 2, "updates": 60, "validations": 2},
            "small": {},
            "full": {"width": 32, "modes": 12, "updates": 20_000, "validations": 20},
        }
    )

    width: int = 16
    modes: int = 8
    layers: int = 4
    domain_padding: float = 0.0
    forecast: Forecast = "auto"
    noise: float = 0.0
    optimizer: Optimizer = "adamw"
    schedule: Schedule = "onecycle"
    precision: Precision = "32-true"
    learning_rate: float = 6e-3
    weight_decay: float = 1e-4
    batch_size: int = 16
    updates: int = 800
    clip_norm: float = 1.0
    validations: int = 5
    patience: int = 0

    def applies_to(self, problem: Problem) -> str | None:
        """Only on a regular grid."""
        return why_not_a_grid(problem)

    def fit(
        self,
        train: xr.Dataset,
        valid: xr.Dataset,
        *,
        problem: Problem,
        budget: Budget,  # noqa: ARG002
        seed: int,
        device: str,
        log: Log,
    ) -> Predictor:
        """Train the network with the shared loop."""
        from sciml_bench.method.forecast import fit_on_grid

        for name in ("width", "modes", "layers"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} is {getattr(self, name)}, but must be at least 1")
        if not 0 <= self.domain_padding <= 1:
            raise UsageError(f"domain_padding is {self.domain_padding}, but must lie between 0 and 1")
        return fit_on_grid(
            self.build,
            train,
            valid,
            problem=problem,
            training=Training.of(self),
            forecast=self.forecast,
            noise=self.noise,
            seed=seed,
            device=device,
            log=log,
        )

    def build(
        self,
        channels_in: int,
        channels_out: int,
        grid: tuple[int, ...],
        periodic: bool,  # noqa: ARG002
    ) -> "torch.nn.Module":
        """Return the network for a grid of this shape."""
        from neuralop.models import FNO as Network  # noqa: N811

        # neuraloperator counts a wavenumber and its negative as two modes.
        modes = tuple(2 * min(self.modes, max(1, n // 2)) for n in grid)
        return Network(
            n_modes=modes,
            in_channels=channels_in,
            out_channels=channels_out,
            hidden_channels=self.width,
            n_layers=self.layers,
            positional_embedding="grid",
            domain_padding=self.domain_padding or None,
        )
