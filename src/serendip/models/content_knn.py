"""Content neighbours: more of what is like this, known by what things are and not by who wanted them.

score_i = Σ_e w_e f_e · f_i over the events e of the history, where f are the vectors of `features.content`: words and
labels weighted by TF-IDF or BM25, each row of length 1, so that f_e · f_i is a cosine. The sum over e comes first: a
history is one profile Σ_e w_e f_e, and no item is ever compared with all others. With `neighbors` an item i listens
only to the so many items most like it. Lops, de Gemmis and Semeraro, "Content-based recommender systems: state of the
art and trends", in Recommender Systems Handbook, 2011, sections 3.3.1 and 3.3.2; BM25 in `features.text`.

Use it for things that nobody has met yet, and beside the models that know what is wanted: it does not know what is
good, only what is alike. Items can be added after the fit, from their attributes alone.

With F features in all items together: fit O(F), and O(Σ_d n_d²) with `neighbors`, for n_d items that share a feature,
in blocks of bounded memory; it keeps 8 bytes per feature and per neighbour. A score costs O(F), or O(T·K).
"""

from __future__ import annotations

from typing import Annotated, Self

import numpy as np
import polars as pl
import scipy.sparse as sp
from pydantic import Field

from serendip.data import Dataset, Queries
from serendip.data.arrays import FloatArray, IntArray, Sparse
from serendip.features import ItemContent, Weighting
from serendip.models.base import ModelConfig, NotSearched, Search, Weights, fitted, take
from serendip.training import FitOptions

QUERIES_AT_ONCE = 64
PAIRS_AT_ONCE = 1 << 16


class ContentKnnConfig(ModelConfig):
    weighting: Annotated[Weighting, NotSearched("two ways to weigh words that are close everywhere")] = "tfidf"
    """How words of texts are weighted: `tfidf`, or `bm25`, where repeated words and long texts count less."""
    text: Annotated[float, Search(0.1, 0.9)] = Field(0.7, ge=0, le=1)
    """Share of the texts in how alike two items are; the rest is that of labels and numbers."""
    memory: Annotated[float | None, NotSearched("None for tastes, 5 to 50 for sequences")] = Field(None, gt=0)
    """So many events ago, an event counts 1/e of what it did; None: all count alike."""


class ContentKnn:
    Config = ContentKnnConfig
    personalised = True

    def __init__(self, config: ContentKnnConfig = ContentKnnConfig()) -> None:
        self.config = config
        self._content = ItemContent(config.weighting, config.text)
        self._vectors: Sparse | None = None  # (N, D) rows of length 1 or 0

    def fit(self, dataset: Dataset, options: FitOptions = FitOptions()) -> Self:
        options.progress("content", 0, 1)
        self._content = ItemContent(self.config.weighting, self.config.text)
        self._vectors = self._content.fit_encode(dataset.items.attributes)
        options.progress("content", 1, 1)
        return self

    def add_items(self, items: pl.DataFrame) -> Self:
        """See `models.base.AddsItems`."""
        self._vectors = sp.vstack([fitted(self._vectors), self._content.encode(items)], format="csr")
        return self

    def score(self, queries: Queries, rows: IntArray | None = None) -> FloatArray:
        vectors = fitted(self._vectors)
        profiles = queries.matrix(vectors.shape[0], self.config.memory) @ vectors  # (B, D)
        scores = np.empty((len(queries), vectors.shape[0]), np.float32)  # (B, N)
        for start in range(0, len(queries), QUERIES_AT_ONCE):
            some = slice(start, start + QUERIES_AT_ONCE)
            scores[some] = (vectors @ np.ascontiguousarray(profiles[some].toarray().T)).T
        return take(scores, rows)

    def contributions(self, queries: Queries, rows: IntArray) -> FloatArray:
        """w_e f_e · f_candidate: see `models.base.Attributes`."""
        targets = rows[queries.query_rows]  # (E, C)
        sources = np.repeat(queries.item_rows, targets.shape[1])  # (E * C,)
        alike = _alike(fitted(self._vectors), sources, targets.ravel()).reshape(targets.shape)
        return alike * queries.recent(self.config.memory)[:, None]

    def weights(self) -> Weights:
        vectors = fitted(self._vectors)
        cells = {"data": vectors.data, "indices": vectors.indices, "indptr": vectors.indptr}
        return {**cells, **{f"encoder.{name}": array for name, array in self._content.arrays().items()}}

    def restore(self, weights: Weights) -> Self:
        own = {name.removeprefix("encoder."): array for name, array in weights.items() if name.startswith("encoder.")}
        self._content = ItemContent(self.config.weighting, self.config.text).restore(own)
        shape = (len(weights["indptr"]) - 1, len(self._content.names))
        self._vectors = sp.csr_array((weights["data"], weights["indices"], weights["indptr"]), shape=shape)
        return self


def _alike(vectors: Sparse, sources: IntArray, targets: IntArray) -> FloatArray:
    """The product of each pair of rows, (P,) float32."""
    found = np.empty(len(sources), np.float32)
    for start in range(0, len(sources), PAIRS_AT_ONCE):
        some = slice(start, start + PAIRS_AT_ONCE)
        found[some] = vectors[sources[some]].multiply(vectors[targets[some]]).sum(axis=1)
    return found
