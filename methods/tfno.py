"""The tensorised Fourier neural operator, from neuraloperator."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

from sciml_bench.errors import UsageError
from sciml_bench.method.trained import GridMethod
from sciml_bench.problem import MethodCard, Source

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, kw_only=True)
class TFNO(GridMethod):
    """vₗ₊₁ = σ(W vₗ + ℱ⁻¹[R_ℓ(k) · (ℱ vₗ)(k)]), R_ℓ = G_ℓ ×₁ U₁ ×₂ U₂ ⋯, a Tucker product.

    The Fourier neural operator whose multipliers R_ℓ (channel in, channel out, modes of each axis) are a small core
    tensor G_ℓ times a factor for each axis: about `rank` times as many parameters, which suits few training samples.
    `rank` 1 has as many as the dense network. All other fields are those of the Fourier neural operator: `width`
    channels, `modes` wavenumbers along each axis, `layers` ℓ, `domain_padding` as a fraction of the domain's length,
    `dropout` in the perceptrons behind the layers.

    Works well: more width than an FNO of the same cost, a rank of 0.05 to 0.5, a learning rate of 1e-3 to 1e-2.

    Source: Kossaifi et al. 2023, arXiv:2310.00120, section 3; Li et al. 2020, arXiv:2010.08895, equations 2 to 5.
    """

    card: ClassVar[MethodCard] = MethodCard(
        title="Tensorised Fourier neural operator",
        family="operator",
        framework="torch",
        summary="a Fourier neural operator whose multipliers are Tucker products of small factors",
        description="The network as neuraloperator and tensorly implement it. Problems that give a history of frames "
        "are forecast one step at a time, the others in one pass.",
        sources=(
            Source(
                citation="J. Kossaifi et al., Multi-grid tensorized Fourier neural operator for high-resolution "
                "PDEs, TMLR 2024",
                doi="10.48550/arXiv.2310.00120",
            ),
            Source(
                citation="J. Kossaifi et al., A library for learning neural operators (neuraloperator), 2024",
                doi="10.48550/arXiv.2412.10354",
            ),
        ),
    )
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
        {
            "smoke": {"width": 8, "modes": 4, "layers": 2, "rank": 0.5, "updates": 24, "validations": 2},
            "small": {},
            "full": {"width": 48, "modes": 16, "updates": 20_000, "validations": 20},
        }
    )
    search: ClassVar[Mapping[str, tuple[Any, ...]]] = MappingProxyType(
        {
            "learning_rate": (1.5e-3, 3e-3, 6e-3, 0.012),
            "width": (16, 24, 32),
            "modes": (4, 6, 8, 12, 16),
            "rank": (0.1, 0.2, 0.5),
        }
    )

    width: int = 24
    modes: int = 8
    layers: int = 4
    rank: float = 0.2
    domain_padding: float = 0.0
    dropout: float = 0.0
    learning_rate: float = 6e-3

    def check(self) -> None:
        """Refuse a size below 1, a rank outside of 0 to 1, a padding longer than the domain and dropout without meaning."""
        self.require_positive(("width", "modes", "layers"))
        self.require_between("domain_padding", 0, 1)
        self.require_between("dropout", 0, 0.9)
        if not 0 < self.rank <= 1:
            raise UsageError(f"rank is {self.rank}, but must be above 0 and at most 1")

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
            factorization="Tucker",
            rank=self.rank,
        )
