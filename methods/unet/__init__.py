"""The U-Net: convolutions on a pyramid of grids."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

from sciml_bench.method.trained import GridMethod
from sciml_bench.problem import MethodCard, Source

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, kw_only=True)
class UNet(GridMethod):
    """y = head(u₀), uₗ = Bₗ(up(uₗ₊₁) ⊕ dₗ), dₗ = Bₗ(mean₂(dₗ₋₁)): blocks of convolutions on grids halved
    `depth` times.

    Each block is two 3ᵈ convolutions with group norm and GELU beside a shortcut; ⊕ joins channels. `width` is
    the number of channels on the full grid and doubles with each halving, no more halvings being made than
    leave 2 points an axis. Convolutions go on periodically where the targets are periodic, else by zeros,
    which tell the filters where the edge is. The filters act on grid points: on a finer grid than in training
    they see smaller structures, and accuracy is lost. In training `dropout` is the share of a block's inner channels
    that are left out, anew for each sample and update. `forecast` and `noise` say how evolution problems are
    trained, the other fields how the shared loop trains.

    Works well: a width of 16 to 64, depth 3 or 4, a learning rate of 1e-3 to 4e-3 with one cycle.

    Source: Ronneberger et al. 2015, doi:10.1007/978-3-319-24574-4_28, figure 1; dropout of whole channels, Tompson et
    al. 2015, arXiv:1411.4280; AdamW, arXiv:1711.05101; one
    cycle, arXiv:1708.07120.
    """

    card: ClassVar[MethodCard] = MethodCard(
        title="U-Net",
        family="network",
        framework="torch",
        summary="convolutions on a pyramid of grids, with shortcuts across at each level",
        description="The standard network for images, with periodic convolutions where the domain is "
        "periodic. Problems that give a history of frames are forecast one step at a time, the others in one pass. It "
        "is given no coordinates: where a force depends on the place and is no input, as in Navier–Stokes, it can only be "
        "seen in the frames.",
        sources=(
            Source(
                citation="O. Ronneberger, P. Fischer and T. Brox, U-Net: convolutional networks for "
                "biomedical image segmentation, "
                "MICCAI 2015",
                doi="10.1007/978-3-319-24574-4_28",
            ),
        ),
    )
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
        {
            "smoke": {"width": 8, "depth": 2, "updates": 24, "validations": 2},
            "small": {},
            "full": {"width": 64, "depth": 4, "updates": 20_000, "validations": 20},
        }
    )
    search: ClassVar[Mapping[str, tuple[Any, ...]]] = MappingProxyType(
        {
            "learning_rate": (1e-3, 2e-3, 4e-3, 8e-3),
            "width": (12, 16, 24),
            "depth": (2, 3, 4),
            "dropout": (0.0, 0.1),
        }
    )

    width: int = 16
    depth: int = 3
    dropout: float = 0.0
    learning_rate: float = 2e-3

    def check(self) -> None:
        """Refuse a size below 1 and a share of dropped channels outside of 0 to 0.9."""
        self.require_positive(("width", "depth"))
        self.require_between("dropout", 0, 0.9)

    def build(self, channels_in: int, channels_out: int, grid: tuple[int, ...], periodic: bool) -> "torch.nn.Module":
        """Return the network for a grid of this shape."""
        from .network import UNetwork

        depth = min(self.depth, max(1, min(grid).bit_length() - 2))
        return UNetwork(
            channels_in,
            channels_out,
            len(grid),
            width=self.width,
            depth=depth,
            periodic=periodic,
            dropout=self.dropout,
        )
