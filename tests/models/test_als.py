"""What is particular to ALS: the exact fold-in, its shares, and the solver's manners."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from threadpoolctl import threadpool_limits

from serendip import models
from serendip.data import Dataset, Queries, Tables, event_frame
from serendip.models import Model
from serendip.training import FitOptions

N_ITEMS = 60
CONFIG = {"embedding_size": 8, "alpha": 4.0, "l2": 2.0, "epochs": 10}


@pytest.fixture(scope="module")
def data() -> Dataset:
    generator = np.random.default_rng(1)
    people = generator.integers(0, 80, 1500)
    things = (generator.zipf(1.4, 1500) % 30 + 20 * (people % 3)) % N_ITEMS
    columns = {
        "user_id": [f"u{row}" for row in people],
        "item_id": [f"i{row}" for row in things],
        "type": generator.choice(["view", "like", "cart"], 1500).tolist(),
    }
    return Dataset.from_tables(Tables(event_frame(columns)))


@pytest.fixture(scope="module")
def model(data: Dataset) -> Model:
    return models.make("als", CONFIG).fit(data, FitOptions(threads=1))


def place(factors: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where one person stands by equation 4 of the paper, and W, in plain float64 over all items."""
    y = factors.astype(np.float64)
    confidence, wanted = 1 + CONFIG["alpha"] * weights, weights > 0
    w = np.linalg.inv(y.T @ (confidence[:, None] * y) + CONFIG["l2"] * np.eye(y.shape[1]))
    return w @ (y.T @ (confidence * wanted)), w


def test_the_fold_in_is_exact(data: Dataset, model: Model) -> None:
    factors, histories = model.weights()["factors"], data.histories()
    weights = histories.matrix(data.n_items).toarray()
    expected = [factors @ place(factors, one)[0] for one in weights]
    np.testing.assert_allclose(model.score(histories), expected, atol=1e-5)


def test_the_fold_in_agrees_with_the_package_implicit(data: Dataset, model: Model) -> None:
    implicit = pytest.importorskip("implicit.cpu.als")
    factors, matrix = model.weights()["factors"], data.matrix()
    matrix.data = 1 + CONFIG["alpha"] * matrix.data
    with threadpool_limits(limits=1, user_api="blas"):
        solver = implicit.AlternatingLeastSquares(factors=8, regularization=CONFIG["l2"], num_threads=1)
    solver.item_factors = factors
    people = solver.recalculate_user(np.arange(data.n_users), sp.csr_matrix(matrix, dtype=np.float32))
    np.testing.assert_allclose(model.score(data.histories()), people @ factors.T, atol=1e-4)


def test_contributions_are_those_of_the_paper(data: Dataset, model: Model) -> None:
    factors, one = model.weights()["factors"], data.histories(np.array([3]))
    _, w = place(factors, one.matrix(data.n_items).toarray()[0])
    confidence = np.where(one.weights > 0, 1 + CONFIG["alpha"] * one.weights, 0.0)
    expected = (factors[one.item_rows] * confidence[:, None]) @ w @ factors.T  # (E, N)
    assert isinstance(model, models.Attributes)
    found = model.contributions(one, np.arange(data.n_items)[None])
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_epochs_lower_the_loss(data: Dataset) -> None:
    def loss(epochs: int) -> float:
        fitted = models.make("als", CONFIG | {"epochs": epochs}).fit(data, FitOptions(threads=1))
        weights = data.matrix().toarray()
        residual = (weights > 0) - fitted.score(data.histories())
        return float(((1 + CONFIG["alpha"] * weights) * residual**2).sum())

    assert loss(15) < loss(1)


def test_people_and_items_come_to_rest_where_each_is_best_given_the_other(data: Dataset) -> None:
    """The items solve the equations of the paper for the people whom the items place: a rest point of the loss."""
    config = CONFIG | {"epochs": 300}
    items = models.make("als", config).fit(data, FitOptions(threads=1)).weights()["factors"]
    weights = data.matrix().toarray()
    people = np.array([place(items, one)[0] for one in weights])
    again = np.array([place(people, one)[0] for one in weights.T])
    np.testing.assert_allclose(again, items, atol=2e-3)


