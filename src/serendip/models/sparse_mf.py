"""Sparse MF: factors most of whose numbers are exactly 0, for people and for items; implicit feedback.

Minimises Σ_ui c_ui (p_ui - x_u · y_i)² + λ (Σ |x_u|² + Σ |y_i|²) + 2μ (Σ |x_u|₁ + Σ |y_i|₁) over all pairs, where
p_ui = 1 and c_ui = 1 + α w_ui if person u wants item i with weight w_ui, p_ui = 0 and c_ui = 1 otherwise: the loss of
Hu, Koren and Volinsky (ICDM 2008) with the L1 pull of Tibshirani, "Regression shrinkage and selection via the lasso",
JRSS B 1996, on both factor matrices. Each number in turn is put where it is best, which is often 0.

A score multiplies only where a person and an item both have a number, and the factors of items are saved as their
numbers and places. A history is folded in by the same pull, which says which numbers A of a person are not 0; these
are then the ridge solution over A alone, x_A = W_AA Σ_j c_j y_jA with W = (YᵀY + Yᵀ(C - I)Y + λI)⁻¹ over A: the relaxed
lasso (Meinshausen, CSDA 2007), without the shrinkage that chose them. So each event has its exact share of a score.
With a `memory` an event that has faded to f counts f times, in c_j and in C - I.

Use it for large catalogues where memory and scoring time count, and where few numbers must say all.

With width D: an epoch O(E·D + (U + N)·D²), linear in events; memory 4 (U + N)·D bytes while fitting, 8 bytes for each
number saved. Scoring costs O(N·D·s) where s is the share of the pairs of numbers in which neither is 0; unless s is
below 1/70 the dense product is faster all the same, and is taken.
"""

from __future__ import annotations

from typing import Annotated, Self

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from serendip.algebra.coordinates import Bounds, Cells, combine, descend
from serendip.algebra.placing import Evidence, Ground
from serendip.data import Dataset, Queries
from serendip.data.arrays import FloatArray, IntArray
from serendip.models.base import ModelConfig, Search, Weights, fitted
from serendip.training import FitOptions, one_blas_thread

START = 0.1
"""Factors start between -1 and 1 times this."""
SWEEPS = 100
"""At most, to choose the numbers of a history."""
DEAR = 70
"""One product at a place of its own takes as long as so many side by side (1.5 ns against 0.02 ns on one core of a
Xeon, 17,632 items of lastfm): sparse scoring pays below one product in 70 that is not 0."""
AT_REST = 1e-6
"""They are chosen when no number moves by more than this share of the largest."""


class SparseMfConfig(ModelConfig):
    embedding_size: Annotated[int, Search(16, 512, log=True)] = Field(64, ge=1)
    """D, the width of the factors, most of whose numbers are 0."""
    alpha: Annotated[float, Search(0.5, 50, log=True)] = Field(5.0, gt=0)
    """How much more than silence a preference counts: its confidence is 1 + alpha * weight."""
    l1: Annotated[float, Search(0.1, 30, log=True)] = Field(2.0, ge=0)
    """μ: more makes more numbers 0."""
    l2: Annotated[float, Search(0.1, 100, log=True)] = Field(10.0, gt=0)
    """λ, the pull of all factors towards 0; more data bears a larger one, and a larger alpha needs it."""
    epochs: Annotated[int, Search(10, 60)] = Field(20, ge=1)
    """Sweeps over people and items."""
    memory: Annotated[float | None, Search(1, 100, log=True)] = Field(None, gt=0)
    """Events of a history after which one counts for 1/e; None: all count the same."""


