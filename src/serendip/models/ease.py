"""EASE: every item predicted from all others by one linear map, in closed form.

B = argmin |X - X B|² + λ |B|² with diag(B) = 0, that is B_ij = -P_ij / P_jj with P = (XᵀX + λI)⁻¹, and the score of
item j for a history x is Σ_i x_i B_ij: each event adds its own share, so the reason for a score is exact. With a
`memory` the history x fades where it is asked about; what is learned from stays a set.
Steck, "Embarrassingly shallow autoencoders for sparse data", WWW 2019, equation 8.

Where people are fewer than items, P is reached through the people instead (Woodbury): P = (I - M) / λ with
M = Xᵀ (X Xᵀ + λI)⁻¹ X, the same P at a fraction of the time.

Somebody who asks to be forgotten is forgotten exactly and at once (`exchange`): P is kept in float64, and k changed
histories are a change of rank 2k in it, O(A²k) for A items instead of a new fit. What people did since is learned in
the same way (`learn`): an item that nobody had wanted is a row of P with 1/λ on the diagonal and nothing else.

Use it first: on sparse interactions without side information it is hard to beat, has one hyper-parameter and no
randomness. Items nobody wants yet score 0.

With A active items and U people: fit O(A³), or O(U²A + UA²) through the people; memory 8 A² bytes, while fitting and
kept (12 UA more through the people): 20,000 items keep 3.2 GB. Without `updatable` A³ is computed in float32 where
that is precise enough, in half the time and 6 A² bytes, and 4 A² are kept. A score costs O(T·A).
"""

from __future__ import annotations

from typing import Annotated, Self

import numpy as np
from pydantic import Field
from scipy import linalg

from serendip.algebra.symmetric import Packed
from serendip.data import Dataset, Queries
from serendip.data.arrays import FloatArray, IntArray, Sparse
from serendip.models.base import ModelConfig, NotSearched, Search, Weights, fitted, take
from serendip.training import FitOptions

PROBES = 4
ROUGH = 1e-3
"""An inverse in float32 that is farther than this from undoing the matrix, for some probe, is computed in float64."""
AT_ONCE = 256  # histories exchanged together
MOST_PEOPLE = 12_500
"""More of them are never factored by one call of LAPACK: the Cholesky factorisation of OpenBLAS 0.3.30 and 0.3.31 on
several threads crashes the process at 16,300 rows."""


class EaseConfig(ModelConfig):
    l2: Annotated[float, Search(1, 10_000, log=True)] = Field(200.0, gt=0)
    """λ: how much evidence two items need. 200 suits some 100,000 events; 500 and more suit millions."""
    memory: Annotated[float | None, Search(1, 100, log=True)] = Field(None, gt=0)
    """In events: so many events ago, an event of the history counts 1/e of what it did; None: it never fades."""
    max_items: Annotated[int, NotSearched("a bound on time and memory")] = Field(20_000, ge=1)
    """Only so many of the most wanted items take part, which bounds time and memory; the others score 0."""
    updatable: Annotated[bool, NotSearched("how it is computed and kept, not what is learned")] = True
    """Keep what is needed to forget or to learn a history without fitting again, for twice the memory. Without it who
    asks to be forgotten is forgotten at the next fit, and the fit takes half the time."""


