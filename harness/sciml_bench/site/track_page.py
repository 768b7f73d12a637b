"""What the page of a track shows: for each tier and device the league, its errors dataset by dataset, and its drawings."""

from dataclasses import dataclass

from markupsafe import Markup

from ..ranking.league import League
from .chart import Chart, Line
from .gallery import Gallery, Picture
from .overview import resolution, standing
from .suite import Group, Pool, Shade, Standing, matrix


@dataclass(frozen=True, kw_only=True)
class Section:
    """One pool of a track as its page shows it."""

    pool: Pool
    sentence: str
    resolution: str
    matrix: tuple[tuple[Standing, tuple[Shade, ...]], ...]
    profile: Markup
    figures: tuple[tuple[Picture, str], ...]
    """Drawings of the ranking with their captions."""


def sections(group: Group, gallery: Gallery) -> list[Section]:
    """Return the parts of a track's page, the main one first."""
    return [_section(pool, gallery) for pool in group.pools]


def _section(pool: Pool, gallery: Gallery) -> Section:
    made = pool.league
    return Section(
        pool=pool,
        sentence=standing(pool),
        resolution="" if made is None else resolution(made, pool.folds),
        matrix=tuple((s, tuple(cells)) for s, cells in matrix(pool)),
        profile=Markup("") if made is None else profile(made),
        figures=(),
    )


def profile(made: League) -> Markup:
    """Draw for each method the share of the datasets on which its error is at most τ times the lowest."""
    most = max(tau for points in made.profile.values() for tau, _ in points)
    lines = [
        Line(name, [(1.0, points[0][1] if points[0][0] <= 1 else 0.0), *points, (most * 1.2, 1.0)])
        for name, points in ((p.name, made.profile[p.name]) for p in made.places)
    ]
    return Chart(
        alt="Performance profile: the share of the datasets on which a method's error is at most τ times the lowest",
        x="τ, error over the lowest error",
        y="share of datasets",
        lines=lines,
        log_x=True,
        log_y=False,
        y_ends=(0.0, 1.0),
        steps=True,
        width=560,
        height=320,
    ).svg()
