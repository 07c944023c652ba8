"""Alternating: one side of a weighted factorisation drawn nearer to its best, the other side held still.

For each row r with cells i of extra confidence e_i the best vector solves (G + Σ_i e_i v_i v_iᵀ + λ_r I) x =
Σ_i (1 + e_i) v_i, where v are the vectors of the other side and G = Σ v vᵀ over all of them (Hu, Koren and Volinsky,
ICDM 2008, equation 4). A few steps of conjugate gradients from where x stands come near enough, since the other side
moves too (Takács, Pilászy and Tikk, "Applications of the conjugate gradient method for implicit feedback collaborative
filtering", RecSys 2011): O(n D + D²) each for a row of n cells, instead of O(n D² + D³).
"""

from __future__ import annotations

import numpy as np

from serendip.algebra.compiled import compiled, even_parts, in_threads
from serendip.data.arrays import FloatArray, IntArray, Sparse

PARTS_PER_THREAD = 8
ENOUGH = np.float32(1e-20)
"""A squared remainder below which a row is solved."""


def improve(rows: FloatArray, extra: Sparse, others: FloatArray, pull: FloatArray, steps: int, threads: int) -> None:
    """Draw `rows` (R, D), in place, towards their best given `others` (S, D); both float32.

    Args:
        extra: (R, S), the extra confidence of each cell that is wanted; a row without cells becomes 0.
        pull: λ of each row, (R,).
        steps: Of conjugate gradients.
    """
    gram = np.ascontiguousarray(others.T @ others)
    offsets, pull = extra.indptr.astype(np.int64), pull.astype(np.float32)
    columns, values = extra.indices.astype(np.int32, copy=False), extra.data.astype(np.float32, copy=False)

    def work(part: slice) -> None:
        _improve(rows, offsets, columns, values, others, gram, pull, part.start, part.stop, steps)

    in_threads(work, even_parts(offsets + np.arange(len(offsets)), PARTS_PER_THREAD * threads), threads)


@compiled
def _improve(
    rows: FloatArray,
    offsets: IntArray,
    columns: IntArray,
    values: FloatArray,
    others: FloatArray,
    gram: FloatArray,
    pull: FloatArray,
    start: int,
    stop: int,
    steps: int,
) -> None:
    width = rows.shape[1]
    longest = 0
    for row in range(start, stop):
        longest = max(longest, offsets[row + 1] - offsets[row])
    near = np.empty((longest, width), np.float32)  # the vectors of the cells, side by side
    left, way, image = np.empty(width, np.float32), np.empty(width, np.float32), np.empty(width, np.float32)
    for row in range(start, stop):
        first, size = offsets[row], offsets[row + 1] - offsets[row]
        x = rows[row]
        if size == 0:
            x[:] = 0
            continue
        for cell in range(size):
            near[cell] = others[columns[first + cell]]
        weights = values[first : first + size]
        _image(x, near, weights, gram, pull[row], left)
        for d in range(width):
            left[d] = -left[d]
        _add_combined(np.float32(1) + weights, near, left)
        way[:] = left
        size_left = _product(left, left)
        for _ in range(steps):
            if size_left < ENOUGH:
                break
            _image(way, near, weights, gram, pull[row], image)
            step = size_left / _product(way, image)
            for d in range(width):
                x[d] += step * way[d]
                left[d] -= step * image[d]
            before, size_left = size_left, _product(left, left)
            turn = size_left / before
            for d in range(width):
                way[d] = left[d] + turn * way[d]


@compiled
def _image(
    x: FloatArray, near: FloatArray, weights: FloatArray, gram: FloatArray, pull: np.float32, found: FloatArray
) -> None:
    """(G + Σ e v vᵀ + λI) x, into `found`."""
    for d in range(len(x)):
        found[d] = pull * x[d]
    _add_combined(x, gram, found)
    shares = np.empty(len(weights), np.float32)
    for cell in range(len(weights)):
        shares[cell] = weights[cell] * _product(x, near[cell])
    _add_combined(shares, near, found)


@compiled
def _add_combined(shares: FloatArray, vectors: FloatArray, found: FloatArray) -> None:
    """Add Σ shares_n vectors_n to `found`, four at a time: `found` is read and written a quarter as often."""
    whole = len(shares) - len(shares) % 4
    for n in range(0, whole, 4):
        one, two, three, four = vectors[n], vectors[n + 1], vectors[n + 2], vectors[n + 3]
        a, b, c, e = shares[n], shares[n + 1], shares[n + 2], shares[n + 3]
        for d in range(len(found)):
            found[d] += a * one[d] + b * two[d] + c * three[d] + e * four[d]
    for n in range(whole, len(shares)):
        share, vector = shares[n], vectors[n]
        for d in range(len(found)):
            found[d] += share * vector[d]


@compiled
def _product(x: FloatArray, y: FloatArray) -> np.float32:
    found = np.float32(0)
    for d in range(len(x)):
        found += x[d] * y[d]
    return found
