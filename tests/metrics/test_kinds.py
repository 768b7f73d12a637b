"""Metrics of labels, of scalars, and of fields on meshes, against scikit-learn and by hand."""

import numpy as np
import pytest
import sklearn.metrics
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from sciml_bench.errors import ContractError
from sciml_bench.metrics import ACCURACY, evaluate, labels, physics, primary
from sciml_bench.problem import Conserved, Problem, Variable
from sciml_bench.problem.samples import take

CLASSES = ("a", "b", "c", "d")
LABEL = Variable(name="y", dims=(), description="", kind="label", classes=CLASSES)
SCALAR = Variable(name="s", dims=(), description="", kind="scalar")
NODES = Variable(name="f", dims=("node", "direction"), description="")
ROLL = Variable(name="r", dims=("node", "time", "direction"), description="", initial="r0")


def guesses(n: int, seed: int) -> tuple[xr.Dataset, xr.Dataset]:
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.ones(4) * 0.5, n)
    y = np.where(rng.random(n) < 0.5, p.argmax(1), rng.integers(0, 3, n))  # class d is rare
    return xr.Dataset({"y": (("sample", "class"), p)}), xr.Dataset({"y": ("sample", y)})


@settings(deadline=None, max_examples=25)
@given(st.integers(5, 60), st.integers(0, 1000))
def test_label_metrics_are_those_of_scikit_learn(n: int, seed: int) -> None:
    prediction, truth = guesses(n, seed)
    scores, samples = evaluate(ACCURACY, prediction, truth, (LABEL,))
    p, y = prediction["y"].values, truth["y"].values
    hard = p.argmax(1)
    assert scores["accuracy"] == pytest.approx(sklearn.metrics.accuracy_score(y, hard))
    assert scores["error_rate"] == pytest.approx(1 - scores["accuracy"])
    assert scores["f1_macro"] == pytest.approx(sklearn.metrics.f1_score(y, hard, average="macro", zero_division=0))
    assert scores["log_loss"] == pytest.approx(sklearn.metrics.log_loss(y, p, labels=range(4)))
    assert scores["brier"] == pytest.approx(float(((p - np.eye(4)[y]) ** 2).sum(1).mean()))
    matrix = labels.confusion(prediction["y"], truth["y"], 4)
    np.testing.assert_array_equal(matrix, sklearn.metrics.confusion_matrix(y, hard, labels=range(4)))
    assert samples["error_rate"].sum() == (y != hard).sum()


def test_reliability_by_hand() -> None:
    # Two samples at confidence 0.95, one of them right; two at 0.65, both right.
    p = [[0.95, 0.05], [0.95, 0.05], [0.65, 0.35], [0.35, 0.65]]
    prediction = xr.DataArray(p, dims=("sample", "class"))
    error, diagram = labels.reliability(prediction, xr.DataArray([0, 1, 0, 1], dims="sample"))
    assert error == pytest.approx(0.5 * 0.45 + 0.5 * 0.35)
    assert diagram["coverage"] == [1.0, 0.5]
    np.testing.assert_allclose(diagram["levels"], [0.65, 0.95])


@pytest.mark.parametrize("broken", [[[0.5, 0.6, 0.0, 0.0]], [[1.5, -0.5, 0.0, 0.0]]])
def test_what_is_no_distribution_is_refused(broken: list[list[float]]) -> None:
    prediction = xr.Dataset({"y": (("sample", "class"), broken)})
    with pytest.raises(ContractError, match="add up to 1"):
        evaluate(ACCURACY, prediction, xr.Dataset({"y": ("sample", [0])}), (LABEL,))


def test_too_few_classes_are_refused() -> None:
    prediction = xr.Dataset({"y": (("sample", "class"), [[1.0, 0.0]])})
    with pytest.raises(ContractError, match="2 classes, and there are 4"):
        evaluate(ACCURACY, prediction, xr.Dataset({"y": ("sample", [0])}), (LABEL,))


