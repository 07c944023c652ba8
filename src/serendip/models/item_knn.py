"""Item neighbours: people who want this also want that.

s_ji = x_j · x_i / (|x_j| |x_i| + shrinkage), the cosine of two columns of the matrix of preferences, damped where
evidence is thin. Each item i keeps its `neighbors` most similar items, and scores Σ_j x_j s_ji over the history x.
Sarwar, Karypis, Konstan and Riedl, "Item-based collaborative filtering recommendation algorithms", WWW 2001;
shrinkage after Bell and Koren, "Improved neighborhood-based collaborative filtering", KDD Cup 2007.

Use it where catalogues are too large for EASE or reasons must be simple: each event adds its own similarity.

Fit O(Σ_u n_u²) for histories of n_u items, in blocks of bounded memory; it keeps 8 bytes per neighbour, N·K at most.
A score costs O(T·K).
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Self

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from serendip.data import Dataset, Queries, track
from serendip.data.arrays import BoolArray, FloatArray, IntArray, Sparse
from serendip.models.base import ModelConfig, Search, Weights, fitted, take
from serendip.training import FitOptions

BLOCK_CELLS = 1 << 21  # similarities computed at once by one thread


class ItemKnnConfig(ModelConfig):
    neighbors: Annotated[int, Search(10, 1_000, log=True)] = Field(100, ge=1)
    """Most similar items kept for each item."""
    shrinkage: Annotated[float, Search(0.1, 1_000, log=True)] = Field(10.0, ge=0)
    """Added to the product of norms; about the number of shared people below which a similarity is not trusted."""


class ItemKnn:
    Config = ItemKnnConfig
    personalised = True

    def __init__(self, config: ItemKnnConfig = ItemKnnConfig()) -> None:
        self.config = config
        self._similar: Sparse | None = None  # (N, N): from an item of the history (row) to a candidate (column)

    def fit(self, dataset: Dataset, options: FitOptions = FitOptions()) -> Self:
        matrix = dataset.matrix()  # (U, N)
        people = matrix.T.tocsr()  # (N, U)
        norms = np.sqrt(people.power(2).sum(axis=1))  # (N,)
        order = np.argsort(-np.diff(people.indptr), kind="stable")  # rows of like length together: little padding
        size = max(1, BLOCK_CELLS // max(1, dataset.n_items))
        parts = [order[start : start + size] for start in range(0, len(order), size)]

        def block(rows: IntArray) -> Sparse:
            return _nearest(people[rows] @ matrix, rows, norms, self.config)

        with ThreadPoolExecutor(options.n_threads) as threads:  # scipy's products release the interpreter
            blocks = list(track(threads.map(block, parts), "item neighbours", len(parts), options.progress))
        nearest = sp.vstack([sp.csr_array((0, dataset.n_items), dtype=np.float32), *blocks], format="csr")
        self._similar = nearest[np.argsort(order)].T.tocsr()
        return self

    def score(self, queries: Queries, rows: IntArray | None = None) -> FloatArray:
        similar = fitted(self._similar)
        return take((queries.matrix(similar.shape[0]) @ similar).toarray(), rows)

    def contributions(self, queries: Queries, rows: IntArray) -> FloatArray:
        """w_e s_(item of e, candidate): see `models.base.Attributes`."""
        targets = rows[queries.query_rows]  # (E, C)
        sources = np.repeat(queries.item_rows, targets.shape[1])  # (E * C,)
        similar = np.asarray(fitted(self._similar)[sources, targets.ravel()], np.float32)
        return similar.reshape(targets.shape) * queries.weights[:, None]

    def weights(self) -> Weights:
        similar = fitted(self._similar)
        return {"data": similar.data, "indices": similar.indices, "indptr": similar.indptr}

    def restore(self, weights: Weights) -> Self:
        n_items = len(weights["indptr"]) - 1
        cells = (weights["data"], weights["indices"], weights["indptr"])
        self._similar = sp.csr_array(cells, shape=(n_items, n_items))
        return self


def _nearest(shared: Sparse, rows: IntArray, norms: FloatArray, config: ItemKnnConfig) -> Sparse:
    """The nearest neighbours of the items `rows`, from their rows of XᵀX, sparse (b, N)."""
    owners = np.repeat(np.arange(len(rows), dtype=np.int32), np.diff(shared.indptr))  # the row of each cell
    items = rows[owners]
    similar = shared.data / (norms[items] * norms[shared.indices] + np.float32(config.shrinkage))
    similar[shared.indices == items] = 0.0  # no item is its own neighbour
    kept = _largest(similar, owners, shared.indptr, config.neighbors) & (similar > 0)
    ends = np.concatenate([[0], np.cumsum(np.bincount(owners[kept], minlength=len(rows)))])
    return sp.csr_array((similar[kept], shared.indices[kept], ends), shape=shared.shape)


def _largest(values: FloatArray, owners: IntArray, starts: IntArray, count: int) -> BoolArray:
    """Which cells of a sparse matrix are among the `count` largest of their row; of equals, the first."""
    lengths = np.diff(starts)
    width = int(lengths.max(initial=0))
    if width <= count:
        return np.ones(len(values), np.bool_)
    padded = np.zeros((len(lengths), width), np.float32)
    padded[np.arange(width) < lengths[:, None]] = values
    weakest = np.partition(padded, width - count, axis=1)[owners, width - count]
    above, level = values > weakest, values == weakest
    room = count - np.bincount(owners[above], minlength=len(lengths))
    turn = np.concatenate([[0], np.cumsum(level)])  # how many equals came before, over all rows
    return np.asarray(above | (level & (turn[1:] - turn[starts[:-1]][owners] <= room[owners])))
