"""What is particular to SLIM: weights that are positive, few, and the best of their kind."""

from __future__ import annotations

import numpy as np

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


def weights(data: Dataset, **settings: float) -> np.ndarray:
    """(N, N), as the scores of histories of one item each."""
    model = models.make("slim", settings).fit(data)
    single = [(np.array([item]), np.zeros(1), np.ones(1)) for item in range(data.n_items)]
    return np.asarray(model.score(Queries.of_histories(single)))


def objective(x: np.ndarray, item: int, b: np.ndarray, l2: float, l1: float) -> float:
    miss = x[:, item] - x @ b
    return float(0.5 * miss @ miss + 0.5 * l2 * b @ b + l1 * b.sum())


def test_each_column_is_the_best_of_its_kind() -> None:
    """Against projected gradient descent on the plain objective, slow and sure."""
    data, l2, l1 = likes(), 2.0, 1.0
    x = data.matrix().toarray().astype(np.float64)
    found = weights(data, l2=l2, l1=l1, neighbors=100, epochs=500).astype(np.float64)
    step = 1 / (np.linalg.eigvalsh(x.T @ x)[-1] + l2)
    for item in (0, 7, 29):
        b = np.zeros(30)
        for _ in range(5_000):
            b = np.maximum(0, b - step * (x.T @ (x @ b - x[:, item]) + l2 * b + l1))
            b[item] = 0
        assert objective(x, item, found[:, item], l2, l1) <= objective(x, item, b, l2, l1) * (1 + 1e-4)
    assert np.all(np.diagonal(found) == 0)
    assert found.min() == 0


def test_more_l1_makes_fewer_weights() -> None:
    data = likes()
    counts = [np.count_nonzero(weights(data, l1=l1)) for l1 in (0.0, 1.0, 5.0, 100.0)]
    assert counts[0] > counts[1] > counts[2] > counts[3] == 0


def test_no_item_is_predicted_from_more_than_its_neighbours() -> None:
    assert np.count_nonzero(weights(likes(), l1=0.0, neighbors=4), axis=0).max() == 4


def test_sweeps_are_bounded() -> None:
    data = likes()
    assert not np.allclose(weights(data, epochs=1), weights(data, epochs=100), atol=1e-4)


def test_a_fading_history_counts_its_newest_event_most() -> None:
    data = likes()
    history = Queries.of_histories([(np.array([1, 5]), np.arange(2), np.ones(2))])
    faded = Queries.of_histories([(np.array([1, 5]), np.arange(2), np.exp([-1 / 1.5, 0]))])
    fading, lasting = (models.make("slim", {"memory": memory}).fit(data) for memory in (1.5, None))
    np.testing.assert_allclose(fading.score(history), lasting.score(faded), atol=1e-6)
