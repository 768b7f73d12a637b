"""Ranking and building pages: made-up records of five datasets, eight methods and five folds."""

import shutil
import tempfile
from pathlib import Path

import numpy as np

from sciml_bench.ranking.league import league
from sciml_bench.ranking.summary import summarise
from sciml_bench.records.record import CellId, Cost, PerSample, Provenance, Record
from sciml_bench.records.store import Store
from sciml_bench.site.build import build

DATASETS = ("burgers", "darcy", "navier_stokes", "advection", "gray_scott_patterns")
METHODS = {"mean": "control", "persistence": "baseline", "reference_solver": "solver"} | dict.fromkeys(
    ("fno", "unet", "deeponet", "uno", "tfno"), "operator"
)
FOLDS, SAMPLES = 5, 20


class Publishing:
    """From records to ranks and to pages."""

    number, repeat, warmup_time, timeout = 1, 2, 0, 300

    def setup(self) -> None:
        """Write the records."""
        self.folder = Path(tempfile.mkdtemp(prefix="sciml-bench-"))
        self.records = [record(d, m, f) for d in DATASETS for m in METHODS for f in range(FOLDS)]
        store = Store(self.folder / "results")
        for one in self.records:
            store.append(one)

    def teardown(self) -> None:
        """Remove them."""
        shutil.rmtree(self.folder)

    def time_read_records(self) -> None:
        """Two hundred lines, validated."""
        Store(self.folder / "results").records()

    def time_rank(self) -> None:
        """Means, intervals and the league with its bootstrap."""
        league(summarise(self.records), draws=200)

    def time_build_site(self) -> None:
        """All pages, every picture drawn anew."""
        build(self.folder / "results", self.folder / "site")
        shutil.rmtree(self.folder / "site")

    def peakmem_build_site(self) -> None:
        """All pages, in memory."""
        build(self.folder / "results", self.folder / "site")


def record(dataset: str, method: str, fold: int) -> Record:
    """Return a record with errors drawn for this cell."""
    number = 1000 * DATASETS.index(dataset) + 10 * list(METHODS).index(method) + fold
    errors = [float(e) for e in np.random.default_rng(number).lognormal(-2, 0.5, SAMPLES)]
    scores = {"rel_l2": float(np.mean(errors)), "crps": 0.1, "coverage_90": 0.9}
    samples = list(range(fold * SAMPLES, (fold + 1) * SAMPLES))
    seconds = {"predict_seconds": 0.1, "predict_cpu_seconds": 0.1, "latency_p50": 0.01, "latency_p95": 0.01}
    return Record(
        key=f"{number:016x}",
        cell=CellId(
            dataset=dataset, dataset_version=1, dataset_parameters={}, tier="smoke", method=method, variant="",
            hyperparameters={}, fold=fold, folds=FOLDS, repetition=0, seed=fold, device="cpu", budget_seconds=1.0,
            budget_memory_gib=1.0,
        ),
        status="ok",
        reason="",
        primary="rel_l2",
        family=METHODS[method],
        scores=scores,
        floor={"rel_l2": 1e-6},
        per_sample=PerSample(metric="rel_l2", samples=samples, values=errors),
        cost=Cost(
            **seconds, data_seconds=1.0, fit_seconds=1.0, fit_cpu_seconds=1.0, predict_samples=SAMPLES,
            predictor_seconds=0.2, throughput=100.0, throughput_batch=1, peak_memory_gib=0.1, device_memory_gib=None,
            energy_joules=None, parameters=None, flops=None, threads=1, precision="float32",
        ),
        diagnostics={"train_samples": 60, "valid_samples": 20, "test_samples": SAMPLES},
        provenance=Provenance(
            package="0", commit=None, dirty=None, protocol=1, data_digest="d", method_digest="m", prediction_digest=None,
            python="3", libraries={}, system="", processor="", accelerator=None, threads=1,
            started="2026-01-01T00:00:00+00:00", command="",
        ),
    )  # fmt: skip
