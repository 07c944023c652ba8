"""Similarity: the few most alike of many sparse rows, by products of rows that are never kept whole.

Things (items or people) are rows of cells: an item by who wants it, a person by what they want. The product of two
rows is summed cell by cell into an array over all things, turned into a similarity, and only the largest are kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from serendip.algebra.compiled import compiled, even_parts, in_threads
from serendip.data import Progress, silent
from serendip.data.arrays import FloatArray, IntArray, Sparse

Columns: TypeAlias = NDArray[np.unsignedinteger[Any]]
"""Unsigned, so that compiled code need not think of negative ones."""
PRODUCT, UNION, CORRELATION = 0, 1, 2
"""How a similarity is made of the product xy of two rows and their sizes a and b, damped by λ:

xy / (ab + λ), or xy / (a + b - xy + λ), or, over the n cells that both have, xy / √(xx · yy) · n / (n + λ)."""
PART_CELLS = 1 << 20  # neighbours found at once by one thread
ROUNDS = 8  # times that progress is told
DENSE = 8
"""A product of more sums than a `DENSE`-th of all things is looked through whole, instead of noting what was met."""

NEARLY = np.float32(1 - 1e-6)
"""What rounding may take from a product that is as large as another."""


@dataclass(frozen=True, eq=False)
class Things:
    """Rows to be compared, by cells of the same kind."""

    cells: Sparse  # (R, M) float32
    sizes: FloatArray  # (R,) float32: a norm, or a number of cells

    def __len__(self) -> int:
        return len(self.sizes)

    @cached_property
    def across(self) -> Sparse:
        """Which things have each cell, (M, R)."""
        return self.cells.T.tocsr()

    @cached_property
    def lengths(self) -> FloatArray:
        """How many cells each thing has, (R,)."""
        return np.asarray(np.diff(self.cells.indptr), np.float32)


@dataclass(frozen=True)
class Measure:
    """Which similarity, and how many of the most similar are kept."""

    kind: int
    shrinkage: float
    count: int
    themselves: bool = False
    """Rows and columns are the same things: none is its own neighbour."""
    contained: bool = True
    """False: what has no cell that the row lacks has nothing new to say, and is no neighbour."""
    ordered: bool = False
    """Most similar first; else in any order."""


def nearest(
    rows: Things, columns: Things, measure: Measure, n_threads: int = 1, progress: Progress = silent, label: str = ""
) -> Sparse:
    """For each of `rows` the most similar of `columns` with a similarity above 0, sparse (R, N) float32."""
    lengths = np.diff(columns.across.indptr)  # (M,)
    sums = np.concatenate([[0], np.cumsum(lengths[rows.cells.indices])])[rows.cells.indptr]  # (R + 1,)
    width = max(1, min(measure.count, len(columns)))
    n_parts = max(4 * ROUNDS * n_threads, len(rows) * width // PART_CELLS)
    parts = even_parts(sums + np.arange(len(sums)), n_parts)
    left, right = arrays(rows.cells), arrays(columns.across)
    counted = measure.kind == CORRELATION or not measure.contained

    def work(part: slice) -> tuple[IntArray, IntArray, FloatArray]:
        shared = (part.start, part.stop, *left, *right, rows.sizes, columns.sizes)
        rules = (measure.kind, np.float32(measure.shrinkage), width, measure.themselves)
        if counted:
            found = _found_counted(*shared, columns.lengths, *rules, measure.contained, measure.ordered)
        else:
            found = _found(*shared, *rules, measure.ordered)
        return found[0], found[1].view(np.int32), found[2]

    blocks = []
    for start in range(0, len(parts), some := max(1, -(-len(parts) // ROUNDS))):
        progress(label, start, len(parts))
        blocks += in_threads(work, parts[start : start + some], n_threads)
    progress(label, len(parts), len(parts))
    return _joined(blocks, (len(rows), len(columns)))


def _joined(blocks: Sequence[tuple[IntArray, IntArray, FloatArray]], shape: tuple[int, int]) -> Sparse:
    counts, indices, data = (
        np.concatenate([np.empty(0, dtype), *(block[place] for block in blocks)])
        for place, dtype in enumerate((np.int64, np.int32, np.float32))
    )
    return sp.csr_array((data, indices, np.concatenate([[0], np.cumsum(counts)])), shape=shape)


def arrays(matrix: Sparse) -> tuple[IntArray, Columns, FloatArray]:
    """Starts, columns and values."""
    columns = matrix.indices.astype(np.int32, copy=False).view(np.uint32)
    return matrix.indptr.astype(np.int64, copy=False), columns, matrix.data.astype(np.float32, copy=False)


@compiled
def _found(
    first: int,
    stop: int,
    starts: IntArray,
    places: Columns,
    values: FloatArray,
    across_starts: IntArray,
    across: Columns,
    weights: FloatArray,
    sizes: FloatArray,
    others: FloatArray,
    kind: int,
    shrinkage: np.float32,
    width: int,
    themselves: bool,
    ordered: bool,
) -> tuple[IntArray, Columns, FloatArray]:
    """Counts, columns and similarities of the nearest of rows `first` to `stop`."""
    n = len(others)
    sums, met = np.zeros(n, np.float32), np.empty(n, np.uint32)
    counts = np.zeros(stop - first, np.int64)
    columns, similar = np.empty((stop - first) * width, np.uint32), np.empty((stop - first) * width, np.float32)
    end = 0
    for row in range(first, stop):
        whole = _work(places[starts[row] : starts[row + 1]], across_starts) * DENSE > n
        n_met = n if whole else 0
        for cell in range(starts[row], starts[row + 1]):
            value = values[cell]
            for other in range(across_starts[places[cell]], across_starts[places[cell] + 1]):
                column = across[other]
                if not whole and sums[column] == 0:
                    met[n_met] = column
                    n_met += 1
                sums[column] += value * weights[other]
        size, kept = sizes[row], 0
        for place in range(n_met):
            column = np.uint32(place) if whole else met[place]
            product = sums[column]
            sums[column] = 0
            if product > 0 and not (themselves and column == row):
                scale = size * others[column] if kind == PRODUCT else size + others[column] - product
                scale += shrinkage
                if kept < width or product > similar[end] * scale * NEARLY:  # most fall here, without a division
                    kept = put(columns, similar, end, kept, width, column, product / scale)
        if ordered:
            _sort(columns, similar, end, kept)
        counts[row - first] = kept
        end += kept
    return counts, columns[:end].copy(), similar[:end].copy()


@compiled
def _found_counted(
    first: int,
    stop: int,
    starts: IntArray,
    places: Columns,
    values: FloatArray,
    across_starts: IntArray,
    across: Columns,
    weights: FloatArray,
    sizes: FloatArray,
    others: FloatArray,
    own_cells: FloatArray,
    kind: int,
    shrinkage: np.float32,
    width: int,
    themselves: bool,
    contained: bool,
    ordered: bool,
) -> tuple[IntArray, Columns, FloatArray]:
    """The same where the cells that both have must be known: xy, xx, yy and n are summed side by side."""
    n = len(others)
    sums, met = np.zeros((n, 4), np.float32), np.empty(n, np.uint32)
    counts = np.zeros(stop - first, np.int64)
    columns, similar = np.empty((stop - first) * width, np.uint32), np.empty((stop - first) * width, np.float32)
    end = 0
    for row in range(first, stop):
        n_met = 0
        for cell in range(starts[row], starts[row + 1]):
            value = values[cell]
            for other in range(across_starts[places[cell]], across_starts[places[cell] + 1]):
                column, weight = across[other], weights[other]
                if sums[column, 3] == 0:
                    met[n_met] = column
                    n_met += 1
                sums[column, 0] += value * weight
                sums[column, 1] += value * value
                sums[column, 2] += weight * weight
                sums[column, 3] += np.float32(1)
        size, kept = sizes[row], 0
        for place in range(n_met):
            column = met[place]
            product, shared = sums[column, 0], sums[column, 3]
            scale = np.sqrt(sums[column, 1] * sums[column, 2])
            sums[column] = 0
            if product <= 0 or (themselves and column == row) or (not contained and shared == own_cells[column]):
                continue
            if kind == CORRELATION:
                like = product / scale * (shared / (shared + shrinkage))
            elif kind == PRODUCT:
                like = product / (size * others[column] + shrinkage)
            else:
                like = product / (size + others[column] - product + shrinkage)
            kept = put(columns, similar, end, kept, width, column, like)
        if ordered:
            _sort(columns, similar, end, kept)
        counts[row - first] = kept
        end += kept
    return counts, columns[:end].copy(), similar[:end].copy()


@compiled
def _work(places: Columns, across_starts: IntArray) -> int:
    """How many products a row needs."""
    total = 0
    for place in places:
        total += across_starts[place + 1] - across_starts[place]
    return total


@compiled
def put(columns: Columns, values: FloatArray, base: int, kept: int, width: int, column: Any, value: float) -> int:
    """Keep a value, from `base` on, if it is among the `width` largest so far; says how many are kept.

    Once full, they are a heap with the smallest in front. Of equals, the first stay.
    """
    if kept < width:
        columns[base + kept], values[base + kept] = column, value
        if kept + 1 == width:
            for root in range(width // 2 - 1, -1, -1):
                _sink(columns, values, base, root, width)
        return kept + 1
    if value > values[base]:
        columns[base], values[base] = column, value
        _sink(columns, values, base, 0, width)
    return kept


@compiled
def _sink(columns: Columns, values: FloatArray, base: int, root: int, size: int) -> None:
    """Put the place `root` of a heap of `size` in order."""
    column, value = columns[base + root], values[base + root]
    child = 2 * root + 1
    while child < size:
        if child + 1 < size and values[base + child + 1] < values[base + child]:
            child += 1
        if values[base + child] >= value:
            break
        columns[base + root], values[base + root] = columns[base + child], values[base + child]
        root, child = child, 2 * child + 1
    columns[base + root], values[base + root] = column, value


@compiled
def _sort(columns: Columns, values: FloatArray, base: int, size: int) -> None:
    """Largest first, in place: the smallest leaves the heap and goes last."""
    for root in range(size // 2 - 1, -1, -1):
        _sink(columns, values, base, root, size)
    for last in range(size - 1, 0, -1):
        columns[base], columns[base + last] = columns[base + last], columns[base]
        values[base], values[base + last] = values[base + last], values[base]
        _sink(columns, values, base, 0, last)


def spread(weights: Sparse, across: Sparse, n_threads: int = 1) -> FloatArray:
    """The product of (B, M) and (M, N), dense (B, N) float32."""
    out = np.zeros((weights.shape[0], across.shape[1]), np.float32)
    left, right = arrays(weights), arrays(across)

    def work(part: slice) -> None:
        _spread(part.start, part.stop, *left, *right, out)

    in_threads(work, even_parts(weights.indptr + np.arange(len(weights.indptr)), 4 * n_threads), n_threads)
    return out


@compiled
def _spread(
    first: int,
    stop: int,
    starts: IntArray,
    places: Columns,
    values: FloatArray,
    across_starts: IntArray,
    across: Columns,
    weights: FloatArray,
    out: FloatArray,
) -> None:
    for row in range(first, stop):
        for cell in range(starts[row], starts[row + 1]):
            value = values[cell]
            for other in range(across_starts[places[cell]], across_starts[places[cell] + 1]):
                out[row, across[other]] += value * weights[other]
