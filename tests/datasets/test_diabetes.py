"""Diabetes: the table of the study, its groups, and published least-squares numbers."""

import numpy as np
import pytest

from sciml_bench.datasets.diabetes import INPUTS, Diabetes, age_band, patients, sex
from sciml_bench.errors import UsageError

pytest.importorskip("sklearn")
SMALL = Diabetes.tier("small")


@pytest.fixture(scope="module")
def data():
    return SMALL.generate(0, range(SMALL.samples))


def test_first_patient_of_the_study(data):
    # Efron et al. 2004, table 1: the first of its rows.
    row = [float(data[v.name][0]) for v in INPUTS]
    assert row == pytest.approx([59, 2, 32.1, 101, 157, 93.2, 38, 4, 4.8598, 87])
    assert float(data.progression[0]) == 151


def test_least_squares_explains_the_published_share():
    """R² of ordinary least squares on all 442 patients: 0.5177, by scikit-learn's and others' account of the data."""
    table, y = patients()
    a = np.column_stack([np.ones(len(table)), table])
    left = y - a @ np.linalg.lstsq(a, y, rcond=None)[0]
    assert 1 - (left**2).sum() / ((y - y.mean()) ** 2).sum() == pytest.approx(0.5177, abs=1e-4)


def test_ratio_column_is_the_ratio_of_two_others(data):
    assert np.corrcoef(data.tch.values, data.tc.values / data.hdl.values)[0, 1] > 0.97
    assert np.median(np.abs(data.tch.values - data.tc.values / data.hdl.values)) < 0.3


def test_every_patient_is_either_in_or_beyond(data):
    beyond = SMALL.shifts()["higher_bmi"]
    others = beyond.generate(0, range(beyond.samples))
    assert data.bmi.values.max() <= 33 < others.bmi.values.min()
    table, y = patients()
    joined = np.concatenate([data.progression.values, others.progression.values])
    assert (np.sort(joined) == np.sort(y)).all()
    assert len(joined) == len(table) == 442


def test_seed_does_not_matter(data):
    assert SMALL.generate(9, range(SMALL.samples)).identical(data)


def test_groups_name_every_patient(data):
    assert set(sex(data)) == {"coded 1", "coded 2"}
    shares = [(age_band(data) == band).mean() for band in ("under 42", "42 to 54", "55 and over")]
    assert sum(shares) == pytest.approx(1)
    assert min(shares) > 0.25


def test_more_patients_than_there_are_is_refused():
    with pytest.raises(UsageError, match="only 411 patients"):
        Diabetes(samples=500).generate(0, range(500))
    with pytest.raises(NotImplementedError, match="measured"):
        SMALL.refined()
