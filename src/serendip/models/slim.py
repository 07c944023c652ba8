"""SLIM: each item predicted from few others, by weights that are positive and mostly 0.

B_Sj = argmin ½ |x_j - X_S b|² + ½ λ |b|² + μ |b|₁ over b ≥ 0, for each item j and the `neighbors` items S that are most
like it (by cosine); the score of item j for a history x is Σ_i x_i B_ij, a sum over the events. Only G = XᵀX is looked
at: coordinate descent with the gradient kept up to date (Friedman, Hastie and Tibshirani, "Regularization paths for
generalized linear models via coordinate descent", Journal of Statistical Software 2010, section 2.2, covariance
updates). With a `memory` the history fades where it is asked about.
Ning and Karypis, "SLIM: sparse linear methods for top-n recommender systems", ICDM 2011, equations 3 and 6; section 3.3
there also lets only likely items take part.

Use it where reasons should be few and never "because you did not": EASE says more, with weights of both signs.

With N items, K neighbours and histories of n_u items: fit O(Σ_u n_u² + N·K² ) for each sweep; memory 8 bytes for each
pair of items that meet (at most 1.6 GB, see `algebra.neighbourhoods`) and 16 N·K while fitting, 8 for each weight kept.
A score costs O(T·K + N).
"""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field

from serendip.algebra import item_map
from serendip.algebra.neighbourhoods import elastic_net, gram, solved
from serendip.data import Dataset, Queries
from serendip.data.arrays import FloatArray, IntArray, Sparse
from serendip.models.base import ModelConfig, NotSearched, Search, Weights, fitted, take
from serendip.training import FitOptions

TOLERANCE = 1e-3
"""Descent ends once no weight moves by more than this share of what there was to explain."""


class SlimConfig(ModelConfig):
    l1: Annotated[float, Search(0.01, 10, log=True)] = Field(1.0, ge=0)
    """μ: what must be left to explain before an item has a weight at all; more makes fewer weights."""
    l2: Annotated[float, Search(1, 1_000, log=True)] = Field(50.0, gt=0)
    """λ: how much evidence two items need."""
    neighbors: Annotated[int, Search(50, 400, log=True)] = Field(200, ge=1, le=5_000)
    """How many other items an item may be predicted from."""
    memory: Annotated[float | None, Search(1, 100, log=True)] = Field(None, gt=0)
    """In events: so many events ago, an event of the history counts 1/e of what it did; None: it never fades."""
    epochs: Annotated[int, NotSearched("descent ends by itself earlier")] = Field(50, ge=1)
    """Sweeps over the weights at most."""


class Slim:
    Config = SlimConfig
    personalised = True

    def __init__(self, config: SlimConfig = SlimConfig()) -> None:
        self.config = config
        self._b: Sparse | None = None  # (N, N): from each item to those it speaks for

    def fit(self, dataset: Dataset, options: FitOptions = FitOptions()) -> Self:
        found = gram(dataset.matrix(), options.n_threads)
        settings = (self.config.l2, self.config.l1, float(self.config.epochs), TOLERANCE)
        weights = solved(found, self.config.neighbors, elastic_net, settings, options.n_threads, options.progress)
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
