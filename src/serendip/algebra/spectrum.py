"""Spectrum: the leading singular values of a sparse matrix and the vectors on the side of its columns.

A block of vectors is filtered by a Chebyshev polynomial of XᵀX that is small below the smallest value wanted, then made
orthonormal and turned towards the singular vectors, a few times over. It multiplies by X alone, a block at once.
Zhou, Saad, Tiago and Chelikowsky, "Self-consistent-field calculations using Chebyshev-filtered subspace iteration",
Journal of Computational Physics 219 (2006); the start is that of Halko, Martinsson and Tropp, "Finding structure with
randomness", SIAM Review 53 (2011).
"""

from __future__ import annotations

import numpy as np
from scipy import linalg

from serendip.data.arrays import FloatArray, Sparse

SPARE = 32
"""Vectors beyond those wanted: the last of a block are the least exact."""
SWEEPS = 4
STEEPEST = 1e4
"""How much more the filter may lift the first vector than the last one: what is lifted more drowns the others in
rounding."""
MOST_PRODUCTS = 8
"""Products with XᵀX in one sweep, at most."""
SMALL = 2_000
"""Up to so many rows or columns all values are computed, exactly; beyond, where a quarter of them is wanted."""
NOTHING = 1e-6
"""Values below so much of the largest are rounding."""


def leading(
    x: Sparse, count: int, generator: np.random.Generator, sweeps: int = SWEEPS
) -> tuple[FloatArray, FloatArray]:
    """At most `count` largest singular values above 0 of `x` (U, N), descending, (K,), and their vectors (N, K).

    Float32; the entry of a vector that is largest in size is positive, so that its sign is nobody's choice.
    """
    x = x.astype(np.float32)
    if not x.nnz:
        return np.empty(0, np.float32), np.empty((x.shape[1], 0), np.float32)
    if min(x.shape) <= max(SMALL, 4 * (count + SPARE)):
        values, vectors = _all(x)
    else:
        values, vectors = _some(x, count + SPARE, generator, sweeps)
    kept = np.flatnonzero(values > NOTHING * values.max(initial=0))[:count]
    vectors = vectors[:, kept] * (np.diff(x.tocsc().indptr) > 0)[:, None]  # exactly 0 where a column is
    largest = np.take_along_axis(vectors, np.abs(vectors).argmax(axis=0)[None], axis=0)
    return values[kept].astype(np.float32), np.ascontiguousarray(vectors * np.sign(largest), np.float32)


def _all(x: Sparse) -> tuple[FloatArray, FloatArray]:
    """Through the eigenvectors of the smaller of XᵀX and XXᵀ, in float64."""
    wide = x.astype(np.float64)
    through_rows = x.shape[0] < x.shape[1]
    gram = (wide @ wide.T if through_rows else wide.T @ wide).toarray()
    squares, vectors = _descending(gram)
    values = np.sqrt(squares)
    if through_rows:
        vectors = (wide.T @ vectors) / np.where(values > 0, values, 1)
    return values, vectors


def _some(x: Sparse, size: int, generator: np.random.Generator, sweeps: int) -> tuple[FloatArray, FloatArray]:
    columns = x.T.tocsr()  # (N, U)
    block = np.linalg.qr(columns @ (x @ generator.standard_normal((x.shape[1], size), np.float32)))[0]
    squares, block = _turned(x, block)
    for _ in range(sweeps):
        block = np.linalg.qr(_filtered(x, columns, block, squares))[0]
        squares, block = _turned(x, block)
    return np.sqrt(squares), block


def _turned(x: Sparse, block: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The best approximations of eigenvalues and eigenvectors of XᵀX within an orthonormal block (N, D)."""
    image = x @ np.ascontiguousarray(block)
    squares, turn = _descending((image.T @ image).astype(np.float64))
    return squares, np.ascontiguousarray(block @ turn.astype(np.float32))


def _descending(symmetric: FloatArray) -> tuple[FloatArray, FloatArray]:
    values, vectors = linalg.eigh(symmetric, check_finite=False)
    return np.maximum(values[::-1], 0), vectors[:, ::-1]


def _filtered(x: Sparse, columns: Sparse, block: FloatArray, squares: FloatArray) -> FloatArray:
    """T_m(2 XᵀX / c - 1) of the block, where c is the smallest of its eigenvalues, by the three-term recurrence."""
    cut = np.float32(max(squares[-1], NOTHING * squares[0]))
    degree = int(np.arccosh(STEEPEST) / np.arccosh(max(2 * squares[0] / cut - 1, 1 + NOTHING)))

    def mapped(vectors: FloatArray) -> FloatArray:
        product = columns @ (x @ vectors)
        product *= 2 / cut
        product -= vectors
        return np.asarray(product)

    before, now = block, mapped(block)
    for _ in range(min(max(degree, 1), MOST_PRODUCTS) - 1):
        following = mapped(now)
        following *= 2
        following -= before
        before, now = now, following
    return now
