"""Values of hyperparameters, as they are given in Python or as text of the command line."""

import math
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from .errors import UsageError


def coerce(name: str, value: Any, hint: Any) -> Any:
    """Return `value` as the type of a hyperparameter; a string from the command line is read as that type.

    Raises UsageError for a value of another type, and for one that is NaN or infinite, which no record can hold.
    """
    read = _read(name, value, hint)
    if isinstance(read, float) and not math.isfinite(read):
        raise UsageError(f"hyperparameter '{name}' is {read}: expected a finite number")
    return read


def _read(name: str, value: Any, hint: Any) -> Any:
    if get_origin(hint) is Literal:
        allowed = get_args(hint)
        for choice in allowed:
            if value == choice or str(value) == str(choice):
                return choice
        raise UsageError(f"hyperparameter '{name}' is '{value}': expected one of {', '.join(map(str, allowed))}")
    options = [t for t in get_args(hint) if t is not type(None)] if get_origin(hint) in (Union, UnionType) else [hint]
    if value is None or (value == "none" and type(None) in get_args(hint)):
        return None
    if len(options) == 1 and options[0] is not hint:
        return _read(name, value, options[0])
    if any(get_origin(kind) is not None for kind in options):
        if isinstance(value, str):
            raise UsageError(
                f"hyperparameter '{name}' is '{value}': it holds several values and cannot be given as text"
            )
        return value
    for kind in options:
        if isinstance(value, bool) is (kind is bool) and isinstance(value, kind):
            return value
        if kind is float and isinstance(value, int) and not isinstance(value, bool):
            return float(value)
        if isinstance(value, str):
            try:
                return _parse(value, kind)
            except ValueError:
                continue
    expected = " or ".join(getattr(t, "__name__", str(t)) for t in options)
    raise UsageError(f"hyperparameter '{name}' is '{value}': expected a value of type {expected}")


def _parse(text: str, kind: type) -> Any:
    if kind is bool:
        if text.lower() in ("true", "false"):
            return text.lower() == "true"
        raise ValueError(text)
    if kind in (int, float, str):
        return kind(text)
    raise ValueError(text)
