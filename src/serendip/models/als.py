"""ALS: few numbers per person and item whose product says who wants what; implicit feedback.

Minimises Σ_ui c_ui (p_ui - x_u · y_i)² + Σ_u λ_u |x_u|² + Σ_i λ_i |y_i|² over all pairs, where p_ui = 1 and
c_ui = 1 + α w_ui if person u wants item i with weight w_ui, p_ui = 0 and c_ui = 1 otherwise.
Hu, Koren and Volinsky, "Collaborative filtering for implicit feedback datasets", ICDM 2008.

The pull λ_u towards 0 grows with what is known of u: λ_u = λ (Σ_i c_ui)^ν / mean, and so for items, where the mean of
(Σ c)^ν over all people and items keeps the size of λ comparable for every ν. What is known in part of a person with
few events is then drawn less: Rendle, Krichene, Zhang and Koren, "Revisiting the performance of iALS on item
recommendation benchmarks", RecSys 2022, section 3.2 and 4.3 (their weight of the unobserved is 1 / α here). They find
that a large enough D, and α, λ and ν found together, decide whether this is among the best models or a weak one.

Only the factors Y of the items are kept. Any history is folded in exactly, as the model would place that person:
x = W Yᵀ C p with W = (YᵀY + Yᵀ(C - I)Y + λ_u I)⁻¹, and scores x · y_i = Σ_j y_iᵀ W y_j c_j: each event has its share
(section 5 of Hu, Koren and Volinsky). With a `memory` an event that has faded to f counts f times: f c_j stands for
c_j in the sum and f α w_j for C - I.

Use it on dense data and where items need vectors. Where tastes move, a `memory` of a few events decides: it lifts
NDCG@10 on ml-1m, last item left out, from 0.043 to 0.125 (validation, 2,000 people, 8 epochs, memory 3). Large sparse
catalogues want D of 256, alpha of 40 to 60, nu of 1 and l2 of about 10.

With width D: an epoch O(E·D + (U + N)·D²), linear in events; memory 4 (U + N)·D bytes while fitting, 4 N·D kept.
Folding in costs O(T²·D + T³) for each query of T events, or O(T·D² + D³) where T is above D; scoring O(N·D).
"""

from __future__ import annotations

from typing import Annotated, Self

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from serendip.algebra.alternating import improve
from serendip.algebra.placing import Evidence, Ground
from serendip.data import Dataset, Queries
from serendip.data.arrays import FloatArray, IntArray, Sparse
from serendip.models.base import ModelConfig, Search, Weights, fitted
from serendip.training import FitOptions, one_blas_thread

STEPS = 3
"""Of conjugate gradients each time that a person or an item is drawn nearer to its best."""
START = 0.01
"""Factors start between 0 and this."""


class AlsConfig(ModelConfig):
    # Chosen from 36 settings (width 32 to 128, alpha 1 to 20, l2 1 to 100) by NDCG@10 inside the earlier 80 % of
    # ml-100k and ml-latest-small, its last fifth (by time) held out, then a random fifth: by time the better half
    # are within one standard error of each other; at random alpha 5 with l2 30 leads at each width.
    embedding_size: Annotated[int, Search(16, 512, log=True)] = Field(64, ge=1)
    """D, the width of the factors."""
    alpha: Annotated[float, Search(0.5, 100, log=True)] = Field(5.0, gt=0)
    """How much more than silence a preference counts: its confidence is 1 + alpha * weight."""
    l2: Annotated[float, Search(0.1, 300, log=True)] = Field(30.0, gt=0)
    """λ, the pull of all factors towards 0; more data bears a larger one, and a larger alpha needs it."""
    nu: Annotated[float, Search(0, 1)] = Field(0.0, ge=0)
    """ν, how the pull grows with what is known of a person or an item: 0 not at all, 1 in proportion."""
    epochs: Annotated[int, Search(5, 30)] = Field(15, ge=1)
    """Passes over people and items."""
    memory: Annotated[float | None, Search(1, 100, log=True)] = Field(None, gt=0)
    """Events of a history after which one counts for 1/e; None: all count the same."""


