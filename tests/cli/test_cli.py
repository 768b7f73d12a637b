import json
import shlex
import subprocess
import sys

import numpy as np
import pytest
import xarray as xr

from sciml_bench.records.record import Record

BAD = {
    "unknown method": (
        ["--method", "fnoo", "--dataset", "burgers"],
        "unknown method 'fnoo': did you mean fno",
    ),
    "unknown dataset": (
        ["--method", "fno", "--dataset", "burger"],
        "unknown dataset 'burger': did you mean burgers",
    ),
    "unknown hyperparameter": (
        ["--method", "fno", "--dataset", "burgers", "--set", "widht=3"],
        "unknown hyperparameter 'widht' of fno: did you mean width",
    ),
    "endless hyperparameter": (
        ["--method", "fno", "--dataset", "burgers", "--set", "learning_rate=inf"],
        "hyperparameter 'learning_rate' is inf: expected a finite number",
    ),
    "countless seeds": (
        ["--method", "mean", "--dataset", "burgers", "--seeds", "100000000000"],
        "expected 1 to 1000 rep",
    ),
    "wrong type": (
        ["--method", "fno", "--dataset", "burgers", "--set", "width=wide"],
        "hyperparameter 'width' is 'wide': expected a value of type int",
    ),
    "nothing to give it to": (
        ["--method", "fno", "--dataset", "burgers", "--set", "momentum=0.9"],
        "which has none; use 'sgd'",
    ),
    "half precision on a CPU": (
        ["--method", "fno", "--dataset", "burgers", "--set", "precision=16-mixed", "--device", "cpu"],
        "needs a GPU; use 'bf16-mixed' on a CPU",
    ),
    "the first of two methods": (["-m", "nosuch", "-m", "mean", "-d", "burgers"], "unknown method 'nosuch'"),
    "the first of two datasets": (["-m", "mean", "-d", "nosuch", "-d", "burgers"], "unknown dataset 'nosuch'"),
    "no value": (["--method", "fno", "--dataset", "burgers", "--set", "width"], "expected name=value"),
    "one fold": (
        ["--method", "mean", "--dataset", "burgers", "--folds", "1"],
        "--folds is 1: cross-validation needs at least 2",
    ),
    "too many folds": (
        ["--method", "mean", "--dataset", "burgers", "--tier", "smoke", "--folds", "9999"],
        "give at most",
    ),
    "no such fold": (
        ["--method", "mean", "--dataset", "burgers", "--only-fold", "7"],
        "--only-fold is 7: expected 0 to 4",
    ),
    "no repetition": (["--method", "mean", "--dataset", "burgers", "--seeds", "0"], "--seeds is 0"),
    "no time": (["--method", "mean", "--dataset", "burgers", "--time-limit", "0"], "--time-limit is 0"),
    "endless time": (["--method", "mean", "--dataset", "burgers", "--time-limit", "nan"], "expected a finite number"),
    "endless memory": (
        ["--method", "mean", "--dataset", "burgers", "--memory-limit", "inf"],
        "expected a finite number",
    ),
    "a long value": (
        ["--method", "reference_solver", "--dataset", "burgers", "--set", f"cost={'a' * 200}"],
        "--set holds 205 characters, and a row's name at most 200",
    ),
    "unknown option": (
        ["--method", "ensemble(fno,member=4)", "--dataset", "burgers"],
        "unknown option 'member' of ensemble: did you mean members",
    ),
    "unknown device": (
        ["--method", "mean", "--dataset", "burgers", "--device", "tpu"],
        "expected auto, cpu or cuda",
    ),
    "does not apply": (
        ["--method", "persistence", "--dataset", "darcy"],
        "'persistence' does not apply to the dataset 'darcy'",
    ),
    "no such file": (["--method", "mean", "--dataset", "none.h5"], "the data file 'none.h5' does not exist"),
    "no such method file": (
        ["--method", "none.py", "--dataset", "burgers"],
        "the method file 'none.py' does not exist",
    ),
}


