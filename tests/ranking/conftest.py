"""Records of made-up methods."""

import zlib
from functools import partial

import numpy as np
import pytest

from sciml_bench.ranking.summary import Row, summarise
from sciml_bench.records.record import CellId, PerSample, Provenance, Record


def make(method: str, fold: int, values: np.ndarray, floor: float = 0.0) -> Record:
    cell = CellId(
        dataset="d", dataset_version=1, dataset_parameters={}, tier="small", method=method, variant="",
        hyperparameters={}, fold=fold, folds=5, repetition=0, seed=0, device="cpu", budget_seconds=1.0,
        budget_memory_gib=1.0,
    )  # fmt: skip
    came = Provenance(
        package="0", commit=None, dirty=None, protocol=1, data_digest="d", method_digest="m", prediction_digest=None,
        python="3", libraries={}, system="", processor="", accelerator=None, threads=1,
        started="2026-01-01T00:00:00+00:00", command="",
    )  # fmt: skip
    samples = range(fold * len(values), (fold + 1) * len(values))
    return Record(
        key=f"{zlib.crc32(method.encode()) + fold:016x}", cell=cell, status="ok", reason="", primary="rel_l2",
        family="network", scores={"rel_l2": float(values.mean())}, floor={"rel_l2": floor},
        per_sample=PerSample(metric="rel_l2", samples=list(samples), values=[float(v) for v in values]), cost=None,
        diagnostics={}, provenance=came,
    )  # fmt: skip


@pytest.fixture
def record():
    """Return the maker of records: (method, fold, statistic of each test sample, floor)."""
    return make


def _row(
    record, dataset: str, name: str, errors: list[float], family: str = "network", floor: float = 0.0, ok: bool = True
) -> Row:
    made = [record(name, k, np.full(4, e), floor) for k, e in enumerate(errors)]
    cells = [r.cell.model_copy(update={"dataset": dataset}) for r in made]
    made = [
        r.model_copy(update={"cell": c, "family": family, "key": f"{k:016x}"})
        for k, (r, c) in enumerate(zip(made, cells, strict=True))
    ]
    found = summarise(made)[0]
    if ok:
        return found
    failed = [
        r.model_copy(update={"status": "diverged", "reason": "it blew up", "scores": {}, "per_sample": None})
        for r in made
    ]
    return summarise(failed)[0]


@pytest.fixture
def row(record):
    """Return the maker of rows: (dataset, method, error of each fold)."""
    return partial(_row, record)


@pytest.fixture
def rows(row):
    """Return the maker of a table: method → dataset → error of each fold; `mean` is the control."""

    def make(**methods: dict[str, list[float]]) -> list[Row]:
        found = []
        for name, by_dataset in methods.items():
            family = "control" if name == "mean" else "network"
            found += [row(d, name, e, family) for d, e in by_dataset.items()]
        return found

    return make
