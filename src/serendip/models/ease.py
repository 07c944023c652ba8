"""EASE: every item predicted from all others by one linear map, in closed form.

B = argmin |X - X B|² + λ |B|² with diag(B) = 0, that is B_ij = -P_ij / P_jj with P = (XᵀX + λI)⁻¹, and the score of
item j for a history x is Σ_i x_i B_ij: each event adds its own share, so the reason for a score is exact.
Steck, "Embarrassingly shallow autoencoders for sparse data", WWW 2019, equation 8.

Where people are fewer than items, P is reached through the people instead (Woodbury): P = (I - M) / λ with
M = Xᵀ (X Xᵀ + λI)⁻¹ X, hence B_ij = M_ij / (1 - M_jj), the same B at a fraction of the time.

Use it first: on sparse interactions without side information it is hard to beat, has one hyper-parameter and no
randomness. Items nobody wants yet score 0.

With N active items and U people: fit O(N³), or O(U²N + UN²) through the people; memory 12 N² bytes while fitting
(4 N² + 12 UN through the people) and 4 N² bytes kept: 20,000 items keep 1.6 GB. A score costs O(T·N).
"""

from __future__ import annotations

from typing import Annotated, Self

import numpy as np
from pydantic import Field
from scipy import linalg
from scipy.linalg import lapack

from serendip.data import Dataset, Queries
from serendip.data.arrays import FloatArray, IntArray, Sparse
from serendip.models.base import ModelConfig, NotSearched, Search, Weights, fitted, take
from serendip.training import FitOptions

STRIP = 512  # rows mirrored at once
LARGEST_BLOCK = 12_500
"""Rows inverted by one call of LAPACK: the Cholesky factorisation of OpenBLAS 0.3.30 and 0.3.31 on several threads
crashes the process at 16,300 rows."""


class EaseConfig(ModelConfig):
    l2: Annotated[float, Search(1, 10_000, log=True)] = Field(200.0, gt=0)
    """λ: how much evidence two items need. 200 suits some 100,000 events; 500 and more suit millions."""
    max_items: Annotated[int, NotSearched("a bound on time and memory")] = Field(20_000, ge=1)
    """Only so many of the most wanted items take part, which bounds time and memory; the others score 0."""


class Ease:
    Config = EaseConfig
    personalised = True

    def __init__(self, config: EaseConfig = EaseConfig()) -> None:
        self.config = config
        self._n_items = 0
        self._active: IntArray | None = None  # (A,) rows of the items that take part, ascending
        self._b = np.empty((0, 0), np.float32)  # (A, A)

    def fit(self, dataset: Dataset, options: FitOptions = FitOptions()) -> Self:
        options.progress("EASE", 0, 1)
        matrix = dataset.matrix()  # (U, N)
        active = _most_wanted(matrix, self.config.max_items)
        x = matrix[:, active]
        x = x[np.diff(x.indptr) > 0]  # people who want something
        with options.limited():
            # By floating-point operations the way through the people wins below about two thirds.
            through = through_people if 3 * x.shape[0] < 2 * x.shape[1] else through_items
            self._b = through(x, self.config.l2)
        self._n_items, self._active = dataset.n_items, active
        options.progress("EASE", 1, 1)
        return self

    def score(self, queries: Queries, rows: IntArray | None = None) -> FloatArray:
        active = fitted(self._active)
        scores = np.zeros((len(queries), self._n_items), np.float32)  # (B, N)
        scores[:, active] = queries.matrix(self._n_items)[:, active] @ self._b
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
        return parts * queries.weights[:, None]

    def weights(self) -> Weights:
        return {"n_items": np.array([self._n_items]), "active": fitted(self._active), "b": self._b}

    def restore(self, weights: Weights) -> Self:
        self._n_items, self._active, self._b = int(weights["n_items"][0]), weights["active"], weights["b"]
        return self


