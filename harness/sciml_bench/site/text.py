"""Numbers as a reader wants them: three digits, a true minus sign, powers of ten written out."""

import math
import re

from markupsafe import Markup, escape

from ..ranking.intervals import Interval

NONE = "–"
"""What stands where there is no number."""

_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_TIMES = (
    (1e-3, 1e6, "µs"),
    (1.0, 1e3, "ms"),
    (120.0, 1.0, "s"),
    (7200.0, 1 / 60, "min"),
    (math.inf, 1 / 3600, "h"),
)


def power(exponent: int) -> str:
    """Return 10 to an integer power, as `10⁻³`."""
    return "10" + str(exponent).translate(_SUPERSCRIPT)


def number(value: float | None, digits: int = 3) -> str:
    """Return a number to so many significant digits: `0.0588`, `4.63×10⁻⁶`, `12,300`."""
    if value is None:
        return NONE
    if value == 0:
        return "0"
    mantissa, _, exponent = f"{value:.{digits - 1}e}".partition("e")
    e = int(exponent)
    plain = f"{float(f'{mantissa}e{e}'):,.{max(digits - 1 - e, 0)}f}"
    text = f"{mantissa}×{power(e)}" if e < -3 or e > 5 else plain
    return text.replace("-", "−")


def plain(value: object) -> str:
    """Return a parameter as it was given: `0.001`, `32`, `True`."""
    return f"{value:.6g}".replace("-", "−") if isinstance(value, float) else str(value)


def seconds(value: float | None) -> str:
    """Return a time in the unit that fits it: `223 µs`, `1.25 s`."""
    if value is None:
        return NONE
    factor, unit = next((f, u) for limit, f, u in _TIMES if value < limit)
    return f"{number(value * factor)} {unit}"


def factor(value: float | None) -> str:
    """Return a ratio: `0.034×`."""
    return NONE if value is None else f"{number(value, 2)}×"


def whole(value: int | float | None) -> str:
    """Return a count with its thousands set apart: `25,468`."""
    return NONE if value is None else f"{round(value):,}".replace("-", "−")


def ends(interval: Interval, digits: int = 3) -> str:
    """Return the ends of an interval, a power of ten that both have once: `(2.4 – 6.3)×10⁻⁶`; or why it has none."""
    if interval.low is None or interval.high is None:
        return "no interval"
    low, high = number(interval.low, digits), number(interval.high, digits)
    (a, _, power_low), (b, _, power_high) = low.partition("×"), high.partition("×")
    return f"({a} – {b})×{power_low}" if power_low and power_low == power_high else f"{low} – {high}"


def words(name: str) -> str:
    """Return an identifier as words: `over_budget` is `over budget`."""
    return name.replace("_", " ")


def breakable(name: str) -> Markup:
    """Return an identifier that may be broken behind each underscore, and so need not be within a word."""
    return Markup("_<wbr>").join(name.split("_"))


def capitalise(sentence: str) -> str:
    """Return the sentence with a large first letter, its others as they are."""
    return sentence[:1].upper() + sentence[1:]


def ticked(words: str) -> Markup:
    """Return words in which `this` is set as code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(words))))


def anchor(name: str) -> str:
    """Return a name as a fragment of an address: letters, digits and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "row"


def shortened(sentence: str, limit: int = 160) -> str:
    """Return the sentence, cut at a word if it is longer than `limit`."""
    return sentence if len(sentence) <= limit else sentence[:limit].rsplit(" ", 1)[0] + " …"
