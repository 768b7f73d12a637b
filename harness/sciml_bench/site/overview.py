"""What the first page shows: for each problem what to use, where each track stands, how sure that is, and what is new."""

import math
from collections.abc import Container, Sequence
from dataclasses import dataclass

from ..ranking.compare import holm
from ..ranking.league import League
from ..ranking.summary import SIMPLE
from . import cards, text
from .board import Board, RowView
from .compare_page import Contest
from .laws import untold_shifts
from .rivalry import Rivalry, against_solver
from .suite import Pool, Suite

RIVALS = 5
"""The best method is compared with so many of those that follow it."""
LATEST = 6


@dataclass(frozen=True, kw_only=True)
class Advice:
    """What to use on one dataset: the best method, what cannot be told from it, and the two comparisons that matter."""

    board: Board
    best: RowView | None
    tied: tuple[RowView, ...]
    baseline: tuple[str, str]
    """How it stands to the best simple method, and what most samples say where that is something else."""
    solver: Rivalry
    shift: "WorstShift | None" = None


@dataclass(frozen=True)
class WorstShift:
    """The shift to which the best method is most sensitive, and who of those tied with it is the least so there."""

    name: str
    ratio: float
    """Its error there over that on the test part."""
    steadier: RowView | None
    steadier_ratio: float
    """The same of the tied one."""


@dataclass(frozen=True, kw_only=True)
class TrackAdvice:
    """What to use on the datasets of one track, and overall."""

    pool: Pool
    advice: tuple[Advice, ...]
    sentence: str


@dataclass(frozen=True)
class News:
    """The cells that one commit gave on one day."""

    date: str
    commit: str
    cells: int
    boards: tuple[tuple[Board, tuple[RowView, ...]], ...]
    """The boards that got cells, with one row of each method there."""


@dataclass(frozen=True, kw_only=True)
class Overview:
    """All that the template of the index needs."""

    tracks: tuple[TrackAdvice, ...]
    others: tuple[Advice, ...]
    news: tuple[News, ...]
    cells: int
    methods: int
    datasets: int
    failed: int
    reproduced: int


def overview(suite: Suite, contests: Sequence[Contest]) -> Overview:
    """Return what the first page shows; what does not apply was not run, and does not count."""
    compared = {id(c.board): c for c in contests}
    records = [r for b in suite.boards for v in b.rows for r in v.row.records if r.status != "not_applicable"]
    return Overview(
        tracks=tuple(
            TrackAdvice(pool=p, advice=tuple(advice(b, compared.get(id(b))) for b in p.boards), sentence=standing(p))
            for p in (g.pools[0] for g in suite.groups)
        ),
        others=tuple(advice(b, compared.get(id(b))) for b in suite.others),
        news=tuple(_news(suite)),
        cells=len(records),
        methods=len({r.cell.method for r in records}),
        datasets=len({b.dataset for b in suite.boards}),
        failed=sum(r.status != "ok" for r in records),
        reproduced=sum(r.provenance.badge == "reproduced" for r in records),
    )


def advice(board: Board, contest: Contest | None) -> Advice:
    """Return what to use on a dataset: the best is a method that succeeded in every cell, and in as many folds as any."""
    folds = max((v.row.succeeded for v in board.methods), default=0)
    whole = [v for v in board.methods if v.row.ok and v.row.succeeded == folds]
    if not whole:
        return Advice(board=board, best=None, tied=(), baseline=("", ""), solver=Rivalry("", ""))
    best = whole[0]
    tied = () if contest is None else _tied(contest, best, whole[1 : 1 + RIVALS])
    return Advice(
        board=board,
        best=best,
        tied=tied,
        shift=_worst_shift(best, tied, untold_shifts(cards.dataset_of(best.row.records[0].cell))),
        baseline=_against_baseline(board, best, contest),
        solver=against_solver(board, best),
    )


def _tied(contest: Contest, best: RowView, rivals: Sequence[RowView]) -> tuple[RowView, ...]:
    """Return the rivals that the paired comparison cannot tell from the best; without a fold in common nothing can be said."""
    found = [(rival, contest.between(best.row.name, rival.row.name)) for rival in rivals]
    compared = [(rival, comparison) for rival, comparison in found if comparison is not None]
    adjusted = holm([c.p_value for _, c in compared])
    return tuple(v for (v, c), p in zip(compared, adjusted, strict=True) if p >= 0.05 or c.tied_by_floor)


