"""All methods over several datasets: skill, ranks and win rates, and how sure one can be of them.

e(m, d, k) is the error of method m on dataset d in fold k, its primary score. Per dataset, b(d) is the error of the best baseline.

    skill(m)      1 − exp(mean over d of log clip(e(m, d)/b(d), 10⁻³, 10))     1 perfect, 0 the baseline, below 0 worse
    rank(m)       mean over d of the rank of e(m, d); equal errors, and errors under the truth's floor, share the mean rank
    win rate(m)   share of (other method, dataset) pairs that m wins; ties count half

Deviations come from one bootstrap that all methods share: datasets are drawn with replacement, and within each its folds. A place
is printed with the range that 95% of the draws give it. With s the deviation of log (1 − skill(m)) among the draws, the interval
of a skill is

    1 − exp(log (1 − skill(m)) ± t s √(D/(D − 1))),

t the 97.5% quantile of Student's t with D − 1 degrees; D counts datasets, or folds where there is one dataset, and the root is
there as a bootstrap of D units is too narrow by that. Of a single unit it reaches as far as the errors are clipped, and no two
methods are told apart. Two methods are told apart by Student's t of log (1 − skill(m)) −
log (1 − skill(n)) over its own deviation, widened likewise, corrected for all pairs after Holm. A method without a score on a
dataset or in a fold (it failed, does not apply, or was run in other folds or not at all) is given the baseline's error there, and
flagged; with a score on no more than half of the datasets it is listed after the others, has no place among them, and takes no
part in ranks, win rates and tests: most of its errors are the baseline's. Rows of other data than most are left out. Of a method
that is scored on some of the test samples, as it solves each anew, e is divided by how much harder those are than all: by the
median over the other methods of their error on them over theirs.

The form of the skill score is that of Erickson et al. 2025, TabArena, arXiv:2506.16791, after Shchur et al. 2025, fev-bench.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy

from .compare import DRAWS, holm
from .critical_difference import CriticalDifference, critical_difference
from .intervals import of_folds, test_over_train
from .summary import SIMPLE, Row, error_on, of_common_data

CLIP = (1e-3, 10.0)
LEVEL = 0.95
ALIKE = 1e-12
"""Relative difference of errors that rounding may make."""
ALMOST = 1 - 1e-4
"""Stands for a skill of one, of whose distance to one there is no logarithm; `CLIP` lets no skill come so near."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """One method in the league."""

    name: str
    family: str
    skill: float
    skill_low: float
    skill_high: float
    mean_rank: float | None
    """Among those that have a place."""
    place: int
    """1 for the best skill; those without a place are counted on."""
    place_low: int
    place_high: int
    """With `place_low`, where it stands in 95% of the draws; among equals it may stand first or last."""
    placed: bool
    """Whether it has a score on more than half of the datasets: what it was given elsewhere says little of it."""
    win_rate: float | None
    """Against those that have a place; nothing where there is no other."""
    group: str
    """A letter for each set of placed methods that cannot be told apart; a method may belong to several."""
    imputed: tuple[str, ...]
    """Datasets on which it has no score and was given the baseline's."""
    worst: tuple[str, float]
    """The dataset on which it does worst, of those on which it has a score, and its error over the baseline's."""
    relative: Mapping[str, float]
    """Dataset on which it has a score → its error over the baseline's."""

    @property
    def rank(self) -> str:
        """The place with its range, as it is printed."""
        if not self.placed:
            return "–"
        if self.place_low == self.place_high:
            return str(self.place)
        return f"{self.place} ({self.place_low}–{self.place_high})"


@dataclass(frozen=True, kw_only=True)
class League:
    """Methods, best first, and the baseline of each dataset."""

    datasets: tuple[str, ...]
    baselines: Mapping[str, str]
    places: tuple[Place, ...]
    resolution: float | None
    """So many times the error of another one a method must have for the median pair to be told apart, where all pairs are
    tested; None where no ratio within `CLIP` is enough."""
    profile: Mapping[str, Sequence[tuple[float, float]]]
    """Method with a place → points (τ, share of the datasets on which its error is at most τ times the best of all)."""
    without: Mapping[str, str]
    """Dataset → the method that would have the best skill over the others; nothing of fewer than three datasets."""
    critical: CriticalDifference | None
    """What the mean ranks alone can tell apart; None for fewer than three methods or two datasets."""