@pytest.mark.parametrize("events", [1, 7, 100])
def test_batches_change_nothing(data: Dataset, model: Model, events: int, monkeypatch: pytest.MonkeyPatch) -> None:
    queries = data.histories()
    rows = np.tile(np.arange(5), (len(queries), 1))
    assert isinstance(model, models.Attributes)
    whole, parts = model.score(queries), model.contributions(queries, rows)
    monkeypatch.setattr("serendip.algebra.placing.BATCH_EVENTS", events)
    np.testing.assert_allclose(model.score(queries), whole, atol=1e-6)
    np.testing.assert_allclose(model.contributions(queries, rows), parts, atol=1e-6)


def known(matrix: np.ndarray, alpha: float) -> np.ndarray:
    return matrix.shape[1] + alpha * matrix.sum(axis=1)


def test_the_pull_grows_with_what_is_known(data: Dataset) -> None:
    """λ (Σ c)^ν over its mean, in plain numpy, for a fold-in of everybody."""
    config = CONFIG | {"nu": 0.7}
    weights = data.matrix().toarray()
    people, items = known(weights, 4.0), known(weights.T, 4.0)[weights.any(axis=0)]
    pull = 2.0 * people**0.7 / np.mean(np.concatenate([people, items]) ** 0.7)
    factors = models.make("als", config).fit(data, FitOptions(threads=1)).weights()["factors"].astype(np.float64)
    expected = []
    for one, own in zip(weights, pull, strict=True):
        system = factors.T @ ((1 + 4.0 * one)[:, None] * factors) + own * np.eye(8)
        expected.append(factors @ np.linalg.solve(system, factors.T @ ((1 + 4.0 * one) * (one > 0))))
    found = models.make("als", config).fit(data, FitOptions(threads=1)).score(data.histories())
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert np.ptp(pull) > 0.05  # it does differ between people


def test_without_nu_everybody_is_pulled_alike(data: Dataset, model: Model) -> None:
    one = models.make("als", CONFIG | {"nu": 0.0}).fit(data, FitOptions(threads=1))
    np.testing.assert_array_equal(one.score(data.histories()), model.score(data.histories()))


def test_a_faded_event_counts_by_what_is_left_of_it(data: Dataset, model: Model) -> None:
    fading = models.make("als", CONFIG | {"memory": 3.0}).fit(data, FitOptions(threads=1))
    factors = model.weights()["factors"].astype(np.float64)
    np.testing.assert_array_equal(fading.weights()["factors"], model.weights()["factors"])  # learned without fading
    one = data.histories(np.array([3]))
    faded = np.divide(one.recent(3.0), one.weights, out=np.zeros(len(one.weights)), where=one.weights > 0)
    near, extra = factors[one.item_rows], 4.0 * one.weights * faded
    system = factors.T @ factors + near.T @ (extra[:, None] * near) + 2.0 * np.eye(8)
    expected = factors @ np.linalg.solve(system, near.T @ (faded + extra))
    np.testing.assert_allclose(fading.score(one)[0], expected, atol=1e-5)
    assert not np.allclose(model.score(one)[0], expected, atol=1e-3)


@pytest.mark.parametrize("nu", [0.0, 1.0])
def test_an_update_is_half_an_epoch_for_the_items_named(data: Dataset, nu: float) -> None:
    config = CONFIG | {"nu": nu}
    fitted = models.make("als", config).fit(data, FitOptions(threads=1))
    typical = float(fitted.weights()["typical"][0])
    items = np.array([2, 5, 40])
    factors = fitted.weights()["factors"].astype(np.float64)
    weights = data.matrix().toarray().astype(np.float64)

    def best(others: np.ndarray, wants: np.ndarray) -> np.ndarray:
        found = []
        for one, sums in zip(wants, known(wants, 4.0), strict=True):
            system = others.T @ ((1 + 4.0 * one)[:, None] * others) + 2.0 * sums**nu / typical * np.eye(8)
            found.append(np.linalg.solve(system, others.T @ ((1 + 4.0 * one) * (one > 0))))
        return np.array(found)

    people = best(factors, weights)
    expected = factors.copy()
    expected[items] = best(people, weights.T)[items]
    updated = fitted.update(data.histories(), items)
    assert updated is fitted
    # The axes may have turned; products between items say the same about any axes.
    found = updated.weights()["factors"]
    np.testing.assert_allclose(found @ found.T, expected @ expected.T, atol=1e-5)
    assert not np.allclose(expected, factors, atol=1e-4)


