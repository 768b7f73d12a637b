"""The Lion optimiser."""

from collections.abc import Callable, Iterable
from typing import Any

import torch


class Lion(torch.optim.Optimizer):
    """θ ← θ − η (sign(β₁ m + (1 − β₁) g) + λ θ), then m ← β₂ m + (1 − β₂) g, from m = 0.

    Every weight moves by the rate η `lr`, whatever the size of its gradient g, so η is best three to ten times
    smaller than AdamW's and the decay λ `weight_decay` larger by the same factor. Of a complex weight the real and
    imaginary parts are weights of their own.

    Source: Chen et al. 2023, arXiv:2302.06675, algorithm 2; β₁ = 0.9 and β₂ = 0.99 are its defaults.
    """

    def __init__(
        self,
        params: Iterable[torch.nn.Parameter],
        lr: float,
        betas: tuple[float, float] = (0.9, 0.99),
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Make one update; return what `closure` returns, if there is one."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    self._update(weight, group)
        return loss

    def _update(self, weight: torch.Tensor, group: dict[str, Any]) -> None:
        state, (first, second) = self.state[weight], group["betas"]
        if "momentum" not in state:
            state["momentum"] = torch.zeros_like(weight)
        theta, gradient, momentum = (_real(t) for t in (weight, weight.grad, state["momentum"]))
        direction = (first * momentum + (1 - first) * gradient).sign()
        theta.sub_(group["lr"] * (direction + group["weight_decay"] * theta))
        momentum.mul_(second).add_(gradient, alpha=1 - second)


def _real(tensor: Any) -> torch.Tensor:
    """Return a view of the tensor as real numbers."""
    return torch.view_as_real(tensor) if tensor.is_complex() else tensor
