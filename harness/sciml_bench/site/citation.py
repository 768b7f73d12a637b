"""BibTeX of what was used: the suite, and the sources that the cards of datasets and methods name.

A card holds a citation in words and a DOI, so an entry is a @misc whose note is that citation: complete for a reader, and the DOI
leads to the publisher's own entry.
"""

import re
from collections.abc import Iterable

from .. import __version__
from ..problem.card import DatasetCard, MethodCard, Source
from . import cards

_ESCAPED = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "#": r"\#",
    "_": r"\_",
    "$": r"\$",
    "{": r"\{",
    "}": r"\}",
}


def suite() -> str:
    """Return the entry of the suite itself."""
    return (
        "@software{sciml_bench,\n"
        "  author = {{The sciml-bench developers}},\n"
        "  title = {sciml-bench: a benchmark suite for scientific machine learning},\n"
        f"  version = {{{__version__}}},\n"
        "  year = {2026},\n"
        "}\n"
    )


def of_method(name: str) -> str:
    """Return the entries of a method's sources, "" if it has none."""
    return entries(name, cards.method_card(name))


def entries(name: str, card: DatasetCard | MethodCard | None) -> str:
    """Return the entries of the sources of a card; keys are the name and a number."""
    sources: Iterable[Source] = () if card is None else card.sources
    key = re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_")
    return "\n".join(_entry(f"{key}_{i}", source) for i, source in enumerate(sources, 1))


def _entry(key: str, source: Source) -> str:
    lines = [f"  note = {{{_escaped(source.citation)}}},"]
    year = re.findall(r"\b(?:1[6-9]|20)\d\d\b", source.citation)
    if year:
        lines.append(f"  year = {{{year[-1]}}},")
    if source.doi:
        lines += [f"  doi = {{{source.doi}}},"]
    return "\n".join([f"@misc{{{key},", *lines, "}\n"])


def _escaped(words: str) -> str:
    return "".join(_ESCAPED.get(c, c) for c in words)
