"""The leaderboard of a track prints its league."""

import json


def test_a_track_has_a_league(run, ask):
    made = run(
        "sweep",
        "tabular",
        "--tier",
        "smoke",
        "-m",
        "mean,linear",
        "-d",
        "borehole,diabetes",
        "--jobs",
        "1",
        "--results",
        "r",
    )
    assert made.returncode == 0, made.stderr
    shown = ask("leaderboard", "tabular", "--tier", "smoke", "--results", "r")
    assert shown.returncode == 0, shown.stderr
    assert "tabular · smoke · cpu" in shown.stdout
    document = json.loads(ask("leaderboard", "tabular", "--tier", "smoke", "--results", "r", "--json").stdout)
    places = document["league"]["smoke cpu"]["places"]
    assert {p["name"] for p in places} == {"mean", "linear"}
    assert places[0]["name"] == "linear"
    other = ask("leaderboard", "pde", "--results", "r")
    assert (other.returncode, "holds no records of pde" in other.stderr) == (2, True)
