"""Records of made-up cells on two datasets of the suite, and the site built from them."""

import json
import zlib

import numpy as np
import pytest
from site_records import keep, some_records

from sciml_bench.records.record import Record
from sciml_bench.records.store import Store
from sciml_bench.site.build import build

FOLDS, SAMPLES = 3, 12
METHODS = {  # method and variant: family, error on burgers, on darcy
    ("mean", ""): ("control", 0.5, 0.4),
    ("fno", ""): ("operator", 0.02, 0.025),
    ("unet", ""): ("network", 0.04, 0.0302),
    ("ridge", ""): ("baseline", 0.2, 0.1),
    ("tfno", "rank=0.1, width=64"): ("operator", 0.021, 0.05),
    ("a_method_with_quite_a_long_name", ""): ("network", 0.6, None),
    ("reference_solver", "64 points"): ("solver", 0.03, 0.2),
    ("reference_solver", "256 points"): ("solver", 1e-4, 1e-3),
}


def made(dataset: str, method: str, variant: str, family: str, fold: int, error: float | None) -> Record:
    """Return the record of a cell; without an error it failed."""
    rng = np.random.default_rng(zlib.crc32(f"{dataset} {method} {variant} {fold}".encode()))
    values = [] if error is None else [float(v) for v in error * np.exp(0.2 * rng.standard_normal(SAMPLES))]
    cost = dict.fromkeys(
        [
            "data_seconds",
            "fit_seconds",
            "fit_cpu_seconds",
            "predict_seconds",
            "predict_cpu_seconds",
            "predictor_seconds",
        ],
        0.5,
    )
    cost |= dict.fromkeys(("device_memory_gib", "energy_joules", "flops"))
    cost |= {"predict_samples": SAMPLES, "latency_p50": 0.01 * len(method), "latency_p95": 0.2, "throughput": 9.0}
    cost |= {"throughput_batch": 4, "peak_memory_gib": 1.5, "parameters": 1234, "threads": 1, "precision": "float32"}
    scores = {
        name: share * float(np.mean(values))
        for name, share in (
            ("rel_l2", 1),
            ("nrmse_per_time", 1.1),
            ("frmse_low", 0.1),
            ("pde_defect", 2),
            ("crps", 0.5),
        )
        if values
    }
    number = zlib.crc32(f"{method} {variant} {dataset} {fold}".encode())
    cell = {
        "dataset": dataset, "dataset_version": 1, "dataset_parameters": {}, "tier": "small", "method": method,
        "variant": variant, "hyperparameters": {"width": 64}, "fold": fold, "folds": FOLDS, "repetition": 0, "seed": 7,
        "device": "cpu", "budget_seconds": 60.0, "budget_memory_gib": 4.0,
    }  # fmt: skip
    came = {
        "package": "0.1.0", "commit": "0123456789abcdef", "dirty": False, "protocol": 1, "data_digest": "d",
        "method_digest": "m", "prediction_digest": None, "python": "3.11", "libraries": {"numpy": "2.0"},
        "system": "Linux", "processor": "a processor", "accelerator": None, "threads": 1,
        "started": f"2026-01-{1 + len(method) % 28:02d}T00:00:0{fold}+00:00",
        "command": f"sciml-bench run --method {method} --dataset {dataset} --tier small --only-fold {fold} --device cpu",
    }  # fmt: skip
    return Record.model_validate(
        {
            "key": f"{number:016x}", "cell": cell, "status": "ok" if values else "diverged",
            "reason": "" if values else "the loss was not finite after 312 steps " * 5, "primary": "rel_l2", "family": family,
            "scores": scores | ({"coverage_90": 0.85} if values else {}), "floor": {"rel_l2": 1e-5, "pde_defect": 1e-4},
            "per_sample": {"metric": "rel_l2", "samples": list(range(fold * SAMPLES, (fold + 1) * SAMPLES)), "values": values}
            if values else None,
            "cost": cost if values else None, "provenance": came,
            "diagnostics": {
                "train_samples": 20, "valid_samples": 4, "test_samples": SAMPLES,
                "error_over_time": {"u": [error, 2 * error]} if values else {},
            } if values else {},
        }
    )  # fmt: skip


@pytest.fixture(scope="session")
def cells() -> list[Record]:
    """Return all records of the made-up suite."""
    return [
        made(dataset, method, variant, family, fold, errors[position])
        for (method, variant), (family, *errors) in METHODS.items()
        for position, dataset in enumerate(("burgers", "darcy"))
        for fold in range(FOLDS)
    ]


@pytest.fixture(scope="session")
def showcase(cells, tmp_path_factory):
    """Return the folder of the site of the made-up suite."""
    results = tmp_path_factory.mktemp("showcase")
    for cell in cells:
        Store(results).append(cell)
    return build(results, results / "site").parent


@pytest.fixture(scope="session")
def comparisons(showcase) -> dict:
    """Return what the page that compares knows."""
    source = (showcase / "compare-data.js").read_text(encoding="utf-8")
    return json.loads(source.removeprefix("const COMPARISONS = ").removesuffix(";\n"))


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """Return the folder of the site of records of every status, with files that are cut short among them."""
    results = tmp_path_factory.mktemp("results")
    store = Store(results)
    cells = some_records()
    for cell in cells:
        store.append(cell)
    samples = results / "smoke" / "navier_stokes" / "samples"
    keep(samples / f"{cells[0].key}.h5", ("time", "x", "y"))
    keep(samples / f"{cells[2].key}.h5", ("time", "x"))
    (samples / f"{cells[4].key}.h5").write_bytes(b"not a file of samples")
    with open(results / "smoke" / "navier_stokes" / "mean.jsonl", "a") as handle:
        handle.write('{"cut')
    return build(results, results / "site").parent
