"""From a folder of records to a folder of static pages, for a disk or any server."""

import gc
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import metrics
from .._layout import root
from ..errors import UsageError
from ..ranking.summary import summarise
from ..records.record import Record
from ..records.store import Store
from . import citation, compare_page, export, feed, glossary, history
from .board import TIERS, boards
from .cards import dataset_card
from .dataset_page import page
from .gallery import FOLDER, Gallery
from .method_page import method_page
from .overview import overview
from .row_page import RowPage, row_page
from .suite import Suite, suite
from .swap import replacing
from .templates import ASSETS, environment, render
from .track_page import sections

INDEX, GUIDE, CITE, CONTRIBUTE = "index.html", "how-to-read.html", "citation.html", "contribute.html"
METHODS, DOWNLOADS = "methods.html", "downloads.html"
FILES = frozenset({compare_page.PAGE, compare_page.DATA, feed.PAGE, history.PAGE, *export.NAMES})
NAMES = frozenset(
    {INDEX, GUIDE, CITE, CONTRIBUTE, METHODS, DOWNLOADS, *FILES, FOLDER, "tracks", "methods", *ASSETS, *TIERS}
)


def build(results: Path, out: Path) -> Path:
    """Build all pages of the records in `results` and return the index.

    `out` is replaced as a whole, and only when everything is there. Raises UsageError if there is
    nothing to show, or if `out` holds anything that no earlier build made.
    """
    store = Store(results)
    records = store.records()
    if not records:
        unread = f" ({store.complaints[0]})" if store.complaints else ""
        raise UsageError(
            f"'{results}' holds no records to build pages from{unread}; run `sciml-bench run` first or give --results"
        )
    with _kept_alive(), replacing(out, NAMES) as folder:
        shown = suite(boards(summarise(records)))
        _write(
            _Site(folder, results, Gallery(folder / FOLDER, out / FOLDER), environment(shown)),
            shown,
            records,
            store.complaints,
        )
    return out / INDEX


@contextmanager
def _kept_alive() -> Iterator[None]:
    """Spare the collector all that is there already: the records live to the end, and are most of what it would look at."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


@dataclass(frozen=True)
class _Site:
    folder: Path
    results: Path
    gallery: Gallery
    templates: Any

    def page(self, path: str, template: str, **values: Any) -> None:
        up = "../" * path.count("/")
        self.file(path, render(self.templates, template, up=up, here=path, **values))

    def file(self, path: str, content: str) -> None:
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content, encoding="utf-8")


def _write(site: _Site, shown: Suite, records: list[Record], complaints: list[str]) -> None:
    for name in ASSETS:
        shutil.copyfile(root("site") / name, site.folder / name)
    contests = compare_page.contests(shown.boards)
    site.page(INDEX, "index.html.j2", page=overview(shown, contests), complaints=complaints)
    site.page(GUIDE, "how-to-read.html.j2", accuracy=metrics.BY_KIND, glossary=glossary)
    site.page(CONTRIBUTE, "contribute.html.j2")
    site.page(CITE, "citation.html.j2", entries=_entries(shown), own=citation.suite())
    for group in shown.groups:
        site.page(group.page, "track.html.j2", group=group, sections=sections(group, site.gallery))
    details = _rows(site, shown)
    for board in shown.boards:
        mine = [details[id(v)] for v in board.rows]
        site.page(board.page, "dataset.html.j2", page=page(board, mine, site.gallery), board=board)
    methods = [method_page(shown, method, details) for method in shown.methods]
    site.page(METHODS, "methods.html.j2", methods=methods)
    for one in methods:
        site.page(shown.methods[one.method], "method.html.j2", page=one)
    site.file(compare_page.DATA, compare_page.script(contests))
    site.page(compare_page.PAGE, "compare.html.j2", pair=compare_page.default(contests))
    site.file(feed.PAGE, feed.feed(shown.boards))
    files = export.write(site.folder, shown.boards, records)
    site.page(DOWNLOADS, "downloads.html.j2", files=files)
    site.page(history.PAGE, "history.html.j2", **history.values(site.results))


def _rows(site: _Site, shown: Suite) -> Mapping[int, RowPage]:
    """Write the page and the records of each row; return the pages by the identity of their views."""
    details = {}
    for board in shown.boards:
        for view in board.rows:
            detail = details[id(view)] = row_page(board, view, site.results, site.gallery)
            address = board.address(view)
            site.page(address, "row.html.j2", page=detail, board=board, view=view)
            site.file(f"{address.removesuffix('.html')}.jsonl", detail.lines)
    return details


def _entries(shown: Suite) -> list[tuple[str, str, str, str]]:
    """Return (kind, name, address of its page, BibTeX) of every dataset and method shown that names a source."""
    found: dict[tuple[str, str], tuple[str, str]] = {}
    for board in shown.boards:
        card = dataset_card(board.rows[0].row.records[0].cell)
        found.setdefault(("dataset", board.dataset), (board.page, citation.entries(board.dataset, card)))
    for method, address in shown.methods.items():
        found["method", method] = (address, citation.of_method(method))
    return [(*key, *value) for key, value in found.items() if value[1]]
