"""Reach: what a sparse item map says of one history, without a look at the rest of the catalogue.

The few items that are reached lie in a table with open addressing, which is at most three quarters full.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from serendip.algebra.compiled import compiled_short
from serendip.data.arrays import BoolArray, FloatArray, IntArray, Sparse
from serendip.retrieval.exact import best_of

SPREAD = np.uint64(0x9E3779B97F4A7C15)
"""Knuth's multiplier 2^64 / golden ratio (The Art of Computer Programming 3, section 6.4): neighbours part ways."""


@dataclass(frozen=True)
class Reached:
    """Items and their scores; every other item scores 0."""

    keys: IntArray  # (M,) int32, M a power of two; -1 where the table is empty
    sums: FloatArray  # (M,) float32

    @classmethod
    def of(cls, item_map: Sparse, rows: IntArray, weights: FloatArray) -> Reached:
        """Σ_e weights[e] * item_map[rows[e]], for the events e of one history, (E,) each."""
        return cls(*_gather(rows, weights, item_map.indptr, item_map.indices, item_map.data))

    def scores(self, rows: IntArray) -> FloatArray:
        """The scores of `rows` (C,), float32."""
        return _looked_up(self.keys, self.sums, rows)

    def best(self, k: int, allowed: BoolArray, seed: int = 0) -> tuple[IntArray, FloatArray]:
        """The `k` best rows that are `allowed` (N,) and score above 0, best first, as by `best_of`."""
        rows, scores = _eligible(self.keys, self.sums, allowed)
        if len(rows) > k > 0:
            reach = scores >= np.partition(scores, len(scores) - k)[len(scores) - k]
            rows, scores = rows[reach], scores[reach]
        return best_of(rows, scores, k, len(allowed), seed)


@compiled_short
def _gather(
    rows: IntArray, weights: FloatArray, starts: IntArray, columns: IntArray, values: FloatArray
) -> tuple[IntArray, FloatArray]:
    work = 0
    for event in range(len(rows)):
        if weights[event] != 0:
            work += starts[rows[event] + 1] - starts[rows[event]]
    size = 16
    while 3 * size < 4 * work:
        size *= 2
    keys, sums = np.full(size, -1, np.int32), np.zeros(size, np.float32)
    for event in range(len(rows)):
        weight = weights[event]
        if weight == 0:
            continue
        for cell in range(starts[rows[event]], starts[rows[event] + 1]):
            place = _place(keys, columns[cell])
            keys[place] = columns[cell]
            sums[place] += weight * values[cell]
    return keys, sums


@compiled_short
def _place(keys: IntArray, key: int) -> int:
    """Where `key` is, or would be."""
    mask = len(keys) - 1
    place = np.int64((np.uint64(key) * SPREAD) >> np.uint64(32)) & mask
    while keys[place] != -1 and keys[place] != key:
        place = (place + 1) & mask
    return place  # type: ignore[return-value]


@compiled_short
def _looked_up(keys: IntArray, sums: FloatArray, rows: IntArray) -> FloatArray:
    found = np.empty(len(rows), np.float32)
    for at in range(len(rows)):
        found[at] = sums[_place(keys, rows[at])]
    return found


@compiled_short
def _eligible(keys: IntArray, sums: FloatArray, allowed: BoolArray) -> tuple[IntArray, FloatArray]:
    """The rows that are `allowed` and score above 0, and their scores, in no order."""
    rows, scores = np.empty(len(keys), np.int32), np.empty(len(keys), np.float32)
    count = 0
    for place in range(len(keys)):
        key = keys[place]
        if key != -1 and sums[place] > 0 and allowed[key]:
            rows[count], scores[count] = key, sums[place]
            count += 1
    return rows[:count], scores[:count]
