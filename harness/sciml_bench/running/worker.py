"""What runs inside a cell's own process: read the parts, fit, predict, measure, leave the predictions in a file.

The process leads a group of its own, so that whatever a method starts can be ended with it, and ends itself when its parent is
gone. It speaks to the parent in lines of JSON and never reads test targets: only training and validation
targets are loaded from the data file, and before a method's `fit` is called, that file is put out of reach (`sandbox`).
"""

import functools
import importlib
import json
import os
import pickle
import random
import resource
import signal
import sys
import threading
import time
from dataclasses import dataclass, field
from multiprocessing import connection, parent_process
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from .. import logged
from ..errors import ContractError, DivergedError, NotFiniteError, UsageError
from ..method.contract import Budget, Method, Predictor
from ..paths import full_disk
from ..problem import MEMBER, Problem
from ..problem.samples import count, only, take
from ..problem.storage import read_samples, write_parts
from ..protocol.folds import Split
from ..protocol.instances import test_samples
from ..raised import told
from ..registry import build_method, method_class
from . import inverse_transforms, probes, sandbox
from .checked import CheckedPredictor
from .measure import EnergyMeter, accelerator_name, cpu_seconds, device_memory_gib, peak_memory_gib, timed
from .task import Source

PREDICTIONS = "predictions.h5"
AGAIN = "and the same command runs this one again"
"""Ends the reason of what was ended from outside, or had no room."""
LATENCY_REPEATS = 20
LATENCY_SECONDS = 0.5


@dataclass(frozen=True, kw_only=True)
class Job:
    """All that a worker is told."""

    source: Source
    problem: Problem | None
    """The problem of a data file; None where the source can build it (equations do not travel between processes)."""
    method_name: str
    hyperparameters: dict[str, Any]
    budget: Budget
    seed: int
    device: str
    threads: int
    data: Path
    shifts: dict[str, Path]
    split: Split
    folder: Path
    """Where the predictions and the checkpoint go."""
    secret: tuple[Path, ...] = ()
    """What the method must not read, beside the cached data: results, and the data file of the user's own."""
    cores: tuple[int, ...] = ()
    """Where it runs; empty: on the first so many of those that it finds itself on."""
    trial_seconds: float | None = None
    """In a trial of tuning, which predicts the test part and no more: what it may take of wall and of processor time, both."""


@dataclass
class Reporter:
    """The `Log` that a method is given; sends progress at once and keeps curves for the end."""

    pipe: Connection
    curves: dict[str, list[tuple[int, float]]] = field(default_factory=dict)
    facts: dict[str, float | str] = field(default_factory=dict)
    _last: float = 0.0

    def progress(self, fraction: float, message: str = "") -> None:
        """Report the share of the fit that is done, at most ten times a second. ContractError if it is none."""
        share = logged.share(fraction)
        now = time.monotonic()
        if now - self._last > 0.1:
            self._last = now
            self.send({"progress": min(max(share, 0.0), 1.0), "message": str(message)})

    def curve(self, name: str, step: int, value: float) -> None:
        """Add a point to a curve. ContractError if it is none."""
        name, point = logged.point(name, step, value)
        self.curves.setdefault(name, []).append(point)

    def fact(self, name: str, value: float | str) -> None:
        """Note a single fact. ContractError if it is no number and no string."""
        name, plain = logged.fact(name, value)
        self.facts[name] = plain

    def send(self, message: dict[str, Any]) -> None:
        """Send one message to the parent."""
        self.pipe.send_bytes(json.dumps(message).encode())


def main(pipe: Connection, job: Job) -> None:
    """Run one cell; the last message has the key `status`."""
    os.setsid()
    os.dup2(2, 1)  # what a method prints is no part of what the command prints
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when a cell ends
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    log = Reporter(pipe)
    try:
        outcome = _run(job, log)
    except DivergedError as error:
        outcome = {"status": "diverged", "reason": str(error)}
    except NotFiniteError as error:
        outcome = {"status": "not_finite", "reason": str(error)}
    except MemoryError as error:
        outcome = {"status": "out_of_memory", "reason": f"memory ran out: {error or 'an allocation failed'}"}
    except (ContractError, UsageError) as error:
        outcome = {"status": "failed", "reason": str(error), "refused": isinstance(error, UsageError)}
    except BaseException as error:
        full = full_disk(error)
        outcome = {"status": _status_of(error), "reason": _sentence(error)} if full is None else _no_room(full)
    outcome |= {"curves": {k: _thin(v) for k, v in log.curves.items()}, "facts": log.facts}
    outcome["processor_seconds"] = cpu_seconds()
    log.send(outcome)
    pipe.close()
    os._exit(0)  # everything is written: skip what frameworks do at exit


