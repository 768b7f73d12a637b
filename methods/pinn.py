"""A physics-informed network by DeepXDE and PyTorch: fitted to each sample by its equation alone."""

import contextlib
import importlib
import io
import math
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar, Literal

import numpy as np
import xarray as xr

from sciml_bench.errors import DivergedError, UsageError
from sciml_bench.method import Budget, Log, Method, Predictor
from sciml_bench.method.collocation import (
    BLOCKS,
    MARKS,
    MEMORY,
    Box,
    Collocation,
    Instance,
    Settings,
    Solution,
    Solve,
    SolveEach,
    first_weights,
    layer_sizes,
    why_not_collocation,
)
from sciml_bench.problem import Equation, MethodCard, Problem, Source
from sciml_bench.problem.equation import split_name

BACKEND = "pytorch"
Tensor = Any


@dataclass(frozen=True, kw_only=True)
class Pinn(Method):
    """min_θ mean r[N_θ]² + w₀ mean (N_θ − u₀)² + w_b mean (N_θ − g)², for each sample anew.

    N_θ(t, x) is a tanh network of `layers` layers of `width`; r the residual of the problem's equation at `points`
    points, its derivatives by reverse differentiation; u₀ the given state at the data's nodes, and g its value on the
    walls; periodic axes enter as sine and cosine. All terms are relative to the size of the data (see
    `method/collocation.py`). Adam with `learning_rate` for `adam_updates`, then L-BFGS for `lbfgs_updates` in `rounds`
    parts, each on points drawn anew where the residual is large.

    Works well: 3 to 5 layers of 20 to 40, thousands of L-BFGS updates, 64-bit arithmetic, without which L-BFGS stalls.
    It fails on long, chaotic or turbulent evolutions.

    Source: Raissi, Perdikaris & Karniadakis 2019, doi:10.1016/j.jcp.2018.10.045, equations 2 to 4.
    """

    card: ClassVar[MethodCard] = MethodCard(
        title="PINN (DeepXDE)",
        family="physics",
        framework="torch",
        summary="a network fitted to each sample by its equation alone; DeepXDE on PyTorch",
        description="No data and no training: every sample is solved by minimising the residual of its equation with "
        "DeepXDE. The same network, points and first weights as the JAX row; at the small tier, some 20 to 35 s a sample on "
        "one core where the equation has derivatives of first and second order.",
        sources=(
            Source(
                citation="Raissi, Perdikaris & Karniadakis 2019, Physics-informed neural networks",
                doi="10.1016/j.jcp.2018.10.045",
            ),
            Source(
                citation="Lu, Meng, Mao & Karniadakis 2021, DeepXDE: A deep learning library for differential equations",
                doi="10.1137/19M1274067",
            ),
            Source(
                citation="Wu et al. 2023, A comprehensive study of non-adaptive and residual-based adaptive sampling",
                doi="10.1016/j.cma.2022.115671",
            ),
        ),
        uses_data=False,
        per_instance=True,
        needs=("torch", "deepxde"),
    )
    tiers: ClassVar[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
        {
            "smoke": {"width": 8, "layers": 2, "points": 64, "adam_updates": 20, "lbfgs_updates": 20, "rounds": 2},
            "small": {"points": 1000, "adam_updates": 200, "lbfgs_updates": 600, "rounds": 3},
            "full": {"points": 5000, "lbfgs_updates": 10_000, "rounds": 10},
        }
    )
    search: ClassVar[Mapping[str, tuple[Any, ...]]] = MappingProxyType(
        {
            "learning_rate": (1e-3, 2e-3, 4e-3),
            "width": (24, 32, 48),
            "initial_weight": (1.0, 10.0, 100.0),
            "boundary_weight": (1.0, 10.0, 100.0),
        }
    )

    width: int = 32
    layers: int = 4
    points: int = 2500
    adam_updates: int = 500
    lbfgs_updates: int = 2500
    rounds: int = 5
    learning_rate: float = 2e-3
    initial_weight: float = 10.0
    boundary_weight: float = 10.0
    precision: Literal["32-true", "64-true"] = "64-true"

    def applies_to(self, problem: Problem) -> str | None:
        """Only where an equation and a given state determine the solution."""
        return why_not_collocation(problem)

    def fit(
        self,
        train: xr.Dataset,
        valid: xr.Dataset,  # noqa: ARG002
        *,
        problem: Problem,
        budget: Budget,  # noqa: ARG002
        seed: int,
        device: str,
        log: Log,
    ) -> Predictor:
        """Check the settings; of the data only the layout is used."""
        Settings.of(self)
        collocation = Collocation.of(problem, train, points=self.points, seed=seed)
        return SolveEach(method=self, collocation=collocation, device=device, log=log)

    def solver(self, collocation: Collocation, device: str) -> Solve:
        """Return what solves one instance after the other."""
        settings = Settings.of(self)

        def solve(instance: Instance, box: Box) -> Solution:
            with deepxde(settings, device) as dde:
                return _Fit(dde, settings, collocation, box).solve(instance)

        return solve


