"""Where cells run, with and without a GPU; none is needed here: what is asked is decided before one is touched."""

import importlib.machinery
import importlib.util
import os
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest

from sciml_bench.errors import UsageError
from sciml_bench.registry import method_class
from sciml_bench.running import plan
from sciml_bench.running.measure import EnergyMeter, accelerator_name, device_memory_gib
from sciml_bench.running.run import job_of
from sciml_bench.running.task import prepare


@pytest.fixture(autouse=True)
def _asked_anew() -> Iterator[None]:
    """Forget what is installed, before each test and after it."""
    plan.without_gpus.cache_clear()
    yield
    plan.without_gpus.cache_clear()


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that has an NVIDIA GPU, as far as can be told without touching it."""
    found = Path.glob
    monkeypatch.setattr(Path, "glob", lambda p, like: iter([p / "nvidia0"]) if p == Path("/dev") else found(p, like))
    for variable in plan.ACCELERATOR:
        monkeypatch.setenv(variable, "")  # so that it is put back afterwards
        monkeypatch.delenv(variable)


def torch_built_with(monkeypatch: pytest.MonkeyPatch, cuda: str, folder: Path) -> None:
    """Let torch be found as a build with this CUDA."""
    (folder / "version.py").write_text(
        f"from typing import Optional\ncuda: Optional[str] = {cuda}\nhip: Optional[str] = None\n"
    )
    found = importlib.util.find_spec
    plan.without_gpus.cache_clear()
    here = importlib.machinery.ModuleSpec("torch", None, origin=str(folder / "__init__.py"))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: here if name == "torch" else found(name))


def jax_plugins(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    plan.without_gpus.cache_clear()
    known = tuple(metadata.EntryPoint(name, "somewhere", "jax_plugins") for name in names)
    monkeypatch.setattr(metadata, "entry_points", lambda group: known if group == "jax_plugins" else ())


@pytest.mark.parametrize("asked", ["auto", "cuda"])
def test_a_gpu_is_taken_and_shared_between_the_frameworks(gpu, asked, monkeypatch, tmp_path):
    jax_plugins(monkeypatch, "xla_cuda13")
    torch_built_with(monkeypatch, "'13.0'", tmp_path)
    assert plan.pick_device(asked) == "cuda"
    assert os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] == "false"
    assert "deterministic" in os.environ["XLA_FLAGS"]


def test_what_the_user_decided_about_the_gpu_stays(gpu, monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--xla_gpu_autotune_level=0")
    plan.pick_device("cuda")
    assert os.environ["XLA_FLAGS"] == "--xla_gpu_autotune_level=0"


def test_the_processor_can_be_asked_for_beside_a_gpu(gpu):
    assert plan.pick_device("cpu") == "cpu"
    assert "XLA_PYTHON_CLIENT_PREALLOCATE" not in os.environ


def test_of_itself_a_run_takes_no_gpu_that_one_framework_does_not_know(gpu, monkeypatch, tmp_path, capsys):
    torch_built_with(monkeypatch, "'13.0'", tmp_path)
    jax_plugins(monkeypatch)
    assert plan.pick_device("auto") == "cpu"
    told = capsys.readouterr().err
    assert (
        "there is a GPU, but this runs on the processor, as JAX is installed without its part for GPUs; run: pip"
        in told
    )
    assert plan.pick_device("cuda") == "cuda"


def test_a_framework_without_its_gpu_part_is_refused_before_any_work(monkeypatch, tmp_path):
    torch_built_with(monkeypatch, "'13.0'", tmp_path)
    jax_plugins(monkeypatch)
    with pytest.raises(UsageError, match=r"'hnn' cannot run here: JAX .* run: pip install 'sciml-bench\[all,gpu\]'"):
        plan.check_method("hnn", "smoke", {}, "cuda")
    with pytest.raises(UsageError, match="'navier_stokes' cannot be made here: JAX"):
        plan.check_dataset("navier_stokes", "cuda")
    plan.check_method("fno", "smoke", {}, "cuda")
    plan.check_method("hnn", "smoke", {}, "cpu")
    jax_plugins(monkeypatch, "xla_cuda13")
    plan.check_method("hnn", "smoke", {}, "cuda")
    torch_built_with(monkeypatch, "None", tmp_path)
    with pytest.raises(UsageError, match="'fno' cannot run here: torch is a build without CUDA"):
        plan.check_method("fno", "smoke", {}, "cuda")


def test_on_a_gpu_all_stand_on_one_board_and_those_that_know_none_run_on_the_processor(tmp_path):
    task = prepare("diabetes", "smoke", 5)
    request = plan.Request(tier="smoke", seeds=1, only_fold=0, device="cuda", seconds=None, memory_gib=None)
    made = plan.cells(task, ["mean", "ridge", "mlp"], request, {})
    assert {c.cell.identity.device for c in made} == {"cuda"}
    assert [job_of(c.cell, tmp_path, 1, ()).device for c in made] == ["cpu", "cpu", "cuda"]


@pytest.mark.parametrize("name", ["mean", "mlp", "hnn"])
def test_a_processor_has_no_readings_of_an_accelerator(name):
    framework = method_class(name).card.framework
    assert device_memory_gib("cpu", framework) is None
    assert accelerator_name("cpu", framework) is None
    joules = EnergyMeter("cpu").joules()
    assert joules is None or joules >= 0
