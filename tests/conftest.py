"""What all tests share: a cache folder of their own, small data and methods outside the project, and the table of faults."""

import io
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # tiny networks train faster so, and do not fight for cores
# Most programs run once: compiling them well costs more than that.
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")

import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from ready import Ready
from rich import box
from rich.console import Console
from rich.table import Table

from sciml_bench.records.provenance import threads

if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # as in a shell's background; the tests interrupt the command
    signal.signal(signal.SIGINT, signal.default_int_handler)

Run = Callable[..., subprocess.CompletedProcess[str]]


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """One process more than there are cores, as a test that runs the command waits for it most of the time."""
    return threads() + 1


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let each process begin with whole files that hold slow tests: none is left for the end, and what a file shares is made once.

    Processes get equal stretches of the list at first, and steal from the ends of each other's.
    """
    processes = getattr(config, "workerinput", {}).get("workercount", 1)
    files: dict[Path, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.path, []).append(item)
    slow = {path: sum("slow" in item.keywords for item in held) for path, held in files.items()}
    heavy = sorted((path for path in files if slow[path]), key=lambda path: -slow[path])
    light = [item for path, held in files.items() if not slow[path] for item in held]
    ordered: list[pytest.Item] = []
    for n in range(processes):
        share = (len(items) - len(ordered)) // (processes - n)
        mine = [item for path in heavy[n::processes] for item in files[path]]
        rest = max(share - len(mine), 0)
        ordered += mine + light[:rest]
        del light[:rest]
    items[:] = ordered + light


def pytest_configure(config: pytest.Config) -> None:
    """Let all processes of the session share the programs that JAX compiles: many tests need the same ones."""
    if "JAX_COMPILATION_CACHE_DIR" in os.environ:
        return
    folder = tempfile.mkdtemp(prefix="sciml-bench-programs-")
    config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))
    os.environ["JAX_COMPILATION_CACHE_DIR"] = folder
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    os.environ["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "-1"


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache folder shared by all tests, those of other processes too, so that data are generated once."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "cache"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(autouse=True)
def _own_cache(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCIML_BENCH_CACHE", str(cache))


@pytest.fixture(scope="session")
def ready() -> Iterator[Ready]:
    """A process that has the command imported, and runs it in forks."""
    process = Ready()
    yield process
    process.end()


@pytest.fixture
def run(tmp_path: Path, cache: Path, ready: Ready) -> Run:
    """Run the command in an empty folder, in a process of its own."""

    def call(*words: str, timeout: float = 300, **environment: str) -> subprocess.CompletedProcess[str]:
        env = {**os.environ, "SCIML_BENCH_CACHE": str(cache), "COLUMNS": "200", **environment}
        return ready.call(list(words), tmp_path, env, timeout)

    return call


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Run the command in an empty folder too, but in this process: for what ends before any worker starts."""
    from sciml_bench.cli import command

    def call(*words: str) -> subprocess.CompletedProcess[str]:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("COLUMNS", "200")
        monkeypatch.setattr(sys, "argv", ["sciml-bench", *words])
        status: object = 0
        try:
            command()
        except SystemExit as end:
            status = end.code
        told = capfd.readouterr()
        return subprocess.CompletedProcess(words, int(str(status or 0)), told.out, told.err)

    return call


@pytest.fixture
def waves(tmp_path: Path) -> Path:
    """A user's file: sines that are moved by a quarter of the domain, which a linear map does exactly."""
    return write_waves(tmp_path / "waves.h5")


def write_waves(path: Path, samples: int = 30) -> Path:
    rng = np.random.default_rng(7)
    x = np.arange(16) / 16
    a, b = rng.standard_normal((2, samples, 1))
    u0 = a * np.sin(2 * np.pi * x) + b * np.cos(2 * np.pi * x)
    u = np.stack([u0, np.roll(u0, 4, axis=1)], axis=1)
    data = xr.Dataset(
        {"u0": (("sample", "x"), u0), "u": (("sample", "time", "x"), u)}, coords={"x": x, "time": [1.0, 2.0]}
    )
    data["u"].attrs.update(initial="u0", periodic=1)
    data.attrs.update(inputs="u0", targets="u", sample="sample")
    data.to_netcdf(path, engine="h5netcdf")
    return path


METHOD = """
from dataclasses import dataclass
import os, signal, subprocess, time
import numpy as np
import xarray as xr
from sciml_bench.method import Method
from sciml_bench.problem import MethodCard

def repeat(inputs):
    u0 = inputs["u0"].transpose("sample", "x").values
    return xr.Dataset({{"u": (("sample", "time", "x"), np.stack([u0, np.roll(u0, 4, 1)], 1))}})

@dataclass(frozen=True, kw_only=True)
class Own(Method):
    '''û(a) = what the body of fit returns.'''

    card = MethodCard(title="Own", family="network", framework="numpy", summary="a test", description="A test.")
    gain: float = 1.0

    def fit(self, train, valid, *, problem, budget, seed, device, log):
{body}
"""


@pytest.fixture
def method_file(tmp_path: Path) -> Callable[[str, str], Path]:
    """Write a method of the user's own whose `fit` has the given body."""

    def write(name: str, body: str) -> Path:
        indented = "\n".join(f"        {line}" for line in body.splitlines())
        path = tmp_path / f"{name}.py"
        path.write_text(METHOD.format(body=indented))
        return path

    return write


Told = Callable[[str, str, str], None]


@pytest.fixture
def told(record_property: Callable[[str, object], None]) -> Told:
    """Note an injected fault, what was kept, and the sentence that the user reads; all are printed after the session."""

    def note(fault: str, kept: str, sentence: str) -> None:
        assert sentence.strip()
        record_property("fault", [fault, kept, " ".join(sentence.split())])

    return note


@pytest.fixture
def said() -> Callable[[str, str], str]:
    """Return what finds the one line of an output that holds some words."""

    def find(output: str, words: str) -> str:
        (line,) = {line for line in output.splitlines() if words in line}
        return line

    return find


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table of the faults that were injected."""
    reports = [r for r in terminalreporter.stats.get("passed", []) if r.when == "call"]
    faults = [value for report in reports for name, value in report.user_properties if name == "fault"]
    if not faults:
        return
    table = Table("fault", "what was kept", "the sentence that the user reads", box=box.SIMPLE_HEAD, pad_edge=False)
    for row in sorted(faults):
        table.add_row(*(cell.replace("[", "\\[") for cell in row))
    text = io.StringIO()
    Console(file=text, width=max(terminalreporter._tw.fullwidth, 140)).print(table)
    terminalreporter.section("injected faults")
    terminalreporter.write(text.getvalue())
