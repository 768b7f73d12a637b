"""Training and predicting: the main methods at the sizes of the smoke tier."""

from typing import Any

import xarray as xr

from sciml_bench.method.contract import Budget, Predictor
from sciml_bench.problem.samples import only, take
from sciml_bench.registry import build_method, dataset_class, method_class

PAIRS = {
    "fno": "navier_stokes",
    "unet": "navier_stokes",
    "deeponet": "burgers",
    "mlp": "borehole",
    "gru": "lorenz96",
    "gcn": "mesh_poisson",
    "hnn": "spring",
}
UPDATES = 20
BUDGET = Budget(seconds=600, memory_gib=16)


class Silent:
    """A log that nobody reads."""

    def progress(self, fraction: float, message: str = "") -> None:
        """Hear nothing."""

    def curve(self, name: str, step: int, value: float) -> None:
        """Keep nothing."""

    def fact(self, name: str, value: float | str) -> None:
        """Note nothing."""


class Methods:
    """Twenty updates with one validation, and one pass over eight inputs."""

    params = tuple(PAIRS)
    param_names = ("method",)
    number, repeat, warmup_time, timeout = 1, 3, 0, 300

    predictor: Predictor
    inputs: xr.Dataset

    def setup(self, name: str) -> None:
        """Make data and fit once, which compiles and warms up."""
        dataset = dataset_class(PAIRS[name]).tier("smoke")
        self.problem = dataset.problem()
        data = dataset.generate(0, range(24))
        self.train, self.valid = take(data, range(16)), take(data, range(16, 24))
        self.inputs = only(self.valid, [v.name for v in self.problem.inputs])
        method = method_class(name)
        given: dict[str, Any] = {"updates": UPDATES, "validations": 1}
        self.method = build_method(
            method, "smoke", {}, {k: v for k, v in given.items() if k in method.__dataclass_fields__}
        )
        self.predictor = self._fit()
        self.predictor(self.inputs)

    def _fit(self) -> Predictor:
        return self.method.fit(
            self.train, self.valid, problem=self.problem, budget=BUDGET, seed=0, device="cpu", log=Silent()
        )

    def time_fit(self, name: str) -> None:  # noqa: ARG002
        """Twenty updates."""
        self._fit()

    def time_predict(self, name: str) -> None:  # noqa: ARG002
        """Eight samples."""
        self.predictor(self.inputs)

    def peakmem_fit(self, name: str) -> None:  # noqa: ARG002
        """Twenty updates."""
        self._fit()
