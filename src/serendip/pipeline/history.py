"""The history of one request: what is known of it, as events and as a batch of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from serendip.data import HistoryEvent, Queries, Signals, Vocabulary
from serendip.data.arrays import FloatArray, IntArray
from serendip.data.signals import RATING
from serendip.data.vocabulary import UNKNOWN


@dataclass(frozen=True)
class History:
    """What somebody did with items that the pipeline knows, oldest first; event e is row e of `queries`."""

    events: tuple[HistoryEvent, ...]
    queries: Queries  # B = 1
    strange: tuple[str, ...] = ()
    """Ids that the pipeline does not know; they are left out."""

    @classmethod
    def of(cls, events: Sequence[HistoryEvent], vocabulary: Vocabulary, signals: Signals) -> History:
        events = _in_order(events)
        rows = vocabulary.rows(event.item_id for event in events)
        known = tuple(event for event, row in zip(events, rows, strict=True) if row != UNKNOWN)
        strange = tuple(event.item_id for event, row in zip(events, rows, strict=True) if row == UNKNOWN)
        says = signals.of([event.type for event in known], [event.value for event in known])
        times_ms = np.asarray([event.timestamp or 0 for event in known], np.int64)
        ratings = np.asarray([_rating(event) for event in known], np.float32)
        return cls(known, Queries.of_histories([(rows[rows != UNKNOWN], times_ms, says)], [ratings]), strange)

    @classmethod
    def nobody(cls) -> History:
        """Nothing."""
        nothing = np.empty(0, np.int32), np.empty(0, np.int64), np.empty(0, np.float32)
        return cls((), Queries.of_histories([nothing]))

    @property
    def rows(self) -> IntArray:
        """The item row of each event, (E,)."""
        return self.queries.item_rows

    def without_taste(self) -> Queries:
        """A batch of one with an empty history, for who asks for no personalisation."""
        return Queries.of_histories([(self.rows[:0], self.queries.times_ms[:0], self.queries.signals[:0])])

    def by_item(self, by_event: FloatArray) -> tuple[list[HistoryEvent], FloatArray]:
        """Per distinct item: the event that speaks for it, (J,), and the sums of `by_event` (E, K), (J, K)."""
        distinct, item_of_event = np.unique(self.rows, return_inverse=True)
        sums = np.zeros((len(distinct), by_event.shape[1]))
        np.add.at(sums, item_of_event, by_event)
        # The strongest event speaks: written last, it is the one that stays.
        order = np.argsort(self.queries.weights, kind="stable")
        speakers = np.empty(len(distinct), np.int64)
        speakers[item_of_event[order]] = order
        return [self.events[event] for event in speakers], sums


def _rating(event: HistoryEvent) -> float:
    """NaN for what is no rating or has no value."""
    return float("nan") if event.type != RATING or event.value is None else event.value


def _in_order(events: Sequence[HistoryEvent]) -> Sequence[HistoryEvent]:
    """By time where every event has one, else as handed in."""
    if any(event.timestamp is None for event in events):
        return events
    return sorted(events, key=lambda event: event.timestamp or 0)
