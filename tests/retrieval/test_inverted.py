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


def found(index: InvertedLists, query: FloatArray, probes: int, allowed: np.ndarray) -> list[int]:
    return best_of(*index.search(query, K, probes, allowed), K, N)[0].tolist()


def test_with_every_list_it_is_exact(index: InvertedLists, vectors: FloatArray) -> None:
    allowed = np.random.default_rng(1).random(N) < 0.5
    for query in np.random.default_rng(2).normal(size=(20, D)).astype(np.float32):
        assert found(index, query, len(index.centres), allowed) == exact(vectors, query, allowed)


def test_with_few_lists_it_misses_little(index: InvertedLists, vectors: FloatArray) -> None:
    everything = np.ones(N, bool)
    random = np.random.default_rng(3)
    queries = vectors[random.integers(0, N, (100, 5))].mean(axis=1)  # people are near what they want
    hits = [len(set(found(index, q, 32, everything)) & set(exact(vectors, q, everything))) for q in queries]
    assert np.mean(hits) / K > 0.9
    blind = [len(set(found(index, q, 1, everything)) & set(exact(vectors, q, everything))) for q in queries]
    assert np.mean(blind) < np.mean(hits)  # and the number of lists is what decides it


def test_it_looks_on_until_it_has_enough_that_may_be_listed(index: InvertedLists) -> None:
    query = np.random.default_rng(4).normal(size=D).astype(np.float32)
    rare = np.random.default_rng(5).random(N) < 0.02
    rows, scores = index.search(query, K, 1, rare)
    assert len(rows) >= K
    assert rare[rows].all()
    assert (scores > 0).all()
    assert len(index.search(query, K, 1, np.zeros(N, bool))[0]) == 0


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
    rows, _ = index.search(np.ones(4, np.float32), 5, 2, np.ones(n, bool))
    assert sorted(rows.tolist()) == list(range(n))
