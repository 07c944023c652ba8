"""Pairwise: stochastic gradient steps that put what a person wants above what they do not; the person is their history.

The order of steps and every draw come from a seed, and one thread takes them all: each step needs what the one before
it learned, so threads could only make the outcome depend on their race.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from serendip.algebra.compiled import compiled
from serendip.data.arrays import FloatArray, IntArray


class Vectors(NamedTuple):
    """What is learned; all float32, changed in place."""

    sources: FloatArray  # (N, D): what wanting an item says of a person
    targets: FloatArray  # (N, D)
    bias: FloatArray  # (N,)


class Wants(NamedTuple):
    """Who wants what, as sparse rows; columns ascend within a row."""

    offsets: IntArray  # (U + 1,) int64
    columns: IntArray  # (E,) int32
    weights: FloatArray  # (E,) float32, at most 1


class Rates(NamedTuple):
    """Of the steps; all float32."""

    learning: np.float32
    source: np.float32  # pulls towards 0, per step
    positive: np.float32
    negative: np.float32
    bias: np.float32
    narrowing: np.float32  # a: the sum over a history is divided by its weight to this power


class Draws(NamedTuple):
    """How what a person does not want is drawn."""

    tries: int
    """So many for each step, of which the one that scores best is learned from."""
    by_popularity: np.float32
    """The share that is drawn like what people want; the rest is drawn evenly."""
    known: IntArray  # (A,) int32: rows of the items that are drawn


AGAIN = 20
"""So often another item is drawn in the place of one that the person wants; one who wants nearly all is passed over."""


class _Room(NamedTuple):
    """For one person at a time."""

    total: FloatArray  # (D,) sum of the sources of all that they want
    own: FloatArray  # (D,) the same without the item at hand, narrowed: where the person stands
    moved: FloatArray  # (D,) what all steps together add to a source
    by_itself: FloatArray  # (T, D) what the step of each item would have added to its own source: left out
    mark: IntArray  # (N,) the last person seen to want an item


@compiled
def step_through(vectors: Vectors, wants: Wants, rates: Rates, draws: Draws, people: IntArray, seed: np.uint64) -> None:
    """One visit to each of `people` in their order: a step for each item that they want.

    While a person is visited, the steps of their sources are kept as one sum and written at the end, which changes
    nothing but the order of additions.
    """
    n_items, width = vectors.targets.shape
    longest = 0
    for person in people:
        longest = max(longest, wants.offsets[person + 1] - wants.offsets[person])
    room = _Room(
        np.empty(width, np.float32),
        np.empty(width, np.float32),
        np.empty(width, np.float32),
        np.empty((longest, width), np.float32),
        np.full(n_items, -1, np.int32),
    )
    state = seed
    for person in people:
        state = _visit(vectors, wants, rates, draws, room, person, state)


@compiled
def _visit(
    vectors: Vectors, wants: Wants, rates: Rates, draws: Draws, room: _Room, person: int, state: np.uint64
) -> np.uint64:
    first, last = wants.offsets[person], wants.offsets[person + 1]
    room.total[:], room.moved[:] = 0, 0
    weight, square = np.float32(0), np.float32(0)
    for cell in range(first, last):
        item, share = wants.columns[cell], wants.weights[cell]
        room.mark[item] = person
        weight += share
        square += share * share
        _add(share, vectors.sources[item], room.total)
    for cell in range(first, last):
        item, share, mine = wants.columns[cell], wants.weights[cell], room.by_itself[cell - first]
        mine[:] = 0
        if last - first < 2 or weight <= share:
            continue  # nothing else is known of this person
        scale = (weight - share) ** -rates.narrowing
        source = vectors.sources[item]
        for d in range(len(source)):
            room.own[d] = scale * (room.total[d] - share * (source[d] + share * room.moved[d]))
        other, state = _unwanted(vectors, wants, draws, room, person, state)
        if other >= 0:
            _step(vectors, rates, room.own, item, other, share, scale, mine)
            _add(np.float32(1), mine, room.moved)
            _add(square - share * share, mine, room.total)
    kept = np.float32(1) - rates.learning * rates.source
    for cell in range(first, last):
        source, share, mine = vectors.sources[wants.columns[cell]], wants.weights[cell], room.by_itself[cell - first]
        for d in range(len(source)):
            source[d] = kept * source[d] + share * (room.moved[d] - mine[d])
    return state


@compiled
def _step(
    vectors: Vectors,
    rates: Rates,
    own: FloatArray,
    item: int,
    other: int,
    share: np.float32,
    scale: np.float32,
    gain: FloatArray,
) -> None:
    """Put `item` further above `other`; what sources would move by for a weight of 1 goes into `gain`."""
    wanted, unwanted = vectors.targets[item], vectors.targets[other]
    ahead = vectors.bias[item] - vectors.bias[other]
    for d in range(len(own)):
        ahead += own[d] * (wanted[d] - unwanted[d])
    step = rates.learning * share / (np.float32(1) + np.exp(ahead))
    for d in range(len(own)):
        gain[d] = step * scale * (wanted[d] - unwanted[d])
        wanted[d] += step * own[d] - rates.learning * rates.positive * wanted[d]
        unwanted[d] -= step * own[d] + rates.learning * rates.negative * unwanted[d]
    vectors.bias[item] += step - rates.learning * rates.bias * vectors.bias[item]
    vectors.bias[other] -= step + rates.learning * rates.bias * vectors.bias[other]


@compiled
def _add(share: np.float32, vector: FloatArray, found: FloatArray) -> None:
    for d in range(len(found)):
        found[d] += share * vector[d]


@compiled
def _unwanted(
    vectors: Vectors, wants: Wants, draws: Draws, room: _Room, person: int, state: np.uint64
) -> tuple[int, np.uint64]:
    """Of a few items that the person does not want the one that scores best, -1 if none was found."""
    best, highest = -1, np.float32(-np.inf)
    for _ in range(draws.tries):
        item = -1
        for _ in range(AGAIN):
            state = state + np.uint64(0x9E3779B97F4A7C15)  # SplitMix64: Steele, Lea and Flood, OOPSLA 2014
            bits = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            bits = bits ^ (bits >> np.uint64(31))
            choice, rest = np.float32(bits & np.uint64(0xFFFF)) / np.float32(0x10000), bits >> np.uint64(16)
            if choice < draws.by_popularity:
                drawn = wants.columns[rest % np.uint64(len(wants.columns))]
            else:
                drawn = draws.known[rest % np.uint64(len(draws.known))]
            if room.mark[drawn] != person:
                item = drawn
                break
        if item < 0:
            continue
        found = vectors.bias[item]
        if draws.tries > 1:
            target = vectors.targets[item]
            for d in range(len(room.own)):
                found += room.own[d] * target[d]
        if found > highest:
            best, highest = item, found
    return best, state
