"""Records of made-up cells, of every status and kind of row, and the pictures kept beside them."""

import zlib
from pathlib import Path

import numpy as np
import xarray as xr

from sciml_bench.records.record import CellId, Cost, PerSample, Provenance, Record

FAMILIES = {"mean": "control", "persistence": "control", "reference_solver": "solver"}
SCRIPT = "<script>alert('x')</script>"


def record(method="linear", error=0.1, *, fold=0, variant="", status="ok", reason="", seconds=0.01, **more):
    dataset, tier = more.get("dataset", "navier_stokes"), more.get("tier", "smoke")
    good = status == "ok"
    scores = {"rel_l2": error, "pde_defect": error / 2, "crps": error / 3, "coverage_90": 0.88}
    curve = [[1, 1.0], [2, 0.5]]
    parts = (method, variant, fold, dataset, tier, more.get("device"), more.get("repetition"))
    number = zlib.crc32(repr(parts).encode())
    return Record(
        key=f"{number:016x}"[-16:],
        cell=CellId(
            dataset=dataset,
            dataset_version=1,
            dataset_parameters=more.get("parameters", {"samples": 32}),
            tier=tier,
            method=method,
            variant=variant,
            hyperparameters={"width": 8},
            fold=fold,
            folds=2,
            repetition=more.get("repetition", 0),
            seed=1,
            device=more.get("device", "cpu"),
            budget_seconds=10.0,
            budget_memory_gib=1.0,
        ),
        status=status,
        reason=reason,
        primary="rel_l2",
        family=FAMILIES.get(method, "operator"),
        scores={**scores, "shift:rougher_initial/rel_l2": 2 * error} if good else {},
        floor={"rel_l2": 1e-5, "pde_defect": 2e-6, "nrmse_per_time": 1e-5} if tier != "file" else {},
        per_sample=PerSample(metric="rel_l2", samples=[0, 1], values=[error, error]) if good else None,
        cost=Cost(
            data_seconds=1.0,
            fit_seconds=2.0,
            fit_cpu_seconds=2.0,
            predict_seconds=seconds * 4,
            predict_cpu_seconds=seconds * 4,
            predict_samples=4,
            predictor_seconds=1.0,
            latency_p50=seconds,
            latency_p95=seconds,
            throughput=1 / seconds,
            throughput_batch=4,
            peak_memory_gib=0.1,
            device_memory_gib=None,
            energy_joules=None,
            parameters=None,
            flops=None,
            threads=1,
            precision="float32",
        )
        if good
        else None,
        diagnostics={
            "train_samples": 20,
            "valid_samples": 5,
            "test_samples": 4,
            "curves": {"loss": curve, "valid_loss": curve, "gradient_norm": curve} if method == "fno" else {},
            "skipped_shifts": {"finer_grid": f"not on this grid {SCRIPT}"},
            "reliability": {
                "levels": [0.1, 0.5, 0.9],
                "coverage": [0.1, 0.5, 0.9],
                "source": "its own distribution",
            },
            "error_over_time": {"w": [error, 2 * error, 3 * error]},
        }
        if good
        else {},
        provenance=Provenance(
            package="0.1.0",
            commit="0123456789abcdef",
            dirty=True,
            protocol=1,
            data_digest="d",
            method_digest="m",
            prediction_digest="p" if good else None,
            python="3.11",
            libraries={"numpy": "2.0"},
            system="Linux",
            processor="a processor",
            accelerator=None,
            threads=1,
            started="2026-01-01T00:00:00+00:00",
            command=f"sciml-bench run --method {method} --dataset {dataset} --tier {tier} --only-fold {fold}",
        ),
    )


def some_records():
    cells = [record("linear", e, fold=i) for i, e in enumerate((0.1, 0.12))]
    cells += [record("fno", e, fold=i, seconds=0.02) for i, e in enumerate((0.03, 0.04))]
    cells += [record("mean", 0.5, fold=i) for i in range(2)]
    for n, e, s in ((8, 0.2, 0.001), (16, 0.05, 0.01), (32, 1e-4, 0.1), (64, 1e-7, 1.0)):
        cells += [record("reference_solver", e, fold=i, variant=f"{n}x{n}, dt 0.1", seconds=s) for i in range(2)]
    cells += [record("unet", 0.2, fold=0), record("unet", fold=1, status="diverged", reason=f"loss {SCRIPT}")]
    cells += [record("graph_net", fold=i, status="not_applicable", reason="needs nodes") for i in range(2)]
    cells += [record("gone_method", 0.3, fold=0), record("gone_method", 0.31, fold=0, repetition=1)]
    cells += [
        record("mine", 0.2, dataset="my_data", tier="file"),
        record("mine", 0.4, dataset="my_data", tier="file", fold=1),
    ]
    cells += [record("fno", 0.2, dataset="vanished", tier="small", variant="a=$x_1$", device="cuda")]
    return cells


def keep(path: Path, dims: tuple[str, ...], film: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = [2, *({"time": 3, "history": 1}.get(d, 6) for d in dims)]
    values = np.random.default_rng(0).normal(size=shape).astype("float32")
    given = np.take(values, [0], axis=1)
    data = {f"{role}_w": (("sample", *dims), values + i) for i, role in enumerate(("truth", "prediction"))}
    kept = xr.Dataset({**data, "input_w0": (("sample", "history", *dims[1:]), given)})
    if film:
        kept["film_w"] = (("sample", "frame", *dims[1:]), np.resize(values, (2, film, *shape[2:])))
    kept.attrs.update(samples=[3, 1], values=[0.1, 0.2], roles="typical worst")
    kept.to_netcdf(path, engine="h5netcdf")
