"""Content neighbours: more of what is like this, known by what things are and not by who wanted them.

score_i = Σ_e w_e Σ_d θ_d f_ed f_id over the events e of the history, where f are the vectors of `features.content`:
words and labels weighted by TF-IDF or BM25, each row of length 1. With θ = 1 that is a sum of cosines. It can be had as
one profile Σ_e w_e f_e, so that no item is ever compared with all others. Lops, de Gemmis and Semeraro, "Content-based
recommender systems: state of the art and trends", Recommender Systems Handbook, 2011, sections 3.3.1 and 3.3.2.

How much a feature counts, θ, is learned from what is liked together, for those that most items with a preference have:
the ridge regression Σ_ij (s_ij / c - Σ_d θ_d f_id f_jd)² + λ Σ_d (θ_d - 1)² over pairs of items i ≠ j with the cosine
s_ij of their columns of preferences, and c such that θ is 1 on average. Both sides of the normal equations are sums
over items and over people: no pair is visited. A θ below 0 counts as 0. So two cartoons are nearer than two dramas if
people say so, and without any evidence θ is 1.

Use it for things that nobody has met yet, and beside the models that know what is wanted: it does not know what is
good, only what is alike. Items can be added after the fit, from their attributes alone.

With F features in all items and L that are weighted: fit O(F), and O(Σ_u n_u L + L³) for the weights, with 24 L² bytes
for them; it keeps 8 bytes per feature. A score costs O(F).
"""

from __future__ import annotations

from typing import Annotated, Self

import numpy as np
import polars as pl
import scipy.sparse as sp
from pydantic import Field
from scipy import linalg

from serendip.data import Dataset, Queries
from serendip.data.arrays import FloatArray, IntArray, Sparse
from serendip.features import ItemContent, Weighting
from serendip.models.base import ModelConfig, NotSearched, Search, Weights, fitted, take
from serendip.training import FitOptions

QUERIES_AT_ONCE = 64
PAIRS_AT_ONCE = 1 << 16
PEOPLE_AT_ONCE = 4_000
TINY = 1e-9


class ContentKnnConfig(ModelConfig):
    weighting: Annotated[Weighting, NotSearched("two ways to weigh words that are close everywhere")] = "tfidf"
    """How words of texts are weighted: `tfidf`, or `bm25`, where repeated words and long texts count less."""
    text: Annotated[float, Search(0.1, 0.9)] = Field(0.7, ge=0, le=1)
    """Share of the texts in how alike two items are; the rest is that of labels and numbers."""
    l2: Annotated[float, Search(1, 1_000, log=True)] = Field(10.0, gt=0)
    """λ: how much evidence it needs for a feature to count more or less than others."""
    max_weighted: Annotated[int, NotSearched("a bound on time and memory")] = Field(1_500, ge=0, le=10_000)
    """How many features, of those that most items have, get a weight of their own; 0: all count alike."""
    memory: Annotated[float | None, NotSearched("None for tastes, 5 to 50 for sequences")] = Field(None, gt=0)
    """So many events ago, an event counts 1/e of what it did; None: all count alike."""


