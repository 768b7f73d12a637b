"""The tests of the metrics catch the faults that published benchmarks had: each is planted, and some test must fail."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ACCURACY, BASE, FOURIER = (f"sciml_bench.metrics.{m}" for m in ("accuracy", "base", "fourier"))
UNCERTAINTY, PHYSICS = "sciml_bench.metrics.uncertainty", "sciml_bench.metrics.physics"
MUTANTS = {
    "dividing by one sample too few": (BASE, "float(np.mean(value))", "float(np.sum(value) / max(len(value) - 1, 1))"),
    "averaging over samples before the root": (
        ACCURACY,
        "    return _each(np.sqrt, array)",
        "    return _each(np.sqrt, array.mean('sample') + 0 * array)",
    ),
    "averaging over time before the root": (ACCURACY, "xr.DataArray(_mean(_root(inside)))", "xr.DataArray(_root(_mean(inside)))"),
    "skipping NaN": (BASE, "    if not bad.any():\n        return", "    if not bad.all():\n        return"),
    "using the positive quadrant of the spectrum": (FOURIER, "] *= 2", "] *= 1"),
    "counting the given frame": (
        ACCURACY,
        "    error, u = _difference(prediction, truth), _plain(truth)\n    dims = _but(u, SAMPLE, TIME)",
        "    error, u = _difference(prediction, truth), _plain(truth)\n    error = error * (error.sizes.get('time', 2) - 1) ** 0.5"
        " / error.sizes.get('time', 2) ** 0.5\n    dims = _but(u, SAMPLE, TIME)",
    ),
    "comparing step k with k − 1": (PHYSICS, "p.values[:, :-1]], axis=1)", "p.values[:, 1:]], axis=1)"),
    "the biased ensemble estimator": (UNCERTAINTY, "/ (M * (M - 1))", "/ (M * M)"),
    "quantiles m/(M − 1) of the members": (UNCERTAINTY, "(M + 1) * q - 1", "(M - 1) * q"),
    "conformal ranks of n instead of n + 1": (UNCERTAINTY, "-(-(n + 1) * level // 100)", "-(-n * level // 100)"),
    "the edge without its last points": (ACCURACY, "slice(1, -1)", "slice(1, None)"),
    "the truth's norm from the prediction": (
        ACCURACY,
        "_difference(prediction, truth), _plain(truth)",
        "_difference(prediction, truth), _plain(prediction)",
    ),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("fault", MUTANTS)
def test_a_planted_fault_is_caught(fault):
    module, old, new = MUTANTS[fault]
    files = {
        ACCURACY: ["test_accuracy.py"],
        BASE: ["test_metric_base.py", "test_accuracy.py"],
        FOURIER: ["test_accuracy.py"],
    }
    chosen = files.get(module) or ["test_uncertainty.py" if module == UNCERTAINTY else "test_physics_metrics.py"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-x", "-q", "-n", "0", "-p", "mutants", "-p", "no:cacheprovider", *chosen],
        cwd=HERE,
        env={**os.environ, "PYTHONPATH": str(HERE), "SCIML_BENCH_MUTANT": "|".join((module, old, new))},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert "cannot be planted" not in done.stdout + done.stderr
    caught = re.search(r"FAILED \S+::(\S+)", done.stdout)
    assert done.returncode == 1, f"not caught: {fault}\n{done.stdout[-2000:]}"
    assert caught is not None, done.stdout[-2000:]
    print(f"{fault}: caught by {caught.group(1)}")
