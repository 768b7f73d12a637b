"""What the page of a method shows: its card and equation, and what it gave on every dataset that it was run on."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from ..problem.card import MethodCard
from ..ranking.league import Place
from . import cards, citation, settings, text
from .board import Board, RowView
from .figures import Sample
from .row_charts import calibration_caption, of_classes, reliability
from .suite import Pool, Suite


@dataclass(frozen=True)
class Shown:
    """What the page of a row shows that its method's page shows again."""

    place: int | None
    learning: tuple[Markup, ...]
    samples: tuple[Sample, ...]


@dataclass(frozen=True)
class Result:
    """One row of the method, its board, and what its own page shows."""

    board: Board
    view: RowView
    page: Shown


@dataclass(frozen=True)
class Chosen:
    """The hyperparameters that all rows share, and those in which they differ, by row, with how each row's were chosen."""

    shared: tuple[tuple[str, object], ...]
    origin: str
    """How those of all rows were chosen; nothing where rows differ in it, or it is not known."""
    names: tuple[str, ...]
    rows: tuple[tuple[Result, str, tuple[object, ...]], ...]


@dataclass(frozen=True, kw_only=True)
class MethodPage:
    """All that the template of a method's page needs."""

    method: str
    card: MethodCard | None
    equation: str
    account: tuple[str, ...]
    """The paragraphs of its own description after the equation."""
    results: tuple[Result, ...]
    places: tuple[tuple[Pool, Place], ...]
    learning: tuple[tuple[Result, tuple[Markup, ...]], ...]
    reliability: tuple[tuple[Markup, str], ...]
    """The calibration of intervals and that of the probabilities of classes, each with its caption."""
    pictures: tuple[tuple[Result, tuple[Sample, ...]], ...]
    chosen: Chosen
    bibtex: str

    @property
    def listed(self) -> tuple["Result", ...]:
        """The rows of the datasets to which it applies."""
        return tuple(r for r in self.results if r.view.row.applies)

    @property
    def apart(self) -> tuple["Result", ...]:
        """The rows of the datasets to which it does not."""
        return tuple(r for r in self.results if not r.view.row.applies)


def method_page(suite: Suite, method: str, details: Mapping[int, Shown]) -> MethodPage:
    """Return the page of a method; `details` maps the identity of a row's view to what its page shows."""
    results = [Result(b, v, details[id(v)]) for b in suite.boards for v in b.rows if v.row.method == method]
    card = cards.method_card(method)
    equation, *account = cards.account(method) or ("",)
    shown = [r for r in results if r.view.shown]
    return MethodPage(
        method=method,
        card=card,
        equation=equation,
        account=tuple(account),
        results=tuple(results),
        places=tuple(_places(suite, method)),
        learning=tuple((r, r.page.learning) for r in shown if r.page.learning),
        reliability=tuple(_reliability(shown)),
        pictures=tuple((r, r.page.samples) for r in shown if r.page.samples and not r.view.solver),
        chosen=_chosen([r for r in results if r.view.row.applies]),
        bibtex=citation.of_method(method),
    )


def _places(suite: Suite, method: str) -> list[tuple[Pool, Place]]:
    return [
        (pool, s.place)
        for group in suite.groups
        for pool in group.pools
        for s in pool.standings
        if s.view.row.method == method
    ]


def _reliability(results: Sequence[Result]) -> Iterator[tuple[Markup, str]]:
    """Draw the calibration on every dataset, of intervals and of classes apart; a line is called by its dataset and variant."""
    learned = [r for r in results if not r.view.solver]
    for classes in (False, True):
        mine = [r for r in learned if of_classes([r.view]) == classes]
        views = [r.view for r in mine]
        names = [" ".join(filter(None, (r.board.dataset, r.view.row.variant, f"({r.board.tier})"))) for r in mine]
        if chart := reliability(views, names):
            yield chart, calibration_caption(views)


def _chosen(results: Sequence[Result]) -> Chosen:
    values = [dict(r.view.row.records[0].cell.hyperparameters) for r in results]
    names = list(dict.fromkeys(n for v in values for n in v))
    same = [n for n in names if len({repr(v.get(n)) for v in values}) == 1]
    differ = tuple(n for n in names if n not in same)
    origins = [settings.origin(r.view.row) for r in results]
    one = len(set(origins)) == 1
    return Chosen(
        shared=tuple((n, values[0][n]) for n in same),
        origin=origins[0] if one else "",
        names=differ,
        rows=tuple(
            (r, o, tuple(v.get(n, text.NONE) for n in differ)) for r, o, v in zip(results, origins, values, strict=True)
        )
        if differ or not one
        else (),
    )
