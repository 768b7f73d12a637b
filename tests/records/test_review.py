"""Submitted records are data: whatever is wrong with them is one sentence, and nothing of them is followed or run."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from sciml_bench.errors import UsageError
from sciml_bench.protocol.seeds import training_seed
from sciml_bench.ranking.preview import preview
from sciml_bench.records import judging, review
from sciml_bench.records.published import published

FILE = "small/burgers/own.jsonl"
COST = dict.fromkeys(
    ("data_seconds", "fit_seconds", "fit_cpu_seconds", "predict_seconds", "predict_cpu_seconds", "predictor_seconds"), 1.0
) | {
    "predict_samples": 8, "latency_p50": None, "latency_p95": None, "throughput": 1.0, "throughput_batch": 8,
    "peak_memory_gib": 0.1, "device_memory_gib": None, "energy_joules": None, "parameters": None, "flops": None,
    "threads": 1, "precision": "float64",
}  # fmt: skip


def line(fold: int = 0, method: str = "own", key: str = "", **changes) -> dict:
    """Return a record that may be published, with changes such as `cell__fold=7` or `scores={}`."""
    document = {
        "schema_version": 1,
        "key": key or f"{sum(map(ord, method)):08x}{fold:08x}",
        "cell": {
            "dataset": "burgers", "dataset_version": 1, "dataset_parameters": {}, "tier": "small", "method": method,
            "variant": "", "hyperparameters": {}, "fold": fold, "folds": 5, "repetition": 0,
            "seed": training_seed("burgers", method, fold, 0), "device": "cpu", "budget_seconds": 60.0,
            "budget_memory_gib": 4.0,
        },
        "status": "ok", "reason": "", "primary": "rel_l2", "family": "network", "scores": {"rel_l2": 0.2 + fold / 100},
        "floor": {"rel_l2": 1e-6}, "per_sample": {"metric": "rel_l2", "samples": [0, 1], "values": [0.1, 0.3]},
        "cost": COST, "diagnostics": {"train_samples": 8, "test_samples": 2},
        "provenance": {
            "package": "0.1.0", "commit": "a" * 40, "dirty": False, "protocol": 1, "data_digest": "d", "method_digest": "m",
            "prediction_digest": f"{method}{fold}", "python": "3.11", "libraries": {}, "system": "Linux x86_64",
            "processor": "p", "accelerator": None, "threads": 1, "started": "2026-01-01T00:00:00+00:00",
            "command": "sciml-bench run",
        },
    }  # fmt: skip
    for name, value in changes.items():
        part, _, inner = name.rpartition("__")
        (document[part] if part else document)[inner] = value
    if "per_sample" not in changes:
        mean = document["scores"].get("rel_l2", 0.2)
        document["per_sample"] = {**document["per_sample"], "values": [0.5 * mean, 1.5 * mean]}
    return document


def write(results: Path, name: str, *documents: dict, mode: str = "a") -> Path:
    path = results / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, mode) as handle:
        handle.writelines(json.dumps(d) + "\n" for d in documents)
    return path


def git(folder: Path, *words: str) -> None:
    who = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "core.hooksPath=/dev/null")
    subprocess.run(["git", "-C", str(folder), *who, *words], check=True, capture_output=True)


@pytest.fixture(scope="module")
def repository(tmp_path_factory) -> Path:
    """A repository that has published three records."""
    folder = tmp_path_factory.mktemp("repository")
    write(folder / "results", FILE, line(0), line(1), line(2))
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "published")
    return folder


@pytest.fixture
def results(repository: Path, tmp_path: Path) -> Path:
    """The results folder of a copy of that repository."""
    shutil.copytree(repository, tmp_path / "copy")
    return tmp_path / "copy" / "results"


def sentences(results: Path, *, own: bool = False) -> list[str]:
    return [str(f) for f in review.review(results, published(results, "HEAD"), own=own).findings]


def test_new_records_stand_and_their_row_is_shown(results):
    write(
        results, "small/burgers/better.jsonl", *(line(f, "better", scores={"rel_l2": 0.1 + f / 100}) for f in range(3))
    )
    found = review.review(results, published(results, "HEAD"))
    assert not found.findings
    assert [r.cell.method for r in found.new] == ["better"] * 3
    assert "| <code>better</code> | 1 of 2 | 0.11 | 0.0" in preview(found)
    assert "self-reported |" in preview(found)


def test_a_place_is_one_among_methods_as_on_the_page(results):
    solved = [line(f, "classic", family="solver", scores={"rel_l2": 0.01}) for f in range(3)]
    write(results, "small/burgers/classic.jsonl", *solved)
    write(results, "small/burgers/late.jsonl", *(line(f, "late", scores={"rel_l2": 0.3}) for f in range(3)))
    shown = preview(review.review(results, published(results, "HEAD")))
    assert "| <code>late</code> | 2 of 2 | 0.3 |" in shown
    assert "| <code>classic</code> | solver | 0.01 |" in shown


def edit(path: Path, old: str, new: str) -> None:
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def removed_line(results: Path) -> None:
    path = results / FILE
    path.write_text("".join(path.read_text().splitlines(keepends=True)[1:]))


def huge(results: Path) -> None:
    with open(results / FILE, "ab") as handle:
        handle.truncate(50 * 2**20)


def linked_folder(results: Path) -> None:
    (results / "small" / "darcy").symlink_to("/etc")


def linked_file(results: Path) -> None:
    (results / "small" / "burgers" / "passwd.jsonl").symlink_to("/etc/passwd")


def add(**changes) -> Callable[[Path], object]:
    return lambda results: write(results, FILE, line(3, **changes))


def raw(text: bytes) -> Callable[[Path], object]:
    return lambda results: (results / FILE).write_bytes((results / FILE).read_bytes() + text + b"\n")


CASES = {
    "edited": (
        lambda r: edit(r / FILE, "0.21", "0.01"),
        "line 2 was edited or removed: what is published stays as it is",
    ),
    "line removed": (removed_line, "line 1 was edited or removed"),
    "file removed": (lambda r: (r / FILE).unlink(), f"{FILE} was removed: what is published stays"),
    "cut short": (lambda r: (r / FILE).write_bytes((r / FILE).read_bytes()[:-9]), "line 3 was edited or removed"),
    "50 MB file": (huge, "has 50 MB, more than the 20 of such a file"),
    "2 MB record": (add(diagnostics={"note": "x" * 2**21}), "line 4 has 2.0 MB, more than a record's 1"),
    "newer schema": (add(schema_version=2), "line 4 has schema version 2, newer than this program's 1"),
    "unknown field": (add(extra=1), "line 4 is not a valid record and is left out: extra"),
    "not JSON": (raw(b"{"), "line 4 is not whole JSON"),
    "deep JSON": (raw(b"[" * 100_000), "line 4 is not whole JSON"),
    "not UTF-8": (raw(b"\xff\xfe"), "line 4 is not UTF-8"),
    "traversal in a name": (add(cell__dataset="../../etc"), "line 4 is not a valid record"),
    "another's file": (add(method="other"), "it belongs in small/burgers/other.jsonl"),
    "strange file": (lambda r: write(r, "small/burgers/run.py"), "'small/burgers/run.py' does not belong here"),
    "checkpoint": (lambda r: write(r, "small/a/b/c.pkl"), "does not belong here"),
    "linked folder": (linked_folder, "'small/darcy' is a symbolic link"),
    "linked file": (linked_file, "'small/burgers/passwd.jsonl' is a symbolic link"),
    "control characters": (add(reason="a\x1b[2Jb"), r"line 4 holds control characters, in 'a\x1b[2Jb'"),
    "reversed text": (add(cell__variant="\u202egpj"), "line 4 holds control characters"),
    "path of a machine": (add(reason="no file '/home/ann/x'"), "line 4 holds a path of a machine"),
    "not finite": (add(diagnostics={"a": float("inf")}), "finite"),
    "repeated": (lambda r: write(r, FILE, line(3), line(3)), "line 5 repeats line 4"),
    "wrong seed": (add(cell__seed=1), "line 4 has the seed 1; the protocol gives this cell"),
    "impossible fold": (lambda r: write(r, FILE, line(7)), "line 4 is of fold 7 but has 5 folds"),
    "no score": (add(scores={}), "lacks its headline score"),
    "failure without a reason": (add(status="failed", scores={}), "no sentence that says why"),
    "stolen key": (add(key=f"{sum(map(ord, 'own')):016x}"[8:] + f"{0:08x}"), "which is that of another cell"),
    "another protocol": (add(provenance__protocol=9), "follows version 9 of the protocol"),
    "changed code": (add(provenance__dirty=True), "line 4 comes from changed code: commit first"),
    "no commit": (add(provenance__dirty=None), "line 4 comes from no commit"),
    "badge": (add(provenance__badge="reproduced"), "self-reported until the project has run it again"),
    "superseding": (
        lambda r: write(r, FILE, line(0, scores={"rel_l2": 0.01})),
        "would take the place of the published",
    ),
    "superseding a row": (
        add(provenance__method_digest="another"),
        "line 4 would take the place of the published row 'own', which has other code, settings, budget or data",
    ),
    "of a time to come": (
        add(provenance__started="9999-12-31T00:00:00+00:00"),
        "line 4 was started at '9999-12-31T00:00:00+00:00': expected a time with its zone",
    ),
    "of no time": (add(provenance__started="newest"), "line 4 was started at 'newest'"),
    "drift": (lambda r: write(r, "drift.jsonl", {}), "drift.jsonl is not for a submission to write"),
    "speed": (lambda r: write(r, "speed/a-cpu-2/0123456789ab.json", {}), "is not for a submission to write"),
    "a key of another dataset": (
        lambda r: write(
            r,
            "small/darcy/own.jsonl",
            line(0, cell__dataset="darcy", cell__seed=training_seed("darcy", "own", 0, 0)),
        ),
        "which is that of a published record in small/burgers/own.jsonl",
    ),
    "samples without scores": (
        add(per_sample={"metric": "rel_l2", "samples": [0, 1, 2], "values": [0.1, 0.3]}),
        "line 4 has 2 scores for 3 samples, 3 of them different",
    ),
    "an error below zero": (
        add(per_sample={"metric": "rel_l2", "samples": [0, 1], "values": [-0.1, 0.3]}),
        "line 4 has a sample with the error -0.1, below zero",
    ),
    "errors without a mean": (
        add(per_sample={"metric": "rel_l2", "samples": [0, 1], "values": [1.7e308, 1.7e308]}),
        "line 4 has samples whose errors have no finite mean",
    ),
    "one sample twice": (
        add(per_sample={"metric": "rel_l2", "samples": [0, 0], "values": [0.1, 0.3]}),
        "line 4 has 2 scores for 2 samples, 1 of them different",
    ),
    "a headline of its own": (
        add(per_sample={"metric": "rel_l2", "samples": [0, 1], "values": [0.5, 0.5]}),
        "line 4 has the headline rel_l2 0.23, but its samples' scores give 0.5",
    ),
    "nothing predicted": (add(cost={**COST, "predict_samples": 0}), "line 4 says that 0 samples were predicted"),
    "two keys": (
        lambda r: write(r, "small/burgers/new.jsonl", line(2, "new"), line(2, "new", key="f" * 16)),
        "under the keys",
    ),
    "a fold more": (add(), "line 4 would add a cell to the published row 'own' and so change its mean"),
    "a repetition more": (
        add(cell__repetition=1, cell__fold=0, cell__seed=training_seed("burgers", "own", 0, 1)),
        "line 4 would add a cell to the published row 'own' and so change its mean",
    ),
    "an older dataset": (
        lambda r: write(r, "small/burgers/late.jsonl", line(0, "late", cell__dataset_version=0)),
        "line 1 is of version 0 of its dataset, and what is published of version 1",
    ),
    "an easier dataset": (
        lambda r: write(r, "small/burgers/late.jsonl", line(0, "late", cell__dataset_parameters={"viscosity": 1.0})),
        "line 1 is of a dataset with other parameters",
    ),
    "another metric": (
        lambda r: write(
            r,
            "small/burgers/late.jsonl",
            line(
                0,
                "late",
                primary="mse",
                scores={"mse": 0.2},
                per_sample={"metric": "mse", "samples": [0, 1], "values": [0.1, 0.3]},
            ),
        ),
        "line 1 has the headline 'mse', where the board of its dataset has rel_l2",
    ),
    "a headline of one target": (
        add(
            scores={"rel_l2": 1e-9, "rel_l2/u": 1e-9},
            per_sample={"metric": "rel_l2", "samples": [0, 1], "values": [0.2, 0.26]},
        ),
        "line 4 has the headline rel_l2 1e-09, but its samples' scores give 0.23",
    ),
    "a headline beside its targets": (
        add(scores={"rel_l2": 0.17, "rel_l2/u": 0.1, "rel_l2/v": 0.36}),
        "line 4 has the headline rel_l2 0.17, but its targets' scores give 0.23",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_may_not_be_published_is_refused_with_a_sentence(case, results):
    attack, sentence = CASES[case]
    attack(results)
    found = review.review(results, published(results, "HEAD"))
    assert any(sentence in str(f) and f.refuses for f in found.findings), [str(f) for f in found.findings]
    assert not any(c in str(f) for f in found.findings for c in "\x1b\u202e")


def test_a_results_folder_that_is_a_link_is_refused(results, tmp_path):
    results.rename(tmp_path / "elsewhere")
    results.symlink_to(tmp_path / "elsewhere")
    assert any("is no folder" in s for s in sentences(results))


def test_what_runs_leave_beside_the_records_stands_in_the_way_only_where_git_holds_it(results):
    picture, was = f"small/burgers/samples/{'0' * 16}.h5", published(results, "HEAD")
    write(results, picture, {})
    write(results, "tuning/small/burgers/own.jsonl", {})
    assert not review.review(results, was).findings
    told = {str(f) for f in review.review(results, was, commit=True).refused}
    assert {s.partition(":")[0] for s in told} == {
        f"{picture} is not for a submission to write",
        "'tuning/small/burgers/own.jsonl' does not belong here",
    }
    git(results, "add", picture)
    assert any(picture in s for s in sentences(results))
    git(results, "commit", "-qm", "a picture")
    write(results, picture, {})
    git(results, "rm", "-q", "--cached", picture)
    assert any(picture in s for s in sentences(results))


def test_identical_predictions_and_errors_under_the_floor_are_reported_and_not_refused(results):
    copied = line(0, "copied", provenance__prediction_digest="own0", scores={"rel_l2": 1e-9})
    write(results, "small/burgers/copied.jsonl", copied)
    found = review.review(results, published(results, "HEAD"))
    assert not found.refused
    told = " ".join(str(f) for f in found.findings)
    assert "copied and own have the same predictions, byte for byte, on burgers (small) fold 0" in told
    assert "under the floor" in told


@pytest.mark.parametrize("family", ["control", "baseline", "solver"])
def test_who_says_that_others_are_held_against_it_is_pointed_out(results, family):
    write(results, "small/burgers/easy.jsonl", line(0, "easy", family=family))
    (told,) = review.review(results, published(results, "HEAD")).findings
    assert (told.sentence, told.refuses) == (
        f"says that its method is a {family}, which others are held against",
        False,
    )


def test_who_was_given_more_or_less_than_the_board_is_pointed_out(results):
    write(results, "small/burgers/rich.jsonl", line(0, "rich", cell__budget_seconds=9000.0))
    write(results, "small/burgers/halves.jsonl", line(0, "halves", cell__folds=2))
    write(results, "small/burgers/poor.jsonl", line(0, "poor", cell__budget_seconds=6.0))
    found = review.review(results, published(results, "HEAD"))
    assert not found.refused
    assert {str(f) for f in found.findings} == {
        "small/burgers/rich.jsonl line 1 was allowed 9000 s where its board allows 60",
        "small/burgers/halves.jsonl line 1 has 2 folds where its board has 5: it was trained on another share of the data",
    }


def test_the_projects_own_runs_may_confirm_and_supersede(results):
    note = {"date": "2026-01-02", "verdict": "identical", "largest": 0.0, "commit": None}
    write(results, FILE, line(0, provenance__badge="reproduced", provenance__verification=note))
    assert sentences(results)
    assert not sentences(results, own=True)


def test_markup_in_a_record_is_inert_in_the_preview(results):
    text = "<script>alert(1)</script> @octocat | [x](http://evil) `code`"
    write(results, FILE, line(3, status="failed", reason=text, scores={}, cell__variant="<img src=x>"))
    shown = preview(review.review(results, published(results, "HEAD")))
    assert "alert&#40;1&#41;" in shown
    for live in ("<script", "<img", "@octo", "](", "http:", "`"):
        assert live not in shown


def test_a_commit_that_is_none_is_a_sentence(results):
    with pytest.raises(UsageError, match="expected a commit or branch"):
        published(results, "--help")


def test_a_record_of_the_suite_keeps_its_bytes():
    text = json.dumps(line(0)).encode()
    assert judging.parse(text).provenance.prediction_digest == "own0"


def test_the_command_ends_with_1_and_writes_the_preview(ask, results, tmp_path):
    write(results, "small/burgers/better.jsonl", line(0, "better"))
    words = ("records", "check", "--against", "HEAD", "--results", str(results), "--preview", "preview.md")
    done = ask(*words)
    assert (done.returncode, done.stdout.strip()) == (0, "1 new records in 1 files may stand")
    edit(results / FILE, "0.21", "0.01")
    done = ask(*words, "--json")
    assert done.returncode == 1, done.stderr
    assert json.loads(done.stdout)["findings"][0]["where"] == FILE
    assert "was edited or removed" in (tmp_path / "preview.md").read_text().replace("&#45;", "-")


def test_a_key_is_computed_again_from_code_and_data(run, ask, tmp_path):
    words = ("-m", "mean", "-d", "borehole", "--tier", "smoke", "--folds", "2", "--no-baselines", "--no-page")
    assert run("run", *words).returncode == 0
    done = ask("records", "check", "--keys")
    assert (done.returncode, done.stdout.strip()) == (0, "2 records in 1 files may stand")
    path = tmp_path / "runs/smoke/borehole/mean.jsonl"
    first = json.loads(path.read_text().splitlines()[0])
    write(tmp_path / "runs", "smoke/borehole/mean.jsonl", {**first, "key": "0" * 16}, mode="w")
    done = ask("records", "check", "--keys")
    assert done.returncode == 1
    assert f"mean has the key {'0' * 16} for a cell whose key is {first['key']}" in done.stdout
    path.unlink()
    write(tmp_path / "runs", "smoke/burgers/mean.jsonl", line(0, "mean", cell__tier="smoke"))
    assert "keys could not be computed again" in ask("records", "check", "--keys").stdout
