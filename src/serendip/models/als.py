"""ALS: few numbers per person and item whose product says who wants what; implicit feedback.

Minimises Σ_ui c_ui (p_ui - x_u · y_i)² + λ (Σ_u |x_u|² + Σ_i |y_i|²) over all pairs, where p_ui = 1 and
c_ui = 1 + α w_ui if person u wants item i with weight w_ui, p_ui = 0 and c_ui = 1 otherwise.
Hu, Koren and Volinsky, "Collaborative filtering for implicit feedback datasets", ICDM 2008.

Only the factors Y of the items are kept. Any history is folded in exactly, as the model would place that person:
x = W Yᵀ C p with W = (YᵀY + Yᵀ(C - I)Y + λI)⁻¹, and scores x · y_i = Σ_j y_iᵀ W y_j c_j: each event has its share
(section 5 of the paper).

Use it on dense data and where items need vectors. The solver is the `implicit` package (conjugate gradients).

With width D: an epoch O(E·D² + (U + N)·D³) at most; memory 4 (U + N)·D bytes while fitting, 4 N·D kept. Folding in
costs O(T·D² + D³) for each query, scoring O(N·D).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Self

import numpy as np
import scipy.sparse as sp
from implicit.cpu.als import AlternatingLeastSquares
from pydantic import Field

from serendip.data import Dataset, Queries
from serendip.data.arrays import BoolArray, FloatArray, IntArray
from serendip.models.base import ModelConfig, Search, Weights, fitted
from serendip.training import FitOptions, one_blas_thread

BATCH_EVENTS = 1 << 15  # events, with padding, folded in at once
BATCH_QUERIES = 1 << 10


class AlsConfig(ModelConfig):
    # Chosen from 36 settings (width 32 to 128, alpha 1 to 20, l2 1 to 100) by NDCG@10 inside the earlier 80 % of
    # ml-100k and ml-latest-small, its last fifth (by time) held out, then a random fifth: by time the better half
    # are within one standard error of each other; at random alpha 5 with l2 30 leads at each width.
    embedding_size: Annotated[int, Search(16, 256, log=True)] = Field(64, ge=1)
    """D, the width of the factors."""
    alpha: Annotated[float, Search(0.5, 50, log=True)] = Field(5.0, gt=0)
    """How much more than silence a preference counts: its confidence is 1 + alpha * weight."""
    l2: Annotated[float, Search(0.1, 300, log=True)] = Field(30.0, gt=0)
    """λ, the pull of all factors towards 0; more data bears a larger one, and a larger alpha needs it."""
    epochs: Annotated[int, Search(5, 30)] = Field(15, ge=1)
    """Passes over people and items."""


class Als:
    Config = AlsConfig
    personalised = True

    def __init__(self, config: AlsConfig = AlsConfig()) -> None:
        self.config = config
        self._factors: FloatArray | None = None  # Y, (N, D)
        self._system = np.empty((0, 0))  # YᵀY + λI, (D, D) float64

    def fit(self, dataset: Dataset, options: FitOptions = FitOptions()) -> Self:
        matrix = dataset.matrix()  # (U, N)
        matrix.data = 1 + np.float32(self.config.alpha) * matrix.data  # implicit takes C itself where p = 1
        factors = np.zeros((dataset.n_items, self.config.embedding_size), np.float32)
        wanted = np.unique(matrix.indices)
        if len(wanted):
            factors[wanted] = self._solve(sp.csr_matrix(matrix), options)[wanted]
        return self.restore({"factors": factors})

    def _solve(self, confidence: sp.csr_matrix, options: FitOptions) -> FloatArray:
        config = self.config

        def report(epoch: int, *_: object) -> None:
            options.progress("ALS", epoch + 1, config.epochs)

        report(-1)
        with options.limited(blas=1):  # the solver runs threads of its own, each of which calls BLAS
            solver = AlternatingLeastSquares(
                factors=config.embedding_size,
                regularization=config.l2,
                iterations=config.epochs,
                num_threads=options.n_threads,
                random_state=options.seed,
            )
            solver.fit(confidence, show_progress=False, callback=report)
        return np.asarray(solver.item_factors)

    def score(self, queries: Queries, rows: IntArray | None = None) -> FloatArray:
        factors = fitted(self._factors)
        people = np.zeros((len(queries), factors.shape[1]), np.float32)  # (B, D)
        with one_blas_thread():
            for batch in _batches(queries):
                evidence, system = self._equations(queries, batch)
                people[batch.queries] = np.linalg.solve(system, evidence.sum(axis=1)[:, :, None])[:, :, 0]
        if rows is None:
            return np.asarray(people @ factors.T)
        return np.asarray((factors[rows] @ people[:, :, None])[:, :, 0])  # (B, C, D) @ (B, D, 1)

    def contributions(self, queries: Queries, rows: IntArray) -> FloatArray:
        """y_iᵀ W c_e y_e of event e for candidate i: see `models.base.Attributes`."""
        factors = fitted(self._factors)
        parts = np.zeros((len(queries.item_rows), rows.shape[1]), np.float32)  # (E, C)
        with one_blas_thread():
            for batch in _batches(queries):
                evidence, system = self._equations(queries, batch)
                placed = np.linalg.solve(system, evidence.swapaxes(1, 2)).swapaxes(1, 2)  # (b, T, D)
                shares = placed @ factors[rows[batch.queries]].swapaxes(1, 2)  # (b, T, C)
                parts[batch.events[batch.real]] = shares[batch.real]
        return parts

    def _equations(self, queries: Queries, batch: _Batch) -> tuple[FloatArray, FloatArray]:
        """The evidence c y of each event, (b, T, D), 0 where padded, and W⁻¹ of each query, (b, D, D)."""
        vectors = fitted(self._factors)[queries.item_rows[batch.events]].astype(np.float64)  # (b, T, D)
        vectors *= batch.real[:, :, None]
        extra = self.config.alpha * queries.weights[batch.events][:, :, None]  # C - I, (b, T, 1)
        weighted = extra * vectors
        return vectors + weighted, self._system + weighted.swapaxes(1, 2) @ vectors

    def weights(self) -> Weights:
        return {"factors": fitted(self._factors)}

    def restore(self, weights: Weights) -> Self:
        self._factors = weights["factors"]
        wide = self._factors.astype(np.float64)
        self._system = wide.T @ wide + self.config.l2 * np.eye(wide.shape[1])
        return self


@dataclass(frozen=True)
class _Batch:
    """Queries of similar length, side by side; an event that repeats another or says nothing is left out."""

    queries: IntArray  # (b,)
    events: IntArray  # (b, T) positions in the batch's events, any where padded
    real: BoolArray  # (b, T) False where padded


def _batches(queries: Queries) -> Iterator[_Batch]:
    """All queries that have something to say, longest first, in batches of bounded memory."""
    telling = np.flatnonzero(queries.weights > 0)
    lengths = np.bincount(queries.query_rows[telling], minlength=len(queries))  # (B,)
    starts = np.cumsum(lengths) - lengths
    order = np.argsort(-lengths, kind="stable")[: np.count_nonzero(lengths)]
    while len(order):
        longest = int(lengths[order[0]])
        size = min(BATCH_QUERIES, max(1, BATCH_EVENTS // longest))
        chosen, order = order[:size], order[size:]
        places = np.arange(longest)
        real = places < lengths[chosen][:, None]
        yield _Batch(chosen, telling[np.where(real, starts[chosen][:, None] + places, 0)], real)
