"""Symmetric: a symmetric matrix in half the memory, its inverse in its own place, and small changes to that inverse.

Of the lower triangle the strips of `STRIP` rows lie one after another in one array; the strip of the rows J reaches
from column 0 to the end of J, and what it holds to the right of the diagonal is not looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import DTypeLike
from scipy import linalg
from scipy.linalg import lapack

from serendip.algebra.compiled import compiled, in_threads
from serendip.data.arrays import FloatArray, IntArray, Sparse

STRIP = 384


@dataclass(frozen=True, eq=False)
class Packed:
    """A symmetric matrix (N, N)."""

    cells: FloatArray  # the strips, flat
    size: int

    @classmethod
    def empty(cls, size: int, dtype: DTypeLike = np.float64) -> Self:
        n_cells = sum((rows.stop - rows.start) * rows.stop for rows in _strips_of(size))
        return cls(np.empty(n_cells, dtype), size)

    @classmethod
    def gram(cls, x: Sparse, l2: float, n_threads: int = 1, dtype: DTypeLike = np.float64) -> Self:
        """XᵀX + λI of the sparse rows `x` (U, N)."""
        made = cls.empty(x.shape[1], dtype)
        by_row, by_column = sp.csr_array(x).sorted_indices(), sp.csc_array(x)
        people, items = (
            (part.data.astype(np.float32), part.indices.astype(np.int32), part.indptr.astype(np.int64))
            for part in (by_row, by_column)
        )

        def fill(strip: tuple[slice, FloatArray]) -> None:
            rows, part = strip
            part[:] = 0
            _add_products(part, rows.start, *people, *items)

        in_threads(fill, made.strips(), n_threads)
        return made.add_to_diagonal(l2)

    @classmethod
    def product(cls, x: FloatArray) -> Self:
        """XᵀX of the dense rows `x` (U, N)."""
        made = cls.empty(x.shape[1], x.dtype)
        for rows, part in made.strips():
            np.matmul(x[:, rows].T, x[:, : rows.stop], out=part)
        return made

    def strips(self) -> list[tuple[slice, FloatArray]]:
        """The rows of each strip, and the strip itself, to be written into, (its rows, up to its last row)."""
        found, start = [], 0
        for rows in _strips_of(self.size):
            shape = (rows.stop - rows.start, rows.stop)
            stop = start + shape[0] * shape[1]
            found.append((rows, self.cells[start:stop].reshape(shape)))
            start = stop
        return found

    def longer(self, values: FloatArray) -> Packed:
        """The same with further rows and columns that hold `values` (k,) on the diagonal and 0 elsewhere."""
        made = Packed.empty(self.size + len(values), self.cells.dtype)
        made.cells[:] = 0
        for (rows, part), (_, wider) in zip(self.strips(), made.strips(), strict=False):
            wider[: len(part), : rows.stop] = part
        return made.add_to_diagonal(np.concatenate([np.zeros(self.size), values]))

    def diagonal(self) -> FloatArray:
        """A copy of the diagonal, (N,)."""
        parts = [np.diagonal(part, rows.start) for rows, part in self.strips()]
        return np.concatenate([np.empty(0, self.cells.dtype), *parts])

    def add_to_diagonal(self, value: FloatArray | float) -> Self:
        values = np.broadcast_to(value, self.size)
        for rows, part in self.strips():
            part[np.arange(len(part)), np.arange(rows.start, rows.stop)] += values[rows]
        return self

    def whole(self, dtype: DTypeLike = np.float32) -> FloatArray:
        """Both triangles, (N, N)."""
        full = np.empty((self.size, self.size), dtype)
        for rows, part in self.strips():
            before, corner = part[:, : rows.start], np.tril(part[:, rows])
            full[rows, : rows.start] = before
            full[: rows.start, rows] = full[rows, : rows.start].T
            full[rows, rows] = corner + np.tril(corner, -1).T
        return full

    def times(self, x: FloatArray) -> FloatArray:
        """`x` (k, N) times this matrix."""
        found = np.zeros(x.shape, np.result_type(x, self.cells))
        for rows, part in self.strips():
            corner = np.tril(part[:, rows])
            found[:, : rows.start] += x[:, rows] @ part[:, : rows.start]
            found[:, rows] += x[:, rows] @ (corner + np.tril(corner, -1).T)
            found[:, rows] += x[:, : rows.start] @ part[:, : rows.start].T
        return found

    def subtract(self, left: FloatArray, right: FloatArray) -> None:
        """Take leftᵀ right, a symmetric product of (k, N) and (k, N), away in place."""
        for rows, part in self.strips():
            _subtract_product(part, np.ascontiguousarray(left.T), np.ascontiguousarray(right[:, rows].T))

    def invert(self) -> Self:
        """Put the inverse of this positive definite matrix in its place; returns itself.

        The symmetric sweep (Goodnight, "A tutorial on the SWEEP operator", The American Statistician 1979) with a
        strip for a pivot: with D the inverse of the pivot's corner and C the columns of the pivot, the pivot becomes
        C D and everything else loses C D Cᵀ. Once each strip was the pivot the negated inverse stands there. That is
        N³ floating-point operations, as in LAPACK's Cholesky inversion, nearly all in products of large matrices.

        Raises:
            LinAlgError: it is not positive definite, or rounding has made it so.
        """
        strips = self.strips()
        for pivot in range(len(strips)):
            _sweep(strips, pivot, self.size)
        np.negative(self.cells, out=self.cells)
        return self

    def exchange_rows(self, before: FloatArray, after: FloatArray) -> None:
        """If this is (G + λI)⁻¹, make it (G - beforeᵀ before + afterᵀ after + λI)⁻¹; both dense, (k, N).

        The Sherman-Morrison-Woodbury formula, P - (sign) P Uᵀ (I + (sign) U P Uᵀ)⁻¹ U P, the new rows first, so that
        both small systems are positive definite.

        Raises:
            LinAlgError: `before` was no part of G.
        """
        for rows, sign in ((after, 1.0), (before, -1.0)):
            some = rows[np.any(rows != 0, axis=1)].astype(self.cells.dtype)
            if len(some):
                reached = self.times(some)  # U P
                small = np.eye(len(some)) + sign * (reached @ some.T)
                self.subtract(reached, sign * linalg.cho_solve(linalg.cho_factor(small, lower=True), reached))


def _strips_of(size: int) -> list[slice]:
    return [slice(start, min(start + STRIP, size)) for start in range(0, size, STRIP)]


def _sweep(strips: Sequence[tuple[slice, FloatArray]], pivot: int, size: int) -> None:
    rows, own = strips[pivot]
    columns = np.empty((size, len(own)), own.dtype)  # C
    columns[: rows.start] = own[:, : rows.start].T
    for others, part in strips[pivot + 1 :]:
        columns[others] = part[:, rows]
    inverse = _inverse(own[:, rows])
    columns[rows] = 0
    reached = columns @ inverse  # C D
    for place, (others, part) in enumerate(strips):
        if place != pivot:
            _subtract_product(part, columns, reached[others])
        if place > pivot:
            part[:, rows] = reached[others]
    own[:, : rows.start] = reached[: rows.start].T
    np.negative(inverse, out=own[:, rows])


def _subtract_product(part: FloatArray, left: FloatArray, right: FloatArray) -> None:
    """part -= right @ left[: its width].T in place: seen as columns, all three are whole pieces of memory."""
    gemm = linalg.get_blas_funcs("gemm", (part,))
    width = part.shape[1]
    gemm(-1.0, left[:width].T, right.T, beta=1.0, c=part.T, trans_a=1, overwrite_c=1)


def _inverse(a: FloatArray) -> FloatArray:
    """The inverse of a small positive definite matrix, of which the lower triangle counts."""
    potrf, potri = lapack.get_lapack_funcs(("potrf", "potri"), (a,))
    factor, failed = potrf(a, lower=1)
    if failed:
        raise linalg.LinAlgError("the matrix is not positive definite, or rounding has made it so")
    lower = np.tril(potri(factor, lower=1, overwrite_c=1)[0])
    return np.asarray(lower + np.tril(lower, -1).T)


@compiled
def _add_products(
    part: FloatArray,
    first: int,
    row_values: FloatArray,
    row_items: IntArray,
    row_ends: IntArray,
    column_values: FloatArray,
    column_people: IntArray,
    column_ends: IntArray,
) -> None:
    """Add to row j of a strip, which begins with item `first`, the products of j with items up to the strip's end."""
    stop = part.shape[1]
    for place in range(part.shape[0]):
        item = first + place
        for event in range(column_ends[item], column_ends[item + 1]):
            person, value = column_people[event], np.float64(column_values[event])
            for other in range(row_ends[person], row_ends[person + 1]):
                if row_items[other] >= stop:
                    break
                part[place, row_items[other]] += value * row_values[other]
