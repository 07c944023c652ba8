"""Succession: what follows what in histories that fade, summed exactly.

Each place k of a history is a row of a regression: from the past s_k = Σ_{p<k} exp(-(k - p) / g) w_p e(x_p), once for
each time scale g, to what follows, t_k = Σ_{m<ahead} 2^-m w_{k+m} e(x_{k+m}). For items p places before q the sum over
all k of what they add to SᵀS is a geometric series, so close pairs of a history give SᵀS and SᵀT, and nothing with a
row for each event is multiplied by itself.

Every term is rounded to a multiple of 2^-30. Sums of such numbers up to 2^23 are exact in float64, in whatever order:
threads do not change them, and what is taken away again has never been there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import scipy.sparse as sp

from serendip.algebra.compiled import compiled, even_parts, in_threads
from serendip.data import Queries
from serendip.data.arrays import BoolArray, FloatArray, IntArray, Sparse

FAINT = float(np.exp(-6))
"""Items so far apart that less than this is left of the first are not paired."""
GRAIN = 2.0**30
PARTS = 64  # of the items, looked at one after another by the threads


@dataclass(frozen=True, eq=False)
class Walks:
    """Events that count, history after history, each in time order."""

    items: IntArray  # (E,) int32
    weights: FloatArray  # (E,) float64
    before: IntArray  # (E,) int32: events before this one in its history
    after: IntArray  # (E,) int32

    @classmethod
    def of(cls, queries: Queries, place: IntArray) -> Self:
        """The events of items that have a `place` (N,), which is -1 for others."""
        kept = np.flatnonzero((queries.weights > 0) & (place[queries.item_rows] >= 0))
        lengths = np.bincount(queries.query_rows[kept], minlength=len(queries))
        before = np.arange(len(kept)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        after = np.repeat(lengths, lengths) - 1 - before
        items = place[queries.item_rows[kept]].astype(np.int32)
        return cls(items, queries.weights[kept].astype(np.float64), before.astype(np.int32), after.astype(np.int32))

    def backwards(self) -> Walks:
        """The same histories from the newest event to the oldest."""
        items, weights = self.items[::-1].copy(), self.weights[::-1].copy()
        return Walks(items, weights, before=self.after[::-1].copy(), after=self.before[::-1].copy())


def blocks(n_scales: int) -> list[tuple[int, int]]:
    """What the sums hold, block after block of columns: (a, b) is SᵀS of the scales a <= b, (a, -1) is SᵀT of a."""
    pairs = [(a, b) for a in range(n_scales) for b in range(a, n_scales)]
    return [*pairs, *((a, -1) for a in range(n_scales))]


def succession(walks: Walks, size: int, scales: FloatArray, ahead: int, backward: float, n_threads: int = 1) -> Sparse:
    """SᵀS and SᵀT of `size` items side by side, sparse (A, blocks A) float64: see `blocks`.

    Histories read backwards are learned from too, with the weight `backward`.
    """
    n_blocks = len(blocks(len(scales)))
    if not len(walks.items):
        return sp.csr_array((size, n_blocks * size), dtype=np.float64)
    order = np.argsort(walks.items, kind="stable").astype(np.int64)
    starts = np.concatenate([[0], np.cumsum(np.bincount(walks.items, minlength=size))]).astype(np.int64)
    tables = order, starts, _table(walks, scales), _table(walks.backwards(), scales)
    settings = float(backward), np.exp(-1 / scales), ahead
    room = _room(walks, starts, scales, ahead, n_blocks * size)

    def of_part(part: slice) -> tuple[FloatArray, IntArray, IntArray]:
        n_cells, lengths = room[part].sum(), np.empty(part.stop - part.start, np.int64)
        cells, columns = np.empty(n_cells), np.empty(n_cells, np.int32)
        n_filled = _fill(part.start, part.stop, size, *tables, *settings, cells, columns, lengths)
        return cells[:n_filled].copy(), columns[:n_filled].copy(), lengths

    return _joined(in_threads(of_part, even_parts(starts, PARTS), n_threads), size, n_blocks)


def _joined(parts: list[tuple[FloatArray, IntArray, IntArray]], size: int, n_blocks: int) -> Sparse:
    """One matrix of all rows; `parts` are used up, so that they need no memory beside it."""
    offsets = np.concatenate([[0], np.cumsum(np.concatenate([lengths for _, _, lengths in parts]))])
    cells, columns = np.empty(offsets[-1]), np.empty(offsets[-1], np.int32)
    start = 0
    parts.reverse()
    while parts:
        part_cells, part_columns, _ = parts.pop()
        stop = start + len(part_cells)
        cells[start:stop], columns[start:stop] = part_cells, part_columns
        start = stop
    return sp.csr_array((cells, columns, offsets), shape=(size, n_blocks * size))


Table = tuple[IntArray, FloatArray, IntArray, IntArray, FloatArray]


def _room(walks: Walks, starts: IntArray, scales: FloatArray, ahead: int, width: int) -> IntArray:
    """Cells that each row of the sums needs at most, (A,)."""
    farthest = int(np.ceil(-np.log(FAINT) * scales.max())) + ahead
    pairs = np.minimum(walks.before, farthest) + np.minimum(walks.after, farthest) + 1
    of_item = np.bincount(walks.items, pairs, len(starts) - 1)
    return np.minimum(of_item * len(blocks(len(scales))), width).astype(np.int64)


def _table(walks: Walks, scales: FloatArray) -> Table:
    """What the compiled loop looks at, event by event."""
    rates = np.array([1 / scales[a] + 1 / scales[b] for a, b in blocks(len(scales)) if b >= 0])
    # Σ_k exp(-rate (k - q)) over the places k after an event q, for each pair of scales
    later = np.expm1(-walks.after[:, None] * rates) / -np.expm1(rates)
    return walks.items, walks.weights, walks.before, walks.after, later


@compiled
def _fill(
    first: int, last: int, size: int, order: IntArray, starts: IntArray, forwards: Table, turned: Table,
    backward: float, one_step: FloatArray, ahead: int, cells: FloatArray, columns: IntArray, lengths: IntArray,
) -> int:  # fmt: skip
    """The rows `first` to `last` of the sums, cell after cell; returns how many cells there are."""
    n_scales = len(one_step)
    n_blocks = n_scales * (n_scales + 3) // 2
    sums = np.zeros((size, n_blocks))
    seen, met = np.zeros(size, np.bool_), np.empty(size, np.int64)
    fade, follows, past = np.empty(n_scales), np.empty(n_scales), np.empty((n_scales, ahead))
    n_filled, n_events = 0, len(order)
    for item in range(first, last):
        n_met = 0
        for place in range(starts[item], starts[item + 1]):
            event = order[place]
            n_met = _walk_on(event, forwards, 1.0, one_step, sums, seen, met, n_met, fade, follows, past)
            n_met = _walk_back(event, forwards, 1.0, one_step, sums, seen, met, n_met, fade)
            if backward > 0:
                event = n_events - 1 - event
                n_met = _walk_on(event, turned, backward, one_step, sums, seen, met, n_met, fade, follows, past)
                n_met = _walk_back(event, turned, backward, one_step, sums, seen, met, n_met, fade)
        found = np.sort(met[:n_met])
        start = n_filled
        for block in range(n_blocks):
            for other in found:
                if sums[other, block] != 0.0:
                    cells[n_filled], columns[n_filled] = sums[other, block] / GRAIN, np.int32(block * size + other)
                    n_filled += 1
        for other in found:
            seen[other] = False
            sums[other] = 0.0
        lengths[item - first] = n_filled - start
    return n_filled


@compiled
def _walk_on(
    event: int, table: Table, share: float, one_step: FloatArray, sums: FloatArray, seen: BoolArray, met: IntArray,
    n_met: int, fade: FloatArray, follows: FloatArray, past: FloatArray,
) -> int:  # fmt: skip
    """What `event` adds together with each later event of its history; `share` and units of 1 / GRAIN."""
    items, weights, _, after, later = table
    n_scales, ahead = past.shape
    first_target = n_scales * (n_scales + 1) // 2
    unit, dropped = GRAIN * share * weights[event], 0.5**ahead
    fade[:], follows[:], past[:] = 1.0, 0.0, 0.0
    for distance in range(1, after[event] + 1):
        other = event + distance
        value = unit * weights[other]
        item, slot = items[other], distance % ahead
        if not seen[item]:
            seen[item], met[n_met] = True, item
            n_met += 1
        pair, alive = 0, False
        for a in range(n_scales):
            # The past of place `other` ends with the event before it, whose fade is still in place here.
            now = one_step[a] * fade[a]
            follows[a] = 0.5 * follows[a] + now - dropped * past[a, slot]
            past[a, slot] = now
            fade[a] *= one_step[a]
            near = fade[a] >= FAINT
            alive |= near
            for _b in range(a, n_scales):
                if near:
                    sums[item, pair] += np.rint(value * fade[a] * later[other, pair])
                pair += 1
            if follows[a] >= FAINT * one_step[a]:
                sums[item, first_target + a] += np.rint(value * follows[a])
        if not alive:
            break
    return n_met


@compiled
def _walk_back(
    event: int, table: Table, share: float, one_step: FloatArray, sums: FloatArray, seen: BoolArray, met: IntArray,
    n_met: int, fade: FloatArray,
) -> int:  # fmt: skip
    """What `event` adds together with itself and each earlier event of its history."""
    items, weights, before, _, later = table
    n_scales = len(fade)
    unit = GRAIN * share * weights[event]
    fade[:] = 1.0
    for distance in range(before[event] + 1):
        other = event - distance
        value = unit * weights[other]
        item = items[other]
        if not seen[item]:
            seen[item], met[n_met] = True, item
            n_met += 1
        pair, alive = 0, False
        for a in range(n_scales):
            for b in range(a, n_scales):
                if fade[b] >= FAINT:
                    alive = True
                    sums[item, pair] += np.rint(value * fade[b] * later[event, pair])
                pair += 1
        if not alive:
            break
        for a in range(n_scales):
            fade[a] *= one_step[a]
    return n_met
