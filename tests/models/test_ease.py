"""What is particular to EASE: both ways to the one solution, and figures known from elsewhere."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from serendip import models
from serendip.data import Dataset, Queries, Tables, event_frame
from serendip.models import ease
from serendip.models.ease import STRIP, through_items, through_people


def preferences(people: int, items: int, seed: int = 0) -> sp.csr_array:
    generator = np.random.default_rng(seed)
    dense = (generator.random((people, items)) < 0.2) * generator.choice([0.2, 0.7, 1.0], (people, items))
    return sp.csr_array(dense, dtype=np.float32)


def reference(x: sp.csr_array, l2: float) -> np.ndarray:
    """Steck's equation 8 in plain float64."""
    dense = x.toarray().astype(np.float64)
    p = np.linalg.inv(dense.T @ dense + l2 * np.eye(dense.shape[1]))
    b = -p / np.diagonal(p)
    np.fill_diagonal(b, 0.0)
    return b


@pytest.mark.parametrize("shape", [(30, 80), (80, 80), (200, 80), (40, STRIP + 70)])
@pytest.mark.parametrize("l2", [0.1, 10.0, 1000.0])
def test_both_ways_reach_the_plain_solution(shape: tuple[int, int], l2: float) -> None:
    x = preferences(*shape)
    expected = reference(x, l2)
    for way in (through_items, through_people):
        found = way(x, l2)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_large_matrix_is_inverted_by_halves(monkeypatch: pytest.MonkeyPatch) -> None:
    """LAPACK would crash on it; small blocks stand in for large ones, 80 rows becoming 40, 20, 10."""
    x = preferences(200, 80)
    monkeypatch.setattr(ease, "LARGEST_BLOCK", 15)
    np.testing.assert_allclose(through_items(x, 10.0), reference(x, 10.0), atol=1e-5)


def test_the_solution_is_the_best_there_is() -> None:
    """Each column is the ridge regression of an item on all others, and no item predicts itself."""
    x, l2 = preferences(60, 25), 3.0
    found, dense = through_items(x, l2), x.toarray().astype(np.float64)
    for item in range(25):
        others = np.delete(np.arange(25), item)
        gram = dense[:, others].T @ dense[:, others] + l2 * np.eye(24)
        alone = np.linalg.solve(gram, dense[:, others].T @ dense[:, item])
        np.testing.assert_allclose(found[others, item], alone, atol=1e-5)
        assert found[item, item] == 0


def likes(pairs: list[tuple[str, str]]) -> Dataset:
    users, items = zip(*pairs, strict=True)
    return Dataset.from_tables(Tables(event_frame({"user_id": users, "item_id": items, "type": ["like"] * len(pairs)})))


def test_only_the_most_wanted_take_part_where_there_are_too_many() -> None:
    pairs = [(f"u{person}", f"i{item}") for item in range(6) for person in range(10 - item)]
    data = likes(pairs)
    scores = models.make("ease", {"max_items": 3, "l2": 1}).fit(data).score(data.histories())
    taking_part = np.flatnonzero(np.abs(scores).sum(axis=0) > 0)
    assert data.items.vocabulary.ids(taking_part) == ["i0", "i1", "i2"]


def test_what_is_kept_is_a_square_of_float32_over_the_wanted_items() -> None:
    data = likes([("ann", "tea"), ("bo", "tea"), ("bo", "cake")])
    extra = event_frame({"item_id": ["tea", "cake", *[f"i{row}" for row in range(100)]]}).select("item_id")
    wider = Dataset.from_tables(
        Tables(
            event_frame({"user_id": ["ann", "bo", "bo"], "item_id": ["tea", "tea", "cake"], "type": ["like"] * 3}),
            extra,
        )
    )
    assert (data.n_items, wider.n_items) == (2, 102)
    assert models.make("ease").fit(wider).weights()["b"].nbytes == 2 * 2 * 4


def test_a_history_is_answered_by_the_sum_of_its_rows() -> None:
    data = likes([(f"u{person}", f"i{(person + step) % 9}") for person in range(9) for step in range(3)])
    model = models.make("ease", {"l2": 2}).fit(data)
    one, other = (np.array([row]) for row in (1, 5))
    alone = model.score(Queries.of_histories([(one, np.zeros(1), np.ones(1)), (other, np.zeros(1), np.full(1, 0.2))]))
    both = model.score(Queries.of_histories([(np.array([1, 5]), np.zeros(2), np.array([1.0, 0.2]))]))
    np.testing.assert_allclose(both[0], alone.sum(axis=0), atol=1e-6)


@pytest.mark.parametrize("people", [20, 100])  # fewer than items, and more
def test_a_fitted_model_scores_by_the_plain_solution(people: int) -> None:
    generator = np.random.default_rng(people)
    pairs = np.argwhere(generator.random((people, 40)) < 0.3)
    data = likes([(f"u{person}", f"i{item}") for person, item in pairs])
    found = models.make("ease", {"l2": 5}).fit(data).score(data.histories())
    np.testing.assert_allclose(found, data.matrix().toarray() @ reference(data.matrix(), 5), atol=1e-5)
