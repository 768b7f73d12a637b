"""The Fourier neural operator, from neuraloperator."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

from sciml_bench.method.trained import GridMethod
from sciml_bench.problem import MethodCard, Source

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, kw_only=True)
class FNO(GridMethod):
    """vₗ₊₁ = σ(W vₗ + ℱ⁻¹[R_ℓ(k) · (ℱ vₗ)(k)]), |k| ≤ `modes`, between pointwise lifting and projection.

    Each layer multiplies the lowest Fourier modes of `width` channels by learnt matrices, so that the map is
    one of functions: trained on one grid, it predicts on any other. `modes` is the highest wavenumber kept
    along each axis (no more than half the training grid's points), `layers` the number ℓ of such layers.
    `domain_padding` extends a domain that is not periodic by this fraction of its length at each end, before the layers. In
    training the share `dropout` of the values in the perceptron behind each layer is set to 0.
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
    search: ClassVar[Mapping[str, tuple[Any, ...]]] = MappingProxyType(
        {
            "learning_rate": (1.5e-3, 3e-3, 6e-3, 0.012),
            "width": (12, 16, 24),
            "modes": (4, 6, 8, 12, 16),
        }
    )

    width: int = 16
    modes: int = 8
    layers: int = 4
    domain_padding: float = 0.0
    dropout: float = 0.0
    learning_rate: float = 6e-3

    def check(self) -> None:
        """Refuse a size below 1, a padding longer than the domain and a share of dropout without meaning."""
        self.require_positive(("width", "modes", "layers"))
        self.require_between("domain_padding", 0, 1)
        self.require_between("dropout", 0, 0.9)

    def build(
        self,
        channels_in: int,
        channels_out: int,
        grid: tuple[int, ...],
        periodic: bool,  # noqa: ARG002
    ) -> "torch.nn.Module":
        """Return the network for a grid of this shape."""
        from sciml_bench.method.fourier_network import fourier_network

        return fourier_network(
            channels_in,
            channels_out,
            grid,
            width=self.width,
            modes=self.modes,
            layers=self.layers,
            domain_padding=self.domain_padding,
            dropout=self.dropout,
        )
