"""A site replaces an older one as a whole or not at all, and no folder that is not a site."""

import subprocess
import sys

import pytest
from site_records import record

from sciml_bench.errors import UsageError
from sciml_bench.records.store import Store
from sciml_bench.site.build import build


def test_a_second_build_draws_nothing_again_and_gives_the_same_pages(site):
    before = {p.name: p.read_bytes() for p in site.rglob("*.*") if p.is_file()}
    old = (site / "figures").stat().st_ino
    build(site.parent, site)
    assert (site / "figures").stat().st_ino != old
    assert {p.name: p.read_bytes() for p in site.rglob("*.*") if p.is_file()} == before
    assert not [p for p in site.parent.iterdir() if p.name.startswith(".")]


def test_a_failing_build_leaves_the_old_site(site, monkeypatch):
    before = (site / "index.html").read_bytes()
    monkeypatch.setattr("sciml_bench.site.build.page", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        build(site.parent, site)
    assert (site / "index.html").read_bytes() == before
    assert not [p for p in site.parent.iterdir() if p.name.startswith(".")]


def test_no_records_is_a_sentence(tmp_path):
    with pytest.raises(UsageError, match="holds no records to build pages from; run `sciml-bench run` first"):
        build(tmp_path, tmp_path / "site")


@pytest.mark.parametrize("foreign", ["notes.txt", "index.html", ".git"])
def test_a_folder_of_the_user_is_never_replaced(tmp_path, foreign):
    Store(tmp_path / "results").append(record())
    out = tmp_path / "out"
    out.mkdir()
    (out / foreign).write_text("mine")
    with pytest.raises(UsageError, match="would be lost"):
        build(tmp_path / "results", out)
    assert (out / foreign).read_text() == "mine"


BESIDE = """
import os, sys
from pathlib import Path
import sciml_bench.site.build as pages
inner, parent = pages._board, os.getpid()
def board(site, shown, n):
    os.write(1, f"{{os.getpid() == parent}}\\n".encode())  # in one piece, as both processes write
    {fault}
    return inner(site, shown, n)
pages.MANY, pages.threads, pages._board = 0, lambda: 2, board
pages.build(Path({results!r}), Path({site!r}))
"""


@pytest.mark.parametrize(
    ("fault", "ending"),
    [
        ("", ""),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("os._exit(9)", "ended from outside; an older site stands"),
    ],
)
def test_processes_beside_each_other_write_the_same_pages_or_none(site, fault, ending):
    before = {p.relative_to(site): p.read_bytes() for p in site.rglob("*.*") if p.is_file()}
    code = BESIDE.format(fault=fault, results=str(site.parent), site=str(site))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert set(done.stdout.split()) == {"False"}
    assert ending in done.stderr.strip().rpartition("\n")[2]
    assert done.returncode == bool(fault)
    assert {p.relative_to(site): p.read_bytes() for p in site.rglob("*.*") if p.is_file()} == before
    assert not [p for p in site.parent.iterdir() if p.name.startswith(".")]


def test_no_framework_is_imported(site):
    code = (
        "import sys; from pathlib import Path; from sciml_bench.site.build import build; "
        f"build(Path({str(site.parent)!r}), Path({str(site)!r})); "
        "print(sorted({'torch', 'jax', 'exponax', 'equinox', 'neuralop'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
