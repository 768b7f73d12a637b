"""The plots of a league show what it holds, trust no name, and are not drawn twice."""

import xml.etree.ElementTree as ET
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import rankdata

from sciml_bench.ranking.critical_difference import critical_difference
from sciml_bench.ranking.league import League, Place
from sciml_bench.site import ranking_figures
from sciml_bench.site.gallery import Gallery
from sciml_bench.site.track_page import figures

NAMES = ("fno", "unet", "<b>$x_", "mean")


@pytest.fixture
def gallery(tmp_path):
    return Gallery(tmp_path / "figures", tmp_path / "none")


@pytest.fixture
def league():
    skills = (0.995, 0.9, 0.5, 0.0)
    ranks = rankdata(np.add.outer(np.arange(4.0), np.zeros(9)) + np.random.default_rng(0).random((4, 9)) * 2, axis=0)
    places = tuple(
        Place(
            name=name, family="network", skill=s, skill_low=s - 0.05, skill_high=min(s + 0.05, 0.999), mean_rank=i + 1.0,
            place=i + 1, place_low=i + 1, place_high=i + 1, placed=True, win_rate=0.5, group=group, imputed=(), worst=("d", 1.0),
            relative={"d": 1.0},
        )
        for i, (name, s, group) in enumerate(zip(NAMES, skills, ("a", "ab", "bc", "c"), strict=True))
    )  # fmt: skip
    return League(
        datasets=tuple(f"d{i}" for i in range(9)),
        baselines={},
        places=places,
        resolution=0.1,
        profile={n: [(1.0 + i, (j + 1) / 9) for j in range(9)] for i, n in enumerate(NAMES)},
        without={},
        critical=critical_difference(NAMES, ranks),
    )


def texts(picture, gallery) -> list[str]:
    root = ET.parse(gallery.folder / picture.file).getroot()
    return ["".join(e.itertext()) for e in root.iter("{http://www.w3.org/2000/svg}text")]


def test_skill_names_every_method_and_group(gallery, league):
    picture = ranking_figures.skill(gallery, league)
    shown = texts(picture, gallery)
    assert {*NAMES, "a", "b", "c", "0", "0.9", "0.99"} <= set(shown)
    assert "1 fno 0.995 (0.945 to 0.999), group a" in picture.alt
    assert shown.index("fno") < shown.index("mean")


def test_the_diagram_has_names_ranks_and_the_difference(gallery, league):
    picture = ranking_figures.critical_difference(gallery, league.critical)
    shown = " ".join(texts(picture, gallery))
    for name, rank in league.critical.mean_ranks.items():
        assert name in shown
        assert f"{rank:.1f}" in shown
    assert f"critical difference {league.critical.difference:.2f}" in shown
    assert f"closer than {league.critical.difference:.2f}" in picture.alt


def test_bars_that_share_a_level_do_not_touch():
    ranks = np.tile(np.arange(1.0, 13.0)[:, None], 40)
    found = critical_difference(tuple("abcdefghijkl"), ranks)
    levels = ranking_figures._levels(found)
    ends = [
        (found.mean_ranks[c[0]], found.mean_ranks[c[-1]], level) for c, level in zip(found.cliques, levels, strict=True)
    ]
    for level in set(levels):
        on_level = sorted(e[:2] for e in ends if e[2] == level)
        assert all(a[1] < b[0] for a, b in pairwise(on_level))
    assert max(levels) < len(levels) - 1


def test_a_profile_of_one_or_two_datasets_is_not_drawn(gallery, league):
    def captions(datasets):
        return [c for _, c in figures(replace(league, datasets=league.datasets[:datasets]), gallery)]

    assert [any("Performance profile" in c for c in captions(n)) for n in (1, 2, 3, 9)] == [False, False, True, True]


def test_the_profile_says_where_each_is_best(gallery, league):
    picture = ranking_figures.profile(gallery, league)
    assert "fno: best on 100%, within a factor of 2 on 100%" in picture.alt
    assert "unet: best on 0%, within a factor of 2 on 100%" in picture.alt
    assert set(NAMES) <= set(texts(picture, gallery))
    drawn = gallery.folder / picture.file
    stamp = drawn.stat().st_mtime_ns
    assert ranking_figures.profile(gallery, league) == picture
    assert drawn.stat().st_mtime_ns == stamp
