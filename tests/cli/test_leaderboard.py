"""The leaderboard of a track prints its league."""

import json
import shutil
from pathlib import Path

PUBLISHED = Path(__file__).parents[2] / "results" / "small"


def test_a_track_has_a_league(ask, tmp_path):
    for dataset in ("borehole", "diabetes"):
        folder = tmp_path / "r" / "small" / dataset
        folder.mkdir(parents=True)
        for method in ("mean", "linear"):
            shutil.copy(PUBLISHED / dataset / f"{method}.jsonl", folder)
    shown = ask("leaderboard", "tabular", "--tier", "small", "--results", "r")
    assert shown.returncode == 0, shown.stderr
    assert "tabular · small · cpu" in shown.stdout
    document = json.loads(ask("leaderboard", "tabular", "--results", "r", "--json").stdout)
    places = document["league"]["small cpu"]["places"]
    assert {p["name"] for p in places} == {"mean", "linear"}
    assert places[0]["name"] == "linear"
    other = ask("leaderboard", "pde", "--results", "r")
    assert (other.returncode, "holds no records of pde" in other.stderr) == (2, True)
    wrong = ask("leaderboard", "tabulr", "--results", "r")
    assert (wrong.returncode, wrong.stderr) == (
        2, "sciml-bench: unknown track or dataset 'tabulr': did you mean tabular?\n"
    )  # fmt: skip
