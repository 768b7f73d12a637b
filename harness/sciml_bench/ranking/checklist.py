"""The researcher's checklist of one row, computed from its records: what was done, with the numbers that show it.

A verdict is `yes`, `partly` or `no`, or `not applicable` where the item has no meaning for this kind of method or problem. What a
record cannot show is answered `no`, never assumed.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from .. import metrics
from ..records.record import Record
from . import effort
from .summary import Row

Verdict = Literal["yes", "partly", "no", "not applicable"]
PHYSICS = (
    "pde_defect",
    "pde_residual",
    "conservation/",
    "bc_error",
    "positivity",
    "divergence",
    "symmetry/",
    "gradient/",
)


@dataclass(frozen=True)
class Check:
    """One item: its name, whether it holds, and what shows it."""

    name: str
    verdict: Verdict
    told: str


@dataclass(frozen=True)
class _Facts:
    row: Row
    good: tuple[Record, ...]
    checkpoints: Collection[str]


def checklist(row: Row, checkpoints: Collection[str] = ()) -> tuple[Check, ...]:
    """Return the checklist of a row; `checkpoints` are the keys of the cells whose checkpoint lies in the results folder."""
    facts = _Facts(row, tuple(r for r in row.records if r.status == "ok"), checkpoints)
    return tuple(Check(name, *check(facts)) for name, check in _CHECKS.items())


def _distribution(f: _Facts) -> tuple[Verdict, str]:
    finish = metrics.finish(f.row.primary)
    values = [finish(v) for r in f.good if r.per_sample is not None for v in r.per_sample.values]
    if not values:
        return "no", "No errors of single test samples are in the records."
    median, high, most = np.quantile(values, [0.5, 0.9, 1.0])
    shifts = {n.partition("/")[0] for n in f.row.scores if n.startswith("shift:")}
    more = f"; {len(shifts)} shifted test set{'s' if len(shifts) > 1 else ''} scored" if shifts else ""
    metric = next(r.per_sample.metric for r in f.good if r.per_sample is not None)
    return "yes", (
        f"{metric} of {len(values)} test samples: median {median:.3g}, 90% under {high:.3g}, largest {most:.3g}{more}."
    )


def _split(f: _Facts) -> tuple[Verdict, str]:
    first = f.row.records[0]
    sizes = [first.diagnostics.get(f"{part}_samples") for part in ("train", "valid", "test")]
    if not all(sizes):
        return "no", "The records do not tell the sizes of the parts."
    if len({r.provenance.data_digest for r in f.row.records}) > 1:
        return "no", "The cells were not all made from the same data."
    train, valid, test = sizes
    part = f", {f.row.part[0]} of which it is scored on, as it solves each anew" if f.row.part else ""
    return "yes", (
        f"{f.row.folds} folds over independent units, the same for every method: {train} training, {valid} validation and "
        f"{test} test samples in the first{part}; duplicates across parts are refused before anything runs."
    )


def _scaling(_: _Facts) -> tuple[Verdict, str]:
    return "yes", (
        "By construction: the method meets the training and validation parts alone, and test targets never enter its process."
    )


def _baseline(f: _Facts) -> tuple[Verdict, str]:
    error = f.row.error
    if f.row.control:
        return "not applicable", "It is a control itself."
    if error is None:
        return "no", "No cell has a score."
    best = f.row.baseline
    if best is None:
        return "no", "No simple method was run on this board to compare with."
    ratio = error / best if best > 0 else float("inf")
    told = f"{f.row.primary} {error:.3g}, {ratio:.3g} times that of the best simple method, {best:.3g}."
    return ("yes" if error < best else "no"), told


def _metric(f: _Facts) -> tuple[Verdict, str]:
    name = f.row.primary.partition("/")[0]
    metric = next((m for m in metrics.ACCURACY if m.name == name), None)
    if metric is None:
        return "no", f"{f.row.primary} is no metric of this version of the suite."
    notes = {key: note for r in f.good for key, note in r.diagnostics.get("notes", {}).items() if key != "physics"}
    undefined = "".join(f" No {key}: {note}." for key, note in sorted(notes.items()))
    return "yes", f"{name}: {metric.formula}.{undefined}"


def _physics(f: _Facts) -> tuple[Verdict, str]:
    found = [n for n in f.row.scores if n.startswith(PHYSICS)]
    told = [(r.diagnostics.get("notes", {}).get("physics"), r.diagnostics.get("skipped_probes")) for r in f.good]
    note = next((note for both in told for note in both if note), "")
    if found:
        shown = ", ".join(f"{n} {f.row.scores[n].mean:.2g}" for n in found[:4])
        more = f" and {len(found) - 4} more" if len(found) > 4 else ""
        return ("partly" if note else "yes"), f"{shown}{more}.{f' {note}' if note else ''}"
    if note:
        return "no", note
    if not f.good:
        return "no", "No cell has a score."
    return (
        "not applicable",
        "This problem states no equation, conserved quantity or symmetry that a prediction could break.",
    )


def _uncertainty(f: _Facts) -> tuple[Verdict, str]:
    scores = f.row.scores
    source = next((r.diagnostics["reliability"]["source"] for r in f.good if r.diagnostics.get("reliability")), "")
    shown = [f"{n} {scores[n].mean:.3g}" for n in ("coverage_90", "crps", "calibration_error") if n in scores]
    if not shown:
        return "no", "No score of a predicted distribution is in the records."
    return "yes", f"{', '.join(shown)}{f', from {source}' if source else ''}."


def _hyperparameters(f: _Facts) -> tuple[Verdict, str]:
    first = f.row.records[0]
    n = len(first.cell.hyperparameters)
    if not n:
        return "yes", "The method has none."
    chosen = {
        "default": ", the method’s own for this tier",
        "tuned": ", tuned on validation data within the trials and seconds that every pair of that search was allowed",
        "chosen": ", chosen by hand on validation data, not by a counted search",
        "given": ", given on the command line",
        None: "",
    }[first.provenance.hyperparameters_from]
    search = effort.search(first)
    if search is not None and search.outcome == "declined":
        chosen += f"; a search of {search.trials} trials ({search.date}) found better ones, which were declined: {search.reason}"
    elif search is not None and effort.kept(first) is not None:
        chosen += f", and kept by a search of {search.trials} trials on validation data that came after ({search.date})"
    told = "Its one is" if n == 1 else f"All {n} are"
    return "yes", f"{told} in every record and in the cell’s key{chosen}."


def _seeds(f: _Facts) -> tuple[Verdict, str]:
    seeds = {r.cell.seed for r in f.row.records}
    repetitions = {r.cell.repetition for r in f.row.records}
    more = f", {len(repetitions)} repetitions of each fold" if len(repetitions) > 1 else ", one training of each fold"
    return (
        "yes",
        f"{len(seeds)} seed{'s' if len(seeds) > 1 else ''}, each derived from protocol, dataset, method and fold{more}.",
    )


def _selection(f: _Facts) -> tuple[Verdict, str]:
    curves = _curves(f)
    if not curves and any("valid_loss" in r.diagnostics.get("facts", {}) for r in f.good):
        return "yes", "What the fit leaves open was chosen by the lowest error on the validation part."
    if not curves:
        return "not applicable", "No training loop that a validation part could stop."
    if not all(c.get("valid_loss") for c in curves):
        return "no", "No validation loss was logged."
    best = [u for r in f.good if isinstance(u := r.diagnostics.get("facts", {}).get("best_update"), int)]
    told = f", the best after {', '.join(map(str, best))} updates" if best else ""
    return "yes", f"The state with the lowest validation loss was kept{told}."


def _learning(f: _Facts) -> tuple[Verdict, str]:
    curves = _curves(f)
    if not curves:
        return "not applicable", "No training loop."
    kept = [n for n in ("loss", "valid_loss", "gradient_norm") if all(c.get(n) for c in curves)]
    words = ", ".join(n.replace("_", " ") for n in kept) or "nothing"
    return ("yes" if len(kept) == 3 else "partly" if kept else "no"), f"Kept of every cell: {words}."


def _checkpoint(f: _Facts) -> tuple[Verdict, str]:
    kept = sum(r.key in f.checkpoints for r in f.good)
    if kept == 0:
        return "no", "None where this page was made; the command trains it again to the same bytes."
    return ("yes" if kept == len(f.row.records) else "partly"), (
        f"Of {kept} of {len(f.row.records)} cells, in the results folder that this page was made from. Checkpoints are not "
        "published with records; the command trains each again to the same bytes."
    )


def _latency(f: _Facts) -> tuple[Verdict, str]:
    cost = f.row.cost
    if "latency_p50" not in cost:
        return "no", "Not shown, as several cells shared the GPU." if f.row.shared else "Not in the records."
    if f.row.part:
        return "yes", f"{cost['latency_p50']:.3g} s a sample, the mean of those that it solved; nothing was warmed up."
    p50, p95 = cost["latency_p50"], cost.get("latency_p95", cost["latency_p50"])
    return "yes", (
        f"At batch one {_time(p50)} in the median and {_time(p95)} at 95%, {_count(cost.get('throughput', 0))} samples a second "
        "at the best batch, after a warm-up."
    )


def _worst(f: _Facts) -> tuple[Verdict, str]:
    regimes = {n: i.mean for n, i in f.row.scores.items() if n.startswith("regime:") and n.endswith("/worst_over_mean")}
    finish = metrics.finish(f.row.primary)
    largest = [finish(v) for r in f.good if (v := r.diagnostics.get("largest_over_mean")) is not None]
    told = [
        f"worst {n.removeprefix('regime:').partition('/')[0].replace('_', ' ')} {v:.3g} times the mean"
        for n, v in regimes.items()
    ]
    told += [f"largest sample {max(largest):.3g} times the mean of its fold"] if largest else []
    if not told:
        return "no", "Nothing in the records beyond the mean."
    text = "; ".join(told)
    return "yes", f"{text[0].upper()}{text[1:]}."


def _versions(f: _Facts) -> tuple[Verdict, str]:
    made = [r.provenance for r in f.row.records]
    commits = {p.commit for p in made}
    told = (
        f"Protocol {made[0].protocol}, data {made[0].data_digest}, method {made[0].method_digest}, Python {made[0].python}, "
        f"{len(made[0].libraries)} libraries"
    )
    if None in commits:
        return "partly", f"{told}; no commit recorded."
    if any(p.dirty for p in made):
        return "partly", f"{told}; commit {_short(commits)} with uncommitted changes."
    return "yes", f"{told}; commit {_short(commits)}."


def _reproduced(f: _Facts) -> tuple[Verdict, str]:
    confirmed = [
        r for r in f.row.records if r.provenance.verification is not None and r.provenance.badge == "reproduced"
    ]
    scored = sum(r.provenance.badge == "re-scored" for r in f.row.records)
    if not confirmed:
        more = f" The predictions of {scored} of {len(f.row.records)} were scored again." if scored else ""
        return "no", f"Nobody has run these cells again yet: sciml-bench verify does.{more}"
    last = max((r.provenance.verification for r in confirmed if r.provenance.verification), key=lambda v: v.date)
    told = f"{len(confirmed)} of {len(f.row.records)} cells run again, last on {last.date}: {last.verdict}"
    return ("yes" if len(confirmed) == len(f.row.records) else "partly"), (
        f"{told}, the largest difference {last.largest:.2g} of its tolerance."
    )


def _time(seconds: float) -> str:
    factor, unit = (1.0, "s") if seconds >= 1 else (1e3, "ms") if seconds >= 1e-3 else (1e6, "µs")
    return f"{_count(seconds * factor)} {unit}"


def _count(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def _curves(f: _Facts) -> list[dict[str, Any]]:
    return [r.diagnostics["curves"] for r in f.good if any(r.diagnostics.get("curves", {}).values())]


def _short(commits: Collection[str | None]) -> str:
    return ", ".join(sorted(c[:10] for c in commits if c))


_CHECKS: dict[str, Callable[[_Facts], tuple[Verdict, str]]] = {
    "Distribution analysed": _distribution,
    "Split without leakage": _split,
    "Scaling fitted on training data only": _scaling,
    "Baseline beaten": _baseline,
    "Metric defined": _metric,
    "Physics checked": _physics,
    "Uncertainty estimated": _uncertainty,
    "Hyperparameters logged": _hyperparameters,
    "Seeds fixed": _seeds,
    "Validation used for selection": _selection,
    "Loss and gradient curves kept": _learning,
    "Checkpoint kept": _checkpoint,
    "Latency measured": _latency,
    "Worst regime reported": _worst,
    "Code, data and environment versioned": _versions,
    "Reproduced": _reproduced,
}