ELSEWHERE = {
    "an empty results folder": (["leaderboard", "--results", ""], "--results is empty; expected the path of a folder"),
    "a check where it does not apply": (
        ["check", "persistence", "-d", "darcy"],
        "Persistence does not apply to the dataset 'darcy': ",
    ),
    "a floor of no samples": (["data", "certify", "burgers", "--samples", "0"], "--samples is 0: at least 1"),
    "data of nothing": (["data", "generate", ""], "no dataset was given"),
    "the first of two datasets": (["data", "generate", "nosuch", "borehole"], "unknown dataset 'nosuch'"),
    "the first of two methods to sweep": (
        ["sweep", "tabular", "-m", "nosuch", "-m", "ridge"],
        "unknown method 'nosuch'",
    ),
    "the first of two methods to tune": (["tune", "tabular", "-m", "nosuch", "-m", "mlp"], "unknown method 'nosuch'"),
    "the first of two datasets to try": (
        ["check", "mean", "-d", "nosuch", "-d", "borehole"],
        "unknown dataset 'nosuch'",
    ),
    "the first of two anchors": (["reproduce", "--only", "nosuch", "--only", "burgers"], "unknown anchor 'nosuch'"),
    "a name of an alphabet": (["new", "method", "größe"], "expected a lower-case Python name"),
    "a long name": (["new", "method", "a" * 62], "expected a lower-case Python name of up to 61 letters"),
    "a name of nothing": (["new", "method", "_"], "starting with a letter"),
    "a name without a letter": (["new", "dataset", "_1"], "starting with a letter"),
    "a name that Python keeps": (["new", "method", "__init__"], "starting with a letter"),
    "a name whose class Python keeps": (["new", "method", "none"], "expected a lower-case Python name"),
    "methods of no name to sweep": (["sweep", "tabular", "-m", ""], "no method was given: '' holds no name"),
    "datasets of no name to sweep": (
        ["sweep", "tabular", "-d", ",", "-d", " "],
        "no dataset was given: ',  ' holds no name",
    ),
    "methods of no name to tune": (["tune", "tabular", "-m", ""], "no method was given"),
    "methods of no name to verify": (["verify", "-m", ""], "no method was given"),
    "datasets of no name to compare": (["compare", "fno", "unet", "-d", ""], "no dataset was given"),
    "datasets of no name to try": (["check", "mean", "-d", ""], "no dataset was given"),
    "anchors of no name": (["reproduce", "--only", ""], "no anchor was given"),
    "an unknown anchor": (["reproduce", "--only", "nosuch"], "unknown anchor 'nosuch': known: "),
    "minutes without end": (["reproduce", "--minutes", "nan"], "--minutes is nan: expected a finite number"),
    "two ways to verify": (
        ["verify", "--predictions", "here", "--blind-seed", "3"],
        "--predictions scores kept predictions and --blind-seed needs new ones",
    ),
    "records of no folder": (["records", "check", "--against", "main"], "there is no results folder 'runs'"),
    "a comparison of no folder": (["compare", "fno", "unet"], "there is no results folder 'runs'"),
}


@pytest.mark.parametrize("case", ELSEWHERE)
def test_other_commands_refuse_in_one_sentence_too(case, ask, tmp_path):
    words, sentence = ELSEWHERE[case]
    done = ask(*words)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert sentence in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not list(tmp_path.glob("runs/*/*"))


def test_a_cache_that_cannot_be_written_is_refused(ask, tmp_path, monkeypatch):
    (tmp_path / "taken").write_text("")
    monkeypatch.setenv("SCIML_BENCH_CACHE", str(tmp_path / "taken"))
    for words in (("certify",), ("generate",)):
        done = ask("data", *words, "burgers", "--tier", "smoke")
        assert (done.returncode, "the cache folder" in done.stderr) == (2, True), done.stderr


def test_a_value_that_a_method_refuses_ends_the_run_and_leaves_no_record(run, waves, tmp_path):
    done = run("run", "-m", "ensemble(linear,members=1)", "-d", waves.name, "--no-page")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1].endswith("cannot be run: members is 1, but an ensemble has at least 2")
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.glob("runs/*/*/*.jsonl"))


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            "run -m fno -d burgers --tier huge",
            "invalid value for '--tier': 'huge' is not one of 'smoke', 'small', 'full'",
        ),
        ("run --folds x", "--folds is 'x': expected a whole number, such as 5; `sciml-bench run --help` says what"),
        ("run --folds 1.5", "--folds is '1.5': expected a whole number"),
        ("run --time-limit x", "--time-limit is 'x': expected a number, such as 0.5; "),
        ("sweep pde -j two", "--jobs is 'two': expected a whole number"),
        ("records chek", "no such command 'chek': did you mean 'check'? `sciml-bench records --help`"),
        ("run --nosuch", "no such option: --nosuch; `sciml-bench run --help` says what there is"),
        ("nosuch", "no such command 'nosuch'"),
        ("info", "missing argument 'name'; `sciml-bench info --help` says what there is"),
        ("data certify", "missing argument"),
    ],
)
def test_words_that_no_command_knows_are_one_sentence(words, sentence, ask):
    done = ask(*words.split())
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1), done.stderr
    assert done.stderr.startswith(f"sciml-bench: {sentence}")


