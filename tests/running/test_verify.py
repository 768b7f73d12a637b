"""Published cells: honest ones stand, tampered ones are named with what moved and by how much."""

import json
import math
import os
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
from threadpoolctl import threadpool_info

from sciml_bench.cli.progress import Screen
from sciml_bench.records.record import Record
from sciml_bench.records.store import Store
from sciml_bench.running.executor import fork_server
from sciml_bench.running.plan import Request, cells
from sciml_bench.running.run import Runner
from sciml_bench.running.scoring import score
from sciml_bench.running.task import prepare
from sciml_bench.running.verify import Verifier, compare_scores, frameworks, judge, tolerances

RUN = ("run", "-m", "linear", "-d", "lorenz96", "--tier", "smoke", "--no-baselines", "--no-page", "--folds", "3")


@pytest.fixture(scope="module")
def published(tmp_path_factory, ready):
    """Return a folder with the records and kept predictions of three cells."""
    folder = tmp_path_factory.mktemp("published")
    cache = tmp_path_factory.mktemp("cache")
    environment = {**os.environ, "SCIML_BENCH_CACHE": str(cache)}
    words = [*RUN, "--results", "results", "--keep-predictions", "kept"]
    done = ready.call(words, folder, environment, 300)
    assert done.returncode == 0, done.stderr
    return folder, cache


@pytest.fixture
def results(published, tmp_path):
    """Return a copy of the published records that may be tampered with."""
    folder, cache = published
    copy = tmp_path / "results" / "smoke" / "lorenz96"
    copy.mkdir(parents=True)
    source = folder / "results" / "smoke" / "lorenz96" / "linear.jsonl"
    (copy / "linear.jsonl").write_text(source.read_text())
    return copy / "linear.jsonl", folder / "kept", cache


def tamper(path: Path, fold: int, **changes) -> None:
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for line in lines:
        if line["cell"]["fold"] == fold:
            line["scores"] |= changes
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


@pytest.mark.slow
def test_honest_records_are_reproduced_byte_for_byte(run, results):
    _, _, cache = results
    done = run("verify", "--results", "results", SCIML_BENCH_CACHE=str(cache))
    assert done.returncode == 0, done.stderr
    assert "3 identical, of 3 published cells" in done.stderr


@pytest.mark.slow
def test_scoring_kept_predictions_again_is_exact_and_a_tampered_score_is_named(ask, results, monkeypatch):
    path, kept, cache = results
    monkeypatch.setenv("SCIML_BENCH_CACHE", str(cache))
    words = ("verify", "--results", "results", "--predictions", str(kept))
    assert "3 identical" in ask(*words).stderr
    tamper(path, 1, rel_l2=0.01, mae=0.5)
    done = ask(*words, "--json")
    assert done.returncode == 1
    verdicts = {c["fold"]: c for c in json.loads(done.stdout)}
    assert [verdicts[k]["verdict"] for k in range(3)] == ["identical", "tampered", "identical"]
    moved = {m["score"]: m for m in verdicts[1]["moved"]}
    assert set(moved) == {"rel_l2", "mae"}
    assert moved["rel_l2"]["published"] == 0.01
    assert "rel_l2 was published as 0.01 and is" in done.stderr


@pytest.mark.slow
def test_what_is_not_the_kept_predictions_is_named(ask, results, monkeypatch, tmp_path):
    path, kept, cache = results
    monkeypatch.setenv("SCIML_BENCH_CACHE", str(cache))
    keys = [json.loads(line)["key"] for line in path.read_text().splitlines()]
    with h5py.File(tmp_path / f"{keys[0]}.h5", "w") as file:
        file["loose"] = np.zeros(3)
    with h5py.File(tmp_path / f"{keys[1]}.h5", "w") as file:
        file.create_group("valid")
    shutil.copy(kept / f"{keys[0]}.h5", tmp_path / f"{keys[2]}.h5")
    done = ask("verify", "--results", "results", "--predictions", str(tmp_path), "--json")
    found = {c["key"]: c for c in json.loads(done.stdout)}
    assert [found[k]["verdict"] for k in keys] == ["failed", "tampered", "tampered"]
    assert "cannot be read" in found[keys[0]]["reason"]


