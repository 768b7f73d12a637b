"""A whole record as a page shows it: every key and every value, nested as in the record."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup, escape

FEW = 8
"""A list with more plain values is folded away behind its length."""


def tree(value: Any) -> Markup:
    """Return a value of a record; numbers in lists are shown to six digits, alone exactly."""
    return Markup("".join(_parts(value)))


def _parts(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        if not value:
            return ['<span class="none">none</span>']
        parts = ['<dl class="tree">']
        for key, one in value.items():
            parts += [f"<dt>{escape(str(key))}</dt><dd>", *_parts(one), "</dd>"]
        return [*parts, "</dl>"]
    if isinstance(value, Sequence) and not isinstance(value, str):
        return _sequence(value)
    return [str(escape(_plain(value)))] if value not in (None, "") else ['<span class="none">none</span>']


def _sequence(values: Sequence[Any]) -> list[str]:
    if not values:
        return ['<span class="none">none</span>']
    listed = str(escape(_listed(values)))
    if len(values) <= FEW and len(listed) < 200:
        return [f"<code>{listed}</code>"]
    return [f"<details><summary>{len(values)} values</summary><code>{listed}</code></details>"]


def _listed(values: Sequence[Any]) -> str:
    return ", ".join(
        f"({_listed(v)})" if isinstance(v, Sequence) and not isinstance(v, str) else _in_list(v) for v in values
    )


def _in_list(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else _plain(value)


def _plain(value: Any) -> str:
    return {True: "yes", False: "no", None: "none"}[value] if isinstance(value, bool | None) else str(value)
