"""What is particular to NMF: nothing is below 0, and the fold-in is the one best solution that is not."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import nnls

from serendip import models
from serendip.data import Dataset, Tables, event_frame
from serendip.models import Model
from serendip.training import FitOptions

N_ITEMS = 40
CONFIG = {"embedding_size": 6, "alpha": 4.0, "l2": 2.0, "epochs": 15}
ONE = FitOptions(threads=1)


@pytest.fixture(scope="module")
def data() -> Dataset:
    generator = np.random.default_rng(1)
    people = generator.integers(0, 60, 900)
    things = (generator.zipf(1.4, 900) % 15 + 12 * (people % 3)) % N_ITEMS
    columns = {
        "user_id": [f"u{row:02}" for row in people],
        "item_id": [f"i{row:02}" for row in things],
        "type": generator.choice(["view", "like", "cart"], 900).tolist(),
    }
    return Dataset.from_tables(Tables(event_frame(columns)))


@pytest.fixture(scope="module")
def model(data: Dataset) -> Model:
    return models.make("nmf", CONFIG).fit(data, ONE)


def place(factors: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """argmin over x ≥ 0 by Lawson and Hanson's method, from scipy."""
    confidence = np.sqrt(1 + 4.0 * weights)
    rows = np.concatenate([confidence[:, None] * factors, np.sqrt(2.0) * np.eye(factors.shape[1])])
    return nnls(rows, np.concatenate([confidence * (weights > 0), np.zeros(factors.shape[1])]))[0]


def test_factors_are_not_below_0_and_many_are_0(model: Model) -> None:
    factors = model.weights()["factors"]
    assert factors.min() == 0
    assert 0.1 < np.mean(factors == 0) < 0.9


def test_the_fold_in_is_non_negative_least_squares(data: Dataset, model: Model) -> None:
    factors = model.weights()["factors"].astype(np.float64)
    expected = [factors @ place(factors, one) for one in data.matrix().toarray().astype(np.float64)]
    np.testing.assert_allclose(model.score(data.histories()), expected, atol=1e-5)
    # The bound is at work: without it people would stand elsewhere.
    free = np.linalg.solve(factors.T @ factors + 2.0 * np.eye(6), factors.T @ (data.matrix().toarray()[0] > 0))
    assert free.min() < 0


def test_people_and_items_come_to_rest_where_each_is_best_given_the_other(data: Dataset) -> None:
    factors = models.make("nmf", CONFIG | {"epochs": 500}).fit(data, ONE).weights()["factors"].astype(np.float64)
    weights = data.matrix().toarray().astype(np.float64)
    people = np.array([place(factors, one) for one in weights])
    again = np.array([place(people, one) for one in weights.T])
    np.testing.assert_allclose(again, factors, atol=5e-3)


def test_what_an_event_adds_is_its_part_of_the_solution_over_the_active_numbers(data: Dataset, model: Model) -> None:
    factors, one = model.weights()["factors"].astype(np.float64), data.histories(np.array([3]))
    weights = one.matrix(data.n_items).toarray()[0].astype(np.float64)
    some = place(factors, weights) > 1e-12
    y = factors[:, some]
    w = np.linalg.inv(y.T @ ((1 + 4.0 * weights)[:, None] * y) + 2.0 * np.eye(some.sum()))
    confidence = np.where(one.weights > 0, 1 + 4.0 * one.weights, 0.0)
    expected = (y[one.item_rows] * confidence[:, None]) @ w @ y.T
    assert isinstance(model, models.Attributes)
    np.testing.assert_allclose(model.contributions(one, np.arange(data.n_items)[None]), expected, atol=1e-5)
    assert not some.all()


def test_epochs_lower_the_loss(data: Dataset) -> None:
    def loss(epochs: int) -> float:
        fitted = models.make("nmf", CONFIG | {"epochs": epochs}).fit(data, ONE)
        weights = data.matrix().toarray()
        return float(((1 + 4.0 * weights) * ((weights > 0) - fitted.score(data.histories())) ** 2).sum())

    assert loss(20) < loss(1)


def test_parts_are_kinds_of_items() -> None:
    """Three kinds of people who each want items of one kind: three parts, none of which mixes two kinds."""
    pairs = [(user, item) for user in range(30) for item in range(30) if user % 3 == item % 3 and (user + item) % 4]
    columns = {"user_id": [f"{u:02}" for u, _ in pairs], "item_id": [f"{i:02}" for _, i in pairs]}
    dataset = Dataset.from_tables(Tables(event_frame(columns | {"type": ["like"] * len(pairs)})))
    factors = models.make("nmf", CONFIG | {"embedding_size": 3, "epochs": 60}).fit(dataset, ONE).weights()["factors"]
    kinds = np.array([int(item) % 3 for item in dataset.items.vocabulary.ids(np.arange(30))])
    assert sorted(factors[kinds == kind].sum(axis=0).argmax() for kind in range(3)) == [0, 1, 2]
    assert np.count_nonzero(factors > 0.01, axis=1).max() == 1


def test_another_seed_is_another_model(data: Dataset, model: Model) -> None:
    other = models.make("nmf", CONFIG).fit(data, FitOptions(seed=1, threads=1))
    assert not np.array_equal(other.weights()["factors"], model.weights()["factors"])


def test_a_memory_fades_the_history_asked_with(data: Dataset, model: Model) -> None:
    fading = models.make("nmf", CONFIG | {"memory": 2.0}).fit(data, ONE)
    for name, array in model.weights().items():
        np.testing.assert_array_equal(fading.weights()[name], array)  # learned without fading
    factors, weights = model.weights()["factors"].astype(np.float64), np.zeros(data.n_items)
    one, worth = data.histories(np.array([3])), np.zeros(data.n_items)
    extra = 4.0 * one.recent(2.0)
    counts = one.weights > 0
    np.add.at(weights, one.item_rows, extra)
    np.add.at(worth, one.item_rows[counts], (one.recent(2.0) / np.maximum(one.weights, 1e-9))[counts] + extra[counts])
    confidence = np.sqrt(1 + weights)
    rows = np.concatenate([confidence[:, None] * factors, np.sqrt(2.0) * np.eye(6)])
    expected = factors @ nnls(rows, np.concatenate([worth / confidence, np.zeros(6)]))[0]
    np.testing.assert_allclose(fading.score(one)[0], expected, atol=1e-5)
    assert not np.allclose(model.score(one)[0], expected, atol=1e-3)
