"""The few predictions of a cell that are kept for pictures: its typical and its worst test sample."""

from pathlib import Path

import numpy as np
import xarray as xr

from ..paths import atomic
from ..problem.samples import take
from .scoring import Scored

TIMES = 4
FRAMES = 24
"""A film of the truth has at most so many frames."""


def choose(values: list[float]) -> tuple[int, int]:
    """Return the positions of the typical (median) and the worst test sample."""
    order = np.argsort(np.asarray(values), kind="stable")
    return int(order[(len(order) - 1) // 2]), int(order[-1])


def keep(path: Path, scored: Scored, targets: list[str], inputs: list[str], *, film: bool) -> None:
    """Write inputs, truth and prediction of the two samples, in single precision, at a few times.

    With `film`, the truth of the typical sample at many times as well, for each target that has time.
    """
    typical, worst = choose(scored.per_sample.values)
    truth, prediction = take(scored.truth, [typical, worst]), take(scored.prediction, [typical, worst])
    variables: dict[str, xr.DataArray] = {}
    for name in targets:
        variables[f"truth_{name}"] = _thin(truth[name])
        variables[f"prediction_{name}"] = _thin(prediction[name].assign_coords(truth[name].coords))
        if film and {"sample", "time"} <= set(truth[name].dims):
            frames = _thin(truth[name].isel(sample=0, drop=True), FRAMES)
            variables[f"film_{name}"] = frames.rename(time="frame")
    for name in inputs:
        variables[f"input_{name}"] = truth[name].isel({d: slice(-1, None) for d in truth[name].dims if d == "history"})
    samples = [scored.per_sample.samples[i] for i in (typical, worst)]
    values = [scored.per_sample.values[i] for i in (typical, worst)]
    kept = xr.Dataset({k: v.astype(np.float32) for k, v in variables.items()}).assign_attrs(
        samples=samples, values=values, roles="typical worst"
    )
    with atomic(path, kept.nbytes) as temporary:
        kept.drop_vars("sample", errors="ignore").to_netcdf(
            temporary, engine="h5netcdf", encoding={v: {"zlib": True, "complevel": 4} for v in kept.data_vars}
        )


def _thin(array: xr.DataArray, times: int = TIMES) -> xr.DataArray:
    if "time" not in array.dims:
        return array
    n = array.sizes["time"]
    return array.isel(time=sorted({round(i * (n - 1) / (times - 1)) for i in range(times)}))