def league(rows: Sequence[Row], *, draws: int = DRAWS, seed: int = 0) -> League | None:
    """Rank the rows of one tier and device; None if there is nothing to rank.

    Solvers are no competitors: they set the scale of cost elsewhere. Each dataset needs a baseline that succeeded.
    """
    table = _Table.of(rows)
    if table is None:
        return None
    rng = np.random.default_rng(seed)
    means = np.maximum(table.errors.mean(axis=2), table.floors)
    skills = _sampled_skills(table, rng, draws)
    logs = _log_ratio(means[None], table.baseline_of(means[None]))[0]
    skill = 1 - np.exp(logs.mean(axis=1))
    placed = _placed(table.imputed)
    order = np.lexsort((-skill, ~placed))
    _, datasets, folds = table.errors.shape
    units = datasets if datasets > 1 else folds
    if datasets == 1:
        skills = _spread_out(skill, skills, math.sqrt(1 + folds * table.overlap))
    lows, highs = _intervals(skill, skills, units)
    ratio = means / table.baseline_of(means[None])[0]
    having = np.flatnonzero(placed)
    at = {int(m): i for i, m in enumerate(having)}
    different, resolution = _told_apart(skill[having], skills[:, having], units)
    groups = _groups(np.argsort(-skill[having], kind="stable"), different)
    ranges = _ranges(skills[:, having], units)
    ranks = _ranks(means[having])
    found = []
    for position, m in enumerate(order):
        i = at.get(int(m))
        first, last = (position + 1,) * 2 if i is None else ranges[i]
        worst = int(np.argmax(np.where(table.imputed[m], 0.0, ratio[m])))
        found.append(
            Place(
                name=table.names[m],
                family=table.families[m],
                skill=float(skill[m]),
                skill_low=float(lows[m]),
                skill_high=float(highs[m]),
                mean_rank=None if i is None else float(ranks[i].mean()),
                place=position + 1,
                place_low=min(first, position + 1),
                place_high=max(last, position + 1),
                placed=bool(placed[m]),
                win_rate=None if i is None or len(having) < 2 else _win_rate(ranks, i),
                group="" if i is None else groups[i],
                imputed=tuple(d for d, lost in zip(table.datasets, table.imputed[m], strict=True) if lost),
                worst=(table.datasets[worst], float(ratio[m, worst])),
                relative={d: float(ratio[m, j]) for j, d in enumerate(table.datasets) if not table.imputed[m, j]},
            )
        )
    return League(
        datasets=table.datasets,
        baselines=dict(zip(table.datasets, (table.names[b] for b in table.baselines), strict=True)),
        places=tuple(found),
        resolution=resolution,
        profile={table.names[m]: _profile(means, int(m)) for m in order if placed[m]},
        without=_without(table, logs, placed),
        critical=critical_difference(tuple(table.names[m] for m in having), ranks),
    )


@dataclass(frozen=True)
class _Table:
    """Errors (method, dataset, fold), imputed where there is none."""

    names: tuple[str, ...]
    families: tuple[str, ...]
    datasets: tuple[str, ...]
    errors: np.ndarray
    imputed: np.ndarray
    floors: np.ndarray
    """Of each dataset; a mean over folds that is under it counts as that much."""
    baselines: tuple[int, ...]
    """The baseline of each dataset, as the number of a method."""
    overlap: float
    """n_test / n_train: how much the folds of a dataset have in common."""

    @classmethod
    def of(cls, rows: Sequence[Row]) -> "_Table | None":
        competing = [r for r in of_common_data(rows) if not r.solver and r.applies]
        best = _baselines(competing)
        datasets = tuple(sorted({r.dataset for r in competing} & set(best)))
        names = tuple(sorted({r.name for r in competing if r.dataset in datasets}))
        if not datasets or len(names) < 2:
            return None
        by_place = {(r.name, r.dataset): r for r in competing}
        substitutes = {d: of_folds(best[d].records, best[d].primary) for d in datasets}
        folds = max(map(len, substitutes.values()))
        errors = np.empty((len(names), len(datasets), folds))
        imputed = np.zeros((len(names), len(datasets)), bool)
        floors = np.array([max(best[d].floor.get(best[d].primary, 0.0), 0.0) for d in datasets])
        for i, name in enumerate(names):
            for j, dataset in enumerate(datasets):
                row = by_place.get((name, dataset))
                own = {} if row is None else _beside(row, best[dataset], [r for r in competing if r.dataset == dataset])
                imputed[i, j] = row is None or not row.ok or not own.keys() >= substitutes[dataset].keys()
                errors[i, j] = _filled(own, substitutes[dataset], folds)
        families = {r.name: r.family for r in competing}
        return cls(
            names=names,
            families=tuple(families[n] for n in names),
            datasets=datasets,
            errors=np.maximum(errors, np.finfo(float).tiny),
            imputed=imputed,
            floors=floors,
            baselines=tuple(names.index(best[d].name) for d in datasets),
            overlap=float(np.mean([test_over_train(best[d].records) for d in datasets])),
        )

    def baseline_of(self, means: np.ndarray) -> np.ndarray:
        """Return the baseline's error in `means` (draw, method, dataset), as (draw, 1, dataset)."""
        return np.stack([means[:, b, j] for j, b in enumerate(self.baselines)], axis=1)[:, None, :]


