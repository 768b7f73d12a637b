"""The physics-informed neural operator: a Fourier neural operator that is also held to its equation."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

import xarray as xr

from sciml_bench.method import Budget, Log, Predictor
from sciml_bench.method.residuals import why_no_residual
from sciml_bench.method.trained import TrainedMethod
from sciml_bench.problem import MethodCard, Problem, Source

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """Some of the targets that a predictor gives."""

    predictor: Predictor
    names: tuple[str, ...]

    def __call__(self, inputs: xr.Dataset) -> xr.Dataset:
        """Return the targets of the samples in `inputs`."""
        return self.predictor(inputs)[list(self.names)]


@dataclass(frozen=True, kw_only=True)
class PINO(TrainedMethod):
    """min over θ of mean ‖p − u‖ / ‖u‖ + λ mean ‖r(p)‖ / R: data and residual r of the equation, p = FNO(a; θ).

    λ is `physics_weight`. All output times are predicted in one pass, and r is taken of them on the data's grid:
    spectral derivatives along periodic axes, else central differences, central differences in time. R is the size of
    the residual's terms. Times at which the training data themselves, so differentiated, miss the equation by more than
    a twentieth of R count little; the fact `truth_residual` is that miss (the median over times), `physics_share` the mean
    weight that is left. An equation that they miss at every time is refused. Fields that only the equation knows, such as a
    stream function, are predicted too. `width`, `modes`, `layers`, `domain_padding` and
    `dropout` are those of the Fourier neural operator.

    Works well where grid and output interval resolve the motion; where a front is thinner than the grid, next to nothing
    of the equation counts, and it is a Fourier neural operator that forecasts in one pass. λ of 0.01 to 1; 0 leaves the
    equation out.

    Source: Li et al. 2021, arXiv:2111.03794, section 3.
    """

    card: ClassVar[MethodCard] = MethodCard(
        title="Physics-informed neural operator",
        family="physics",
        framework="torch",
        summary="a Fourier neural operator with the equation's residual in its loss",
        description="The network of the Fourier neural operator, trained on data and equation together; the residual "
        "is that of the dataset's card. It predicts all times in one pass, where problems that give a history have the FNO's "
        "own row step through time: fno with forecast=direct is its control there. It applies where the equation's "
        "derivatives exist on the grid: not where a given coefficient jumps.",
        sources=(
            Source(
                citation="Z. Li et al., Physics-informed neural operator for learning partial differential equations, "
                "ACM/IMS Journal of Data Science 1 (2024)",
                doi="10.48550/arXiv.2111.03794",
            ),
            Source(
                citation="J. Kossaifi et al., A library for learning neural operators (neuraloperator), 2024",
                doi="10.48550/arXiv.2412.10354",
            ),
        ),
    )
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
        {
            "smoke": {"width": 8, "modes": 4, "layers": 2, "updates": 60, "validations": 2},
            "small": {},
            "full": {"width": 32, "modes": 12, "updates": 20_000, "validations": 20},
        }
    )
    search: ClassVar[Mapping[str, tuple[Any, ...]]] = MappingProxyType(
        {
            "learning_rate": (1.5e-3, 3e-3, 6e-3, 0.012),
            "physics_weight": (0.01, 0.03, 0.1, 0.3, 1.0),
            "width": (12, 16, 24),
            "modes": (4, 6, 8, 12, 16),
        }
    )

    physics_weight: float = 0.1
    width: int = 16
    modes: int = 8
    layers: int = 4
    domain_padding: float = 0.0
    dropout: float = 0.0
    learning_rate: float = 6e-3

    def applies_to(self, problem: Problem) -> str | None:
        """Only where the equation can be evaluated on the grid of the data."""
        return why_no_residual(problem)

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
        """Train the network with the shared loop, on data and residual."""
        from sciml_bench.method.forecast import fit_on_grid
        from sciml_bench.method.physics_loss import PhysicsLoss, with_auxiliary

        self.require_positive(("width", "modes", "layers"))
        self.require_between("domain_padding", 0, 1)
        self.require_between("dropout", 0, 0.9)
        self.require_between("physics_weight", 0, 1e6)
        run = self.run(seed, device, log)
        whole, train = with_auxiliary(problem, train)
        _, valid = with_auxiliary(problem, valid)
        loss = PhysicsLoss.of(whole, train, weight=self.physics_weight)
        log.fact("truth_residual", loss.floor)
        log.fact("physics_share", loss.share)
        if self.physics_weight:
            loss.require_met()
        penalty = loss if self.physics_weight else None
        predictor = fit_on_grid(self.build, train, valid, problem=whole, run=run, forecast="direct", penalty=penalty)
        return Chosen(predictor=predictor, names=tuple(v.name for v in problem.targets))

    def build(
        self,
        channels_in: int,
        channels_out: int,
        grid: tuple[int, ...],
        periodic: bool,  # noqa: ARG002
    ) -> "torch.nn.Module":
        """Return the network for a grid of this shape."""
        from sciml_bench.method.fourier_network import fourier_network

        return fourier_network(
            channels_in,
            channels_out,
            grid,
            width=self.width,
            modes=self.modes,
            layers=self.layers,
            domain_padding=self.domain_padding,
            dropout=self.dropout,
        )
