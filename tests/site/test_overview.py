"""What the first page says of a track."""

from types import SimpleNamespace

import pytest
from site_records import record

from sciml_bench.ranking.league import Place
from sciml_bench.ranking.summary import summarise
from sciml_bench.registry import dataset_class, dataset_names
from sciml_bench.site.board import boards
from sciml_bench.site.laws import untold_shifts
from sciml_bench.site.overview import _against_baseline, _worst_shift, standing


def place(name, skill, *imputed):
    return Place(
        name=name, family="network", skill=skill, skill_low=skill - 0.1, skill_high=skill + 0.1, mean_rank=1.0, place=1,
        place_low=1, place_high=2, placed=True, win_rate=0.5, group="a" if skill > 0.3 else "b", imputed=imputed, worst=("a", 1.0),
        relative={},
    )  # fmt: skip


def told(*places, **without):
    return standing(SimpleNamespace(league=SimpleNamespace(datasets=("a", "b", "c"), places=places, without=without)))


def test_who_has_a_score_on_some_datasets_leads_and_it_is_told():
    sentence = told(place("two", 0.5, "c"), place("three", 0.1), place("one", 0.6, "b", "c"))
    assert sentence == (
        "two leads with a skill of 0.50 (0.40 – 0.60), with a score on 2 of the 3 datasets, which cannot be told from one."
    )


def test_who_has_all_scores_and_no_equal_leads_alone():
    assert told(place("two", 0.5), place("three", 0.1)) == (
        "two leads with a skill of 0.50 (0.40 – 0.60), told apart from every other method."
    )


def test_the_datasets_on_which_the_lead_hinges_are_named():
    sentence = told(place("two", 0.5), place("three", 0.1), a="two", b="three", c="two")
    assert (
        sentence
        == "two leads with a skill of 0.50 (0.40 – 0.60), told apart from every other method. Without b, three would lead."
    )


def on_shifts(one, factors):
    """Return a record with these factors of 0.1 as its errors on shifts."""
    more = {f"shift:{n}/rel_l2": factor * 0.1 for n, factor in factors.items()}
    return one.model_copy(update={"scores": {"rel_l2": one.scores["rel_l2"], **more}})


def advised(ties, **shifted):
    """Return what is said of a board whose best method loses these factors on two shifts, and `fno` those."""
    cells = []
    for method, error in (("unet", 0.1), ("fno", 0.11)):
        cells += [on_shifts(record(method, error, fold=fold), shifted[method]) for fold in range(2)]
    (board,) = boards(summarise(cells))
    best, other = board.methods
    return _worst_shift(best, [other] if ties else [])


def test_the_worst_shift_is_named_and_who_is_tied_and_steadier():
    found = {"unet": {"finer_grid": 6.0, "rougher": 2.0}, "fno": {"finer_grid": 0.9, "rougher": 30.0}}
    told = advised(True, **found)
    assert (told.name, told.ratio) == ("finer_grid", pytest.approx(6.0))
    assert (told.steadier.row.name, told.steadier_ratio) == ("fno", pytest.approx(0.09 / 0.11))  # over its own error
    assert advised(False, **found).steadier is None
    as_bad = {**found, "fno": {"finer_grid": 3.1, "rougher": 1.0}}
    assert advised(True, **as_bad).steadier is None
    assert advised(True, unet={}, fno={}) is None


def test_shifts_of_what_no_input_tells_are_held_against_nobody():
    told = {}
    for name in dataset_names():
        found = untold_shifts(dataset_class(name).tier("small"))
        told |= {name: found} if found else {}
    assert told == {
        "advection": {"faster"},
        "burgers": {"lower_viscosity"},
        "burgers_shock": {"lower_viscosity"},
        "lorenz96": {"weaker_forcing", "stronger_forcing"},
        "navier_stokes": {"lower_viscosity"},
        "reaction_diffusion": {"lower_diffusivity", "faster_growth"},
    }
    (board,) = boards(summarise([on_shifts(record("unet", 0.1), {"faster": 9.0, "jumps": 2.0})]))
    (best,) = board.methods
    assert _worst_shift(best, []).name == "faster"
    assert _worst_shift(best, [], {"faster"}).name == "jumps"
    assert _worst_shift(best, [], {"faster", "jumps"}) is None


@pytest.mark.parametrize(("wins", "more"), [(0.19, "in the mean, yet more on 81% of the samples"), (0.6, "")])
def test_a_lead_in_the_mean_that_most_samples_contradict_is_told_as_that(wins, more):
    cells = [record(method, error, fold=f) for method, error in (("unet", 0.1), ("linear", 0.4)) for f in range(2)]
    cells = [c.model_copy(update={"family": "baseline"}) if c.cell.method == "linear" else c for c in cells]
    (board,) = boards(summarise(cells))
    contest = SimpleNamespace(between=lambda first, second: SimpleNamespace(wins=wins))
    assert _against_baseline(board, board.methods[0], contest) == ("4.0× less error than linear", more)


@pytest.mark.parametrize(
    ("times", "labelled"),
    [
        ({"fit_seconds": 2.7}, True),
        ({"fit_seconds": 2.5}, False),
        ({"predict_seconds": 2.7, "predict_cpu_seconds": 2.0}, True),
        ({"predict_seconds": 0.09, "predict_cpu_seconds": 0.01}, False),  # so short a wait says nothing
    ],
)
def test_times_of_a_core_that_was_shared_are_labelled(times, labelled):
    alone, beside = record("unet"), record("fno", fold=1)
    slow = beside.model_copy(update={"cost": beside.cost.model_copy(update=times)})
    rows = {r.name: r for r in summarise([alone, slow])}
    assert "timed beside other work" not in rows["unet"].flags
    assert ("timed beside other work" in rows["fno"].flags) is labelled
    threads = slow.provenance.model_copy(update={"threads": 2})
    [two] = summarise([slow.model_copy(update={"provenance": threads})])
    assert "timed beside other work" not in two.flags