@settings(deadline=None, max_examples=25)
@given(st.integers(3, 50), st.integers(0, 1000))
def test_scalar_metrics_are_those_of_scikit_learn(n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    u, p = rng.standard_normal((2, n))
    scores, _ = evaluate(ACCURACY, xr.Dataset({"s": ("sample", p)}), xr.Dataset({"s": ("sample", u)}), (SCALAR,))
    assert scores["r2"] == pytest.approx(sklearn.metrics.r2_score(u, p))
    assert scores["rmse"] == pytest.approx(sklearn.metrics.root_mean_squared_error(u, p))
    assert scores["mae"] == pytest.approx(sklearn.metrics.mean_absolute_error(u, p))
    assert scores["nrmse_std"] == pytest.approx(scores["rmse"] / u.std())
    assert set(scores) == {"r2", "rmse", "mae", "nrmse_std"}


def test_constant_truth_has_no_spread_to_compare_with() -> None:
    data = xr.Dataset({"s": ("sample", [2.0, 2.0])})
    with pytest.raises(ContractError, match="all equal"):
        evaluate(ACCURACY, data, data, (SCALAR,))


def graphs(seed: int, counts: tuple[int, ...] = (3, 1, 5)) -> xr.Dataset:
    rng = np.random.default_rng(seed)
    values = {"f": (("node", "direction"), rng.standard_normal((sum(counts), 2)))}
    return xr.Dataset({**values, "node_count": ("sample", list(counts))}, attrs={"ragged": "node"})


def test_fields_on_meshes_are_scored_mesh_by_mesh() -> None:
    truth, prediction = graphs(0), graphs(1)
    scores, samples = evaluate(ACCURACY, prediction.drop_vars("node_count"), truth, (NODES,))
    each = []
    for part in (slice(0, 3), slice(3, 4), slice(4, 9)):
        u, p = truth["f"].values[part], prediction["f"].values[part]
        each.append(np.linalg.norm(p - u) / np.linalg.norm(u))
    np.testing.assert_allclose(samples["rel_l2"], each)
    assert scores["rel_l2"] == pytest.approx(np.mean(each))
    turned = [2, 0, 1]
    again, _ = evaluate(ACCURACY, take(prediction, turned), take(truth, turned), (NODES,))
    assert again["rel_l2"] == pytest.approx(scores["rel_l2"])


def test_kinds_are_scored_apart_and_then_averaged() -> None:
    truth, prediction = graphs(0), graphs(1)
    truth["s"], prediction["s"] = ("sample", [0.0, 1.0, 2.0]), ("sample", [0.0, 1.0, 3.0])
    scores, samples = evaluate(ACCURACY, prediction, truth, (NODES, SCALAR))
    assert scores["mae"] == pytest.approx((scores["mae/f"] + 1 / 3) / 2)
    assert scores["mae/s"] == pytest.approx(1 / 3)
    np.testing.assert_allclose(samples["nrmse_std/s"], [0, 0, 1.5])


def test_the_headline_follows_the_kind_of_the_targets() -> None:
    def of(*targets: Variable, **more: str) -> str:
        return primary(Problem(name="p", kind="regression", inputs=(), targets=targets, **more))

    assert of(NODES, SCALAR) == "rel_l2"
    assert of(SCALAR) == "nrmse_std"
    assert of(LABEL) == "error_rate"
    assert of(SCALAR, primary="mae") == "mae"
    assert of(NODES, primary="rmse") == "rmse"
    with pytest.raises(ContractError, match="the headline of 'p' is rmse, which is not told by its name"):
        of(SCALAR, primary="rmse")  # a root there: what stands in records would be taken for a mean


def test_momentum_of_particles_is_measured_system_by_system() -> None:
    def total(field: xr.DataArray) -> xr.DataArray:
        return field.isel(direction=0).sum("node")

    counts = [2, 3]
    start = np.arange(10.0).reshape(5, 2)
    steps = np.stack([start, start], axis=1)
    steps[3, 1, 0] += 0.5  # in the second system, at the second time
    inputs = xr.Dataset(
        {"r0": (("node", "direction"), start), "node_count": ("sample", counts)}, attrs={"ragged": "node"}
    )
    prediction = inputs.assign(r=(("node", "time", "direction"), steps))
    momentum = Conserved(variable="r", quantity=total, scale=lambda first: 1 + 0 * total(first), description="momentum")
    problem = Problem(name="p", kind="dynamics", inputs=(), targets=(ROLL,), conserved={"momentum": momentum})
    found = physics.evaluate(prediction, inputs, problem, truth=prediction)
    np.testing.assert_allclose(found["conservation/momentum"], [0.0, 0.5])
    np.testing.assert_allclose(found["conserved_mse/momentum"], [0.0, 0.0])
    moved = inputs.assign(r=(("node", "time", "direction"), np.stack([start, start], axis=1)))
    found = physics.evaluate(prediction, inputs, problem, truth=moved)
    np.testing.assert_allclose(found["conserved_mse/momentum"], [0.0, 0.125])
