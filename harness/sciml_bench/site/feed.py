"""What is new, as an Atom feed: one entry for each row, dated by its newest record (RFC 4287)."""

from collections.abc import Sequence
from xml.etree import ElementTree as ET

from . import text
from .board import Board, RowView

PAGE = "feed.xml"
MOST = 50
_ATOM = "http://www.w3.org/2005/Atom"
_TAG = "tag:sciml-bench,2026:"
"""Opens the identifiers: RFC 4151. A site does not know the address at which it will stand."""


def feed(boards: Sequence[Board]) -> str:
    """Return the newest rows of methods that apply, the newest first; links are relative to the feed."""
    dated = sorted(
        ((_date(v), b, v) for b in boards for v in b.rows), key=lambda e: (e[0], e[1].page, e[2].row.name), reverse=True
    )
    root = ET.Element("feed", xmlns=_ATOM)
    _add(root, "title", "sciml-bench: new results")
    _add(root, "id", _TAG + "results")
    _add(root, "updated", dated[0][0])
    ET.SubElement(root, "link", rel="self", href=PAGE)
    ET.SubElement(root, "link", rel="alternate", href="index.html")
    for date, board, view in [e for e in dated if e[2].row.applies][:MOST]:
        root.append(_entry(date, board, view))
    ET.indent(root, "")
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _entry(date: str, board: Board, view: RowView) -> ET.Element:
    row = view.row
    entry = ET.Element("entry")
    _add(entry, "title", f"{row.name} on {board.title} ({board.tier}, {board.device})")
    _add(entry, "id", f"{_TAG}{board.address(view)}#{max(r.provenance.started for r in row.records)}")
    _add(entry, "updated", date)
    _add(_sub(entry, "author"), "name", "sciml-bench")
    ET.SubElement(entry, "link", rel="alternate", href=board.address(view))
    _add(entry, "summary", _summary(view))
    return entry


def _summary(view: RowView) -> str:
    row = view.row
    if row.error is None:
        return f"{view.status}: {'; '.join(r for r in row.reasons if r)}"
    told = f"{row.primary} {text.number(row.error)} ({text.ends(row.scores[row.primary], 2)})"
    return f"{told}, {len(row.records)} cells" + ("" if row.ok else f", {view.status}")


def _date(view: RowView) -> str:
    return max(r.provenance.started for r in view.row.records)


def _sub(parent: ET.Element, tag: str) -> ET.Element:
    return ET.SubElement(parent, tag)


def _add(parent: ET.Element, tag: str, content: str) -> None:
    ET.SubElement(parent, tag).text = "".join(c for c in content if c.isprintable())
