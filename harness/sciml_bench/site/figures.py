"""Pictures of kept samples: truth, prediction and error, as images in two dimensions and as lines in one.

Truth and prediction share the scale of the truth, and what leaves it is drawn at its ends; the error has a
scale of its own.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import xarray as xr
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import imsave

from ..problem.storage import read_whole
from . import text
from .gallery import Gallery
from .lines import Curve, draw

LARGEST = 128
"""An image with more points a side is thinned to at most so many."""

DIVERGING, SEQUENTIAL, ERROR = "RdBu_r", "viridis", "magma"


@dataclass(frozen=True)
class Bar:
    """A colour scale: its colours as a CSS gradient, and the values at its ends. Lines have no colours."""

    gradient: str
    low: str
    high: str


@dataclass(frozen=True)
class Strip:
    """The same thing at several times, side by side, in one file."""

    label: str
    file: str
    alt: str
    bar: Bar
    lines: bool


@dataclass(frozen=True)
class Film:
    """The truth of a field at its kept times, as frames side by side in one file, without gaps."""

    file: str
    alt: str
    frames: int
    width: int
    height: int
    first: str
    last: str


@dataclass(frozen=True)
class Sample:
    """One kept test sample of one variable."""

    role: str
    index: int
    error: float
    variable: str
    times: tuple[str, ...]
    given: tuple[Strip, ...]
    strips: tuple[Strip, ...]
    film: Film | None


def read(path: Path) -> xr.Dataset | None:
    """Return the samples kept in a file, or None if there is none that can be read."""
    if not path.is_file():
        return None
    try:
        kept = read_whole(path)
        known = "sample" in kept.sizes and {"samples", "values", "roles"} <= set(kept.attrs)
        return kept if known else None
    except (OSError, ValueError, KeyError, RuntimeError, TypeError):
        return None


def samples(gallery: Gallery, kept: xr.Dataset) -> list[Sample]:
    """Return the pictures of all samples and variables of a file that have one or two dimensions."""
    found = []
    for position, role in enumerate(str(kept.attrs["roles"]).split()):
        one = kept.isel(sample=position)
        for name in (str(v).removeprefix("truth_") for v in kept.data_vars if str(v).startswith("truth_")):
            truth, prediction = _tiles(one[f"truth_{name}"]), _tiles(one[f"prediction_{name}"])
            if truth is None or prediction is None:
                continue
            found.append(
                Sample(
                    role=role,
                    index=int(np.atleast_1d(kept.attrs["samples"])[position]),
                    error=float(np.atleast_1d(kept.attrs["values"])[position]),
                    variable=name,
                    times=_times(one[f"truth_{name}"]),
                    given=tuple(_given(gallery, one, prefix="input_")),
                    strips=tuple(_strips(gallery, truth, prediction, name)),
                    film=_film(gallery, one, name) if position == 0 else None,
                )
            )
    return found


def _tiles(array: xr.DataArray) -> np.ndarray | None:
    """Return (tile, x) or (tile, x, y): the times of a field, its last given frame, its first channel."""
    for dim, pick in (("history", -1), ("channel", 0)):
        if dim in array.dims:
            array = array.isel({dim: pick})
    values = array.transpose("time", ...) if "time" in array.dims else array.expand_dims("time")
    if values.ndim not in (2, 3) or "node" in values.dims or not np.isfinite(values.values).all():
        return None
    stride = [max(1, -(-n // LARGEST)) for n in values.shape[1:]] if values.ndim == 3 else [1]
    return np.asarray(values.values[(slice(None), *(slice(None, None, s) for s in stride))], dtype=np.float32)


def _times(array: xr.DataArray) -> tuple[str, ...]:
    if "time" not in array.dims:
        return ()
    if "time" not in array.coords:
        return tuple(f"output {i + 1} of those kept" for i in range(array.sizes["time"]))
    return tuple(f"t = {float(t):.4g}" for t in array["time"].values)


def _given(gallery: Gallery, one: xr.Dataset, prefix: str) -> list[Strip]:
    found = []
    for variable in (str(v) for v in one.data_vars if str(v).startswith(prefix)):
        tiles = _tiles(one[variable])
        if tiles is not None:
            name = variable.removeprefix(prefix)
            found.append(_strip(gallery, f"input {name}", [("", tiles)], _span(tiles)))
    return found


def _strips(gallery: Gallery, truth: np.ndarray, prediction: np.ndarray, name: str) -> list[Strip]:
    span = _span(truth)
    if truth.ndim == 2:
        error = prediction - truth
        return [
            _strip(gallery, "truth and prediction", [("truth", truth), ("prediction", prediction)], span),
            _strip(gallery, "error", [("error", error)], _span(error)),
        ]
    error = np.abs(prediction - truth)
    return [
        _strip(gallery, f"truth {name}", [("", truth)], span),
        _strip(gallery, f"prediction {name}", [("", prediction)], span),
        _strip(gallery, "|error|", [("", error)], (0.0, float(error.max()) or 1.0), ERROR),
    ]


def _span(values: np.ndarray) -> tuple[float, float]:
    """Return the ends of a scale: symmetric about zero for a field of both signs."""
    low, high = float(values.min()), float(values.max())
    if _signed(low, high):
        most = max(-low, high)
        return -most, most
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _signed(low: float, high: float) -> bool:
    return low < 0 < high and min(-low, high) > 0.2 * max(-low, high)


def _strip(
    gallery: Gallery,
    label: str,
    layers: list[tuple[str, np.ndarray]],
    span: tuple[float, float],
    colours: str = "",
) -> Strip:
    tiles = layers[0][1]
    low, high = span
    lines = tiles.ndim == 2
    scale = f"scale from {text.number(low, 2)} to {text.number(high, 2)}"
    alt = f"{label}, {len(tiles)} tile{'s' if len(tiles) > 1 else ''}, {scale}"
    if lines:
        curves = [Curve(name, values) for name, values in layers]
        file = gallery.draw(
            "lines", "svg", [[c.name, c.tiles] for c in curves] + [span], lambda p: draw(p, curves, span)
        )
        return Strip(label, file, alt, Bar("", text.number(low, 2), text.number(high, 2)), True)
    colours = colours or (DIVERGING if _signed(low, high) else SEQUENTIAL)
    file = gallery.draw("field", "png", [tiles, span, colours], lambda p: _image(p, tiles, span, colours))
    return Strip(label, file, alt, Bar(_gradient(colours), text.number(low, 2), text.number(high, 2)), False)


def _image(path: Path, tiles: np.ndarray, span: tuple[float, float], colours: str, *, gaps: bool = True) -> None:
    """Write the tiles side by side, x to the right and y upwards, one pixel a point, with clear gaps or without."""
    scaled = np.clip((tiles - span[0]) / (span[1] - span[0]), 0, 1)
    coloured = matplotlib.colormaps[colours](np.swapaxes(scaled, 1, 2)[:, ::-1], bytes=True)
    wide = max(1, coloured.shape[2] // 24) if gaps else 0
    gap = np.zeros((coloured.shape[1], wide, 4), dtype=np.uint8)
    parts = [part for tile in coloured for part in (tile, gap)][:-1]
    imsave(path, np.concatenate(parts, axis=1))


def _film(gallery: Gallery, one: xr.Dataset, name: str) -> Film | None:
    """Return the film of a two-dimensional field with time: all kept frames of `film_<name>`, else the truth's few."""
    array = one[f"film_{name}"].rename(frame="time") if f"film_{name}" in one else one[f"truth_{name}"]
    frames = _tiles(array)
    if frames is None or frames.ndim != 3 or len(frames) < 3:
        return None
    span = _span(frames)
    colours = DIVERGING if _signed(*span) else SEQUENTIAL
    file = gallery.draw(
        "film", "png", [frames, span, colours], lambda path: _image(path, frames, span, colours, gaps=False)
    )
    times = _times(array)
    alt = f"The truth {name} of a test sample, {len(frames)} frames from {times[0]} to {times[-1]}"
    return Film(file, alt, len(frames), frames.shape[1], frames.shape[2], times[0], times[-1])


