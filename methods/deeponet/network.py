"""The DeepONet's network: a branch for the input function, a trunk or a basis for the output's coordinates."""

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from sciml_bench.errors import UsageError

Tensor = torch.Tensor
CONVOLUTIONS: dict[int, type[nn.Conv1d] | type[nn.Conv2d] | type[nn.Conv3d]] = {
    1: nn.Conv1d,
    2: nn.Conv2d,
    3: nn.Conv3d,
}
MODES = {1: "linear", 2: "bilinear", 3: "trilinear"}
SMALLEST = 8
"""The convolutional branch halves its grid until no axis has more points than this."""


def resample(x: Tensor, grid: tuple[int, ...], *, periodic: bool) -> Tensor:
    """Interpolate (batch, channel, *grid) linearly to the points of another grid on the same domain.

    A periodic grid has the points 0, 1/n …, else both ends belong to it. Where the points coincide, so do the values.
    """
    if tuple(x.shape[2:]) == grid:
        return x
    ends = tuple(n + periodic for n in grid)
    if periodic:
        x = functional.pad(x, [0, 1] * len(grid), mode="circular")
    x = functional.interpolate(x, size=ends, mode=MODES[len(grid)], align_corners=True)
    for axis, n in enumerate(grid, start=2):
        x = x.narrow(axis, 0, n)
    return x


def dense(sizes: list[int], dropout: float = 0.0) -> nn.Sequential:
    """Return linear maps between these sizes, with GELU, and dropout in training, after all but the last."""
    layers: list[nn.Module] = []
    for a, b in pairwise(sizes[:-1]):
        layers += [nn.Linear(a, b), nn.GELU(), nn.Dropout(dropout)]
    return nn.Sequential(*layers, nn.Linear(sizes[-2], sizes[-1]))