@pytest.mark.slow
def test_unseen_samples_confirm_an_honest_score_and_expose_a_flattering_one(run, results):
    path, _, cache = results
    words = ("verify", "--results", "results", "--blind-seed", "11", "--json")
    done = run(*words, SCIML_BENCH_CACHE=str(cache))
    assert done.returncode == 0, done.stderr
    assert {c["verdict"] for c in json.loads(done.stdout)} == {"within tolerance"}
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for line in lines:  # as a method would score that has seen the test part
        line["scores"]["rel_l2"] /= 100
        line["per_sample"]["values"] = [v / 100 for v in line["per_sample"]["values"]]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    done = run(*words, SCIML_BENCH_CACHE=str(cache))
    assert done.returncode == 1
    assert {c["verdict"] for c in json.loads(done.stdout)} == {"drifted"}


@pytest.mark.slow
def test_a_badge_is_added_and_nothing_is_edited_nor_is_what_was_superseded_run_again(run, results):
    path, _, cache = results
    old = json.loads(path.read_text().splitlines()[0])
    old |= {"key": "0" * 16}
    old["provenance"] |= {"method_digest": "0" * 16, "started": "2020-01-01T00:00:00+00:00"}
    before = f"{json.dumps(old)}\n{path.read_text()}"
    path.write_text(before)
    done = run("verify", "--results", "results", "--badge", SCIML_BENCH_CACHE=str(cache))
    assert done.returncode == 0, done.stderr
    assert "3 identical, of 3 published cells" in done.stderr
    after = path.read_text()
    assert after.startswith(before)
    badges = {r.key: r.provenance.badge for r in Store(path.parents[2]).records()}
    assert badges.pop("0" * 16) == "self-reported"
    assert set(badges.values()) == {"reproduced"}


@pytest.mark.slow
def test_another_source_is_called_outdated_and_not_drift(run, results):
    path, _, cache = results
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    lines[0]["provenance"] |= {"method_digest": "0" * 16, "commit": "abc1234"}
    path.write_text(json.dumps(lines[0]) + "\n")
    done = run("verify", "--results", "results", SCIML_BENCH_CACHE=str(cache))
    assert done.returncode == 1
    assert "outdated: the method's source has changed since: check out commit abc1234" in done.stderr


@pytest.mark.slow
def test_data_that_another_processor_rounds_otherwise_are_no_reason_to_check_nothing(run, results):
    path, _, cache = results
    other = json.loads(path.read_text().splitlines()[0])
    other["provenance"]["data_digest"] = "0" * 16
    other["key"] = "0" * 16  # which is made of the data's digest too
    path.write_text(json.dumps(other) + "\n")
    done = run("verify", "--results", "results", "--json", SCIML_BENCH_CACHE=str(cache))
    assert done.returncode == 0, done.stderr
    (checked,) = json.loads(done.stdout)
    assert checked["verdict"] == "identical"
    assert "not those of the record byte for byte" in checked["reason"]
    other["cell"]["dataset_version"] = 99
    path.write_text(json.dumps(other) + "\n")
    done = run("verify", "--results", "results", SCIML_BENCH_CACHE=str(cache))
    assert done.returncode == 1
    assert "outdated: the data generated here are not those of the record" in done.stderr


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--share", "0"], "--share is 0"),
        (["--predictions", "nowhere"], "there is no folder of predictions"),
        (["-m", "nobody"], "holds no records of that"),
        (["-m", "nobody", "-m", "linear"], "holds no records of that method, 'nobody'"),
        (["-d", "lorenz96,nosuch"], "holds no records of that dataset, 'nosuch'"),
    ],
)
def test_bad_input_is_one_sentence(ask, results, words, sentence):
    done = ask("verify", "--results", "results", *words)
    assert (done.returncode, sentence in done.stderr) == (2, True), done.stderr


def records(published) -> list[Record]:
    folder, _ = published
    return Store(folder / "results").records()