def _most_wanted(matrix: Sparse, limit: int) -> IntArray:
    """Rows of the items with a preference, at most `limit` of them, ascending, (A,)."""
    people = np.bincount(matrix.indices, minlength=matrix.shape[1])
    wanted = np.argsort(-people, kind="stable")[: min(limit, np.count_nonzero(people))]
    return np.sort(wanted)


def through_items(x: Sparse, l2: float) -> FloatArray:
    """B (N, N) float32 of preferences (U, N), by inverting the N x N Gram matrix in float64."""
    n_items = x.shape[1]
    if n_items == 0:
        return np.empty((0, 0), np.float32)
    x = x.astype(np.float64)
    gram = (x.T @ x).toarray()  # (N, N)
    gram.flat[:: n_items + 1] += l2
    p = _inverse(gram)
    return _without_self(_mirrored(p), -np.diagonal(p))


def _inverse(a: FloatArray) -> FloatArray:
    """The inverse of a symmetric positive definite `a` (N, N), which is used up; only its lower triangle counts.

    Raises:
        LinAlgError: `a` is not positive definite.
    """
    if len(a) > LARGEST_BLOCK:
        _invert_by_halves(a)
        return a
    factor, failed = lapack.dpotrf(a.T, lower=1, overwrite_a=1, clean=0)  # symmetric: its transpose is itself
    p, failed_too = lapack.dpotri(factor, lower=1, overwrite_c=1)
    if failed or failed_too:
        raise linalg.LinAlgError(f"a Gram matrix of {len(a)} items cannot be inverted: a larger l2 is needed")
    return np.asarray(p)


def _invert_by_halves(a: FloatArray) -> None:
    """Put the whole inverse of `a` in its place, through the Schur complement S = A22 - A21 A11⁻¹ A12.

    With X = A21 A11⁻¹ the blocks are S⁻¹, -S⁻¹ X below the diagonal, and A11⁻¹ + Xᵀ S⁻¹ X.
    """
    half = len(a) // 2
    first, second, below = a[:half, :half], a[half:, half:], a[half:, :half]
    _fill(first, _inverse(first))
    x = below @ first
    second -= x @ below.T
    _fill(second, _inverse(second))
    np.matmul(second, x, out=below)
    np.negative(below, out=below)
    first -= x.T @ below
    a[:half, half:] = below.T


def _fill(a: FloatArray, lower: FloatArray) -> None:
    """Both triangles of `a` from one, strip by strip."""
    for start in range(0, len(a), STRIP):
        rows = slice(start, start + STRIP)
        a[rows, :start] = lower[rows, :start]
        a[:start, rows] = a[rows, :start].T
        corner = np.tril(lower[rows, rows])
        a[rows, rows] = corner + np.tril(corner, -1).T


def through_people(x: Sparse, l2: float) -> FloatArray:
    """The same B, by factoring the U x U matrix of people in float64."""
    dense = x.toarray().astype(np.float64)  # (U, N)
    kernel = dense @ dense.T
    kernel.flat[:: len(dense) + 1] += l2
    half = linalg.solve_triangular(
        linalg.cholesky(kernel, lower=True, overwrite_a=True), dense, lower=True, overwrite_b=True, check_finite=False
    )  # (U, N): M = halfᵀ half
    diagonal = np.einsum("ui,ui->i", half, half)  # near 1 for a small λ, so it stays in float64
    half = half.astype(np.float32)
    return _without_self(half.T @ half, 1.0 - diagonal)


def _mirrored(lower: FloatArray) -> FloatArray:
    """The whole float32 matrix of which only the lower triangle is given."""
    whole = np.empty(lower.shape, np.float32)
    _fill(whole, lower)
    return whole


def _without_self(b: FloatArray, divisor: FloatArray) -> FloatArray:
    """Each column over its divisor and a zero diagonal, in place: no item predicts itself."""
    b /= divisor.astype(np.float32)
    np.fill_diagonal(b, 0.0)
    return b