def _gradient(colours: str) -> str:
    stops = matplotlib.colormaps[colours](np.linspace(0, 1, 9), bytes=True)
    return "linear-gradient(to top, " + ", ".join("#{:02x}{:02x}{:02x}".format(*s[:3]) for s in stops) + ")"


def fields_png(sample_file: Path, out: Path, title: str) -> None:
    """Write one picture of a kept two-dimensional sample: truth, prediction and error at the kept times.

    The typical test sample is shown, on a white ground, for a page that cannot follow the reader's scheme.
    Raises ValueError if the file holds no such field.
    """
    kept = read(sample_file)
    names = [] if kept is None else [str(v) for v in kept.data_vars if str(v).startswith("truth_")]
    truth = _tiles(kept[names[0]].isel(sample=0)) if kept is not None and names else None
    if kept is None or truth is None or truth.ndim != 3:
        raise ValueError(f"'{sample_file.name}' holds no two-dimensional field with truth and prediction")
    name = names[0].removeprefix("truth_")
    prediction = _tiles(kept[f"prediction_{name}"].isel(sample=0))
    if prediction is None:
        raise ValueError(f"the prediction in '{sample_file.name}' is not finite or has another shape than the truth")
    error = np.abs(prediction - truth)
    low, high = _span(truth)
    colours = DIVERGING if _signed(low, high) else SEQUENTIAL
    rows: list[tuple[str, np.ndarray, float, float, str]] = [
        ("truth", truth, low, high, colours),
        ("prediction", prediction, low, high, colours),
        ("|error|", error, 0.0, float(error.max()) or 1.0, ERROR),
    ]
    share = float(np.atleast_1d(kept.attrs["values"])[0])
    head = f"{title}\nerror of this test sample: {text.number(share)}"
    _panel(rows, _times(kept[names[0]]), head, out)


def _panel(
    rows: list[tuple[str, np.ndarray, float, float, str]], times: tuple[str, ...], title: str, out: Path
) -> None:
    n = len(rows[0][1])
    figure = Figure(figsize=(1.75 * n + 1.3, 1.75 * len(rows) + 0.75), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    grid: Any = figure.subplots(len(rows), n, squeeze=False)
    for (label, tiles, low, high, colours), axes in zip(rows, grid, strict=True):
        image: Any = None
        for tile, panel in zip(tiles, axes, strict=True):
            image = panel.imshow(tile.T, origin="lower", vmin=low, vmax=high, cmap=colours)
            panel.set(xticks=[], yticks=[])
            panel.spines[:].set_visible(False)
        axes[0].set_ylabel(label, fontsize=11)
        figure.colorbar(image, ax=list(axes), shrink=0.9, pad=0.015, aspect=14)
    for panel, time in zip(grid[0], times, strict=False):
        panel.set_title(time, fontsize=10)
    figure.suptitle(title, fontsize=12)
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, format="png", dpi=150, metadata={"Software": None})
