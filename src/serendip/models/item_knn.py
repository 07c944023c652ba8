"""Item neighbours: people who want this also want that.

Each item i keeps its most similar items j, where the similarity s_ij of two items is one of

- of preferences: `cosine` x_i · x_j / (|x_i| |x_j| + λ), `jaccard` n / (n_i + n_j - n + λ), and `bm25`, the cosine of
  preferences weighted by BM25 with people as the words of an item: who wants everything says little;
- of ratings: `pearson`, Σ e_i e_j / √(Σ e_i² Σ e_j²) · n / (n + λ) over the n people who rate both, of ratings less
  their baselines, and `adjusted_cosine`, the same of ratings less the person's mean. Where
  nobody rates they learn nothing.

The score of i is Σ_j w_j s_ij over the items j of the history among the nearest `neighbors` of i. Its rating is the
baseline b_ui = mean + b_u + b_i with what the history says of neighbours: b_ui + Σ_j s_ij (r_uj - b_uj) / Σ_j s_ij,
over the nearest `neighbors` of i among the items that the history rates. Only similarities above 0 count.
Sarwar, Karypis, Konstan and Riedl, "Item-based collaborative filtering recommendation algorithms", WWW 2001, sections
3.1 and 3.2; baselines and shrinkage after Koren, "Factor in the neighbors", ACM TKDD 4(1), 2010, sections 2.1 and 2.2.

Use it where catalogues are too large for EASE or reasons must be simple: each event adds its own similarity. For
ratings use `pearson` with a shrinkage about 100.

Fit O(Σ_u n_u²) for histories of n_u items, in blocks of bounded memory; it keeps 16 bytes per neighbour, N·K at most.
A score costs O(T·K), a rating O(K).
"""

from __future__ import annotations

from typing import Annotated, Self

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from serendip.algebra import item_map, measures, voting
from serendip.algebra.baselines import Baselines, without_row_means
from serendip.algebra.measures import Similarity
from serendip.algebra.similarity import Measure, nearest, spread
from serendip.data import Dataset, Queries
from serendip.data.arrays import FloatArray, IntArray, Sparse
from serendip.models.base import ModelConfig, NotSearched, Search, Weights, fitted, take
from serendip.training import FitOptions


class ItemKnnConfig(ModelConfig):
    similarity: Annotated[Similarity, NotSearched("one of a few words; try each")] = "cosine"
    """Which similarity decides who is near."""
    neighbors: Annotated[int, Search(10, 1_000, log=True)] = Field(100, ge=1)
    """The most similar items that speak for an item: in a score of all items, in a rating of those that are rated."""
    shrinkage: Annotated[float, Search(0.1, 1_000, log=True)] = Field(10.0, ge=0)
    """λ: about the number of shared people below which a similarity is not trusted."""
    memory: Annotated[float | None, Search(1, 100, log=True)] = Field(None, ge=0.1, le=10_000)
    """In events: so many events ago, an event counts 1/e of what it did in a score. None: nothing fades."""
    kept: Annotated[int, NotSearched("a bound on memory")] = Field(2_000, ge=1)
    """Most similar items kept for each item where there are ratings, for a history to rate some of them."""


class ItemKnn:
    Config = ItemKnnConfig
    personalised = True

    def __init__(self, config: ItemKnnConfig = ItemKnnConfig()) -> None:
        self.config = config
        self._similar: Sparse | None = None  # (N, N): from an item of a history to those it is near
        self._nearest: Sparse | None = None  # (N, N): where there are ratings, the neighbours of each, nearest first
        self._baselines: Baselines | None = None

    def fit(self, dataset: Dataset, options: FitOptions = FitOptions()) -> Self:
        config, baselines = self.config, Baselines.of(dataset)
        items = self._cells(dataset, baselines).T.tocsr()  # (N, U)
        items = measures.things(config.similarity, items, measures.Terms.of(items))
        count = config.neighbors if baselines is None else max(config.neighbors, config.kept)
        measure = Measure(
            measures.kind(config.similarity), config.shrinkage, count, themselves=True, ordered=baselines is not None
        )
        found = nearest(items, items, measure, options.n_threads, options.progress, "item neighbours")
        return self._learned(found, baselines)

    def _cells(self, dataset: Dataset, baselines: Baselines | None) -> Sparse:
        """What items are compared by, (U, N)."""
        if self.config.similarity == "pearson" and baselines:
            return baselines.left_over(dataset.ratings())
        if self.config.similarity in measures.OF_RATINGS:
            return without_row_means(dataset.ratings())
        return dataset.matrix()

    def _learned(self, found: Sparse, baselines: Baselines | None) -> Self:
        self._nearest, self._baselines = (None if baselines is None else found), baselines
        places = np.arange(found.nnz) - np.repeat(found.indptr[:-1], np.diff(found.indptr))
        self._similar = item_map.tidy(_where(found, places < self.config.neighbors).T.tocsr())
        return self

    def score(self, queries: Queries, rows: IntArray | None = None) -> FloatArray:
        similar = fitted(self._similar)
        return take(spread(queries.matrix(similar.shape[0], self.config.memory), similar, FitOptions().n_threads), rows)

    def item_map(self) -> tuple[Sparse, float | None]:
        """See `models.base.Maps`."""
        return fitted(self._similar), self.config.memory

    def contributions(self, queries: Queries, rows: IntArray) -> FloatArray:
        """w_e s_(candidate, item of e): see `models.base.Attributes`."""
        return item_map.shares(fitted(self._similar), queries, rows, self.config.memory)

    def rate(self, queries: Queries, rows: IntArray) -> FloatArray:
        """The baseline and what the nearest rated items add: see `models.base.Rates`."""
        fitted(self._similar)
        found, baselines = self._nearest, self._baselines
        if found is None or baselines is None:
            return np.zeros(rows.shape, np.float32)
        ratings = baselines.history(queries)
        votes = voting.of_items(
            baselines.left_over(ratings), rows, found, self.config.neighbors, FitOptions().n_threads
        )
        return baselines.rating(ratings, rows, votes)

    def weights(self) -> Weights:
        if self._nearest is None or self._baselines is None:
            return item_map.to_arrays(fitted(self._similar))
        return item_map.to_arrays(self._nearest) | self._baselines.arrays()

    def restore(self, weights: Weights) -> Self:
        baselines, found = Baselines.of_arrays(weights), item_map.of_arrays(weights)
        if baselines is not None:
            return self._learned(found, baselines)
        self._similar, self._nearest, self._baselines = found, None, None
        return self


def _where(matrix: Sparse, kept: np.ndarray) -> Sparse:
    """The cells of a sparse matrix that are `kept`."""
    ends = np.concatenate([[0], np.cumsum(kept)])[matrix.indptr]
    return sp.csr_array((matrix.data[kept], matrix.indices[kept], ends), shape=matrix.shape)
