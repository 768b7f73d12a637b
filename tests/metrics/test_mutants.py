"""The tests of the metrics catch the faults that published benchmarks had: each is planted, and the test beside it must fail."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ACCURACY, BASE, FOURIER = (f"sciml_bench.metrics.{m}" for m in ("accuracy", "base", "fourier"))
UNCERTAINTY, PHYSICS = "sciml_bench.metrics.uncertainty", "sciml_bench.metrics.physics"
MUTANTS = {
    "dividing by one sample too few": (BASE, "float(np.mean(value))", "float(np.sum(value) / max(len(value) - 1, 1))",
        "test_metric_base.py::test_each_target_is_scored_alone_then_averaged"),
    "averaging over samples before the root": (
        ACCURACY,
        "    return _each(np.sqrt, array)",
        "    return _each(np.sqrt, array.mean('sample') + 0 * array)",
        "test_accuracy.py::test_the_root_is_taken_before_the_mean_over_samples",
    ),
    "averaging over time before the root": (ACCURACY, "xr.DataArray(_mean(_root(inside)))", "xr.DataArray(_root(_mean(inside)))",
        "test_accuracy.py::test_shells_take_the_root_at_each_time"),
    "skipping NaN": (BASE, "    if not bad.any():\n        return", "    if not bad.all():\n        return",
        "test_metric_base.py::test_a_value_that_is_not_finite_is_loud"),
    "using the positive quadrant of the spectrum": (FOURIER, "] *= 2", "] *= 1",
        "test_accuracy.py::test_a_single_mode_lands_in_its_shell_with_its_root_mean_square"),
    "counting the given frame": (
        ACCURACY,
        "    error, u = _difference(prediction, truth), _plain(truth)\n    dims = _but(u, SAMPLE, TIME)",
        "    error, u = _difference(prediction, truth), _plain(truth)\n    error = error * (error.sizes.get('time', 2) - 1) ** 0.5"
        " / error.sizes.get('time', 2) ** 0.5\n    dims = _but(u, SAMPLE, TIME)",
        "test_accuracy.py::test_a_multiple_of_the_truth_is_off_by_the_factor",
    ),
    "comparing step k with k − 1": (PHYSICS, "p.values[:, :-1]], axis=1)", "p.values[:, 1:]], axis=1)",
        "test_physics_metrics.py::test_an_exact_solution_has_no_defect"),
    "the biased ensemble estimator": (UNCERTAINTY, "/ (M * (M - fair))", "/ (M * M)",
        "test_uncertainty.py::test_crps_of_members_is_that_of_scoringrules"),
    "quantiles m/(M − 1) of the members": (UNCERTAINTY, "(M + 1) * q - 1", "(M - 1) * q",
        "test_uncertainty.py::test_members_drawn_like_the_truth_are_calibrated"),
    "conformal ranks of n instead of n + 1": (UNCERTAINTY, "-(-(n + 1) * level // 100)", "-(-n * level // 100)",
        "test_uncertainty.py::test_conformal_intervals_cover_as_promised"),
    "the edge without its last points": (ACCURACY, "slice(1, -1)", "slice(1, None)",
        "test_accuracy.py::test_brmse_sees_the_edge_alone_and_a_corner_once"),
    "the truth's norm from the prediction": (
        ACCURACY,
        "_difference(prediction, truth), _plain(truth)",
        "_difference(prediction, truth), _plain(prediction)",
        "test_accuracy.py::test_a_multiple_of_the_truth_is_off_by_the_factor",
    ),
}  # fmt: skip


@pytest.mark.slow
def test_planted_faults_are_caught():
    mutants = [
        {"fault": fault, "module": module, "old": old, "new": new, "tests": [catcher]}
        for fault, (module, old, new, catcher) in MUTANTS.items()
    ]
    done = subprocess.run(
        [sys.executable, "mutants.py"], cwd=HERE, input=json.dumps(mutants), capture_output=True, text=True, timeout=600
    )
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [f["fault"] for f in found] == list(MUTANTS), done.stderr
    for one in found:
        output = one["output"]
        assert "cannot be planted" not in output, output[-2000:]
        assert one["status"] == 1, f"not caught: {one['fault']}\n{output[-2000:]}"
        assert re.search(r"^FAILED ", output, re.M), output[-2000:]
