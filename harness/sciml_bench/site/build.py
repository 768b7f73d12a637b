"""From a folder of records to a folder of static pages, for a disk or any server."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import metrics
from .._layout import root
from ..errors import UsageError
from ..ranking.summary import summarise
from ..records.store import Store
from . import export, glossary, history
from .board import TIERS, Board, boards
from .dataset_page import page
from .gallery import FOLDER, Gallery
from .swap import replacing
from .templates import ASSETS, environment, render

INDEX, GUIDE, TABLE = "index.html", "how-to-read.html", "leaderboard.csv"
NAMES = frozenset({INDEX, GUIDE, TABLE, history.PAGE, FOLDER, *ASSETS, *TIERS})


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
    shown = boards(summarise(records))
    with replacing(out, NAMES) as folder:
        _write(
            _Site(folder, results, Gallery(folder / FOLDER, out / FOLDER), environment()),
            shown,
            store.complaints,
        )
    return out / INDEX


@dataclass(frozen=True)
class _Site:
    folder: Path
    results: Path
    gallery: Gallery
    templates: Any

    def page(self, path: str, template: str, **values: Any) -> None:
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        up = "../" * path.count("/")
        target.write_text(render(self.templates, template, up=up, **values), encoding="utf-8")


def _write(site: _Site, shown: list[Board], complaints: list[str]) -> None:
    for name in ASSETS:
        shutil.copyfile(root("site") / name, site.folder / name)
    (site.folder / TABLE).write_text(export.leaderboard(shown), encoding="utf-8")
    site.page(INDEX, "index.html.j2", boards=shown, complaints=complaints)
    site.page(GUIDE, "how-to-read.html.j2", accuracy=metrics.BY_KIND, glossary=glossary)
    site.page(history.PAGE, "history.html.j2", **history.values(site.results))
    for board in shown:
        site.page(board.page, "dataset.html.j2", page=page(board, site.results, site.gallery), board=board)
