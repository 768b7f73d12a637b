"""Values of hyperparameters as text, for every type that a field may have."""

from typing import Literal

import pytest

from sciml_bench.errors import UsageError
from sciml_bench.values import coerce

Size = Literal["small", "large"]


@pytest.mark.parametrize(
    ("given", "hint", "read"),
    [
        ("3", int, 3),
        ("3", float, 3.0),
        (3, float, 3.0),
        ("3", int | None, 3),
        ("none", int | None, None),
        ("false", bool, False),
        ("1e-3", int | float, 1e-3),
        ("large", Size, "large"),
        ("large", Size | None, "large"),
        ("none", Size | None, None),
        ((1, 2), tuple[int, ...], (1, 2)),
    ],
)
def test_text_is_read_as_the_type_of_the_field(given, hint, read):
    found = coerce("x", given, hint)
    assert (found, type(found)) == (read, type(read))


@pytest.mark.parametrize(
    ("given", "hint", "sentence"),
    [
        ("3.5", int, "expected a value of type int"),
        ("true", int, "expected a value of type int"),
        (True, int, "expected a value of type int"),
        ("nan", float, "expected a finite number"),
        (float("inf"), float | None, "expected a finite number"),
        ("huge", Size | None, "expected one of small, large"),
        ("1", tuple[int, ...], "holds several values and cannot be given as text"),
        ("1", dict[str, int] | None, "holds several values and cannot be given as text"),
    ],
)
def test_what_is_no_such_value_is_refused_in_a_sentence(given, hint, sentence):
    with pytest.raises(UsageError, match=sentence):
        coerce("x", given, hint)
