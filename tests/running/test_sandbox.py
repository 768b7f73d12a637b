"""Inside a cell the files that hold test targets are out of reach, whoever opens them; the method's own files are not."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import h5py
import pytest

from sciml_bench.running.sandbox import SENTENCE, landlock_version

FIND = "from sciml_bench.paths import cache_folder\nsecret = next((cache_folder() / 'files').glob('waves-*.h5'))\n"
RUN = "raise PermissionError(subprocess.run(['cat', secret], capture_output=True, text=True, check=False).stderr)"
ATTACKS = {
    "through_h5py": FIND + "import h5py\nh5py.File(secret)",
    "through_xarray": FIND + "xr.open_dataset(secret, engine='h5netcdf')",
    "as_bytes": FIND + "open(secret, 'rb')",
    "through_a_link": FIND + "os.symlink(secret, 'mine.h5')\nopen('mine.h5', 'rb')",
    "by_overwriting": FIND + "open(secret, 'r+b')",
    "the_given_file": "open({given!r}, 'rb')",
    "another_cell": "from pathlib import Path\nopen(Path.cwd().parents[1] / 'another' / 'predictions.h5', 'rb')",
    "for_the_next_fold": "from pathlib import Path\nPath({given!r}).with_name('notes').write_text('learned')",
}
WRITE = "raise PermissionError(subprocess.run(['touch', {given!r} + '.note'], capture_output=True, text=True, check=False).stderr)"
KERNEL = {
    "in_a_child": FIND + RUN,
    "for_the_next_fold_in_a_child": WRITE,
    "in_the_parent": "open(f'/proc/{{os.getppid()}}/mem', 'rb')",
}


@pytest.fixture
def temporary(monkeypatch):
    """A short folder for temporary files, as sockets lie in it."""
    with tempfile.TemporaryDirectory() as folder:
        monkeypatch.setenv("TMPDIR", folder)
        yield Path(folder)


def test_a_method_that_goes_for_the_test_targets_fails_with_a_sentence(run, waves, method_file, temporary):
    another = temporary / f"sciml-bench-{os.getuid()}" / "another"
    another.mkdir(parents=True)
    (another / "predictions.h5").write_text("of another fold")
    attacks = ATTACKS | (KERNEL if landlock_version() else {})
    honest = "np.save('own.npy', np.ones(3))\nassert np.load('own.npy').sum() == 3\nreturn repeat"
    bodies = {name: body.format(given=str(waves)) + "\nreturn repeat" for name, body in attacks.items()}
    methods = [str(method_file(name, body)) for name, body in {**bodies, "honest": honest}.items()]
    words = ("--folds", "2", "--only-fold", "0", "--no-baselines", "--no-page", "--json")
    done = run("run", "--method", ",".join(methods), "--dataset", str(waves), *words)
    cells = {c["cell"]["method"]: c for c in json.loads(done.stdout)["cells"]}
    assert cells.pop("honest")["status"] == "ok"
    assert {name: c["status"] for name, c in cells.items()} == dict.fromkeys(attacks, "failed")
    for name, cell in cells.items():
        assert "Permission denied" in cell["reason"], (name, cell["reason"])
        assert SENTENCE in cell["reason"]
        assert str(waves.parent) not in cell["reason"]
    assert not {"notes", f"{waves.name}.note"} & {p.name for p in waves.parent.iterdir()}


PROBE = """
import multiprocessing, os, sys
from pathlib import Path
from sciml_bench.paths import cache_folder
from sciml_bench.running import sandbox
if sys.argv[2] == "audit":
    sandbox.landlock_version = lambda: 0
here = Path(sys.argv[1])
print(sandbox.enclose(here / "cells" / "cell" / "scratch", [here / "results" / "small", here / "cells"]).split()[0])
import h5py
data = cache_folder() / "data" / "set.h5"
def attempt(name, act):
    try:
        act()
        print(name, "done")
    except OSError as error:
        print(name, "refused")
attempt("h5py", lambda: h5py.File(data))
attempt("open", lambda: open(data, "rb"))
attempt("result", lambda: open(here / "results" / "small" / "one.jsonl"))
attempt("remove", lambda: os.remove(data))
attempt("rename", lambda: os.rename(data, "mine.h5"))
attempt("link", lambda: os.link(data, "mine.h5"))
attempt("replace", lambda: os.rename(data.parent, data.parent.with_name("other")))
attempt("write beside", lambda: open(here / "results" / "note", "a"))
attempt("make", lambda: os.mkdir(here / "folder"))
attempt("move out", lambda: os.rename(here / "cells" / "cell" / "mine", here / "mine"))
attempt("another cell's", lambda: open(here / "cells" / "other" / "predictions").close())
attempt("to another cell", lambda: os.rename(here / "cells" / "cell" / "mine", here / "cells" / "other" / "mine"))
attempt("remove beside", lambda: os.remove(here / "results" / "note"))
attempt("read beside", lambda: open(here / "results" / "note").close())
attempt("own", lambda: open("own", "w").close())
attempt("own folder", lambda: os.makedirs("a/b"))
attempt("the cell's", lambda: os.rename(here / "cells" / "cell" / "mine", here / "cells" / "cell" / "scratch" / "a" / "mine"))
attempt("to read the cell's", lambda: open(here / "cells" / "cell" / "scratch" / "a" / "mine").close())
attempt("compiled", lambda: open(here / "cache" / "jax" / "program", "w").close())
attempt("nothing", lambda: open(os.devnull, "w").close())
attempt("semaphore", lambda: multiprocessing.get_context("fork").Semaphore())
"""
OPEN = {"read beside", "own", "own folder", "the cell's", "to read the cell's", "compiled", "nothing", "semaphore"}


@pytest.mark.parametrize("layer", ["landlock", "audit"])
def test_each_layer_refuses_data_results_and_writing_elsewhere_and_nothing_else(layer, tmp_path, monkeypatch):
    if layer == "landlock" and not landlock_version():
        pytest.skip("this kernel has no Landlock")
    monkeypatch.setenv("SCIML_BENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(tmp_path / "cache" / "jax"))
    for file in (
        "cache/data/set.h5",
        "results/small/one.jsonl",
        "results/note",
        "cells/cell/mine",
        "cells/other/predictions",
        "cache/jax/other",
    ):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text("")
    with h5py.File(tmp_path / "cache/data/set.h5", "w") as file:
        file["u"] = 1.0
    done = subprocess.run(
        [sys.executable, "-c", PROBE, str(tmp_path), layer], capture_output=True, text=True, check=True
    )
    first, *lines = done.stdout.splitlines()
    assert first == layer
    found = dict(line.rsplit(maxsplit=1) for line in lines)
    assert {name for name, outcome in found.items() if outcome == "done"} == OPEN
    assert len(found) > len(OPEN)
    assert Path(tmp_path / "cache/data/set.h5").stat().st_size
