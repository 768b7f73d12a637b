"""The first page says whether method or solver is the better choice, and only where their wall times can be told apart."""

import pytest
from site_records import record

from sciml_bench.ranking.summary import summarise
from sciml_bench.site.board import boards
from sciml_bench.site.overview import advice


def told(method, solver, *, error=0.1, accuracy=0.01):
    """Return verdict and sentence of a method and a solver with these seconds for one sample, fold by fold."""
    cells = [record("fno", error, fold=i, seconds=s) for i, s in enumerate(method)]
    cells += [record("reference_solver", accuracy, fold=i, seconds=s, variant="64") for i, s in enumerate(solver)]
    (board,) = boards(summarise(cells))
    found = advice(board, None).solver
    return found.verdict, found.told


@pytest.mark.parametrize(
    ("method", "solver", "verdict", "sentence"),
    [
        ((1.0, 1.2), (5.0, 6.0), "method wins", "5.0× faster at equal error"),
        ((5.0, 6.0), (1.0, 1.2), "solver wins", "5.0× faster at equal error"),
        ((1.0, 1.2), (1.1, 1.5), "about equal", "the times of the folds overlap"),
    ],
)
def test_it_is_clear_who_is_faster_by_how_much(method, solver, verdict, sentence):
    assert told(method, solver) == (verdict, sentence)


def test_nobody_wins_by_the_distance_between_two_settings_of_the_solver():
    cells = [record("fno", 0.05, fold=i, seconds=s) for i, s in enumerate((0.04, 0.041))]
    for variant, error, seconds in (("64", 0.01, 0.1), ("32", 0.1, 0.01)):
        cells += [record("reference_solver", error, fold=i, seconds=seconds, variant=variant) for i in range(2)]
    (board,) = boards(summarise(cells))
    found = advice(board, None).solver
    assert found.verdict == "about equal"
    assert "slower than the line between its settings" in found.told


def test_a_method_that_is_more_accurate_than_every_setting_wins():
    assert told((9.0, 9.1), (1.0, 1.2), error=1e-3) == ("method wins", "no setting of the solver is as accurate")
