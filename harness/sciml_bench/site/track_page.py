"""What the page of a track shows: for each tier and device the league, its errors dataset by dataset, and its drawings."""

from dataclasses import dataclass

from ..ranking.league import League
from . import ranking_figures, settings
from .gallery import Gallery, Picture
from .overview import resolution, standing
from .suite import Group, Pool, Shade, Standing, matrix

PROFILED = 3
"""A profile of shares is drawn of at least so many datasets: of fewer it has one step or two."""


@dataclass(frozen=True, kw_only=True)
class Section:
    """One pool of a track as its page shows it."""

    pool: Pool
    sentence: str
    resolution: str
    settings: str
    """How the hyperparameters of its rows were chosen, counted."""
    matrix: tuple[tuple[Standing, tuple[Shade, ...]], ...]
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
        settings=settings.counted(v.row for b in pool.boards for v in b.rows),
        matrix=tuple((s, tuple(cells)) for s, cells in matrix(pool)),
        figures=() if made is None else tuple(figures(made, gallery)),
    )


def figures(made: League, gallery: Gallery) -> list[tuple[Picture, str]]:
    """Return the drawings of a ranking with their captions."""
    found = [
        (
            ranking_figures.skill(gallery, made),
            "Skill with its 95% interval, on an axis that is logarithmic in 1 − skill. Bars at the right join methods that "
            "cannot be told apart; a hollow dot was given the baseline’s error somewhere.",
        )
    ]
    if len(made.datasets) >= PROFILED:
        found.append(
            (
                ranking_figures.profile(gallery, made),
                "Performance profile: the share of the datasets on which a method’s error is at most τ times the lowest "
                "(Dolan & Moré 2002). Higher and further left is better. Where a method has no score, the baseline’s error "
                "counts; the band is the 95% interval (Wilson) of the first one’s share over other datasets.",
            )
        )
    if made.critical is not None:
        picture = ranking_figures.critical_difference(gallery, made.critical)
        found.append(
            (picture, "Mean ranks over the datasets; bars join methods whose ranks Nemenyi’s test cannot tell apart.")
        )
    return found
