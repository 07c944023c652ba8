"""Item map: a sparse matrix from the items of a history to what they speak for, and what it says of queries."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from serendip.algebra.compiled import compiled
from serendip.data import Queries
from serendip.data.arrays import FloatArray, IntArray, Sparse


def scores(weights: Sparse, queries: Queries, memory: float | None) -> FloatArray:
    """What the histories say of every item, (B, N) float32, of `weights` (N, N)."""
    return np.asarray((queries.matrix(weights.shape[0], memory) @ weights).toarray())


def shares(weights: Sparse, queries: Queries, rows: IntArray, memory: float | None) -> FloatArray:
    """What each event adds to each candidate `rows` (B, C) of its query, (E, C) float32; for few candidates."""
    weighed = queries.recent(memory)
    cells = weights.indptr, weights.indices, weights.data
    return np.asarray(_shares(queries.item_rows, weighed, queries.query_rows, rows, *cells))


@compiled
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
        for cell in range(starts[causes[event]], starts[causes[event] + 1]):
            for place in range(rows.shape[1]):
                if columns[cell] == rows[owners[event], place]:
                    out[event, place] = values[cell] * weighed[event]
    return out


def to_arrays(weights: Sparse) -> dict[str, NDArray[Any]]:
    return {"data": weights.data, "indices": weights.indices, "indptr": weights.indptr}


def of_arrays(arrays: dict[str, NDArray[Any]]) -> Sparse:
    n_items = len(arrays["indptr"]) - 1
    return sp.csr_array((arrays["data"], arrays["indices"], arrays["indptr"]), shape=(n_items, n_items))
