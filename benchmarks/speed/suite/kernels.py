"""Scoring: 16 samples of 10 frames on 32 × 32 points, as a small evolution problem has them."""

import numpy as np
import xarray as xr

from sciml_bench import metrics
from sciml_bench.problem import Variable

SHAPE = (16, 10, 32, 32)
DIMS = ("sample", "time", "x", "y")
TARGET = Variable(name="w", dims=DIMS[1:], description="a field", periodic=True)
MEMBERS = 20


class Kernels:
    """Each scores one prediction."""

    number, repeat, warmup_time = 1, 5, 0.1

    def setup(self) -> None:
        """Draw truth, prediction, ensemble and calibration part."""
        random = np.random.default_rng(0)
        self.truth = xr.Dataset({"w": (DIMS, random.standard_normal(SHAPE))})
        self.prediction = self.truth + 0.1 * xr.Dataset({"w": (DIMS, random.standard_normal(SHAPE))})
        noise = xr.DataArray(random.standard_normal((MEMBERS, *SHAPE)), dims=("member", *DIMS))
        self.ensemble = xr.Dataset({"w": self.prediction.w + 0.1 * noise})
        self.conformal = metrics.calibrate(self.prediction, self.truth)

    def time_accuracy(self) -> None:
        """All accuracy metrics."""
        metrics.evaluate(metrics.ACCURACY, self.prediction, self.truth, (TARGET,))

    def peakmem_accuracy(self) -> None:
        """The same, in memory."""
        metrics.evaluate(metrics.ACCURACY, self.prediction, self.truth, (TARGET,))

    def time_ensemble(self) -> None:
        """CRPS, coverage and their like of 20 members."""
        metrics.uncertainty.evaluate(self.ensemble, self.truth, None)

    def time_conformal(self) -> None:
        """The same of a calibrated single prediction."""
        metrics.uncertainty.evaluate(self.prediction, self.truth, self.conformal)
