"""Records of made-up methods."""

import zlib

import numpy as np
import pytest

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
