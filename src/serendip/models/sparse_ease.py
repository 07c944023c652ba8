"""Sparse EASE: EASE for catalogues of any size, each item predicted from the items most like it.

EASE predicts item j from all others by ridge regression. Here only the `neighbors` items S that are most like j (by
cosine) take part: B_Sj = (G_SS + λI)⁻¹ G_Sj with G = XᵀX, and the score of item j for a history x is Σ_i x_i B_ij, a
sum over the events. Where all items meet and all are neighbours that is EASE itself; no matrix of items by items is
ever held. With a `memory` the history fades where it is asked about. People with long histories say less about each of
their items, by `damping`: the row of somebody with n items counts n^-damping.
Steck, "Markov random fields for collaborative filtering", NeurIPS 2019, section 3.2, solves blocks of neighbours too,
one for several items; Spišák, Bartyzal, Hoskovec, Peška and Tůma, "Scalable approximate nonsymmetric autoencoder for
collaborative filtering", RecSys 2023, reach a sparse B by an approximate inverse.

Use it where EASE does not fit: its map grows with the square of the items, this one with their number.

With N items, K neighbours and histories of n_u items: fit O(Σ_u n_u² + N·K³); memory 8 bytes for each pair of items
that meet (at most 1.6 GB, see `algebra.neighbourhoods`) and 16 N·K while fitting, 8 N·K kept. A score costs O(T·K + N).
"""

from __future__ import annotations

from typing import Annotated, Self

import numpy as np
from pydantic import Field

from serendip.algebra import item_map
from serendip.algebra.neighbourhoods import gram, ridge, solved
from serendip.data import Dataset, Queries
from serendip.data.arrays import FloatArray, IntArray, Sparse
from serendip.models.base import ModelConfig, Search, Weights, fitted, take
from serendip.training import FitOptions


class SparseEaseConfig(ModelConfig):
    l2: Annotated[float, Search(1, 1_000, log=True)] = Field(50.0, gt=0)
    """λ: how much evidence two items need."""
    neighbors: Annotated[int, Search(50, 400, log=True)] = Field(200, ge=1, le=5_000)
    """How many other items an item is predicted from."""
    memory: Annotated[float | None, Search(1, 100, log=True)] = Field(None, gt=0)
    """In events: so many events ago, an event of the history counts 1/e of what it did; None: it never fades."""
    damping: Annotated[float, Search(0, 1)] = Field(0.0, ge=0, le=2)
    """How much less the items of long histories count: 0 not at all, 1 as if each history were one event."""


class SparseEase:
    Config = SparseEaseConfig
    personalised = True

    def __init__(self, config: SparseEaseConfig = SparseEaseConfig()) -> None:
        self.config = config
        self._b: Sparse | None = None  # (N, N): from each item to those it speaks for

    def fit(self, dataset: Dataset, options: FitOptions = FitOptions()) -> Self:
        x = dataset.matrix()  # (U, N)
        lengths = np.diff(x.indptr)
        x.data *= np.repeat(np.maximum(lengths, 1.0) ** -self.config.damping, lengths).astype(np.float32)
        found = gram(x, options.n_threads)
        settings = (self.config.l2,)
        weights = solved(found, self.config.neighbors, ridge, settings, options.n_threads, options.progress)
        self._b = item_map.tidy(weights)
        return self

    def score(self, queries: Queries, rows: IntArray | None = None) -> FloatArray:
        return take(item_map.scores(fitted(self._b), queries, self.config.memory), rows)

    def item_map(self) -> tuple[Sparse, float | None]:
        """See `models.base.Maps`."""
        return fitted(self._b), self.config.memory

    def contributions(self, queries: Queries, rows: IntArray) -> FloatArray:
        """w_e B_(item of e, candidate): see `models.base.Attributes`."""
        return item_map.shares(fitted(self._b), queries, rows, self.config.memory)

    def weights(self) -> Weights:
        return item_map.to_arrays(fitted(self._b))

    def restore(self, weights: Weights) -> Self:
        self._b = item_map.of_arrays(weights)
        return self
