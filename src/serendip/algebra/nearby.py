"""Nearby: ridge regressions that each look only at the few sources that say most.

Target j is explained by the n sources i of the largest T_ij² / (G_ii + λ), which is by how much source i alone would
lessen the squared error: b_C = (G_CC + λI)⁻¹ T_Cj over these sources C, and 0 elsewhere. Sources that j never
follows (T_ij = 0) are not looked at, and nothing dense of sources by targets is ever made.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from serendip.algebra.compiled import compiled, even_parts, in_threads
from serendip.data.arrays import FloatArray, IntArray, Sparse

PARTS = 256  # of the targets, worked on one after another by the threads


def nearby(gram: Sparse, target: sp.csc_array, l2: float, neighbors: int, n_threads: int = 1) -> Sparse:
    """B of the sources by the targets, sparse (S, A) float32, with at most `neighbors` sources for each target.

    Args:
        gram: G = SᵀS, sparse (S, S), both halves, indices sorted.
        target: T = SᵀT, sparse (S, A).
    """
    diagonal = gram.diagonal().astype(np.float64)
    g = (gram.indptr.astype(np.int64), gram.indices, gram.data)
    t = (target.indptr.astype(np.int64), target.indices, target.data)
    lengths = np.minimum(np.diff(t[0]), neighbors)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    cells, sources = np.zeros(offsets[-1], np.float32), np.zeros(offsets[-1], np.int32)

    def of_part(part: slice) -> None:
        _solve(part.start, part.stop, *g, *t, diagonal, float(l2), neighbors, offsets, cells, sources)

    if len(cells):
        in_threads(of_part, even_parts(offsets, PARTS), n_threads)
    return sp.csr_array(sp.csc_array((cells, sources, offsets), shape=target.shape))


@compiled
def _solve(
    first: int, last: int, g_starts: IntArray, g_columns: IntArray, g_cells: FloatArray, t_starts: IntArray,
    t_rows: IntArray, t_cells: FloatArray, diagonal: FloatArray, l2: float, neighbors: int, offsets: IntArray,
    cells: FloatArray, sources: IntArray,
) -> None:  # fmt: skip
    """The targets `first` to `last`, each into its part of `cells` and `sources`."""
    slot = np.full(len(diagonal), -1)
    room_for_g, room_for_b = np.empty((neighbors, neighbors)), np.empty(neighbors)
    for target in range(first, last):
        start, n = t_starts[target], offsets[target + 1] - offsets[target]
        worth = np.empty(t_starts[target + 1] - start)
        for place in range(len(worth)):
            cell = t_cells[start + place]
            worth[place] = -cell * cell / (diagonal[t_rows[start + place]] + l2)
        chosen = np.sort(np.argsort(worth, kind="mergesort")[:n])
        g, b = room_for_g[:n, :n], room_for_b[:n]
        g[:] = 0.0
        for place in range(n):
            slot[t_rows[start + chosen[place]]] = place
            b[place] = t_cells[start + chosen[place]]
        for place in range(n):
            source = t_rows[start + chosen[place]]
            for cell in range(g_starts[source], g_starts[source + 1]):
                other = slot[g_columns[cell]]
                if other >= 0:
                    g[place, other] = g_cells[cell]
            g[place, place] += l2
        _solved_in_place(g, b)
        for place in range(n):
            source = t_rows[start + chosen[place]]
            slot[source] = -1
            sources[offsets[target] + place], cells[offsets[target] + place] = source, b[place]


@compiled
def _solved_in_place(g: FloatArray, b: FloatArray) -> None:
    """g⁻¹ b in the place of `b`, by Cholesky in the place of the lower half of `g`."""
    n = len(b)
    for row in range(n):
        for column in range(row + 1):
            rest = g[row, column]
            for k in range(column):
                rest -= g[row, k] * g[column, k]
            # Rounding cannot make a corner of G + λI worse than λ times its accuracy; a floor keeps it positive.
            g[row, column] = np.sqrt(max(rest, 1e-12)) if row == column else rest / g[column, column]
        for k in range(row):
            b[row] -= g[row, k] * b[k]
        b[row] /= g[row, row]
    for row in range(n - 1, -1, -1):
        b[row] /= g[row, row]
        for k in range(row):
            b[k] -= g[row, k] * b[row]
