"""The physics-informed networks beside DeepXDE as its examples use it: Burgers' equation, u_t + u u_x = (0.01/π) u_xx.

All fit a network of 3 layers of 20 tanh units at 2540 points, in double precision, by the same numbers of steps of Adam and of
L-BFGS; their line searches differ. `pinn` is DeepXDE too, with the suite's points and scales of the losses; `pinn_jax` is the
suite's own.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from sciml_bench.method.collocation import Collocation
from sciml_bench.registry import dataset_class, method_class

WIDTH, LAYERS, POINTS = 20, 3, 2540
ADAM, LBFGS = 50, 50


def parties() -> tuple[str, dict[str, Callable[[], object]]]:
    """Return what is done and how each does it."""
    dataset = dataset_class("burgers_shock").tier("smoke")
    data = dataset.generate(0, [0])
    collocation = Collocation.of(dataset.problem(), data, points=POINTS, seed=0)
    instance, box = collocation.instance(data, 0), collocation.box(data)
    settings: dict[str, Any] = {"width": WIDTH, "layers": LAYERS, "points": POINTS, "precision": "64-true"}
    settings |= {"adam_updates": ADAM, "lbfgs_updates": LBFGS, "rounds": 1}
    solvers = {name: method_class(name)(**settings).solver(collocation, "cpu") for name in ("pinn_jax", "pinn")}
    calls: dict[str, Callable[[], object]] = {
        f"ours, {name}": partial(solve, instance, box) for name, solve in solvers.items()
    }
    title = f"{LAYERS} layers of {WIDTH} units, {POINTS} points, {ADAM} steps of Adam and {LBFGS} of L-BFGS"
    return title, {**calls, "DeepXDE's way in its examples": example}


def example() -> None:
    """Solve Burgers' equation as the documentation of DeepXDE shows how a time-dependent problem is put."""
    import deepxde as dde

    dde.config.set_default_float("float64")

    def equation(x: Any, u: Any) -> Any:
        u_x, u_t = (dde.grad.jacobian(u, x, i=0, j=j) for j in (0, 1))
        return u_t + u * u_x - 0.01 / np.pi * dde.grad.hessian(u, x, i=0, j=0)

    domain = dde.geometry.GeometryXTime(dde.geometry.Interval(-1, 1), dde.geometry.TimeDomain(0, 0.99))
    walls = dde.icbc.DirichletBC(domain, lambda _: 0, lambda _, on: on)
    start = dde.icbc.IC(domain, lambda x: -np.sin(np.pi * x[:, 0:1]), lambda _, on: on)
    data = dde.data.TimePDE(domain, equation, [walls, start], num_domain=POINTS, num_boundary=80, num_initial=160)
    model = dde.Model(data, dde.nn.FNN([2, *[WIDTH] * LAYERS, 1], "tanh", "Glorot normal"))
    model.compile("adam", lr=1e-3, verbose=0)
    model.train(iterations=ADAM, display_every=ADAM, verbose=0)
    dde.optimizers.config.set_LBFGS_options(maxiter=LBFGS)
    # Else it goes on to its thousand, whatever `maxiter` says; and no search along a line is to end it early.
    dde.optimizers.config.LBFGS_options.update(iter_per_step=LBFGS, fun_per_step=20 * LBFGS)
    model.compile("L-BFGS", verbose=0)
    model.train(verbose=0)
