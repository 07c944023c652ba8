"""NMF: people and items as sums of parts, never differences; implicit feedback.

Minimises Σ_ui c_ui (p_ui - x_u · y_i)² + λ (Σ_u |x_u|² + Σ_i |y_i|²) over all pairs with x, y ≥ 0, where p_ui = 1 and
c_ui = 1 + α w_ui if person u wants item i with weight w_ui, p_ui = 0 and c_ui = 1 otherwise. Lee and Seung, "Learning
the parts of objects by non-negative matrix factorization", Nature 1999, with the confidences of Hu, Koren and Volinsky
(ICDM 2008); one number at a time is put where it is best, which is the method of Cichocki and Phan, "Fast local
algorithms for large scale nonnegative matrix and tensor factorizations", IEICE 2009 (HALS), section 3, on sparse data.

Nothing is taken away again, so each of the D numbers is a part that says "some of this": a kind of items, with those
that belong to it most on top, and how much of it a person wants.

A history is folded in as the model would place that person: the least squares under x ≥ 0 have one solution, found by
sweeps over its numbers until nothing moves. Where the set A of numbers above 0 stays the same it is linear in the
evidence, x_A = W_AA Σ_j c_j y_jA with W = (YᵀY + Yᵀ(C - I)Y + λI)⁻¹ over A alone, so each event has its exact share
of a score. With a `memory` an event that has faded to f counts f times, in c_j and in C - I.

Use it where parts must be shown and named; ALS foretells better.

With width D: an epoch O(E·D + (U + N)·D²), linear in events; memory 4 (U + N)·D bytes while fitting, 4 N·D kept.
Folding in costs O(T·D + D²) a sweep, scoring O(N·D).
"""

from __future__ import annotations

from typing import Annotated, Self

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from serendip.algebra.coordinates import Bounds, Cells, descend
from serendip.algebra.placing import Evidence, Ground
from serendip.data import Dataset, Queries
from serendip.data.arrays import FloatArray, IntArray
from serendip.models.base import ModelConfig, Search, Weights, fitted
from serendip.training import FitOptions, one_blas_thread

START = 0.1
"""Factors start between 0 and this."""
SWEEPS = 1_000
"""At most, to fold in a history; most come to rest within some dozen."""
AT_REST = 1e-9
"""A history is folded in when no number moves by more than this share of the largest."""


class NmfConfig(ModelConfig):
    embedding_size: Annotated[int, Search(8, 128, log=True)] = Field(32, ge=1)
    """D, how many parts there are."""
    alpha: Annotated[float, Search(0.5, 50, log=True)] = Field(5.0, gt=0)
    """How much more than silence a preference counts: its confidence is 1 + alpha * weight."""
    l2: Annotated[float, Search(0.1, 100, log=True)] = Field(10.0, gt=0)
    """λ, the pull of all factors towards 0; more data bears a larger one, and a larger alpha needs it."""
    epochs: Annotated[int, Search(10, 60)] = Field(20, ge=1)
    """Sweeps over people and items."""
    memory: Annotated[float | None, Search(1, 100, log=True)] = Field(None, gt=0)
    """Events of a history after which one counts for 1/e; None: all count the same."""


class Nmf:
    Config = NmfConfig
    personalised = True

    def __init__(self, config: NmfConfig = NmfConfig()) -> None:
        self.config = config
        self._ground: Ground | None = None  # Y, (N, D)

    def fit(self, dataset: Dataset, options: FitOptions = FitOptions()) -> Self:
        config, generator = self.config, options.generator()
        matrix = dataset.matrix()  # (U, N)
        wants, wanted = Cells.of(matrix, config.alpha), Cells.of(sp.csr_array(matrix.T), config.alpha)
        people, items = (START * generator.random((size, config.embedding_size), np.float32) for size in matrix.shape)
        items[np.diff(wanted.offsets) == 0] = 0
        with options.limited():
            for epoch in range(config.epochs):
                options.progress("NMF", epoch, config.epochs)
                descend(people, wants, items, self._bounds, 1, options.n_threads)
                descend(items, wanted, people, self._bounds, 1, options.n_threads)
        options.progress("NMF", config.epochs, config.epochs)
        return self.restore({"factors": items})

    @property
    def _bounds(self) -> Bounds:
        return Bounds(self.config.l2, l1=0.0, lowest=0.0)

    def score(self, queries: Queries, rows: IntArray | None = None) -> FloatArray:
        factors, people = (
            fitted(self._ground).vectors,
            self._people(Evidence.of(queries, self.config.alpha, self.config.memory)).astype(np.float32),
        )
        if rows is None:
            return np.asarray(people @ factors.T)
        return np.asarray((factors[rows] @ people[:, :, None])[:, :, 0])  # (B, C, D) @ (B, D, 1)

    def contributions(self, queries: Queries, rows: IntArray) -> FloatArray:
        """y_iAᵀ W_AA c_e y_eA of event e for candidate i: see `models.base.Attributes`."""
        evidence = Evidence.of(queries, self.config.alpha, self.config.memory)
        active = self._people(evidence) > 0
        with one_blas_thread():
            return fitted(self._ground).parts(evidence, np.full(len(queries), self.config.l2), rows, active)

    def _people(self, evidence: Evidence) -> FloatArray:
        """x of each history, (B, D) float64."""
        ground = fitted(self._ground)
        people = np.zeros((len(evidence.offsets) - 1, len(ground.gram)))
        cells = Cells(evidence.offsets, evidence.columns, evidence.extra, evidence.worth)
        descend(people, cells, ground.vectors, self._bounds, SWEEPS, tolerance=AT_REST)
        return people

    def weights(self) -> Weights:
        return {"factors": fitted(self._ground).vectors}

    def restore(self, weights: Weights) -> Self:
        self._ground = Ground.of(weights["factors"])
        return self
