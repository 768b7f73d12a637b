"""The transformer: each state attends to those before it."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

import xarray as xr

from sciml_bench.errors import UsageError
from sciml_bench.method import Budget, Log, Method, Predictor
from sciml_bench.method.sequences import why_not_a_sequence
from sciml_bench.method.training import Optimizer, Precision, Schedule, Training
from sciml_bench.problem import MethodCard, Problem, Source

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, kw_only=True)
class Transformer(Method):
    """h = layers(e + place), Δz = A x + head(h ⊕ e): each layer is causal attention over the states so far, then an MLP.

    Each of `layers` layers adds softmax(q kᵀ/√d) v of `heads` heads, over the current and all earlier states, and then a
    perceptron of one hidden layer, 4 · `width` wide, both on normalised inputs. Places in the sequence are told by
    sines and cosines.

    x is the standardised state z with the inputs that do not evolve, Δz the change to the next output time in units of
    its typical size, and e = GELU(E x); A, E and the two layers of the head are learnt too. It is trained on true frames
    throughout; a forecast reads the given frames and then its own. `width` is the length of e and h, `dropout` the
    share that is set to 0 at random in training, of what the head sees, of the attention's weights and of what each
    perceptron gives, and `noise` the standard deviation of Gaussian
    noise on the frames of training, as a fraction of theirs.

    `local` > 0 makes one sequence of every point of a periodic line: x is then that point with the `local` ones on
    either side, and all points share the weights, so that other lines may be longer or shorter. Elsewhere, and with 0,
    x is the whole state, at most 5000 numbers. The other fields say how the shared loop trains; a batch counts
    sequences.

    Works well: a width of 64 to 256, 2 to 4 `layers`, a learning rate of 1e-3 to 4e-3 with one cycle; `local` as far as
    influences travel in one step. A line that is continued from too small a neighbourhood diverges.

    Source: Vaswani et al. 2017, doi:10.48550/arXiv.1706.03762, with the normalisation before each part; of physical
    systems, Geneva & Zabaras 2022, doi:10.1016/j.neunet.2021.11.022.
    """

    card: ClassVar[MethodCard] = MethodCard(
        title="Transformer",
        family="network",
        framework="torch",
        summary="causal attention over all states so far, which continues what it has read",
        description="The network of language models on states in place of words, trained to predict the next change. On "
        "periodic lines one small network serves every point from its neighbourhood.",
        sources=(
            Source(
                citation="A. Vaswani et al., Attention is all you need, NeurIPS 2017",
                doi="10.48550/arXiv.1706.03762",
            ),
            Source(
                citation="N. Geneva and N. Zabaras, Transformers for modeling physical systems, Neural Networks 146 (2022)",
                doi="10.1016/j.neunet.2021.11.022",
            ),
        ),
    )
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
        {
            "smoke": {"width": 16, "layers": 1, "updates": 60, "validations": 2},
            "small": {"width": 32, "updates": 600, "validations": 5},
            "full": {"width": 128, "layers": 4, "updates": 30_000, "batch_size": 128, "validations": 30},
        }
    )
    search: ClassVar[Mapping[str, tuple[Any, ...]]] = MappingProxyType(
        {
            "learning_rate": (1e-3, 2e-3, 4e-3, 8e-3),
            "width": (24, 32, 48, 64),
            "local": (3, 4, 6),
            "noise": (0.0, 0.01, 0.03),
        }
    )

    width: int = 64
    layers: int = 2
    heads: int = 4
    local: int = 4
    dropout: float = 0.0
    noise: float = 0.0
    optimizer: Optimizer = "adamw"
    schedule: Schedule = "onecycle"
    precision: Precision = "32-true"
    learning_rate: float = 4e-3
    weight_decay: float = 1e-4
    batch_size: int = 64
    updates: int = 2000
    clip_norm: float = 1.0
    validations: int = 10
    patience: int = 0

    def applies_to(self, problem: Problem) -> str | None:
        """Only where all targets evolve from a given state."""
        return why_not_a_sequence(problem)

    def fit(
        self,
        train: xr.Dataset,
        valid: xr.Dataset,
        *,
        problem: Problem,
        budget: Budget,  # noqa: ARG002
        seed: int,
        device: str,
        log: Log,
    ) -> Predictor:
        """Train the network with the shared loop."""
        from sciml_bench.method.sequence_network import Shape, fit_on_sequences

        if self.layers < 1 or self.heads < 1 or self.width % self.heads:
            raise UsageError(
                f"layers is {self.layers}, heads {self.heads} and width {self.width}: expected at least one of each, and "
                "a width that the heads divide"
            )
        return fit_on_sequences(
            self.build,
            train,
            valid,
            problem=problem,
            shape=Shape(width=self.width, local=self.local, dropout=self.dropout, noise=self.noise),
            training=Training.of(self),
            seed=seed,
            device=device,
            log=log,
        )

    def build(self, width: int) -> "torch.nn.Module":
        """Return the layers of attention."""
        from .network import CausalTransformer

        return CausalTransformer(width, layers=self.layers, heads=self.heads, dropout=self.dropout)
