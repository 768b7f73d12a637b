"""The U-shaped neural operator, from neuraloperator."""

import io
from collections.abc import Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

from sciml_bench.method.trained import GridMethod
from sciml_bench.problem import MethodCard, Source

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, kw_only=True)
class UNO(GridMethod):
    """vₗ₊₁ = σ(W vₗ + ℱ⁻¹[R_ℓ · ℱ vₗ]) on grids halved `depth` times and doubled again, with shortcuts across.

    Fourier layers as in the Fourier neural operator: one on the full grid, `depth` that halve it and double the
    `width` channels, one on the coarsest grid, `depth` that go up again, and one on the full grid. Shortcuts join the
    channels of layers on grids of one size. The coarse grids make a deep network cheap. `modes` is the highest
    wavenumber kept along each axis, no more than half the coarsest points that a layer meets. `domain_padding` extends
    a domain that is not periodic by this fraction of its length at each end, `dropout` is the share of the values in the
    perceptron behind each layer that is set to 0 in training. Between grids the fields are interpolated, linearly
    in one dimension and by cubics in two; on a finer grid than in training it predicts as well.

    Works well: a width of 8 to 32, depth 1 or 2, a learning rate of 1e-3 to 5e-3 with one cycle.

    Source: Rahman, Ross & Azizzadenesheli 2022, arXiv:2204.11127, section 3.
    """

    card: ClassVar[MethodCard] = MethodCard(
        title="U-shaped neural operator",
        family="operator",
        framework="torch",
        summary="Fourier layers on a pyramid of grids, with shortcuts across at each level",
        description="The network of the paper as neuraloperator implements it. Problems that give a history of frames "
        "are forecast one step at a time, the others in one pass.",
        sources=(
            Source(
                citation="M. A. Rahman, Z. E. Ross and K. Azizzadenesheli, U-NO: U-shaped neural operators, TMLR 2023",
                doi="10.48550/arXiv.2204.11127",
            ),
            Source(
                citation="J. Kossaifi et al., A library for learning neural operators (neuraloperator), 2024",
                doi="10.48550/arXiv.2412.10354",
            ),
        ),
    )
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
        {
            "smoke": {"width": 8, "modes": 4, "depth": 1, "updates": 24, "validations": 2},
            "small": {},
            "full": {"width": 32, "modes": 16, "updates": 20_000, "validations": 20},
        }
    )
    search: ClassVar[Mapping[str, tuple[Any, ...]]] = MappingProxyType(
        {
            "learning_rate": (1e-3, 2e-3, 4e-3, 8e-3),
            "width": (8, 12, 16),
            "modes": (4, 6, 8, 12, 16),
            "depth": (1, 2),
        }
    )

    width: int = 12
    modes: int = 8
    depth: int = 1
    domain_padding: float = 0.0
    dropout: float = 0.0
    learning_rate: float = 4e-3

    def check(self) -> None:
        """Refuse a size below 1, a padding longer than the domain and a share of dropout without meaning."""
        self.require_positive(("width", "modes", "depth"))
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
        from neuralop.models import UNO as Network  # noqa: N811

        from sciml_bench.method.fourier_network import highest

        depth = min(self.depth, max(1, min(grid).bit_length() - 2))
        levels = [*range(depth + 1), depth, *reversed(range(depth)), 0]  # how often each layer's output is halved
        before = [0, *levels[:-1]]
        coarser = [max(a, b) for a, b in zip(before, levels, strict=True)]
        with redirect_stdout(io.StringIO()):  # it prints what it is made of
            return Network(
                in_channels=channels_in,
                out_channels=channels_out,
                hidden_channels=self.width,
                lifting_channels=2 * self.width,
                projection_channels=2 * self.width,
                n_layers=len(levels),
                uno_out_channels=[self.width * 2**k for k in levels],
                uno_n_modes=[list(highest(self.modes, tuple(n // 2**k for n in grid))) for k in coarser],
                uno_scalings=[[0.5 ** (k - j)] * len(grid) for j, k in zip(before, levels, strict=True)],
                channel_mlp_skip="linear",
                positional_embedding="grid",
                domain_padding=self.domain_padding or None,
                channel_mlp_dropout=self.dropout,
            )
