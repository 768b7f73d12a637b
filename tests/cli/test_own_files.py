"""Files of the user's own that cannot be used: one sentence, exit status 2, nothing written."""

import json
import shutil
import sys

import numpy as np
import pytest
import xarray as xr

from sciml_bench import registry
from sciml_bench.cli import options
from sciml_bench.problem.generation import data_key
from sciml_bench.protocol.folds import split
from sciml_bench.running import plan
from sciml_bench.running.task import prepare

BODY = "raise SystemExit(3)"
CARD = (
    '    card = MethodCard(title="Own", family="network", framework="numpy", summary="a test", description="A test.")\n'
)
BROKEN = {
    "no card": (CARD, "", "it has no card; write card = MethodCard"),
    "a card of words": (CARD, '    card = "mine"\n', "its card is a str"),
    "a family that is none": ('family="network"', 'family="mine"', "has the family 'mine'; expected one of control"),
    "a framework that is none": ('framework="numpy"', 'framework="julia"', "has the framework 'julia'"),
    "no default": (
        "gain: float = 1.0",
        "gain: float",
        "its field 'gain' has no default; give it one, as in gain: float",
    ),
    "another type": ("gain: float = 1.0", 'gain: float = "3 or 4"', "hyperparameter 'gain' is '3 or 4'"),
    "an unknown type": ("gain: float = 1.0", 'gain: "Number" = 3', "the type of one of its fields is not known"),
    "sources of words": (
        'description="A test."',
        'description="A test.", sources="x"',
        "its card has the sources 'x'; expected a tuple, as in sources=(Source(",
    ),
    "a need of words": (
        'description="A test."',
        'description="A test.", needs="torch"',
        "its card has the needs 'torch'; expected a tuple",
    ),
    "no title": ('title="Own"', "title=None", "its card has the title None; expected a string"),
    "no tiers": (
        "gain: float",
        "tiers = None\n    gain: float",
        "its tiers is None; expected a mapping tier → its values",
    ),
    "a tier of words": (
        "gain: float",
        "tiers = {'smoke': 'x'}\n    gain: float",
        "its tiers is {'smoke': 'x'}; expected",
    ),
    "nothing to try": ("gain: float", "search = {'gain': 3}\n    gain: float", "its search is {'gain': 3}; expected"),
    "a list of failures": (
        "gain: float",
        "known_failures = ['x']\n    gain: float",
        "its known_failures is ['x']; expected a mapping check → the reason",
    ),
    "no dataclass": ("@dataclass(frozen=True, kw_only=True)\n", "", "it is no dataclass"),
    "no fit": ("def fit", "def train", "exactly one public Method class"),
    "an end of the program": (
        "from dataclasses",
        "raise SystemExit(4)\nfrom dataclasses",
        "fails on import with SystemExit",
    ),
    "a slip": ("gain: float", "gain float", "fails on import with SyntaxError"),
}


@pytest.mark.parametrize(
    ("case", "command"),
    # The check asks the registry as the others do, but from a process of its own, which takes a second to start.
    [(case, command) for case in BROKEN for command in ("run", "info")]
    + [(case, "check") for case in ("no card", "no fit", "an end of the program")],
)
def test_a_broken_method_file_is_one_sentence(case, command, ask, method_file):
    old, new, sentence = BROKEN[case]
    if case == "no fit" and command != "run":
        sentence = "found Own, which does not implement fit"
    path = method_file("mine", BODY)
    assert path.read_text().count(old) == 1
    path.write_text(path.read_text().replace(old, new))
    done = ask(*{"run": ("run", "-m", "mine.py", "-d", "burgers")}.get(command, (command, "mine.py")))
    assert (done.returncode, done.stdout) == (2, "")
    assert sentence in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("command", ["run", "check"])