class Branch(nn.Module):
    """(batch, channel, *grid) → (batch, size), on the sensors: the grid of the training data.

    Dense layers on all values in one dimension. In two or three, convolutions that halve the grid first.
    """

    def __init__(
        self,
        channels: int,
        grid: tuple[int, ...],
        size: int,
        *,
        width: int,
        layers: int,
        dropout: float,
        periodic: bool,
    ) -> None:
        super().__init__()
        self.grid, self.periodic = grid, periodic
        self.padding = [2] * (2 * len(grid))
        self.halvings = nn.ModuleList()
        points = grid
        while len(grid) > 1 and max(points) > SMALLEST:
            wider = max(16, width // 4) if not self.halvings else min(width, 2 * channels)
            self.halvings.append(CONVOLUTIONS[len(grid)](channels, wider, 5, stride=2))
            channels, points = wider, tuple((n + 1) // 2 for n in points)
        self.dense = dense([channels * math.prod(points), *[width] * layers, size], dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Return the coefficients of the output's functions."""
        x = resample(x, self.grid, periodic=self.periodic)
        for convolution in self.halvings:
            padded = functional.pad(x, self.padding, mode="circular" if self.periodic else "constant")
            x = functional.gelu(convolution(padded))
        return self.dense(x.flatten(1))


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Which component and which time each output channel has: numbers of both, and the times scaled to −1 … 1."""

    component: np.ndarray
    step: np.ndarray
    times: np.ndarray

    @property
    def components(self) -> int:
        """The number of fields."""
        return int(self.component.max()) + 1


class Trunk(nn.Module):
    """(t, x) → `size` functions for each component, dense layers on the coordinates.

    Coordinates go from −1 to 1; a periodic one enters as the sines and cosines of `harmonics` whole waves, so that
    the functions are periodic too.
    """

    times: Tensor

    def __init__(
        self, layout: Layout, axes: int, size: int, *, width: int, layers: int, harmonics: int, periodic: bool
    ) -> None:
        super().__init__()
        self.layout, self.size, self.periodic, self.harmonics = layout, size, periodic, harmonics
        self.register_buffer("times", torch.as_tensor(layout.times, dtype=torch.float32))
        features = int(len(layout.times) > 1) + axes * (2 * harmonics if periodic else 1)
        self.dense = dense([features, *[width] * layers, layout.components * size])

    def forward(self, grid: tuple[int, ...]) -> Tensor:
        """Return the functions at all output times and points of this grid: (time, component, size, point)."""
        axes = [self._axis(n) for n in grid]
        mesh = torch.meshgrid(*(torch.arange(n) for n in grid), indexing="ij")
        space = torch.cat([a[i.flatten().to(a.device)] for a, i in zip(axes, mesh, strict=True)], dim=1)
        if len(self.times) > 1:
            time = self.times[:, None, None].expand(-1, len(space), 1)
            points = torch.cat([time, space.expand(len(self.times), -1, -1)], dim=2)
        else:
            points = space[None]
        values = self.dense(points).unflatten(2, (self.layout.components, self.size))
        return values.permute(0, 2, 3, 1)

    def _axis(self, n: int) -> Tensor:
        """Return the features of one axis at its points: (point, feature)."""
        share = torch.arange(n, device=self.times.device, dtype=self.times.dtype)
        if not self.periodic:
            return (2 * share / max(1, n - 1) - 1)[:, None]
        angle = 2 * torch.pi * share[:, None] / n * torch.arange(1, self.harmonics + 1, device=share.device)
        return torch.cat([angle.sin(), angle.cos()], dim=1)


class DeepONet(nn.Module):
    """u_c(t, x) = m_c(t, x) + p^(−½) Σ_k b_ck(a) τ_ck(t, x): branch b, trunk τ, `size` p terms; m is a given mean."""

    mean: Tensor

    def __init__(self, branch: Branch, trunk: Trunk, mean: np.ndarray) -> None:
        super().__init__()
        self.branch, self.trunk = branch, trunk
        self.register_buffer("mean", torch.as_tensor(mean, dtype=torch.float32)[None])

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channel, *grid) → (batch, channel, *grid)."""
        grid, layout = tuple(x.shape[2:]), self.trunk.layout
        b = self.branch(x).unflatten(1, (layout.components, self.trunk.size)) / math.sqrt(self.trunk.size)
        products = torch.einsum("bcp,tcpx->btcx", b, self.trunk(grid))
        fluctuation = products[:, layout.step, layout.component].unflatten(2, grid)
        return resample(self.mean, grid, periodic=self.trunk.periodic) + fluctuation


class PodDeepONet(nn.Module):
    """u(t, x) = m(t, x) + Σ_k b_k(a) φ_k(t, x): φ_k the leading modes of the training targets about their mean m.

    φ_k has the size that its coefficient has in the data, so that b_k is of order one.
    """

    mean: Tensor
    modes: Tensor

    def __init__(self, branch: Branch, mean: np.ndarray, modes: np.ndarray, *, periodic: bool) -> None:
        super().__init__()
        self.branch, self.periodic = branch, periodic
        self.register_buffer("mean", torch.as_tensor(mean, dtype=torch.float32)[None])
        self.register_buffer("modes", torch.as_tensor(modes, dtype=torch.float32))

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channel, *grid) → (batch, channel, *grid)."""
        grid = tuple(x.shape[2:])
        modes = resample(self.modes, grid, periodic=self.periodic)
        fluctuation = (self.branch(x) @ modes.flatten(1)).unflatten(1, modes.shape[1:])
        return resample(self.mean, grid, periodic=self.periodic) + fluctuation


def leading_modes(values: np.ndarray, rank: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean of `values` (sample, …) and the `rank` leading modes φ_k (k, …) about it, or all if fewer.

    values ≈ mean + Σ_k c_k φ_k with orthogonal φ_k and coefficients c_k of mean square one over the samples: the
    proper orthogonal decomposition, φ_k = s_k v_k / √n with singular values s_k and right singular vectors v_k.
    """
    if len(values) < 2:
        raise UsageError("basis is 'pod', but modes need at least 2 training samples; use 'plain'")
    mean = values.mean(axis=0, dtype=np.float64)
    flat = (values - mean).reshape(len(values), -1)
    squares, left = np.linalg.eigh(flat @ flat.T)
    kept = [k for k in np.argsort(squares)[::-1][:rank] if squares[k] > 1e-12 * squares.max()]
    if not kept:
        raise UsageError("basis is 'pod', but all training targets are the same; use 'plain'")
    modes = left[:, kept].T @ flat / math.sqrt(len(values))
    return mean, modes.reshape(len(kept), *values.shape[1:])
