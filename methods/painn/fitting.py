"""Fitting a potential to energies and forces with the shared loop."""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import xarray as xr

from sciml_bench.method import Log, Predictor
from sciml_bench.method.atoms import Atoms, AtomsCodec
from sciml_bench.method.graph_loop import GraphBatch, GraphExamples
from sciml_bench.method.graphs import Graphs
from sciml_bench.method.torch_loop import optimize, seeded, stream
from sciml_bench.method.training import Training
from sciml_bench.problem.samples import count, take

from .network import Potential

Tensor = torch.Tensor
CHUNK = 64
"""Samples predicted together."""
FLOOR = 0.1
"""Errors of forces are divided by at least this fraction of the mean norm of a sample's forces over training."""


def fit_potential(
    build: Callable[[int], torch.nn.Module],
    train: xr.Dataset,
    valid: xr.Dataset,
    *,
    codec: AtomsCodec,
    cutoff: float,
    energy_weight: float,
    training: Training,
    seed: int,
    device: str,
    log: Log,
) -> Predictor:
    """Train the network that `build` makes for so many kinds of atoms.

    Loss and validation: ‖F' − F‖₂ / ‖F‖₂ of a sample plus `energy_weight` · |ε' − ε| / N, averaged over samples.
    """
    examples, check = (examples_of(codec, data, cutoff) for data in (train, valid))
    floor = FLOOR * float(examples.take(torch.arange(len(examples)))[8].mean())
    with seeded(stream(seed, 0), "cpu"):  # the same weights whatever the device
        module = Potential(build(len(codec.kinds)))

    def loss(network: torch.nn.Module, batch: tuple[Tensor, ...]) -> Tensor:
        return errors(network, batch, energy_weight, floor).mean()

    def score(network: torch.nn.Module) -> float:
        parts = [tuple(t.to(device) for t in batch) for batch in _chunks(check)]
        return float(torch.cat([errors(network, b, energy_weight, floor).detach() for b in parts]).mean())

    optimize(module, examples, loss, score, training=training, seed=seed, device=device, log=log)
    return PotentialPredictor(codec=codec, cutoff=cutoff, module=module, device=device)


def errors(network: torch.nn.Module, batch: tuple[Tensor, ...], energy_weight: float, floor: float) -> Tensor:
    """Return the loss of each sample."""
    graphs, (gradients, energies, sizes) = GraphBatch(*batch[:6]), batch[6:]
    dtype = next(network.parameters()).dtype
    energy, gradient = network(
        graphs.nodes[:, 0].long(), graphs.positions.to(dtype), graphs.edge_index, graphs.batch, len(graphs.counts)
    )
    square = graphs.pool((gradient - gradients).square().sum(dim=1))
    force = (square + 1e-12).sqrt() / sizes[:, 0].clamp_min(floor)  # the root has no slope at 0
    return force + energy_weight * (energy - energies[:, 0]).abs() / graphs.counts


def examples_of(codec: AtomsCodec, data: xr.Dataset, cutoff: float) -> GraphExamples:
    """Return the samples of `data` with their targets."""
    atoms = codec.encode(data)
    energy, gradient = codec.targets(data, atoms)
    pairs = atoms.pairs(cutoff)
    square = np.bincount(atoms.owner, weights=(gradient**2).sum(axis=1), minlength=len(atoms.counts))
    return GraphExamples(
        Graphs(
            nodes=atoms.kinds[:, None].astype(np.float32),
            positions=atoms.positions,
            edges=pairs.T.copy(),
            edge_features=np.zeros((len(pairs), 0), np.float32),
            node_count=atoms.counts,
            edge_count=np.bincount(atoms.owner[pairs[:, 0]], minlength=len(atoms.counts)),
            node_targets=gradient.astype(np.float32),
            graph_targets=energy[:, None].astype(np.float32),
            sizes=np.sqrt(square)[:, None].astype(np.float32),
        )
    )


def _chunks(examples: GraphExamples) -> Iterator[tuple[Tensor, ...]]:
    for start in range(0, len(examples), CHUNK):
        yield examples.take(torch.arange(start, min(start + CHUNK, len(examples))))


@dataclass(frozen=True, kw_only=True)
class PotentialPredictor:
    """Predicts energies and forces, in double precision whatever the training's, so that rounding stays out of forces."""

    codec: AtomsCodec
    cutoff: float
    module: Potential
    device: str

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "module": copy.deepcopy(self.module).to("cpu")}

    def __call__(self, inputs: xr.Dataset) -> xr.Dataset:
        """Return the targets of the atoms in `inputs`; `ContractError` for a kind that training did not know."""
        device = self.device if self.device == "cpu" or torch.cuda.is_available() else "cpu"
        self.module.to(device, torch.float64).eval()
        parts = [range(a, min(a + CHUNK, count(inputs))) for a in range(0, count(inputs), CHUNK)]
        found = [self._predict(self.codec.encode(take(inputs, part)), device) for part in parts]
        energy, gradient = (np.concatenate(pieces) for pieces in zip(*found, strict=True))
        return self.codec.decode(energy, gradient, self.codec.encode(inputs), inputs)

    def _predict(self, atoms: Atoms, device: str) -> tuple[np.ndarray, np.ndarray]:
        arrays = (atoms.kinds, atoms.positions, atoms.pairs(self.cutoff).T.copy(), atoms.owner)
        energy, gradient = self.module(*(torch.from_numpy(a).to(device) for a in arrays), len(atoms.counts))
        return energy.detach().cpu().numpy(), gradient.cpu().numpy()