@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        (
            "def __post_init__(self):\n        if self.gain != 2: raise ValueError('no\\ngain')",
            "Own cannot be made with gain=1.5: ValueError: no gain (in ",
        ),
        ("def __post_init__(self):\n        raise SystemExit(3)", "Own cannot be made with gain=1.5: SystemExit: 3 (in "),
        ("def applies_to(self, problem):\n        raise SystemExit(3)", "applies_to of Own fails on the problem 'borehole' with "),
    ],
    ids=["a value", "an end", "an end when asked"],
)  # fmt: skip
def test_a_method_that_cannot_be_made_or_asked_is_one_sentence(command, code, sentence, ask, method_file):
    path = method_file("mine", BODY)
    path.write_text(f"{path.read_text()}\n    {code}\n")
    if command == "run":
        done = ask("run", "-m", "mine.py", "-d", "borehole", "--tier", "smoke", "--set", "gain=1.5")
    else:
        path.write_text(
            path.read_text().replace("gain: float = 1.0", "gain: float = 1.0\n    tiers = {'smoke': {'gain': 1.5}}")
        )
        done = ask("check", "mine.py", "-d", "borehole")
    assert (done.returncode, done.stdout) == (2, "")
    assert sentence in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_failure_that_is_declared_of_no_check_is_refused(ask, method_file):
    path = method_file("mine", BODY)
    path.write_text(path.read_text().replace("gain:", "known_failures = {'repeats_itsel': 'x'}\n    gain:"))
    done = ask("check", "mine.py", "-d", "borehole")
    assert (done.returncode, done.stdout) == (2, "")
    assert "unknown check 'repeats_itsel' of known_failures of Own: did you mean repeats_itself" in done.stderr


def test_a_method_that_ends_the_program_fails_the_check(ask, method_file):
    method_file("mine", BODY)
    done = ask("check", "mine.py", "-d", "borehole")
    assert done.returncode == 1
    assert "it raised SystemExit: 3" in done.stdout


@pytest.mark.parametrize(
    "name",
    ["my data.h5", "données.h5", "a[1].h5", f"{'a' * 90}.h5", "-a.h5"],
    ids=["space", "accent", "bracket", "long", "dash"],
)
def test_a_name_that_no_record_can_hold_is_refused(name, ask, waves, method_file):
    waves.rename(waves.with_name(name))
    done = ask("run", "-m", "mean", f"--dataset={name}")
    assert (done.returncode, "no record can hold the dataset name" in done.stderr) == (2, True), done.stderr
    method = name.replace(".h5", ".py") if len(name) < 80 else f"{'a' * 130}.py"
    method_file(method.removesuffix(".py"), BODY)
    for words in ((f"--method={method}", "--dataset=burgers"), None):
        done = ask("run", *words) if words else ask("check", "--", method)
        assert (done.returncode, "no record can hold the method name" in done.stderr) == (2, True), done.stderr


def test_two_files_of_one_name_are_refused_and_one_named_twice_is_not(ask, waves, method_file, tmp_path):
    for folder in ("one", "other"):
        (tmp_path / folder).mkdir()
        shutil.copy(waves, tmp_path / folder / "mine.h5")
        method_file(f"{folder}/mine", BODY)
    done = ask("run", "-m", "mean", "-d", "one/mine.h5,other/mine.h5")
    assert (done.returncode, "would both be the dataset 'mine'" in done.stderr) == (2, True), done.stderr
    done = ask("run", "-m", "one/mine.py,other/mine.py", "-d", "burgers")
    assert (done.returncode, "would both be the method 'mine'" in done.stderr) == (2, True), done.stderr
    done = ask("run", "-m", "mean,mean,fnoo", "-d", "one/mine.h5,./one/mine.h5")
    assert "unknown method 'fnoo'" in done.stderr


