"""Content map: where an item that nobody has met would stand among those that people know, told from what it is.

With X (U, N) and Q (N, K) the leading right singular vectors of X D^((d-1)/2), as in `pure_svd`, a ridge regression
from what items are, C (N, F), to where they stand,

    W = (C^T S C + λ I)⁻¹ C^T S Q,   S = diag(n_i / (n_i + 10))

over the items that n_i people want, gives every item a second place C W. An item stands at Q_i n_i / (n_i + s) +
(C W)_i s / (n_i + s), with s the `shrinkage`, and a history x scores x Q' Q'ᵀ. Gantner, Drumond, Freudenthaler, Rendle
and Schmidt-Thieme, "Learning attribute-to-feature mappings for cold-start recommendations", ICDM 2010.

What items are is told by `training.content_reader`: all attributes, and what a pretrained encoder says of their texts
where `contents` names one. Items can be added after the fit.

Use it where new items come in all the time: it is the simple baseline that models of this kind have to beat. Without
any content it is `pure_svd`.

With F numbers of content, fit O(K E + N F (F + K)); a score costs O(K (T + N)); memory 4·N·(F + K) bytes.
"""

from __future__ import annotations

from typing import Annotated, Self

import numpy as np
import polars as pl
import scipy.sparse as sp
from pydantic import Field
from scipy import linalg

from serendip.algebra.spectrum import leading
from serendip.data import Dataset, Queries
from serendip.data.arrays import FloatArray, IntArray
from serendip.features.item_vectors import below
from serendip.models.base import Search, Weights, fitted, take
from serendip.training import FitOptions
from serendip.training.content_reader import ContentConfig, ContentReader, side_by_side

SHARE = 4
"""At most one vector for so many people or items."""
SURE = 10
"""So many people must want an item before it teaches half of what it could."""


class ContentMapConfig(ContentConfig):
    embedding_size: Annotated[int, Search(16, 512, log=True)] = Field(128, ge=1)
    """K, the singular vectors kept."""
    scaling: Annotated[float, Search(0, 1)] = Field(0.5, ge=-1, le=2)
    """d: 1 leaves the matrix as it is, less gives wanted items less of the vectors."""
    l2: Annotated[float, Search(0.1, 100, log=True)] = Field(3.0, gt=0)
    """λ: how much evidence a kind of content needs."""
    shrinkage: Annotated[float, Search(0, 100)] = Field(0.0, ge=0)
    """s: so many people must want an item before they count as much as what it is; 0: only new items are told by it."""
    memory: Annotated[float | None, Search(1, 100, log=True)] = Field(None, gt=0)
    """In events: so many events ago, an event of the asking history counts 1/e of what it did. None: nothing fades."""


class ContentMap:
    Config = ContentMapConfig
    personalised = True

    def __init__(self, config: ContentMapConfig = ContentMapConfig()) -> None:
        self.config = config
        self._contents = ContentReader.of(config)
        self._vectors: FloatArray | None = None  # (N, K)
        self._map = np.empty((0, 0), np.float32)  # W, (F, K)

    def fit(self, dataset: Dataset, options: FitOptions = FitOptions()) -> Self:
        options.progress("content map", 0, 2)
        matrix = dataset.matrix()
        people = np.bincount(matrix.indices, minlength=dataset.n_items)
        self._contents = ContentReader.of(self.config, options)
        content = side_by_side(self._contents.fit_encode(dataset, options), dataset.n_items)
        options.progress("content map", 1, 2)
        with options.limited():
            known = _standing(matrix, people, self.config, options)
            self._map = _ridge(content, known, people, self.config.l2)
        own = people / np.maximum(people + self.config.shrinkage, 1)  # 0 for those that nobody met
        self._vectors = (known * own[:, None] + (content @ self._map) * (1 - own)[:, None]).astype(np.float32)
        options.progress("content map", 2, 2)
        return self

    def add_items(self, items: pl.DataFrame) -> Self:
        """See `models.base.AddsItems`."""
        known = fitted(self._vectors)
        content = side_by_side(self._contents.encode(items), items.height)
        self._vectors = np.concatenate([known, content @ self._map]).astype(np.float32)
        return self

    def score(self, queries: Queries, rows: IntArray | None = None) -> FloatArray:
        return take(self.query_vectors(queries) @ self.item_vectors().T, rows)

    def query_vectors(self, queries: Queries) -> FloatArray:
        vectors = fitted(self._vectors)
        return np.asarray(queries.matrix(len(vectors), self.config.memory) @ vectors)

    def item_vectors(self) -> FloatArray:
        return fitted(self._vectors)

    def weights(self) -> Weights:
        learned = {f"reader.{name}": array for name, array in self._contents.arrays().items()}
        return {"items": fitted(self._vectors), "map": self._map, **learned}

    def restore(self, weights: Weights) -> Self:
        self._contents.restore(below(weights, "reader."))
        self._vectors, self._map = weights["items"], weights["map"]
        return self


def _standing(matrix: sp.csr_array, people: IntArray, config: ContentMapConfig, options: FitOptions) -> FloatArray:
    """Q, (N, K) float32."""
    scale = np.where(people > 0, np.maximum(matrix.sum(axis=0, dtype=np.float64), 1e-30), 1) ** (
        (config.scaling - 1) / 2
    )
    scaled = sp.csr_array(matrix @ sp.diags_array(scale))
    present = int(min(np.count_nonzero(people), np.count_nonzero(np.diff(scaled.indptr))))
    count = max(1, min(config.embedding_size, -(-present // SHARE)))
    found = leading(scaled, count, options.generator())[1]
    return found if found.shape[1] else np.zeros((len(people), 1), np.float32)


def _ridge(content: FloatArray, known: FloatArray, people: IntArray, l2: float) -> FloatArray:
    """W, (F, K) float32; the number that is 1 for all is not held back."""
    sure = (people / (people + SURE)).astype(np.float64)
    gram = (content.T * sure) @ content.astype(np.float64)
    gram[np.diag_indices_from(gram)] += np.where(np.arange(len(gram)) == 0, 1e-6, l2)
    return np.asarray(linalg.solve(gram, (content.T * sure) @ known, assume_a="pos"), np.float32)
