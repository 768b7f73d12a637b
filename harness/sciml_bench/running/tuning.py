"""Choosing hyperparameters with an equal allowance: every method of a track may have the same trials and the same seconds.

For each pair of a method that has something to choose (`search`) and a dataset that it applies to:

    the first trial has the settings that the pair has now; later ones are asked of a tree-structured Parzen estimator
    the best trial is taken if  mean dᵢ > t s/√n,  dᵢ how much lower its statistic of validation sample i is than the first's,
    s the standard deviation of the n dᵢ, t the quantile of Student's distribution with n − 1 degrees of freedom at the level that
    two standard deviations have in a normal one: 2.0 for many samples, 2.3 for ten, 14 for two

A pair that no trial improves by more than that noise keeps what it has. It is the noise of one comparison, made with the best of
all trials: of twelve that are no better one passes it by luck in about one pair of eight, which costs nothing in the mean. Trials
that fail or take too long count as tried; one that was ended from outside is made again, and a pair where that happens twice gets
no result.

Source: Bergstra et al. 2011, Algorithms for hyper-parameter optimization, NeurIPS 24, as Optuna implements it.
"""

import importlib.util
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from .. import metrics, reviewed
from ..errors import KilledError, UsageError
from ..method.contract import Method
from ..naming import parse
from ..protocol.seeds import derive
from ..protocol.track import Track
from ..records.provenance import commit
from ..registry import build_method, is_path, method_class, short_name, why_not
from . import cell_folders, plan
from .cell import Cell, source_digest
from .executor import fork_server
from .jobs import Tell
from .sandbox import published
from .scoring import DataReader
from .sweep import Report, chosen_datasets, chosen_methods, measured
from .task import Task, prepare
from .trials import FOLD, Journal, Trial, Trier, reporting, without_test_part

NOISE = 2.0
"""Standard errors by which a trial has to be better than the settings of before, where there are many validation samples."""
STARTUP = 4
"""Trials before the estimator models what it has seen."""
ASKED = 4
"""How often a trial may be asked for, as a multiple of their number, before the values are taken to be exhausted."""


@dataclass(frozen=True, kw_only=True)
class Effort:
    """What each pair may use."""

    trials: int
    seconds: float

    def check(self) -> None:
        """Raise `UsageError` for a value without meaning."""
        if self.trials < 2:
            raise UsageError(f"--trials is {self.trials}: the first one has the settings of before, so give at least 2")
        if not (self.seconds > 0 and math.isfinite(self.seconds)):
            raise UsageError(f"--seconds is {self.seconds:g}: expected a number above 0")


@dataclass(frozen=True)
class Pair:
    """A method to be tuned on a task, and what it has now."""

    task: Task
    method_name: str
    method: Method

    @property
    def names(self) -> reviewed.Pair:
        """The pair as the reviewed files name it."""
        return self.task.tier, self.task.name, short_name(self.method_name)


