"""How long the pages of many records take to build, and how large they are.

    python benchmarks/speed/site_build.py [--methods 28] [--tiers small full] [--folds 5] [--browser]

Makes up records of so many methods on every dataset of every track, builds their site twice, and prints processor seconds of the
first build and of the second, which draws no figure again, their wall time on all cores, and the size of the largest page of each
kind. The aim for some five thousand records is 30 s, and a first page under 200 KB compressed. With --browser, headless
Chromium opens those pages, and it prints when each could be used and how long sorting its first table took: the aim is a second.
"""

import argparse
import gzip
import math
import os
import random
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from sciml_bench import registry
from sciml_bench.records.record import CellId, Cost, PerSample, Provenance, Record
from sciml_bench.records.store import Store
from sciml_bench.site.build import build

SORT = """
const done = arguments[0], button = document.querySelector("th button");
if (!button) { done(null); } else {
  const begun = performance.now();
  button.click();
  requestAnimationFrame(() => setTimeout(() => done(performance.now() - begun)));
}
"""
"""Sorts the first table and waits until that is on the screen."""
SETTINGS = ("8x8", "16x16", "32x32", "64x64")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--methods", type=int, default=28)
    parser.add_argument("--tiers", nargs="+", default=["small", "full"], choices=["smoke", "small", "full"])
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--browser", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder)
        n = write(results, options)
        for turn in ("first build", "again"):
            begun, wall = _processor(), time.perf_counter()
            index = build(results, results / "site")
            spent = _processor() - begun
            print(f"{turn}: {n} records, {spent:.1f} s of processor, {time.perf_counter() - wall:.1f} s of wall time")
        pages = sorted(index.parent.rglob("*.html"), key=lambda p: -p.stat().st_size)
        kinds = {_kind(p.relative_to(index.parent)): p for p in reversed(pages)}
        ready = opened(list(kinds.values())) if options.browser else {}
        for page in kinds.values():
            whole = page.read_bytes()
            words = f"{len(whole) / 1e3:.0f} KB, {len(gzip.compress(whole)) / 1e3:.0f} KB compressed"
            print(f"  {page.relative_to(index.parent)}: {words}{ready.get(page, '')}")


def _kind(page: Path) -> str:
    """Return what all pages of a kind share: the folder of theirs, or the name of one that stands alone."""
    return page.parts[0] if len(page.parts) > 1 else page.name


def opened(pages: list[Path]) -> dict[Path, str]:
    """Open pages in headless Chromium, each twice so that shared files are at hand, and say when each could be used."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for word in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1280,900"):
        options.add_argument(word)
    driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    found = {}
    try:
        for page in pages:
            for _ in range(2):
                driver.get(page.as_uri())
            entry = driver.execute_script("return performance.getEntriesByType('navigation')[0].toJSON()")
            sorting = driver.execute_async_script(SORT)
            found[page] = f", usable after {entry['domContentLoadedEventEnd']:.0f} ms"
            found[page] += "" if sorting is None else f", sorted in {sorting:.0f} ms"
    finally:
        driver.quit()
    return found


def _processor() -> float:
    """Return the processor seconds of this process and of those that it has waited for."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def write(results: Path, options: argparse.Namespace) -> int:
    """Write the records and return their number."""
    rng = random.Random(0)
    methods = [(m, "") for m in dict.fromkeys(["mean", *registry.method_names()[: options.methods]])]
    datasets = [d for track in registry.track_names() for d in registry.track(track).datasets]
    n = 0
    for tier in options.tiers:
        for dataset in datasets:
            for method, variant in [*methods, *(("reference_solver", s) for s in SETTINGS)]:
                level = math.exp(rng.uniform(-5, 0))
                for fold in range(options.folds):
                    made = record(rng, tier, dataset, method, variant, fold, options.folds, level)
                    path = Store(results).path(made)
                    path.parent.mkdir(parents=True, exist_ok=True)
                    with open(path, "a", encoding="utf-8") as lines:  # the store's own way syncs every line
                        lines.write(made.to_line() + "\n")
                    n += 1
    return n


def record(
    rng: random.Random, tier: Any, dataset: str, method: str, variant: str, fold: int, folds: int, level: float
) -> Record:
    """Make up one record."""
    error = level * rng.uniform(0.9, 1.1)
    values = [error * rng.uniform(0.5, 1.5) for _ in range(100)]
    curve = [[i, error + 1 / (i + 1)] for i in range(100)]
    family = {"mean": "control", "persistence": "control", "reference_solver": "solver"}.get(method, "network")
    spent = dict.fromkeys(Cost.model_fields, 1.0) | {"predict_samples": 100, "throughput_batch": 8, "threads": 1}
    return Record(
        key=f"{rng.getrandbits(64):016x}",
        cell=CellId(
            dataset=dataset, dataset_version=1, dataset_parameters={"samples": 500}, tier=tier, method=method,
            variant=variant, hyperparameters={"width": 32, "layers": 4}, fold=fold, folds=folds, repetition=0,
            seed=rng.getrandbits(31), device="cpu", budget_seconds=600.0, budget_memory_gib=4.0,
        ),
        status="ok", reason="", primary="rel_l2", family=family,
        scores=dict.fromkeys(("rel_l2", "rmse", "mae", "pde_defect", "crps", "coverage_90", "shift:finer/rel_l2"), error),
        floor={"rel_l2": 1e-6},
        per_sample=PerSample(metric="rel_l2", samples=list(range(100)), values=values),
        cost=Cost.model_validate(spent | {"parameters": 1000, "precision": "float32"}),
        diagnostics={
            "train_samples": 320, "valid_samples": 80, "test_samples": 100,
            "curves": {} if family != "network" else {"loss": curve, "valid_loss": curve[::5], "gradient_norm": curve},
            "reliability": {"levels": [0.1, 0.5, 0.9], "coverage": [0.1, 0.5, 0.9], "source": "its own distribution"},
            "error_over_time": {"u": values[:20]},
            "spectrum": {"u": {"prediction": values[:32], "truth": values[:32]}},
        },
        provenance=Provenance(
            package="0", commit=None, dirty=None, protocol=1, data_digest="d", method_digest="m", prediction_digest="p",
            python="3", libraries={"numpy": "2.0"}, system="", processor="", accelerator=None, threads=1,
            started="2026-01-01T00:00:00+00:00", command=f"sciml-bench run --method {method} --dataset {dataset}",
        ),
    )  # fmt: skip


if __name__ == "__main__":
    main()
