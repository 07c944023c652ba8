"""Voting: what the nearest of those who know say of something, on average, weighted by how near they are."""

from __future__ import annotations

import numpy as np

from serendip.algebra.compiled import compiled, even_parts, in_threads
from serendip.algebra.similarity import Columns, arrays, put
from serendip.data import Queries
from serendip.data.arrays import FloatArray, IntArray, Sparse


def of_items(known: Sparse, rows: IntArray, nearest: Sparse, count: int, n_threads: int = 1) -> FloatArray:
    """Σ_j s_ij v_j / Σ_j s_ij over the `count` nearest j of item i that a history knows; 0 where it knows none.

    Args:
        known: What each history says of items, (B, N).
        rows: The items to be voted on, (B, C).
        nearest: The neighbours of each item, nearest first, (N, N).
    """
    votes = np.zeros(rows.shape, np.float32)
    rows = np.ascontiguousarray(rows, np.int64)
    left, right = arrays(known), arrays(nearest)

    def work(part: slice) -> None:
        _of_items(part.start, part.stop, *left, *right, rows, count, votes)

    in_threads(work, even_parts(np.arange(len(rows) + 1), 4 * n_threads), n_threads)
    return votes


@compiled
def _of_items(
    first: int,
    stop: int,
    starts: IntArray,
    items: Columns,
    values: FloatArray,
    near_starts: IntArray,
    near: Columns,
    similar: FloatArray,
    rows: IntArray,
    count: int,
    votes: FloatArray,
) -> None:
    known = np.zeros(len(near_starts) - 1, np.bool_)
    said = np.empty(len(near_starts) - 1, np.float32)
    for query in range(first, stop):
        for cell in range(starts[query], starts[query + 1]):
            known[items[cell]], said[items[cell]] = True, values[cell]
        for candidate in range(rows.shape[1]):
            row = rows[query, candidate]
            total, weight, found = np.float32(0), np.float32(0), 0
            for cell in range(near_starts[row], near_starts[row + 1]):
                if known[near[cell]]:
                    total += similar[cell] * said[near[cell]]
                    weight += similar[cell]
                    found += 1
                    if found == count:
                        break
            if weight > 0:
                votes[query, candidate] = total / weight
        for cell in range(starts[query], starts[query + 1]):
            known[items[cell]] = False


def of_people(near: Sparse, rows: IntArray, raters: Sparse, count: int, n_threads: int = 1) -> FloatArray:
    """Σ_v s_v r_vi / Σ_v s_v over the `count` nearest people v who know item i; 0 where nobody near does.

    Args:
        near: How near each person is to each history, (B, U).
        rows: The items to be voted on, (B, C).
        raters: What people say of each item, (N, U).
    """
    votes = np.zeros(rows.shape, np.float32)
    rows = np.ascontiguousarray(rows, np.int64)
    left, right = arrays(near), arrays(raters)

    def work(part: slice) -> None:
        _of_people(part.start, part.stop, *left, *right, rows, count, raters.shape[1], votes)

    in_threads(work, even_parts(np.arange(len(rows) + 1), 4 * n_threads), n_threads)
    return votes


@compiled
def _of_people(
    first: int,
    stop: int,
    starts: IntArray,
    people: Columns,
    similar: FloatArray,
    rater_starts: IntArray,
    raters: Columns,
    values: FloatArray,
    rows: IntArray,
    count: int,
    n_people: int,
    votes: FloatArray,
) -> None:
    near = np.zeros(n_people, np.float32)
    cells, best = np.empty(count, np.uint32), np.empty(count, np.float32)
    for query in range(first, stop):
        for cell in range(starts[query], starts[query + 1]):
            near[people[cell]] = similar[cell]
        for candidate in range(rows.shape[1]):
            kept = 0
            row = rows[query, candidate]
            for cell in range(rater_starts[row], rater_starts[row + 1]):
                if near[raters[cell]] > 0:
                    kept = put(cells, best, 0, kept, count, np.uint32(cell - rater_starts[row]), near[raters[cell]])
            total, weight = np.float32(0), np.float32(0)
            for place in range(kept):
                total += best[place] * values[rater_starts[row] + cells[place]]
                weight += best[place]
            if weight > 0:
                votes[query, candidate] = total / weight
        for cell in range(starts[query], starts[query + 1]):
            near[people[cell]] = 0


def shares(
    queries: Queries, worth: FloatArray, near: Sparse, cells: Sparse, wants: Sparse, rows: IntArray, n_threads: int = 1
) -> FloatArray:
    """What each event adds to Σ_v s_xv w_vi, where s_xv is some factor times a sum over the events, (E, C) float32.

    Args:
        worth: What each event counts in that sum, (E,); the rest of a term is the cell of person v at its item.
        near: s_xv, (B, U).
        cells: What people are compared by, (U, N).
        wants: w, (U, N).
    """
    parts = np.zeros((len(queries.item_rows), rows.shape[1]), np.float32)
    rows = np.ascontiguousarray(rows, np.int64)
    history = queries.offsets.astype(np.int64), queries.item_rows.astype(np.uint32), worth.astype(np.float32)
    others = arrays(near), arrays(cells), arrays(wants)

    def work(part: slice) -> None:
        _shares(part.start, part.stop, *history, *others[0], *others[1], *others[2], cells.shape[1], rows, parts)

    in_threads(work, even_parts(np.arange(len(rows) + 1), 4 * n_threads), n_threads)
    return parts


@compiled
def _shares(
    first: int,
    stop: int,
    starts: IntArray,
    items: Columns,
    worth: FloatArray,
    near_starts: IntArray,
    near: Columns,
    similar: FloatArray,
    cell_starts: IntArray,
    cell_items: Columns,
    cell_values: FloatArray,
    want_starts: IntArray,
    want_items: Columns,
    want_values: FloatArray,
    n_items: int,
    rows: IntArray,
    parts: FloatArray,
) -> None:
    cells, wants = np.zeros(n_items, np.float32), np.zeros(n_items, np.float32)
    for query in range(first, stop):
        for place in range(near_starts[query], near_starts[query + 1]):
            own = slice(cell_starts[near[place]], cell_starts[near[place] + 1])
            wanted = slice(want_starts[near[place]], want_starts[near[place] + 1])
            _fill(cells, cell_items[own], cell_values[own])
            _fill(wants, want_items[wanted], want_values[wanted])
            total = np.float64(0)
            for event in range(starts[query], starts[query + 1]):
                total += worth[event] * cells[items[event]]
            for event in range(starts[query], starts[query + 1]):
                part = worth[event] * cells[items[event]]
                if part != 0:
                    for candidate in range(rows.shape[1]):
                        parts[event, candidate] += part / total * similar[place] * wants[rows[query, candidate]]
            _fill(cells, cell_items[own], np.zeros_like(cell_values[own]))
            _fill(wants, want_items[wanted], np.zeros_like(want_values[wanted]))


@compiled
def _fill(whole: FloatArray, places: Columns, values: FloatArray) -> None:
    for place in range(len(places)):
        whole[places[place]] = values[place]
