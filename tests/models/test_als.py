"""What is particular to ALS: the exact fold-in, its shares, and the solver's manners."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from implicit.cpu.als import AlternatingLeastSquares
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


def test_the_fold_in_agrees_with_the_solver_itself(data: Dataset, model: Model) -> None:
    factors, matrix = model.weights()["factors"], data.matrix()
    matrix.data = 1 + CONFIG["alpha"] * matrix.data
    with threadpool_limits(limits=1, user_api="blas"):
        solver = AlternatingLeastSquares(factors=8, regularization=CONFIG["l2"], num_threads=1)
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
    monkeypatch.setattr("serendip.models.als.BATCH_EVENTS", events)
    np.testing.assert_allclose(model.score(queries), whole, atol=1e-6)
    np.testing.assert_allclose(model.contributions(queries, rows), parts, atol=1e-6)


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
