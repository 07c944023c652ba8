"""The best few from vectors: the same as `top_k` of the products."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from serendip.retrieval import batch, top_k
from serendip.retrieval.batch import recommend


def vectors(n: int, levels: int, seed: int) -> np.ndarray:
    """Small whole numbers: their products are exact, and few levels make many equals."""
    return np.random.default_rng(seed).integers(-levels, levels + 1, (n, 4)).astype(np.float32)


@pytest.mark.parametrize("n_items", [1, 7, 31, 32, 33, 500])
@pytest.mark.parametrize("levels", [0, 1, 50])
@pytest.mark.parametrize("threads", [1, 2])
def test_agrees_with_top_k_of_the_products(n_items: int, levels: int, threads: int) -> None:
    people, items = vectors(60, levels, 0), vectors(n_items, levels, 1)
    seen = sp.csr_array(np.random.default_rng(2).random((60, n_items)) < np.linspace(0, 1, 60)[:, None])
    scores = people @ items.T
    for mask in (None, seen):
        if mask is not None:
            scores = np.where(mask.toarray(), -np.inf, scores).astype(np.float32)
        for k in (0, 1, 2, 10, 40):
            rows, best = recommend(people, items, k, mask, seed=3, threads=threads)
            expected = top_k(scores, k, seed=3)
            np.testing.assert_array_equal(rows, expected[0])
            np.testing.assert_array_equal(best, expected[1])
            assert rows.dtype == np.int32


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    people, items = vectors(50, 2, 0), vectors(90, 2, 1)
    whole = recommend(people, items, 10)
    monkeypatch.setattr(batch, "BLOCK_SCORES", 200)
    for one, other in zip(recommend(people, items, 10, threads=2), whole, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_vector_that_is_no_number_lists_nothing() -> None:
    people = np.array([[np.nan, 1.0], [1.0, 0.0]], np.float32)
    rows, best = recommend(people, np.eye(2, dtype=np.float32), 2)
    np.testing.assert_array_equal(rows[0], [-1, -1])
    assert (best[0] == -np.inf).all()
    np.testing.assert_array_equal(rows[1], [0, 1])


def test_nobody_asks() -> None:
    rows, best = recommend(np.empty((0, 4), np.float32), vectors(5, 1, 0), 3)
    assert rows.shape == best.shape == (0, 3)


def test_what_is_handed_in_stays_as_it_was() -> None:
    people, items = vectors(5, 3, 0), vectors(9, 3, 1)
    copies = people.copy(), items.copy()
    recommend(people, items, 3, sp.csr_array(np.ones((5, 9), bool)))
    np.testing.assert_array_equal(people, copies[0])
    np.testing.assert_array_equal(items, copies[1])
