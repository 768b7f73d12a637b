"""The shared training loop beside neuraloperator's own Trainer: same network, data, batches, loss and optimiser."""

import copy
import warnings
from collections.abc import Callable

import torch
from neuralop.data.datasets.tensor_dataset import TensorDataset
from neuralop.losses import LpLoss
from neuralop.training import Trainer

from sciml_bench.method.fourier_network import fourier_network
from sciml_bench.method.torch_loop import TensorExamples, optimize
from sciml_bench.method.training import Training

SAMPLES, POINTS, BATCH, EPOCHS = 64, 32, 16, 5
RATE, DECAY = 1e-3, 1e-4


class Silent:
    """A log that nobody reads."""

    def progress(self, fraction: float, message: str = "") -> None:
        """Hear nothing."""

    def curve(self, name: str, step: int, value: float) -> None:
        """Keep nothing."""

    def fact(self, name: str, value: float | str) -> None:
        """Note nothing."""


def parties() -> tuple[str, dict[str, Callable[[], object]]]:
    """Return what is done and how each does it."""
    torch.manual_seed(0)
    network = fourier_network(1, 1, (POINTS, POINTS), width=16, modes=8, layers=4, domain_padding=0.0)
    x = torch.randn(SAMPLES, 1, POINTS, POINTS)
    y = torch.cumsum(x, dim=-1) / POINTS
    distance = LpLoss(d=2)
    updates = EPOCHS * (SAMPLES // BATCH)

    def ours() -> torch.nn.Module:
        training = Training(
            schedule="constant",
            learning_rate=RATE,
            weight_decay=DECAY,
            batch_size=BATCH,
            updates=updates,
            validations=1,
        )
        return optimize(
            copy.deepcopy(network),
            TensorExamples(x, y),
            lambda module, batch: distance(module(batch[0]), batch[1]) / BATCH,
            lambda _: 0.0,
            training=training,
            seed=0,
            device="cpu",
            log=Silent(),
        )

    def theirs() -> torch.nn.Module:
        module = copy.deepcopy(network)
        optimizer = torch.optim.AdamW(module.parameters(), lr=RATE, weight_decay=DECAY)
        warnings.filterwarnings("ignore", message=".*received unexpected keyword arguments")  # of its own calls
        Trainer(model=module, n_epochs=EPOCHS, device="cpu").train(
            train_loader=torch.utils.data.DataLoader(TensorDataset(x, y), batch_size=BATCH, shuffle=True),
            test_loaders={},
            optimizer=optimizer,
            scheduler=torch.optim.lr_scheduler.ConstantLR(optimizer, factor=1.0),
            training_loss=distance,
        )
        return module

    title = f"FNO of width 16 and 4 layers on {POINTS} × {POINTS} points, {updates} updates of batch {BATCH}, AdamW"
    return title, {"ours, the shared loop": ours, "neuraloperator's Trainer": theirs}
