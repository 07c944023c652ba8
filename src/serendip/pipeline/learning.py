"""Learning: what people did since a pipeline was fitted, as histories that its models can learn."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from serendip.data import Dataset, Queries, Vocabulary
from serendip.data.times import rfc3339
from serendip.data.vocabulary import UNKNOWN
from serendip.models import Learns, Model


@dataclass(frozen=True)
class Learned:
    """What became of new events."""

    sources: tuple[str, ...]
    """Those that have learned them."""
    stale: dict[str, str]
    """Those that have not, and why; they know what they knew, and answer from live histories all the same."""
    events_left_out: int
    """Events on items that came after the fit."""


def histories_of(items: Vocabulary, before: Dataset, after: Dataset) -> tuple[Queries, Queries, int]:
    """Everybody's history before and after, by the rows of `items`, person by person, and how many events of `after`
    are on other items."""
    people = after.users.vocabulary.ids()
    gone = [user_id for user_id in before.users.vocabulary.ids() if user_id not in after.users.vocabulary]
    old, _ = _histories(items, before, (*people, *gone))
    new, strange = _histories(items, after, (*people, *gone))
    return old, new, strange


def _histories(items: Vocabulary, dataset: Dataset, user_ids: tuple[str, ...]) -> tuple[Queries, int]:
    place = items.rows(dataset.items.vocabulary.ids())
    rows = dataset.users.vocabulary.rows(list(user_ids))
    present = np.flatnonzero(rows != UNKNOWN)
    found = dataset.histories(rows[present])
    lengths = np.zeros(len(user_ids), np.int64)
    lengths[present] = np.diff(found.offsets)
    whole = replace(found, offsets=np.concatenate([[0], np.cumsum(lengths)]))
    return whole.renumbered(place), int(np.count_nonzero(place[found.item_rows] == UNKNOWN))


def teach(model: Model, before: Queries, after: Queries) -> str:
    """Let `model` learn; why it has not, empty where it has."""
    if not isinstance(model, Learns):
        return "it learns by being fitted"
    try:
        model.learn(before, after)
    except (RuntimeError, ValueError) as error:
        return str(error)
    return ""


def learned_card(after: Dataset, stale: dict[str, str]) -> dict[str, Any]:
    """What the card says of it."""
    newest_ms = int(after.events.times_ms.max(initial=0))
    return {
        "at": rfc3339(time.time_ns() // 1_000_000),
        "events": len(after.events),
        "to": rfc3339(newest_ms) if newest_ms else None,
        "stale": stale,
    }
