"""EfficientNet: depthwise convolutions, scaled in width and depth together."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

from sciml_bench.method.images import ImageMethod
from sciml_bench.problem import MethodCard, Source

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, kw_only=True)
class EfficientNet(ImageMethod):
    """Blocks that widen the channels, filter each alone (3×3 or 5×5), weight them by their means, and narrow them again.

    The seven stages of EfficientNet-B0, with the channels of each times `width_factor` and its blocks times
    `depth_factor`, rounded up; both are 1 for B0. `dropout` acts before the last linear map. `augment` moves the
    training pictures by the symmetries that the problem declares. The picture is halved five times: it should have 32
    points or more along each side. Works on the grid that it was trained on. The other fields say how the shared loop
    trains.

    Works well: factors of 0.5 to 1, a learning rate of 1e-3 to 1e-2 with one cycle. It needs few
    multiplications, but many small ones, which a CPU does slowly.

    Source: Tan & Le 2019, arXiv:1905.11946, table 1 and equation 3, as timm implements it.
    """

    card: ClassVar[MethodCard] = MethodCard(
        title="EfficientNet",
        family="network",
        framework="torch",
        summary="depthwise convolutions with channel attention, from a picture to its class or its numbers",
        description="EfficientNet-B0 made narrower and shallower by its own rule of scaling, from timm, trained from "
        "scratch. Batches are moved by the symmetries of the problem.",
        sources=(
            Source(
                citation="M. Tan and Q. V. Le, EfficientNet: rethinking model scaling for convolutional neural networks, "
                "ICML 2019",
                doi="10.48550/arXiv.1905.11946",
            ),
        ),
        needs=("timm",),
    )
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
        {
            "smoke": {
                "width_factor": 0.25,
                "depth_factor": 0.25,
                "updates": 12,
                "batch_size": 8,
                "validations": 2,
            },
            "small": {"depth_factor": 0.25, "batch_size": 16, "updates": 350, "validations": 7},
            "full": {
                "width_factor": 1.0,
                "depth_factor": 1.0,
                "dropout": 0.2,
                "batch_size": 64,
                "updates": 20_000,
                "validations": 40,
            },
        }
    )
    search: ClassVar[Mapping[str, tuple[Any, ...]]] = MappingProxyType(
        {
            "learning_rate": (1.5e-3, 3e-3, 6e-3, 0.012),
            "weight_decay": (0.01, 0.05, 0.2),
            "dropout": (0.0, 0.2),
        }
    )

    width_factor: float = 0.5
    depth_factor: float = 0.5
    learning_rate: float = 6e-3
    weight_decay: float = 0.05
    batch_size: int = 32
    updates: int = 600
    validations: int = 15

    def check(self) -> None:
        """Refuse factors without meaning."""
        self.require_between("width_factor", 0.1, 10)
        self.require_between("depth_factor", 0.1, 10)

    def build(
        self,
        channels: int,
        outputs: int,
        grid: tuple[int, ...],  # noqa: ARG002
    ) -> "torch.nn.Module":
        """Return the network."""
        from sciml_bench.method.image_network import timm

        # timm offers the factors through the function that all its EfficientNets are made with.
        network: torch.nn.Module = timm().models.efficientnet._gen_efficientnet(
            "efficientnet_b0",
            channel_multiplier=self.width_factor,
            depth_multiplier=self.depth_factor,
            pretrained=False,
            in_chans=channels,
            num_classes=outputs,
            drop_rate=self.dropout,
        )
        return network