@dataclass(frozen=True, kw_only=True)
class Tuner:
    """What is tuned: all that another process needs to plan the same pairs again."""

    datasets: tuple[str, ...]
    methods: tuple[str, ...]
    tier: str
    folds: int
    device: str
    effort: Effort
    results: Path

    @classmethod
    def of(
        cls,
        tracks: Sequence[Track],
        *,
        methods: Sequence[str],
        datasets: Sequence[str],
        device: str,
        effort: Effort,
        results: Path,
    ) -> "Tuner":
        """Return the tuner of tracks of one protocol, over all methods that have something to choose unless some are named."""
        effort.check()
        if importlib.util.find_spec("optuna") is None:
            raise UsageError(
                "tuning needs the Python module 'optuna', which is not installed; run: pip install 'sciml-bench[tune]'"
            )
        tier = tracks[0].tier
        for name in methods:
            if parse(name) is not None or not method_class(name).search:
                raise UsageError(
                    f"the method '{short_name(name)}' has nothing to tune: its class declares no `search`, values to choose from"
                )
        return cls(
            datasets=chosen_datasets(tracks, datasets, device),
            methods=tuple(m for m in chosen_methods(methods, tier, device) if method_class(m).search),
            tier=tier,
            folds=tracks[0].folds,
            device=device,
            effort=effort,
            results=results,
        )

    def tasks(self, progress: Callable[[str], Report]) -> list[Task]:
        """Make the data of every dataset that is not in the cache; return the tasks without their test parts."""
        return [
            without_test_part(prepare(d, self.tier, self.folds, device=self.device, progress=progress(f"data {d}")))
            for d in self.datasets
        ]

    def pairs(self, tasks: Iterable[Task]) -> list[Pair]:
        """Return all pairs, dataset by dataset."""
        found = []
        for task in tasks:
            for name in self.methods:
                method = build_method(method_class(name), task.tier, _reviewed(name, task), {})
                if why_not(method, task.problem) is None:
                    found.append(Pair(task, name, method))
        return found

    def expected(self, pairs: Sequence[Pair]) -> dict[int, float | None]:
        """Return how long the pairs should take at most, from the records of their cells."""
        known = measured(self.results)
        cells = [known.get(p.names, math.inf) for p in pairs]
        return {n: min(self.effort.seconds, self.effort.trials * seconds) for n, seconds in enumerate(cells)}

    def work(self, numbers: Iterable[int], tell: Tell, threads: int) -> None:
        """Tune the pairs with these numbers; what a job does."""
        context = fork_server(plan.frameworks(self.methods, (), self.tier))
        pairs = self.pairs(self.tasks(lambda _: lambda *_: None))
        cell_folders.remove_abandoned()
        trier = Trier(context, threads, DataReader(), tuple(published(self.results)))
        for n in numbers:
            tell("started", f"{pairs[n].task.name} {short_name(pairs[n].method_name)}")
            try:
                tell("ended", self.tune(pairs[n], trier, tell).model_dump_json())
            except KilledError as error:
                tell("lost", str(error))

    def tune(self, pair: Pair, trier: Trier, tell: Tell) -> reviewed.Tuning:
        """Make the trials of one pair, those that its journal does not hold, and return what came of them."""
        tier, dataset, method = pair.names
        journal = Journal(self.results / "tuning" / tier / dataset / f"{method}.jsonl")
        search = Search(pair, self.effort)
        known = journal.trials()

        def make(number: int, settings: Method) -> Trial:
            cell = self._cell(pair, settings)
            limit = search.limit(cell.budget.seconds)
            kept = known.get(cell.key)
            if kept is not None and (kept.status != "over_budget" or kept.limit >= limit):
                return kept
            note = f"trial {number + 1} of {self.effort.trials}" + search.so_far()
            told = reporting(lambda part: tell("progressed", (number + part) / self.effort.trials, note))
            trial, killed = trier.run(cell, limit, told)
            if killed:  # ended from outside, which may be no fault of the method
                trial, killed = trier.run(cell, limit, told)
            if killed:
                raise KilledError(f"{dataset} {method} is not tuned: twice in trial {number + 1} {trial.reason}")
            journal.add(trial)
            return trial

        search.run(make)
        return self._outcome(pair, search, trier.threads)

    def _cell(self, pair: Pair, method: Method) -> Cell:
        request = plan.Request(
            tier=self.tier, seeds=1, only_fold=FOLD, device=self.device, seconds=None, memory_gib=None
        )
        return Cell(
            task=pair.task,
            method_name=pair.method_name,
            method=method,
            variant="",
            fold=FOLD,
            repetition=0,
            device=self.device,
            budget=request.budget(self.tier),
            method_digest=source_digest(pair.method_name),
        )

    def _outcome(self, pair: Pair, search: "Search", threads: int) -> reviewed.Tuning:
        before, best = search.first, search.best
        gain = None if before is None or best is None else gain_of(before[1], best[1])
        changed = best is not None and (before is None or (gain is not None and gain > noise(len(before[1].values))))
        chosen = asdict(best[0]) if changed and best is not None else asdict(pair.method)  # type: ignore[call-overload]
        plain = build_method(type(pair.method), self.tier, {}, {}).hyperparameters()
        tier, dataset, method = pair.names
        return reviewed.Tuning(
            tier=tier,
            dataset=dataset,
            method=method,
            metric=metrics.primary(pair.task.problem),
            allowed_trials=self.effort.trials,
            allowed_seconds=self.effort.seconds,
            trials=len(search.tried),
            failed=sum(t.status != "ok" for _, t in search.tried),
            seconds=search.spent,
            before=None if before is None else before[1].score,
            best=None if best is None else best[1].score,
            gain=gain,
            outcome="changed" if changed else "kept",
            hyperparameters={k: v for k, v in chosen.items() if v != plain[k]},
            search={k: list(v) for k, v in search.space.items()},
            threads=threads,
            method_digest=source_digest(pair.method_name)[:16],
            data_digest=pair.task.data.digest[:16],
            commit=commit()[0],
            date=datetime.now(UTC).date().isoformat(),
        )


def settled(pair: Pair, effort: Effort, line: reviewed.Tuning | None) -> bool:
    """Whether a pair was tuned with this effort already, and neither method nor data nor what it then got has changed."""
    return (
        line is not None
        and (line.allowed_trials, line.allowed_seconds) == (effort.trials, effort.seconds)
        and line.data_digest == pair.task.data.digest[:16]
        and line.method_digest == source_digest(pair.method_name)[:16]
        and build_method(type(pair.method), pair.task.tier, line.hyperparameters, {}) == pair.method
    )