def test_an_update_learns_an_item_that_nobody_had_met(data: Dataset) -> None:
    new = 7
    old = data.with_events(data.events.item_rows != new)
    fitted = models.make("als", CONFIG).fit(old, FitOptions(threads=1))
    assert not fitted.weights()["factors"][new].any()
    fitted.update(data.histories(), np.array([new]))
    wanted = data.matrix().toarray()[:, new] > 0
    scores = fitted.score(old.histories())[:, new]
    assert scores[wanted].mean() > scores[~wanted].mean()


@pytest.mark.parametrize("width", [2, 8, 40])
def test_short_and_long_histories_are_placed_alike(data: Dataset, width: int) -> None:
    """Where a history is shorter than the vectors are wide another set of equations is solved."""
    fitted = models.make("als", CONFIG | {"embedding_size": width}).fit(data, FitOptions(threads=1))
    rows = np.tile(np.arange(N_ITEMS), (data.n_users, 1))
    totals = np.zeros(rows.shape)
    assert isinstance(fitted, models.Attributes)
    np.add.at(totals, data.histories().query_rows, fitted.contributions(data.histories(), rows))
    np.testing.assert_allclose(totals, fitted.score(data.histories()), atol=1e-5)


def test_the_solver_reaches_the_loss_of_the_package_implicit(data: Dataset) -> None:
    implicit = pytest.importorskip("implicit.cpu.als")
    matrix, weights = data.matrix(), data.matrix().toarray()
    matrix.data = 1 + 4.0 * matrix.data
    with threadpool_limits(limits=1, user_api="blas"):
        solver = implicit.AlternatingLeastSquares(factors=8, regularization=2.0, iterations=10, num_threads=1)
        solver.fit(sp.csr_matrix(matrix, dtype=np.float32), show_progress=False)

    def loss(factors: np.ndarray) -> float:
        people = np.array([place(factors, one)[0] for one in weights])
        cells = (1 + 4.0 * weights) * ((weights > 0) - people @ factors.T) ** 2
        return float(cells.sum() + 2.0 * ((people**2).sum() + (factors**2).sum()))

    ours = models.make("als", CONFIG).fit(data, FitOptions(threads=1)).weights()["factors"]
    assert loss(ours) == pytest.approx(loss(solver.item_factors), rel=0.01)


def test_another_seed_is_another_model(data: Dataset, model: Model) -> None:
    other = models.make("als", CONFIG).fit(data, FitOptions(seed=1, threads=1))
    assert not np.array_equal(other.weights()["factors"], model.weights()["factors"])


def test_items_nobody_wanted_have_no_factors(data: Dataset) -> None:
    unwanted = int(data.events.item_rows[0])
    rest = data.with_events(data.events.item_rows != unwanted)
    factors = models.make("als", CONFIG).fit(rest, FitOptions(threads=1)).weights()["factors"]
    assert not factors[unwanted].any()
    everything = Queries.of_histories([(np.arange(data.n_items), np.zeros(data.n_items), np.ones(data.n_items))])
    assert np.isfinite(models.make("als", CONFIG).fit(rest).score(everything)).all()


def test_progress_counts_the_epochs_and_nothing_is_printed(data: Dataset, capfd: pytest.CaptureFixture[str]) -> None:
    told: list[tuple[str, int, int]] = []
    options = FitOptions(progress=lambda label, done, total: told.append((label, done, total)))
    models.make("als", CONFIG).fit(data, options)
    assert told == [("ALS", done, 10) for done in range(11)]
    assert capfd.readouterr() == ("", "")
