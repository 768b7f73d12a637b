"""Methods around another method: an ensemble of it, its dropout left on, its errors calibrated.

`ensemble(fno, members=8)` names a method as `fno` does. Its class is made from the wrapper's and the inner one's: it has the
hyperparameters of both, so that `--set width=64` reaches the inner method, and the inner one's tiers and framework.
"""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields, make_dataclass, replace
from typing import Any, ClassVar, get_type_hints

import xarray as xr

from ..errors import UsageError
from ..problem import Problem
from .contract import Budget, Log, Method, Predictor


@dataclass(frozen=True, kw_only=True)
class Wrapper(Method):
    """A method that fits another one, `inner`, and changes what it predicts. It runs only around one: see `wrap`."""

    inner_class: ClassVar[type[Method] | None] = None

    @property
    def inner(self) -> Method:
        """The inner method, with its hyperparameters."""
        cls = type(self).inner_class
        if cls is None:
            raise UsageError(f"{_name(type(self))} wraps another method: write {_name(type(self))}(fno), say")
        return cls(**{f.name: getattr(self, f.name) for f in fields(cls)})  # type: ignore[arg-type]

    def applies_to(self, problem: Problem) -> str | None:
        """Where the inner method applies, and this one can do something with it."""
        if type(self).inner_class is None:
            return f"It wraps another method: name it as {_name(type(self))}(fno), say."
        return self.inner.applies_to(problem) or self.why_not(problem)

    def variants(self, problem: Problem) -> Mapping[str, Mapping[str, Any]]:
        """Return the rows of the inner method."""
        return self.inner.variants(problem)

    @classmethod
    def defaults_around(cls, inner: type[Method]) -> Mapping[str, Any]:  # noqa: ARG003
        """Return the hyperparameters of the inner method that have another default inside this wrapper."""
        return {}

    @abstractmethod
    def why_not(self, problem: Problem) -> str | None:
        """Return None, or why the wrapper can do nothing on a problem that the inner method applies to."""

    @abstractmethod
    def fit(
        self,
        train: xr.Dataset,
        valid: xr.Dataset,
        *,
        problem: Problem,
        budget: Budget,
        seed: int,
        device: str,
        log: Log,
    ) -> Predictor:
        """Fit the inner method and return the predictor around its own."""


def wrap(wrapper: type[Wrapper], inner: type[Method], options: Mapping[str, Any]) -> type[Method]:
    """Return the class of a wrapper around an inner method; `options` change the defaults of its hyperparameters.

    Raises UsageError if both have a hyperparameter of one name.
    """
    own, given = {f.name for f in fields(wrapper)}, fields(inner)  # type: ignore[arg-type]
    both = own & {f.name for f in given}
    if both:
        raise UsageError(
            f"{_name(wrapper)} and {_name(inner)} both have the hyperparameter '{min(both)}', so that they cannot be combined"
        )
    hints = {**get_type_hints(wrapper), **get_type_hints(inner)}
    defaults = {f.name: f.default for f in (*fields(wrapper), *given)}  # type: ignore[arg-type]
    changed = {**defaults, **wrapper.defaults_around(inner), **options}
    members = [(name, hints[name], field(default=value)) for name, value in changed.items() if value is not MISSING]
    card = replace(
        wrapper.card,
        title=f"{wrapper.card.title} of {inner.card.title}",
        framework=inner.card.framework,
        needs=inner.card.needs,
        uses_data=True,
        per_instance=inner.card.per_instance,
        sources=(*wrapper.card.sources, *inner.card.sources),
    )
    found: type[Method] = make_dataclass(
        f"{wrapper.__name__}{inner.__name__}",
        members,
        bases=(wrapper,),
        namespace={"card": card, "inner_class": inner, "tiers": inner.tiers, "__doc__": wrapper.__doc__},
        frozen=True,
        kw_only=True,
    )
    found.__module__ = wrapper.__module__
    return found


def _name(cls: type[Method]) -> str:
    return cls.__module__.rpartition(".")[2]
