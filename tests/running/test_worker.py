"""What a worker measures of a predictor."""

import time

import numpy as np
import xarray as xr

from sciml_bench.running import worker


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