def _baselines(rows: Sequence[Row]) -> dict[str, Row]:
    """Return the most accurate baseline or control of each dataset, of those that succeeded throughout in as many folds as any."""
    simple = [r for r in rows if r.family in SIMPLE and r.ok and r.error is not None]

    def worth(row: Row) -> tuple[int, float]:
        return -row.succeeded, row.error or 0.0

    return {d: min((r for r in simple if r.dataset == d), key=worth) for d in {r.dataset for r in simple}}


def _beside(row: Row, baseline: Row, others: Sequence[Row]) -> dict[int, float]:
    """Return fold → error, in the baseline's folds; of a row scored on some samples, as it might be on all."""
    if row.folds != baseline.folds:
        return {}
    harder = _harder(row, others) if row.part else 1.0
    return {k: error / harder for k, error in of_folds(row.records, row.primary).items()}


def _harder(row: Row, others: Sequence[Row]) -> float:
    """Return how much harder the samples of a row are than all: the median of the errors on them over the errors on all.

    Of all methods that are scored on all, as a single one, the best baseline say, may be exact on just these.
    """
    found = [(error_on(r, row), r.error) for r in others if r.part is None and r.ok]
    return float(np.median([on_them / error for on_them, error in found if on_them and error] or [1.0]))


def _filled(own: dict[int, float], baseline: dict[int, float], folds: int) -> np.ndarray:
    """Return the errors in the baseline's folds; those that are missing are the baseline's, or worse if the method's others are.

    Where the dataset has fewer folds than another one, their mean stands for the rest.
    """
    found = [own.get(k, max(error, *own.values(), 0.0)) for k, error in sorted(baseline.items())]
    return np.array([*found, *[float(np.mean(found))] * (folds - len(found))])


def _sampled_skills(table: _Table, rng: np.random.Generator, draws: int) -> np.ndarray:
    """Return the skills (draw, method): datasets drawn with replacement, and folds within each, the same for all methods."""
    _, datasets, folds = table.errors.shape
    drawn = rng.multinomial(folds, np.full(folds, 1 / folds), size=(draws, datasets)) / folds
    of_datasets = rng.multinomial(datasets, np.full(datasets, 1 / datasets), size=draws) / datasets
    means = np.maximum(np.einsum("mdk,bdk->bmd", table.errors, drawn, optimize=True), table.floors)
    logs = _log_ratio(means, table.baseline_of(means))
    return np.asarray(1 - np.exp(np.einsum("bmd,bd->bm", logs, of_datasets)))


def _spread_out(skill: np.ndarray, skills: np.ndarray, factor: float) -> np.ndarray:
    """Return draws of folds alone, so much further from the skill: they cannot show that training sets overlap.

    1 + J n_test/n_train is by how much the variance of a mean over J folds is larger than that of independent ones; see
    `intervals`.
    """
    middle = _logs(skill)
    return np.asarray(1 - np.exp(middle + factor * (_logs(skills) - middle)))


def _log_ratio(means: np.ndarray, baseline: np.ndarray) -> np.ndarray:
    return np.log(np.clip(means / baseline, *CLIP))


def _logs(skills: np.ndarray) -> np.ndarray:
    """Return log (1 − skill), finite for a skill of one."""
    return np.log1p(-np.minimum(skills, ALMOST))


def _widened(deviation: np.ndarray, units: int) -> np.ndarray:
    """Return a deviation among draws of so many units without the bootstrap's narrowness."""
    return deviation * math.sqrt(units / (units - 1))


def _critical(units: int, comparisons: int = 1) -> float:
    """Return the quantile of Student's t for an interval at `LEVEL`, or for so many of them together."""
    return float(scipy.special.stdtrit(units - 1, 1 - (1 - LEVEL) / 2 / comparisons))


