"""Item map: a sparse matrix from the items of a history to what they speak for, and what it says of queries."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from serendip.algebra.compiled import compiled_short
from serendip.data import Queries
from serendip.data.arrays import FloatArray, IntArray, Sparse


def scores(weights: Sparse, queries: Queries, memory: float | None) -> FloatArray:
    """What the histories say of every item, (B, N) float32, of `weights` (N, N)."""
    return np.asarray((queries.matrix(weights.shape[0], memory) @ weights).toarray())


def shares(weights: Sparse, queries: Queries, rows: IntArray, memory: float | None) -> FloatArray:
    """What each event adds to each candidate `rows` (B, C) of its query, (E, C) float32, of `tidy` weights."""
    weighed = queries.recent(memory)
    cells = weights.indptr, weights.indices, weights.data
    return np.asarray(_shares(queries.item_rows, weighed, queries.query_rows, rows, *cells))


@compiled_short
def _shares(
    causes: IntArray,
    weighed: FloatArray,
    owners: IntArray,
    rows: IntArray,
    starts: IntArray,
    columns: IntArray,
    values: FloatArray,
) -> FloatArray:
    out = np.zeros((len(causes), rows.shape[1]), np.float32)
    for event in range(len(causes)):
        if weighed[event] == 0:
            continue
        start, stop = starts[causes[event]], starts[causes[event] + 1]
        for place in range(rows.shape[1]):
            wanted = rows[owners[event], place]
            low, high = start, stop
            while low < high:
                middle = (low + high) // 2
                if columns[middle] < wanted:
                    low = middle + 1
                else:
                    high = middle
            if low < stop and columns[low] == wanted:
                out[event, place] = values[low] * weighed[event]
    return out


def tidy(weights: Sparse) -> Sparse:
    """The same with columns in order, and in half the memory where small numbers do for places."""
    ordered = weights if weights.has_sorted_indices else weights.sorted_indices()
    return _of_cells(ordered.data, ordered.indices, ordered.indptr, weights.shape)


def _of_cells(data: FloatArray, indices: IntArray, indptr: IntArray, shape: tuple[int, int]) -> Sparse:
    small = np.int32 if len(data) < np.iinfo(np.int32).max else np.int64
    places = indices.astype(small, copy=False), indptr.astype(small, copy=False)
    return sp.csr_array((data, *places), shape=shape)


def to_arrays(weights: Sparse) -> dict[str, NDArray[Any]]:
    return {"data": weights.data, "indices": weights.indices, "indptr": weights.indptr}


def of_arrays(arrays: dict[str, NDArray[Any]]) -> Sparse:
    n_items = len(arrays["indptr"]) - 1
    return _of_cells(arrays["data"], arrays["indices"], arrays["indptr"], (n_items, n_items))
