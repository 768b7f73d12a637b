"""Generating a dataset once and keeping it: HDF5 in the cache folder, with a digest, written atomically.

Two processes that want the same data do not make it twice: the second waits. A file that was cut short or changed is noticed
by its digest and made again.
"""

import fcntl
import importlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr
from threadpoolctl import threadpool_limits

from .. import digest
from ..errors import ContractError, SciMLBenchError, StoreError, UsageError
from ..paths import atomic, cache_folder, ensure_writable, full_disk, remove_unfinished
from ..raised import told
from .dataset import Dataset
from .samples import count, join
from .variable import SAMPLE

Progress = Callable[[float, str], None]
GPU_BATCHES = 8
"""Batches that are made at once on a GPU, which a single one leaves idle."""
CHUNK_BYTES = 4096
"""Chunks of the file are a sample, but not much smaller than this."""


BLAS_THREADS = 1
"""Threads of BLAS while data are made and predictions scored, on any number of cores: the order of its sums depends on them."""


def silent(_fraction: float, _message: str) -> None:
    """Report progress to nobody."""


@dataclass(frozen=True, kw_only=True)
class Cached:
    """A generated dataset on disk: its file, its digest, and what making it cost in seconds."""

    path: Path
    digest: str
    seconds: float
    samples: int


def data_key(name: str, dataset: Dataset, seed: int) -> str:
    """Return the key of the generated data: its parameters, its seed, its code and that of the parts of `problem` that it names.

    Data of an older code are not found under it: they are made again, and where their digest is another one, so are the cells.
    """
    code = digest.of_source(type(dataset).__module__, digest.OF_DATASETS)
    return digest.of_data([name, dataset.version, dataset.parameters(), seed, code])[:16]


def data_path(name: str, dataset: Dataset, seed: int) -> Path:
    """Return where the generated data stand in the cache."""
    return cache_folder() / "data" / f"{name}-{data_key(name, dataset, seed)}.h5"


def obtain(
    name: str,
    dataset: Dataset,
    seed: int,
    *,
    device: str = "cpu",
    progress: Progress = silent,
    force: bool = False,
) -> Cached:
    """Return the dataset from the cache, generating it first if it is not there or damaged.

    A cache that may only be read, as one that many machines share, does where it holds the data.
    """
    path = data_path(name, dataset, seed)
    try:
        ensure_writable(path.parent, "cache folder")
    except UsageError:
        held = inspect(path) if path.exists() and not force else None
        if held is None:
            raise
        return held

    def wait() -> None:
        progress(0.0, f"! another process makes {path.name}: waiting for it, as it is made once for both")

    with _lock(path.with_suffix(".lock"), wait):
        if remove_unfinished(path):
            progress(
                0.0,
                f"! {path.name} was being written when its process was ended: the unfinished file is removed and "
                "the data are made again; records are untouched",
            )
        if not force and path.exists():
            found = inspect(path)
            if found is not None:
                return found
            progress(
                0.0, f"! {path.name} is damaged (its digest does not match) and is made again; records are untouched"
            )
        data, seconds = generate(dataset, seed, device=device, progress=progress)
        refuse_nan(name, data)
        return save(path, data, seconds)


def refuse_nan(name: str, data: xr.Dataset) -> None:
    """Raise ContractError if generated data hold NaN or infinity."""
    for variable in data.data_vars.values():
        if variable.dtype.kind == "f" and not np.isfinite(variable.values).all():
            bad = ~np.isfinite(variable.values)
            raise ContractError(
                f"the generated data of {name} hold {int(bad.sum())} values of '{variable.name}' that are NaN or infinite; "
                "nothing was kept: mend the dataset's generate"
            )


@contextmanager
def same_on_any_cores() -> Iterator[None]:
    """Let what is computed inside have the same bytes on any number of cores."""
    importlib.import_module("scipy.sparse.linalg")  # SciPy has a BLAS of its own, limited only once it is loaded
    with threadpool_limits(BLAS_THREADS, user_api="blas"):
        yield


