"""The best few of each row of scores, exactly, without sorting whole rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serendip.algebra.compiled import compiled_short
from serendip.data.arrays import BoolArray, FloatArray, IntArray, Sparse
from serendip.data.vocabulary import UNKNOWN
from serendip.errors import InputError
from serendip.retrieval.index import admitted, checked, checked_rows

STRIPE = 8
"""Items whose best stands for them all while the rest of a row is passed over."""
FEW = 4
"""A row of which more than `FEW` times K items reach its floor is full of equals and takes the longer way."""
BLOCK_SCORES = 1 << 20
"""Scores that `Exact` makes at once, 4 MB, where there are several queries."""


@dataclass(frozen=True)
class Exact:
    """An index that looks at every vector."""

    vectors: FloatArray  # (N, D) float32
    gone: IntArray  # rows that were removed

    @classmethod
    def build(cls, vectors: FloatArray) -> Exact:
        """
        Raises:
            InputError: they are no table, or a number is not finite.
        """
        return cls(checked(vectors), np.empty(0, np.int64))

    def __len__(self) -> int:
        return len(self.vectors)

    def search(
        self,
        vectors: FloatArray,
        k: int,
        only: BoolArray | None = None,
        without: Sparse | None = None,
        above: float = -np.inf,
    ) -> tuple[IntArray, FloatArray]:
        """See `Index`."""
        vectors = checked(vectors, self.vectors.shape[1])
        k, size = min(k, len(self)), max(1, BLOCK_SCORES // max(1, len(self)))
        rows, best = np.empty((len(vectors), k), np.int32), np.empty((len(vectors), k), np.float32)
        masks = admitted(only, without, len(vectors), len(self))
        for start in range(0, len(vectors), size):
            some = slice(start, start + size)
            scores = vectors[some] @ self.vectors.T
            for own in scores:
                own[~next(masks)] = -np.inf
            scores[:, self.gone] = -np.inf
            scores[scores <= above] = -np.inf
            rows[some], best[some] = top_k(scores, k)
        return rows, best

    def add(self, vectors: FloatArray) -> Exact:
        """See `Index`."""
        return replace(self, vectors=np.concatenate([self.vectors, checked(vectors, self.vectors.shape[1])]))

    def remove(self, rows: IntArray) -> Exact:
        """See `Index`."""
        return replace(self, gone=np.union1d(self.gone, checked_rows(rows, len(self))))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """See `Index`."""
        return {"gone": self.gone, "shape": np.array(self.vectors.shape)}

    @classmethod
    def restore(cls, arrays: dict[str, NDArray[Any]], vectors: FloatArray) -> Exact:
        """See `retrieval.restore`."""
        if vectors.shape != tuple(arrays["shape"]):
            raise InputError(f"the index is of {arrays['shape'][0]} items, and of the vectors there are {len(vectors)}")
        return cls(np.ascontiguousarray(vectors, np.float32), arrays["gone"])


@lru_cache(maxsize=8)
def tie_order(n_items: int, seed: int) -> IntArray:
    """The order in which equals come, (N,)."""
    return np.random.default_rng(seed).permutation(n_items)


@lru_cache(maxsize=8)
def tie_rank(n_items: int, seed: int) -> IntArray:
    """The place of each item among its equals, (N,); not to be written."""
    rank = np.empty(n_items, np.int64)
    rank[tie_order(n_items, seed)] = np.arange(n_items)
    return rank


def best_of(rows: IntArray, scores: FloatArray, k: int, n_items: int, seed: int = 0) -> tuple[IntArray, FloatArray]:
    """The `k` best of some distinct items of one query, best first, equals in the order of `top_k`.

    Args:
        rows: (C,) of `n_items`.
        scores: (C,) float32, finite.
    """
    return _best_of(rows, scores, min(k, len(rows)), tie_rank(n_items, seed))


@compiled_short
def _best_of(rows: IntArray, scores: FloatArray, k: int, rank: IntArray) -> tuple[IntArray, FloatArray]:
    best_rows, best, kept = np.empty(k, np.int32), np.empty(k, np.float32), 0
    for place in range(len(rows)):
        kept = put(best_rows, best, kept, rows[place], scores[place], rank)
    sorted_down(best_rows, best, kept, rank)
    return best_rows, best


@compiled_short
def put(rows: IntArray, scores: FloatArray, kept: int, row: int, score: float, rank: IntArray) -> int:
    """Keep an item if it is among the best so far, as many as there is room for; says how many are kept.

    Once full, they are a heap with the worst in front.
    """
    room = len(rows)
    if kept < room:
        rows[kept], scores[kept] = row, score
        if kept + 1 == room:
            for root in range(room // 2 - 1, -1, -1):
                _sink(rows, scores, root, room, rank)
        return kept + 1
    if room and _worse(rows[0], scores[0], row, score, rank):
        rows[0], scores[0] = row, score
        _sink(rows, scores, 0, room, rank)
    return kept


@compiled_short
def sorted_down(rows: IntArray, scores: FloatArray, kept: int, rank: IntArray) -> None:
    """Put the first `kept`, in place, in order, best first."""
    if kept < len(rows):
        for root in range(kept // 2 - 1, -1, -1):
            _sink(rows, scores, root, kept, rank)
    for last in range(kept - 1, 0, -1):  # the worst leaves the heap and goes last
        rows[0], rows[last] = rows[last], rows[0]
        scores[0], scores[last] = scores[last], scores[0]
        _sink(rows, scores, 0, last, rank)


@compiled_short
def _worse(row: int, score: float, than_row: int, than_score: float, rank: IntArray) -> bool:
    if score != than_score:
        return bool(score < than_score)
    return bool(rank[row] > rank[than_row])


@compiled_short
def _sink(rows: IntArray, scores: FloatArray, root: int, size: int, rank: IntArray) -> None:
    row, score = rows[root], scores[root]
    child = 2 * root + 1
    while child < size:
        other = child + 1
        if other < size and _worse(rows[other], scores[other], rows[child], scores[child], rank):
            child = other
        if not _worse(rows[child], scores[child], row, score, rank):
            break
        rows[root], scores[root] = rows[child], scores[child]
        root, child = child, 2 * child + 1
    rows[root], scores[root] = row, score


def top_k(scores: FloatArray, k: int, seed: int = 0) -> tuple[IntArray, FloatArray]:
    """Rows and scores of the `k` best items of each query, best first, both (B, K) with K = min(k, N).

    Items scored -inf (or NaN) are excluded; where fewer than K remain, the rest is -1 with score -inf. Ties are
    broken by an order shuffled by `seed`, never by item row: catalogues are often sorted by age or popularity, and
    row order among equals would leak it. A query's list does not depend on the others in its batch, and a shorter
    list is the beginning of a longer one.
    """
    n_items = scores.shape[1]
    k = min(k, n_items)
    if k == 0:
        return np.empty((len(scores), 0), np.int32), np.empty((len(scores), 0), scores.dtype)
    in_order = tie_order(n_items, seed)
    rows, best = _contenders(scores, k, in_order)  # (B, C), C at least K
    order = np.lexsort((tie_rank(n_items, seed)[rows], -best), axis=1)[:, :k]
    rows, best = np.take_along_axis(rows, order, axis=1).astype(np.int32), np.take_along_axis(best, order, axis=1)
    nothing = ~(best > -np.inf)
    rows[nothing], best[nothing] = UNKNOWN, -np.inf
    return rows, best


def _contenders(scores: FloatArray, k: int, in_order: IntArray) -> tuple[IntArray, FloatArray]:
    """Item rows and scores, both (B, C), that hold the K best of each query; spare places score -inf."""
    n_queries, n_items = scores.shape
    reach = scores >= _floor(scores, k)  # (B, N)
    counts = np.count_nonzero(reach, axis=1)
    short = (counts >= k) & (counts <= FEW * k)
    reach[~short], counts[~short] = False, 0
    queries = np.repeat(np.arange(n_queries), counts)
    items = np.flatnonzero(reach) - queries * n_items
    places = np.arange(len(items)) - np.repeat(np.cumsum(counts) - counts, counts)
    rows = np.zeros((n_queries, counts.max(initial=k)), np.int64)
    best = np.full(rows.shape, -np.inf, scores.dtype)
    rows[queries, places], best[queries, places] = items, scores[queries, items]
    if not short.all():
        rows[~short, :k] = longer = _by_partition(scores[~short], k, in_order)
        best[~short, :k] = np.take_along_axis(scores[~short], longer, axis=1)
    return rows, best


def _floor(scores: FloatArray, k: int) -> FloatArray:
    """A score that at least K items of each row reach, close below the K-th best, (B, 1); NaN where none is known.

    The K-th best of the maxima of `STRIPE` items each: K different stripes have an item as good.
    """
    n_stripes = scores.shape[1] // STRIPE
    if n_stripes < k:
        return np.full((len(scores), 1), np.nan, scores.dtype)
    stripes = scores[:, : STRIPE * n_stripes].reshape(len(scores), STRIPE, n_stripes)
    maxima = np.fmax.reduce(stripes, axis=1)  # (B, S); NaN loses to any number
    maxima[np.isnan(maxima)] = -np.inf
    floor = np.partition(maxima, n_stripes - k, axis=1)[:, n_stripes - k]
    return np.where(floor > -np.inf, floor, np.nan)[:, None]


def _by_partition(scores: FloatArray, k: int, in_order: IntArray) -> IntArray:
    """The K best of each query in any order, (B, K)."""
    rows = np.argpartition(-scores, k - 1, axis=1)[:, :k]
    best = np.take_along_axis(scores, rows, axis=1)
    last = best.min(axis=1, keepdims=True)  # (B, 1)
    crowded = (scores == last).sum(axis=1) > (best == last).sum(axis=1)  # more equals than places for them
    rows[crowded] = _first_of_equals(scores[crowded], last[crowded], k, in_order)
    return rows


def _first_of_equals(scores: FloatArray, last: FloatArray, k: int, in_order: IntArray) -> IntArray:
    """The K items of each query that reach `last`, (B, K); of those that equal it, the first `in_order`."""
    ordered = scores[:, in_order]
    above, level = ordered > last, ordered == last
    room = k - above.sum(axis=1, keepdims=True)
    chosen = above | (level & (np.cumsum(level, axis=1, dtype=np.int32) <= room))
    return in_order[np.nonzero(chosen)[1].reshape(-1, k)]