class Als:
    Config = AlsConfig
    personalised = True

    def __init__(self, config: AlsConfig = AlsConfig()) -> None:
        self.config = config
        self._ground: Ground | None = None  # Y, (N, D), about axes that make YᵀY diagonal
        self._typical = np.ones(1)  # the mean of (Σ c)^ν over people and items, (1,)

    def fit(self, dataset: Dataset, options: FitOptions = FitOptions()) -> Self:
        config = self.config
        matrix = dataset.matrix()
        extra = matrix[np.diff(matrix.indptr) > 0]  # (U, N), people who want something
        extra.data *= np.float32(config.alpha)
        sides = extra, sp.csr_array(extra.T)
        wanted = np.diff(sides[1].indptr) > 0
        known = np.concatenate([_known(sides[0]), _known(sides[1])[wanted]])
        self._typical = np.array([np.mean(known**config.nu)]) if len(known) else np.ones(1)
        generator = options.generator()
        people, items = (START * generator.random((side.shape[0], config.embedding_size), np.float32) for side in sides)
        items[~wanted] = 0
        with options.limited():
            for epoch in range(config.epochs):
                options.progress("ALS", epoch, config.epochs)
                improve(people, sides[0], items, self._pull(_known(sides[0])), STEPS, options.n_threads)
                improve(items, sides[1], people, self._pull(_known(sides[1])), STEPS, options.n_threads)
            options.progress("ALS", config.epochs, config.epochs)
            self._ground = Ground.of(items).turned()
        return self

    def update(self, people: Queries, items: IntArray) -> Self:
        """Learn the factors of `items` anew from what everybody did, the other items as they are; returns itself.

        For new events without a whole fit: one exact half of an epoch for these items. All `people` are folded in,
        and each of `items` is placed best among them. An item that nobody had met is learned like any other; one
        that nobody wants becomes 0.

        Raises:
            RuntimeError: nothing has been learned yet.
        """
        factors = fitted(self._ground).vectors.copy()
        telling = np.unique(people.query_rows[people.weights > 0])
        extra = people.matrix(len(factors))[telling]
        extra.data *= np.float32(self.config.alpha)
        wanted = sp.csr_array(extra.T)[items]
        with one_blas_thread():
            placed = fitted(self._ground).place(_evidence(extra), self._pull(_known(extra)))
            ground = Ground.of(placed.astype(np.float32))
            factors[items] = ground.place(_evidence(wanted), self._pull(_known(wanted)))
            self._ground = Ground.of(factors).turned()
        return self

    def learn(self, before: Queries, after: Queries) -> Self:
        """See `models.base.Learns`: the items whose events changed are placed anew, see `update`.

        Nearly what a fit says: on what the tests generate, its scores and those of a fit on the changed data correlate
        by 0.98 or more, where those of the model before do by less.
        """
        changed = before.differs(after)
        parts = [batch.item_rows[changed[batch.query_rows]] for batch in (before, after)]
        touched = np.unique(np.concatenate(parts))
        return self.update(after, touched) if len(touched) else self

    def score(self, queries: Queries, rows: IntArray | None = None) -> FloatArray:
        factors, people = self.item_vectors(), self.query_vectors(queries)
        if rows is None:
            return np.asarray(people @ factors.T)
        return np.asarray((factors[rows] @ people[:, :, None])[:, :, 0])  # (B, C, D) @ (B, D, 1)

    def query_vectors(self, queries: Queries) -> FloatArray:
        """See `models.base.Embeds`."""
        return self.people(queries).astype(np.float32)

    def item_vectors(self) -> FloatArray:
        return fitted(self._ground).vectors

    def people(self, queries: Queries) -> FloatArray:
        """The factors of those who have these histories, (B, D) float64, to go with the factors of the items.

        Raises:
            RuntimeError: nothing has been learned yet.
        """
        ground = fitted(self._ground)
        with one_blas_thread():
            return ground.place(*self._of(queries))

    def contributions(self, queries: Queries, rows: IntArray) -> FloatArray:
        """y_iᵀ W c_e y_e of event e for candidate i: see `models.base.Attributes`."""
        ground = fitted(self._ground)
        with one_blas_thread():
            return ground.parts(*self._of(queries), rows)

    def _of(self, queries: Queries) -> tuple[Evidence, FloatArray]:
        """What histories say, faded, and the pull of each, (B,)."""
        evidence = Evidence.of(queries, self.config.alpha, self.config.memory)
        known = np.bincount(queries.query_rows, evidence.extra, len(queries)) + len(fitted(self._ground).vectors)
        return evidence, self._pull(np.asarray(known, np.float64))

    def _pull(self, known: FloatArray) -> FloatArray:
        """λ of each row from its Σ c."""
        return np.asarray(self.config.l2 * known**self.config.nu / self._typical[0])

    def weights(self) -> Weights:
        return {"factors": fitted(self._ground).vectors, "typical": self._typical}

    def restore(self, weights: Weights) -> Self:
        self._ground, self._typical = Ground.of(weights["factors"]), weights.get("typical", np.ones(1))
        return self


def _known(extra: Sparse) -> FloatArray:
    """Σ c of each row over all columns, (R,)."""
    return np.asarray(extra.sum(axis=1) + extra.shape[1], np.float64)


def _evidence(extra: Sparse) -> Evidence:
    return Evidence(extra.indptr, extra.indices, extra.data.astype(np.float64), 1 + extra.data.astype(np.float64))