class _Fit:
    """One instance as a DeepXDE model, which changes as it is trained."""

    def __init__(self, dde: Any, settings: Settings, collocation: Collocation, box: Box) -> None:
        self.dde, self.settings, self.collocation, self.box = dde, settings, collocation, box

    def solve(self, instance: Instance) -> Solution:
        """Fit the network to the instance."""
        settings = self.settings
        model, weights = self._model(instance), self._loss_weights(instance)
        model.compile("adam", lr=settings.learning_rate, loss_weights=weights, verbose=0)
        adam = _timed(model)
        if settings.adam_updates:
            every = math.ceil(settings.adam_updates / MARKS)
            model.train(iterations=settings.adam_updates, display_every=every, verbose=0)
        lbfgs = []
        for number in range(settings.rounds if settings.lbfgs_updates else 0):
            again = self.collocation.again(instance, self.box, number + 1, lambda p: self._sizes(model, p, instance))
            model.data.replace_with_anchors(again.inside)
            model.data.test_x = None
            model.data.test()
            model.compile("L-BFGS", loss_weights=weights, verbose=0)
            lbfgs.append(_timed(model))
            before = model.train_state.step
            model.train(verbose=0)
            lbfgs[-1].count = model.train_state.step - before
        return Solution(
            values=np.asarray(model.predict(instance.queries), np.float64),
            losses=_losses(model),
            adam_rate=settings.adam_updates / adam.seconds if adam.seconds else 0.0,
            lbfgs_rate=sum(w.count for w in lbfgs) / sum(w.seconds for w in lbfgs) if lbfgs else 0.0,
            parameters=sum(p.numel() for p in model.net.parameters()),
        )

    def _model(self, instance: Instance) -> Any:
        dde, box = self.dde, self.box
        conditions = [
            dde.icbc.PointSetBC(instance.start, instance.start_values[:, k : k + 1], component=k)
            for k in range(instance.start_values.shape[1])
        ]
        if len(instance.walls):
            conditions += [
                dde.icbc.PointSetBC(instance.walls, np.full((len(instance.walls), 1), v), component=k)
                for k, v in instance.wall_values.items()
            ]
        data = dde.data.PDE(
            dde.geometry.Hypercube(box.lower, box.upper),
            lambda x, u: list(self._residuals(x, u, instance).values()),
            conditions,
            anchors=instance.inside,
        )
        return dde.Model(data, self._network(instance))

    def _network(self, instance: Instance) -> Any:
        import torch

        unknowns = len(self.collocation.equation.unknowns)
        sizes = [a for a, _ in layer_sizes(self.box, self.settings, unknowns)] + [unknowns]
        net = self.dde.nn.FNN(sizes, "tanh", "Glorot normal")
        with torch.no_grad():
            first = first_weights(self.box, self.settings, unknowns, self.collocation.seed)
            for linear, (weight, bias) in zip(net.linears, first, strict=True):
                linear.weight.copy_(torch.as_tensor(weight.T))
                linear.bias.copy_(torch.as_tensor(bias))
        scales = torch.as_tensor(instance.scales, dtype=torch.get_default_dtype())

        def features(x: Tensor) -> Tensor:
            columns = [x[:, i : i + 1] for i in range(x.shape[1])]
            return torch.cat(self.box.features(columns, torch.sin, torch.cos), dim=1)

        net.apply_feature_transform(features)
        net.apply_output_transform(lambda _, n: n * scales)
        return net

    def _residuals(self, x: Tensor, u: Tensor, instance: Instance) -> dict[str, Tensor]:
        d = TensorDerivatives(self.dde, self.collocation.equation, self.box.names, x, u)
        found = self.collocation.equation.residual(d, self.collocation.equation.p)
        return {name: r / instance.residual_scales[name] for name, r in found.items()}

    def _loss_weights(self, instance: Instance) -> list[float]:
        """Return a weight for each term: residuals, start, walls; the last two from squares of units to order one."""
        squares = [float(s) ** 2 for s in instance.scales]
        weights = [1.0] * len(instance.residual_scales) + [self.settings.initial_weight / s for s in squares]
        if len(instance.walls):
            weights += [self.settings.boundary_weight / squares[k] for k in instance.wall_values]
        return weights

    def _sizes(self, model: Any, points: np.ndarray, instance: Instance) -> np.ndarray:
        found = model.predict(
            points, operator=lambda x, u: sum(abs(r) for r in self._residuals(x, u, instance).values())
        )
        return np.asarray(found)[:, 0]