def _run(job: Job, log: Reporter) -> dict[str, Any]:
    _limit_threads(job.threads, job.cores)
    random.seed(job.seed)
    np.random.seed(job.seed)  # noqa: NPY002 - for libraries that draw from the global state
    problem = job.problem or job.source.problem()
    method = _build(job)
    if job.device == "cuda" and method.card.framework == "torch":
        inverse_transforms.mend(importlib.import_module("torch"))
    inputs = [v.name for v in problem.inputs]
    both = [*inputs, *(v.name for v in problem.targets)]
    train, valid = (
        read_samples(job.data, both, job.split.train),
        read_samples(job.data, both, job.split.valid),
    )
    alone = method.card.per_instance
    test = read_samples(job.data, inputs, test_samples(method.card, job.source.tier, job.split.test))
    shifted = _shifted_inputs(job, method, inputs)
    sandbox.enclose(job.folder / "scratch", job.secret)
    threading.Thread(
        target=end_with_parent, daemon=True
    ).start()  # only now: the barrier holds for threads made after it
    log.pipe.recv_bytes()  # wait for the word: until then the parent may be using the cores
    meter = EnergyMeter(job.device)
    log.send({"stage": "fit"})
    predictor, fit = timed(
        lambda: method.fit(train, valid, problem=problem, budget=job.budget, seed=job.seed, device=job.device, log=log),
        job.device,
    )
    predict = CheckedPredictor.of(predictor, problem)
    log.send({"stage": "predict"})
    if job.trial_seconds is not None:
        write_parts(job.folder / PREDICTIONS, {"test": predict(test)})
        return {"status": "ok", "reason": ""}
    calibration = (
        None if alone else predict(only(valid, inputs))
    )  # and the untimed warm-up: compilation, caches, clocks
    prediction, seconds = timed(lambda: predict(test), job.device)
    joules = meter.joules()
    latency = [seconds.wall / count(test)] if alone else _latency(predict, test, job.device)
    one = 1 / latency[len(latency) // 2] if latency else 0.0
    full = count(test) / seconds.wall
    log.send({"stage": "save"})
    asked, unasked = ({}, "") if alone else _asked(problem, predict, test)
    parts = {"test": prediction, **asked}
    if calibration is not None and not any(MEMBER in prediction[v.name].dims for v in problem.targets):
        parts["valid"] = calibration
    shifts, skipped = _shifted(job, shifted, predict, method)
    write_parts(job.folder / PREDICTIONS, parts | shifts)
    _save_checkpoint(job, predictor, method)
    return {
        "status": "ok",
        "reason": "",
        "skipped_shifts": skipped,
        "skipped_probes": unasked,
        "accelerator": accelerator_name(job.device, method.card.framework),
        "cost": {
            "fit_seconds": fit.wall,
            "fit_cpu_seconds": fit.cpu,
            "predict_seconds": seconds.wall,
            "predict_cpu_seconds": seconds.cpu,
            "predict_samples": count(test),
            "latency_p50": float(np.quantile(latency, 0.5)) if latency else None,
            "latency_p95": float(np.quantile(latency, 0.95)) if latency else None,
            "throughput": max(one, full),
            "throughput_batch": 1 if one > full else count(test),
            "peak_memory_gib": peak_memory_gib(),
            "device_memory_gib": device_memory_gib(job.device, method.card.framework),
            "energy_joules": joules,
            "predictor_seconds": predict.seconds,
        },
    }


def _build(job: Job) -> Method:
    return build_method(method_class(job.method_name), "", {}, job.hyperparameters)


@functools.cache
def thread_pools() -> Any:
    """Return the thread pools of the libraries that are loaded. Finding them takes a tenth of a second: once, before forking."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def _limit_threads(threads: int, cores: tuple[int, ...]) -> None:
    """Keep to so many cores: some libraries count them anew, and their sums depend on it."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cores or sorted(os.sched_getaffinity(0))[:threads])
    thread_pools().limit(limits=threads)
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(threads)


def _latency(predict: Predictor, test: xr.Dataset, device: str) -> list[float]:
    """Return sorted seconds of predictions of one sample, after a warm-up, which may compile for this shape and does not count."""
    one = take(test, [0])
    predict(one)
    seconds: list[float] = []
    while len(seconds) < LATENCY_REPEATS and sum(seconds) < LATENCY_SECONDS:
        seconds.append(timed(lambda: predict(one), device)[1].wall)
    return sorted(seconds)


def _shifted_inputs(job: Job, method: Method, inputs: list[str]) -> dict[str, xr.Dataset]:
    """Return the inputs of the out-of-distribution sets, if the method is to predict them."""
    if method.card.family == "solver" or method.card.per_instance:
        return {}
    return {name: read_samples(path, inputs, None) for name, path in job.shifts.items()}


def _shifted(
    job: Job, shifted: dict[str, xr.Dataset], predict: Predictor, method: Method
) -> tuple[dict[str, xr.Dataset], dict[str, str]]:
    """Return the predictions for the out-of-distribution sets, and why some are not there."""
    if method.card.family == "solver":
        return {}, dict.fromkeys(job.shifts, "it learns from no data, so that there is no distribution to leave")
    if method.card.per_instance:
        return {}, dict.fromkeys(job.shifts, "it solves each sample anew, so that there is no distribution to leave")
    found, skipped = {}, {}
    for name, inputs in shifted.items():
        try:
            found[f"shift-{name}"] = predict(inputs)
        except Exception as error:
            skipped[name] = _skipped(error)
    return found, skipped


def _skipped(error: Exception) -> str:
    """Return why a part beside the test part was not predicted."""
    return str(error) if isinstance(error, ContractError) else _sentence(error)


def _asked(problem: Problem, predict: Predictor, test: xr.Dataset) -> tuple[dict[str, xr.Dataset], str]:
    """Return the answers to the probes, or none and why: the test part is predicted whatever it makes of them."""
    try:
        return probes.ask(problem, predict, test), ""
    except Exception as error:
        return {}, _skipped(error)


def _save_checkpoint(job: Job, predictor: Predictor, method: Method) -> None:
    if not method.card.uses_data:
        return
    try:
        with open(job.folder / "checkpoint.pkl", "wb") as handle:
            pickle.dump(predictor, handle, protocol=pickle.HIGHEST_PROTOCOL)
    except Exception:
        (job.folder / "checkpoint.pkl").unlink(missing_ok=True)  # a predictor need not be picklable to be scored


def end_with_parent() -> None:
    """End this process and its group when its parent is gone."""
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os.killpg(0, signal.SIGKILL)


def _status_of(error: BaseException) -> str:
    return "out_of_memory" if "OutOfMemory" in type(error).__name__ or "RESOURCE_EXHAUSTED" in str(error) else "failed"


def _no_room(full: str) -> dict[str, Any]:
    reason = (
        f"there was no room for the cell's temporary files ({full}); other cells are untouched: free space or set TMPDIR to "
        f"another folder, {AGAIN}"
    )
    return {"status": "failed", "reason": reason, "killed": True}


def _sentence(error: BaseException) -> str:
    """Say what was raised and where."""
    return told(error, f"; {sandbox.SENTENCE}" if isinstance(error, PermissionError) else "")


def _thin(points: list[tuple[int, float]], most: int = 200) -> list[tuple[int, float]]:
    """Keep at most so many points of a curve, first and last among them; those without a finite value are left out."""
    finite = [(s, v) for s, v in points if np.isfinite(v)]
    if len(finite) <= most:
        return finite
    return [finite[round(i * (len(finite) - 1) / (most - 1))] for i in range(most)]
