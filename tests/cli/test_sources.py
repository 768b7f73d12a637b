"""Names of what there is and of what is none: folders, pipes, other files, wrappers, and folders without records."""

import io
import os

import pytest
from rich.console import Console

from sciml_bench.cli import progress
from sciml_bench.errors import UsageError
from sciml_bench.registry import dataset_class, method_class
from sciml_bench.testing import check_method

RUN = ("run", "-m", "mean", "-d")


@pytest.mark.parametrize("command", [RUN, ("info",), ("data", "generate"), ("run", "-d", "borehole", "-m")])
@pytest.mark.parametrize("name", ["folder", "folder/", "pipe", "./pipe", "file.dat", "./file.dat"])
def test_what_nothing_can_be_read_from_is_one_sentence(command, name, ask, tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file.dat").write_text("1 2 3")
    os.mkfifo(tmp_path / "pipe")
    done = ask(*command, name)
    found = {"f": "is a folder", "p": "is no ordinary file"}[name.lstrip("./")[0]]
    found = "has the name of neither Python nor data" if "dat" in name else found
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1), done.stderr
    assert f"'{name}' {found}; give the name of a " in done.stderr
    assert (".nc" in done.stderr) == (command[-1] != "-m")


def test_everybody_who_asks_for_a_plugin_is_told_so(ask, tmp_path, monkeypatch):
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)
    for asked in (method_class, dataset_class, check_method):
        for name in ("folder", "./folder"):
            with pytest.raises(UsageError, match=f"'{name}' is a folder; give the name of a "):
                asked(name)
    for words in (("check", "folder"), ("info", "ensemble(folder)"), ("check", "mean", "-d", "folder")):
        done = ask(*words)
        assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1), done.stderr
        assert "'folder' is a folder; give the name of a " in done.stderr


@pytest.mark.parametrize("name", ["burgers", "mean"])
def test_a_folder_that_is_called_like_a_plugin_does_not_stand_in_its_way(name, ask, tmp_path):
    (tmp_path / name).mkdir()
    assert ask("info", name).returncode == 0


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("ensemble(fno", "the parentheses in 'ensemble(fno' do not match"),
        ("ensemble()", "the method 'ensemble()' cannot be read"),
        ("ensemble(nosuch)", "unknown method 'nosuch'"),
        ("ensemble(fno,member=3)", "unknown option 'member' of ensemble: did you mean members?"),
        ("fno(mean)", "'fno' takes no method in parentheses"),
        ("two words.h5", "no record can hold the dataset name 'two words'"),
        ("two words.py", "no record can hold the method name 'two words'"),
        (" ", "holds no name"),
    ],
)
def test_info_refuses_the_names_that_run_refuses(name, sentence, ask, waves, method_file, tmp_path):
    waves.rename(tmp_path / "two words.h5")
    method_file("two words", "return repeat")
    words = ("-m", "mean", "-d", name) if name.endswith(".h5") else ("-m", name, "-d", "borehole")
    for command in (("info", name), ("run", *words)):
        done = ask(*command)
        assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1), done.stderr
        assert sentence in done.stderr


def test_info_shows_a_wrapped_method(ask):
    done = ask("info", "ensemble(mlp, members=3)")
    assert (done.returncode, done.stderr) == (0, "")
    assert "members" in done.stdout
    assert "learning_rate" in done.stdout
    assert "holds 2 names; give one" in ask("info", "mlp,mean").stderr


COMMANDS = {
    "leaderboard": "of any dataset",
    "compare fno unet": "with a score",
    "compare fno unet --tier full": "of tier full with a score",
    "verify": "",
    "verify --tier full": "of tier full",
    "records check": "",
}


@pytest.mark.parametrize("command", COMMANDS)
def test_where_there_are_no_records_it_is_said_what_to_run(command, ask, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    os.mkfifo(tmp_path / "pipe")
    which = f"'empty' holds no records {COMMANDS[command]}".rstrip()
    for folder, found in (
        ("empty", which),
        ("file", "'file' is no folder"),
        ("pipe", "'pipe' is no folder"),
        ("nowhere", "there is no results folder 'nowhere'"),
    ):
        done = ask(*command.split(), "--results", folder)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == f"sciml-bench: {found}; run `sciml-bench run` first or give --results\n"


def test_records_are_held_against_a_commit_that_there_is(ask, tmp_path):
    (tmp_path / "runs").mkdir()
    for given, sentence in (
        ("", "--against is empty; expected a commit or branch"),
        ("nosuch", "--against is 'nosuch'"),
    ):
        done = ask("records", "check", "--against", given)
        assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1), done.stderr
        assert sentence in done.stderr


@pytest.mark.parametrize("command", ["sweep", "tune"])
def test_all_is_among_the_tracks_that_may_be_given(command, ask):
    done = ask(command, "nosuch")
    assert (done.returncode, "unknown track 'nosuch': known: all, graph" in done.stderr) == (2, True), done.stderr


def test_folders_beside_the_tiers_are_no_datasets(ask, tmp_path):
    for name in ("site/figures", "speed/machine", "small/own"):
        (tmp_path / "runs" / name).mkdir(parents=True)
    for name in ("figures", "machine"):
        assert f"unknown track or dataset '{name}'" in ask("leaderboard", name).stderr
    assert "holds no records of own" in ask("leaderboard", "own").stderr


def test_a_dry_run_makes_nothing(ask, tmp_path):
    assert ask("sweep", "tabular", "-m", "mean", "-d", "borehole", "--dry-run").returncode == 0
    assert not list(tmp_path.glob("runs*"))


def test_a_report_without_words_is_no_line(monkeypatch):
    told = io.StringIO()
    screen = progress.Screen()
    monkeypatch.setattr(screen, "console", Console(file=told))
    report = screen.data("data x")
    report(0.5, "")
    report(0.7, "half of it")
    report(1.0, "")
    assert told.getvalue() == "data x: half of it\n"
