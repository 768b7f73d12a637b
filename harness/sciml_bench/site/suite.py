"""All that a site shows, put in order: the tracks with their leagues, and the boards that belong to none."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .. import registry
from ..protocol.track import Track
from ..ranking.facets import Facet, facets
from ..ranking.league import League, Place, league
from . import text
from .board import TIERS, Board, RowView

FACETS = ("physics", "crps", "coverage", "throughput", "fit", "speed_up")
LOWEST = -1.0
"""Skill is drawn from here to 1; what lies lower is drawn at the end with an arrow."""
SHADES = 5


@dataclass(frozen=True)
class Shade:
    """One number of a table of many methods: its text, a note under it, the number that sorts it, how dark it is drawn."""

    text: str = text.NONE
    note: str = ""
    sort: float | None = None
    shade: int = 0
    """0 without a number, then from 1, the worst fifth of the column, to 5, the best."""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """One method in a league, as a line of a table."""

    place: Place
    view: RowView
    """Its row on the first dataset of the track that has one."""
    values: Mapping[str, Shade]
    mean: float
    low: float
    high: float
    """Where its skill and the ends of its interval are drawn, from 0 to 100."""
    cut: bool
    worst: Board
    failed: tuple[tuple[Board, RowView], ...]
    """The datasets on which some of its cells gave no score, with its row there."""


@dataclass(frozen=True, kw_only=True)
class Pool:
    """One track at one tier, on one kind of device: numbers that may be compared."""

    track: str
    title: str
    summary: str
    tier: str
    device: str
    folds: int
    boards: tuple[Board, ...]
    lacking: tuple[str, ...]
    """Datasets of the track without a record here."""
    league: League | None
    standings: tuple[Standing, ...]

    @property
    def anchor(self) -> str:
        """The fragment of its address on the track's page."""
        return text.anchor(f"{self.tier} {self.device}")

    @property
    def page(self) -> str:
        """The address of its track's page from the index."""
        return f"tracks/{self.track}.html"

    def board(self, dataset: str) -> Board:
        """The board of one of its datasets."""
        return next(b for b in self.boards if b.dataset == dataset)


@dataclass(frozen=True, kw_only=True)
class Group:
    """One track with all its pools, the main one first."""

    name: str
    title: str
    summary: str
    pools: tuple[Pool, ...]

    @property
    def page(self) -> str:
        """The address of its page from the index."""
        return self.pools[0].page


@dataclass(frozen=True, kw_only=True)
class Suite:
    """Everything there is to show."""

    boards: tuple[Board, ...]
    groups: tuple[Group, ...]
    methods: Mapping[str, str]
    """Method → the address of its page from the index."""

    @property
    def others(self) -> tuple[Board, ...]:
        """The boards that belong to no track, such as those of a user's own data."""
        shown = {id(b) for g in self.groups for p in g.pools for b in p.boards}
        return tuple(b for b in self.boards if id(b) not in shown)

    def track_of(self, board: Board) -> Pool | None:
        """The pool that holds a board."""
        return next((p for g in self.groups for p in g.pools if any(b is board for b in p.boards)), None)


def suite(boards: Sequence[Board]) -> Suite:
    """Return what the site of these boards holds."""
    groups = [_group(name, registry.track(name), boards) for name in registry.track_names()]
    return Suite(
        boards=tuple(boards),
        groups=tuple(g for g in groups if g is not None),
        methods=_addresses(sorted({v.row.method for b in boards for v in b.rows})),
    )


def _addresses(methods: Sequence[str]) -> dict[str, str]:
    """Return an address for each method; names that differ in signs alone get a number."""
    found: dict[str, str] = {}
    for method in methods:
        address, n = f"methods/{text.anchor(method)}.html", 2
        while address in found.values():
            address, n = f"methods/{text.anchor(method)}-{n}.html", n + 1
        found[method] = address
    return found


def _group(name: str, track: Track, boards: Sequence[Board]) -> Group | None:
    mine = [b for b in boards if b.dataset in track.datasets and b.tier != "file"]
    keys = {(b.tier, b.device) for b in mine}
    cells = {k: sum(b.cells for b in mine if (b.tier, b.device) == k) for k in keys}
    order = sorted(keys, key=lambda k: (k[0] != track.tier, TIERS.index(k[0]), -cells[k], k[1]))
    pools = tuple(_pool(name, track, [b for b in mine if (b.tier, b.device) == k]) for k in order)
    return Group(name=name, title=track.title, summary=track.summary, pools=pools) if pools else None


