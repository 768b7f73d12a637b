"""A task: one dataset at one tier, made ready on disk, with everything that the cells on it share."""

from dataclasses import dataclass
from itertools import count as count_from
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from ..errors import ContractError, SciMLBenchError, UsageError
from ..problem import Dataset, Problem, generation, user_file
from ..problem.certificate import SAMPLES as CERTIFIED_SAMPLES
from ..problem.certificate import Certificate, certify
from ..problem.certificate import read as read_certificate
from ..problem.certificate import write as write_certificate
from ..problem.generation import Cached, Progress, silent
from ..problem.samples import only
from ..problem.storage import read_samples
from ..problem.user_file import GROUP, ORDER
from ..protocol.folds import Split, forward, split
from ..protocol.leakage import audit, fingerprints
from ..protocol.seeds import data_seed, fold_seed
from ..raised import told
from ..registry import check_tier, dataset_at, dataset_class, is_data_file, short_name

CALIBRATED = 2
"""Validation samples without which no interval can be calibrated."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """Names a problem so that another process can build it: a dataset's name, or the path of its file, and the tier."""

    name: str
    tier: str

    @property
    def is_file(self) -> bool:
        """Whether it is a data file of the user's own."""
        return is_data_file(self.name)

    def problem(self) -> Problem:
        """Build the problem."""
        if self.is_file:
            return user_file.load(Path(self.name)).problem
        return dataset_class(self.name).tier(self.tier).problem()


@dataclass(frozen=True, kw_only=True)
class Task:
    """A dataset at one tier on disk: problem, data, shifts, certificate and folds."""

    source: Source
    name: str
    tier: str
    version: int
    parameters: dict[str, Any]
    problem: Problem
    data: Cached
    shifts: dict[str, Cached]
    certificate: Certificate | None
    splits: list[Split]
    units: np.ndarray | None = None
    """The number of the independent unit that each sample is of, where the data name such units."""


def prepare(
    name: str,
    tier: str,
    folds: int,
    *,
    device: str = "cpu",
    progress: Progress = silent,
    seed: int | None = None,
) -> Task:
    """Generate or find the data of a task, audit its folds for leakage and return it."""
    check_tier(tier)
    source = Source(name=name, tier=tier)
    if source.is_file:
        return _from_file(source, folds)
    dataset = dataset_at(name, tier)
    short = short_name(name)
    check_folds(folds, dataset.samples)
    seed = data_seed(short) if seed is None else seed
    data, shifts = generate_all(short, dataset, seed=seed, device=device, progress=progress)
    splits, units = _audited(data, dataset.problem(), folds, fold_seed(short, dataset.version))
    return Task(
        source=source,
        name=short,
        tier=tier,
        version=dataset.version,
        parameters=dataset.parameters(),
        problem=dataset.problem(),
        data=data,
        shifts=shifts,
        certificate=certificate(dataset, data.path, seed, device=device, progress=progress, stored=True),
        splits=splits,
        units=units,
    )


def outline(name: str, tier: str, folds: int) -> Task:
    """Return a task of the suite for counting its cells: nothing is made; data that are not in the cache have an empty digest."""
    check_tier(tier)
    dataset, short = dataset_at(name, tier), short_name(name)
    check_folds(folds, dataset.samples)
    path = generation.data_path(short, dataset, data_seed(short))
    found = generation.inspect(path) if path.exists() else None
    return Task(
        source=Source(name=name, tier=tier),
        name=short,
        tier=tier,
        version=dataset.version,
        parameters=dataset.parameters(),
        problem=dataset.problem(),
        data=found or Cached(path=path, digest="", seconds=0.0, samples=dataset.samples),
        shifts={},
        certificate=None,
        splits=split(np.arange(dataset.samples), folds, fold_seed(short, dataset.version)),
    )


def certificate(
    dataset: Dataset,
    data: Path,
    seed: int,
    *,
    device: str = "cpu",
    progress: Progress = silent,
    samples: int = CERTIFIED_SAMPLES,
    stored: bool = False,
) -> Certificate:
    """Return the certificate kept beside the data, measuring it first if it is not there or on fewer samples.

    With `stored` the data are there and whole, and are not made again for it.
    """
    path = data.with_suffix(".certificate.json")
    found = read_certificate(path)
    if found is not None and found.samples >= min(samples, dataset.samples):
        return found

    def read(chosen: range) -> xr.Dataset:
        problem = dataset.problem()
        return read_samples(data, [v.name for v in (*problem.inputs, *problem.targets)], chosen)

    made = certify(
        dataset,
        seed,
        samples=samples,
        device=device,
        progress=lambda f, m: progress(f, f"certifying: {m}" if m else ""),
        stored=read if stored else None,
    )
    write_certificate(path, made)
    return made