def _worst_shift(best: RowView, tied: Sequence[RowView], untold: Container[str] = ()) -> WorstShift | None:
    """Return on which shift the best method loses most, and the tied one with the least error there, if it is half or less.

    Not on one of the `untold`, where whoever has learnt the law of the training data must lose.
    """
    error = best.row.error
    ratios = (
        {name: found.mean / error for name, found in best.row.shifts.items() if name not in untold} if error else {}
    )
    if not ratios:
        return None
    worst = max(ratios, key=lambda name: ratios[name])
    others = [(found.mean, v) for v in tied if (found := v.row.shifts.get(worst)) is not None]
    least, steadier = min(others, key=lambda o: o[0], default=(math.inf, None))
    if steadier is None or not steadier.row.error or 2 * least > best.row.shifts[worst].mean:
        return WorstShift(worst, ratios[worst], None, math.nan)
    return WorstShift(worst, ratios[worst], steadier, least / steadier.row.error)


def _against_baseline(board: Board, best: RowView, contest: Contest | None) -> tuple[str, str]:
    """Say how much less error the best method has than the best of the simple ones, and where that is so on few samples."""
    if best.row.family in SIMPLE:
        return "is itself the baseline", ""
    simple = next((v for v in board.methods if v.row.family in SIMPLE and v.row.ok), None)
    if simple is None or not simple.row.error or not best.row.error:
        return text.NONE, ""
    told = f"{text.number(simple.row.error / best.row.error, 2)}× less error than {simple.row.name}"
    paired = None if contest is None else contest.between(best.row.name, simple.row.name)
    if paired is None or paired.wins >= 0.5:
        return told, ""
    return told, f"in the mean, yet more on {100 * (1 - paired.wins):.0f}% of the samples"


def standing(pool: Pool) -> str:
    """Say in a sentence which method leads a track and how sure that is."""
    league = pool.league
    if league is None:
        return "No ranking: it takes two methods and a baseline that succeeded."
    first, n = league.places[0], len(league.datasets)
    if first.family in SIMPLE:
        return f"No method is better than the simple ones: {first.name} leads."
    ties = [p.name for p in league.places if p is not first and set(p.group) & set(first.group)]
    lead = (
        f"{first.name} leads with a skill of {text.number(first.skill, 2)} ({_ends(first.skill_low, first.skill_high)})"
    )
    if first.imputed:
        lead += f", with a score on {n - len(first.imputed)} of the {n} datasets"
    told = f", which cannot be told from {_few(ties)}" if ties else ", told apart from every other method"
    return f"{lead}{told}.{_hinges(league)}"


def _hinges(league: League) -> str:
    """Name the datasets without which another method would lead."""
    changed = {d: name for d, name in league.without.items() if name != league.places[0].name}
    return "".join(f" Without {text.words(d)}, {name} would lead." for d, name in changed.items())


def _few(names: Sequence[str]) -> str:
    """Return the first three names and how many more there are."""
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _ends(low: float, high: float) -> str:
    return f"{text.number(low, 2)} – {text.number(high, 2)}"


def resolution(league: League, folds: int) -> str:
    """Say how small a difference the ranking can tell."""
    n = len(league.datasets)
    given = f"{n} dataset{'s' if n > 1 else ''} and {folds} folds"
    if league.resolution is None:
        return f"With {given} this ranking cannot tell a typical pair of methods apart, whatever their errors."
    return (
        f"With {given} this ranking tells a typical pair of methods apart where one has {text.number(league.resolution, 2)} times "
        "the error of the other."
    )


def _news(suite: Suite) -> list[News]:
    """Return the newest cells, by day and commit; what does not apply is no news."""
    groups: dict[tuple[str, str], list[tuple[str, Board, RowView]]] = {}
    for board in suite.boards:
        for view in board.rows:
            for record in view.row.records:
                if record.status != "not_applicable":
                    made = record.provenance
                    group = groups.setdefault((made.started[:10], (made.commit or "")[:10]), [])
                    group.append((made.started, board, view))
    found = []
    for (date, commit), cells in sorted(
        groups.items(), key=lambda g: max(started for started, _, _ in g[1]), reverse=True
    ):
        rows: dict[int, tuple[Board, dict[str, RowView]]] = {}
        for _, board, view in cells:
            rows.setdefault(id(board), (board, {}))[1].setdefault(view.row.method, view)
        found.append(News(date, commit, len(cells), tuple((b, tuple(v.values())) for b, v in rows.values())))
    return found[:LATEST]
