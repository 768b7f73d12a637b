"""Tuning sees training and validation parts only, spends the same on every pair, and survives being killed."""

import json
import os
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from sciml_bench import reviewed
from sciml_bench.errors import KilledError, StoreError, UsageError
from sciml_bench.problem.storage import read_samples
from sciml_bench.registry import method_class
from sciml_bench.reviewed import Tuning
from sciml_bench.running import jobs, plan
from sciml_bench.running.cell import Cell
from sciml_bench.running.executor import AGAIN
from sciml_bench.running.task import prepare
from sciml_bench.running.trials import Journal, Trial
from sciml_bench.running.tuning import Effort, Tuner, gain_of, noise, space_of

SPY = """
from dataclasses import dataclass
from types import MappingProxyType
import json, time
import numpy as np
import xarray as xr
from sciml_bench.method import Method
from sciml_bench.problem import MethodCard

FILE = open("{spy}", "a")  # before the barrier, which shuts writing elsewhere

def note(**what):
    FILE.write(json.dumps(what) + "\\n")
    FILE.flush()

@dataclass(frozen=True, kw_only=True)
class Shifted(Method):
    card = MethodCard(title="Spy", family="network", framework="numpy", summary="a test", description="A test.")
    search = MappingProxyType({{"shift": (-1.0, 0.0, 1.0, 2.0)}})
    shift: float = 2.0

    def fit(self, train, valid, *, problem, budget, seed, device, log):
        inputs, target = problem.inputs[0].name, problem.targets[0].name
        note(shift=self.shift, train=train[inputs].values.tolist(), valid=valid[inputs].values.tolist())
        time.sleep(0.5)
        mean, spread = float(train[target].mean()), float(train[target].std())

        def predict(data):
            note(shift=self.shift, test=data[inputs].values.tolist())
            return xr.Dataset({{target: ("sample", np.full(data.sizes["sample"], mean + self.shift * spread))}})

        return predict
"""


@pytest.mark.slow
def test_a_killed_tuning_goes_on_finds_the_optimum_and_never_meets_the_test_part(run, cache, tmp_path):
    spy, journal = tmp_path / "spy", tmp_path / "r" / "tuning" / "smoke" / "borehole" / "shifted.jsonl"
    (tmp_path / "shifted.py").write_text(SPY.format(spy=spy))
    words = ["tune", "tabular", "--tier", "smoke", "-m", "shifted.py", "-d", "borehole", "--trials", "4"]
    words += ["--out", "out", "--results", "r"]
    environment = {**os.environ, "SCIML_BENCH_CACHE": str(cache)}
    first = subprocess.Popen(
        [sys.executable, "-m", "sciml_bench", *words], cwd=tmp_path, env=environment, start_new_session=True
    )
    deadline = time.monotonic() + 600
    while not (journal.exists() and journal.read_text().count("\n")) and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    kept = journal.read_text()
    assert 1 <= kept.count("\n") < 4
    again = run(*words)
    assert again.returncode == 0, again.stderr
    assert "with shift=0.0" in again.stderr
    assert not (tmp_path / "out" / "hyperparameters.toml").exists()  # a file of the user's own has no place there
    assert journal.read_text().startswith(kept)

    trials = [json.loads(line) for line in journal.read_text().splitlines()]
    assert len(trials) == 4
    task = prepare("borehole", "smoke", 5)
    split, [x] = task.splits[0], [v.name for v in task.problem.inputs][:1]
    target = task.problem.targets[0].name
    data = read_samples(task.data.path, [x, target], None)
    noted = [json.loads(line) for line in spy.read_text().splitlines()]
    assert noted[0]["shift"] == 2.0  # the present settings come first
    assert len([n for n in noted if "train" in n]) <= 5  # no finished trial was made twice
    for part, samples in (("train", split.train), ("valid", split.valid), ("test", split.valid)):
        for seen in (n[part] for n in noted if part in n):
            np.testing.assert_array_equal(seen, data[x].values[samples])
    truth, known = data[target].values[split.valid], data[target].values[split.train]
    score = np.sqrt(np.mean((truth - known.mean()) ** 2)) / truth.std()
    assert min(t["score"] for t in trials) == pytest.approx(score, rel=1e-6)


