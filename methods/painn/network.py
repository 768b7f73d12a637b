"""The network of PaiNN, and the potential whose gradient it is differentiated for."""

import math

import torch
from torch import nn

Tensor = torch.Tensor
SMALL = 1e-8
"""Added to squared norms under a root, whose slope at 0 would be infinite; far below the 1 about which features lie."""


class Message(nn.Module):
    """Δsᵢ = Σⱼ φₛ(sⱼ) ∘ Wₛ(r), Δvᵢ = Σⱼ vⱼ ∘ φ_vv(sⱼ) ∘ W_vv(r) + r̂ ∘ φ_vs(sⱼ) ∘ W_vs(r), equations 7 and 8."""

    def __init__(self, width: int, radial: int) -> None:
        super().__init__()
        self.phi = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, 3 * width))
        self.filter = nn.Linear(radial, 3 * width)

    def forward(
        self, s: Tensor, v: Tensor, basis: Tensor, smooth: Tensor, direction: Tensor, edges: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return the changes of s (atom, width) and v (atom, d, width), from edges (2, edge), sender and receiver."""
        sender, receiver = edges
        weights = self.phi(s)[sender] * self.filter(basis) * smooth
        scalar, along, turned = weights.chunk(3, dim=-1)
        vector = v[sender] * turned[:, None] + direction[:, :, None] * along[:, None]
        return torch.zeros_like(s).index_add(0, receiver, scalar), torch.zeros_like(v).index_add(0, receiver, vector)


class Update(nn.Module):
    """Δsᵢ = a_ss + a_sv ⟨Uvᵢ, Vvᵢ⟩, Δvᵢ = a_vv Uvᵢ, the three a functions of sᵢ and ‖Vvᵢ‖, equations 9 and 10."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.mix = nn.Linear(width, 2 * width, bias=False)
        self.gate = nn.Sequential(nn.Linear(2 * width, width), nn.SiLU(), nn.Linear(width, 3 * width))

    def forward(self, s: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Return the changes of s and v."""
        left, right = self.mix(v).chunk(2, dim=-1)
        size = (right.square().sum(dim=1) + SMALL).sqrt()
        own, product, vector = self.gate(torch.cat([s, size], dim=-1)).chunk(3, dim=-1)
        return own + product * (left * right).sum(dim=1), vector[:, None] * left


class PaiNN(nn.Module):
    """ε_i, what each atom contributes to the energy, from scalars s and vectors v that neighbours exchange `layers` times.

    Distances are expanded in sin(kπr/r_c)/r, k = 1 … `radial`, and faded out by (1 + cos(πr/r_c))/2 at the cutoff r_c.
    """

    def __init__(self, kinds: int, *, width: int, layers: int, radial: int, cutoff: float) -> None:
        super().__init__()
        self.cutoff, self.radial = cutoff, radial
        self.embedding = nn.Embedding(kinds, width)
        self.messages = nn.ModuleList(Message(width, radial) for _ in range(layers))
        self.updates = nn.ModuleList(Update(width) for _ in range(layers))
        self.out = nn.Sequential(nn.Linear(width, width // 2), nn.SiLU(), nn.Linear(width // 2, 1))

    def forward(self, kinds: Tensor, positions: Tensor, edges: Tensor) -> Tensor:
        """Return ε (atom,) of atoms of some `kinds` (atom,) at `positions` (atom, d) joined by `edges` (2, edge)."""
        vectors = positions[edges[0]] - positions[edges[1]]
        r = vectors.norm(dim=1, keepdim=True)
        waves = torch.arange(1, self.radial + 1, dtype=r.dtype, device=r.device) * (math.pi / self.cutoff)
        basis = (waves * r).sin() / r
        smooth = 0.5 * ((math.pi / self.cutoff * r).cos() + 1)
        s = self.embedding(kinds)
        v = s.new_zeros((len(s), positions.shape[1], s.shape[1]))
        for message, update in zip(self.messages, self.updates, strict=True):
            for step in (message(s, v, basis, smooth, vectors / r, edges), None):
                ds, dv = step or update(s, v)
                s, v = s + ds, v + dv
        energies: Tensor = self.out(s)[:, 0]
        return energies


class Potential(nn.Module):
    """ε = Σᵢ ε_i and its gradient by the positions, exactly, by automatic differentiation."""

    def __init__(self, atoms: nn.Module) -> None:
        super().__init__()
        self.atoms = atoms

    def forward(
        self, kinds: Tensor, positions: Tensor, edges: Tensor, owner: Tensor, samples: int
    ) -> tuple[Tensor, Tensor]:
        """Return ε (sample,) and ∂ε/∂x (atom, d); `owner` (atom,) is each atom's sample."""
        with torch.enable_grad():
            x = positions.detach().requires_grad_()
            each = self.atoms(kinds, x, edges)
            energy = each.new_zeros(samples).index_add(0, owner, each)
            (gradient,) = torch.autograd.grad(energy.sum(), x, create_graph=self.training)
        return energy, gradient
