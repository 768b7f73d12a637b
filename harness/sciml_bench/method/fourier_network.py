"""The network of the Fourier neural operator, as neuraloperator has it."""

from typing import Literal

import torch
from neuralop.models import FNO


def fourier_network(
    channels_in: int,
    channels_out: int,
    grid: tuple[int, ...],
    *,
    width: int,
    modes: int,
    layers: int,
    domain_padding: float,
    dropout: float = 0.0,
    factorization: Literal["Tucker"] | None = None,
    rank: float = 1.0,
) -> torch.nn.Module:
    """Return the network with the wavenumbers up to `modes` along each axis, at most half the points of `grid`.

    With a `factorization` the multipliers of each layer have about `rank` times the parameters of dense ones. In training the
    share `dropout` of the values in the perceptron that follows each layer, point by point, is set to 0.
    """
    return FNO(
        n_modes=highest(modes, grid),
        in_channels=channels_in,
        out_channels=channels_out,
        hidden_channels=width,
        n_layers=layers,
        positional_embedding="grid",
        domain_padding=domain_padding or None,
        channel_mlp_dropout=dropout,
        factorization=factorization,
        rank=rank,
    )


def highest(modes: int, grid: tuple[int, ...]) -> tuple[int, ...]:
    """Return neuraloperator's number of modes along each axis, in which a wavenumber and its negative are two."""
    return tuple(2 * min(modes, max(1, n // 2)) for n in grid)
