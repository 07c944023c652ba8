"""The history of one request: what is known of it, as events and as a batch of one."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from serendip.algebra.compiled import compiled_short
from serendip.data import HistoryEvent, Past, Queries, Signals, Vocabulary
from serendip.data.arrays import FloatArray, IntArray
from serendip.data.signals import RATING, UNDO, standing
from serendip.data.vocabulary import UNKNOWN
from serendip.data.words import Words


@dataclass(frozen=True)
class History:
    """What somebody did with items that the pipeline knows, oldest first; event e is row e of `queries`."""

    item_ids: tuple[str, ...]  # E
    types: tuple[str, ...]  # E
    queries: Queries  # B = 1
    strange: tuple[str, ...] = ()
    """Ids that the pipeline does not know; what was done with them is left out."""
    position: int = 0
    """Of the event that came last, in the log that the history was read from."""

    @classmethod
    def of(cls, events: Sequence[HistoryEvent], vocabulary: Vocabulary, signals: Signals) -> History:
        """Events are taken in the order of their times where each has one, else as handed in; undone ones are not."""
        past = events if isinstance(events, Past) else Past.of(events)
        order = _order(past.times_ms)
        if UNDO in past.types:
            past, order = _standing(past, order), slice(None)
        rows = vocabulary.rows(past.item_ids)[order]
        if len(past) and (rows != UNKNOWN).all() and isinstance(order, slice):
            past.share_ids(vocabulary.ids(rows))
        places = np.arange(len(past))[order]
        known = places[rows != UNKNOWN].tolist()
        types = tuple([past.types[place] for place in known])
        values = [past.values[place] for place in known]
        times_ms = np.asarray([past.times_ms[place] or 0 for place in known], np.int64)
        ratings = np.asarray([_rating(*one) for one in zip(types, values, strict=True)], np.float32)
        queries = Queries.of_histories([(rows[rows != UNKNOWN], times_ms, signals.of(types, values))], [ratings])
        queries = queries.having_said(_words(past.said, vocabulary, signals))
        item_ids = tuple([past.item_ids[place] for place in known])
        strange = tuple([past.item_ids[place] for place in places[rows == UNKNOWN].tolist()])
        return cls(item_ids, types, queries, strange, past.position)

    @classmethod
    def nobody(cls) -> History:
        """Nothing."""
        nothing = np.empty(0, np.int32), np.empty(0, np.int64), np.empty(0, np.float32)
        return cls((), (), Queries.of_histories([nothing]))

    @property
    def rows(self) -> IntArray:
        """The item row of each event, (E,)."""
        return self.queries.item_rows

    def without_taste(self) -> Queries:
        """A batch of one with an empty history, for who asks for no personalisation."""
        return Queries.of_histories([(self.rows[:0], self.queries.times_ms[:0], self.queries.signals[:0])])

    @cached_property
    def speakers(self) -> IntArray:
        """The strongest event on the same item as each event, the latest of equals, (E,)."""
        weights = self.queries.weights
        order = np.argsort(weights, kind="stable")
        last = dict(zip(self.rows[order].tolist(), order.tolist(), strict=True))
        return np.fromiter((last[row] for row in self.rows.tolist()), np.int64, len(self.rows))

    def strongest(self, by_event: FloatArray, n: int) -> tuple[IntArray, FloatArray, FloatArray]:
        """The items of the history that add most to each listed item, by the events that speak for them.

        Args:
            by_event: what each event adds, (E, K).
            n: how many are named.

        Returns:
            Events (K, n), -1 where there are fewer; what their items add (K, n); what all others add together (K,).
        """
        return _strongest(np.asarray(by_event, np.float64), self.speakers, n)


@compiled_short
def _strongest(by_event: FloatArray, speakers: IntArray, n: int) -> tuple[IntArray, FloatArray, FloatArray]:
    count = by_event.shape[1]
    events, added = np.full((count, n), -1, np.int64), np.zeros((count, n))
    rest = np.zeros(count)
    sums = np.zeros(len(speakers))
    for item in range(count):
        sums[:] = 0
        for event in range(len(speakers)):
            sums[speakers[event]] += by_event[event, item]
        for event in range(len(speakers)):
            if speakers[event] != event:
                continue
            rest[item] += sums[event]
            place = n
            while place > 0 and (events[item, place - 1] < 0 or sums[event] > added[item, place - 1]):
                place -= 1
            for later in range(n - 1, place, -1):
                events[item, later], added[item, later] = events[item, later - 1], added[item, later - 1]
            if place < n:
                events[item, place], added[item, place] = event, sums[event]
        for place in range(n):
            if events[item, place] >= 0:
                rest[item] -= added[item, place]
    return events, added, rest


def _words(said: Sequence[HistoryEvent], vocabulary: Vocabulary, signals: Signals) -> Words | None:
    """What one person said, in order of time; None: nothing."""
    if not said:
        return None
    ordered = sorted(said, key=lambda event: event.timestamp or 0)
    return Words.of(
        np.zeros(len(ordered), np.int32),
        vocabulary.rows([event.item_id for event in ordered]),
        np.asarray([event.timestamp or 0 for event in ordered], np.int64),
        signals.of([event.type for event in ordered], [event.value for event in ordered]),
        [event.text or "" for event in ordered],
    )


def _rating(type_: str, value: float | None) -> float:
    """NaN for what is no rating or has no value."""
    return float("nan") if type_ != RATING or value is None else value


def _standing(past: Past, order: slice | IntArray) -> Past:
    """What was not taken back, in order."""
    rows = list(zip(past.item_ids, past.types, past.values, past.times_ms, strict=True))
    rows = [rows[place] for place in np.arange(len(past))[order].tolist()]
    kept = standing([row[0] for row in rows], [row[1] for row in rows])
    undone = {item_id: time_ms or 0 for item_id, type_, _, time_ms in rows if type_ == UNDO}
    said = tuple(one for one in past.said if (one.timestamp or 0) > undone.get(one.item_id, -1))
    return Past([rows[place] for place in kept], past.position, said)


def _order(times_ms: Sequence[int | None]) -> slice | IntArray:
    """By time where every event has one, else as they are."""
    times = [time for time in times_ms if time is not None]
    if len(times) < len(times_ms) or all(one <= other for one, other in itertools.pairwise(times)):
        return slice(None)
    return np.argsort(np.asarray(times), kind="stable")
