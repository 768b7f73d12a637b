import numpy as np
import pytest
import xarray as xr

from sciml_bench.errors import LeakageError
from sciml_bench.protocol.folds import split
from sciml_bench.protocol.leakage import audit, fingerprints


def inputs(values):
    return xr.Dataset({"a": (("sample", "x"), values)})


def test_a_twin_up_to_rounding_in_another_part_is_refused():
    values = np.random.default_rng(0).standard_normal((20, 8))
    part = split(np.arange(20), 4, 0)[0]
    values[part.test[0]] = values[part.train[0]] + 1e-9
    with pytest.raises(LeakageError, match=f"sample {part.train[0]} .* sample {part.test[0]} "):
        audit(fingerprints(inputs(values)), part)


def test_different_samples_pass_and_twins_inside_one_part_do_too():
    values = np.random.default_rng(0).standard_normal((20, 8))
    part = split(np.arange(20), 4, 0)[0]
    values[part.test[0]] = values[part.test[1]]
    audit(fingerprints(inputs(values)), part)
