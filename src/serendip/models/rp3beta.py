"""RP3beta: where a walk of three steps ends: from a person to an item, to another person, to another item.

From item j a walk reaches item i with W_ji = Σ_u p(u | j)^α p(i | u)^α / d_i^β, where p(u | j) = x_uj / Σ_u x_uj and
p(i | u) = x_ui / Σ_i x_ui are the chances of each step over preferences x, α sharpens (above 1) or flattens them, and
d_i, the number of people who want i, is divided out to the power β, since walks end at popular items too often. Each
item keeps its `neighbors` largest, and the score of i is Σ_j w_j W_ji over the history.
Paudel, Christoffel, Newell and Bernstein, "Updatable, accurate, diverse, and scalable recommendations for interactive
applications", ACM TiiS 7(1), 2016, section 4.

Use it like item neighbours, where popular items crowd out the others or people differ much in how much they want.

Fit O(Σ_u n_u²) for histories of n_u items, in blocks of bounded memory; it keeps 8 bytes per neighbour, N·K at most.
A score costs O(T·K).
"""

from __future__ import annotations

from typing import Annotated, Self

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from serendip.algebra import item_map
from serendip.algebra.similarity import PRODUCT, Measure, Things, nearest, spread
from serendip.data import Dataset, Queries
from serendip.data.arrays import FloatArray, IntArray, Sparse
from serendip.models.base import ModelConfig, Search, Weights, fitted, take
from serendip.training import FitOptions


class Rp3betaConfig(ModelConfig):
    alpha: Annotated[float, Search(0.3, 1.5)] = Field(0.8, gt=0, le=10)
    """The power of each step's chance: below 1 rare steps count more than they are likely."""
    beta: Annotated[float, Search(0.0, 1.0)] = Field(0.3, ge=0, le=10)
    """The power of popularity that is divided out; 0: none."""
    neighbors: Annotated[int, Search(10, 1_000, log=True)] = Field(100, ge=1)
    """Likeliest ends of a walk kept for each item."""
    memory: Annotated[float | None, Search(1, 100, log=True)] = Field(None, ge=0.1, le=10_000)
    """In events: so many events ago, an event counts 1/e of what it did. None: nothing fades."""


class Rp3beta:
    Config = Rp3betaConfig
    personalised = True

    def __init__(self, config: Rp3betaConfig = Rp3betaConfig()) -> None:
        self.config = config
        self._walks: Sparse | None = None  # (N, N): from an item of the history (row) to where walks end (column)

    def fit(self, dataset: Dataset, options: FitOptions = FitOptions()) -> Self:
        wants = dataset.matrix()  # (U, N)
        popularity = np.bincount(wants.indices, minlength=dataset.n_items)
        there = Things(self._chances(wants.T.tocsr()), np.ones(dataset.n_items, np.float32))
        penalty = np.maximum(popularity, 1).astype(np.float32) ** np.float32(self.config.beta)
        back = Things(self._chances(wants).T.tocsr(), penalty)
        measure = Measure(PRODUCT, 0.0, self.config.neighbors, themselves=True)
        found = nearest(there, back, measure, options.n_threads, options.progress, "RP3beta")
        self._walks = item_map.tidy(found)
        return self

    def _chances(self, matrix: Sparse) -> Sparse:
        """The chances of a step from each row, to the power alpha."""
        owners = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
        totals = np.bincount(owners, matrix.data, minlength=matrix.shape[0])
        chances = (matrix.data / totals[owners]) ** self.config.alpha
        return sp.csr_array((chances.astype(np.float32), matrix.indices, matrix.indptr), shape=matrix.shape)

    def score(self, queries: Queries, rows: IntArray | None = None) -> FloatArray:
        walks = fitted(self._walks)
        history = queries.matrix(walks.shape[0], self.config.memory)
        return take(spread(history, walks, FitOptions().n_threads), rows)

    def item_map(self) -> tuple[Sparse, float | None]:
        """See `models.base.Maps`."""
        return fitted(self._walks), self.config.memory

    def contributions(self, queries: Queries, rows: IntArray) -> FloatArray:
        """w_e W_(item of e, candidate): see `models.base.Attributes`."""
        return item_map.shares(fitted(self._walks), queries, rows, self.config.memory)

    def weights(self) -> Weights:
        return item_map.to_arrays(fitted(self._walks))

    def restore(self, weights: Weights) -> Self:
        self._walks = item_map.of_arrays(weights)
        return self