class ContentKnn:
    Config = ContentKnnConfig
    personalised = True

    def __init__(self, config: ContentKnnConfig = ContentKnnConfig()) -> None:
        self.config = config
        self._content = ItemContent(config.weighting, config.text)
        self._vectors: Sparse | None = None  # (N, D) f sqrt(θ)
        self._roots = np.empty(0, np.float32)  # (D,) sqrt(θ)

    def fit(self, dataset: Dataset, options: FitOptions = FitOptions()) -> Self:
        options.progress("content", 0, 1)
        self._content = ItemContent(self.config.weighting, self.config.text)
        vectors = self._content.fit_encode(dataset.items.attributes)
        with options.limited():
            self._roots = np.sqrt(_importance(vectors, dataset.matrix(), self.config))
        self._vectors = _scaled(vectors, self._roots)
        options.progress("content", 1, 1)
        return self

    def add_items(self, items: pl.DataFrame) -> Self:
        """See `models.base.AddsItems`."""
        known = fitted(self._vectors)
        self._vectors = sp.vstack([known, _scaled(self._content.encode(items), self._roots)], format="csr")
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
        """w_e Σ_d θ_d f_ed f_(candidate)d: see `models.base.Attributes`."""
        targets = rows[queries.query_rows]  # (E, C)
        sources = np.repeat(queries.item_rows, targets.shape[1])  # (E * C,)
        alike = _alike(fitted(self._vectors), sources, targets.ravel()).reshape(targets.shape)
        return alike * queries.recent(self.config.memory)[:, None]

    def weights(self) -> Weights:
        vectors = fitted(self._vectors)
        cells = {"data": vectors.data, "indices": vectors.indices, "indptr": vectors.indptr, "roots": self._roots}
        return {**cells, **{f"encoder.{name}": array for name, array in self._content.arrays().items()}}

    def restore(self, weights: Weights) -> Self:
        own = {name.removeprefix("encoder."): array for name, array in weights.items() if name.startswith("encoder.")}
        self._content = ItemContent(self.config.weighting, self.config.text).restore(own)
        self._roots = weights["roots"]
        shape = (len(weights["indptr"]) - 1, len(self._roots))
        self._vectors = sp.csr_array((weights["data"], weights["indices"], weights["indptr"]), shape=shape)
        return self


def _scaled(vectors: Sparse, factors: FloatArray) -> Sparse:
    """Each column times its factor."""
    return sp.csr_array((vectors.data * factors[vectors.indices], vectors.indices, vectors.indptr), vectors.shape)


def _importance(vectors: Sparse, matrix: Sparse, config: ContentKnnConfig) -> FloatArray:
    """θ of all features, (D,) float32."""
    importance = np.ones(vectors.shape[1], np.float32)
    wanted = np.flatnonzero(np.bincount(matrix.indices, minlength=matrix.shape[1]))
    found = np.bincount(vectors[wanted].indices, minlength=len(importance))
    order = np.argsort(-found, kind="stable")[: config.max_weighted]
    chosen = np.sort(order[found[order] > 1])  # what one item has says nothing about pairs
    if len(chosen):
        importance[chosen] = _regressed(vectors[wanted][:, chosen], matrix[:, wanted], config.l2)
    return importance


def _regressed(vectors: Sparse, matrix: Sparse, l2: float) -> FloatArray:
    """θ (L,) for `vectors` (A, L) of items with the preferences (U, A)."""
    lengths = np.sqrt(matrix.power(2).sum(axis=0)).astype(np.float64)  # (A,)
    matrix, squares = _scaled(matrix, 1 / lengths), vectors.power(2).astype(np.float64)
    together = np.zeros(vectors.shape[1])  # Σ_ij s_ij f_id f_jd
    for start in range(0, matrix.shape[0], PEOPLE_AT_ONCE):
        together += (matrix[start : start + PEOPLE_AT_ONCE] @ vectors).power(2).sum(axis=0)
    together -= squares.sum(axis=0)  # without i = j, where s is 1
    pairs = (vectors.T @ vectors).toarray().astype(np.float64) ** 2 - (squares.T @ squares).toarray()
    scale = together.sum() / max(pairs.sum(), TINY)
    if scale <= TINY:  # nobody wants two things that share anything
        return np.ones(len(together))
    right = together / scale - pairs.sum(axis=1)
    pairs.flat[:: len(pairs) + 1] += l2
    change = linalg.solve(pairs, right, assume_a="pos", overwrite_a=True)
    return np.asarray(np.maximum(1 + change, 0), np.float32)


def _alike(vectors: Sparse, sources: IntArray, targets: IntArray) -> FloatArray:
    """The product of each pair of rows, (P,) float32."""
    found = np.empty(len(sources), np.float32)
    for start in range(0, len(sources), PAIRS_AT_ONCE):
        some = slice(start, start + PAIRS_AT_ONCE)
        found[some] = vectors[sources[some]].multiply(vectors[targets[some]]).sum(axis=1)
    return found
