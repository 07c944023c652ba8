"""The best few of each row of scores, exactly, without sorting whole rows."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from serendip.data.arrays import FloatArray, IntArray
from serendip.data.vocabulary import UNKNOWN


@lru_cache(maxsize=8)
def _tie_order(n_items: int, seed: int) -> IntArray:
    """The order in which equals come, (N,)."""
    return np.random.default_rng(seed).permutation(n_items)


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
    in_order = _tie_order(n_items, seed)
    rows = np.argpartition(-scores, k - 1, axis=1)[:, :k]  # (B, K), the best K in any order
    best = np.take_along_axis(scores, rows, axis=1)
    last = best.min(axis=1, keepdims=True)  # (B, 1)
    crowded = (scores == last).sum(axis=1) > (best == last).sum(axis=1)  # more equals than places for them
    rows[crowded] = _first_of_equals(scores[crowded], last[crowded], k, in_order)
    rank = np.empty(n_items, np.int64)
    rank[in_order] = np.arange(n_items)
    best = np.take_along_axis(scores, rows, axis=1)
    order = np.lexsort((rank[rows], -best), axis=1)
    rows, best = np.take_along_axis(rows, order, axis=1).astype(np.int32), np.take_along_axis(best, order, axis=1)
    nothing = ~(best > -np.inf)
    rows[nothing], best[nothing] = UNKNOWN, -np.inf
    return rows, best


def _first_of_equals(scores: FloatArray, last: FloatArray, k: int, in_order: IntArray) -> IntArray:
    """The K items of each query that reach `last`, (B, K); of those that equal it, the first `in_order`."""
    ordered = scores[:, in_order]
    above, level = ordered > last, ordered == last
    room = k - above.sum(axis=1, keepdims=True)
    chosen = above | (level & (np.cumsum(level, axis=1, dtype=np.int32) <= room))
    return in_order[np.nonzero(chosen)[1].reshape(-1, k)]
