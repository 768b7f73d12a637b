"""How methods are named: `fno`, a path, or a wrapper around one with options, `ensemble(fno, members=8)`."""

from dataclasses import dataclass

from .errors import UsageError


@dataclass(frozen=True)
class Wrapped:
    """The parts of `wrapper(inner, option=value, …)`; `inner` may be such a name itself."""

    wrapper: str
    inner: str
    options: dict[str, str]

    def __str__(self) -> str:
        """Return the name without spaces, as it stands in records."""
        return f"{self.wrapper}({','.join([self.inner, *(f'{k}={v}' for k, v in self.options.items())])})"


def parse(name: str) -> Wrapped | None:
    """Return the parts of a wrapped name, or None if it is a plain one. Raises UsageError for one that is neither."""
    if "(" not in name and ")" not in name:
        return None
    head, _, rest = name.partition("(")
    parts = split(rest[:-1]) if rest.endswith(")") else []
    if not head.strip().isidentifier() or not parts or "=" in _outside(parts[0]):
        raise UsageError(
            f"the method '{name}' cannot be read: expected wrapper(method, option=value), as in ensemble(fno,members=4)"
        )
    options = {}
    for part in parts[1:]:
        key, equals, value = part.partition("=")
        if not equals or not key.strip().isidentifier():
            raise UsageError(
                f"the option '{part}' of '{name}' cannot be read: expected option=value, as in ensemble(fno,members=4)"
            )
        options[key.strip()] = value.strip()
    inner = parse(parts[0])
    return Wrapped(head.strip(), parts[0] if inner is None else str(inner), options)


def split(text: str) -> list[str]:
    """Split at commas that stand in no parentheses. Raises UsageError where these do not match."""
    parts, depth = [""], 0
    for letter in text:
        depth += (letter == "(") - (letter == ")")
        if depth < 0:
            break
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    if depth:
        raise UsageError(f"the parentheses in '{text}' do not match")
    return [part.strip() for part in parts if part.strip()]


def innermost(name: str) -> str:
    """Return the method inside all wrappers."""
    parts = parse(name)
    return name if parts is None else innermost(parts.inner)


def _outside(text: str) -> str:
    return text.partition("(")[0]
