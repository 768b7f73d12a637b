from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from sciml_bench.errors import DataFileError
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


def nan(data: xr.Dataset) -> xr.Dataset:
    data["u"].values[4, 1] = np.nan
    return data


def test_a_file_becomes_a_problem(tmp_path: Path):
    found = load(write(tmp_path / "mine.h5"))
    assert (found.name, found.title, found.cached.samples) == ("mine", "Mine", 6)
    assert [v.name for v in found.problem.inputs] == ["k"]
    assert found.problem.targets[0].dims == ("x",)


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
    ],
)
def test_a_file_that_cannot_be_used_is_one_sentence(tmp_path: Path, change, words: str):
    with pytest.raises(DataFileError, match=words):
        load(write(tmp_path / "mine.h5", change))


def test_a_file_that_is_no_hdf5_is_one_sentence(tmp_path: Path):
    (tmp_path / "mine.h5").write_text("hello")
    with pytest.raises(DataFileError, match="cannot be read by xarray"):
        load(tmp_path / "mine.h5")
