import os
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
        (lambda d: d.assign_attrs(inputs="q"), "names 'q' as a variable but holds k, u; name one of these"),
        (
            lambda d: d.assign_coords(x=range(4)).assign_attrs(inputs="k x"),
            "names 'x' as an input or a target, but these are the coordinates of a dimension; write them as a variable",
        ),
        (lambda d: d.assign_attrs(sample="case x"), 'has sample="case x"; name one alone'),
        (lambda d: grouped(d, range(6)).assign_attrs(group="unit k"), 'has group="unit k"; name one alone'),
        (lambda d: d.assign(k=d["k"].astype(str)), "expected numbers: write it as such, or leave it out of the roles"),
        (lambda d: d.assign_attrs(inputs="u"), "both as an input and as a target"),
        (
            lambda d: d.assign_attrs(sample="n"),
            "names 'n' as its sample dimension but has the dimensions .*; name one of these",
        ),
        (lambda d: d.rename(x="longitude"), "dimension 'longitude'; rename it to one of"),
        (nan, "'u' of 'mine.h5' holds 1 values that are NaN or infinite, the first in sample 4"),
        (lambda d: d.isel(case=slice(2)), "holds 2 samples"),
        (lambda d: d.assign(k=d["u"].isel(case=0)), "lacks the sample dimension; .*: write its values for each sample"),
        (lambda d: d.isel(x=slice(0)), "the dimension 'x' of the data file 'mine.h5' is empty"),
        (lambda d: periodic(d, "often"), "has periodic='often'; expected 1 or 0"),
        (
            lambda d: d.assign_attrs(group="k"),
            "groups samples, so that it needs the sample dimension and no other; name a variable that has 'case' alone",
        ),
        (lambda d: grouped(d, [0, 0, 1, np.nan, 2, 2]), "groups samples but holds NaN"),
        (
            lambda d: ordered(d, ["a", "b", "c", "d", "e", "f"]),
            "orders samples and has the type .*: write these, or name it as",
        ),
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
    with pytest.raises(DataFileError, match=r"cannot be read by xarray .*; write it with xarray, as README shows"):
        load(tmp_path / "mine.h5")


def test_a_second_sample_dimension_is_refused(tmp_path: Path):
    def twice(data: xr.Dataset) -> xr.Dataset:
        return data.assign(k=(("case", "sample"), np.ones((6, 4))))

    with pytest.raises(DataFileError, match="also a dimension called 'sample'; rename one of them"):
        load(write(tmp_path / "mine.nc", twice))


def test_nodes_of_a_mesh_are_not_promised(tmp_path: Path):
    words = "has the dimension 'node', and a data file holds no graphs and meshes; give them by a Python file, as CONTRIBUTING"
    with pytest.raises(DataFileError, match=words):
        load(write(tmp_path / "mine.nc", lambda d: d.rename(x="node")))


@pytest.mark.parametrize("kind", ["folder", "pipe"])
def test_what_is_no_file_is_one_sentence(tmp_path: Path, kind: str):
    path = tmp_path / "mine.h5"
    path.mkdir() if kind == "folder" else os.mkfifo(path)
    with pytest.raises(DataFileError, match="is a folder; give" if kind == "folder" else "is no ordinary file; give"):
        load(path)


@pytest.mark.parametrize("role", ["order", "group"])
def test_the_coordinates_of_the_samples_may_order_or_group_them(tmp_path: Path, role: str):
    found = load(
        write(tmp_path / "mine.h5", lambda d: d.assign_coords(case=[9, 9, 4, 4, 5, 5]).assign_attrs({role: "case"}))
    )
    with read(found.cached.path) as data:
        assert data[role].values.tolist() == [2, 2, 0, 0, 1, 1]


def placed(dim: str, values, periodic: int = 0):
    """Return the change that gives a file of four places along `dim` its coordinates."""

    def change(data: xr.Dataset) -> xr.Dataset:
        data["u"].attrs["periodic"] = periodic
        return data.rename(x=dim).assign_coords({dim: values})

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (placed("x", [0, 1, np.nan, 3]), "'x' in 'mine.h5' hold NaN or infinity, the first at place 2 .*drop_vars"),
        (placed("channel", [0, 1, 2, np.inf]), "'channel' in 'mine.h5' hold NaN or infinity, the first at place 3"),
        (
            placed("x", [0, 1, 1, 3]),
            "hold the same value twice: 1 at place 1 .* followed by 1; keep one .*drop_duplicates",
        ),
        (placed("y", [0.0, 2.5, 1.5, 3.0]), "are not in order: 2.5 at place 1 .* is followed by 1.5; .*ds.sortby"),
        (placed("y", [3, 2, 4, 0]), "are not in order: 2 at place 1 .* is followed by 4"),
        (placed("x", [0, 1, 0, 1]), "are not in order: 1 at place 1 .* is followed by 0"),
        (placed("time", [3, 2, 1, 0]), "'time' in .* are not in order: 3 at place 0"),
        (placed("history", [3, 2, 1, 0]), "'history' in .* are not in order: 3 at place 0"),
        (placed("time", np.array(["2020", "2022", "2021", "2023"], "M8[ns]")), "not in order: 2022.* by 2021"),
        (placed("time", np.array(["2020", "NaT", "2021", "2023"], "M8[ns]")), "the first at place 1"),
        (
            placed("x", [0, 1, 2.001, 3.001], 1),
            "uneven: from place 1 .* the step is 1.001, where others are 1; .*periodic=0",
        ),
        (placed("x", [0, 1, 2, 4], 1), "are uneven: from place 2"),
    ],
)
def test_coordinates_that_are_those_of_no_axis_are_one_sentence(tmp_path: Path, change, words: str):
    with pytest.raises(DataFileError, match=words):
        load(write(tmp_path / "mine.h5", change))


@pytest.mark.parametrize(
    "change",
    [
        placed("x", [0, 1, 10, 100]),
        placed("x", [3.0, 2.0, 1.0, 0.0], 1),
        placed("x", np.array([3, 2, 1, 0], "u1")),
        placed("x", (1000 + np.arange(4) / 1000).astype(np.float32), 1),
        placed("x", np.float32([0.1, 0.2, 0.3, 0.4]).astype(np.float64), 1),
        placed("time", [0.0, 0.5, 0.6, 9.0]),
        placed("time", np.array(["2020", "2021", "2022", "2023"], "M8[ns]")),
        placed("x", ["b", "a", "b", "c"]),
        placed("channel", [5, 5, 1, 2]),
        placed("feature", ["p", "T", "p", "q"]),
        lambda d: d.isel(x=[0]).assign_coords(x=[7.0]),
        lambda d: d.assign_coords(case=[3, 3, np.nan, 1, 0, 0]),
        lambda d: d.assign_coords(place=(("case", "x"), np.full((6, 4), np.nan))),
    ],
)
def test_other_coordinates_are_taken(tmp_path: Path, change):
    assert load(write(tmp_path / "mine.h5", change)).cached.samples == 6