@pytest.mark.parametrize("command", ["sweep", "tune"])
def test_a_track_takes_no_names_either_that_a_record_could_not_tell_apart(command, ask, method_file, tmp_path):
    for name in ("my method", "one/mine", "other/mine"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        path = method_file(name, BODY)
        path.write_text(
            path.read_text().replace("    gain: float", "    search = {'gain': (1.0, 2.0)}\n    gain: float")
        )
    done = ask(command, "tabular", "-m", "my method.py")
    assert (done.returncode, "no record can hold the method name" in done.stderr) == (2, True), done.stderr
    done = ask(command, "tabular", "-m", "one/mine.py,other/mine.py")
    assert (done.returncode, "would both be the method 'mine'" in done.stderr) == (2, True), done.stderr


@pytest.fixture
def offered(tmp_path, monkeypatch):
    """A folder of methods beside the suite's own, with one of a slip and one that ends the program."""
    (tmp_path / "slip.py").write_text("gain float")
    (tmp_path / "stop.py").write_text(BODY)
    monkeypatch.setattr(registry.method_folder, "__path__", [*registry.method_folder.__path__, str(tmp_path)])


@pytest.mark.parametrize("words", [("run", "-d", "borehole"), ("sweep", "tabular"), ("tune", "tabular")])
def test_a_broken_method_of_the_suite_is_one_sentence_by_name(words, ask, offered):
    for name, error in (("slip", "SyntaxError: "), ("stop", "SystemExit: 3")):
        done = ask(*words, "-m", name)
        assert (done.returncode, done.stdout) == (2, ""), done.stderr
        assert f"the method '{name}' fails on import with {error}" in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1


def test_a_sweep_of_all_methods_leaves_a_broken_one_out_and_says_so(ask, offered, said):
    done = ask("sweep", "tabular", "-d", "borehole", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert said(done.stderr, "the method 'slip' fails on import with SyntaxError").endswith("; it is left out")
    assert "mean (5)" in done.stderr


def test_the_path_of_a_method_or_dataset_of_the_suite_is_its_name(ask):
    method, dataset = (
        f"{registry.method_folder.__path__[0]}/mlp.py",
        f"{registry.dataset_folder.__path__[0]}/borehole.py",
    )
    assert options.plugins("method", [method, f"ensemble({method}, members=3)", "mlp"]) == [
        "mlp",
        "ensemble(mlp,members=3)",
    ]
    assert json.loads(ask("info", method, "--json").stdout) == json.loads(ask("info", "mlp", "--json").stdout)
    named = ask("sweep", "tabular", "-m", "mlp", "-d", "borehole", "--dry-run")
    assert named.returncode == 0
    assert ask("sweep", "tabular", "-m", method, "-d", dataset, "--dry-run").stderr == named.stderr


@pytest.mark.parametrize(("folds", "enough"), [(5, 10), (2, 16)])
def test_too_few_samples_are_refused_with_how_many_are_needed(ask, waves, tmp_path, folds, enough):
    def asked(samples):
        with xr.open_dataset(waves, engine="h5netcdf") as data:
            data.isel(sample=slice(samples)).to_netcdf(tmp_path / "few.h5", engine="h5netcdf")
        return ask("run", "-m", "mean", "-d", "few.h5", "--folds", str(folds), "--no-page", "--no-baselines")

    for samples in (7, enough - 1):
        done = asked(samples)
        assert done.returncode == 2
        sentence = f"1 is left for validation, and intervals need 2; give at least {enough} independent samples"
        assert sentence in done.stderr
    assert min(len(part.valid) for part in split(np.arange(enough), folds, 0)) == 2


def test_a_file_shows_its_roles(ask, waves, tmp_path):
    with xr.open_dataset(waves, engine="h5netcdf") as data:
        data.assign_attrs(title="[b]Mine[/b]", inputs=["u0"]).to_netcdf(tmp_path / "Mine.H5", engine="h5netcdf")
    done = ask("info", "Mine.H5")
    assert (done.returncode, done.stderr) == (0, "")
    assert "[b]Mine[/b] (evolution, 30 samples)" in done.stdout
    assert "input  u0 (x: 16)" in done.stdout
    assert "target  u (time: 2, x: 16), goes on from u0, periodic" in done.stdout
    assert '"samples": 30' in ask("info", "Mine.H5", "--json").stdout


def test_an_applies_to_that_fails_or_says_no_sentence_is_one_sentence(ask, waves, method_file):
    for name, says, words in (
        ("one", "raise RuntimeError('boo')", "applies_to of Own fails on the problem 'waves' with RuntimeError: boo"),
        (
            "two",
            "return False",
            "applies_to of Own returned False for the problem 'waves'; expected None where it applies",
        ),
    ):
        path = method_file(name, "return repeat")
        path.write_text(f"{path.read_text()}\n    def applies_to(self, problem):\n        {says}\n")
        done = ask("run", "-m", str(path), "-d", str(waves), "--folds", "2", "--no-page")
        assert (done.returncode, done.stdout) == (2, ""), done.stderr
        assert words in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1


def test_other_roles_of_the_same_numbers_are_another_problem(tmp_path):
    numbers = np.random.default_rng(0).random((16, 4))
    keys = set()
    request = plan.Request(tier="smoke", seeds=1, only_fold=None, device="cpu", seconds=None, memory_gib=None)
    for name, roles in {
        "one": {"inputs": "a", "targets": "b"},
        "two": {"inputs": "b", "targets": "a"},
        "three": {"inputs": "a", "targets": "b", "periodic": 1},
    }.items():
        data = xr.Dataset({"a": (("sample", "x"), numbers), "b": (("sample", "x"), numbers[::-1])})
        data.b.attrs.update({k: v for k, v in roles.items() if k == "periodic"})
        data.attrs.update({k: v for k, v in roles.items() if k != "periodic"}, sample="sample")
        path = tmp_path / name / "own.h5"
        path.parent.mkdir()
        data.to_netcdf(path, engine="h5netcdf")
        task = prepare(str(path), "smoke", 2)
        (planned, *_) = plan.cells(task, ["mean"], request, {})
        keys.add(planned.cell.key)
    assert len(keys) == 3


def test_what_a_dataset_of_ones_own_makes_has_another_name_when_its_source_changes(ask, tmp_path):
    assert ask("new", "dataset", "own", "--folder", str(tmp_path)).returncode == 0
    written = tmp_path / "own.py"
    other = tmp_path / "other" / "own.py"
    other.parent.mkdir()
    keys = []
    for change in ("", "# a comment\n", "ADDED = 1\n"):
        other.write_text(change + written.read_text())
        dataset = registry.dataset_class(str(other)).tier("smoke")
        keys.append(data_key("own", dataset, 0))
        del sys.modules[type(dataset).__module__]
    assert keys[0] == keys[1] != keys[2]


def test_a_truth_of_zero_at_one_time_takes_away_the_scores_that_divide_by_it_alone(run, waves, tmp_path):
    with xr.open_dataset(waves, engine="h5netcdf") as data:
        still = data.load()
    still["u"][3, 1] = 0.0
    still.to_netcdf(tmp_path / "still.h5", engine="h5netcdf")
    done = run("run", "-m", "mean", "-d", "still.h5", "--no-baselines", "--no-page", "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    [row] = document["summary"]
    relative = {"nrmse_per_time", "gmean_nrmse", "valid_time", "rel_l2_final"}
    assert row["scores"]["rel_l2"]["mean"] > 0
    assert not relative & set(row["scores"])
    noted = [r["diagnostics"]["notes"] for r in document["cells"] if "notes" in r["diagnostics"]]
    assert [set(n) for n in noted] == [relative]  # one fold of five tests on that sample


def test_samples_in_order_are_predicted_from_those_before(run, ask, waves, tmp_path):
    with xr.open_dataset(waves, engine="h5netcdf") as data:
        year = 2000 + np.arange(60) // 2
        whole = xr.concat([data, 1.5 * data], "sample", data_vars="minimal").assign(year=("sample", year))
        whole.assign_attrs({**data.attrs, "order": "year"}).to_netcdf(tmp_path / "years.h5", engine="h5netcdf")
    assert "split  by 30 places in time" in ask("info", "years.h5").stdout
    done = run("run", "-m", "mean", "-d", "years.h5", "--folds", "2", "--no-baselines", "--no-page", "--json")
    assert done.returncode == 0, done.stderr
    parts = [c["diagnostics"] for c in json.loads(done.stdout)["cells"]]
    assert [(p["train_samples"], p["valid_samples"], p["test_samples"]) for p in parts] == [(16, 4, 20), (32, 8, 20)]
    few = ask("run", "-m", "mean", "-d", "years.h5", "--folds", "15", "--no-baselines", "--no-page")
    assert (few.returncode, "the samples stand at 30 places in time" in few.stderr) == (2, True), few.stderr
