"""Pairs: people and items that they wanted or not, with what was known of the person by then. What rankers learn from.

A pair is labelled 1 where the person wanted the item, and 0 for items drawn for that pair; where it is known that
somebody met an item and did not want it, some of the drawn are such. What is known by then are the events before that
one; where nothing says when they happened, all others. The event itself is never among them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from serendip.data import Queries
from serendip.data.arrays import BoolArray, IntArray
from serendip.training.sequences import Sequences

LENGTHS = 32
"""Contexts by length: histories of up to 2^31 events."""
PERIODS = 10
"""Contexts by time: parts of the time learned from, each with as many events as the others."""
POOL = 64
"""Batches cut from one pool of pairs sorted by the length of their histories: see `sequences.POOL`."""


@dataclass(frozen=True, eq=False)
class Known:
    """What is known of people at some time: the last events, and the context, numbered from 0 over all its columns."""

    sequences: Sequences
    context: IntArray  # (B, 2): how long the history is, to the nearest power of 2; the period of its newest event

    @classmethod
    def of(cls, sequences: Sequences, borders: IntArray, longest: int) -> Known:
        """All of `sequences`; `borders` are the times at which periods end."""
        newest = np.concatenate([sequences.times_ms, [0]])[sequences.offsets[1:] - 1]
        return cls(sequences.last(longest), contexts(sequences.lengths, newest, borders))

    def __len__(self) -> int:
        return len(self.context)

    def __getitem__(self, which: IntArray) -> Known:
        """Those at `which`, in that order."""
        return Known(self.sequences[which], self.context[which])


def contexts(lengths: IntArray, newest_ms: IntArray, borders: IntArray) -> IntArray:
    """The columns of histories of so many events, the newest at `newest_ms`, (B, 2)."""
    power = np.rint(np.log2(np.maximum(lengths, 1))).astype(np.int64)
    return np.stack([power, LENGTHS + np.searchsorted(borders, newest_ms, side="right")], axis=1)


def periods(times_ms: IntArray) -> IntArray:
    """The times at which periods end, `PERIODS` - 1 of them at most; none where nothing says when."""
    timed = np.sort(times_ms[times_ms != 0])
    return np.unique(timed[len(timed) * np.arange(1, PERIODS) // PERIODS] if len(timed) else timed)


def declined(queries: Queries, place: IntArray) -> Sequences:
    """The items that take part and that a person met and does not want, each once, without times."""
    n_items = int(place.max(initial=-1)) + 1
    rows, places = queries.query_rows.astype(np.int64), place[queries.item_rows]
    keys = rows * n_items + places
    left = np.setdiff1d(keys[places >= 0], keys[queries.weights > 0])
    lengths = np.bincount(left // max(1, n_items), minlength=len(queries))
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return Sequences(offsets, left % max(1, n_items), np.zeros(len(left), np.int64))


@dataclass(frozen=True, eq=False)
class Pairs:
    """Who wanted what, by the place of the event in `sequences`, and who is known not to want what."""

    sequences: Sequences
    declined: Sequences
    n_items: int
    borders: IntArray

    @cached_property
    def people(self) -> IntArray:
        """Whose each event is, (E,)."""
        return np.repeat(np.arange(len(self.sequences)), self.sequences.lengths)

    @cached_property
    def ends(self) -> IntArray:
        """Before which event what was known by then ends, (E,): the event itself, or the last without a time."""
        untimed = self.sequences.times_ms == 0
        counts = np.bincount(self.people[untimed], minlength=len(self.sequences))
        return np.where(untimed, (self.sequences.offsets[:-1] + counts)[self.people], np.arange(len(untimed)))

    @cached_property
    def counts(self) -> IntArray:
        """How many events were known by then, the event itself not counted, (E,)."""
        return np.asarray(self.ends - self.sequences.offsets[self.people] - (self.sequences.times_ms == 0))

    @cached_property
    def _wanted(self) -> IntArray:
        """One number for each pair of a person and what they want, ascending."""
        return np.sort(self.people * self.n_items + self.sequences.places)

    def known(self, events: IntArray, longest: int) -> Known:
        """What was known when each of `events` (M,) happened, the last `longest` events of it."""
        ends, owners = self.ends[events], self.people[events]
        around = self.sequences.between(np.maximum(ends - longest, self.sequences.offsets[owners]), ends)
        rows = np.repeat(np.arange(len(events)), around.lengths)
        others = around.places != self.sequences.places[events][rows]
        lengths = np.bincount(rows[others], minlength=len(events))
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        newest = self.sequences.times_ms[ends - 1]
        left = Sequences(offsets, around.places[others], around.times_ms[others])
        return Known(left, contexts(self.counts[events], newest, self.borders))

    def batches(self, size: int, generator: np.random.Generator) -> Iterator[IntArray]:
        """All events of which something was known by then, `size` at a time, those of about equal length together."""
        order = generator.permutation(np.flatnonzero(self.counts > 0))
        pools = [order[start : start + POOL * size] for start in range(0, len(order), POOL * size)]
        sorted_ = np.concatenate([order[:0], *(pool[np.argsort(self.counts[pool], kind="stable")] for pool in pools)])
        starts = np.arange(0, len(order), size)
        for start in generator.permutation(starts):
            yield sorted_[start : start + size]

    def others(
        self, events: IntArray, negatives: int, popularity: float, known: float, generator: np.random.Generator
    ) -> tuple[IntArray, BoolArray]:
        """Items to tell what was wanted apart from, (M, K), and which of them are none, since they are wanted too.

        Each is drawn like what people want with the chance `popularity`, else evenly; the first, with the chance
        `known`, among what the person is known not to want, if there is such a thing.
        """
        shape, sequences = (len(events), negatives), self.sequences
        drawn = generator.integers(self.n_items, size=shape)
        popular = sequences.places[generator.integers(len(sequences.places), size=shape)]
        drawn = np.where(generator.random(shape) < popularity, popular, drawn)
        self._met(drawn, self.people[events], known, generator)
        keys = self.people[events][:, None] * self.n_items + drawn
        found = np.minimum(np.searchsorted(self._wanted, keys), len(self._wanted) - 1)
        return drawn, self._wanted[found] == keys

    def _met(self, drawn: IntArray, people: IntArray, known: float, generator: np.random.Generator) -> None:
        """Put what is known not to be wanted in the place of some of the first of `drawn` (M, K)."""
        counts = self.declined.lengths[people]
        chosen = np.flatnonzero((counts > 0) & (generator.random(len(people)) < known))
        within = (generator.random(len(chosen)) * counts[chosen]).astype(np.int64)
        drawn[chosen, 0] = self.declined.places[self.declined.offsets[people[chosen]] + within]
