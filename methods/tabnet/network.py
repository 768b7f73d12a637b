"""The network of TabNet. Importing this imports torch: do so inside a function."""

import torch
from torch import nn

Tensor = torch.Tensor
EPSILON = 1e-15
"""Added within the logarithm of the entropy, as in the paper's equation: a mask holds exact zeros."""


class Sparsemax(nn.Module):
    """sparsemax(z) = argmin_p ‖p − z‖² over the probability simplex: like softmax, but with exact zeros.

    p_i = max(z_i − τ, 0), where τ makes them add up to 1. Source: Martins & Astudillo 2016, arXiv:1602.02068,
    algorithm 1.
    """

    def forward(self, z: Tensor) -> Tensor:
        """(sample, feature) → (sample, feature)."""
        ordered = z.sort(dim=1, descending=True).values
        count = torch.arange(1, z.shape[1] + 1, device=z.device, dtype=z.dtype)
        excess = ordered.cumsum(dim=1) - 1
        support = (count * ordered > excess).sum(dim=1, keepdim=True)
        threshold = excess.gather(1, support - 1) / support.to(z.dtype)
        return torch.clamp(z - threshold, min=0)


class GhostBatchNorm(nn.Module):
    """Batch normalisation over ghost batches of about `size` samples each, in training; by running statistics after it.

    So a prediction does not depend on its companions. The last ghost batches share what is left, so that none has a
    single sample. Source: Hoffer et al. 2017, arXiv:1705.08741, algorithm 1.
    """

    def __init__(self, features: int, size: int, momentum: float) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(features, momentum=momentum)
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        """(sample, feature) → (sample, feature)."""
        if not self.training:
            return self.norm(x)
        return torch.cat([self.norm(part) for part in x.tensor_split(max(1, len(x) // self.size))])


class GatedLayer(nn.Module):
    """h = a ⊙ sigmoid(b), (a, b) = norm(W x): a gated linear unit. `linear` may be shared between steps."""

    def __init__(self, linear: nn.Linear, size: int, momentum: float) -> None:
        super().__init__()
        self.linear = linear
        self.norm = GhostBatchNorm(linear.out_features, size, momentum)

    def forward(self, x: Tensor) -> Tensor:
        """(sample, feature) → (sample, width)."""
        return nn.functional.glu(self.norm(self.linear(x)), dim=1)


class FeatureTransformer(nn.Module):
    """h₁ = L₁(x), hₗ = √½ (hₗ₋₁ + Lₗ(hₗ₋₁)): layers with shared weights first, then those of the step alone."""

    def __init__(self, shared: nn.ModuleList, own: int, width: int, size: int, momentum: float) -> None:
        super().__init__()
        linears = [*shared, *(nn.Linear(width, 2 * width, bias=False) for _ in range(own))]
        self.layers = nn.ModuleList(GatedLayer(linear, size, momentum) for linear in linears)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        """(sample, feature) → (sample, width)."""
        h: Tensor = self.layers[0](x)
        for layer in self.layers[1:]:
            h = (h + layer(h)) * 0.5**0.5
        return h


class Network(nn.Module):
    """d_i, a_i = F_i(M_i ⊙ x), M_{i+1} = sparsemax(P_i ⊙ norm(W a_i)), y = W Σ_i ReLU(d_i).

    The prior P_i = Π_{j≤i} (γ − M_j) makes a step turn to columns that earlier ones left. `mask_entropy` holds
    −⟨Σ_b M log M⟩ of the last batch, averaged over steps: adding it to the loss makes the masks sparse.
    """

    def __init__(
        self,
        features: int,
        outputs: int,
        *,
        decision: int,
        attention: int,
        steps: int,
        relaxation: float,
        ghost: int,
        momentum: float,
    ) -> None:
        super().__init__()
        width = decision + attention
        self.decision, self.relaxation = decision, relaxation
        self.norm = nn.BatchNorm1d(features, momentum=momentum)
        shared = nn.ModuleList(nn.Linear(n, 2 * width, bias=False) for n in (features, width))
        self.transformers = nn.ModuleList(
            FeatureTransformer(shared, 2, width, ghost, momentum) for _ in range(steps + 1)
        )
        self.attention = nn.ModuleList(
            nn.Sequential(nn.Linear(attention, features, bias=False), GhostBatchNorm(features, ghost, momentum))
            for _ in range(steps)
        )
        self.sparsemax = Sparsemax()
        self.out = nn.Linear(decision, outputs, bias=True)
        self.mask_entropy = torch.zeros(())

    def forward(self, x: Tensor) -> Tensor:
        """(sample, feature) → (sample, output)."""
        masks, total = self._decide(x)
        self.mask_entropy = torch.stack([-(m * torch.log(m + EPSILON)).sum(dim=1).mean() for m in masks]).mean()
        return self.out(total)

    def masks(self, x: Tensor) -> list[Tensor]:
        """Return which columns each step looks at, (sample, feature), rows adding up to 1."""
        return self._decide(x)[0]

    def _decide(self, x: Tensor) -> tuple[list[Tensor], Tensor]:
        x = self.norm(x)
        prior, masks = torch.ones_like(x), []
        looked = self.transformers[0](x)[:, self.decision :]
        total = x.new_zeros(len(x), self.decision)
        for attend, transform in zip(self.attention, self.transformers[1:], strict=True):  # type: ignore[call-overload]
            mask = self.sparsemax(prior * attend(looked))
            prior = prior * (self.relaxation - mask)
            hidden = transform(mask * x)
            total = total + torch.relu(hidden[:, : self.decision])
            looked = hidden[:, self.decision :]
            masks.append(mask)
        return masks, total
