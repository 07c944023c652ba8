"""Neighbourhoods: one small problem for each item, over the items that are met most together with it.

The Gram matrix XᵀX is kept sparse. Where it has more than `PAIRS` cells, a pair stays that is among the most alike, by
cosine, of one of its two items. The problem of item j is about its `neighbors` most alike items S: the block G_SS and
the column G_Sj.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from serendip.algebra.compiled import compiled, even_parts, in_threads
from serendip.data import Progress, silent
from serendip.data.arrays import FloatArray, IntArray, Sparse

PAIRS = 200_000_000
"""Cells of the Gram matrix kept, 8 bytes each."""
PARTS = 64
FEW = 64
"""A row of G that is longer than so many times what is asked of it is searched, a shorter one is read through."""
TINY = 1e-7
Cells = tuple[FloatArray, IntArray, IntArray]
"""The values, columns and row ends of a sparse matrix with ascending columns."""


@dataclass(frozen=True, eq=False)
class Gram:
    """A sparse XᵀX (N, N), both triangles."""

    cells: Cells
    diagonal: FloatArray  # (N,) float32, also within the cells

    @property
    def size(self) -> int:
        return len(self.diagonal)


def gram(x: Sparse, n_threads: int = 1) -> Gram:
    """XᵀX of sparse rows (U, N) without negative cells."""
    people, items = _cells(x), _cells(sp.csr_array(x.T))
    diagonal = np.bincount(people[1], people[0].astype(np.float64) ** 2, x.shape[1]).astype(np.float32)
    work = np.bincount(people[1], np.repeat(np.diff(people[2]), np.diff(people[2])), x.shape[1])
    parts = even_parts(np.concatenate([[0], np.cumsum(work)]).astype(np.int64), PARTS)
    least = np.zeros(x.shape[1])
    counts = np.zeros(x.shape[1], np.int64)

    def each(work: Callable[..., None], *outputs: object) -> None:
        in_threads(
            lambda part: work(part.start, part.stop, *people, *items, diagonal, least, *outputs), parts, n_threads
        )

    def count() -> int:
        each(_meetings, counts, np.empty(0, np.float32), np.empty(0, np.int32), np.empty(0, np.int64))
        return int(counts.sum())

    if count() > PAIRS:
        each(_least, max(1, PAIRS // (2 * len(counts))))  # a pair is kept for one of two
        count()
    ends = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    values, columns = np.empty(ends[-1], np.float32), np.empty(ends[-1], np.int32)
    each(_meetings, counts, values, columns, ends)
    return Gram((values, columns, ends), diagonal)


def _cells(x: Sparse) -> Cells:
    x = sp.csr_array(x).sorted_indices()
    return x.data.astype(np.float32), x.indices.astype(np.int32), x.indptr.astype(np.int64)


Solve = Callable[..., None]


def solved(
    found: Gram, neighbors: int, solve: Solve, settings: tuple[float, ...], n_threads: int, progress: Progress = silent
) -> Sparse:
    """The weights of all problems as a sparse matrix, from each item (rows) to those it speaks for (columns), (N, N).

    Args:
        solve: Compiled, see `ridge` and `elastic_net`; told the first and last item, the matrix, and `settings`.
    """
    size = found.size
    width = min(neighbors, max(size - 1, 0))
    weights, sources = np.zeros((size, width), np.float32), np.zeros((size, width), np.int32)
    offsets = np.minimum(np.diff(found.cells[2]), width) ** 2 + 1
    parts = even_parts(np.concatenate([[0], np.cumsum(offsets)]), PARTS)
    done: list[int] = []

    def work(part: slice) -> None:
        solve(part.start, part.stop, *found.cells, found.diagonal, *settings, weights, sources)
        done.append(part.stop - part.start)
        progress("items", sum(done), size)

    progress("items", 0, size)
    in_threads(work, parts, n_threads)
    targets, places = np.nonzero(weights)
    cells = (weights[targets, places], (sources[targets, places], targets))
    return sp.csr_array(cells, shape=(size, size), dtype=np.float32)


@compiled
def _add_row(
    item: int,
    row_values: FloatArray,
    row_items: IntArray,
    row_ends: IntArray,
    column_values: FloatArray,
    column_people: IntArray,
    column_ends: IntArray,
    sums: FloatArray,
    met: IntArray,
) -> int:
    """Row `item` of XᵀX in `sums`, which is all 0 before; how many items are met, and which."""
    size = 0
    for event in range(column_ends[item], column_ends[item + 1]):
        person, value = column_people[event], np.float64(column_values[event])
        for place in range(row_ends[person], row_ends[person + 1]):
            other = row_items[place]
            if sums[other] == 0:
                met[size] = other
                size += 1
            sums[other] += value * row_values[place]
    return size


@compiled
def _cosine(product: float, one: float, other: float) -> float:
    return float(product / np.sqrt(np.float64(one) * np.float64(other)))


@compiled
def _least(
    first: int,
    stop: int,
    row_values: FloatArray,
    row_items: IntArray,
    row_ends: IntArray,
    column_values: FloatArray,
    column_people: IntArray,
    column_ends: IntArray,
    diagonal: FloatArray,
    least: FloatArray,
    limit: int,
) -> None:
    """The cosine that an item must have to be among the `limit` most like each of the items."""
    sums, met, alike = np.zeros(len(diagonal)), np.empty(len(diagonal), np.int32), np.empty(len(diagonal))
    for item in range(first, stop):
        size = _add_row(item, row_values, row_items, row_ends, column_values, column_people, column_ends, sums, met)
        for place in range(size):
            alike[place] = _cosine(sums[met[place]], diagonal[met[place]], diagonal[item])
            sums[met[place]] = 0
        if size > limit:
            least[item] = np.partition(alike[:size], size - limit)[size - limit]


@compiled
def _meetings(
    first: int,
    stop: int,
    row_values: FloatArray,
    row_items: IntArray,
    row_ends: IntArray,
    column_values: FloatArray,
    column_people: IntArray,
    column_ends: IntArray,
    diagonal: FloatArray,
    least: FloatArray,
    counts: IntArray,
    values: FloatArray,
    columns: IntArray,
    ends: IntArray,
) -> None:
    """How many cells of each row are kept; where the `ends` of the rows are known, the cells too."""
    sums, met, kept = np.zeros(len(diagonal)), np.empty(len(diagonal), np.int32), np.empty(len(diagonal), np.int32)
    for item in range(first, stop):
        size = _add_row(item, row_values, row_items, row_ends, column_values, column_people, column_ends, sums, met)
        count = 0
        for other in met[:size]:
            bar = min(least[item], least[other])
            if other == item or bar <= _cosine(sums[other], diagonal[other], diagonal[item]):
                kept[count] = other
                count += 1
        counts[item] = count
        if len(ends):
            columns[ends[item] : ends[item + 1]] = np.sort(kept[:count])
            for place in range(ends[item], ends[item + 1]):
                values[place] = sums[columns[place]]
        for other in met[:size]:
            sums[other] = 0


@compiled
def _nearest(
    item: int, values: FloatArray, columns: IntArray, ends: IntArray, diagonal: FloatArray, sources: IntArray
) -> int:
    """Write the items most like `item` into `sources`, ascending, as many as there is place for; how many there are.

    Of items that are equally like it the first are taken.
    """
    start, stop = ends[item], ends[item + 1]
    alike = np.empty(stop - start)
    for place in range(stop - start):
        other = columns[start + place]
        alike[place] = 0.0 if other == item else _cosine(values[start + place], diagonal[other], diagonal[item])
    width = min(len(sources), stop - start - 1)
    if width <= 0:
        return 0
    bar = np.partition(alike, stop - start - width)[stop - start - width]
    ties = width
    for likeness in alike:
        ties -= likeness > bar
    count = 0
    for place in range(stop - start):
        tie = alike[place] == bar and ties > 0
        if alike[place] > bar or tie:
            ties -= tie
            sources[count] = columns[start + place]
            count += 1
    return count


@compiled
def _look_up(
    item: int,
    values: FloatArray,
    columns: IntArray,
    ends: IntArray,
    own: IntArray,
    place: IntArray,
    row: FloatArray,
) -> None:
    """What G holds in row `item` at the items `own`, into `row`, which is all 0 before."""
    start, stop = ends[item], ends[item + 1]
    if stop - start <= FEW * len(own):
        for cell in range(start, stop):
            if place[columns[cell]] >= 0:
                row[place[columns[cell]]] = values[cell]
        return
    for column in range(len(own)):
        cell, end = start, stop
        while cell < end:
            middle = (cell + end) // 2
            if columns[middle] < own[column]:
                cell = middle + 1
            else:
                end = middle
        if cell < stop and columns[cell] == own[column]:
            row[column] = values[cell]


@compiled
def _solve(block: FloatArray, target: FloatArray) -> None:
    """block⁻¹ target in the place of `target`, as long as which `block` counts; its Cholesky factor takes its place.

    An item of which the others leave nothing, for cells of G are missing, has no weight.
    """
    size = len(target)
    for row in range(size):
        own, whole = block[row], block[row, row]
        for column in range(row):
            other = block[column]
            own[column] = (own[column] - _dot(own, other, column)) * other[column]
        rest = whole - _dot(own, own, row)
        own[row] = 1 / np.sqrt(rest) if rest > TINY * whole else 0.0
        target[row] = (target[row] - _dot(own, target, row)) * own[row]
    for row in range(size - 1, -1, -1):
        target[row] *= block[row, row]
        for column in range(row):
            target[column] -= block[row, column] * target[row]


@compiled
def _dot(one: FloatArray, other: FloatArray, length: int) -> float:
    found = 0.0
    for place in range(length):
        found += one[place] * other[place]
    return found


@compiled
def ridge(
    first: int,
    stop: int,
    values: FloatArray,
    columns: IntArray,
    ends: IntArray,
    diagonal: FloatArray,
    l2: float,
    weights: FloatArray,
    sources: IntArray,
) -> None:
    """(G_SS + λI)⁻¹ G_Sj for each item j, by Cholesky."""
    place = np.full(len(diagonal), -1)
    block = np.zeros((weights.shape[1], weights.shape[1]))
    for item in range(first, stop):
        count = _nearest(item, values, columns, ends, diagonal, sources[item])
        own = sources[item, :count]
        place[own] = np.arange(count)
        target = np.zeros(count)
        _look_up(item, values, columns, ends, own, place, target)
        for row in range(count):
            block[row, :count] = 0
            _look_up(own[row], values, columns, ends, own, place, block[row])
            block[row, row] += l2
        place[own] = -1
        _solve(block, target)
        weights[item, :count] = target


@compiled
def elastic_net(
    first: int,
    stop: int,
    values: FloatArray,
    columns: IntArray,
    ends: IntArray,
    diagonal: FloatArray,
    l2: float,
    l1: float,
    epochs: float,
    tolerance: float,
    weights: FloatArray,
    sources: IntArray,
) -> None:
    """argmin ½ wᵀ(G_SS + λI)w - wᵀ(G_Sj - μ) over w ≥ 0 for each item j, by coordinate descent.

    What is left of G_Sj, less G_SS w, is kept up to date; a row of G_SS is looked up once its weight moves.
    """
    place = np.full(len(diagonal), -1)
    block = np.zeros((weights.shape[1], weights.shape[1]))
    for item in range(first, stop):
        count = _nearest(item, values, columns, ends, diagonal, sources[item])
        own = sources[item, :count]
        place[own] = np.arange(count)
        left, found, known = np.zeros(count), np.zeros(count), np.zeros(count, np.bool_)
        _look_up(item, values, columns, ends, own, place, left)
        least = tolerance * max(1e-30, left.max()) if count else 0.0
        for _ in range(int(epochs)):
            largest = 0.0
            for row in range(count):
                scale = diagonal[own[row]]
                now = max(0.0, (left[row] + scale * found[row] - l1) / (scale + l2))
                change = now - found[row]
                if change == 0:
                    continue
                if not known[row]:
                    known[row] = True
                    block[row, :count] = 0
                    _look_up(own[row], values, columns, ends, own, place, block[row])
                found[row] = now
                left -= change * block[row, :count]
                largest = max(largest, abs(change) * (scale + l2))
            if largest <= least:
                break
        place[own] = -1
        weights[item, :count] = found
