"""What the first page says of a track."""

from types import SimpleNamespace

from sciml_bench.ranking.league import Place
from sciml_bench.site.overview import standing


def place(name, skill, *imputed):
    return Place(
        name=name, family="network", skill=skill, skill_low=skill - 0.1, skill_high=skill + 0.1, mean_rank=1.0, place=1,
        place_low=1, place_high=2, win_rate=0.5, group="a" if skill > 0.3 else "b", imputed=imputed, worst=("a", 1.0),
        relative={},
    )  # fmt: skip


def told(*places):
    return standing(SimpleNamespace(league=SimpleNamespace(datasets=("a", "b", "c"), places=places)))


def test_who_has_a_score_on_few_datasets_does_not_lead():
    sentence = told(place("one", 0.6, "b", "c"), place("two", 0.5, "c"), place("three", 0.1))
    assert sentence.startswith("two leads with a skill of 0.50 (0.40 – 0.60), with a score on 2 of the 3 datasets")
    assert "(above it, with a score on no more than half of them: one), which cannot be told from one." in sentence


def test_who_has_all_scores_and_no_equal_leads_alone():
    assert told(place("two", 0.5), place("three", 0.1)) == (
        "two leads with a skill of 0.50 (0.40 – 0.60), told apart from every other method."
    )
