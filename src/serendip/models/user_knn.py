"""User neighbours: what people with the same taste want.

For a history x the `neighbors` most similar people v of the training data are found when it is asked, and item i scores
Σ_v s_xv w_vi, the sum of their preferences weighted by how similar they are. The similarities are those of `item_knn`
with the roles exchanged: people are compared by what they want (`cosine`, `jaccard`, `bm25`) or by how they rate it
(`pearson`, `adjusted_cosine`, the second of ratings less the item's mean). The rating of i is the baseline
b_xi = mean + b_x + b_i with what neighbours say: b_xi + Σ_v s_xv (r_vi - b_vi) / Σ_v s_xv, over the `neighbors` most
similar people among those who rated i. Only similarities above 0 count.
Resnick, Iacovou, Suchak, Bergstrom and Riedl, "GroupLens: an open architecture for collaborative filtering of netnews",
CSCW 1994; baselines and shrinkage after Koren, ACM TKDD 4(1), 2010.

Whoever asks may be among the people learned from. A person whose every item is in the history has nothing new to say,
and is no neighbour: that is always so for oneself, however much a history has grown since, and such a person would take
one of the places without moving an item that is not yet known.

Each event's share of a score is exact: s_xv is a sum over the events times a factor that depends on the whole history
(norms, and who is near), which is taken as it is. With similarities of ratings, what is rated without being preferred
has a share too.

Use it where people are fewer than items or tastes are shared by groups. It keeps what each person prefers and how they
rate: whoever has the model has that data, without names, so treat it as such, and fit anew to forget somebody.

Fit O(E), memory 24 bytes per preference and as much per rating. A question costs O(Σ_{j in x} n_j) for items that n_j
people want, and O(K·n) for the sum over K neighbours of n items.
"""

from __future__ import annotations

from typing import Annotated, Self

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from serendip.algebra import measures
from serendip.algebra.baselines import Baselines, column_means, without_column_means
from serendip.algebra.measures import Similarity, Terms
from serendip.algebra.similarity import Measure, Things, nearest, spread
from serendip.algebra.voting import of_people, shares
from serendip.data import Dataset, Queries
from serendip.data.arrays import FloatArray, IntArray, Sparse
from serendip.data.signals import weight_matrix
from serendip.models.base import ModelConfig, NotSearched, Search, Weights, fitted, take
from serendip.training import FitOptions

CELLS = 1 << 24  # similarities of histories and people held at once
FAINT = np.float32(1e-20)  # a faded event is still there
PREFERENCES, RATINGS = "preferences", "ratings"


class UserKnnConfig(ModelConfig):
    similarity: Annotated[Similarity, NotSearched("one of a few words; try each")] = "cosine"
    """Which similarity decides who is near."""
    neighbors: Annotated[int, Search(10, 1_000, log=True)] = Field(100, ge=1)
    """The most similar people that speak: in a score of all people, in a rating of those who rated the item."""
    shrinkage: Annotated[float, Search(0.1, 1_000, log=True)] = Field(10.0, ge=0)
    """λ: about the number of shared items below which a similarity is not trusted."""
    memory: Annotated[float | None, Search(1, 100, log=True)] = Field(None, ge=0.1, le=10_000)
    """In events: so many events ago, an event of who asks counts 1/e of what it did in a score, with
    similarities of preferences. None: nothing fades."""