def check_folds(folds: int, samples: int) -> None:
    """Refuse an impossible number of folds before anything is generated."""
    split(np.arange(samples), folds, 0)


def generate_all(
    name: str,
    dataset: Dataset,
    *,
    seed: int | None = None,
    device: str = "cpu",
    progress: Progress = silent,
    force: bool = False,
) -> tuple[Cached, dict[str, Cached]]:
    """Return the data of a dataset and of its shifts, generating what is not in the cache."""
    seed = data_seed(name) if seed is None else seed
    data = generation.obtain(name, dataset, seed, device=device, progress=progress, force=force)
    shifts = {}
    for shift, variant in shifts_of(dataset).items():
        # Another seed than the tier's, so that no shifted unit repeats a training unit.
        shifts[shift] = generation.obtain(
            f"{name}-{shift}",
            variant,
            seed + 1,
            device=device,
            progress=_titled(progress, f"shift {shift}"),
            force=force,
        )
    return data, shifts


def shifts_of(dataset: Dataset) -> dict[str, Dataset]:
    """Return the shifts of a dataset; raises ContractError if it cannot name them."""
    try:
        return dict(dataset.shifts())
    except SciMLBenchError:
        raise
    except (Exception, SystemExit) as error:
        raise ContractError(f"shifts of {type(dataset).__name__} failed: {told(error)}") from error


def _titled(progress: Progress, title: str) -> Progress:
    return lambda fraction, message: progress(fraction, f"{title}, {message}")


def _audited(data: Cached, problem: Problem, folds: int, seed: int) -> tuple[list[Split], np.ndarray | None]:
    """Return the folds, which hold no twins of each other, and the independent unit of each sample where the data name such."""
    with generation.read(data.path) as opened:
        inputs = only(opened, [v.name for v in problem.inputs]).load()
        label = next((v.name for v in problem.targets if v.kind == "label"), None)
        units = np.unique(opened[GROUP].values, return_inverse=True)[1] if GROUP in opened else None
        places = opened[ORDER].values if ORDER in opened else None
        strata = None if label is None else opened[label].values
    if places is not None:
        splits = forward(places, folds)
    else:
        splits = split(np.arange(data.samples) if units is None else units, folds, seed, strata)
    marks = fingerprints(inputs)
    for part in splits:
        audit(marks, part)
    return splits, units


def _roles(problem: Problem) -> dict[str, Any]:
    """Return what a file says of its variables: with other roles the same numbers are another problem."""
    return {
        "inputs": [v.name for v in problem.inputs],
        "targets": [v.name for v in problem.targets],
        "dims": {v.name: list(v.dims) for v in (*problem.inputs, *problem.targets)},
        "initial": {v.name: v.initial for v in problem.targets if v.initial is not None},
        "periodic": [v.name for v in problem.targets if v.periodic],
    }


def _from_file(source: Source, folds: int) -> Task:
    given = user_file.load(Path(source.name))
    if folds > given.cached.samples:
        raise UsageError(
            f"--folds is {folds} but '{Path(source.name).name}' holds {given.cached.samples} samples; give fewer folds"
        )
    name = short_name(source.name)
    splits, units = _audited(given.cached, given.problem, folds, fold_seed(name, 1))
    least = min(len(s.valid) for s in splits)
    if least < CALIBRATED:
        raise UsageError(
            f"'{Path(source.name).name}' holds too little: of {given.cached.samples} samples in {folds} folds, {least} is left "
            f"for validation, and intervals need {CALIBRATED}; give at least {_enough(folds, _ordered(given))} independent samples"
        )
    return Task(
        source=source,
        name=name,
        tier="file",
        version=1,
        parameters=_roles(given.problem),
        problem=given.problem,
        data=given.cached,
        shifts={},
        certificate=None,
        splits=splits,
        units=units,
    )


def _ordered(given: user_file.UserFile) -> bool:
    with generation.read(given.cached.path) as opened:
        return ORDER in opened


def _enough(folds: int, ordered: bool) -> int:
    """Return the least number of independent samples of which each fold keeps enough for validation."""
    for n in count_from(2 * (folds + 1) if ordered else folds + 2):
        parts = forward(np.arange(n), folds) if ordered else split(np.arange(n), folds, 0)
        if min(len(s.valid) for s in parts) >= CALIBRATED:
            return n
    raise AssertionError("more samples leave more for validation")
