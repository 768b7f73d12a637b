"""The residual network: convolutions around which the signal may pass unchanged."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

from sciml_bench.method.images import ImageMethod
from sciml_bench.problem import MethodCard, Source

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, kw_only=True)
class ResNet(ImageMethod):
    """hₗ₊₁ = ReLU(hₗ + F(hₗ)), F two 3×3 convolutions with normalisation; then the mean over the picture, and a linear map.

    Four stages of `blocks` blocks with `width`, 2·, 4· and 8·`width` channels, each at half the resolution of the one
    before, after a stem of three convolutions that quarters the picture. `dropout` acts on the mean before the last map.
    `augment` moves the training pictures by the symmetries that the problem declares. Works on the grid that it was trained
    on. The other fields say how the shared loop trains.

    Works well: widths of 16 to 64, one or two blocks, a learning rate of 1e-3 to 1e-2 with one cycle.

    Source: He et al. 2016, doi:10.1109/CVPR.2016.90, equation 1 and table 1 (ResNet-18 has a width of 64 and two blocks);
    stem: He et al. 2019, arXiv:1812.01187 (ResNet-C), as timm implements it.
    """

    card: ClassVar[MethodCard] = MethodCard(
        title="ResNet",
        family="network",
        framework="torch",
        summary="residual convolutions from a picture to its class or its numbers",
        description="A small residual network for pictures, from timm, trained from scratch. Batches are moved by the "
        "symmetries of the problem, which a convolution that pads with zeros would not know.",
        sources=(
            Source(
                citation="K. He, X. Zhang, S. Ren and J. Sun, Deep residual learning for image recognition, CVPR 2016",
                doi="10.1109/CVPR.2016.90",
            ),
            Source(
                citation="T. He et al., Bag of tricks for image classification with convolutional neural networks, "
                "CVPR 2019",
                doi="10.48550/arXiv.1812.01187",
            ),
            Source(
                citation="R. Wightman, H. Touvron and H. Jégou, ResNet strikes back: an improved training procedure in timm, "
                "2021",
                doi="10.48550/arXiv.2110.00476",
            ),
        ),
        needs=("timm",),
    )
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
        {
            "smoke": {"width": 8, "updates": 16, "batch_size": 8, "validations": 2},
            "small": {"updates": 450, "validations": 9},
            "full": {"width": 64, "blocks": 2, "batch_size": 64, "updates": 20_000, "validations": 40},
        }
    )
    search: ClassVar[Mapping[str, tuple[Any, ...]]] = MappingProxyType(
        {
            "learning_rate": (1e-3, 2e-3, 4e-3, 8e-3),
            "width": (16, 24, 32),
            "weight_decay": (0.01, 0.05, 0.2),
            "dropout": (0.0, 0.2),
        }
    )

    width: int = 24
    blocks: int = 1
    learning_rate: float = 4e-3
    weight_decay: float = 0.05
    batch_size: int = 32
    updates: int = 600
    validations: int = 15

    def check(self) -> None:
        """Refuse a size below 1."""
        self.require_positive(("width", "blocks"))

    def build(
        self,
        channels: int,
        outputs: int,
        grid: tuple[int, ...],  # noqa: ARG002
    ) -> "torch.nn.Module":
        """Return the network."""
        from sciml_bench.method.image_network import timm

        network: torch.nn.Module = timm().create_model(
            "resnet18",
            pretrained=False,
            in_chans=channels,
            num_classes=outputs,
            layers=(self.blocks,) * 4,
            channels=tuple(self.width * 2**k for k in range(4)),
            stem_type="deep",
            stem_width=max(1, self.width // 2),
            drop_rate=self.dropout,
        )
        return network
