"""Coordinates: weighted factors one number at a time, kept at or above 0, or drawn to exactly 0.

For each row x with cells i of extra confidence e_i the sum Σ_i (1 + e_i) (1 - x · v_i)² over its cells, plus the
squares (x · v)² of all others, plus λ |x|² + 2 μ Σ_d |x_d|, is least in x_d, the other numbers held still, at
x_d = S(Σ_i v_id (1 + e_i (1 - r_i)) - Σ_{c≠d} G_dc x_c, μ) / (G_dd + Σ_i e_i v_id² + λ), where r_i leaves x_d out of
x · v_i, G = Σ v vᵀ and S draws its argument towards 0 by μ: Hu, Koren and Volinsky's loss (ICDM 2008) by coordinate
descent, as in He, Zhang, Kan and Chua, "Fast matrix factorization for online recommendation with implicit feedback",
SIGIR 2016, section 4, with the soft threshold of Friedman, Hastie and Tibshirani, "Regularization paths for generalized
linear models via coordinate descent", JSS 2010. One sweep over all D numbers of a row of n cells costs O(n D + D²).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from serendip.algebra.compiled import compiled, even_parts, in_threads
from serendip.data.arrays import FloatArray, IntArray, Sparse

PARTS_PER_THREAD = 8


class Cells(NamedTuple):
    """What rows want, as sparse rows: an extra confidence and a worth for each cell, float32 or float64."""

    offsets: IntArray  # (R + 1,) int64
    columns: IntArray  # (E,) int32
    extra: FloatArray  # (E,) e
    worth: FloatArray  # (E,) 1 + e where nothing fades; a cell of no worth says nothing

    @classmethod
    def of(cls, wants: Sparse, alpha: float) -> Cells:
        """e = αw and 1 + αw for preferences w."""
        extra = (alpha * wants.data).astype(np.float32)
        return cls(wants.indptr.astype(np.int64), wants.indices.astype(np.int32), extra, 1 + extra)


class Bounds(NamedTuple):
    """All float64."""

    l2: float
    l1: float
    lowest: float
    """0 for factors at or above 0, -inf otherwise."""


def descend(
    rows: FloatArray,
    cells: Cells,
    others: FloatArray,
    bounds: Bounds,
    sweeps: int,
    threads: int = 1,
    tolerance: float = 0.0,
) -> None:
    """Sweep over `rows` (R, D), in place, given `others` (S, D), float32; a row without a telling cell becomes 0.

    Rows are done with before all `sweeps` once none of their numbers moves by more than `tolerance` of the largest.
    """
    gram = others.astype(rows.dtype).T @ others.astype(rows.dtype)

    def work(part: slice) -> None:
        _descend(rows, cells, others, gram, bounds, part.start, part.stop, sweeps, tolerance)

    in_threads(work, even_parts(cells.offsets + np.arange(len(cells.offsets)), PARTS_PER_THREAD * threads), threads)


@compiled
def _descend(
    rows: FloatArray,
    cells: Cells,
    others: FloatArray,
    gram: FloatArray,
    bounds: Bounds,
    start: int,
    stop: int,
    sweeps: int,
    tolerance: float,
) -> None:
    width = rows.shape[1]
    longest = 0
    for row in range(start, stop):
        longest = max(longest, cells.offsets[row + 1] - cells.offsets[row])
    near = np.empty((width, longest), rows.dtype)  # number d of all vectors side by side
    left = np.empty(longest, rows.dtype)  # worth - e x · v of each cell
    pulled, curve = np.empty(width, rows.dtype), np.empty(width, rows.dtype)
    for row in range(start, stop):
        first, size, x = cells.offsets[row], 0, rows[row]
        extra = np.empty(cells.offsets[row + 1] - first, rows.dtype)
        for cell in range(first, cells.offsets[row + 1]):
            if cells.worth[cell] > 0:
                vector = others[cells.columns[cell]]
                extra[size], left[size] = cells.extra[cell], cells.worth[cell]
                for d in range(width):
                    near[d, size] = vector[d]
                size += 1
        if size == 0:
            x[:] = 0
            continue
        for d in range(width):
            curve[d] = gram[d, d] + bounds.l2
            for cell in range(size):
                curve[d] += extra[cell] * near[d, cell] * near[d, cell]
                left[cell] -= extra[cell] * x[d] * near[d, cell]
            pulled[d] = 0
            for c in range(width):
                pulled[d] += gram[d, c] * x[c]
        _sweep(x, near[:, :size], extra[:size], left[:size], pulled, curve, gram, bounds, sweeps, tolerance)


@compiled
def _sweep(
    x: FloatArray,
    near: FloatArray,
    extra: FloatArray,
    left: FloatArray,
    pulled: FloatArray,
    curve: FloatArray,
    gram: FloatArray,
    bounds: Bounds,
    sweeps: int,
    tolerance: float,
) -> None:
    for _ in range(sweeps):
        largest, moved = 0.0, 0.0
        for d in range(len(x)):
            if curve[d] <= 0:
                continue
            line, target = near[d], (curve[d] - bounds.l2) * x[d] - pulled[d]
            for cell in range(len(left)):
                target += line[cell] * left[cell]
            best = max(target - bounds.l1, 0.0) - max(-target - bounds.l1, 0.0)
            best = max(best / curve[d], bounds.lowest)
            change = best - x[d]
            largest = max(largest, abs(best))
            if change == 0:
                continue
            moved = max(moved, abs(change))
            x[d] += change
            for cell in range(len(left)):
                left[cell] -= change * extra[cell] * line[cell]
            for c in range(len(x)):
                pulled[c] += change * gram[d, c]
        if moved <= tolerance * largest:
            break


@compiled
def combine(rows: FloatArray, offsets: IntArray, columns: IntArray, values: FloatArray, found: FloatArray) -> None:
    """Add x · v for all vectors v (S, D), given as sparse columns (offsets, columns, values), to `found` (R, S).

    Numbers of x that are 0 cost nothing, nor do those of v.
    """
    for row in range(len(rows)):
        for d in range(rows.shape[1]):
            share = rows[row, d]
            if share != 0:
                for cell in range(offsets[d], offsets[d + 1]):
                    found[row, columns[cell]] += share * values[cell]
