"""Numbers, times and places on a scale, as pages show them."""

import pytest

from sciml_bench.ranking.intervals import Interval
from sciml_bench.site import text
from sciml_bench.site.scale import LogScale


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.0588309, "0.0588"),
        (4.6299e-6, "4.63×10⁻⁶"),
        (0.0, "0"),
        (9.996, "10.0"),
        (12345.6, "12,300"),
        (-0.25, "−0.250"),
        (1.2e13, "1.20×10¹³"),
        (None, "–"),
    ],
)
def test_numbers(value, shown):
    assert text.number(value) == shown


@pytest.mark.parametrize(
    ("low", "high", "shown"),
    [
        (0.0221, 0.0281, "0.0221 – 0.0281"),
        (2.43e-14, 6.28e-14, "(2.43 – 6.28)×10⁻¹⁴"),
        (-2e-6, 4e-6, "(−2.00 – 4.00)×10⁻⁶"),
        (9e-7, 2e-6, "9.00×10⁻⁷ – 2.00×10⁻⁶"),
        (0.0, 2e-6, "0 – 2.00×10⁻⁶"),
        (None, None, "no interval"),
    ],
)
def test_ends_of_an_interval_have_a_common_power_once(low, high, shown):
    assert text.ends(Interval(1e-6, low, high)) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(2.2e-4, "220 µs"), (0.0022, "2.20 ms"), (1.25, "1.25 s"), (300.0, "5.00 min"), (9e4, "25.0 h")],
)
def test_times(value, shown):
    assert text.seconds(value) == shown


def test_the_scale_is_logarithmic_and_holds_the_floor():
    scale = LogScale.of([1e-9, 1e-2, 1.0], floor=1e-4)
    assert 0 < scale.at(1e-4) < scale.at(1e-2) < scale.at(1.0) < 100
    assert scale.at(1e-2) - scale.at(1e-3) == pytest.approx(scale.at(1.0) - scale.at(0.1), abs=0.02)
    assert scale.at(1e-9) == 0
    assert len(scale.ticks) <= 4


def test_a_floor_far_below_is_not_drawn_and_one_of_zero_squeezes_nothing():
    far = LogScale.of([1e-2, 1.0], floor=1e-16)
    assert far.low > 1e-3
    assert not far.shows(1e-16)
    assert LogScale.of([1e-2, 1.0], floor=1e-4).shows(1e-4)
    for errors in ([], [0.0], [0.1, 0.2]):
        scale = LogScale.of(errors, floor=0.0)
        assert 0 < scale.low < scale.high
