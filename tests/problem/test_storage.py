from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from sciml_bench.errors import ContractError
from sciml_bench.problem.samples import count, join, take
from sciml_bench.problem.storage import read_parts, read_samples, read_whole, write_parts


@pytest.fixture
def graphs() -> xr.Dataset:
    counts = np.array([2, 3, 1, 4])
    return xr.Dataset(
        {
            "charge": (("node",), np.arange(10.0)),
            "energy": (("sample",), np.array([1.0, 2.0, 3.0, 4.0])),
            "node_count": (("sample",), counts),
        },
        attrs={"ragged": "node"},
    )


def test_taking_graphs_keeps_each_ones_nodes(graphs):
    taken = take(graphs, [3, 1])
    assert taken["charge"].values.tolist() == [6, 7, 8, 9, 2, 3, 4]
    assert taken["energy"].values.tolist() == [4, 2]
    assert count(taken) == 2


def test_join_undoes_take(graphs):
    xr.testing.assert_identical(join([take(graphs, [0, 1]), take(graphs, [2, 3])]), graphs)


def test_a_ragged_dimension_without_counts_is_refused(graphs):
    with pytest.raises(ContractError, match="node_count"):
        take(graphs.drop_vars("node_count"), [0])


def test_parts_of_a_file_equal_parts_of_the_whole(graphs, tmp_path: Path):
    graphs.to_netcdf(tmp_path / "g.h5", engine="h5netcdf")
    found = read_samples(tmp_path / "g.h5", ["charge", "energy"], [2, 0])
    xr.testing.assert_identical(found, take(graphs, [2, 0]))


def test_coordinates_come_with_their_dimensions_and_no_others(tmp_path: Path):
    data = xr.Dataset(
        {"u": (("sample", "time", "x"), np.random.default_rng(0).random((4, 2, 3)))},
        coords={"time": [0.5, 1.0]},
    )
    data.to_netcdf(tmp_path / "u.h5", engine="h5netcdf")
    xr.testing.assert_identical(read_samples(tmp_path / "u.h5", ["u"], [3, 1]), data.isel(sample=[3, 1]))
    xr.testing.assert_identical(read_samples(tmp_path / "u.h5", ["u"], None), data)


def test_a_whole_file_is_read_as_xarray_reads_it(tmp_path: Path):
    data = xr.Dataset(
        {"u": (("sample", "time", "x"), np.random.default_rng(0).random((2, 3, 4))), "r": (("sample",), [1.0, 2.0])},
        coords={"time": [0.5, 1.0, 1.5]},
        attrs={"roles": "typical worst", "samples": [3, 1], "values": [0.1, 0.2]},
    )
    data.to_netcdf(tmp_path / "u.h5", engine="h5netcdf")
    found = read_whole(tmp_path / "u.h5")
    xr.testing.assert_identical(found.drop_attrs(), data.drop_attrs())
    assert {n: np.asarray(v).tolist() for n, v in found.attrs.items()} == data.attrs


def test_predictions_survive_the_way_to_disk(tmp_path: Path):
    parts = {"test": xr.Dataset({"u": (("sample", "member", "x"), np.random.default_rng(0).random((2, 3, 4)))})}
    write_parts(tmp_path / "p.h5", parts)
    xr.testing.assert_identical(read_parts(tmp_path / "p.h5")["test"], parts["test"])
    quantiles = {"test": parts["test"].assign_coords(member=[0.25, 0.5, 0.75])}
    write_parts(tmp_path / "q.h5", quantiles)
    xr.testing.assert_identical(read_parts(tmp_path / "q.h5")["test"], quantiles["test"])