def _intervals(skill: np.ndarray, skills: np.ndarray, units: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the ends of each skill's interval, no further than `CLIP` lets a skill come."""
    if units > 1:
        reach = _critical(units) * _widened(_logs(skills).std(axis=0), units)
    else:
        reach = np.where(np.abs(_logs(skill)) < ALIKE, 0.0, math.inf)
    reach[reach < ALIKE] = 0.0  # the baseline's own
    best, worst = (1 - end for end in CLIP)
    return np.maximum(1 - np.exp(_logs(skill) + reach), worst), np.minimum(1 - np.exp(_logs(skill) - reach), best)


def _told_apart(skill: np.ndarray, skills: np.ndarray, units: int) -> tuple[np.ndarray, float | None]:
    """Return which pairs differ, and the ratio of errors from which the median pair would."""
    if units < 2 or len(skill) < 2:
        return np.zeros((len(skill), len(skill)), bool), None
    first, second = np.triu_indices(len(skill), 1)
    log, logs = _logs(skill), _logs(skills)
    deviations = [float((logs[:, i] - logs[:, j]).std()) for i, j in zip(first, second, strict=True)]
    wide = np.maximum(_widened(np.array(deviations), units), ALIKE)
    p_values = 2 * scipy.special.stdtr(units - 1, -np.abs(log[first] - log[second]) / wide)
    different = np.zeros((len(skill), len(skill)), bool)
    different[first, second] = np.array(holm(p_values.tolist())) < 1 - LEVEL
    least = _critical(units, len(first)) * float(np.median(wide))
    within = least < math.log(CLIP[1] / CLIP[0])
    return different | different.T, math.exp(least) if within else None


def _without(table: _Table, logs: np.ndarray, placed: np.ndarray) -> dict[str, str]:
    """Return who would lead without each dataset; `logs` (method, dataset) are the logarithms of which the skill is made."""
    if len(table.datasets) < 3:
        return {}
    rest = np.where(placed[:, None], logs.sum(axis=1, keepdims=True) - logs, np.inf)
    return {d: table.names[int(m)] for d, m in zip(table.datasets, rest.argmin(axis=0), strict=True)}


def _placed(imputed: np.ndarray) -> np.ndarray:
    """Return which methods have a score on more than half of the datasets; all, if none has."""
    enough = 2 * imputed.sum(axis=1) < imputed.shape[1]
    return enough if enough.any() else ~enough


def _ranges(skills: np.ndarray, units: int) -> list[tuple[int, int]]:
    """Return the places, 1 for the best, that the draws (draw, method) give each method; equals may stand in any order."""
    methods = skills.shape[1]
    if units < 2:
        return [(1, methods)] * methods
    tail = (1 - LEVEL) / 2
    ends = []
    for level, among_equals in ((tail, "min"), (1 - tail, "max")):
        drawn = pd.DataFrame(-skills).rank(axis=1, method=among_equals).to_numpy().astype(np.int64)
        ends.append(np.quantile(drawn, level, axis=0, method="nearest").astype(int).tolist())
    return list(zip(*ends, strict=True))


def _ranks(means: np.ndarray) -> np.ndarray:
    """Return ranks (method, dataset); errors that rounding cannot tell apart, as none under the floor, share one."""
    rounded = np.round(np.log(means) / ALIKE) * ALIKE
    return pd.DataFrame(rounded).rank(axis=0, method="average").to_numpy()


def _win_rate(ranks: np.ndarray, m: int) -> float:
    others = np.delete(ranks, m, axis=0)
    return float(np.mean((ranks[m] < others) + 0.5 * (ranks[m] == others)))


def _groups(order: np.ndarray, different: np.ndarray) -> dict[int, str]:
    """Return letters: neighbours in the order share one as long as none of them differ from each other."""
    runs: list[tuple[int, int]] = []
    for start in range(len(order)):
        end = start
        while end + 1 < len(order) and not different[np.ix_(order[start : end + 2], order[start : end + 2])].any():
            end += 1
        if not runs or end > runs[-1][1]:
            runs.append((start, end))
    letters = "abcdefghijklmnopqrstuvwxyz"
    found = {int(m): "" for m in order}
    for letter, (start, end) in zip(_names(letters, len(runs)), runs, strict=True):
        for position in range(start, end + 1):
            found[int(order[position])] += letter
    return found


def _names(letters: str, n: int) -> list[str]:
    return [letters[i % len(letters)] * (1 + i // len(letters)) for i in range(n)]


def _profile(means: np.ndarray, m: int) -> list[tuple[float, float]]:
    """Return the steps of the performance profile: Dolan & Moré 2002, doi:10.1007/s101070100263."""
    ratios = np.sort(means[m] / means.min(axis=0))
    return [(float(r), (i + 1) / len(ratios)) for i, r in enumerate(ratios)]
