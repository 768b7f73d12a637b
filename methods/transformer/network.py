"""A causal transformer that can be fed step by step: what it has read stays in its memory."""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

Memory = list[tuple[Tensor, Tensor]]
"""Keys and values (sequence, head, step, feature) of each layer."""


class CausalLayer(nn.Module):
    """x ← x + attention(norm(x)), x ← x + perceptron(norm(x)); no step sees a later one."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.rate = heads, dropout
        self.before = nn.LayerNorm(width)
        self.project = nn.Linear(width, 3 * width)
        self.mix = nn.Linear(width, width)
        self.perceptron = nn.Sequential(
            nn.LayerNorm(width),
            nn.Linear(width, 4 * width),
            nn.GELU(),
            nn.Linear(4 * width, width),
            nn.Dropout(dropout),
        )

    def forward(self, x: Tensor, past: tuple[Tensor, Tensor] | None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """(sequence, step, width) and what went before → the same shape, and all keys and values so far."""
        split = self.project(self.before(x)).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        query, key, value = split.unbind(0)
        if past is not None:
            key, value = torch.cat([past[0], key], dim=2), torch.cat([past[1], value], dim=2)
        new, seen = query.shape[2], key.shape[2]
        mask = torch.ones(new, seen, dtype=torch.bool, device=x.device).tril(seen - new)
        rate = self.rate if self.training else 0.0
        heard = scaled_dot_product_attention(query, key, value, attn_mask=mask, dropout_p=rate)
        x = x + self.mix(heard.transpose(1, 2).flatten(2))
        return x + self.perceptron(x), (key, value)


class CausalTransformer(nn.Module):
    """`layers` causal layers on inputs to which sines and cosines of their place in the sequence are added."""

    def __init__(self, width: int, *, layers: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.ModuleList(CausalLayer(width, heads, dropout) for _ in range(layers))
        self.after = nn.LayerNorm(width)

    def forward(self, x: Tensor, memory: Memory | None = None) -> tuple[Tensor, Memory]:
        """(sequence, step, width) → the same shape, and the memory with which the sequence goes on."""
        begun = memory[0][0].shape[2] if memory else 0
        x = x + places(begun, x.shape[1], x.shape[2]).to(x)
        kept: Memory = []
        for k, layer in enumerate(self.layers):
            x, pair = layer(x, memory[k] if memory else None)
            kept.append(pair)
        return self.after(x), kept


def places(first: int, steps: int, width: int) -> Tensor:
    """Return sin and cos of p / 10000^(2i / width) for the places p = first … first + steps − 1, (step, width)."""
    place = torch.arange(first, first + steps, dtype=torch.float64)[:, None]
    frequency = torch.exp(-math.log(10_000.0) * torch.arange(0, width, 2, dtype=torch.float64) / width)
    return torch.stack([(place * frequency).sin(), (place * frequency).cos()], dim=-1).flatten(1)[:, :width]
