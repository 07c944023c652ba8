"""Examining: how well a model on the shelf foretells the latest events, of which it has learned none.

Each person who wanted something in those events is asked for with the history that stood in the log before them, as
the service asks; right is what they wanted since and had not met. The card says up to which event a model has learned
(`store.provenance`): without later events there is nothing that it could foretell.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from serendip.data import InputError, Query, Signals
from serendip.data.arrays import IntArray
from serendip.data.query import NO_ITEM
from serendip.data.times import rfc3339
from serendip.data.vocabulary import UNKNOWN
from serendip.evaluation.exam import stored
from serendip.evaluation.parts import Part, parts
from serendip.evaluation.significance import Estimate, bootstrap, estimate
from serendip.metrics import hits_in, ndcg, recall
from serendip.pipeline import Pipeline
from serendip.store import Store, StoredEvent
from serendip.store.provenance import Provenance

MOST_EVENTS = 5_000
MOST_PEOPLE = 300
BEFORE = 50_000
"""So many events before them say how many people wanted an item."""
AT_MOST_S = 10.0
"""Nobody is asked for after so long."""
FEWEST_PEOPLE = 20
DEPTH = 10


@dataclass(frozen=True)
class Exam:
    """How a model did."""

    at: str
    events: int
    """That it had not learned, at most `MOST_EVENTS`, the latest."""
    people: int
    """Who wanted something new in them, at most `MOST_PEOPLE`, the latest."""
    metrics: dict[str, Estimate]
    """With 95 % intervals over people."""
    parts: tuple[Part, ...]
    """NDCG@10 for parts of people and items."""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def examine(pipeline: Pipeline, store: Store, signals: Signals) -> Exam:
    """Ask a model to foretell the latest events.

    Raises:
        InputError: it has learned all that there is, nobody knows what it has learned, or too few people wanted
            something new since.
    """
    provenance = Provenance.of(pipeline.card)
    if provenance is None:
        raise InputError("its card does not say which events it has learned; train a model here, and it will")
    after = max(provenance.events_to, store.mark().events - MOST_EVENTS)
    events = [event for _, event in store.event_page(MOST_EVENTS, after) if event.item_id != NO_ITEM]
    if not events:
        raise InputError("it has learned every event there is; as soon as people do more, it can be evaluated by that")
    asked, until_s = [], time.monotonic() + AT_MOST_S
    for user_id, wanted in list(_wanted(events, signals).items())[:MOST_PEOPLE]:
        if time.monotonic() > until_s:
            break
        past = store.history(user_id, until=after)
        new = wanted - {*past.item_ids}
        if new:
            found = pipeline.recommend(Query(history=(*past, *past.said), n=DEPTH))
            asked.append(([item.item_id for item in found], new, len({*past.item_ids})))
    if len(asked) < FEWEST_PEOPLE:
        raise InputError(f"only {len(asked)} people wanted something new since it was fitted, too few to say anything")
    return _graded(asked, len(events), pipeline, _popularity(store, after, signals))


def _wanted(events: Sequence[StoredEvent], signals: Signals) -> dict[str, set[str]]:
    """What each person wanted, the latest people first."""
    worth = signals.of([one.type for one in events], [one.value for one in events])
    wanted: dict[str, set[str]] = {}
    for event, signal in zip(reversed(events), worth[::-1].tolist(), strict=True):
        if signal > 0:
            wanted.setdefault(event.user_id, set()).add(event.item_id)
    return wanted


def _popularity(store: Store, before: int, signals: Signals) -> Counter[str]:
    """How many people wanted each item in the events before."""
    events = [
        event
        for place, event in store.event_page(BEFORE, max(0, before - BEFORE))
        if place <= before and event.item_id != NO_ITEM
    ]
    return Counter(item for items in _wanted(events, signals).values() for item in items)


def _graded(
    asked: Sequence[tuple[list[str], set[str], int]], events: int, pipeline: Pipeline, wanted_by: Counter[str]
) -> Exam:
    columns = _Columns(pipeline)
    lists = np.full((len(asked), DEPTH), UNKNOWN, np.int64)
    for row, (listed, _, _) in enumerate(asked):
        lists[row, : len(listed)] = columns.of(listed)
    rights = [np.sort(columns.of(sorted(new))) for _, new, _ in asked]
    counted = columns.of(list(wanted_by))
    counts = np.zeros(len(columns), np.int64)
    counts[counted] = list(wanted_by.values())
    offsets = np.concatenate([[0], np.cumsum([len(one) for one in rights])])
    ones = np.ones(offsets[-1], np.bool_)
    right = sp.csr_array((ones, np.concatenate(rights), offsets), shape=(len(asked), len(columns)))
    hits, relevant = hits_in(lists, right), stored(right)
    values = {
        f"ndcg@{DEPTH}": ndcg(hits, relevant, DEPTH),
        f"recall@{DEPTH}": recall(hits, relevant, DEPTH),
        f"hit@{DEPTH}": hits.any(axis=1).astype(np.float64),
    }
    drawn = bootstrap(np.stack(list(values.values()), axis=1))
    metrics = {
        name: estimate(float(value.mean()), drawn[:, place]) for place, (name, value) in enumerate(values.items())
    }
    known = np.array([met for _, _, met in asked])
    now = rfc3339(time.time_ns() // 1_000_000)
    return Exam(now, events, len(asked), metrics, tuple(parts([lists], right, known, counts, DEPTH)))


class _Columns:
    """A number for every item: its row in the pipeline, or one behind those for what the pipeline does not know."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._items = pipeline.items
        self._strange: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._items) + len(self._strange)

    def of(self, item_ids: Sequence[str]) -> IntArray:
        rows = np.asarray(self._items.rows(item_ids), np.int64)
        for place in np.flatnonzero(rows == UNKNOWN).tolist():
            rows[place] = self._strange.setdefault(item_ids[place], len(self))
        return rows