def test_the_tolerance_is_twice_the_spread_over_folds(published):
    row = records(published)
    values = [r.scores["rel_l2"] for r in row]
    assert tolerances(row[0], row)["rel_l2"] == pytest.approx(2 * np.std(values, ddof=1))
    assert row[0].per_sample is not None
    each = row[0].per_sample.values
    assert tolerances(row[0], row[:1])["rel_l2"] == pytest.approx(2 * np.std(each, ddof=1) / math.sqrt(len(each)))


def test_a_row_whose_cells_contradict_each_other_allows_itself_no_more(published):
    """Four invented errors and a fifth that widens their spread: a mean of .023 where .1 is true."""
    row = records(published)
    told = (1e-4, 1e-4, 1e-4, 1e-4, 0.114)
    made = [row[0].model_copy(update={"key": f"{i:016x}", "scores": {"rel_l2": e}}) for i, e in enumerate(told)]
    came = row[0].provenance.model_copy(update={"prediction_digest": "0" * 16})
    again = made[0].model_copy(update={"scores": {"rel_l2": 0.1}, "provenance": came})
    assert [judge(one, again, made).verdict for one in made] == ["drifted"] * 4 + ["within tolerance"]


def test_other_predictions_may_differ_by_the_tolerance_only(published):
    row = records(published)
    record = row[0]
    allowed = tolerances(record, row)
    for factor, verdict in ((0.9, "within tolerance"), (1.1, "drifted")):
        scores = {**record.scores, "rel_l2": record.scores["rel_l2"] + factor * allowed["rel_l2"]}
        came = record.provenance.model_copy(update={"prediction_digest": "another"})
        again = record.model_copy(update={"scores": scores, "provenance": came})
        found = judge(record, again, row)
        assert found.verdict == verdict
        assert found.largest == pytest.approx(factor)
        assert [m.score for m in found.moved] == (["rel_l2"] if factor > 1 else [])


def test_a_method_that_is_gone_is_outdated_and_other_hyperparameters_are_another_row(published):
    own = records(published)
    record = own[0]
    tuned = record.model_copy(update={"cell": record.cell.model_copy(update={"hyperparameters": {"modes": 99}})})
    gone = record.model_copy(update={"cell": record.cell.model_copy(update={"method": "ghost"})})
    with Screen() as screen:
        verifier = Verifier([*own, tuned, gone], screen, frameworks([gone]))
        found = verifier.run_again(gone)
    assert (found.verdict, found.stands) == ("outdated", False)
    assert "unknown method 'ghost'" in found.reason
    assert list(verifier.row(record)) == own
    assert list(verifier.row(tuned)) == [tuned]


def test_a_record_of_a_users_file_that_is_named_like_a_method_needs_no_framework(published):
    record = records(published)[0]
    own = record.model_copy(update={"cell": record.cell.model_copy(update={"method": "fno.py"})})
    assert frameworks([own]) == set()
    with Screen() as screen:
        found = Verifier([own], screen, frameworks([own])).run_again(own)
    assert (found.verdict, "'fno.py' does not exist" in found.reason) == ("failed", True)


def test_a_score_that_vanished_is_off():
    moved, largest = compare_scores({"a": 1.0}, {}, {"a": 0.1})
    assert (moved[0].score, largest) == ("a", math.inf)


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="there is one core only")
def test_a_cell_runs_with_the_cores_that_its_record_names(waves, method_file, tmp_path, monkeypatch):
    """What a library adds up over threads depends on their number: `verify` asks for that of the record, and one thread scores."""
    scoring = []

    def noting(*given):
        scoring.extend(p["num_threads"] for p in threadpool_info() if p["user_api"] == "blas")
        return score(*given)

    monkeypatch.setattr("sciml_bench.running.run.score", noting)
    path = method_file("counts", 'log.fact("cores", np.int64(len(os.sched_getaffinity(0))))\nreturn repeat')
    task = prepare(str(waves), "smoke", 2)
    request = Request(tier="smoke", seeds=1, only_fold=0, device="cpu", seconds=None, memory_gib=None)
    (planned,) = cells(task, [str(path)], request, {})
    for count in (1, 2):
        runner = Runner(Store(tmp_path / f"on{count}"), fork_server(()), count)
        (record,) = runner.run_each([planned], Screen())
        assert record.diagnostics["facts"]["cores"] == record.provenance.threads == count
    assert set(scoring) == {1}
