"""A whole record as a page shows it: every key and every value, nested as in the record."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup, escape

_NONE = '<span class="none">none</span>'
FEW = 8
"""A list with more plain values is folded away behind its length."""


def tree(value: Any) -> Markup:
    """Return a value of a record; numbers in lists are shown to six digits, alone exactly."""
    return Markup("".join(_parts(value)))


def shared(values: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what all records hold alike, nested as they are."""
    first, *others = values
    found = {}
    for key, value in first.items():
        if all(key in o and o[key] == value for o in others):
            found[key] = value
        elif isinstance(value, dict) and all(isinstance(o.get(key), dict) for o in others):
            inner = shared([value, *(o[key] for o in others)])
            if inner:
                found[key] = inner
    return found


def own(value: Mapping[str, Any], alike: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is left of a record without what it shares."""
    return {
        k: own(v, alike[k]) if k in alike and isinstance(v, dict) else v
        for k, v in value.items()
        if k not in alike or v != alike[k]
    }


def _parts(value: Any) -> list[str]:
    if isinstance(value, dict):
        if not value:
            return [_NONE]
        parts = ['<dl class="tree">']
        for key, one in value.items():
            parts += (f"<dt>{escape(key)}</dt><dd>", *_parts(one), "</dd>")
        return [*parts, "</dl>"]
    if isinstance(value, list):
        return [_list(value)]
    return [str(escape(_plain(value)))] if value not in (None, "") else [_NONE]


def _list(values: list[Any]) -> str:
    if not values:
        return _NONE
    listed = str(escape(_listed(values)))
    if len(values) <= FEW and len(listed) < 200:
        return f"<code>{listed}</code>"
    return f"<details><summary>{len(values)} values</summary><code>{listed}</code></details>"


def _listed(values: list[Any]) -> str:
    if set(map(type, values)) == {float}:  # most lists, and most of what a page holds
        return ", ".join([f"{v:.6g}" for v in values])
    return ", ".join(
        f"{v:.6g}" if isinstance(v, float) else f"({_listed(v)})" if isinstance(v, list) else _plain(v) for v in values
    )


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else str(value)
