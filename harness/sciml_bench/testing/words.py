"""What a class says of itself to those who read its page: words of its own, in place of the template's."""

import re
import sys

from ..errors import ContractError
from ..method.contract import Method
from ..problem import Dataset


def require_words(cls: type[Method] | type[Dataset]) -> None:
    """Raise ContractError where a class or its card says nothing, or where words are still to be written."""
    card, doc = cls.card, vars(cls).get("__doc__") or ""
    said = {name: getattr(card, name) for name in ("title", "summary", "description")}
    for name, text in said.items():
        if not text.strip():
            raise ContractError(f"the card has no {name}: write one")
    if not doc.strip() or doc.startswith(f"{cls.__name__}("):  # the signature, which a dataclass writes by itself
        raise ContractError("the class has no docstring: write one, which opens with the equation")
    said = {f"the card's {name}": text for name, text in said.items()}
    said |= {"the docstring of the file": sys.modules[cls.__module__].__doc__ or "", "the docstring of the class": doc}
    said |= {f"source {n} of the card": s.citation for n, s in enumerate(card.sources, 1)}
    left = [name for name, text in said.items() if re.search(r"\bTODO\b", text)]
    if left:
        raise ContractError(f"TODO is still written in {', '.join(left)}: put words of your own there")
