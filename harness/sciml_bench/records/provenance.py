"""Where a number comes from: code, libraries and machine, without user, host or path."""

import functools
import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from .. import __version__
from .._layout import PACKAGE

GROUP = Path("/sys/fs/cgroup")
QUOTAS = ((GROUP / "cpu.max",), (GROUP / "cpu" / "cpu.cfs_quota_us", GROUP / "cpu" / "cpu.cfs_period_us"))
"""Where the two versions of control groups tell a quota and its period, both in microseconds."""
LIBRARIES = (
    "numpy", "scipy", "xarray", "torch", "lightning-fabric", "neuraloperator", "jax", "exponax", "equinox",
    "scikit-fem", "scikit-learn",
)  # fmt: skip


@functools.cache
def libraries() -> dict[str, str]:
    """Return the versions of the libraries that can decide a result."""
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


@functools.cache
def commit() -> tuple[str | None, bool | None]:
    """Return the commit of the checkout that the package runs from and whether it has changes; None outside one."""
    checkout = PACKAGE.parent.parent
    if not (checkout / ".git").exists():
        return None, None
    try:
        head = _git("rev-parse", "HEAD")
        changed = _git("status", "--porcelain", "--", "harness", "methods", "datasets", "benchmarks", "pyproject.toml")
    except (OSError, subprocess.SubprocessError):
        return None, None
    return head, bool(changed)


def _git(*words: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(PACKAGE.parent.parent), *words],
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )
    return done.stdout.strip()


@functools.cache
def processor() -> str:
    """Return the processor's name."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as handle:
            for line in handle:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def environment() -> dict[str, object]:
    """Return the fields of `Provenance` that are the same for all cells of a run."""
    head, dirty = commit()
    return {
        "package": __version__,
        "commit": head,
        "dirty": dirty,
        "python": platform.python_version(),
        "libraries": libraries(),
        "system": f"{platform.system()} {platform.machine()}",
        "processor": processor(),
    }


def cores() -> list[int]:
    """Return the cores that this process may use, no more than a container grants the time of."""
    allowed = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [*range(os.cpu_count() or 1)]
    return allowed[: _granted()]


def _granted() -> int | None:
    """Return how many cores' time the control group of a container grants, at least one; None without a limit."""
    for files in QUOTAS:
        try:
            quota, period = " ".join(file.read_text(encoding="ascii") for file in files).split()
        except (OSError, ValueError):
            continue
        return None if quota in ("max", "-1") else max(1, int(quota) // int(period))
    return None


def threads() -> int:
    """Return the number of cores that this process may use."""
    return len(cores())
