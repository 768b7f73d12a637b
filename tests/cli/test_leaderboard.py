"""The leaderboard of a track prints its league."""

import json


def test_a_track_has_a_league(run):
    made = run("sweep", "tabular", "--tier", "smoke", "-m", "mean,linear", "--results", "r")
    assert made.returncode == 0, made.stderr
    shown = run("leaderboard", "tabular", "--tier", "smoke", "--results", "r")
    assert shown.returncode == 0, shown.stderr
    assert "tabular · smoke · cpu" in shown.stdout
    document = json.loads(run("leaderboard", "tabular", "--tier", "smoke", "--results", "r", "--json").stdout)
    places = document["league"]["smoke cpu"]["places"]
    assert {p["name"] for p in places} == {"mean", "linear"}
    assert places[0]["name"] == "linear"
    other = run("leaderboard", "pde", "--results", "r")
    assert (other.returncode, "holds no records of pde" in other.stderr) == (2, True)
