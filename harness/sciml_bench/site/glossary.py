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
        "conserved_mse/…",
        "mean over k of (Q(p_k) − Q(u_k))², Q the conserved quantity, in the square of its unit: 0 where the prediction has the "
        "true quantity at every time, whatever its phase",
        "as low as the truth's own",
        "10.48550/arXiv.1906.01563",
    ),
    Entry(
        "bc_error",
        "largest |p − g| over edge points and times, over the larger of |g| and the prediction's root mean square, g the value "
        "prescribed on the edge",
        "as low as the truth's own",
    ),
    Entry(
        "positivity",
        "Σ max(−p, 0) / Σ |p| over space and time: the negative share of a field that cannot be negative",
        "0",
    ),
    Entry(
        "gradient/…",
        "√⟨(s·E′ − g·m)²⟩ / √⟨‖g‖² ‖m‖² / n⟩, where E′ is half the change of the predicted scalar between x + m and x − m, m a "
        "small random move of the n inputs, g the predicted target that should be the scalar's derivative, and s its sign: "
        "whether predicted forces are those of the predicted energy; about 1 where the two have nothing to do with each other; "
        "the move is finite, so that even an exact derivative scores about 10⁻³",
        "0",
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
    Entry("regime:…/…", "the same score on the test samples of one regime or group alone", "that of all samples"),
    Entry(
        "regime:…/worst_over_mean",
        "the error in the worst regime of a division over the error of all test samples",
        "1",
    ),
)
ATOMS = (
    Entry(
        "energy_mae",
        "mean of |p − u| / N over samples, p and u the energies and N the number of atoms, in the energy's unit per atom",
        "0",
        "10.48550/arXiv.2010.09990",
    ),
    Entry(
        "force_mae",
        "mean of |p − u| over the atoms and directions of a sample, then over samples, in the force's unit",
        "0",
        "10.48550/arXiv.2010.09990",
    ),
    Entry(
        "force_cosine",
        "mean of p·u / (‖p‖ ‖u‖) over the atoms of a sample, p and u the forces on one atom, then over samples; it does not see "
        "how strong they are. An atom counts as 0 where one of the two is zero, and as 1 where both are",
        "1",
        "10.48550/arXiv.2010.09990",
    ),
)
UNCERTAINTY = (
    Entry("coverage_50", "share of the truth inside the central 50% interval of the prediction", "0.50"),
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
