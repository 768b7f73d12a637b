"""The vision transformer: patches of a picture that attend to each other."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

from sciml_bench.errors import UsageError
from sciml_bench.method.images import ImageMethod
from sciml_bench.problem import MethodCard, Source

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, kw_only=True)
class ViT(ImageMethod):
    """zₗ₊₁ = z' + MLP(LN z'), z' = zₗ + MSA(LN zₗ): patches of `patch`² points as words, and one more word that answers.

    Each patch is mapped linearly to `width` numbers and given a learnt vector for its place; `depth` layers of attention
    with `heads` heads follow. The number of points along each side must be a multiple of `patch`, `width` one of
    `heads`. `dropout` acts in every layer and before the last map. `augment` moves the training pictures by the
    symmetries that the problem declares. Works on the grid that it was trained on. The other fields say how the shared
    loop trains.

    Works well: a width of 64 to 384, patches of 4 to 16 points, a learning rate of 5e-4 to 2e-3 with one cycle. It
    knows nothing of neighbourhood or of translation and has to learn them: it needs more samples than a convolution.

    Source: Dosovitskiy et al. 2021, arXiv:2010.11929, equations 1 to 4, as timm implements it.
    """

    card: ClassVar[MethodCard] = MethodCard(
        title="Vision transformer",
        family="network",
        framework="torch",
        summary="attention between the patches of a picture, to its class or its numbers",
        description="A small vision transformer from timm, trained from scratch. Batches are moved by the symmetries of "
        "the problem, which tell it that patches are alike wherever they are.",
        sources=(
            Source(
                citation="A. Dosovitskiy et al., An image is worth 16x16 words: transformers for image recognition at "
                "scale, ICLR 2021",
                doi="10.48550/arXiv.2010.11929",
            ),
        ),
        needs=("timm",),
    )
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
        {
            "smoke": {"width": 32, "depth": 2, "heads": 2, "updates": 24, "batch_size": 8, "validations": 2},
            "small": {"width": 64, "batch_size": 16, "updates": 800, "validations": 10},
            "full": {
                "width": 192,
                "depth": 12,
                "heads": 3,
                "batch_size": 64,
                "updates": 30_000,
                "validations": 40,
            },
        }
    )
    search: ClassVar[Mapping[str, tuple[Any, ...]]] = MappingProxyType(
        {
            "learning_rate": (5e-4, 1e-3, 2e-3, 4e-3),
            "depth": (3, 4, 6),
            "weight_decay": (0.01, 0.05, 0.2),
            "dropout": (0.0, 0.1),
        }
    )

    patch: int = 8
    width: int = 96
    depth: int = 4
    heads: int = 4
    learning_rate: float = 1e-3
    weight_decay: float = 0.05
    batch_size: int = 32
    updates: int = 1200
    validations: int = 15

    def check(self) -> None:
        """Refuse a size below 1 and a width that the heads do not share."""
        self.require_positive(("patch", "width", "depth", "heads"))
        if self.width % self.heads:
            raise UsageError(
                f"width={self.width} is not a multiple of heads={self.heads}: each head has an equal share"
            )

    def build(self, channels: int, outputs: int, grid: tuple[int, ...]) -> "torch.nn.Module":
        """Return the network for pictures of this size."""
        from sciml_bench.method.image_network import timm

        if any(n % self.patch for n in grid):
            raise UsageError(
                f"patch={self.patch} does not divide the picture of {grid[0]} x {grid[1]} points: choose a divisor"
            )
        network: torch.nn.Module = timm().create_model(
            "vit_tiny_patch16_224",
            pretrained=False,
            in_chans=channels,
            num_classes=outputs,
            img_size=grid,
            patch_size=self.patch,
            embed_dim=self.width,
            depth=self.depth,
            num_heads=self.heads,
            drop_rate=self.dropout,
            proj_drop_rate=self.dropout,
        )
        return network
