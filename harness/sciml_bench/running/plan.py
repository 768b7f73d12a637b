"""From what was asked on the command line to the cells that answer it."""

import functools
import importlib.util
import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from importlib import metadata
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from .. import reviewed
from ..errors import UsageError
from ..method.contract import Budget
from ..method.training import Training
from ..naming import innermost, parse
from ..problem import DatasetCard, MethodCard, Problem
from ..protocol.budgets import BUDGETS
from ..records.record import METHOD_LENGTH, NAME_LENGTH, VARIANT_LENGTH, MethodName, Name, Origin
from ..registry import (
    Broken,
    all_methods,
    build_method,
    canonical,
    dataset_class,
    is_path,
    method_class,
    no_hyperparameter,
    short_name,
    why_not,
)
from .cell import Cell, Planned, label_of, source_digest, variants_of
from .task import Task

BASELINES = ("control", "baseline", "solver")
NEEDS = {
    "torch": ("torch", "lightning_fabric"),
    "jax": ("jax",),
    "sklearn": ("sklearn",),
}
ACCELERATOR = {
    "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
    "XLA_FLAGS": "--xla_gpu_deterministic_ops=true",
    "PYTORCH_NVML_BASED_CUDA_CHECK": "1",
}
"""What this process and its workers need on a GPU, where the user has not decided otherwise: JAX takes memory as it needs it and
not three quarters at once, beside which torch's worker would find none; its sums repeat; and torch counts GPUs without
starting CUDA, which no process forked afterwards could use."""


BLIND = {
    "jax": "JAX is installed without its part for GPUs; run: pip install 'sciml-bench[all,gpu]'",
    "torch": "torch is a build without CUDA; install one with it, as pytorch.org tells",
}


@dataclass(frozen=True, kw_only=True)
class Request:
    """What the user asked for, beside methods and datasets."""

    tier: str
    seeds: int
    only_fold: int | None
    device: str
    seconds: float | None
    memory_gib: float | None

    def budget(self, tier: str) -> Budget:
        """Return the tier's budget with the user's own limits."""
        budget = BUDGETS[self.tier if tier == "file" else tier]
        if self.seconds is not None:
            budget = replace(budget, seconds=self.seconds)
        if self.memory_gib is not None:
            budget = replace(budget, memory_gib=self.memory_gib)
        return budget


def baselines(problem: Problem, tier: str, besides: Sequence[str], device: str) -> list[str]:
    """Return the baselines and solvers that apply to a problem and were not asked for anyhow; solvers, the longest, first."""
    found = []
    for name, cls in all_methods():
        if isinstance(cls, Broken) or name in besides or cls.card.family not in BASELINES:
            continue
        if why_not(build_method(cls, tier, {}, {}), problem) is None and missing_library(cls.card, device) is None:
            found.append((cls.card.family != "solver", name))
    return [name for _, name in sorted(found)]


def missing_library(card: MethodCard | DatasetCard, device: str) -> str | None:
    """Return how to install what a method or dataset needs where it is to run, or None if it is there."""
    framework = NEEDS.get(card.framework, ()) if isinstance(card, MethodCard) else ()
    for module in (*framework, *card.needs):
        if importlib.util.find_spec(module) is None:
            return f"the Python module '{module}' is not installed; run: pip install 'sciml-bench[all]'"
    blind = [f for f in without_gpus() if f in (*framework, *card.needs)] if device == "cuda" else []
    return f"{BLIND[blind[0]]}, or use --device cpu" if blind else None


@functools.cache
def without_gpus() -> tuple[str, ...]:
    """Return the frameworks that are installed without their part for GPUs; imports none."""
    found = []
    if importlib.util.find_spec("jax") and not any(
        "cuda" in p.name for p in metadata.entry_points(group="jax_plugins")
    ):
        found.append("jax")
    torch = importlib.util.find_spec("torch")
    if torch is not None and torch.origin is not None:
        built = (Path(torch.origin).parent / "version.py").read_text(encoding="utf-8")
        found += ["torch"] if re.search(r"^cuda\b.*= *None", built, re.MULTILINE) else []
    return tuple(found)


def frameworks(methods: Iterable[str], datasets: Iterable[str], tier: str) -> set[str]:
    """Return the frameworks of methods and of datasets' own solvers, which a fork server should have imported."""
    solvers = [dataset_class(d).tier(tier).problem().solver for d in datasets]
    found = {str(method_class(m).card.framework) for m in methods}
    return found | {str(s.framework) for s in solvers if s is not None}


def check_dataset(name: str, device: str = "cpu") -> None:
    """Refuse a dataset that cannot be made here, before any work is done."""
    missing = missing_library(dataset_class(name).card, device)
    if missing is not None:
        raise UsageError(f"the dataset '{short_name(name)}' cannot be made here: {missing}")


