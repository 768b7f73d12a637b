"""Rows of two kinds of device are never held against each other."""

import json
from pathlib import Path

import pytest

PUBLISHED = Path(__file__).parents[2] / "results" / "small"


@pytest.fixture
def published(tmp_path):
    """Return what copies published rows of borehole into a folder, as if run on some device."""

    def copy(method: str, *devices: str) -> None:
        folder = tmp_path / "r" / "small" / "borehole"
        folder.mkdir(parents=True, exist_ok=True)
        lines = [json.loads(x) for x in (PUBLISHED / "borehole" / f"{method}.jsonl").read_text().splitlines()]
        text = ""
        for n, device in enumerate(devices):
            text += "".join(
                json.dumps({**r, "key": f"{n}{r['key'][1:]}", "cell": {**r["cell"], "device": device}}) + "\n"
                for r in lines
            )
        (folder / f"{method}.jsonl").write_text(text)

    return copy


def test_a_row_of_each_device_is_no_pair(ask, published):
    published("linear", "cpu")
    published("mean", "cuda")
    done = ask("compare", "linear", "mean", "--results", "r")
    assert done.returncode == 2
    assert "there is nothing to compare between linear and mean at tier small on a processor" in done.stderr
    named = ask("compare", "linear", "mean", "-d", "borehole", "--results", "r")
    assert named.returncode == 2
    assert (
        "linear was run on a processor and mean on a GPU: rows of two kinds of device are not compared" in named.stderr
    )


def test_a_line_that_is_no_record_is_said_by_what_reads_it(ask, published, tmp_path):
    published("linear", "cpu")
    published("mean", "cpu")
    with open(tmp_path / "r" / "small" / "borehole" / "mean.jsonl", "a") as handle:
        handle.write("{\n")
    for words in (("compare", "linear", "mean"), ("verify", "-m", "linear", "--predictions", "."), ("leaderboard",)):
        done = ask(*words, "--results", "r", "--json")
        assert (done.returncode, done.stderr.count("is not whole JSON")) == (0, 1), done.stderr
        json.loads(done.stdout)


def test_a_row_is_not_compared_with_itself(ask, published):
    published("linear", "cpu")
    done = ask("compare", "linear", "linear", "--results", "r")
    assert (done.returncode, done.stdout) == (2, "")
    assert "on borehole 'linear' and 'linear' name one row, linear; give two" in done.stderr


def test_the_device_can_be_chosen(ask, published):
    published("linear", "cpu", "cuda")
    published("mean", "cuda")
    for words in ((), ("--device", "cuda"), ("-d", "borehole")):
        done = ask("compare", "linear", "mean", "--results", "r", *words)
        assert done.returncode == 0, done.stderr
        assert "% less error than mean on borehole" in done.stdout
    other = ask("compare", "linear", "mean", "--device", "cpu", "--results", "r")
    assert (other.returncode, "unknown row 'mean'" in other.stderr) == (2, True)
    wrong = ask("compare", "linear", "mean", "--device", "tpu", "--results", "r")
    assert (wrong.returncode, "--device is 'tpu': expected cpu or cuda" in wrong.stderr) == (2, True)
