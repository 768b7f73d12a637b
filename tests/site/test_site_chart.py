"""Charts drawn as inline SVG: where the points land is worked out from the axes' own ends."""

import re

import pytest

from sciml_bench.site.chart import BOTTOM, LEFT, MOST, RIGHT, TOP, Chart, Line
from sciml_bench.site.tree import own, shared, tree


def drawn(lines, **more):
    return str(Chart(alt="what it shows", x="x", y="y", lines=lines, **more).svg())


def path(source, look):
    return re.search(rf'class="line {look}".*?<path d="([^"]*)"', source).group(1)


def test_the_ends_of_the_axes_are_the_corners_of_the_plot():
    source = drawn([Line("a", [(1, 0.01), (3, 1)])], y_ends=(0.01, 1.0), width=300, height=200)
    assert path(source, "c0") == f"M{LEFT}.0 {200 - BOTTOM}.0L{300 - RIGHT}.0 {TOP}.0"


def test_a_logarithmic_axis_puts_the_geometric_mean_in_the_middle():
    source = drawn([Line("a", [(1, 1e-4), (2, 1e-2), (3, 1)])], y_ends=(1e-4, 1.0), width=300, height=200)
    middle = (TOP + 200 - BOTTOM) / 2
    assert f" {middle:.1f}L" in path(source, "c0")
    assert ">10⁻⁴<" in source


def test_nothing_that_has_no_logarithm_is_drawn():
    assert drawn([Line("a", [(1, 0.0), (2, -1.0), (3, float("nan"))])]) == ""
    assert path(drawn([Line("a", [(1, 0.0), (2, 1.0), (3, 2.0)])]), "c0").count("L") == 1


def test_long_lines_are_thinned_and_keep_their_ends():
    source = drawn([Line("a", [(i, 1 + i) for i in range(1000)])], width=300, height=200)
    points = path(source, "c0")
    assert points.count("L") <= MOST
    assert points.startswith(f"M{LEFT}.0 ")
    assert f"L{300 - RIGHT}.0 " in points


def test_many_lines_end_in_grey_and_are_counted():
    source = drawn([Line(f"m{i}", [(1, 1), (2, 2)]) for i in range(12)])
    assert source.count('class="line grey"') == 4
    assert ">4 more</li>" in source
    assert "<title>m11</title>" in source


def test_words_of_records_are_escaped():
    source = drawn([Line("<b>", [(1, 1), (2, 2)]), Line("b", [(1, 1), (2, 2)])])
    assert "<b>" not in source
    assert "&lt;b&gt;" in source
    assert "<i>" not in str(tree({"<i>": ["<i>"] * 20, "a": "<i>"}))


def test_what_records_share_is_told_once_and_nothing_is_lost():
    records = [
        {"same": 1, "deep": {"x": [1], "y": 2}, "other": {"a": 1}, "only": 3},
        {"same": 1, "deep": {"x": [1], "y": 3}, "other": {"b": 1}},
    ]
    alike = shared(records)
    assert alike == {"same": 1, "deep": {"x": [1]}}
    assert own(records[0], alike) == {"deep": {"y": 2}, "other": {"a": 1}, "only": 3}
    assert own(records[1], alike) == {"deep": {"y": 3}, "other": {"b": 1}}


@pytest.mark.parametrize("value", [{}, [], None, ""])
def test_an_empty_value_of_a_record_says_so(value):
    assert ">none<" in str(tree({"key": value}))
