"""What a method may tell its log, made plain: the same where cells run and where the contract is checked."""

import math

import numpy as np

from .errors import ContractError

COUNTED = ("parameters", "flops")
"""The facts that become numbers of a record."""


def share(fraction: object) -> float:
    """Return what `log.progress` was given as a number. Raises ContractError if it is none or not finite."""
    try:
        found = float(fraction)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        found = math.nan
    if not math.isfinite(found):
        raise ContractError(f"log.progress was given {_shown(fraction)}; expected the share that is done, from 0 to 1")
    return found


def point(name: object, step: object, value: object) -> tuple[str, tuple[int, float]]:
    """Return the name and the point that `log.curve` was given. Raises ContractError for what is none."""
    try:
        return _name("curve", name), (int(step), float(value))  # type: ignore[call-overload, arg-type]
    except (TypeError, ValueError, OverflowError) as error:
        raise ContractError(
            f"log.curve was given {_shown(step)} and {_shown(value)} for '{name}'; expected the number of a step and a number"
        ) from error


def fact(name: object, value: object) -> tuple[str, float | str]:
    """Return the name and the value of what `log.fact` was given; a number of NumPy's becomes Python's.

    One that is not finite becomes its name, as records hold no such numbers.
    Raises ContractError for what is no number and no string.
    """
    plain = value.item() if isinstance(value, np.generic) else value
    if not isinstance(plain, int | float | str):
        raise ContractError(f"log.fact was given a {type(value).__name__} as '{name}'; expected a number or a string")
    if name in COUNTED and (isinstance(plain, str) or not math.isfinite(plain)):
        raise ContractError(f"log.fact was given {plain!r} as '{name}'; expected a finite number")
    return _name("fact", name), plain if isinstance(plain, str) or math.isfinite(plain) else str(plain)


def _name(kind: str, name: object) -> str:
    if not isinstance(name, str):
        raise ContractError(f"log.{kind} was given {_shown(name)} as a name; expected a string")
    return name


def _shown(value: object) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= 80 else f"a {type(value).__name__}"