def test_without_a_command_the_help_is_printed(ask):
    done = ask()
    assert (done.returncode, done.stderr) == (2, "")
    assert "leaderboard" in done.stdout


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_sentence_and_exit_status_2(case, ask, tmp_path):
    words, sentence = BAD[case]
    done = ask("run", *words)
    assert done.returncode == 2, done.stderr
    assert sentence in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not done.stdout
    assert not list(tmp_path.glob("runs/*/*"))


def test_the_installed_command_ends_with_status_2_and_no_traceback(run):
    done = run("run", "--method", "fnoo", "--dataset", "burgers")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("sciml-bench: unknown method 'fnoo'")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.skipif(any(__import__("pathlib").Path("/dev").glob("nvidia[0-9]*")), reason="this machine has a GPU")
def test_a_gpu_that_is_not_there_is_refused(ask):
    done = ask("run", "--method", "fno", "--dataset", "burgers", "--device", "cuda")
    assert done.returncode == 2
    assert "no NVIDIA GPU; use --device cpu" in done.stderr


def test_an_unwritable_results_folder_is_refused(ask, tmp_path):
    (tmp_path / "taken").write_text("")
    done = ask("run", "--method", "mean", "--dataset", "burgers", "--results", "taken")
    assert done.returncode == 2
    assert "the results folder 'taken' cannot be written to" in done.stderr


def test_a_file_without_roles_and_one_with_nan_are_refused(ask, tmp_path, told):
    data = xr.Dataset({"a": (("sample", "x"), np.ones((6, 4)))})
    data.to_netcdf(tmp_path / "plain.h5", engine="h5netcdf")
    done = ask("run", "--method", "mean", "--dataset", "plain.h5")
    assert (done.returncode, "has no attribute 'inputs'" in done.stderr) == (2, True), done.stderr
    data["b"] = data["a"] * np.nan
    data.attrs.update(inputs="a", targets="b", sample="sample")
    data.to_netcdf(tmp_path / "nan.h5", engine="h5netcdf")
    done = ask("run", "--method", "mean", "--dataset", "nan.h5")
    assert (done.returncode, "24 values that are NaN" in done.stderr) == (2, True), done.stderr
    told("NaN in a user's data", "the file, as it is", done.stderr)


def test_more_folds_than_samples_of_a_file(ask, waves):
    done = ask("run", "--method", "mean", "--dataset", str(waves), "--folds", "31")
    assert done.returncode == 2
    assert "holds 30 samples; give fewer folds" in done.stderr


def test_duplicates_across_parts_are_refused(ask, tmp_path):
    values = np.random.default_rng(0).random((6, 4)).repeat(5, axis=0)
    data = xr.Dataset({"a": (("sample", "x"), values), "b": (("sample", "x"), values)})
    data.attrs.update(inputs="a", targets="b", sample="sample")
    data.to_netcdf(tmp_path / "twins.h5", engine="h5netcdf")
    done = ask("run", "--method", "mean", "--dataset", "twins.h5")
    assert done.returncode == 2
    assert "have the same inputs; remove the duplicate" in done.stderr


