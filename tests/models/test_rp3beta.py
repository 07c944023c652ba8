"""What is particular to RP3beta: the formula, the neighbours kept, popularity, fading."""

from __future__ import annotations

import numpy as np
import pytest

from serendip import models
from serendip.data import Dataset, Queries, Tables, event_frame

N_ITEMS = 30


@pytest.fixture(scope="module")
def data() -> Dataset:
    generator = np.random.default_rng(1)
    columns = {
        "user_id": [f"u{row}" for row in generator.integers(0, 40, 500)],
        "item_id": [f"i{row}" for row in generator.zipf(1.3, 500) % N_ITEMS],
        "type": generator.choice(["view", "like", "cart"], 500).tolist(),
    }
    items = event_frame({"item_id": [f"i{row}" for row in range(N_ITEMS)]}).select("item_id")
    return Dataset.from_tables(Tables(event_frame(columns), items))


def walks(data: Dataset, **config: float) -> np.ndarray:
    """Where walks end from each item of a history of one, (N, N)."""
    every_item = [(np.array([row]), np.zeros(1), np.ones(1)) for row in range(N_ITEMS)]
    return models.make("rp3beta", config).fit(data).score(Queries.of_histories(every_item))


@pytest.mark.parametrize("alpha", [0.5, 1.0])
@pytest.mark.parametrize("beta", [0.0, 0.7])
@pytest.mark.parametrize("neighbors", [3, N_ITEMS])
def test_the_chances_of_walks(data: Dataset, alpha: float, beta: float, neighbors: int) -> None:
    wants = data.matrix().toarray().astype(np.float64)
    there = (wants / np.maximum(wants.sum(axis=0), 1e-9)).T ** alpha  # (N, U)
    back = (wants / np.maximum(wants.sum(axis=1, keepdims=True), 1e-9)) ** alpha  # (U, N)
    expected = there @ back / np.maximum((wants > 0).sum(axis=0), 1) ** beta
    np.fill_diagonal(expected, 0)
    found = walks(data, alpha=alpha, beta=beta, neighbors=neighbors)
    np.testing.assert_allclose(
        np.sort(found, axis=1)[:, -neighbors:], np.sort(expected, axis=1)[:, -neighbors:], rtol=1e-4, atol=1e-7
    )
    kept = found > 0
    np.testing.assert_allclose(found[kept], expected[kept], rtol=1e-4)
    assert kept.sum(axis=1).max() <= neighbors


def test_beta_takes_from_what_is_popular(data: Dataset) -> None:
    popularity = np.bincount(data.matrix().indices, minlength=N_ITEMS)
    plain, damped = walks(data, beta=0.0), walks(data, beta=0.9)
    mean = lambda scores: (scores / scores.sum(axis=1, keepdims=True).clip(1e-9) @ popularity).mean()  # noqa: E731
    assert mean(damped) < 0.8 * mean(plain)


def test_an_event_that_fades_counts_less(data: Dataset) -> None:
    one, two = np.argsort(-np.bincount(data.matrix().indices, minlength=N_ITEMS))[:2]
    both = Queries.of_histories([(np.array([one, two]), np.zeros(2), np.ones(2))])
    first, second = walks(data)[[one, two]]
    found = models.make("rp3beta", {"memory": 2.0}).fit(data).score(both)[0]
    np.testing.assert_allclose(found, np.exp(-0.5) * first + second, rtol=1e-5, atol=1e-7)
