"""Measuring a worker: time, memory, energy, from inside its own process."""

import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RAPL = Path("/sys/class/powercap/intel-rapl:0/energy_uj")


@dataclass(frozen=True)
class Spent:
    """Wall and processor seconds of one call."""

    wall: float
    cpu: float


def timed(call: Callable[[], Any], device: str) -> tuple[Any, Spent]:
    """Return the result of a call and what it took, with the device synchronised before and after."""
    synchronise(device)
    wall, cpu = time.perf_counter(), cpu_seconds()
    result = call()
    synchronise(device)
    return result, Spent(time.perf_counter() - wall, cpu_seconds() - cpu)


def synchronise(device: str) -> None:
    """Wait until an accelerator has done all that was asked of it."""
    torch = sys.modules.get("torch")
    if device == "cuda" and torch is not None and torch.cuda.is_initialized():
        torch.cuda.synchronize()


def cpu_seconds() -> float:
    """Return the processor seconds of this process and of those that it started and that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def peak_memory_gib() -> float:
    """Return the peak resident memory of this process."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**30


def device_memory_gib(device: str, framework: str) -> float | None:
    """Return the peak memory that a method's framework took on the accelerator, None without one.

    Only that framework is asked: the other may be imported too, and asking would start it on the accelerator.
    """
    if device != "cuda":
        return None
    if framework == "jax":
        import jax

        return float((jax.devices("gpu")[0].memory_stats() or {}).get("peak_bytes_in_use", 0)) / 2**30
    torch = sys.modules.get("torch")
    started = torch is not None and torch.cuda.is_initialized()
    return torch.cuda.max_memory_allocated() / 2**30 if torch is not None and started else 0.0


class EnergyMeter:
    """Joules since the meter was made: the accelerator's counter through NVML, else the processor's RAPL; None without either."""

    def __init__(self, device: str) -> None:
        self._read = _nvml_joules() if device == "cuda" else _rapl_joules()
        self._start = self._read() if self._read else 0.0

    def joules(self) -> float | None:
        """Return the energy used so far; None if nothing reports it, or if the counter wrapped."""
        if self._read is None:
            return None
        used = self._read() - self._start
        return used if used >= 0 else None


def _rapl_joules() -> Callable[[], float] | None:
    def read() -> float:
        return int(RAPL.read_text()) / 1e6

    try:
        read()
    except (OSError, ValueError):
        return None
    return read


def _nvml_joules() -> Callable[[], float] | None:
    try:
        import pynvml

        pynvml.nvmlInit()
        handle = pynvml.nvmlDeviceGetHandleByIndex(0)

        def read() -> float:
            return float(pynvml.nvmlDeviceGetTotalEnergyConsumption(handle)) / 1e3

        read()
    except Exception:
        return None
    return read


def accelerator_name(device: str, framework: str) -> str | None:
    """Return the accelerator's name as a method's framework gives it, None on a processor."""
    if device != "cuda":
        return None
    if framework == "jax":
        import jax

        return str(jax.devices("gpu")[0].device_kind)
    torch = sys.modules.get("torch")
    return str(torch.cuda.get_device_name(0)) if torch is not None and torch.cuda.is_available() else "GPU"
