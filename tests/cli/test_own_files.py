"""Files of the user's own that cannot be used: one sentence, exit status 2, nothing written."""

import numpy as np
import pytest
import xarray as xr

GOOD = """
from dataclasses import dataclass
from sciml_bench.method import Method
from sciml_bench.problem import MethodCard

@dataclass(frozen=True, kw_only=True)
class Mine(Method):
    card = MethodCard(title="t", family="network", framework="numpy", summary="s", description="d")
    width: int = 3

    def fit(self, train, valid, *, problem, budget, seed, device, log):
        raise SystemExit(3)
"""
CARD = '    card = MethodCard(title="t", family="network", framework="numpy", summary="s", description="d")\n'
BROKEN = {
    "no card": (CARD, "", "it has no card; write card = MethodCard"),
    "a card of words": (CARD, '    card = "mine"\n', "its card is a str"),
    "a family that is none": ('family="network"', 'family="mine"', "has the family 'mine'; expected one of control"),
    "a framework that is none": ('framework="numpy"', 'framework="julia"', "has the framework 'julia'"),
    "no default": ("width: int = 3", "width: int", "its field 'width' has no default; give it one, as in width: int"),
    "another type": ("width: int = 3", 'width: int = "3 or 4"', "hyperparameter 'width' is '3 or 4'"),
    "an unknown type": ("width: int = 3", 'width: "Number" = 3', "the type of one of its fields is not known"),
    "no dataclass": ("@dataclass(frozen=True, kw_only=True)\n", "", "it is no dataclass"),
    "no fit": ("def fit", "def train", "exactly one public Method class"),
    "an end of the program": (
        "from dataclasses",
        "raise SystemExit(4)\nfrom dataclasses",
        "fails on import with SystemExit",
    ),
    "a slip": ("width: int", "width int", "fails on import with SyntaxError"),
}


@pytest.mark.parametrize("command", ["run", "check", "info"])
@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_method_file_is_one_sentence(case, command, ask, tmp_path):
    old, new, sentence = BROKEN[case]
    if case == "no fit" and command != "run":
        sentence = "defines neither a Method nor a Dataset"
    assert GOOD.count(old) == 1
    (tmp_path / "mine.py").write_text(GOOD.replace(old, new))
    done = ask(*{"run": ("run", "-m", "mine.py", "-d", "burgers")}.get(command, (command, "mine.py")))
    assert (done.returncode, done.stdout) == (2, "")
    assert sentence in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_method_that_ends_the_program_fails_the_check(ask, tmp_path):
    (tmp_path / "mine.py").write_text(GOOD)
    done = ask("check", "mine.py", "-d", "borehole")
    assert done.returncode == 1
    assert "it raised SystemExit: 3" in done.stdout


def write(path, change=lambda d: d, samples=12):
    rng = np.random.default_rng(0)
    data = xr.Dataset({name: (("sample", "x"), rng.random((samples, 4))) for name in ("a", "b")})
    data["label"] = "sample", [f"unit {k // 2}" for k in range(samples)]
    data.attrs.update(inputs="a", targets="b", sample="sample")
    change(data).to_netcdf(path, engine="h5netcdf")
    return path.name


@pytest.mark.parametrize(
    "name",
    ["my data.h5", "données.h5", "a[1].h5", f"{'a' * 90}.h5", "-a.h5"],
    ids=["space", "accent", "bracket", "long", "dash"],
)
def test_a_name_that_no_record_can_hold_is_refused(name, ask, tmp_path):
    write(tmp_path / name)
    done = ask("run", "-m", "mean", f"--dataset={name}")
    assert (done.returncode, "no record can hold the dataset name" in done.stderr) == (2, True), done.stderr
    method = name.replace(".h5", ".py") if len(name) < 80 else f"{'a' * 130}.py"
    (tmp_path / method).write_text(GOOD)
    for words in ((f"--method={method}", "--dataset=burgers"), None):
        done = ask("run", *words) if words else ask("check", "--", method)
        assert (done.returncode, "no record can hold the method name" in done.stderr) == (2, True), done.stderr


def test_two_files_of_one_name_are_refused_and_one_named_twice_is_not(ask, tmp_path):
    for folder in ("one", "other"):
        (tmp_path / folder).mkdir()
        write(tmp_path / folder / "mine.h5")
        (tmp_path / folder / "mine.py").write_text(GOOD)
    done = ask("run", "-m", "mean", "-d", "one/mine.h5,other/mine.h5")
    assert (done.returncode, "would both be the dataset 'mine'" in done.stderr) == (2, True), done.stderr
    done = ask("run", "-m", "one/mine.py,other/mine.py", "-d", "burgers")
    assert (done.returncode, "would both be the method 'mine'" in done.stderr) == (2, True), done.stderr
    done = ask("run", "-m", "mean,mean,fnoo", "-d", "one/mine.h5,./one/mine.h5")
    assert "unknown method 'fnoo'" in done.stderr


def test_too_few_samples_are_refused_with_how_many_are_needed(ask, tmp_path):
    name = write(tmp_path / "few.h5", samples=7)
    done = ask("run", "-m", "mean", "-d", name)
    assert done.returncode == 2
    assert "1 is left for validation, and intervals need 2; give at least 10 independent samples" in done.stderr


def test_a_file_shows_its_roles(ask, tmp_path):
    name = write(tmp_path / "Mine.H5", lambda d: d.assign_attrs(title="[b]Mine[/b]", inputs=["a"]))
    done = ask("info", name)
    assert (done.returncode, done.stderr) == (0, "")
    assert "[b]Mine[/b] (steady, 12 samples)" in done.stdout
    assert "input  a (x), 1: a" in done.stdout
    assert '"samples": 12' in ask("info", name, "--json").stdout
