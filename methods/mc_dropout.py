"""Monte-Carlo dropout: the dropout of a network stays on at prediction, and its draws are the uncertainty."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import xarray as xr

from sciml_bench.errors import ContractError, UsageError
from sciml_bench.method import Budget, Log, Method, Predictor
from sciml_bench.method.wrapping import Wrapper
from sciml_bench.problem import MEMBER, SAMPLE, MethodCard, Problem, Source
from sciml_bench.problem.samples import count, take
from sciml_bench.protocol.seeds import derive

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, kw_only=True)
class MCDropout(Wrapper):
    """p = {f(a; mask₁), …, f(a; mask_M)}, masks of dropped units drawn as in training.

    The m-th mask is the same for all samples, so that a prediction does not depend on its companions; samples are predicted
    one at a time for it. It needs an inner method in torch with a `dropout` above zero (0.1 unless set). The spread follows
    the dropout rate rather than the data, so that its calibration has to be looked at. What a network drops inside a function
    rather than a layer, as the transformer does of its attention, stays off.

    Source: Gal & Ghahramani 2016, arXiv:1506.02142.
    """

    card: ClassVar[MethodCard] = MethodCard(
        title="Monte-Carlo dropout",
        family="wrapper",
        framework="torch",
        summary="a network with dropout, left on at prediction: mc_dropout(unet,draws=16)",
        description="Trains the inner network with dropout and predicts with several draws of it.",
        sources=(
            Source(
                citation="Y. Gal and Z. Ghahramani, Dropout as a Bayesian approximation, ICML (2016)",
                doi="10.48550/arXiv.1506.02142",
            ),
        ),
    )

    draws: int = 16

    @classmethod
    def defaults_around(cls, inner: type[Method]) -> Mapping[str, Any]:
        """Switch the inner method's dropout on."""
        found = {f.name: f.default for f in fields(inner)}  # type: ignore[arg-type]
        return {"dropout": found["dropout"] or 0.1} if "dropout" in found else {}

    def why_not(self, problem: Problem) -> str | None:
        """Only around a network with dropout, and not for labels."""
        if not hasattr(self.inner, "dropout"):
            return f"It leaves a network's dropout on, and {type(self.inner).__name__} has none."
        if any(v.kind == "label" for v in problem.targets):
            return "It spreads numbers, and a target is a class label."
        return None

    def fit(
        self,
        train: xr.Dataset,
        valid: xr.Dataset,
        *,
        problem: Problem,
        budget: Budget,
        seed: int,
        device: str,
        log: Log,
    ) -> Predictor:
        """Fit the inner network."""
        rate = getattr(self.inner, "dropout", 0.0)
        if not 0 < rate < 1:
            raise UsageError(f"dropout is {rate}, but Monte-Carlo dropout needs it between 0 and 1")
        if self.draws < 2:
            raise UsageError(f"draws is {self.draws}, but a spread takes at least 2")
        inner = self.inner.fit(train, valid, problem=problem, budget=budget, seed=seed, device=device, log=log)
        return Draws(inner=inner, seeds=tuple(derive("draw", seed, m) for m in range(self.draws)))


@dataclass(frozen=True, kw_only=True)
class Draws:
    """The predictions of all draws along `member`."""

    inner: Predictor
    seeds: tuple[int, ...]

    def __call__(self, inputs: xr.Dataset) -> xr.Dataset:
        """Return them, sample by sample."""
        import torch

        layers = list(dropout_layers(self.inner))
        if not layers:
            raise ContractError(
                "the inner predictor holds no dropout layer of torch, so that it has nothing to leave on"
            )
        answers = []
        with switched_on(layers), torch.random.fork_rng():
            for seed in self.seeds:
                each = []
                for i in range(count(inputs)):
                    torch.manual_seed(seed)
                    each.append(self.inner(take(inputs, [i])))
                answers.append({n: np.concatenate([a[n].values for a in each]) for n in each[0].data_vars})
        first = each[0]
        return xr.Dataset(
            {
                str(n): ((MEMBER, *first[n].dims), np.stack([a[n] for a in answers]), first[n].attrs)
                for n in first.data_vars
                if SAMPLE in first[n].dims or first[n].dims
            }
        )


@contextmanager
def switched_on(layers: "list[torch.nn.Module]") -> Iterator[None]:
    """Put dropout layers into training mode for a while, whatever the network around them does."""
    evaluate = [layer.eval for layer in layers]
    modes = [layer.training for layer in layers]
    for layer in layers:
        layer.training = True
        layer.train = _stays(layer)  # type: ignore[method-assign]
    try:
        yield
    finally:
        for layer, mode, _ in zip(layers, modes, evaluate, strict=True):
            del layer.train
            layer.training = mode


def _stays(layer: "torch.nn.Module") -> Any:
    """Return a `train` that leaves the layer's mode as it is."""
    return lambda _mode=True: layer


def dropout_layers(thing: Any, seen: set[int] | None = None) -> "Iterator[torch.nn.Module]":
    """Yield the dropout layers of all networks that an object holds, in its attributes, lists and mappings.

    A network of timm that drops values before its last layer itself, at its `drop_rate`, counts as one.
    """
    import torch

    seen = set() if seen is None else seen
    if id(thing) in seen:
        return
    seen.add(id(thing))
    if isinstance(thing, torch.nn.Module):
        kinds = torch.nn.modules.dropout._DropoutNd
        yield from (m for m in thing.modules() if (m.p if isinstance(m, kinds) else getattr(m, "drop_rate", 0)) > 0)
    elif isinstance(thing, Mapping):
        for value in thing.values():
            yield from dropout_layers(value, seen)
    elif isinstance(thing, list | tuple):
        for value in thing:
            yield from dropout_layers(value, seen)
    elif hasattr(thing, "__dict__"):
        yield from dropout_layers(vars(thing), seen)
