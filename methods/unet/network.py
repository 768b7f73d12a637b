"""The U-Net's network, in one, two or three dimensions."""

import torch
from torch import nn
from torch.nn import functional

Tensor = torch.Tensor
CONVOLUTIONS: dict[int, type[nn.Conv1d] | type[nn.Conv2d] | type[nn.Conv3d]] = {
    1: nn.Conv1d,
    2: nn.Conv2d,
    3: nn.Conv3d,
}
DROPOUTS: dict[int, type[nn.Dropout1d] | type[nn.Dropout2d] | type[nn.Dropout3d]] = {
    1: nn.Dropout1d,
    2: nn.Dropout2d,
    3: nn.Dropout3d,
}
POOLS = {1: functional.avg_pool1d, 2: functional.avg_pool2d, 3: functional.avg_pool3d}
GROUP = 8
"""Channels that are normalised together, at most."""


class Conv(nn.Module):
    """A convolution whose output has the size of its input: the field goes on periodically or by zeros."""

    def __init__(self, channels_in: int, channels_out: int, axes: int, *, kernel: int, periodic: bool) -> None:
        super().__init__()
        self.convolution = CONVOLUTIONS[axes](channels_in, channels_out, kernel)
        self.padding = [kernel // 2] * (2 * axes)
        self.mode = "circular" if periodic else "constant"

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels_in, *grid) → (batch, channels_out, *grid)."""
        return self.convolution(functional.pad(x, self.padding, mode=self.mode))


class Block(nn.Module):
    """x → g(s(x) + n(c(d(g(n(c(x)))))): two convolutions c, each with group norm n, GELU g and dropout d of whole
    channels, beside a pointwise shortcut s.
    """

    def __init__(self, channels_in: int, channels_out: int, axes: int, *, periodic: bool, dropout: float) -> None:
        super().__init__()
        groups = max(1, channels_out // GROUP)
        self.body = nn.Sequential(
            Conv(channels_in, channels_out, axes, kernel=3, periodic=periodic),
            nn.GroupNorm(groups, channels_out),
            nn.GELU(),
            DROPOUTS[axes](dropout),
            Conv(channels_out, channels_out, axes, kernel=3, periodic=periodic),
            nn.GroupNorm(groups, channels_out),
        )
        self.shortcut = CONVOLUTIONS[axes](channels_in, channels_out, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels_in, *grid) → (batch, channels_out, *grid)."""
        return functional.gelu(self.shortcut(x) + self.body(x))


class UNetwork(nn.Module):
    """Down through `depth` halvings of the grid, up again, with a shortcut across at each level.

    Channels double with each halving, from `width`. Halving is the mean over 2^d points, doubling the nearest
    value. Sizes that 2^depth does not divide are extended at their far end, periodically or by zeros, and cut
    back afterwards. On a periodic grid that 2^depth divides, a shift of the input by 2^depth points shifts
    the output likewise.
    """

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        axes: int,
        *,
        width: int,
        depth: int,
        periodic: bool,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        widths = [width * 2**level for level in range(depth + 1)]
        self.depth = depth
        self.axes = axes
        self.mode = "circular" if periodic else "constant"
        self.down = nn.ModuleList(
            Block(a, b, axes, periodic=periodic, dropout=dropout)
            for a, b in zip([channels_in, *widths[:-1]], widths, strict=True)
        )
        self.up = nn.ModuleList(
            Block(widths[k + 1] + widths[k], widths[k], axes, periodic=periodic, dropout=dropout) for k in range(depth)
        )
        self.head = CONVOLUTIONS[axes](width, channels_out, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels_in, *grid) → (batch, channels_out, *grid), on any grid."""
        grid = x.shape[2:]
        x = self._extended(x)
        across = []
        for level, block in enumerate(self.down):
            x = block(POOLS[self.axes](x, 2) if level else x)
            across.append(x)
        for level in reversed(range(self.depth)):
            for axis in range(2, 2 + self.axes):
                x = x.repeat_interleave(2, dim=axis)
            x = self.up[level](torch.cat([x, across[level]], dim=1))
        return self.head(_cropped(x, grid))

    def _extended(self, x: Tensor) -> Tensor:
        unit = 2**self.depth
        missing = [-n % unit for n in x.shape[2:]]
        if not any(missing):
            return x
        padding = [side for n in reversed(missing) for side in (0, n)]
        return functional.pad(x, padding, mode=self.mode)


def _cropped(x: Tensor, grid: tuple[int, ...]) -> Tensor:
    for axis, n in enumerate(grid, start=2):
        x = x.narrow(axis, 0, n)
    return x