def trial(*values: float, key: str = "k") -> Trial:
    return Trial(key=key, status="ok", reason="", score=values[0], values=list(values), seconds=1.0, limit=1.0)


@dataclass
class Scripted:
    """Stands in for what makes trials: gives those of a list in turn, None being one that was ended from outside."""

    script: list[tuple[float, ...] | None]
    threads: int = 1

    def run(self, cell: Cell, limit: float, listen: object) -> tuple[Trial, bool]:
        values = self.script.pop(0)
        if values is None:
            ended = {"status": "failed", "reason": f"it was ended by SIGKILL from outside, {AGAIN}", "score": None}
            return trial(0.0, key=cell.key).model_copy(update=ended), True
        return trial(*values, key=cell.key), False


@pytest.fixture
def scripted(tmp_path: Path) -> Callable[..., Tuning]:
    """Tune a pair whose trials end as a list says."""

    def tune(*script: tuple[float, ...] | None, trials: int = 2) -> Tuning:
        tuner = Tuner(
            datasets=("borehole",), methods=("mlp",), tier="smoke", folds=5, device="cpu",
            effort=Effort(trials=trials, seconds=60), results=tmp_path,
        )  # fmt: skip
        [pair] = tuner.pairs([prepare("borehole", "smoke", 5)])
        return tuner.tune(pair, Scripted(list(script)), lambda *_: None)  # type: ignore[arg-type]

    return tune


def test_a_trial_that_was_ended_from_outside_is_made_again_and_never_kept(scripted, tmp_path):
    good, better, journal = (0.5, 0.5), (0.1, 0.1), tmp_path / "tuning" / "smoke" / "borehole" / "mlp.jsonl"
    with pytest.raises(KilledError, match="borehole mlp is not tuned: twice in trial 1 it was ended by SIGKILL"):
        scripted(None, None)
    assert not journal.exists()
    with pytest.raises(KilledError, match="twice in trial 2"):
        scripted(None, good, None, None)
    [kept] = journal.read_text().splitlines()
    old = {**json.loads(kept), "status": "failed", "reason": f"ended, {AGAIN}", "score": None, "values": []}
    journal.write_text(f"{json.dumps(old)}\n")  # as such trials were kept once
    found = scripted(good, better)
    assert (found.before, found.best, found.failed, found.outcome) == (0.5, 0.1, 0, "changed")


def test_a_pair_without_a_result_ends_the_command_with_1(ask, monkeypatch):
    monkeypatch.setattr(jobs, "run", lambda *_: [0])
    done = ask("tune", "tabular", "--tier", "smoke", "-m", "mlp", "-d", "borehole", "--out", "out")
    assert (done.returncode, "1 pairs are not tuned" in done.stderr) == (1, True), done.stderr


@pytest.mark.parametrize(("pairs", "outcome"), [(1, "kept"), (4, "changed")])
def test_few_validation_samples_have_to_agree_more_closely(scripted, pairs, outcome):
    assert [round(noise(n), 2) for n in (2, 10, 10_000)] == [13.97, 2.32, 2.0]
    found = scripted((0.5, 0.5) * pairs, (0.1, 0.2) * pairs)
    assert found.gain > 6
    assert (found.outcome, found.best) == (outcome, 0.1)


def test_a_gain_is_measured_in_standard_errors_of_the_paired_differences():
    rng = np.random.default_rng(0)
    hard = rng.uniform(0, 100, 50)  # samples differ far more than methods do
    gains = rng.normal(0.1, 0.2, 50)
    found = gain_of(trial(*hard), trial(*(hard - gains)))
    assert found == pytest.approx(gains.mean() / (gains.std(ddof=1) / np.sqrt(50)))
    assert gain_of(trial(1.0), trial(0.5)) is None
    assert gain_of(trial(1.0, 2.0), trial(1.0, 2.0)) == 0


def test_sizes_are_chosen_between_half_and_twice_the_present_one():
    found = space_of(method_class("fno")(modes=32, learning_rate=5e-3))
    assert found["modes"] == (16, 32)
    assert found["learning_rate"] == (1.5e-3, 3e-3, 5e-3, 6e-3, 1.2e-2)


