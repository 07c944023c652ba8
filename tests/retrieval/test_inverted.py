"""An index finds what a look at every item finds, up to the few that lie in lists it does not look into."""

from __future__ import annotations

import numpy as np
import pytest

from serendip.data.arrays import FloatArray
from serendip.retrieval import InvertedLists, best_of

N, D, K = 4_000, 16, 20


@pytest.fixture(scope="module")
def vectors() -> FloatArray:
    random = np.random.default_rng(0)
    kinds = random.normal(size=(30, D))
    lengths = random.lognormal(sigma=0.5, size=(N, 1))  # well-known items have long vectors
    return np.asarray(lengths * (kinds[random.integers(0, 30, N)] + 0.5 * random.normal(size=(N, D))), np.float32)


@pytest.fixture(scope="module")
def index(vectors: FloatArray) -> InvertedLists:
    return InvertedLists.build(vectors)


def exact(vectors: FloatArray, query: FloatArray, allowed: np.ndarray) -> list[int]:
    scores = vectors @ query
    rows = np.flatnonzero(allowed & (scores > 0))
    return best_of(rows, scores[rows], K, N)[0].tolist()


def people(vectors: FloatArray, n: int) -> FloatArray:
    """Near what they want."""
    return np.asarray(vectors[np.random.default_rng(3).integers(0, N, (n, 5))].mean(axis=1))


def test_without_slack_it_is_exact(index: InvertedLists, vectors: FloatArray) -> None:
    allowed = np.random.default_rng(1).random(N) < 0.5
    for query in people(vectors, 20):
        assert index.search(query, K, allowed)[0].tolist() == exact(vectors, query, allowed)


def test_with_slack_it_misses_little_and_looks_at_less(index: InvertedLists, vectors: FloatArray) -> None:
    def share_found(slack: float) -> float:
        everything = np.ones(N, bool)
        hits = [
            len(set(index.search(query, K, everything, slack)[0]) & set(exact(vectors, query, everything)))
            for query in people(vectors, 100)
        ]
        return float(np.mean(hits)) / K

    assert 0.95 < share_found(0.5) < 1
    assert share_found(0) < share_found(0.5)


def test_it_looks_on_until_it_has_enough_that_may_be_listed(index: InvertedLists, vectors: FloatArray) -> None:
    (query,) = people(vectors, 1)
    rare = np.random.default_rng(5).random(N) < 0.02
    rows, scores = index.search(query, K, rare, slack=0.2)
    assert len(rows) == K
    assert rare[rows].all()
    assert (scores > 0).all()
    assert len(index.search(query, K, np.zeros(N, bool))[0]) == 0


def test_who_wants_nothing_finds_nothing(index: InvertedLists) -> None:
    assert len(index.search(np.zeros(D, np.float32), K, np.ones(N, bool))[0]) == 0


def test_each_item_lies_in_one_list(index: InvertedLists) -> None:
    assert np.sort(index.order).tolist() == list(range(N))
    assert index.offsets[-1] == N


def test_saved_and_read_it_is_the_same(index: InvertedLists, vectors: FloatArray) -> None:
    again = InvertedLists.of_arrays(index.arrays(), vectors)
    np.testing.assert_array_equal(again.packed, index.packed)


@pytest.mark.parametrize("n", [0, 1, 3])
def test_few_items_are_no_trouble(n: int) -> None:
    vectors = np.eye(max(n, 1), 4, dtype=np.float32)[:n]
    index = InvertedLists.build(vectors)
    rows, _ = index.search(np.ones(4, np.float32), 5, np.ones(n, bool))
    assert sorted(rows.tolist()) == list(range(n))