def _pool(name: str, track: Track, boards: Sequence[Board]) -> Pool:
    order = {d: i for i, d in enumerate(track.datasets)}
    mine = tuple(sorted(boards, key=lambda b: order[b.dataset]))
    rows = [v.row for b in mine for v in b.rows]
    made = league(rows)
    return Pool(
        track=name,
        title=track.title,
        summary=track.summary,
        tier=mine[0].tier,
        device=mine[0].device,
        folds=max(r.folds for r in rows),
        boards=mine,
        lacking=tuple(d for d in track.datasets if d not in {b.dataset for b in mine}),
        league=made,
        standings=() if made is None else _standings(made, mine, facets(rows)),
    )


def _standings(made: League, boards: Sequence[Board], found: Mapping[str, Mapping[str, Facet]]) -> tuple[Standing, ...]:
    views = {
        v.row.name: [(b, w) for b in boards for w in b.rows if w.row.name == v.row.name] for b in boards for v in b.rows
    }
    shades = {f: _shades({p.name: _merit(f, found.get(p.name, {}).get(f)) for p in made.places}) for f in FACETS}
    standings = []
    for place in made.places:
        own, mine = views[place.name], found.get(place.name, {})
        standings.append(
            Standing(
                place=place,
                view=own[0][1],
                values={f: _shade(f, mine.get(f), len(made.datasets), shades[f].get(place.name, 0)) for f in FACETS},
                mean=drawn(place.skill),
                low=drawn(place.skill_low),
                high=drawn(place.skill_high),
                cut=place.skill_low < LOWEST,
                worst=next(b for b in boards if b.dataset == place.worst[0]),
                failed=tuple((b, v) for b, v in own if not v.row.ok and v.row.applies),
            )
        )
    return tuple(standings)


def drawn(skill: float) -> float:
    """Return where a skill is drawn, from 0 to 100."""
    return round(100 * (min(max(skill, LOWEST), 1.0) - LOWEST) / (1.0 - LOWEST), 2)


def _merit(facet: str, found: Facet | None) -> float | None:
    """Return a number that is larger where the facet is better."""
    if found is None:
        return None
    if facet == "coverage":
        return -found.off
    return found.value if facet in ("throughput", "speed_up") else -found.value


def _shades(merits: Mapping[str, float | None]) -> dict[str, int]:
    """Return the fifth of the column that each method stands in, 5 the best; equal merits share one."""
    known = {n: m for n, m in merits.items() if m is not None}
    if len(known) < 2:
        return {}
    return {n: 1 + SHADES * sum(o < m for o in known.values()) // len(known) for n, m in known.items()}


def _shade(facet: str, found: Facet | None, datasets: int, shade: int) -> Shade:
    if found is None:
        return Shade()
    v = found.value
    shown = {
        "physics": lambda: text.factor(v),
        "crps": lambda: text.factor(v),
        "coverage": lambda: f"{v:.2f}",
        "throughput": lambda: text.number(v, 2),
        "fit": lambda: text.seconds(v),
        "speed_up": lambda: text.factor(v),
    }[facet]()
    notes = [f"off by {found.off:.2f}"] if facet == "coverage" else []
    notes += [] if found.datasets == datasets else [f"{found.datasets} of {datasets}"]
    return Shade(shown, ", ".join(notes), found.off if facet == "coverage" else v, shade)


def matrix(pool: Pool) -> list[tuple[Standing, list[Shade]]]:
    """Return for each method its error on each dataset over that of the baseline, shaded by how much less it is."""
    if pool.league is None:
        return []
    base = {d: _error(pool.board(d), n) for d, n in pool.league.baselines.items()}
    return [(s, [_relative(s, pool.board(d), base[d]) for d in pool.league.datasets]) for s in pool.standings]


def _error(board: Board, name: str) -> float | None:
    return next((v.row.error for v in board.rows if v.row.name == name), None)


def _relative(standing: Standing, board: Board, base: float | None) -> Shade:
    row = of(board, standing.place.name) or next(
        (v for v in board.apart if v.row.name == standing.view.row.method), None
    )
    if row is None:
        return Shade("not run")
    if row.row.error is None:
        return Shade(row.status)
    if not base:
        return Shade(text.number(row.row.error))
    least = max(board.floor or 0.0, 0.0)
    ratio = standing.place.relative.get(board.dataset) or max(row.row.error, least) / max(base, least)
    steps = (1.0, 0.5, 0.2, 0.05)
    shade = 0 if ratio > 1 else 1 + sum(ratio <= s for s in steps)
    return Shade(text.number(ratio, 2), "" if row.row.ok else row.status, ratio, min(shade, SHADES))


def of(board: Board, name: str) -> RowView | None:
    """Return the row of a board called `name`."""
    return next((v for v in board.rows if v.row.name == name), None)
