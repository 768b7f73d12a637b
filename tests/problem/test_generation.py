import subprocess
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from sciml_bench.problem import Dataset, DatasetCard, Problem, Variable
from sciml_bench.problem.generation import data_path, generate, obtain, read

CALLS: list[int] = []


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


def test_interrupted_generation_leaves_nothing_behind():
    broken = Noise(fail_at=9)
    with pytest.raises(KeyboardInterrupt):
        obtain("noise", broken, 1)
    path = data_path("noise", broken, 1)
    assert not path.exists()
    assert not [p for p in path.parent.iterdir() if p.suffix == ".part"]


@pytest.mark.parametrize("fault", ["truncated", "flipped"])
def test_a_damaged_file_is_noticed_and_made_again(fault: str):
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
    assert any("is damaged" in m for m in said)


def test_batches_make_no_difference():
    whole, _ = generate(Noise(), 5)
    xr.testing.assert_identical(whole, Noise().generate(5, range(10)))


def test_two_processes_generate_one_dataset_once(cache: Path, tmp_path: Path):
    code = textwrap.dedent(f"""
        import sys, time; sys.path.insert(0, {str(Path(__file__).parent)!r})
        import test_generation as t
        real = t.Noise.generate
        def slow(self, seed, samples, *, device="cpu"):
            time.sleep(0.3); open({str(tmp_path / "calls")!r}, "a").write("x"); return real(self, seed, samples)
        t.Noise.generate = slow
        t.obtain("noise", t.Noise(samples=8), 11)
    """)
    workers = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(2)]
    assert [w.wait(120) for w in workers] == [0, 0]
    assert (tmp_path / "calls").read_text() == "xx"  # two batches, made by one of the two processes
