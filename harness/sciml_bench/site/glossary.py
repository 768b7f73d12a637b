"""What the scores mean that are no metric of accuracy: those carry their own formula."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """One score: its name in records, its formula or definition, what to look for."""

    name: str
    definition: str
    best: str
    doi: str = ""


PHYSICS = (
    Entry(
        "pde_defect",
        "mean over k of ‖S(p_k) − p_{k+1}‖₂ / ‖p_{k+1}‖₂, where S advances a state by one output step with "
        "the reference solver and p₀ is the given state; on the first four test samples of a fold, at ten times at most",
        "as low as the truth's own, printed beside it",
    ),
    Entry(
        "pde_residual",
        "norm of the discrete operator's residual of the prediction, relative to the right-hand side (steady problems)",
        "as low as the truth's own, printed beside it",
    ),
    Entry(
        "conservation/…",
        "largest drift over time of a quantity that the true system conserves, over its scale",
        "as low as the truth's own",
    ),
    Entry(
        "symmetry/…",
        "‖f(Tx) − Tf(x)‖₂ / ‖Tf(x)‖₂ for a symmetry T of the problem: predict, then move, or move, then predict",
        "0",
    ),
    Entry(
        "shift:…/…",
        "the same score on a test set drawn from other parameters, starts or grids than the training data",
        "that without the shift",
    ),
)
UNCERTAINTY = (
    Entry("coverage_90", "share of the truth inside the central 90% interval of the prediction", "0.90"),
    Entry("width_90", "mean width of that interval, in the unit of the target", "low, at a coverage of 0.90"),
    Entry(
        "crps",
        "E|X − u| − ½ E|X − X′| for independent draws X, X′ of the prediction and truth u, by the fair estimator",
        "low",
        "10.1002/qj.2270",
    ),
    Entry(
        "nll",
        "mean of −log of the predicted density at the truth, for a normal density of the predicted spread",
        "low",
    ),
    Entry(
        "calibration_error",
        "mean over levels c = 0.1 … 0.9 of |coverage(c) − c|; of classes, over tenths of their probability",
        "0",
    ),
    Entry("spread_error_correlation", "rank correlation of predicted spread with actual error", "1"),
)
STATUSES = (
    ("ok", "Fitted, predicted and scored within its budget."),
    ("failed", "Raised an error or broke the contract; the sentence says which."),
    ("diverged", "The method reported that it diverged."),
    ("not finite", "A prediction held NaN or infinity. None is skipped or replaced."),
    ("over budget", "Took more time than the budget and was ended."),
    ("out of memory", "Took more memory than the budget and was ended."),
    ("not applicable", "The method does not apply to this problem, for the reason given."),
)
