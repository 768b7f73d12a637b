import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from sciml_bench.errors import StoreError, UsageError
from sciml_bench.ranking.summary import shown, summarise
from sciml_bench.records.record import Record
from sciml_bench.records.store import Store


def record(key: str = "0" * 16, fold: int = 0, **changes) -> Record:
    document = {
        "key": key,
        "cell": {
            "dataset": "burgers", "dataset_version": 1, "dataset_parameters": {"grid": 64}, "tier": "smoke",
            "method": "mean", "variant": "", "hyperparameters": {}, "fold": fold, "folds": 5, "repetition": 0,
            "seed": 1, "device": "cpu", "budget_seconds": 10.0, "budget_memory_gib": 4.0,
        },
        "status": "ok", "reason": "", "primary": "rel_l2", "family": "control",
        "scores": {"rel_l2": 0.25}, "floor": {}, "per_sample": None, "cost": None,
        "diagnostics": {},
        "provenance": {
            "package": "0", "commit": None, "dirty": None, "protocol": 1, "data_digest": "a", "method_digest": "b",
            "prediction_digest": None, "python": "3", "libraries": {}, "system": "Linux", "processor": "p",
            "accelerator": None, "threads": 1, "started": "2026-01-01T00:00:00+00:00", "command": "sciml-bench run",
        },
    }  # fmt: skip
    return Record.model_validate({**document, **changes})


def test_a_record_survives_the_way_to_disk_and_back(tmp_path: Path):
    store = Store(tmp_path)
    store.append(record())
    assert store.records() == [record()]
    assert (tmp_path / "smoke" / "burgers" / "mean.jsonl").read_text().count("\n") == 1


def test_a_later_record_of_a_cell_supersedes_and_nothing_is_removed(tmp_path: Path):
    store = Store(tmp_path)
    store.append(record())
    store.append(record(scores={"rel_l2": 0.5}))
    assert [r.scores["rel_l2"] for r in store.records()] == [0.5]
    assert len((tmp_path / "smoke/burgers/mean.jsonl").read_text().splitlines()) == 2


def test_a_line_cut_short_is_reported_and_the_next_append_starts_afresh(tmp_path: Path, told):
    store = Store(tmp_path)
    store.append(record("1" * 16))
    path = tmp_path / "smoke/burgers/mean.jsonl"
    path.write_bytes(path.read_bytes() + record("2" * 16).to_line().encode()[:200])
    store.append(record("3" * 16))
    assert [r.key[0] for r in store.records()] == ["1", "3"]
    assert len(store.complaints) == 1
    assert "line 2 is not whole JSON" in store.complaints[0]
    told("truncated record line", "the records before and after it", store.complaints[0])


def test_a_repeated_line_does_not_put_a_newer_run_aside(tmp_path: Path):
    store = Store(tmp_path)
    store.append(record("1" * 16))
    path = tmp_path / "smoke/burgers/mean.jsonl"
    old = path.read_text()
    store.append(record("2" * 16))
    path.write_text(path.read_text() + old)
    assert [r.key[0] for r in store.records()] == ["1", "2"]


def test_a_line_twice_counts_once_and_is_reported(tmp_path: Path, told):
    store = Store(tmp_path)
    for _ in range(2):
        store.append(record())
    assert store.records() == store.records() == [record()]
    assert store.complaints == ["smoke/burgers/mean.jsonl line 2 repeats line 1 and counts once: nothing is lost"]
    told("duplicated record line", "the record, once", store.complaints[0])


def test_a_clock_that_went_backwards_hides_no_newer_record(tmp_path: Path, told):
    store = Store(tmp_path)
    came = record().provenance
    for key, error, started, source in (("1" * 16, 0.5, "2026-03-01", "old"), ("2" * 16, 0.1, "2026-02-01", "new")):
        provenance = came.model_copy(update={"started": f"{started}T00:00:00+00:00", "method_digest": source})
        store.append(record(key, scores={"rel_l2": error}, provenance=provenance.model_dump()))
    (row,) = summarise(store.records())
    assert row.error == 0.1
    assert "line 2 was started before the line that it follows on" in store.complaints[0]
    told("clock going backwards", "both records; the later line counts", store.complaints[0])


def test_a_badge_for_a_superseded_row_supersedes_nothing(tmp_path: Path):
    store = Store(tmp_path)
    came = record().provenance
    made = []
    for key, error, month in (("1" * 16, 0.5, 1), ("2" * 16, 0.1, 2)):
        provenance = came.model_copy(update={"started": f"2026-0{month}-01T00:00:00+00:00", "method_digest": key})
        made.append(record(key, scores={"rel_l2": error}, provenance=provenance.model_dump()))
    confirmed = made[0].provenance.model_copy(update={"badge": "reproduced"})
    for one in (*made, made[0].model_copy(update={"provenance": confirmed})):
        store.append(one)
    (row,) = summarise(store.records())
    assert row.error == 0.1
    assert store.complaints == []
    assert {r.key: r.provenance.badge for r in store.records()} == {"1" * 16: "reproduced", "2" * 16: "self-reported"}
    assert [r.key for r in shown(store.records())] == ["2" * 16]