@pytest.mark.parametrize("words", [["list"], ["--help"], ["run", "--help"], ["info", "fno"], ["info", "navier_stokes"]])
def test_listing_and_help_import_no_framework(words):
    code = (
        "import sys; from sciml_bench.cli.app import app\n"
        f"try: app({words!r})\nexcept SystemExit: pass\n"
        "print([m for m in ('torch', 'jax', 'exponax', 'neuralop') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("[]"), done.stdout[-200:]


def test_list_shows_every_file_of_the_folders(ask):
    listed = json.loads(ask("list", "--json").stdout)
    assert {"burgers", "darcy", "navier_stokes"} <= {d["name"] for d in listed["datasets"]}
    assert {"fno", "linear", "mean", "persistence", "reference_solver", "unet"} <= {
        m["name"] for m in listed["methods"]
    }
    assert "broken" not in {e["kind"] for part in listed.values() for e in part}


def test_a_run_prints_one_document_and_a_second_one_trains_nothing(run, waves):
    words = ("run", "--method", "linear", "--dataset", str(waves), "--folds", "3", "--no-page", "--json")
    first = run(*words)
    assert first.returncode == 0, first.stderr
    document = json.loads(first.stdout)
    assert list(document) == ["cells", "summary"]
    for cell in document["cells"]:
        Record.model_validate(cell)
    rows = {r["method"]: r for r in document["summary"]}
    assert set(rows) == {"linear", "mean", "persistence"}
    assert {"dataset", "method", "tier", "folds", "status", "scores", "cost"} <= set(rows["linear"])
    assert rows["linear"]["status"] == {"ok": 3}
    score = rows["mean"]["scores"]["rel_l2"]
    assert score["low"] < score["mean"] < score["high"]
    again = run(*words)
    assert "0 cells run, 9 found" in again.stderr
    assert json.loads(again.stdout) == document


def test_a_changed_method_or_hyperparameter_is_another_cell(run, waves, method_file, tmp_path):
    path = method_file("own", "gain = self.gain\nreturn lambda inputs: gain * repeat(inputs)")
    words = (
        "run",
        "--method",
        str(path),
        "--dataset",
        str(waves),
        "--folds",
        "2",
        "--no-baselines",
        "--no-page",
        "--json",
    )
    assert run(*words).returncode == 0
    other = json.loads(run(*words, "--set", "gain=2").stdout)
    assert [r["method"] for r in other["summary"]] == ["own(gain=2)"]
    assert other["summary"][0]["scores"]["rel_l2"]["mean"] == pytest.approx(1.0)
    text = path.read_text()
    path.write_text(text.replace('"""', "'''") + "\n# a comment\n")
    assert "0 cells run" in run(*words).stderr
    path.write_text(text.replace("gain *", "0.5 * gain *"))
    assert "2 cells run" in run(*words).stderr


def test_the_command_of_a_record_repeats_its_cell(run, waves, tmp_path):
    words = ("run", "-m", "linear", "-d", waves.name, "--folds", "3", "--no-page", "--json", "--no-baselines")
    cells = json.loads(run(*words, "--time-limit", "77.25", "--memory-limit", "3").stdout)["cells"]
    assert cells[2]["cell"]["budget_seconds"] == 77.25
    command = shlex.split(cells[2]["provenance"]["command"])[1:]
    again = json.loads(run(*command, "--json", "--no-page", "--results", "elsewhere").stdout)["cells"]
    assert [c["key"] for c in again] == [cells[2]["key"]]
    assert again[0]["scores"] == cells[2]["scores"]


def test_no_record_and_no_page_names_this_machine_or_its_user(run, waves, method_file, tmp_path):
    import getpass
    import socket

    broken = method_file("broken", f"raise OSError('cannot read {tmp_path}/secret.txt')")
    out = run("run", "--method", f"linear,{broken}", "--dataset", str(waves), "--folds", "2", "--json").stdout
    written = [p for p in (tmp_path / "runs").rglob("*") if p.suffix in (".jsonl", ".html", ".csv", ".svg", ".json")]
    assert len({p.suffix for p in written}) >= 4
    for secret in {str(tmp_path), socket.gethostname(), f"/{getpass.getuser()}/"}:
        assert secret not in out
        assert not [p.name for p in written if secret in p.read_text(encoding="utf-8")]


def test_leaderboard_prints_what_run_printed(run, ask, waves):
    first = run("run", "--method", "linear", "--dataset", str(waves), "--folds", "2", "--no-page")
    board = ask("leaderboard")
    assert board.returncode == 0
    assert [line for line in board.stdout.splitlines() if "linear" in line] == [
        line for line in first.stdout.splitlines() if "linear" in line
    ]
    assert ask("leaderboard", "--results", "nowhere").returncode == 2


def test_a_damaged_record_is_reported_and_its_cell_run_again(run, waves, tmp_path):
    words = ("run", "--method", "linear", "--dataset", str(waves), "--folds", "3", "--no-page", "--no-baselines")
    run(*words)
    path = tmp_path / "runs" / "file" / "waves" / "linear.jsonl"
    path.write_bytes(path.read_bytes()[:-300])
    again = run(*words)
    assert again.returncode == 0
    assert "1 cells run, 2 found" in again.stderr
    assert "line 3 is not whole JSON" in again.stderr


def test_info_shows_tiers_and_hyperparameters(ask):
    assert "solver cost points" in ask("info", "burgers").stdout
    assert "learning_rate" in ask("info", "fno").stdout
    done = ask("info", "burger")
    assert (done.returncode, "did you mean burgers" in done.stderr) == (2, True)