def tuning(method: str, **changes: object) -> Tuning:
    values = {
        "tier": "smoke", "dataset": "borehole", "method": method, "metric": "nrmse_std", "allowed_trials": 4,
        "allowed_seconds": 60.0, "trials": 4, "failed": 0, "seconds": 12.5, "before": 0.3, "best": 0.2, "gain": 4.0,
        "outcome": "changed", "hyperparameters": {"depth": 2, "learning_rate": 1e-05}, "search": {"depth": [2, 3]},
        "threads": 1, "method_digest": "m", "data_digest": "d", "commit": None, "date": "2026-01-01",
    }  # fmt: skip
    return Tuning.model_validate({**values, **changes})


def test_what_was_chosen_is_written_in_a_fixed_order_and_found_by_the_cells(tmp_path, monkeypatch):
    (tmp_path / "hyperparameters.toml").write_text(
        "# old\n[small.darcy.fno]\nmodes = 12\n[smoke.borehole.mlp]\ndepth = 4\n"
        "[smoke.borehole.lightgbm]\npenalty = 2.0\n"
    )
    reviewed.write(tuning("xgboost", outcome="kept", hyperparameters={}), tmp_path)
    reviewed.write(tuning("mlp"), tmp_path)
    text = (tmp_path / "hyperparameters.toml").read_text()
    assert text.startswith(reviewed.HEADER)
    assert tomllib.loads(text) == {
        "small": {"darcy": {"fno": {"modes": 12}}},
        "smoke": {"borehole": {"lightgbm": {"penalty": 2.0}, "mlp": {"depth": 2, "learning_rate": 1e-05}}},
    }
    lines = [json.loads(line) for line in (tmp_path / "tuning.jsonl").read_text().splitlines()]
    assert [line["method"] for line in lines] == ["mlp", "xgboost"]

    monkeypatch.setattr(reviewed, "root", lambda _: tmp_path)
    task = prepare("borehole", "smoke", 5)
    request = plan.Request(tier="smoke", seeds=1, only_fold=0, device="cpu", seconds=None, memory_gib=None)
    origins = {
        "mlp": ("tuned", 12.5),
        "xgboost": ("tuned", 12.5),  # its own were found to stand
        "lightgbm": ("chosen", None),  # in the file, but no search says why
        "mean": ("default", None),
        "ensemble(mlp)": ("tuned", 12.5),
    }
    cells = {c.cell.row: c for c in plan.cells(task, list(origins), request, {})}
    assert {row: (c.came_from, c.tuning_seconds) for row, c in cells.items()} == origins
    assert cells["mlp"].cell.method.hyperparameters()["depth"] == 2
    [given] = plan.cells(task, ["mlp"], request, {"depth": 3})
    assert (given.came_from, given.tuning_seconds) == ("given", None)


def test_files_of_hyperparameters_that_are_damaged_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr(reviewed, "root", lambda _: tmp_path)
    pair = ("small", "darcy", "fno")
    for damage in (b"[small.darcy\n", b"\xff\xfe"):
        (tmp_path / "hyperparameters.toml").write_bytes(damage)
        with pytest.raises(StoreError, match=r"hyperparameters\.toml cannot be read as TOML"):
            reviewed.hyperparameters(pair)
        (tmp_path / "hyperparameters.toml").unlink()
    (tmp_path / "tuning.jsonl").write_bytes(b"\xff\xfe\n")
    with pytest.raises(StoreError, match=r"tuning\.jsonl line 1 does not say"):
        reviewed.tuning(pair)


def test_a_journal_passes_over_what_is_no_trial(tmp_path):
    journal = Journal(tmp_path / "trials.jsonl")
    journal.path.write_bytes(b'\xff\xfe\n{"key": 1}\n')
    assert journal.trials() == {}


@pytest.mark.parametrize(
    ("effort", "sentence"),
    [(Effort(trials=1, seconds=1), "--trials is 1"), (Effort(trials=2, seconds=0), "--seconds is 0")],
)
def test_an_effort_without_meaning_is_refused(effort, sentence):
    with pytest.raises(UsageError, match=sentence):
        effort.check()


def test_a_method_without_choices_is_refused(tmp_path):
    from sciml_bench.registry import track

    with pytest.raises(UsageError, match="the method 'mean' has nothing to tune"):
        Tuner.of(
            [track("tabular")], methods=["mean"], datasets=[], device="cpu", effort=Effort(trials=2, seconds=1),
            results=tmp_path,
        )  # fmt: skip
