"""What all methods of tables share: units, several targets, classes, reasons and refusals."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from sciml_bench.errors import UsageError
from sciml_bench.method.boosting import Grown, boost
from sciml_bench.method.tabular import Certain, Table, Target, check_outputs, choose, spread, threads
from sciml_bench.methods.gaussian_process import GaussianProcess
from sciml_bench.methods.lightgbm import LightGBM
from sciml_bench.methods.mlp import MLP
from sciml_bench.methods.nearest_neighbours import NearestNeighbours
from sciml_bench.methods.random_forest import RandomForest
from sciml_bench.methods.ridge import Ridge
from sciml_bench.methods.tabnet import TabNet
from sciml_bench.methods.xgboost import XGBoost
from sciml_bench.problem import Problem, Variable
from sciml_bench.testing import Silent

METHODS = {
    "ridge": Ridge(),
    "nearest_neighbours": NearestNeighbours(),
    "random_forest": RandomForest(trees=20),
    "xgboost": XGBoost(rounds=100, learning_rate=0.1),
    "lightgbm": LightGBM(rounds=100, learning_rate=0.1),
    "gaussian_process": GaussianProcess(kernel="rbf", members=3),
    "mlp": MLP(width=16, depth=2, updates=200, validations=4),
    "tabnet": TabNet(decision=8, attention=8, steps=2, updates=100, validations=4, batch_size=64, ghost=32),
}
SHORT = METHODS | {
    "xgboost": XGBoost(rounds=40, learning_rate=0.1),
    "lightgbm": LightGBM(rounds=40, learning_rate=0.1),
    "mlp": replace(METHODS["mlp"], updates=80),
    "tabnet": replace(METHODS["tabnet"], updates=50),
}  # for what shows long before a fit has ended
CLASSIFIERS = [name for name in METHODS if name != "gaussian_process"]

NAMES = ("a", "b", "c")
COLUMNS = tuple(Variable(name=n, dims=(), description=n, kind="scalar") for n in NAMES)
NUMBER = Variable(name="u", dims=(), description="a number", kind="scalar")
PAIR = Variable(name="v", dims=("component",), description="two numbers")
KIND = Variable(name="kind", dims=(), description="a class", kind="label", classes=("x", "y", "z"))
FIELD = Variable(name="w", dims=("x",), description="a field")
REGRESSION = Problem(name="table", kind="regression", inputs=COLUMNS, targets=(NUMBER,))
CLASSES = Problem(name="classes", kind="classification", inputs=COLUMNS, targets=(KIND,))
MIXED = Problem(name="mixed", kind="regression", inputs=COLUMNS, targets=(NUMBER, PAIR))
LAID_OUT = Problem(name="field", kind="steady", inputs=COLUMNS, targets=(FIELD,))


def table(samples, seed):
    """Three columns; the class is that of the blob (one corner of a triangle) around which a and b lie."""
    rng = np.random.default_rng(seed)
    kind = rng.permutation(np.arange(samples) % 3)
    corners = np.array([[0.0, 3.0], [3.0, -2.0], [-3.0, -2.0]])
    a, b = (corners[kind] + 0.5 * rng.standard_normal((samples, 2))).T
    c = rng.standard_normal(samples)
    u = a - 2 * b + 3.0
    arrays = {"a": a, "b": b, "c": c, "u": u, "kind": kind.astype(np.int64)}
    data = xr.Dataset({name: (("sample",), values) for name, values in arrays.items()})
    data["v"] = (("sample", "component"), np.stack([a + b, -u], axis=1))
    data["w"] = (("sample", "x"), np.outer(a, np.linspace(0, 1, 5)))
    return data


def fit(method, problem, train=None, valid=None, log=None):
    train = table(90, 0) if train is None else train
    valid = table(30, 1) if valid is None else valid
    return method.fit(
        train, valid, problem=problem, budget=None, seed=3, device="cpu", log=Silent() if log is None else log
    )


def inputs(data):
    return data[list(NAMES)]


def middle(answer, name="u"):
    return (answer[name].mean("member") if "member" in answer[name].dims else answer[name]).values


@pytest.mark.parametrize("name", METHODS)
def test_units_do_not_matter(name):
    """Inputs in other units and targets on another scale: the same prediction in those units."""

    def changed(data):
        return data.assign(a=1000 * data.a + 5, b=data.b / 64 - 1, u=8 * data.u - 2)

    parts = [table(90, 0), table(30, 1)]
    plain = middle(fit(SHORT[name], REGRESSION, *parts)(inputs(table(20, 2))))
    other = middle(fit(SHORT[name], REGRESSION, *map(changed, parts))(inputs(changed(table(20, 2)))))
    assert np.abs((other + 2) / 8 - plain).max() < (0.02 if name in ("mlp", "tabnet") else 1e-3) * np.abs(plain).max()


@pytest.mark.parametrize("name", METHODS)
def test_several_targets_are_each_learnt(name):
    test = table(40, 2)
    answer = fit(METHODS[name], MIXED)(inputs(test))
    for target in ("u", "v"):
        p, u = middle(answer, target), test[target].values
        assert p.shape == u.shape
        assert np.sqrt(((p - u) ** 2).mean(axis=0) / u.var(axis=0)).max() < 0.35


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_classes_are_told_apart(name):
    test = table(60, 2)
    answer = fit(SHORT[name], CLASSES)(inputs(test))["kind"]
    assert answer.dims == ("sample", "class")
    assert answer.dtype == np.float64
    assert np.allclose(answer.sum("class"), 1, rtol=0, atol=1e-12)
    assert (answer.values >= 0).all()
    assert (answer.values.argmax(axis=1) == test.kind.values).mean() > 0.93


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_class_that_is_not_in_training_is_no_stumbling_block(name):
    train, valid = (d.isel(sample=d.kind.values != 1) for d in (table(60, 0), table(20, 1)))
    answer = fit(METHODS[name], CLASSES, train, valid)(inputs(table(10, 2)))["kind"].values
    assert answer.shape == (10, 3)
    assert np.allclose(answer.sum(axis=1), 1)
    assert answer[:, 1].max() < 0.2


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_single_class_is_certain(name):
    train = table(60, 0)
    train = train.isel(sample=train.kind.values == 2)
    answer = fit(SHORT[name], CLASSES, train, train)(inputs(table(5, 2)))["kind"].values
    assert (answer.argmax(axis=1) == 2).all()
    assert answer[:, 2].min() > 0.8


def test_a_gaussian_process_gives_the_reason_for_no_classes():
    assert METHODS["gaussian_process"].applies_to(CLASSES) == (
        "It predicts numbers, but the target 'kind' is a class label."
    )


@pytest.mark.parametrize("name", METHODS)
def test_fields_are_for_methods_that_lay_them_out(name):
    reason = METHODS[name].applies_to(LAID_OUT)
    if name in ("nearest_neighbours", "mlp"):
        assert reason is None
        test = table(20, 2)
        answer = fit(METHODS[name], LAID_OUT)(inputs(test))["w"].values
        assert np.linalg.norm(answer - test.w.values) < 0.5 * np.linalg.norm(test.w.values)
    else:
        assert reason == "It fits a model to each predicted number, and the target 'w' is a field with very many."


@pytest.mark.parametrize("name", METHODS)
def test_meshes_are_refused(name):
    mesh = Variable(name="m", dims=("node",), description="a field on a mesh")
    reason = METHODS[name].applies_to(Problem(name="mesh", kind="steady", inputs=COLUMNS, targets=(mesh,)))
    assert "nodes of meshes" in reason


@pytest.mark.parametrize(
    ("name", "wrong", "message"),
    [
        ("nearest_neighbours", {"most": 0}, "most is 0, but must be at least 1"),
        ("random_forest", {"trees": 0}, "trees is 0, but must be above 0"),
        ("xgboost", {"rounds": 0}, "rounds is 0, but must be above 0"),
        ("xgboost", {"rows": 1.5}, "rows is 1.5, but must be above 0 and at most 1"),
        ("lightgbm", {"learning_rate": -1.0}, "learning_rate is -1.0, but must be above 0"),
        ("gaussian_process", {"members": 1}, "members is 1"),
        ("mlp", {"dropout": 1.0}, "dropout is 1.0, but must be at least 0 and below 1"),
        ("mlp", {"updates": 0}, "updates is 0"),
        ("tabnet", {"relaxation": 0.5}, "relaxation is 0.5, but must be at least 1"),
        ("tabnet", {"ghost": 1}, "ghost is 1, but must be at least 2"),
    ],
)
def test_meaningless_values_are_refused(name, wrong, message):
    with pytest.raises(UsageError, match=message):
        fit(replace(METHODS[name], **wrong), REGRESSION)


def test_too_many_numbers_are_refused():
    many = Target(name="v", label=False, x=np.ones((2, 1)), y=np.ones((2, 1001)), valid_x=np.ones((1, 1)), valid_y=None)
    with pytest.raises(UsageError, match="1001 numbers, and at most 1000"):
        check_outputs(many)


def test_statistics_come_from_training_alone():
    train = table(40, 0)
    rows = Table.of(REGRESSION, train).rows(train)
    assert np.allclose(rows.mean(axis=0), 0, atol=1e-12)
    assert np.allclose(rows.std(axis=0), 1)
    moved = table(40, 5).assign(a=train.a + 7)
    assert np.allclose(Table.of(REGRESSION, train).rows(moved)[:, 0].mean(), 7 / train.a.values.std())


def test_numbers_of_a_field_share_their_scale():
    problem = Problem(name="p", kind="regression", inputs=(FIELD,), targets=(NUMBER,))
    train = table(40, 0)
    rows = Table.of(problem, train).rows(train)
    assert np.allclose(rows * train.w.values.std() + train.w.values.mean(), train.w.values)


def test_the_candidate_with_the_least_validation_error_is_chosen():
    target = Target(
        name="u",
        label=False,
        x=np.zeros((3, 1)),
        y=np.zeros((3, 1)),
        valid_x=np.zeros((2, 1)),
        valid_y=np.full((2, 1), 2.1),
    )
    log = Silent()
    model = choose("value", (0.0, 1.0, 2.0, 3.0), lambda v: Certain(np.array([v])), target, log)
    assert model(np.zeros((1, 1))) == [[2.0]]
    assert log.facts["value/u"] == "2.0"
    assert log.facts["valid_loss/u"] == pytest.approx(0.01)
    assert log.fractions[-1] == 1.0


def test_probabilities_are_spread_over_all_classes():
    found = spread(np.array([[0.2, 0.2]]), np.array([0, 2]), 4)
    assert found.tolist() == [[0.5, 0.0, 0.5, 0.0]]


def test_validation_samples_of_unknown_classes_are_left_out_of_boosting():
    seen = []

    def grow(size, rows):
        seen.append(rows)
        return Grown(predict=lambda x: np.full((len(x), 2), 0.5), best=1, loss=[1.0], valid_loss=[1.0])

    one_hot = np.eye(4)
    target = Target(
        name="k",
        label=True,
        x=np.arange(4.0)[:, None],
        y=one_hot[[1, 3, 3, 1]],
        valid_x=np.arange(3.0)[:, None],
        valid_y=one_hot[[0, 3, 1]],
    )
    model = boost("size", (7,), grow, target, Silent())
    assert seen[0].y.tolist() == [0, 1, 1, 0]
    assert seen[0].valid_y.tolist() == [1, 0]
    assert seen[0].valid_x[:, 0].tolist() == [1, 2]
    assert model(np.zeros((1, 1))).tolist() == [[0, 0.5, 0, 0.5]]


def test_threads_are_those_that_the_process_was_given():
    from threadpoolctl import threadpool_limits

    for allowed in (1, 2):
        with threadpool_limits(allowed):
            assert threads(10_000) == allowed
            assert threads(100) == 1
