"""Folders of cells whose run was killed are removed by the next one, and no other folder is."""

import os
import signal
import subprocess
import sys

import pytest

from sciml_bench.running import cell_folders

MAKER = """
import time
from sciml_bench.running import cell_folders
print(cell_folders.make().path, flush=True)
time.sleep(1e6)
"""
pytestmark = pytest.mark.skipif(not cell_folders._here(), reason="this system does not tell one start from another")


@pytest.fixture(autouse=True)
def base(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path / f"sciml-bench-{os.getuid()}"


def names(base) -> set[str]:
    return {p.name for p in base.iterdir() if p.is_dir()}


def test_a_folder_goes_with_the_run_that_was_killed_and_not_before(base):
    maker = subprocess.Popen([sys.executable, "-c", MAKER], stdout=subprocess.PIPE, text=True)
    try:
        theirs = os.path.basename(maker.stdout.readline().strip())
        (base / theirs / "predictions.h5").write_text("large")
        own = cell_folders.make()
        cell_folders.remove_abandoned()
        assert names(base) == {theirs, own.path.name}
    finally:
        maker.send_signal(signal.SIGKILL)
        maker.communicate()
    cell_folders.remove_abandoned()
    assert names(base) == {own.path.name}
    own.close()
    assert names(base) == set()


def test_a_folder_that_is_not_known_to_be_abandoned_stays(base):
    for name, owner in (("no owner", None), ("another start", b"elsewhere"), ("nothing told", b"")):
        folder = base / name
        folder.mkdir(parents=True)
        if owner is not None:
            (folder / cell_folders.OWNER).write_bytes(owner)
    (base / "pipe").mkdir()
    os.mkfifo(base / "pipe" / cell_folders.OWNER)
    gone = base / "gone"
    gone.mkdir()
    (gone / cell_folders.OWNER).write_bytes(cell_folders._here())
    (base / "link").symlink_to(gone)
    before = names(base)
    with cell_folders._gate(base, cell_folders.fcntl.LOCK_SH):  # another run makes a folder
        cell_folders.remove_abandoned()
        assert names(base) == before
    cell_folders.remove_abandoned()
    assert names(base) == before - {"gone", "link"}


def test_where_nothing_tells_one_start_from_another_all_folders_stay(base, monkeypatch, tmp_path):
    monkeypatch.setattr(cell_folders, "START", tmp_path / "none")
    made = cell_folders.make()
    os.close(made.owner)
    cell_folders.remove_abandoned()
    monkeypatch.undo()
    cell_folders.remove_abandoned()
    assert made.path.is_dir()