class SparseMf:
    Config = SparseMfConfig
    personalised = True

    def __init__(self, config: SparseMfConfig = SparseMfConfig()) -> None:
        self.config = config
        self._ground: Ground | None = None  # Y, (N, D)
        self._columns = sp.csc_array((0, 0), dtype=np.float32)  # the same, sparse

    def fit(self, dataset: Dataset, options: FitOptions = FitOptions()) -> Self:
        config, generator = self.config, options.generator()
        matrix = dataset.matrix()  # (U, N)
        wants, wanted = Cells.of(matrix, config.alpha), Cells.of(sp.csr_array(matrix.T), config.alpha)
        people, items = (
            START * (2 * generator.random((size, config.embedding_size), np.float32) - 1) for size in matrix.shape
        )
        items[np.diff(wanted.offsets) == 0] = 0
        with options.limited():
            for epoch in range(config.epochs):
                options.progress("sparse MF", epoch, config.epochs)
                # From 0 up to all of it half way: numbers that start small are not lost before they can grow.
                bounds = Bounds(config.l2, config.l1 * min(1.0, 2 * epoch / config.epochs), lowest=-np.inf)
                descend(people, wants, items, bounds, 1, options.n_threads)
                descend(items, wanted, people, bounds, 1, options.n_threads)
        self._keep(sp.csc_array(items))
        options.progress(f"sparse MF: {self.density:.0%} of the numbers are not 0", config.epochs, config.epochs)
        return self

    def _keep(self, columns: sp.csc_array) -> None:
        self._columns, self._ground = columns, Ground.of(columns.toarray())

    @property
    def density(self) -> float:
        """The share of the numbers of wanted items that are not 0.

        Raises:
            RuntimeError: nothing has been learned yet.
        """
        factors = fitted(self._ground).vectors
        return float(np.count_nonzero(factors) / max(1, factors.any(axis=1).sum() * factors.shape[1]))

    def score(self, queries: Queries, rows: IntArray | None = None) -> FloatArray:
        factors, people = (
            fitted(self._ground).vectors,
            self._people(Evidence.of(queries, self.config.alpha, self.config.memory)),
        )
        if rows is not None:
            return np.asarray((factors[rows] @ people[:, :, None])[:, :, 0])  # (B, C, D) @ (B, D, 1)
        columns = self._columns
        meets = np.count_nonzero(people, axis=0) @ np.diff(columns.indptr)  # products that are not 0
        if meets * DEAR > people.size * len(factors):
            return np.asarray(people @ factors.T)
        scores = np.zeros((len(people), len(factors)), np.float32)
        combine(people, columns.indptr, columns.indices, columns.data, scores)
        return scores

    def contributions(self, queries: Queries, rows: IntArray) -> FloatArray:
        """y_iAᵀ W_AA c_e y_eA of event e for candidate i: see `models.base.Attributes`."""
        evidence = Evidence.of(queries, self.config.alpha, self.config.memory)
        active = self._chosen(evidence) != 0
        with one_blas_thread():
            return fitted(self._ground).parts(evidence, np.full(len(queries), self.config.l2), rows, active)

    def _chosen(self, evidence: Evidence) -> FloatArray:
        """x of each history under both pulls, (B, D) float64, most of it 0."""
        ground = fitted(self._ground)
        people = np.zeros((len(evidence.offsets) - 1, len(ground.gram)))
        cells = Cells(evidence.offsets, evidence.columns, evidence.extra, evidence.worth)
        bounds = Bounds(self.config.l2, self.config.l1, lowest=-np.inf)
        descend(people, cells, ground.vectors, bounds, SWEEPS, tolerance=AT_REST)
        return people

    def _people(self, evidence: Evidence) -> FloatArray:
        """x of each history, (B, D) float32."""
        active = self._chosen(evidence) != 0
        with one_blas_thread():
            return fitted(self._ground).place(evidence, np.full(len(active), self.config.l2), active).astype(np.float32)

    def weights(self) -> Weights:
        shape = fitted(self._ground).vectors.shape
        columns = self._columns
        return {
            "data": columns.data,
            "indices": columns.indices,
            "indptr": columns.indptr,
            "shape": np.array(shape),
            "density": np.array([self.density]),
        }

    def restore(self, weights: Weights) -> Self:
        cells = (weights["data"], weights["indices"], weights["indptr"])
        self._keep(sp.csc_array(cells, shape=tuple(weights["shape"].tolist())))
        return self
