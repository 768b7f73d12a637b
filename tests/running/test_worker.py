"""What a worker measures of a predictor, and takes of what a method logs."""

import json
import time

import numpy as np
import pytest
import xarray as xr

from sciml_bench.errors import ContractError
from sciml_bench.running import worker
from sciml_bench.testing import Silent


def test_compiling_for_a_single_sample_is_no_latency():
    compiling = 2 * worker.LATENCY_SECONDS
    met = []

    def predict(inputs):
        if inputs.sizes["sample"] not in met:  # as a compiler does, at each new shape
            met.append(inputs.sizes["sample"])
            time.sleep(compiling)
        return inputs

    test = xr.Dataset({"a": ("sample", np.zeros(3))})
    predict(test)
    latency = worker._latency(predict, test, "cpu")
    assert met == [3, 1]
    assert latency == sorted(latency)
    assert latency[-1] < compiling


class Pipe:
    """A pipe that nothing comes out of."""

    def send_bytes(self, message):
        pass


LOGS = {
    "progress": ([(0.5,), (np.float32(1),), (3,)], [("half",), (None,), (np.inf,)]),
    "curve": ([("loss", np.int64(3), np.float32(0.5))], [("loss", 1, "low"), ("loss", None, 1.0), (3, 1, 1.0), ("a", np.inf, 1)]),
    "fact": ([("a", np.float64(1)), ("b", "word"), ("flops", 1e9)], [("a", [1]), ("flops", "many"), ("flops", np.nan), (1, 1)]),
}  # fmt: skip


@pytest.mark.parametrize("call", LOGS)
def test_a_check_refuses_what_a_run_refuses_to_log(call):
    good, bad = LOGS[call]
    for given in good:
        run, check = worker.Reporter(Pipe()), Silent()
        getattr(run, call)(*given)
        getattr(check, call)(*given)
        assert (run.curves, run.facts) == (check.curves, check.facts)
        assert json.dumps([check.curves, check.facts, check.fractions])
    for given in bad:
        said = []
        for log in (worker.Reporter(Pipe()), Silent()):
            with pytest.raises(ContractError, match=f"^log.{call} was given ") as refused:
                getattr(log, call)(*given)
            said.append(str(refused.value))
        assert said[0] == said[1]
