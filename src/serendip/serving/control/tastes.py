"""Tastes: what a person turns to, beside what everybody turns to, by the attributes of items."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np
import polars as pl

from serendip.data import Signals
from serendip.data.attributes import TEXTS
from serendip.data.signals import effective
from serendip.metrics import wilson
from serendip.store import Store

OWN = 1_000
"""The latest events of the person that count."""
WINDOW = 20_000
"""The latest events of everybody that count."""
KEPT_S = 60.0
"""What everybody turns to is read again after so long."""
MOST_VALUES = 8
LONGEST_VALUE = 64  # characters: what is longer is no name of a kind
NO_KIND = TEXTS - {"brand", "maker"}
"""Attributes that tell of one item alone."""


@dataclass(frozen=True)
class Turn:
    """How often a person turns to one value of an attribute."""

    value: str
    items: int
    """Of the person's, that have it."""
    share: float
    low: float
    high: float
    """The share lies in `low` to `high` (Wilson, 95 %)."""
    everybody: float
    """The share of everybody's that have it."""


@dataclass(frozen=True)
class Facet:
    """One attribute."""

    name: str
    items: int
    """Of the person's, that say what it is."""
    values: tuple[Turn, ...]
    """The most frequent first."""


@dataclass(frozen=True)
class Taste:
    """What a person turns to; an item that somebody wants counts once, however often they came back to it."""

    items: int
    """That the person wanted, among the latest events."""
    window: int
    """Events of everybody that were looked at."""
    window_items: int
    """Pairs of a person and an item that they wanted, among these."""
    facets: tuple[Facet, ...]


@dataclass(frozen=True)
class _Crowd:
    """What everybody turns to."""

    read_s: float
    events: int
    pairs: int
    counts: Mapping[str, Counter[str]]
    totals: Mapping[str, int]


class Tastes:
    """Reads tastes from a store; what everybody does is kept for a minute."""

    def __init__(self, store: Store, signals: Signals) -> None:
        self._store, self._signals = store, signals
        self._crowd: _Crowd | None = None
        self._lock = Lock()

    def of(self, user_id: str) -> Taste:
        """The taste of one person; without facets where they did nothing that says what they want."""
        past = self._store.history(user_id, OWN)
        signals = self._signals.of(past.types, past.values)
        mine = wanted([""] * len(past), past.item_ids, signals)
        crowd = self._everybody()
        items = [item_id for _, item_id in mine]
        counts, totals = _counted(items, self._store.attributes(items))
        facets = (_facet(name, counts.get(name, Counter()), totals.get(name, 0), crowd) for name in crowd.counts)
        return Taste(len(items), crowd.events, crowd.pairs, tuple(facet for facet in facets if facet.items))

    def _everybody(self) -> _Crowd:
        with self._lock:
            if self._crowd is None or time.monotonic() - self._crowd.read_s > KEPT_S:
                self._crowd = self._read()
            return self._crowd

    def _read(self) -> _Crowd:
        events = self._store.latest(WINDOW).sort("time_ms", "seq", nulls_last=False)
        signals = events.select(self._signals.expression())["signal"].to_numpy()
        items = [item_id for _, item_id in wanted(events["user_id"], events["item_id"], signals)]
        attributes = self._store.attributes(list(dict.fromkeys(items)))
        counts, totals = _counted(items, attributes)
        kinds = {name: found for name, found in counts.items() if _is_kind(name, attributes.values())}
        return _Crowd(time.monotonic(), events.height, len(items), kinds, totals)


def wanted(people: Iterable[str], items: Iterable[str], signals: Any) -> list[tuple[str, str]]:
    """Pairs of a person and an item that they want, each once; events in order of time."""
    pairs = pl.DataFrame({"person": people, "item": items}, schema={"person": pl.String, "item": pl.String})
    rows = pairs.with_columns(pl.col("person", "item").rank("dense").cast(pl.Int64))
    counted = effective(rows["person"].to_numpy(), rows["item"].to_numpy(), np.asarray(signals, np.float32)) > 0
    return pairs.filter(counted).rows()


def _counted(
    items: Sequence[str], attributes: Mapping[str, Mapping[str, Any]]
) -> tuple[dict[str, Counter[str]], dict[str, int]]:
    """How many of the items have each value of each attribute, and how many say anything of it."""
    counts: dict[str, Counter[str]] = {}
    totals: Counter[str] = Counter()
    for item_id in items:
        for name, value in attributes.get(item_id, {}).items():
            if told := set(_texts(value)):
                counts.setdefault(name, Counter()).update(told)
                totals[name] += 1
    return counts, totals


def _texts(value: Any) -> Iterator[str]:
    yield from (one for one in (value if isinstance(value, list) else [value]) if isinstance(one, str))


def _is_kind(name: str, records: Iterable[Mapping[str, Any]]) -> bool:
    """Whether an attribute tells kinds of things apart: a few short texts, each of which many items share."""
    if name in NO_KIND:
        return False
    told = [set(_texts(record[name])) for record in records if name in record]
    values = set().union(*told)
    return 2 <= len(values) <= sum(map(bool, told)) / 2 and all(len(value) <= LONGEST_VALUE for value in values)


def _facet(name: str, counts: Counter[str], items: int, crowd: _Crowd) -> Facet:
    everybody, total = crowd.counts[name], crowd.totals[name]
    turns = (
        Turn(value, count, count / items, *wilson(count, items), everybody[value] / total)
        for value, count in counts.most_common(MOST_VALUES)
    )
    return Facet(name, items, tuple(turns))