class Ease:
    Config = EaseConfig
    personalised = True

    def __init__(self, config: EaseConfig = EaseConfig()) -> None:
        self.config = config
        self._n_items = 0
        self._active: IntArray | None = None  # (A,) rows of the items that take part
        self._b = np.empty((0, 0), np.float32)  # (A, A)
        self._p: Packed | None = None  # (A, A) float64

    def fit(self, dataset: Dataset, options: FitOptions = FitOptions()) -> Self:
        options.progress("EASE", 0, 1)
        matrix = dataset.matrix()  # (U, N)
        active = _most_wanted(matrix, self.config.max_items)
        x = matrix[:, active]
        x = x[np.diff(x.indptr) > 0]  # people who want something
        with options.limited():
            p = _inverse(x, self.config, options)
        self._b = without_self(p)
        self._p = p if self.config.updatable else None
        self._n_items, self._active = dataset.n_items, active
        options.progress("EASE", 1, 1)
        return self

    def exchange(self, before: Queries, after: Queries) -> Self:
        """See `models.base.Forgets`.

        Raises:
            ValueError: the batches differ in length, or so much cannot have been learned as is to be forgotten.
            RuntimeError: nothing has been learned yet, or the model is not `updatable`.
        """
        active = fitted(self._active)
        if len(before) != len(after):
            raise ValueError(f"{len(before)} histories cannot be exchanged for {len(after)}")
        if self._p is None:
            raise RuntimeError("ease was fitted with updatable = false and cannot forget: fit it again")
        old, new = (batch.matrix(self._n_items)[:, active] for batch in (before, after))
        changed = np.flatnonzero(abs(old - new).sum(axis=1))
        p = Packed(self._p.cells.copy(), self._p.size)
        try:
            for start in range(0, len(changed), AT_ONCE):
                some = changed[start : start + AT_ONCE]
                p.exchange_rows(old[some].toarray(), new[some].toarray())
        except linalg.LinAlgError:
            raise ValueError("the histories to be forgotten were never learned") from None
        self._p, self._b = p, without_self(p)
        return self

    def learn(self, before: Queries, after: Queries) -> Self:
        """See `models.base.Learns`; exact to 1e-6, while no more than `max_items` items are wanted."""
        active, wanted = fitted(self._active), np.unique(after.item_rows[after.weights > 0])
        changed = np.flatnonzero(before.differs(after))
        new = np.setdiff1d(wanted, active)[: self.config.max_items - len(active)]
        if self._p is not None and len(new):
            self._p = self._p.longer(np.full(len(new), 1 / self.config.l2))
            self._active = np.concatenate([active, new])
        return self.exchange(before.of_queries(changed), after.of_queries(changed))

    def score(self, queries: Queries, rows: IntArray | None = None) -> FloatArray:
        active = fitted(self._active)
        scores = np.zeros((len(queries), self._n_items), np.float32)  # (B, N)
        scores[:, active] = queries.matrix(self._n_items, self.config.memory)[:, active] @ self._b
        return take(scores, rows)

    def contributions(self, queries: Queries, rows: IntArray) -> FloatArray:
        """w_e B_(item of e, candidate): see `models.base.Attributes`."""
        place = np.full(self._n_items, -1)
        place[fitted(self._active)] = np.arange(len(self._b))
        sources, targets = place[queries.item_rows][:, None], place[rows][queries.query_rows]  # (E, 1), (E, C)
        known = (sources >= 0) & (targets >= 0)
        parts = np.zeros(known.shape, np.float32)
        events, candidates = np.nonzero(known)
        parts[events, candidates] = self._b[sources[events, 0], targets[events, candidates]]
        return parts * queries.recent(self.config.memory)[:, None]

    def weights(self) -> Weights:
        weights = {"n_items": np.array([self._n_items]), "active": fitted(self._active), "b": self._b}
        return weights if self._p is None else weights | {"p": self._p.cells}

    def restore(self, weights: Weights) -> Self:
        self._n_items, self._active, self._b = int(weights["n_items"][0]), weights["active"], weights["b"]
        self._p = Packed(weights["p"], len(self._active)) if "p" in weights else None
        return self


def _most_wanted(matrix: Sparse, limit: int) -> IntArray:
    """Rows of the items with a preference, at most `limit` of them, ascending, (A,)."""
    people = np.bincount(matrix.indices, minlength=matrix.shape[1])
    wanted = np.argsort(-people, kind="stable")[: min(limit, np.count_nonzero(people))]
    return np.sort(wanted)


def _inverse(x: Sparse, config: EaseConfig, options: FitOptions) -> Packed:
    """P of preferences (U, A)."""
    # By floating-point operations the way through the people wins below about two thirds.
    if 3 * x.shape[0] < 2 * x.shape[1] and x.shape[0] <= MOST_PEOPLE:
        return through_people(x, config.l2)
    if not config.updatable:
        quick = in_float32(x, config.l2, options)
        if quick is not None:
            return quick
    return through_items(x, config.l2, options)


def through_items(x: Sparse, l2: float, options: FitOptions = FitOptions()) -> Packed:
    """P (A, A) by inverting the A x A Gram matrix."""
    return Packed.gram(x, l2, options.n_threads).invert()


def in_float32(x: Sparse, l2: float, options: FitOptions = FitOptions()) -> Packed | None:
    """P as `through_items` finds it but in float32; None where rounding has spoilt it."""
    try:
        p = Packed.gram(x, l2, options.n_threads, np.float32).invert()
    except linalg.LinAlgError:
        return None
    probes = np.random.default_rng(0).choice([-1.0, 1.0], (PROBES, p.size))
    reached = p.times(probes.astype(np.float32)).astype(np.float64)
    x = x.astype(np.float64)
    undone = (x.T @ (x @ reached.T)).T + l2 * reached
    return p if np.all(np.linalg.norm(undone - probes, axis=1) <= ROUGH * np.sqrt(p.size)) else None


def through_people(x: Sparse, l2: float) -> Packed:
    """The same P, by factoring the U x U matrix of people."""
    dense = x.toarray().astype(np.float64)  # (U, A)
    kernel = dense @ dense.T
    kernel.flat[:: len(dense) + 1] += l2
    half = linalg.solve_triangular(
        linalg.cholesky(kernel, lower=True, overwrite_a=True), dense, lower=True, overwrite_b=True, check_finite=False
    )  # (U, A): M = halfᵀ half
    p = Packed.product(half)
    np.divide(p.cells, -l2, out=p.cells)
    return p.add_to_diagonal(1 / l2)


def without_self(p: Packed) -> FloatArray:
    """B (A, A) float32: each column of -P over its diagonal, and a zero diagonal, for no item predicts itself."""
    b = p.whole()
    b /= -p.diagonal().astype(np.float32)
    np.fill_diagonal(b, 0.0)
    return b