class TensorDerivatives:
    """The d of `residual(d, p)` by DeepXDE: fields and derivatives at the points x (n, axes), (n, 1) each."""

    def __init__(self, dde: Any, equation: Equation, names: tuple[str, ...], x: Tensor, u: Tensor) -> None:
        import torch

        self.sin, self.cos, self.exp = torch.sin, torch.cos, torch.exp
        self._known = {name: x[:, i : i + 1] for i, name in enumerate(names)}
        self._known |= {name: u[:, k : k + 1] for k, name in enumerate(equation.unknowns)}
        self._jacobian, self._equation, self._names, self._x, self._u = dde.grad.jacobian, equation, names, x, u

    def __getattr__(self, name: str) -> Tensor:
        if name.startswith("_"):
            raise AttributeError(name)
        if name not in self._known:
            base, order = split_name(name)
            axis = self._names.index(order[-1])
            if len(order) == 1:
                made = self._jacobian(self._u, self._x, i=self._equation.unknowns.index(base), j=axis)
            else:
                made = self._jacobian(getattr(self, f"{base}_{order[:-1]}"), self._x, i=0, j=axis)
            self._known[name] = made
        return self._known[name]


@dataclass
class _Watch:
    seconds: float = 0.0
    count: int = 0


def _timed(model: Any) -> _Watch:
    """Have the model's training steps timed, without what it does between them."""
    watch, step = _Watch(), model.train_step

    def timed(*arguments: Any) -> None:
        begun = time.perf_counter()
        step(*arguments)
        watch.seconds += time.perf_counter() - begun

    model.train_step = timed
    return watch


def _losses(model: Any) -> dict[int, float]:
    history = model.losshistory
    losses = {int(s): float(np.sum(v)) for s, v in zip(history.steps, history.loss_train, strict=True)}
    bad = [s for s, v in losses.items() if not math.isfinite(v)]
    if bad:
        raise DivergedError(f"the loss became infinite by update {bad[0]}; a smaller learning_rate may help")
    return losses


@contextlib.contextmanager
def deepxde(settings: Settings, device: str) -> Iterator[Any]:
    """Give DeepXDE, silent, in the precision and on the device wanted, and put back what it keeps for the whole process."""
    import torch

    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        dde = _import()
        limits, real, kind = dde.optimizers.config.LBFGS_options, dde.config.real, torch.get_default_dtype()
        before = dict(limits), real.precision
        try:
            with torch.random.fork_rng(devices=[]), torch.device(device):
                torch.manual_seed(0)
                dde.config.set_default_float("float64" if settings.precision == "64-true" else "float32")
                dde.optimizers.set_LBFGS_options(maxcor=MEMORY, ftol=0, gtol=1e-12, maxiter=settings.share)
                block = math.ceil(settings.share / BLOCKS) or 1
                limits |= {"iter_per_step": block, "fun_per_step": 20 * block}
                yield dde
        finally:
            limits.update(before[0])
            dde.config.set_default_float(f"float{before[1]}")
            torch.set_default_dtype(kind)


def _import() -> Any:
    """Import DeepXDE with PyTorch, whatever the environment prefers; it then asks nothing and leaves no file."""
    import torch

    preferred, place = os.environ.get("DDE_BACKEND"), torch.get_default_device()
    os.environ["DDE_BACKEND"] = BACKEND
    try:
        dde = importlib.import_module("deepxde")
    finally:
        torch.set_default_device(place)  # DeepXDE moves it to a GPU where it finds one
        if preferred is None:
            del os.environ["DDE_BACKEND"]
        else:
            os.environ["DDE_BACKEND"] = preferred
    if dde.backend.backend_name != BACKEND:
        raise UsageError(
            f"DeepXDE runs on {dde.backend.backend_name} in this process; start one where it was not imported"
        )
    return dde
