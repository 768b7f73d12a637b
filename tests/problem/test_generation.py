import fcntl
import os
import subprocess
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from sciml_bench.errors import ContractError, UsageError
from sciml_bench.problem import Dataset, DatasetCard, Problem, Variable, generation
from sciml_bench.problem.generation import data_path, generate, obtain, read

CALLS: list[int] = []


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """A cache that no other test writes to while this one looks into it."""
    return tmp_path / "cache"


@dataclass(frozen=True, kw_only=True)
class Noise(Dataset):
    card = DatasetCard(title="Noise", kind="steady", summary="noise", description="Noise.", sources=())
    batch = 4
    samples: int = 10
    fail_at: int = -1

    def problem(self) -> Problem:
        field = Variable(name="a", dims=("x",), description="noise")
        return Problem(
            name="noise",
            kind="steady",
            inputs=(field,),
            targets=(Variable(name="u", dims=("x",), description="twice"),),
        )

    def generate(self, seed: int, samples: Sequence[int], *, device: str = "cpu") -> xr.Dataset:
        CALLS.append(samples[0])
        if self.fail_at in samples:
            raise KeyboardInterrupt
        a = np.stack([np.random.default_rng([seed, i]).standard_normal(5) for i in samples])
        return xr.Dataset({"a": (("sample", "x"), a), "u": (("sample", "x"), 2 * a)})

    def refined(self) -> "Noise":
        return self


def test_data_are_generated_once_and_have_a_digest():
    CALLS.clear()
    first = obtain("noise", Noise(), 1)
    again = obtain("noise", Noise(), 1)
    assert CALLS == [0, 4, 8]
    assert (again.digest, again.seconds) == (first.digest, first.seconds)
    assert obtain("noise", Noise(), 2).digest != first.digest
    with read(first.path) as data:
        assert data["a"].dtype == np.float64


def test_a_cache_that_may_only_be_read_serves_what_it_holds(monkeypatch):
    held = obtain("noise", Noise(), 1)

    def read_only(folder, what):
        raise UsageError(f"the {what} '{folder}' cannot be written to")

    monkeypatch.setattr(generation, "ensure_writable", read_only)
    assert obtain("noise", Noise(), 1).digest == held.digest
    for asked in ({"seed": 3}, {"seed": 1, "force": True}):
        with pytest.raises(UsageError, match="cannot be written to"):
            obtain("noise", Noise(), **asked)


def test_interrupted_generation_leaves_nothing_behind():
    broken = Noise(fail_at=9)
    with pytest.raises(KeyboardInterrupt):
        obtain("noise", broken, 1)
    path = data_path("noise", broken, 1)
    assert not path.exists()
    assert not [p for p in path.parent.iterdir() if p.suffix == ".part"]


@pytest.mark.parametrize("fault", ["truncated", "flipped"])
def test_a_damaged_file_is_noticed_and_made_again(fault: str, told):
    made = obtain("noise", Noise(samples=12), 3)
    whole = made.path.read_bytes()
    values = read(made.path)["u"].values.tobytes()
    if fault == "truncated":
        made.path.write_bytes(whole[: len(whole) // 2])
    else:
        at = whole.index(values[:40])
        made.path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
    said: list[str] = []
    again = obtain("noise", Noise(samples=12), 3, progress=lambda _, m: said.append(m))
    assert again.digest == made.digest
    (sentence,) = [m for m in said if "is damaged" in m]
    assert sentence.endswith("and is made again; records are untouched")
    told(f"{fault} cache", "all records", sentence)


def test_batches_make_no_difference():
    whole, _ = generate(Noise(), 5)
    xr.testing.assert_identical(whole, Noise().generate(5, range(10)))


def test_two_processes_generate_one_dataset_once(cache: Path, tmp_path: Path, told):
    code = textwrap.dedent(f"""
        import sys, time; sys.path.insert(0, {str(Path(__file__).parent)!r})
        import test_generation as t
        real = t.Noise.generate
        def slow(self, seed, samples, *, device="cpu"):
            time.sleep(0.3); open({str(tmp_path / "calls")!r}, "a").write("x"); return real(self, seed, samples)
        t.Noise.generate = slow
        t.obtain("noise", t.Noise(samples=8), 11, progress=lambda _, m: print(m, flush=True))
    """)
    path = data_path("noise", Noise(samples=8), 11)
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path.with_suffix(".lock"), "w") as held:  # so that both have to wait, and say so
        fcntl.flock(held, fcntl.LOCK_EX)
        workers = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(2)]
        heard = [w.stdout.readline() for w in workers]
    assert [w.wait(120) for w in workers] == [0, 0]
    for worker in workers:
        worker.stdout.close()
    assert heard[0] == heard[1] == f"! another process makes {path.name}: waiting for it, as it is made once for both\n"
    assert (tmp_path / "calls").read_text() == "xx"  # two batches, made by one of the two processes
    told("two processes generating one dataset", "one file, made once", heard[0])


def test_power_loss_between_write_and_rename_leaves_nothing_half_there(tmp_path: Path, told):
    code = textwrap.dedent(f"""
        import os, sys; sys.path.insert(0, {str(Path(__file__).parent)!r})
        import test_generation as t
        os.replace = lambda *paths: os.kill(os.getpid(), 9)
        t.obtain("noise", t.Noise(samples=6), 12)
    """)
    assert subprocess.run([sys.executable, "-c", code]).returncode == -9
    path = data_path("noise", Noise(samples=6), 12)
    unfinished = [p for p in path.parent.iterdir() if p.suffix == ".part" and path.name in p.name]
    assert (len(unfinished), path.exists()) == (1, False)
    heard: list[str] = []
    made = obtain("noise", Noise(samples=6), 12, progress=lambda _, m: heard.append(m))
    xr.testing.assert_equal(read(made.path).load(), generate(Noise(samples=6), 12)[0])
    assert not unfinished[0].exists()
    assert "was being written when its process was ended: the unfinished file is removed" in heard[0]
    told("power loss between write and rename", "nothing half written; all else", heard[0])


def test_nan_in_generated_data_is_refused(told):
    class Broken(Noise):
        def generate(self, seed: int, samples: Sequence[int], *, device: str = "cpu") -> xr.Dataset:
            return super().generate(seed, samples).map(lambda a: a.where(a.sample != 1))

    with pytest.raises(
        ContractError, match="hold 15 values of 'a' that are NaN or infinite; nothing was kept"
    ) as found:
        obtain("broken", Broken(), 13)
    assert not data_path("broken", Broken(), 13).exists()
    told("NaN in generated data", "all that was there before", str(found.value))


@pytest.mark.parametrize("name", ["darcy", "permeability"])
def test_truth_from_sparse_solvers_has_the_same_bytes_on_any_number_of_cores(name):
    program = textwrap.dedent(f"""
        from dataclasses import replace
        from sciml_bench import digest
        from sciml_bench.problem.generation import generate
        from sciml_bench.registry import dataset_class
        data, _ = generate(replace(dataset_class({name!r}).tier("small"), samples=1), 3)
        print(digest.of_arrays(data))
    """)
    digests = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "OPENBLAS_NUM_THREADS": count, "OMP_NUM_THREADS": count},
            check=True, capture_output=True, text=True,
        ).stdout
        for count in ("1", "3")
    }  # fmt: skip
    assert len(digests) == 1
