"""The keys that the README says a document has are those that it has."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from sciml_bench.cli.reproduce import _document
from sciml_bench.protocol.folds import forward, split
from sciml_bench.running.anchors import Obtained, anchors

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def documented() -> dict[str, list[str]]:
    """Return document → its keys, as the README's table has them."""
    table = README.partition("## For programs")[2].partition("## ")[0]
    rows = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("| ")]
    return {name: re.findall(r"`(\w+)`", keys) for name, keys in rows[1:]}


@pytest.fixture
def printed(ask, waves, tmp_path):
    """Return what prints the document of a command, of some published rows."""
    for dataset in ("borehole", "diabetes"):
        folder = tmp_path / "r" / "small" / dataset
        folder.mkdir(parents=True)
        for method in ("mean", "linear", "mlp"):
            shutil.copy(ROOT / "results" / "small" / dataset / f"{method}.jsonl", folder)
    (tmp_path / "r" / "odd").write_text("")

    def call(command: str):
        return json.loads(ask(*command.split(), "--json").stdout)

    return call


def test_the_keys_of_each_document_are_those_that_are_printed(printed):
    board, checked, listed = (
        printed("leaderboard tabular --results r"),
        printed("records check --results r"),
        printed("list"),
    )
    league = board["league"]["small cpu"]
    obtained = _document(Obtained(anchor=anchors()[0], value=None))
    found = {
        "`list`": [listed],
        "entries of `list`": [e for part in listed.values() for e in part],
        "`info` of a method": [printed("info mlp"), printed("info ensemble(mlp)")],
        "`info` of a dataset": [printed("info burgers"), printed("info borehole")],
        "`info` of a file of data": [printed("info waves.h5")],
        "`run`, `leaderboard`": [board],
        "entries of `cells`, and lines of the records": board["cells"],
        "entries of `summary`": board["summary"],
        "`scores` of a summary, each": [s for row in board["summary"] for s in row["scores"].values()],
        "a `league`": [league],
        "entries of `places`": league["places"],
        "`compare`, a list": printed("compare mlp linear --results r"),
        "`verify`, a list": printed("verify -m linear --predictions . --results r"),
        "`check`, a list": printed("check borehole"),
        "`records check`": [checked],
        "entries of `findings`": checked["findings"],
        "`reproduce`, a list": [json.loads(json.dumps(obtained))],
        "`data certify`, by dataset": list(printed("data certify borehole --tier smoke").values()),
    }
    told = documented()
    assert list(found) == list(told)
    for name, documents in found.items():
        assert documents, name
        for document in documents:
            assert sorted(document) == sorted(told[name]), name


def test_the_least_sizes_are_those_that_it_tells():
    for parts, least, places in (
        (lambda n: split(np.arange(n), 5, 0), 2, "Ten independent"),
        (lambda n: forward(np.arange(n), 5), 2, "43 places"),
        (lambda n: split(np.arange(n), 5, 0), 9, "54 in all"),
    ):
        assert places in README
        number = int(places.split()[0].replace("Ten", "10"))
        assert min(len(p.valid) for p in parts(number)) >= least
        assert min(len(p.valid) for p in parts(number - 1)) < least
