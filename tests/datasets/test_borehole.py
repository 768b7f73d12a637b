"""Borehole: resistances in series, a value by hand, and the way each input moves the flow."""

from dataclasses import replace

import numpy as np
import pytest

from sciml_bench.datasets.borehole import INPUTS, RANGES, Borehole, flow
from sciml_bench.errors import UsageError

SMOKE = Borehole.tier("smoke")
MIDDLE = {"rw": 0.1, "r": 25_050.0, "Tu": 89_335.0, "Hu": 1050.0, "Tl": 89.55, "Hl": 760.0, "L": 1400.0, "Kw": 10_950.0}


@pytest.fixture(scope="module")
def data():
    return Borehole(samples=2000).generate(1, range(2000))


def test_a_value_by_hand():
    # ln(25050/0.1) = 12.4312; 2 L Tu = 250 138 000; ln · rw² · Kw = 1361.21; their ratio 183 761; Tu/Tl = 997.6.
    # 2π Tu (Hu − Hl) = 162 779 000; over 12.4312 · (1 + 183 761 + 997.6) = 2 296 785: 70.87 m³/yr.
    assert flow(**MIDDLE) == pytest.approx(70.87, abs=0.02)


def test_flow_is_head_over_three_resistances_in_series(data):
    """Q = ΔH / (ln(r/rw)/2πTu + L/(π rw² Kw) + ln(r/rw)/2πTl): radial, pipe, radial."""
    d = {v.name: data[v.name].values for v in INPUTS}
    log = np.log(d["r"] / d["rw"])
    upper, lower = log / (2 * np.pi * d["Tu"]), log / (2 * np.pi * d["Tl"])
    pipe = d["L"] / (np.pi * d["rw"] ** 2 * d["Kw"])
    assert np.allclose(data.flow.values, (d["Hu"] - d["Hl"]) / (upper + pipe + lower), rtol=1e-13, atol=0)


@pytest.mark.parametrize(
    ("name", "sign"),
    [("rw", 1), ("r", -1), ("Tu", 1), ("Hu", 1), ("Tl", 1), ("Hl", -1), ("L", -1), ("Kw", 1)],
)
def test_flow_is_monotonic_in_each_input(name, sign):
    low, high = {**RANGES, "rw": SMOKE.radius, "Kw": SMOKE.conductivity}[name]
    values = flow(**{**MIDDLE, name: np.linspace(low, high, 20)})
    assert (sign * np.diff(values) > 0).all()


def test_inputs_are_uniform_over_their_ranges(data):
    for name, (low, high) in {**RANGES, "rw": (0.05, 0.15), "Kw": (9855.0, 12_045.0)}.items():
        share = (data[name].values - low) / (high - low)
        assert (share.min() >= 0, share.max() <= 1) == (True, True)
        assert np.allclose(np.quantile(share, [0.1, 0.5, 0.9]), [0.1, 0.5, 0.9], atol=0.04)


def test_mean_flow_is_a_little_under_that_of_the_pipe_alone(data):
    """Without the aquifers Q = ΔH π rw² Kw / L, whose mean over independent inputs is a product of four integrals."""
    head, conductivity = 1050.0 - 760.0, (9855 + 12_045) / 2
    square = (0.15**3 - 0.05**3) / (3 * (0.15 - 0.05))
    inverse = np.log(1680 / 1120) / (1680 - 1120)
    pipe = head * np.pi * square * conductivity * inverse
    error = data.flow.values.std() / np.sqrt(data.sizes["sample"])
    assert 0.97 * pipe - 3 * error < data.flow.values.mean() < pipe + 3 * error


def test_there_is_nothing_to_refine():
    with pytest.raises(NotImplementedError, match="closed form"):
        SMOKE.refined()


def test_shifts_lie_outside():
    shifts = SMOKE.shifts()
    wide = shifts["wider_borehole"].generate(0, range(8)).rw.values
    slow = shifts["lower_conductivity"].generate(0, range(8)).Kw.values
    assert ((wide > 0.15) & (wide < 0.3)).all()
    assert ((slow > 1500) & (slow < 9855)).all()


def test_a_turned_range_is_refused():
    with pytest.raises(UsageError, match="lower first"):
        replace(SMOKE, radius=(0.2, 0.1)).generate(0, [0])
