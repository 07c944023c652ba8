"""What is particular to sparse EASE: it is EASE over fewer neighbours."""

from __future__ import annotations

import numpy as np
import pytest

from serendip import models
from serendip.data import Dataset, Queries, Tables, event_frame


def likes(people: int = 200, items: int = 30, seed: int = 1) -> Dataset:
    pairs = np.argwhere(np.random.default_rng(seed).random((people, items)) < 0.25)
    columns = {
        "user_id": [f"u{person}" for person, _ in pairs],
        "item_id": [f"i{item}" for _, item in pairs],
        "type": ["like"] * len(pairs),
    }
    return Dataset.from_tables(Tables(event_frame(columns)))


@pytest.mark.parametrize("memory", [None, 3.0])
def test_with_all_for_neighbours_it_is_ease(memory: float | None) -> None:
    data = likes()
    sparse = models.make("sparse_ease", {"l2": 5, "neighbors": 100, "memory": memory}).fit(data)
    whole = models.make("ease", {"l2": 5, "memory": memory}).fit(data)
    np.testing.assert_allclose(sparse.score(data.histories()), whole.score(data.histories()), atol=1e-5)


def test_no_item_is_predicted_from_more_than_its_neighbours() -> None:
    data = likes()
    weights = models.make("sparse_ease", {"neighbors": 4}).fit(data).weights()
    assert np.bincount(weights["indices"], minlength=30).max() == 4
    assert weights["data"].nbytes == 4 * 4 * 30


def test_damped_rows_are_ridge_regression_with_weighted_people() -> None:
    data = likes()
    found = models.make("sparse_ease", {"l2": 0.5, "neighbors": 100, "damping": 0.5}).fit(data)
    x = data.matrix().toarray().astype(np.float64)
    x /= np.sqrt(x.sum(axis=1, keepdims=True))
    p = np.linalg.inv(x.T @ x + 0.5 * np.eye(30))
    b = -p / np.diagonal(p)
    np.fill_diagonal(b, 0)
    np.testing.assert_allclose(found.score(data.histories()), data.matrix() @ b, atol=1e-5)


def test_a_fading_history_counts_its_newest_event_most() -> None:
    data = likes()
    history = Queries.of_histories([(np.array([1, 5]), np.arange(2), np.ones(2))])
    faded = Queries.of_histories([(np.array([1, 5]), np.arange(2), np.exp([-1 / 1.5, 0]))])
    fading, lasting = (models.make("sparse_ease", {"memory": memory}).fit(data) for memory in (1.5, None))
    np.testing.assert_allclose(fading.score(history), lasting.score(faded), atol=1e-6)
