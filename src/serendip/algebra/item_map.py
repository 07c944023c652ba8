"""Item map: a sparse matrix from the items of a history to what they speak for, and what it says of queries."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from serendip.data import Queries
from serendip.data.arrays import FloatArray, IntArray, Sparse


def scores(weights: Sparse, queries: Queries, memory: float | None) -> FloatArray:
    """What the histories say of every item, (B, N) float32, of `weights` (N, N)."""
    return np.asarray((queries.matrix(weights.shape[0], memory) @ weights).toarray())


def shares(weights: Sparse, queries: Queries, rows: IntArray, memory: float | None) -> FloatArray:
    """What each event adds to each candidate `rows` (B, C) of its query, (E, C) float32."""
    candidates = rows[queries.query_rows]  # (E, C)
    causes = np.repeat(queries.item_rows, candidates.shape[1])  # (E C,)
    parts = np.asarray(weights[causes, candidates.ravel()], np.float32).reshape(candidates.shape)
    return parts * queries.recent(memory)[:, None]


def to_arrays(weights: Sparse) -> dict[str, NDArray[Any]]:
    return {"data": weights.data, "indices": weights.indices, "indptr": weights.indptr}


def of_arrays(arrays: dict[str, NDArray[Any]]) -> Sparse:
    n_items = len(arrays["indptr"]) - 1
    return sp.csr_array((arrays["data"], arrays["indices"], arrays["indptr"]), shape=(n_items, n_items))
