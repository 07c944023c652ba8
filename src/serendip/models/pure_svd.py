"""PureSVD: what the leading singular vectors of the matrix of preferences keep of a history.

With X (U, N), silence counting as 0, and Q (N, K) the right singular vectors of X D^((d-1)/2), where D holds how much
each item is wanted, a history x scores x Q Qᵀ: each event has its share.
Cremonesi, Koren and Turrin, "Performance of recommender algorithms on top-n recommendation tasks", RecSys 2010 (d = 1);
the scaling after Nikolakopoulos, Kalantzis, Gallopoulos and Garofalakis, "EigenRec: generalizing PureSVD for effective
and efficient top-N recommendations", Knowledge and Information Systems 58 (2019).

Use it as a simple baseline, and where items need short vectors. More vectors remember the history better and generalise
less: with all of them Q Qᵀ is the identity. So there are never more than a quarter of the people or items.

With E events, fit O(K E + K² N) for each sweep of the eigensolver; memory 20·K·N bytes while fitting, 4·K·N kept. A
score costs O(K (T + N)).
"""

from __future__ import annotations

from typing import Annotated, Self

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from serendip.algebra.spectrum import leading
from serendip.data import Dataset, Queries
from serendip.data.arrays import FloatArray, IntArray
from serendip.models.base import ModelConfig, Search, Weights, fitted, take
from serendip.training import FitOptions

SHARE = 4
"""At most one vector for so many people or items."""


class PureSvdConfig(ModelConfig):
    embedding_size: Annotated[int, Search(16, 512, log=True)] = Field(128, ge=1)
    """K, the singular vectors kept."""
    scaling: Annotated[float, Search(0, 1)] = Field(0.5, ge=-1, le=2)
    """d: 1 leaves the matrix as it is, less gives wanted items less of the vectors."""
    memory: Annotated[float | None, Search(1, 100, log=True)] = Field(None, gt=0)
    """In events: so many events ago, an event of the asking history counts 1/e of what it did. None: nothing fades."""


class PureSvd:
    Config = PureSvdConfig
    personalised = True

    def __init__(self, config: PureSvdConfig = PureSvdConfig()) -> None:
        self.config = config
        self._vectors: FloatArray | None = None  # Q, (N, K)

    def fit(self, dataset: Dataset, options: FitOptions = FitOptions()) -> Self:
        options.progress("PureSVD", 0, 1)
        matrix = dataset.matrix()
        wanted = np.asarray(matrix.sum(axis=0, dtype=np.float64))  # (N,)
        scale = np.maximum(wanted, 1e-30) ** ((self.config.scaling - 1) / 2)
        scaled = (matrix @ sp.diags_array(np.where(wanted > 0, scale, 0))).tocsr()
        present = int(min(np.count_nonzero(wanted), np.count_nonzero(np.diff(scaled.indptr))))
        count = min(self.config.embedding_size, -(-present // SHARE))
        with options.limited():
            self._vectors = leading(scaled, count, options.generator())[1]
        options.progress("PureSVD", 1, 1)
        return self

    def score(self, queries: Queries, rows: IntArray | None = None) -> FloatArray:
        vectors = fitted(self._vectors)
        people = queries.matrix(len(vectors), self.config.memory) @ vectors  # (B, K)
        return take(people @ vectors.T, rows)

    def contributions(self, queries: Queries, rows: IntArray) -> FloatArray:
        """w_e q_e · q_i of event e for candidate i: see `models.base.Attributes`."""
        vectors = fitted(self._vectors)
        parts = np.zeros((len(queries.item_rows), rows.shape[1]), np.float32)  # (E, C)
        weighted = vectors[queries.item_rows] * queries.recent(self.config.memory)[:, None]
        for place in range(rows.shape[1]):
            parts[:, place] = np.einsum("ek,ek->e", weighted, vectors[rows[queries.query_rows, place]])
        return parts

    def weights(self) -> Weights:
        return {"vectors": fitted(self._vectors)}

    def restore(self, weights: Weights) -> Self:
        self._vectors = weights["vectors"]
        return self