class UserKnn:
    Config = UserKnnConfig
    personalised = True
    keeps_people = True

    def __init__(self, config: UserKnnConfig = UserKnnConfig()) -> None:
        self.config = config
        self._preferences: Sparse | None = None  # (U, N)
        self._baselines: Baselines | None = None
        self._ratings = sp.csr_array((0, 0), dtype=np.float32)  # (U, N), where there are baselines

    def fit(self, dataset: Dataset, options: FitOptions = FitOptions()) -> Self:
        options.progress("user neighbours", 0, 1)
        self._learned(dataset.matrix(), Baselines.of(dataset), dataset.ratings())
        options.progress("user neighbours", 1, 1)
        return self

    def _learned(self, preferences: Sparse, baselines: Baselines | None, ratings: Sparse) -> Self:
        self._preferences, self._baselines, self._ratings = preferences, baselines, ratings
        self._means = column_means(ratings)
        cells = self._centred(ratings) if self._by_ratings else preferences
        self._terms = Terms.of(cells)
        self._people = measures.things(self.config.similarity, cells, self._terms)
        self._raters = sp.csr_array(ratings.shape[::-1], dtype=np.float32)  # (N, U): what is left over of ratings
        if baselines is not None:
            self._raters = baselines.left_over(ratings).T.tocsr()
        return self

    @property
    def _by_ratings(self) -> bool:
        return self.config.similarity in measures.OF_RATINGS

    def _centred(self, ratings: Sparse) -> Sparse:
        """Ratings (B, N) as people are compared by them."""
        if self.config.similarity == "pearson" and self._baselines is not None:
            return self._baselines.left_over(ratings)
        return without_column_means(ratings, self._means)

    def score(self, queries: Queries, rows: IntArray | None = None) -> FloatArray:
        preferences = fitted(self._preferences)
        near = self._near(self._asking(queries), self.config.neighbors)
        return take(spread(near, preferences, FitOptions().n_threads), rows)

    def _asking(self, queries: Queries) -> Things:
        """The histories as people, to be compared with those of the training data."""
        n_items = fitted(self._preferences).shape[1]
        if not self._by_ratings:
            recent = np.where(queries.weights > 0, np.maximum(queries.recent(self.config.memory), FAINT), 0)
            cells = weight_matrix(queries.query_rows, queries.item_rows, recent, (len(queries), n_items))
        elif self._baselines is not None:
            cells = self._centred(self._baselines.history(queries))
        else:
            cells = sp.csr_array((len(queries), n_items), dtype=np.float32)
        return measures.things(self.config.similarity, cells, self._terms)

    def _near(self, asking: Things, count: int) -> Sparse:
        """The most similar people to each who asks, sparse (B, U)."""
        measure = Measure(measures.kind(self.config.similarity), self.config.shrinkage, count, contained=False)
        return nearest(asking, self._people, measure, FitOptions().n_threads)

    def contributions(self, queries: Queries, rows: IntArray) -> FloatArray:
        """The event's part of each similarity, times what that person wants: see `models.base.Attributes`."""
        preferences, asking = fitted(self._preferences), self._asking(queries)
        counts = queries.weights > 0
        if self._by_ratings and self._baselines is not None:
            counts = np.isfinite(queries.ratings(self._baselines.liked))
        worth = np.zeros(len(counts), np.float32)
        worth[counts] = asking.cells[queries.query_rows[counts], queries.item_rows[counts]]
        near = self._near(asking, self.config.neighbors)
        return shares(queries, worth, near, self._people.cells, preferences, rows, FitOptions().n_threads)

    def rate(self, queries: Queries, rows: IntArray) -> FloatArray:
        """The baseline and what the nearest raters add: see `models.base.Rates`."""
        n_people, baselines = fitted(self._preferences).shape[0], self._baselines
        if baselines is None:
            return np.zeros(rows.shape, np.float32)
        votes = np.zeros(rows.shape, np.float32)
        size = max(1, CELLS // n_people)
        for start in range(0, len(queries), size):
            some = slice(start, start + size)
            near = self._near(self._asking(queries[some]), n_people)
            votes[some] = of_people(near, rows[some], self._raters, self.config.neighbors, FitOptions().n_threads)
        return baselines.rating(baselines.history(queries), rows, votes)

    def weights(self) -> Weights:
        arrays = _arrays(PREFERENCES, fitted(self._preferences))
        if self._baselines is not None:
            arrays |= _arrays(RATINGS, self._ratings) | self._baselines.arrays()
        return arrays

    def restore(self, weights: Weights) -> Self:
        preferences = _matrix(PREFERENCES, weights)
        baselines = Baselines.of_arrays(weights)
        empty = sp.csr_array(preferences.shape, dtype=np.float32)
        return self._learned(preferences, baselines, empty if baselines is None else _matrix(RATINGS, weights))


def _arrays(name: str, matrix: Sparse) -> Weights:
    arrays = {"data": matrix.data, "indices": matrix.indices, "indptr": matrix.indptr, "shape": np.array(matrix.shape)}
    return {f"{name}_{key}": array for key, array in arrays.items()}


def _matrix(name: str, weights: Weights) -> Sparse:
    data, indices, indptr, shape = (weights[f"{name}_{key}"] for key in ("data", "indices", "indptr", "shape"))
    return sp.csr_array((data, indices, indptr), shape=tuple(shape.tolist()))