def generate(
    dataset: Dataset, seed: int, *, device: str = "cpu", progress: Progress = silent
) -> tuple[xr.Dataset, float]:
    """Return all samples of the dataset, made batch by batch, and the seconds that it took."""
    start = time.perf_counter()
    parts = []
    batch = dataset.batch * (GPU_BATCHES if device == "cuda" else 1)
    with same_on_any_cores():
        for first in range(0, dataset.samples, batch):
            last = min(first + batch, dataset.samples)
            parts.append(some(dataset, seed, range(first, last), device=device))
            progress(last / dataset.samples, f"{last} of {dataset.samples} samples")
    data = parts[0] if len(parts) == 1 else join(parts)
    return data, time.perf_counter() - start


def some(dataset: Dataset, seed: int, samples: Sequence[int], *, device: str = "cpu") -> xr.Dataset:
    """Return some samples of a dataset; raises ContractError if it cannot make them, or lacks a declared variable."""
    name = type(dataset).__name__
    try:
        made = dataset.generate(seed, samples, device=device)
    except (SciMLBenchError, MemoryError):
        raise
    except (Exception, SystemExit) as error:
        raise ContractError(f"generate of {name} failed, and nothing was kept: {told(error)}") from error
    if not isinstance(made, xr.Dataset):
        raise ContractError(
            f"generate of {name} returned a {type(made).__name__}; expected an xarray.Dataset of inputs and targets"
        )
    problem = dataset.problem()
    missing = [v.name for v in (*problem.inputs, *problem.targets) if v.name not in made]
    if missing:
        held = ", ".join(map(str, made.data_vars)) or "nothing"
        raise ContractError(f"generate of {name} made no '{missing[0]}', which its problem declares; it made {held}")
    return made


def read(path: Path) -> xr.Dataset:
    """Open generated data lazily: what is not asked for is not read."""
    return xr.open_dataset(path, engine="h5netcdf")


def save(path: Path, data: xr.Dataset, seconds: float) -> Cached:
    """Write data atomically, with their digest and what making them cost."""
    mark = digest.of_arrays(data)
    stamped = data.assign_attrs(digest=mark, generation_seconds=seconds)
    # About a sample a chunk, each with a checksum: a part is read without the rest, and a flipped bit is noticed.
    checksums = {
        str(v): {"fletcher32": True, "chunksizes": _chunk(data[v])} for v in data.data_vars if data[v].ndim > 0
    }
    try:
        with atomic(path, stamped.nbytes) as temporary:
            stamped.to_netcdf(temporary, engine="h5netcdf", encoding=checksums)
    except (OSError, RuntimeError) as error:
        raise StoreError(
            f"the data '{path.name}' could not be written to the cache ({full_disk(error) or error}); no unfinished file is kept "
            "and records are untouched: free space or set SCIML_BENCH_CACHE to another folder, and run the same command again"
        ) from error
    return Cached(path=path, digest=mark, seconds=seconds, samples=count(data))


def _chunk(array: xr.DataArray) -> tuple[int, ...]:
    """Return one sample, or as many entries of a ragged or short array as make a few kilobytes."""
    row = max(1, array[0].size * array.dtype.itemsize)
    rows = 1 if array.dims[0] == SAMPLE and row >= CHUNK_BYTES else max(1, CHUNK_BYTES // row)
    return (min(rows, array.shape[0]), *array.shape[1:])


def inspect(path: Path) -> Cached | None:
    """Return what is in the file, or None if it is damaged."""
    try:
        with read(path) as data:
            if digest.of_arrays(data.load()) != data.attrs["digest"]:
                return None
            return Cached(
                path=path,
                digest=str(data.attrs["digest"]),
                seconds=float(data.attrs["generation_seconds"]),
                samples=count(data),
            )
    except (OSError, KeyError, ValueError, RuntimeError):
        return None


@contextmanager
def _lock(path: Path, wait: Callable[[], None]) -> Iterator[None]:
    """Hold an exclusive lock between processes, which the system releases even if this one is killed; say if it must wait."""
    try:
        handle = open(path, "w")  # noqa: SIM115
    except OSError as error:
        raise StoreError(f"the lock '{path.name}' in the cache folder cannot be written: {error.strerror}") from error
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            wait()
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
