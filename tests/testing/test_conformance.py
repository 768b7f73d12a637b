"""The contract names what is broken, and files that are written anew keep it."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sciml_bench.errors import ContractError
from sciml_bench.registry import dataset_class
from sciml_bench.testing import METHOD_CHECKS, benches, check_dataset, check_method, method_checks, method_outcomes

HEAD = """
from dataclasses import dataclass
import math
import numpy as np
import xarray as xr
from sciml_bench.method import Method
from sciml_bench.problem import MethodCard

FRAMES = 20

@dataclass(frozen=True, kw_only=True)
class Own(Method):
    '''û = gain · a at every time.'''

    card = MethodCard(title="Own", family="baseline", framework="numpy", summary="a test", description="A test.")
    gain: float = 1.0
"""
GOOD = """
    def fit(self, train, valid, *, problem, budget, seed, device, log):
        log.progress(1.0)
        return Repeat(self.gain)

@dataclass(frozen=True)
class Repeat:
    gain: float

    def __call__(self, inputs):
        u0 = inputs["u0"].transpose("sample", "x").values
        return xr.Dataset({"u": (("sample", "time", "x"), self.gain * np.repeat(u0[:, None], FRAMES, 1))})
"""
FAULTS = {
    "predicts_what_was_declared": (
        ("FRAMES = 20", "FRAMES = 10"),
        "has 10 entries along 'time': expected 20",
    ),
    "repeats_itself": (("self.gain * np", "np.random.random() * np"), "the same seed gave different predictions"),
    "leaves_its_data_as_they_are": (
        ("return Repeat", 'train["u"].values[:] = 0; return Repeat'),
        "changed its input arrays",
    ),
    "is_indifferent_to_order_and_batch": (("self.gain * np", "u0.mean() * np"), "depend on order or batch"),
    "can_be_kept": (("return Repeat(self.gain)", "r = Repeat(self.gain); return lambda a: r(a)"), "pickle"),
    "reports_how_far_it_is": (("log.progress(1.0)", "pass"), "never called log.progress"),
    "imports_no_framework": (("import math", "import torch"), "imports torch at its top"),
    "card_is_complete": (('summary="a test"', 'summary=" "'), "the card has no summary"),
    "can_be_set": (
        ("gain: float = 1.0", "gain: float = 1.0\n    layers: tuple[int, ...] = (8, 8)"),
        "the field 'layers' is of type tuple[int, ...], which --set layers=… cannot give: use a field of type int, float",
    ),
    "is_a_frozen_dataclass": (("@dataclass(frozen=True, kw_only=True)", "@dataclass"), "can be changed"),
}  # fmt: skip


def written(path: Path) -> None:
    """Put words in place of each TODO of the template."""
    path.write_text(path.read_text().replace("TODO: ", ""))


def write(folder: Path, text: str) -> str:
    path = folder / "own.py"
    path.write_text(text)
    return str(path)


def test_a_good_method_passes_in_two_lines(tmp_path):
    check_method(write(tmp_path, HEAD + GOOD), "burgers")


@pytest.mark.parametrize("check", FAULTS)
def test_each_fault_is_named_by_its_check_in_a_sentence(tmp_path, check):
    (old, new), sentence = FAULTS[check]
    text = HEAD + GOOD
    assert old in text
    outcomes = list(method_outcomes(write(tmp_path, text.replace(old, new, 1)), ["burgers"]))
    failed = {o.check: o.sentence for o in outcomes if o.ending == "failed"}
    assert check in failed
    assert sentence in failed[check]


WRONG = {
    "fit raises": ("return Repeat(self.gain)", 'raise ValueError("no")', "it raised ValueError: no (in "),
    "another fit": ("train, valid, *, problem", "train, *, problem", "it raised TypeError: "),
    "no predictor": ("return Repeat(self.gain)", "return None", "fit returned a NoneType; expected a predictor"),
    "an array": ("return xr.Dataset", "return u0; xr.Dataset", "returned a ndarray; expected an xarray.Dataset"),
    "NaN": ("self.gain * np", "np.nan * np", "that are NaN or infinite, in 4 of 4 samples"),
    "complex": ("self.gain * np", "1j * np", "has the type complex128; expected real numbers"),
    "a list as a fact": (
        "log.progress(1.0)",
        'log.fact("a", [1])',
        "log.fact was given a list as 'a'; expected a number",
    ),
    "a fact that is not counted": (
        "log.progress(1.0)",
        'log.fact("flops", "many")',
        "given 'many' as 'flops'; expected a",
    ),
    "half a word": ("log.progress(1.0)", 'log.progress("half")', "log.progress was given 'half'; expected the share"),
    "no share": ("log.progress(1.0)", 'log.progress(float("nan"))', "log.progress was given nan; expected the share"),
    "a curve of words": (
        "log.progress(1.0)",
        'log.curve("loss", 1, "low")',
        "log.curve was given 1 and 'low' for 'loss'",
    ),
    "a curve without a name": ("log.progress(1.0)", "log.curve((), 1, 2)", "log.curve was given () as a name"),
    "one member": (
        '("sample", "time", "x"), self.gain * np.repeat(u0[:, None], FRAMES, 1)',
        '("member", "sample", "time", "x"), self.gain * np.repeat(u0[None, :, None], FRAMES, 2)',
        "a distribution takes at least 2",
    ),
    "a sample less": (
        "np.repeat(u0[:, None]",
        "np.repeat(u0[1:, None]",
        "has the length 3 along 'sample'; its inputs have 4",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_asked_is_told_once(tmp_path, case):
    old, new, sentence = WRONG[case]
    text = HEAD + GOOD
    assert old in text
    outcomes = list(method_outcomes(write(tmp_path, text.replace(old, new, 1)), ["burgers"]))
    failed = [o for o in outcomes if o.ending == "failed"]
    assert [o.check for o in failed] == ["predicts_what_was_declared"]
    assert sentence in failed[0].sentence
    assert sum(o.ending == "not reached" for o in outcomes) == len(METHOD_CHECKS) - 6
    assert str(tmp_path) not in failed[0].sentence


def test_a_fit_that_waits_for_ever_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(method_checks, "PATIENCE", 0.02)
    path = write(tmp_path, (HEAD + GOOD).replace("log.progress(1.0)", "__import__('time').sleep(1e6)", 1))
    failed = [o for o in method_outcomes(path, ["burgers"]) if o.ending == "failed"]
    assert [o.check for o in failed] == ["predicts_what_was_declared"]
    assert "was ended after" in failed[0].sentence
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_a_declared_failure_is_shown_with_its_reason_and_must_be_true(tmp_path):
    (old, new), _ = FAULTS["repeats_itself"]
    declared = 'gain: float = 1.0\n    known_failures = {"repeats_itself": "it draws lots"}'
    text = (HEAD + GOOD).replace("gain: float = 1.0", declared, 1)
    outcomes = list(method_outcomes(write(tmp_path, text.replace(old, new, 1)), ["burgers"]))
    assert [o.sentence for o in outcomes if o.ending == "declared"] == ["it draws lots"]
    (tmp_path / "two").mkdir()
    with pytest.raises(ContractError, match="but it passes: delete that entry"):
        check_method(write(tmp_path / "two", text), "burgers")


def test_a_method_that_applies_to_nothing_is_told_so(tmp_path):
    never = '\n    def applies_to(self, problem):\n        return "It never does."\n'
    with pytest.raises(ContractError, match="applies to no dataset"):
        check_method(write(tmp_path, HEAD + never + GOOD))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["method", "dataset"])
def test_what_new_writes_passes_the_check_but_for_its_todos_and_runs(run, ask, kind, tmp_path):
    made = ask("new", kind, "my_own")
    assert made.returncode == 0, made.stderr
    assert "next: sciml-bench check my_own.py" in made.stdout
    words = ["-d", "burgers"] if kind == "method" else []
    checked = ask("check", "my_own.py", *words)
    assert checked.returncode == 1
    said = "TODO is still written in the card's summary, the card's description, the docstring of the file, source 1 of the card"
    assert said in checked.stdout
    assert "1 failed, 0 fail as declared" in checked.stdout
    written(tmp_path / "my_own.py")
    checked = ask("check", "my_own.py", *words)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    pair = ("my_own.py", "borehole") if kind == "method" else ("mean", "my_own.py")
    done = run("run", "-m", pair[0], "-d", pair[1], "--tier", "smoke", "--no-baselines", "--folds", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "my_own" in done.stdout
    again = ask("new", kind, "my_own")
    assert (again.returncode, "exists already" in again.stderr) == (2, True)


@pytest.mark.slow
def test_what_new_writes_for_torch_passes_the_check(ask, tmp_path):
    assert ask("new", "method", "my_net", "--framework", "torch").returncode == 0
    written(tmp_path / "my_net.py")
    checked = ask("check", "my_net.py", "-d", "burgers,darcy")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    refused = ask("new", "dataset", "my_data", "--framework", "torch")
    assert (refused.returncode, "a dataset has none: leave it out" in refused.stderr) == (2, True)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["new", "method", "My-Own"], "expected a lower-case Python name"),
        (["new", "method", "fno"], "already"),
        (["new", "method", "random"], "the name is 'random', that of Python's own module: a program started beside"),
        (["new", "dataset", "json"], "would import it in place of that module; choose another name, such as my_json"),
        (["new", "method", "numpy"], "the name is 'numpy', that of an installed module"),
        (["new", "method", "torch"], "that of an installed module"),
        (["new", "dataset", "xarray"], "that of an installed module"),
        (["check", "fnoo"], "did you mean fno"),
        (["check", "nothing.py"], "does not exist"),
    ],
)
def test_bad_names_are_answered_in_a_sentence(ask, words, sentence):
    done = ask(*words)
    assert done.returncode == 2
    assert sentence in done.stderr


def test_check_says_what_is_wrong_and_exits_with_1(ask, tmp_path):
    (old, new), sentence = FAULTS["reports_how_far_it_is"]
    write(tmp_path, (HEAD + GOOD).replace(old, new, 1))
    done = ask("check", "own.py", "-d", "burgers")
    assert done.returncode == 1
    assert "✗ reports how far it is" in done.stdout
    assert sentence in done.stdout


@pytest.mark.slow
def test_an_installed_package_can_offer_a_method(run, tmp_path):
    """A package on the path with an entry point: listed, checked, run, ranked and shown on a page by its name alone."""
    assert len((HEAD + GOOD).splitlines()) < 40
    package = tmp_path / "elsewhere"
    (package / "offered-1.0.dist-info").mkdir(parents=True)
    (package / "offered_method.py").write_text(HEAD + GOOD)
    (package / "offered-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: offered\nVersion: 1.0\n")
    (package / "offered-1.0.dist-info" / "entry_points.txt").write_text(
        "[sciml_bench.methods]\noffered = offered_method\n"
    )
    listed = run("list", "methods", PYTHONPATH=str(package))
    assert "offered" in listed.stdout
    done = run(
        "run", "-m", "offered", "-d", "burgers", "--tier", "smoke", "--folds", "2", "--no-baselines", "--set", "gain=0.5",
        PYTHONPATH=str(package),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "offered(gain=0.5)" in done.stdout
    checked = run("check", "offered", "-d", "burgers", PYTHONPATH=str(package))
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "✓ offered on burgers" in checked.stdout
    board = run("leaderboard", "burgers", PYTHONPATH=str(package))
    assert "offered(gain=0.5)" in board.stdout
    shown = tmp_path / "runs" / "site" / "smoke" / "burgers.html"
    assert "offered(gain=0.5)" in shown.read_text(encoding="utf-8")


def test_checking_is_usable_from_another_projects_pytest(tmp_path):
    write(tmp_path, HEAD + GOOD)
    (tmp_path / "test_own.py").write_text(
        "from sciml_bench.testing import check_method\ndef test_contract(): check_method('own.py', 'burgers')\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_own.py"],
        cwd=tmp_path, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert "1 passed" in done.stdout, done.stdout


def test_the_datasets_check_raises_what_is_broken(tmp_path):
    path = tmp_path / "own_data.py"
    made = subprocess.run(
        [sys.executable, "-m", "sciml_bench", "new", "dataset", "own_data"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert made.returncode == 0, made.stderr
    written(path)
    check_dataset(str(path))
    for good, bad, sentence in (
        ("default_rng([seed, i])", "default_rng([i])", "generation_is_deterministic: another seed gave the same data"),
        ("`frames` equally", "equally", "parameters_are_explained: the docstring says nothing of the parameter frames"),
    ):
        other = tmp_path / f"{sentence.partition(':')[0]}.py"
        other.write_text(path.read_text().replace(good, bad))
        with pytest.raises(ContractError, match=sentence):
            check_dataset(str(other))


def test_what_a_method_prints_is_no_part_of_the_document(ask, tmp_path):
    loud = (
        "import ctypes, os\n{0}print('words')\n{0}os.write(1, b'bytes')\n{0}os.system('echo of a process')\n"
        "{0}ctypes.CDLL(None).printf(b'of C')\n"
    )
    body, space = "device, log):\n", " " * 8
    write(tmp_path, loud.format("") + (HEAD + GOOD).replace(body, body + space + loud.format(space), 1))
    done = ask("check", "own.py", "-d", "burgers", "--json")
    assert done.returncode == 0, done.stderr
    assert [o["ending"] for o in json.loads(done.stdout)] == ["passed"] * len(METHOD_CHECKS)
    for words in ("words", "bytes", "of a process", "of C"):
        assert done.stderr.count(words) > 1


def test_a_dataset_that_breaks_does_not_end_the_check_of_a_method(monkeypatch):
    class Broke:
        def tier(self, name):
            raise ZeroDivisionError(name)

    monkeypatch.setattr(benches, "all_datasets", lambda: [("broke", Broke()), ("borehole", dataset_class("borehole"))])
    assert list(benches.shapes.__wrapped__().values()) == ["borehole"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "the class has no docstring: write one"),
        ("TODO: say it", "TODO is still written in the docstring of the class"),
    ],
)
def test_a_class_that_says_nothing_of_itself_is_told_so(tmp_path, text, sentence):
    text = (HEAD + GOOD).replace("    '''û = gain · a at every time.'''\n", f'    """{text}"""\n' if text else "")
    failed = [o for o in method_outcomes(write(tmp_path, text), ["burgers"]) if o.ending == "failed"]
    assert [o.check for o in failed] == ["card_is_complete"]
    assert sentence in failed[0].sentence


def test_a_value_without_annotation_is_no_hyperparameter_and_is_named(ask, tmp_path):
    bare = "gain: float = 1.0\n    width = 3\n    LIMIT = 4\n    _kept = 5\n    half = property(lambda self: self.gain / 2)"
    path = write(tmp_path, (HEAD + GOOD).replace("gain: float = 1.0", bare))
    failed = [o for o in method_outcomes(path, ["burgers"]) if o.ending == "failed"]
    said = "'width' has no type annotation in the class Own, so that it is no hyperparameter: write width: int = 3, or"
    assert [o.check for o in failed] == ["is_a_frozen_dataclass"]
    assert failed[0].sentence.startswith(said)
    assert failed[0].sentence.count("annotation") == 1
    done = ask("run", "-m", "own.py", "-d", "burgers", "--set", "width=4")
    assert (done.returncode, said in done.stderr) == (2, True), done.stderr


def test_a_default_that_is_changed_without_annotation_is_named(tmp_path):
    child = "\n@dataclass(frozen=True, kw_only=True)\nclass Child(_Own):\n    gain = 2.0\n"
    path = write(tmp_path, (HEAD + GOOD).replace("class Own", "class _Own") + child)
    failed = [o.sentence for o in method_outcomes(path, ["burgers"]) if o.check == "is_a_frozen_dataclass"]
    assert failed[0].startswith(
        "'gain' has no type annotation in the class Child, so that the hyperparameter keeps its old default"
    )


@pytest.mark.parametrize("framework", ["numpy", "torch"])
def test_a_predictor_of_a_local_class_is_told_where_to_define_it(tmp_path, framework):
    local = "class Local(Repeat): pass\n        return Local(self.gain)"
    text = (HEAD + GOOD).replace("return Repeat(self.gain)", local).replace('"numpy"', f'"{framework}"')
    failed = [o for o in method_outcomes(write(tmp_path, text), ["burgers"]) if o.ending == "failed"]
    assert [o.check for o in failed] == ["can_be_kept"]
    assert (
        "Local'): define the classes and functions that it holds at the top level of the module" in failed[0].sentence
    )
    assert ("methods/<name>/network.py" in failed[0].sentence) == (framework == "torch")


@pytest.mark.parametrize(
    "kind", ["tuple", "list[int]", "dict[str, int]", "tuple[int, int] | None", "int | list[int]", "Path"]
)
def test_a_field_that_the_command_line_cannot_give_is_named(tmp_path, kind):
    text = (HEAD + GOOD).replace("gain: float = 1.0", f"gain: float = 1.0\n    more: {kind} = None")
    text = text.replace("import math", "from pathlib import Path")
    failed = [o.sentence for o in method_outcomes(write(tmp_path, text), ["burgers"]) if o.ending == "failed"]
    assert len(failed) == 1
    assert f"the field 'more' is of type {kind}, which --set more=… cannot give" in failed[0]


def test_a_name_is_free_where_only_the_folder_itself_has_it(ask, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "mine").mkdir()  # which Python takes for a package, as it does any folder on its path
    (tmp_path / "other.py").write_text("")
    for name in ("mine", "other"):
        done = ask("new", "method", name, "--folder", "elsewhere")
        assert done.returncode == 0, done.stderr
