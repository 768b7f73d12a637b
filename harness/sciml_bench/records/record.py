"""A record: everything about one cell, as one line of JSON. Unknown keys are refused; a record is public.

`Record.model_validate_json(line)` is the only way in and `to_line()` the only way out.
"""

import json
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, FiniteFloat

SCHEMA_VERSION = 1

Status = Literal["ok", "failed", "diverged", "not_finite", "over_budget", "out_of_memory", "not_applicable"]
Origin = Literal["default", "tuned", "chosen", "given"]
"""Whence hyperparameters came: the method's own for the tier, `sciml-bench tune`, the reviewed file by hand, or the user."""
Plain = str | int | float | bool | None
NAME_LENGTH, METHOD_LENGTH, VARIANT_LENGTH = 80, 120, 200
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.+-]*$", max_length=NAME_LENGTH)]
MethodName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.+(),=-]*$", max_length=METHOD_LENGTH)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CellId(_Strict):
    """What was run: all that decides the predictions."""

    dataset: Name
    dataset_version: int
    dataset_parameters: dict[str, Any]
    tier: Literal["smoke", "small", "full", "file"]
    method: MethodName
    variant: str = Field(max_length=VARIANT_LENGTH)
    hyperparameters: dict[str, Any]
    fold: int = Field(ge=0)
    folds: int = Field(ge=2)
    repetition: int = Field(ge=0)
    seed: int
    device: Literal["cpu", "cuda"]
    budget_seconds: FiniteFloat
    budget_memory_gib: FiniteFloat


class PerSample(_Strict):
    """The statistic of the primary score, of every test sample, with the sample's index in the dataset.

    The score is what `metrics.finish` makes of the mean: the root of it for `nrmse_std`, whose statistic is a square.
    """

    metric: str
    samples: list[int]
    values: list[FiniteFloat]
    units: list[int] | None = None
    """The independent unit that each sample is of, where several may be of one: windows of one trajectory, say."""


class Cost(_Strict):
    """What the cell cost. Seconds are wall time; a value that could not be measured is None."""

    data_seconds: FiniteFloat
    """Generating the training and validation samples."""
    fit_seconds: FiniteFloat
    fit_cpu_seconds: FiniteFloat
    predict_seconds: FiniteFloat
    """Predicting the whole test part once, after a warm-up."""
    predict_cpu_seconds: FiniteFloat
    predict_samples: int
    predictor_seconds: FiniteFloat
    """All predictions that the protocol asks for: test part, warm-up, single samples, validation part, symmetries, shifts."""
    latency_p50: FiniteFloat | None
    latency_p95: FiniteFloat | None
    throughput: FiniteFloat
    """Samples a second at the best batch size tried."""
    throughput_batch: int
    peak_memory_gib: FiniteFloat
    device_memory_gib: FiniteFloat | None
    energy_joules: FiniteFloat | None
    parameters: int | None
    flops: FiniteFloat | None
    threads: int
    precision: str
    tuning_seconds: FiniteFloat | None = None
    """All trials in which the hyperparameters were chosen, where that is known; paid once for all folds."""
    overhead_seconds: FiniteFloat | None = None
    """Harness time of the cell outside fit and predict: starting the worker, moving arrays, scoring."""
    device_shared: int | None = None
    """How many cells of its sweep could use the GPU at once; above one, no second, rate or joule here is the method's own."""

    @property
    def own(self) -> bool:
        """Whether the times are the method's own: no other cell used what it ran on."""
        return (self.device_shared or 1) == 1


class Verification(_Strict):
    """How a record's numbers were confirmed; `largest` is the largest difference of a score over its tolerance."""

    date: str
    verdict: Literal["identical", "within tolerance"]
    largest: FiniteFloat
    commit: str | None


class Provenance(_Strict):
    """Where the numbers come from. No user, host or path."""

    package: str
    commit: str | None
    dirty: bool | None
    protocol: int
    data_digest: str
    method_digest: str
    prediction_digest: str | None
    python: str
    libraries: dict[str, str]
    system: str
    processor: str
    accelerator: str | None
    threads: int
    started: str
    command: str
    hyperparameters_from: Origin | None = None
    badge: Literal["self-reported", "re-scored", "reproduced"] = "self-reported"
    verification: Verification | None = None


class _Diagnostics(BaseModel):
    """What rankings and pages read of the diagnostics, each where it is there; a record may hold more."""

    model_config = ConfigDict(strict=True, extra="allow")

    train_samples: int = 0
    valid_samples: int = 0
    test_samples: int = 0
    worst_sample: int = 0
    largest_over_mean: float = 0.0
    left_behind: int = 0
    facts: dict[str, float | str | bool] = {}
    notes: dict[str, str] = {}
    skipped_shifts: dict[str, str] = {}
    skipped_probes: str = ""
    curves: dict[str, list[list[float]]] = {}
    reliability: dict[str, list[float] | str] = {}
    times: list[float] = []
    error_over_time: dict[str, list[float]] = {}
    spectrum: dict[str, dict[str, list[float]]] = {}
    confusion: dict[str, dict[str, list[list[int]] | list[str]]] = {}
    certificate: dict[str, float | str] = {}


def _shaped(diagnostics: dict[str, Any]) -> dict[str, Any]:
    """Return the diagnostics as they are, if what is read of them has the shape that is read."""
    _Diagnostics.model_validate(diagnostics)
    return diagnostics


class Record(_Strict):
    """One cell: what it was, how it ended, what it scored, what it cost, where it comes from."""

    schema_version: Literal[1] = 1
    key: str = Field(pattern=r"^[0-9a-f]{16}$")
    cell: CellId
    status: Status
    reason: str = Field(max_length=2000)
    primary: str
    """The headline metric of the dataset, lower is better."""
    family: str
    """What kind of method it is, from its card: controls and solvers have a part of their own in the ranking."""
    scores: dict[str, FiniteFloat]
    floor: dict[str, FiniteFloat]
    per_sample: PerSample | None
    cost: Cost | None
    diagnostics: Annotated[dict[str, Any], AfterValidator(_shaped)]
    provenance: Provenance

    def to_line(self) -> str:
        """Return the record as one line of JSON without a line end."""
        return self.model_dump_json()

    @property
    def generation(self) -> tuple[str | float, ...]:
        """What the cells of a row have in common: no row mixes what an edited method or dataset gave with what came before."""
        made = self.provenance
        settings = json.dumps(self.cell.hyperparameters, sort_keys=True)
        budget = self.cell.budget_seconds, self.cell.budget_memory_gib
        return self.cell.folds, settings, made.method_digest, made.data_digest, made.protocol, *budget

    @property
    def row(self) -> str:
        """The name of the leaderboard row that the record belongs to."""
        return row_name(self.cell.method, self.cell.variant)


def row_name(method: str, variant: str) -> str:
    """Return the name of a leaderboard row: the method, and what sets this variant of it apart."""
    return f"{method}({variant})" if variant else method
