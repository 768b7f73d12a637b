import numpy as np
import pytest
import xarray as xr

from sciml_bench.errors import LeakageError
from sciml_bench.problem import Variable
from sciml_bench.problem.labels import labelled
from sciml_bench.protocol.folds import split
from sciml_bench.protocol.leakage import audit, fingerprints

PLACE = Variable(name="position", dims=("node", "direction"), description="position")


def inputs(values):
    return xr.Dataset({"a": (("sample", "x"), values)})


def test_a_twin_up_to_rounding_in_another_part_is_refused():
    values = np.random.default_rng(0).standard_normal((20, 8))
    part = split(np.arange(20), 4, 0)[0]
    values[part.test[0]] = values[part.train[0]] + 1e-9
    with pytest.raises(LeakageError, match=f"sample {part.train[0]} .* sample {part.test[0]} "):
        audit(fingerprints(inputs(values)), part)


def test_values_of_any_size_have_twins_only_where_they_are_equal():
    """Rounding goes by a sample's own size: over eight powers of ten no two values are taken for one."""
    spread = np.geomspace(1e-4, 1e4, 400)
    table = xr.Dataset({"a": ("sample", spread), "b": ("sample", -spread)})
    assert len(set(fingerprints(table))) == 400
    near = xr.Dataset({"a": ("sample", spread * (1 + 1e-12)), "b": ("sample", -spread)})
    assert fingerprints(near) == fingerprints(table)
    zero = xr.Dataset({"a": (("sample", "x"), np.zeros((2, 3)))})
    assert len(set(fingerprints(zero))) == 1


def test_graphs_are_twins_up_to_rounding_too():
    size = np.array([2, 3, 2])
    position = np.random.default_rng(0).standard_normal((7, 2))
    position[5:] = position[:2] + 1e-10
    graphs = labelled([PLACE], {"position": position}, counts={"node": size})
    first, second, third = fingerprints(graphs)
    assert first == third != second


def test_different_samples_pass_and_twins_inside_one_part_do_too():
    values = np.random.default_rng(0).standard_normal((20, 8))
    part = split(np.arange(20), 4, 0)[0]
    values[part.test[0]] = values[part.test[1]]
    audit(fingerprints(inputs(values)), part)
