"""A dataset file of the user's own that is wrong: one sentence that says what, at every command."""

import json

import pytest

ARRAYS = '{"u0": u[:, 0], "u": u[:, 1:]}'
MADE = f'labelled([START, STATE], {ARRAYS}, {{"time": t[1:], "x": x}})'
STEPS = "x, t = np.arange"
BROKEN = {
    "generate raises": (STEPS, 'raise ValueError("CFL violated")\n        ' + STEPS, "ValueError: CFL violated (in "),
    "another signature": ("samples: Sequence[int], *, device", "number: int, *, where", "TypeError"),
    "no dataset": (MADE, ARRAYS, "returned a dict; expected an xarray.Dataset"),
    "a variable less": (MADE, f'{MADE}.drop_vars("u")', "made no 'u', which its problem declares; it made u0"),
    "NaN": ('"u0": u[:, 0]', '"u0": u[:, 0] * np.nan', "of 'u0' that are NaN or infinite"),
}
UNUSABLE = {
    "no samples": (
        '"smoke": {"samples": 32}',
        '"smoke": {"grid": 32}',
        "the tier 'smoke' of the dataset 'mine' cannot",
    ),
    "a slip": ('"smoke": {"samples": 32}', '"smoke": {"samples": 32, "gird": 4}', "'gird'"),
    "half a sample": ('"smoke": {"samples": 32}', '"smoke": {"samples": 32.5}', "expected a whole number above 0"),
    "no problem": ("return Problem(", 'raise KeyError("nu")\n        return Problem(', "KeyError: 'nu'"),
    "another problem": ("return Problem(", "return dict(", "returned a dict: expected a Problem"),
    "no refined": ("def refined(self)", "def finer(self)", "found Mine, which does not implement refined"),
}


@pytest.fixture
def mine(ask, tmp_path):
    """Return what writes a dataset file with one change."""

    def write(old: str, new: str) -> str:
        path = tmp_path / "mine.py"
        path.unlink(missing_ok=True)
        assert ask("new", "dataset", "mine").returncode == 0
        text = path.read_text()
        assert text.count(old) == 1
        path.write_text(text.replace(old, new).replace("TODO: ", ""))
        return "mine.py"

    return write


def commands(name: str, *more: str) -> list[tuple[str, ...]]:
    run = ("run", "-m", "mean", "-d", name, "--tier", "smoke", "--no-baselines", "--no-page", "--folds", "2")
    return [run, *(("data", word, name, "--tier", "smoke") for word in more)]


@pytest.mark.parametrize("case", [*BROKEN, *UNUSABLE])
def test_it_is_told_in_a_sentence(case, ask, mine, tmp_path):
    old, new, sentence = (BROKEN | UNUSABLE)[case]
    name = mine(old, new)
    for words in commands(name, "generate", "certify"):
        done = ask(*words)
        assert (done.returncode, done.stdout) == (1 if case in BROKEN else 2, ""), done.stderr
        last = done.stderr.strip().splitlines()[-1]
        assert last.startswith("sciml-bench: "), done.stderr
        assert sentence in last
        assert "Traceback" not in done.stderr
        assert not list(tmp_path.glob("runs/*/*"))


def test_shifts_that_cannot_be_named_are_a_sentence(ask, mine):
    name = mine('return {"more_viscous"', 'raise TypeError("gird")\n        return {"more_viscous"')
    for words in (("data", "generate", name), ("run", "-m", "mean", "-d", name)):
        done = ask(*words, "--tier", "smoke")
        assert (done.returncode, done.stdout) == (1, "")
        assert "shifts of Mine failed: TypeError: gird (in " in done.stderr.splitlines()[-1]


def test_a_truth_that_is_said_to_be_refined_has_to_be(ask, mine):
    name = mine('truth="closed_form"', 'truth="refined"')
    for words in commands(name, "certify"):
        done = ask(*words)
        assert (done.returncode, done.stdout) == (1, "")
        assert "says that its truth is refined, and refined() raises NotImplementedError" in done.stderr


def test_its_truth_is_certified_by_path(ask, mine):
    done = ask("data", "certify", mine("frames: int = 5", "frames: int = 4"), "--tier", "smoke", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["mine"]["against"] == "a closed form, exact to rounding"


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('"u0": u[:, 0]', '"u0": u[:, 0] * np.nan', "'u0' holds 64 values of 64 that are NaN or infinite"),
        ('"u0": u[:, 0]', '"u0": u[:, 0].astype("f4")', "'u0' is float32: expected float64"),
        ("[START, STATE], {", '[replace(START, unit="m"), STATE], {', "units='m'; its declared unit is '1'"),
        (MADE, f'{MADE}.drop_vars("u")', "made no 'u', which its problem declares; it made u0"),
        (STEPS, f'raise ValueError("CFL violated")\n        {STEPS}', "ValueError: CFL violated (in "),
        ("[seed, i]", "[seed, 0]", "two of the first three samples have the same inputs"),
    ],
)
def test_the_check_says_what_is_wrong_and_nothing_else(ask, mine, old, new, sentence):
    done = ask("check", mine(old, new), "--json")
    assert done.returncode == 1
    failed = [o["sentence"] for o in json.loads(done.stdout) if o["ending"] == "failed"]
    assert len(failed) == 1
    assert sentence in failed[0]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("run", "-m", "mean", "-d", "t.csv"), "'t.csv' cannot be read: data are read from HDF5 or NetCDF4"),
        (("info", "t.npz"), "README shows how xarray writes them"),
        (("check", "waves.h5"), "in which there is no method or dataset; `sciml-bench info waves.h5` shows"),
    ],
)
def test_other_files_are_told_what_to_do(ask, waves, tmp_path, words, sentence):
    for name in ("t.csv", "t.npz"):
        (tmp_path / name).write_text("a,b\n1,2\n")
    done = ask(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert sentence in done.stderr