def _reviewed(name: str, task: Task) -> dict[str, Any]:
    return {} if is_path(name) else reviewed.hyperparameters((task.tier, task.name, name))


def gain_of(before: Trial, after: Trial) -> float | None:
    """Return by how many standard errors a trial is better, paired by sample; None where one sample cannot tell."""
    d = np.subtract(before.values, after.values)
    if len(d) < 2:
        return None
    mean, error = float(d.mean()), float(d.std(ddof=1)) / math.sqrt(len(d))
    return (
        mean / max(error, 1e-9 * abs(mean)) if mean else 0.0
    )  # the same for every sample: no noise, but a finite number


def noise(samples: int) -> float:
    """Return the gain that so many samples exceed by chance alone as seldom as a normal deviate exceeds `NOISE`."""
    from scipy.special import ndtr, stdtrit

    return float(stdtrit(samples - 1, ndtr(NOISE)))


def space_of(method: Method) -> dict[str, tuple[Any, ...]]:
    """Return what is chosen from: the declared values and the present one, in order.

    Whole numbers are sizes, which cost: of them, only those from half to twice the present one.
    """
    found = {}
    for name, values in method.search.items():
        now = getattr(method, name)
        kept = {v for v in values if not isinstance(v, int) or isinstance(v, bool) or now / 2 <= v <= 2 * now}
        found[name] = tuple(sorted({*kept, now}))
    return found


@dataclass
class Search:
    """The trials of one pair as they are made."""

    pair: Pair
    effort: Effort
    tried: list[tuple[Method, Trial]] = field(default_factory=list)

    @property
    def space(self) -> Mapping[str, tuple[Any, ...]]:
        """What is chosen from."""
        return space_of(self.pair.method)

    @property
    def spent(self) -> float:
        """Seconds of all trials."""
        return sum(t.seconds for _, t in self.tried)

    @property
    def first(self) -> tuple[Method, Trial] | None:
        """The trial with the settings of before, None if it failed."""
        return self.tried[0] if self.tried and self.tried[0][1].score is not None else None

    @property
    def best(self) -> tuple[Method, Trial] | None:
        """The trial with the least score, the earliest of equals."""
        good = [pair for pair in self.tried if pair[1].score is not None]
        return min(good, key=lambda pair: pair[1].score or 0.0) if good else None

    def limit(self, budget: float) -> float:
        """Return the seconds of the next trial: of the first the tier's budget, of others what is left."""
        return min(budget, self.effort.seconds - self.spent) if self.tried else budget

    def so_far(self) -> str:
        """Return the best score so far, for the bar."""
        return "" if self.best is None else f", {metrics.primary(self.pair.task.problem)} {self.best[1].score:.3g}"

    def run(self, make: Callable[[int, Method], Trial]) -> None:
        """Ask for settings and make their trials until the effort is spent or no others are left."""
        from optuna import create_study, logging
        from optuna.distributions import BaseDistribution, IntDistribution
        from optuna.samplers import TPESampler
        from optuna.trial import TrialState

        logging.set_verbosity(logging.WARNING)
        space = self.space
        _, dataset, name = self.pair.names
        study = create_study(sampler=TPESampler(seed=derive("tuning", dataset, name), n_startup_trials=STARTUP))
        study.enqueue_trial({k: v.index(getattr(self.pair.method, k)) for k, v in space.items()})
        places: dict[str, BaseDistribution] = {k: IntDistribution(0, len(v) - 1) for k, v in space.items()}
        seen: dict[tuple[int, ...], Trial] = {}
        for _ in range(ASKED * self.effort.trials):
            if self._enough():
                return
            asked = study.ask(places)
            place = tuple(asked.params[k] for k in space)
            if place not in seen:
                values = {k: v[i] for (k, v), i in zip(space.items(), place, strict=True)}
                method = type(self.pair.method)(**{**asdict(self.pair.method), **values})  # type: ignore[call-overload]
                seen[place] = make(len(self.tried), method)
                self.tried.append((method, seen[place]))
            if seen[place].score is None:
                study.tell(asked, state=TrialState.PRUNED)
            else:
                study.tell(asked, seen[place].score)

    def _enough(self) -> bool:
        """Whether all trials are made, or too little time is left for one as quick as the quickest."""
        if len(self.tried) >= self.effort.trials:
            return True
        quickest = min((t.seconds for _, t in self.tried if t.score is not None), default=0.0)
        return bool(self.tried) and self.effort.seconds - self.spent <= quickest