def check_names(kind: str, given: Sequence[str]) -> None:
    """Refuse what a record could not name, and two files that it would name alike; `kind` is "method" or "dataset"."""
    allowed: TypeAdapter[str] = TypeAdapter(MethodName if kind == "method" else Name)
    known: dict[str, str] = {}
    for name in given:
        short = short_name(name)
        try:
            allowed.validate_python(short)
        except ValidationError as error:
            raise UsageError(
                f"no record can hold the {kind} name '{short}': expected ASCII letters, digits and _.+- alone, beginning with a "
                f"letter or digit, at most {METHOD_LENGTH if kind == 'method' else NAME_LENGTH} of them; rename the file"
            ) from error
        other = known.setdefault(short, name)
        if Path(canonical(other)).absolute() != Path(canonical(name)).absolute():
            raise UsageError(
                f"'{other}' and '{name}' would both be the {kind} '{short}' in records and tables; rename one of the files"
            )


def check_method(name: str, tier: str, given: Mapping[str, Any], device: str = "cpu") -> None:
    """Refuse a method that does not exist, cannot run here, or has no such hyperparameters, before any work is done."""
    cls = method_class(name)
    known = [f.name for f in fields(cls)]  # type: ignore[arg-type]
    for key in given:
        if key not in known:
            raise no_hyperparameter(cls, key, owner=short_name(name))
    if len(label_of(given)) > VARIANT_LENGTH:
        raise UsageError(
            f"--set holds {len(label_of(given))} characters, and a row's name at most {VARIANT_LENGTH}; "
            "put the values into a file of your own as its defaults"
        )
    method = build_method(cls, tier, {}, given)
    if all(hasattr(method, f.name) for f in fields(Training) if f.name != "momentum"):
        Training.of(method)
    missing = missing_library(cls.card, device)
    if missing is not None:
        raise UsageError(f"the method '{short_name(name)}' cannot run here: {missing}")


def check_precision(name: str, tier: str, given: Mapping[str, Any], device: str) -> None:
    """Refuse a precision that the shared loop of torch refuses where the method is to run, before any work is done."""
    method = build_method(method_class(name), tier, {}, given)
    if method.card.framework == "torch" and device == "cpu" and getattr(method, "precision", None) == "16-mixed":
        raise UsageError("precision is '16-mixed', but that needs a GPU; use 'bf16-mixed' on a CPU")


def check_applies(name: str, dataset: str, tier: str, problem: Problem, given: Mapping[str, Any]) -> None:
    """Refuse a method that was asked for by name and does not apply."""
    method = build_method(method_class(name), tier, _tuned(name, tier, dataset), given)
    reason = why_not(method, problem)
    if reason is not None:
        raise UsageError(f"the method '{short_name(name)}' does not apply to the dataset '{dataset}': {reason}")


def cells(task: Task, methods: Sequence[str], request: Request, given: Mapping[str, Any]) -> list[Planned]:
    """Return the cells of some methods on one task, method by method and fold by fold; `given` are set hyperparameters.

    In a fold come all rows of the method, the dearest setting of a solver first: cells that run beside each other then have
    different programs to compile, and no long cell is left for the end.
    """
    folds = range(len(task.splits)) if request.only_fold is None else [request.only_fold]
    planned = []
    for name in methods:
        digest = source_digest(name)
        pair = _pair(name, task.tier, task.name)
        tuned = {} if pair is None else reviewed.hyperparameters(pair)
        trials = None if pair is None or given else reviewed.tuning(pair)
        parts = parse(name)
        set_here = bool(given) or (parts is not None and bool(parts.options))
        came: Origin = "given" if set_here else "tuned" if trials else "chosen" if tuned else "default"
        rows = variants_of(name, task, tuned, given)
        if method_class(name).card.family == "solver":
            rows.reverse()
        for repetition in range(request.seeds):
            for fold in folds:
                for variant, method, sets in rows:
                    cell = Cell(
                        task=task,
                        method_name=name,
                        method=method,
                        variant=variant,
                        fold=fold,
                        repetition=repetition,
                        device=request.device,
                        budget=request.budget(task.tier),
                        method_digest=digest,
                    )
                    planned.append(Planned(cell, sets, came, None if trials is None else trials.seconds))
    return planned


def _pair(name: str, tier: str, dataset: str) -> reviewed.Pair | None:
    """Return the pair whose tuned hyperparameters a method takes: around another one, that one's; of a user's file, none."""
    inner = innermost(name)
    return None if is_path(inner) else (tier, dataset, inner)


def _tuned(name: str, tier: str, dataset: str) -> dict[str, Any]:
    pair = _pair(name, tier, dataset)
    return {} if pair is None else reviewed.hyperparameters(pair)


def pick_device(asked: str) -> str:
    """Return "cpu" or "cuda"; refuse a GPU where there is none, and of itself take none that a framework does not know."""
    if asked not in ("auto", "cpu", "cuda"):
        raise UsageError(f"--device is '{asked}': expected auto, cpu or cuda")
    present = any(Path("/dev").glob("nvidia[0-9]*")) or Path("/dev/dxg").exists()
    if asked == "cpu" or (asked == "auto" and not present):
        return "cpu"
    if not present:
        raise UsageError("--device cuda was asked for but this machine has no NVIDIA GPU; use --device cpu")
    blind = without_gpus() if asked == "auto" else []
    if blind:
        sys.stderr.write(f"sciml-bench: there is a GPU, but this runs on the processor, as {BLIND[blind[0]]}\n")
        return "cpu"
    for variable, value in ACCELERATOR.items():
        os.environ.setdefault(variable, value)
    return "cuda"
