import warnings
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr

from sciml_bench.errors import DataFileError
from sciml_bench.problem.generation import read
from sciml_bench.problem.user_file import load


def write(path: Path, change=lambda d: d) -> Path:
    data = xr.Dataset(
        {
            "k": (("case", "x"), np.random.default_rng(0).random((6, 4))),
            "u": (("case", "x"), np.ones((6, 4))),
        },
        attrs={"inputs": "k", "targets": "u", "sample": "case", "title": "Mine"},
    )
    change(data).to_netcdf(path, engine="h5netcdf")
    return path


def without(name: str):
    def change(data: xr.Dataset) -> xr.Dataset:
        del data.attrs[name]
        return data

    return change


def periodic(data: xr.Dataset, value) -> xr.Dataset:
    data["u"].attrs["periodic"] = value
    return data


def grouped(data: xr.Dataset, labels) -> xr.Dataset:
    return data.assign(unit=("case", labels)).assign_attrs(group="unit")


def ordered(data: xr.Dataset, when) -> xr.Dataset:
    return data.assign(when=("case", when)).assign_attrs(order="when")


def nan(data: xr.Dataset) -> xr.Dataset:
    data["u"].values[4, 1] = np.nan
    return data


def test_a_file_becomes_a_problem(tmp_path: Path):
    found = load(write(tmp_path / "mine.h5"))
    assert (found.problem.name, found.title, found.cached.samples) == ("mine", "Mine", 6)
    assert [v.name for v in found.problem.inputs] == ["k"]
    assert found.problem.targets[0].dims == ("x",)


@pytest.mark.parametrize("labels", [["b", "b", "a", "a", "c", "c"], [7, 7, 2, 2, 9, 9], [0.5, 0.5, 0.1, 0.1, 2.0, 2.0]])
def test_groups_of_words_or_numbers_keep_their_samples_together(tmp_path: Path, labels):
    found = load(write(tmp_path / "mine.h5", lambda d: grouped(d, labels)))
    with read(found.cached.path) as data:
        assert data["group"].values.tolist() == [1, 1, 0, 0, 2, 2]


@pytest.mark.parametrize(
    "when", [[3.5, 3.5, 1.0, 1.0, 9.0, 9.0], np.array(["2021", "2021", "2020", "2020", "2023", "2023"], "M8[ns]")]
)
def test_numbers_or_dates_put_samples_in_order(tmp_path: Path, when):
    found = load(write(tmp_path / "mine.h5", lambda d: ordered(d, when)))
    with read(found.cached.path) as data:
        assert data["order"].values.tolist() == [1, 1, 0, 0, 2, 2]


def test_an_input_may_be_the_group_too(tmp_path: Path):
    found = load(write(tmp_path / "mine.h5", lambda d: grouped(d, [3, 3, 4, 4, 5, 5]).assign_attrs(inputs="k unit")))
    with read(found.cached.path) as data:
        assert data["unit"].values.tolist() == [3, 3, 4, 4, 5, 5]
        assert data["group"].values.tolist() == [0, 0, 1, 1, 2, 2]


@pytest.mark.parametrize("value", [1, 1.0, "1", "yes", "True", np.int8(1)])
def test_a_target_says_in_several_ways_that_it_is_periodic(tmp_path: Path, value):
    assert load(write(tmp_path / "mine.h5", lambda d: periodic(d, value))).problem.targets[0].periodic


def test_roles_may_be_lists(tmp_path: Path):
    found = load(write(tmp_path / "mine.h5", lambda d: d.assign(m=2 * d["k"]).assign_attrs(inputs=["k", "m"])))
    assert [v.name for v in found.problem.inputs] == ["k", "m"]


def test_arrays_without_names_of_their_dimensions_are_one_sentence(tmp_path: Path):
    with h5py.File(tmp_path / "plain.h5", "w") as file:
        file["k"] = file["u"] = np.ones((6, 4))
        file.attrs.update(inputs="k", targets="u", sample="case")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(DataFileError, match="have no named dimensions; write it with xarray"):
            load(tmp_path / "plain.h5")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (without("targets"), "no attribute 'targets'"),
        (without("sample"), "no attribute 'sample'"),
        (lambda d: d.assign_attrs(inputs="q"), "names 'q' as a variable but holds k, u"),
        (lambda d: d.assign_attrs(inputs="u"), "both as an input and as a target"),
        (lambda d: d.assign_attrs(sample="n"), "names 'n' as its sample dimension but has the dimensions"),
        (lambda d: d.rename(x="longitude"), "dimension 'longitude'; rename it to one of"),
        (nan, "'u' of 'mine.h5' holds 1 values that are NaN or infinite, the first in sample 4"),
        (lambda d: d.isel(case=slice(2)), "holds 2 samples"),
        (lambda d: d.assign(k=d["u"].isel(case=0)), "lacks the sample dimension"),
        (lambda d: d.isel(x=slice(0)), "the dimension 'x' of the data file 'mine.h5' is empty"),
        (lambda d: periodic(d, "often"), "has periodic='often'; expected 1 or 0"),
        (lambda d: d.assign_attrs(group="k"), "groups samples, so that it needs the sample dimension and no other"),
        (lambda d: grouped(d, [0, 0, 1, np.nan, 2, 2]), "groups samples but holds NaN"),
        (lambda d: ordered(d, ["a", "b", "c", "d", "e", "f"]), "orders samples and has the type"),
        (lambda d: ordered(d, [0, 0, 1, np.nan, 2, 2]), "orders samples but holds NaN"),
        (lambda d: ordered(d, range(6)).assign_attrs(group="when"), "has both a group and an order; give one"),
        (
            lambda d: d.rename(k="order").assign_attrs(inputs="order"),
            "is called 'order', the name of what puts samples",
        ),
        (lambda d: d.rename(k="group").assign_attrs(inputs="group"), "is called 'group', the name of what keeps"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_sentence(tmp_path: Path, change, words: str):
    with pytest.raises(DataFileError, match=words):
        load(write(tmp_path / "mine.h5", change))


def test_a_file_that_is_no_hdf5_is_one_sentence(tmp_path: Path):
    (tmp_path / "mine.h5").write_text("hello")
    with pytest.raises(DataFileError, match="cannot be read by xarray"):
        load(tmp_path / "mine.h5")


def test_a_second_sample_dimension_is_refused(tmp_path: Path):
    def twice(data: xr.Dataset) -> xr.Dataset:
        return data.assign(k=(("case", "sample"), np.ones((6, 4))))

    with pytest.raises(DataFileError, match="also a dimension called 'sample'; rename one of them"):
        load(write(tmp_path / "mine.nc", twice))


def test_nodes_of_a_mesh_are_not_promised(tmp_path: Path):
    with pytest.raises(
        DataFileError, match="has the dimension 'node'; rename it to one of time, history, channel, x, y, z, "
    ):
        load(write(tmp_path / "mine.nc", lambda d: d.rename(x="node")))
