"""What the class of a plugin lacks before it can be asked anything."""

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields
from functools import cache
from inspect import get_annotations
from reprlib import repr as shortened
from typing import Any, get_args, get_type_hints

from .errors import UsageError
from .problem import MethodCard, Source
from .problem.card import Family, Framework, Kind, Truth
from .values import coerce

SEVERAL = (tuple, list)


@cache
def complaint(cls: type, kind: type) -> str | None:
    """Return what a class lacks, or None; `kind` is that of its card, `MethodCard` or `DatasetCard`."""
    card = getattr(cls, "card", None)
    if not isinstance(card, kind):
        has = "it has no card" if card is None else f"its card is a {type(card).__name__}"
        return f"{has}; write card = {kind.__name__}(title=…, summary=…, …) in it"
    return next((c for of in (_of_card(card), _of_mappings(cls), _of_fields(cls, kind)) for c in of), None)


def _of_card(card: Any) -> Iterator[str]:
    for name, choices in (("family", Family), ("framework", Framework), ("kind", Kind), ("truth", Truth)):
        value, allowed = getattr(card, name, None), get_args(choices)
        if hasattr(card, name) and value not in allowed:
            yield f"its card has the {name} '{value}'; expected one of {', '.join(allowed)}"
    for name in ("title", "summary", "description"):
        if not isinstance(getattr(card, name), str):
            yield f"its card has the {name} {getattr(card, name)!r}; expected a string"
    for name, one, example in (("sources", Source, 'Source(citation="…")'), ("needs", str, '"torch"')):
        value = getattr(card, name)
        if not isinstance(value, SEVERAL) or not all(isinstance(v, one) for v in value):
            yield f"its card has the {name} {value!r}; expected a tuple, as in {name}=({example},)"


def _of_mappings(cls: Any) -> Iterator[str]:
    for name, one, expected in (
        ("tiers", Mapping, 'tier → its values, as in {"smoke": {"width": 8}}'),
        ("search", SEVERAL, 'hyperparameter → the values to try, as in {"width": (8, 16)}'),
        ("known_failures", str, 'check → the reason, as in {"repeats_itself": "it draws lots"}'),
    ):
        value = getattr(cls, name, {})
        if not isinstance(value, Mapping) or not all(isinstance(v, one) for v in value.values()):
            yield f"its {name} is {value!r}; expected a mapping {expected}"


def _of_fields(cls: Any, kind: type) -> Iterator[str]:
    if "__dataclass_params__" not in vars(cls):
        yield "it is no dataclass; write @dataclass(frozen=True, kw_only=True) above it"
    try:
        hints = get_type_hints(cls)
    except Exception as error:
        yield f"the type of one of its fields is not known ({error})"
        return
    for f in fields(cls) if kind is MethodCard else ():  # a dataset's may come from its tiers alone
        if f.default is MISSING and f.default_factory is MISSING:
            yield f"its field '{f.name}' has no default; give it one, as in {f.name}: {_shown(hints[f.name])} = …"
        try:
            if isinstance(f.default, bool | int | float | str):
                coerce(f.name, f.default, hints[f.name])
        except UsageError as error:
            yield f"the default of its {error}"


@cache
def bare(cls: type, base: type) -> Mapping[str, str]:
    """Return what is to be said of each public value of a class that has no type annotation: no field is made of it.

    Looks as far as `base`, which is not the class's own. Names in capitals are constants.
    """
    fields_of, found = {f.name for f in fields(cls)}, dict[str, str]()
    declared = {name for owner in cls.__mro__ for name in get_annotations(owner)} - fields_of
    for owner in cls.__mro__[: cls.__mro__.index(base)]:
        for name, value in vars(owner).items():
            known = name in get_annotations(owner) or name in declared or hasattr(base, name)
            if known or name.startswith("_") or name.isupper() or callable(value) or hasattr(value, "__get__"):
                continue
            so = "the hyperparameter keeps its old default" if name in fields_of else "it is no hyperparameter"
            kind, shown = type(value).__name__, shortened(value)
            found.setdefault(
                name,
                f"'{name}' has no type annotation in the class {owner.__name__}, so that {so}: write {name}: {kind} = {shown}, "
                f"or {name}: ClassVar[{kind}] = {shown} where --set is not to reach it",
            )
    return found


def _shown(hint: Any) -> str:
    return getattr(hint, "__name__", str(hint))
