"""The best few for many people at once, from vectors: products in blocks, each looked through while it is at hand."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from serendip.algebra.compiled import compiled, in_threads
from serendip.data.arrays import FloatArray, IntArray, Sparse
from serendip.data.vocabulary import UNKNOWN
from serendip.retrieval.exact import tie_order
from serendip.training import FitOptions, one_blas_thread

BLOCK_SCORES = 1 << 19  # scores of one block, 2 MB: they stay in the cache
STRIPE = 32
"""Scores compared with the worst one kept at once."""


def recommend(
    vectors: FloatArray, items: FloatArray, k: int, seen: Sparse | None = None, seed: int = 0, threads: int = 0
) -> tuple[IntArray, FloatArray]:
    """Rows and scores of the `k` items of largest product with each vector, best first: `top_k` of `vectors @ items.T`.

    Args:
        vectors: Of the queries, (B, D) float32.
        items: Of the items, (N, D) float32.
        seen: Items stored in a row (B, N) are left out of that list.
        threads: 0 is all usable cores.
    """
    n_items, k = len(items), min(k, len(items))
    rows = np.full((len(vectors), k), UNKNOWN, np.int32)
    best = np.full(rows.shape, -np.inf, np.float32)
    if not rows.size:
        return rows, best
    seen = sp.csr_array((len(vectors), n_items), dtype=bool) if seen is None else seen
    starts, columns = seen.indptr.astype(np.int64, copy=False), seen.indices.astype(np.int32, copy=False)
    rank = np.empty(n_items, np.int32)
    rank[tie_order(n_items, seed)] = np.arange(n_items)
    across = np.ascontiguousarray(items, np.float32).T
    vectors = np.ascontiguousarray(vectors, np.float32)
    size = max(1, BLOCK_SCORES // n_items)

    def work(start: int) -> None:
        scores = vectors[start : start + size] @ across
        _keep_best(scores, start, starts, columns, rank, rows, best)

    with one_blas_thread():
        in_threads(work, range(0, len(vectors), size), threads or FitOptions().n_threads)
    return rows, best


@compiled
def _keep_best(
    scores: FloatArray,
    first: int,
    starts: IntArray,
    columns: IntArray,
    rank: IntArray,
    rows: IntArray,
    best: FloatArray,
) -> None:
    """Of scores (b, N), those of queries `first` and after; `rows` and `best` are written."""
    n_items, k = scores.shape[1], rows.shape[1]
    for place in range(len(scores)):
        own, kept, value = scores[place], rows[first + place], best[first + place]
        for cell in range(starts[first + place], starts[first + place + 1]):
            own[columns[cell]] = -np.inf
        full = 0
        floor = np.float32(-np.inf)
        for start in range(0, n_items, STRIPE):
            stop = min(start + STRIPE, n_items)
            reach = 0
            for item in range(start, stop):
                reach += own[item] >= floor
            if not reach:
                continue
            for item in range(start, stop):
                if own[item] >= floor and own[item] > -np.inf:
                    full = _offer(own[item], item, kept, value, full, k, rank)
                    if full == k:
                        floor = value[0]
        _sort(kept, value, full, rank)


@compiled
def _sort(rows: IntArray, best: FloatArray, size: int, rank: IntArray) -> None:
    """Best first, in place: the worst leaves the heap and goes last."""
    for root in range(size // 2 - 1, -1, -1):
        _sink(rows, best, root, size, rank)
    for last in range(size - 1, 0, -1):
        rows[0], rows[last] = rows[last], rows[0]
        best[0], best[last] = best[last], best[0]
        _sink(rows, best, 0, last, rank)


@compiled
def _offer(score: float, item: int, rows: IntArray, best: FloatArray, full: int, k: int, rank: IntArray) -> int:
    """Keep an item if it is among the `k` best so far; says how many are kept. Once full, the worst is in front."""
    if full < k:
        rows[full], best[full] = item, score
        if full + 1 == k:
            for root in range(k // 2 - 1, -1, -1):
                _sink(rows, best, root, k, rank)
        return full + 1
    if score > best[0] or (score == best[0] and rank[item] < rank[rows[0]]):
        rows[0], best[0] = item, score
        _sink(rows, best, 0, k, rank)
    return full


@compiled
def _sink(rows: IntArray, best: FloatArray, root: int, size: int, rank: IntArray) -> None:
    """Put the place `root` of a heap of `size` in order, the worst in front; of equals the later in rank is worse."""
    item, score = rows[root], best[root]
    child = 2 * root + 1
    while child < size:
        other = child + 1
        if other < size and (
            best[other] < best[child] or (best[other] == best[child] and rank[rows[other]] > rank[rows[child]])
        ):
            child = other
        if best[child] > score or (best[child] == score and rank[rows[child]] <= rank[item]):
            break
        rows[root], best[root] = rows[child], best[child]
        root, child = child, 2 * child + 1
    rows[root], best[root] = item, score
