"""The best few of each row of scores, exactly, without sorting whole rows."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from serendip.data.arrays import FloatArray, IntArray
from serendip.data.vocabulary import UNKNOWN


@lru_cache(maxsize=8)
def _shuffle(n_items: int, seed: int) -> IntArray:
    return np.random.default_rng(seed).permutation(n_items)


def top_k(scores: FloatArray, k: int, seed: int = 0) -> tuple[IntArray, FloatArray]:
    """Rows and scores of the `k` best items of each query, best first, both (B, K) with K = min(k, N).

    Items scored -inf are excluded; where fewer than K remain, the rest is -1 with score -inf. Ties are broken by
    an order shuffled by `seed`, never by item row: catalogues are often sorted by age or popularity, and row
    order among equals would leak it. A query's list does not depend on the others in its batch.
    """
    n_items = scores.shape[1]
    k = min(k, n_items)
    if k == 0:
        return np.empty((len(scores), 0), np.int32), np.empty((len(scores), 0), scores.dtype)
    shuffle = _shuffle(n_items, seed)
    shuffled = scores[:, shuffle]  # (B, N)
    places = np.argpartition(-shuffled, k - 1, axis=1)[:, :k]  # (B, K), best K in any order
    best = np.take_along_axis(shuffled, places, axis=1)
    order = np.lexsort((places, -best), axis=1)
    places, best = np.take_along_axis(places, order, axis=1), np.take_along_axis(best, order, axis=1)
    rows = shuffle[places].astype(np.int32)
    rows[~np.isfinite(best)] = UNKNOWN
    return rows, best
