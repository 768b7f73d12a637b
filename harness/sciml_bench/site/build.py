"""From a folder of records to a folder of static pages, for a disk or any server."""

import gc
import multiprocessing
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import metrics
from .._layout import root
from ..errors import SciMLBenchError, UsageError
from ..ranking.summary import summarise
from ..records.provenance import threads
from ..records.record import Record
from ..records.store import Store
from . import citation, compare_page, export, feed, glossary, history
from .board import TIERS, boards
from .cards import dataset_card
from .dataset_page import entries, page
from .gallery import FOLDER, Gallery
from .method_page import Shown, method_page
from .overview import overview
from .row_page import row_page
from .suite import Suite, suite
from .swap import replacing
from .templates import ASSETS, environment, render
from .track_page import sections

INDEX, GUIDE, CITE, CONTRIBUTE = "index.html", "how-to-read.html", "citation.html", "contribute.html"
DATASETS, METHODS, DOWNLOADS = "datasets.html", "methods.html", "downloads.html"
FILES = frozenset({compare_page.PAGE, compare_page.DATA, feed.PAGE, history.PAGE, *export.NAMES})
NAMES = frozenset(
    {INDEX, GUIDE, CITE, CONTRIBUTE, DATASETS, METHODS, DOWNLOADS, *FILES, FOLDER, "tracks", "methods", *ASSETS, *TIERS}
)
MANY = 100
"""Rows from which on several processes write the pages."""


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
    with _boards(site, shown) as written:
        _overviews(site, shown, records, complaints)
        kept = written()
    methods = [method_page(shown, method, kept) for method in shown.methods]
    site.page(METHODS, "methods.html.j2", methods=methods)
    for one in methods:
        site.page(shown.methods[one.method], "method.html.j2", page=one)


def _overviews(site: _Site, shown: Suite, records: list[Record], complaints: list[str]) -> None:
    """Write what is about all boards at once."""
    contests = compare_page.contests(shown.boards)
    site.page(INDEX, "index.html.j2", page=overview(shown, contests), complaints=complaints)
    site.page(DATASETS, "datasets.html.j2", entries=entries(shown.boards))
    site.page(GUIDE, "how-to-read.html.j2", accuracy=metrics.BY_KIND, glossary=glossary)
    site.page(CONTRIBUTE, "contribute.html.j2")
    site.page(CITE, "citation.html.j2", entries=_entries(shown), own=citation.suite())
    for group in shown.groups:
        site.page(group.page, "track.html.j2", group=group, sections=sections(group, site.gallery))
    site.file(compare_page.DATA, compare_page.script(contests))
    site.page(
        compare_page.PAGE,
        "compare.html.j2",
        pair=compare_page.default(contests),
        option=compare_page.option(site.results),
    )
    site.file(feed.PAGE, feed.feed(shown.boards))
    files = export.write(site.folder, shown.boards, records)
    site.page(DOWNLOADS, "downloads.html.j2", files=files)
    site.page(history.PAGE, "history.html.j2", **history.values(site.results, shown))


@contextmanager
def _boards(site: _Site, shown: Suite) -> Iterator[Callable[[], dict[int, Shown]]]:
    """Write the pages of all boards meanwhile, and give what waits for them and returns what method pages show of each row.

    Processes forked from this one share the work where there are many rows, unless threads run here, which no fork carries over.
    """
    numbers = sorted(range(len(shown.boards)), key=lambda n: -len(shown.boards[n].rows))
    rows = sum(len(board.rows) for board in shown.boards)
    threaded = threading.active_count() > 1 or "jax" in sys.modules or "torch" in sys.modules
    if rows < MANY or threads() == 1 or threaded or "fork" not in multiprocessing.get_all_start_methods():
        yield lambda: _by_row(shown, {n: _board(site, shown, n) for n in numbers})
        return
    global _work
    _work = site, shown
    try:
        with ProcessPoolExecutor(threads(), multiprocessing.get_context("fork")) as pool:
            futures = {n: pool.submit(_numbered, n) for n in numbers}
            try:
                yield lambda: _by_row(shown, {n: future.result() for n, future in futures.items()})
            except BaseException:
                pool.shutdown(cancel_futures=True)  # nothing that was begun is of use
                raise
    except BrokenProcessPool as error:
        raise SciMLBenchError(
            "a process that wrote pages was ended from outside; an older site stands as it was: run the command again"
        ) from error
    finally:
        _work = None


_work: tuple[_Site, Suite] | None = None
"""What forked processes find in their memory, as it would take long to send."""


def _numbered(n: int) -> list[Shown]:
    assert _work is not None
    return _board(*_work, n)


def _board(site: _Site, shown: Suite, n: int) -> list[Shown]:
    """Write the page of one board, and the page and the records of each of its rows."""
    board = shown.boards[n]
    details = []
    for view in board.rows:
        detail = row_page(board, view, site.results, site.gallery)
        details.append(detail)
        address = board.address(view)
        site.page(address, "row.html.j2", page=detail, board=board, view=view)
        site.file(f"{address.removesuffix('.html')}.jsonl", detail.lines)
    site.page(board.page, "dataset.html.j2", page=page(board, details, site.gallery), board=board)
    return [Shown(d.place, d.learning, d.samples) for d in details]


def _by_row(shown: Suite, found: dict[int, list[Shown]]) -> dict[int, Shown]:
    """Return what method pages show by the identity of the row's view."""
    return {id(v): kept for n, board in enumerate(shown.boards) for v, kept in zip(board.rows, found[n], strict=True)}


def _entries(shown: Suite) -> list[tuple[str, str, str, str]]:
    """Return (kind, name, address of its page, BibTeX) of every dataset and method shown that names a source."""
    found: dict[tuple[str, str], tuple[str, str]] = {}
    for board in shown.boards:
        card = dataset_card(board.rows[0].row.records[0].cell)
        found.setdefault(("dataset", board.dataset), (board.page, citation.entries(board.dataset, card)))
    for method, address in shown.methods.items():
        found["method", method] = (address, citation.of_method(method))
    return [(*key, *value) for key, value in found.items() if value[1]]