def test_unknown_keys_and_newer_schemas_are_refused_with_a_sentence(tmp_path: Path, told):
    store = Store(tmp_path)
    store.append(record())
    path = tmp_path / "smoke/burgers/mean.jsonl"
    known = json.loads(path.read_text())
    with open(path, "a") as handle:
        handle.write(json.dumps({**known, "extra": 1}) + "\n")
        handle.write(json.dumps({**known, "schema_version": 99}) + "\n")
    assert store.records() == [record()]
    assert "extra" in store.complaints[0]
    assert "schema version 99, newer" in store.complaints[1]
    told("record line with an unknown key", "all other records", store.complaints[0])


def test_a_line_that_is_nested_without_end_is_a_bad_line(tmp_path: Path):
    store = Store(tmp_path)
    store.append(record())
    with open(tmp_path / "smoke/burgers/mean.jsonl", "a") as handle:
        handle.write("[" * 100_000 + "\n")
    assert store.records() == [record()]
    assert "line 2 is not whole JSON" in store.complaints[0]


def test_not_a_number_cannot_enter_a_record():
    with pytest.raises(ValidationError):
        record(scores={"rel_l2": float("nan")})


@pytest.mark.parametrize("name", ["../evil", "a/b", "<script>", ""])
def test_a_name_that_is_not_a_file_name_is_refused(name: str):
    with pytest.raises(ValidationError):
        record(cell={**record().cell.model_dump(), "dataset": name})


def _append_many(folder: str, first: int) -> None:
    for i in range(first, first + 20):
        Store(Path(folder)).append(record(f"{i:016x}", fold=i % 5))


def test_two_processes_append_to_one_file_without_tearing(tmp_path: Path, told):
    folder = str(Path(__file__).parent)
    code = f"import sys; sys.path.insert(0, {folder!r}); from test_store import _append_many; "
    code += f"_append_many({str(tmp_path)!r}, "
    workers = [subprocess.Popen([sys.executable, "-c", f"{code}{start})"]) for start in (0, 20, 40)]
    assert [w.wait(120) for w in workers] == [0, 0, 0]
    store = Store(tmp_path)
    assert len(store.records()) == 60
    assert not store.complaints
    told(
        "two processes appending to one file",
        "all 60 records of 3 processes",
        "(none: neither waited long, and nothing went wrong)",
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_a_sentence(tmp_path: Path):
    tmp_path.chmod(0o500)
    with pytest.raises(UsageError, match="cannot be written to"):
        Store(tmp_path / "results").prepare()


def test_a_file_in_the_way_is_a_sentence(tmp_path: Path):
    (tmp_path / "results").write_text("")
    with pytest.raises(UsageError, match="cannot be written to"):
        Store(tmp_path / "results").prepare()


def test_a_full_disk_leaves_the_earlier_records_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    store = Store(tmp_path)
    store.append(record("1" * 16))
    real = os.write

    def full(descriptor: int, data: bytes) -> int:
        real(descriptor, bytes(data)[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(StoreError, match=r"No space left on device.*run the same command again"):
        store.append(record("2" * 16))
    monkeypatch.undo()
    assert [r.key for r in store.records()] == ["1" * 16]
    assert not store.complaints


def test_what_is_no_file_is_named_and_a_name_is_no_pattern(tmp_path: Path):
    store = Store(tmp_path)
    store.append(record())
    (tmp_path / "smoke" / "burgers" / "linear.jsonl").mkdir()
    assert store.records("smoke", "burgers") == [record()]
    assert store.complaints == ["smoke/burgers/linear.jsonl is no file, and no record of it counts: move it elsewhere"]
    assert store.records("smoke", "bur*") == store.records("smoke", "**a") == []


@pytest.mark.parametrize(
    "diagnostics",
    [{"notes": 5}, {"curves": {"loss": 3}}, {"reliability": []}, {"spectrum": {"u": [1]}}, {"train_samples": "8"}],
)
def test_diagnostics_of_another_shape_are_no_record(diagnostics):
    with pytest.raises(ValidationError, match=next(iter(diagnostics))):
        record(diagnostics=diagnostics)
    kept = {"notes": {"physics": "none"}, "own": [1, {"x": None}]}
    assert record(diagnostics=kept).diagnostics == kept
