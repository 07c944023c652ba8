"""Audiences: who was shown an item, at which place, and what they did, in the latest answers and events."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from threading import Lock

import polars as pl

from serendip.data import Signals
from serendip.metrics import wilson
from serendip.store import Showings, Store

EXPOSURES = 10_000
"""The latest answers that are searched for an item."""
EVENTS = 10_000
"""The latest events on an item that count."""
BESIDE = 2_000
"""The latest answers that tell how all items fare."""
KEPT_S = 60.0
"""How all items fare is read again after so long."""
PLACES = 20
"""Places further down are not told apart by chance any more."""
HOUR_MS = 3_600_000
UNITS_MS = tuple(HOUR_MS * hours for hours in (1, 24, 7 * 24, 30 * 24, 365 * 24))
MOST_SPANS = 60


@dataclass(frozen=True)
class Place:
    """How an item fares at one place of lists."""

    position: int
    shown: int
    wanted: int
    """Showings that led the person to something that says they want it."""
    rate: float
    low: float
    high: float
    """The rate lies in `low` to `high` (Wilson, 95 %)."""
    others: float | None
    """The rate of all items at this place; null where none was shown."""


@dataclass(frozen=True)
class Showing:
    """One time that an item was shown."""

    request_id: str
    user_id: str | None
    time_ms: int
    surface: str
    position: int
    did: tuple[str, ...]
    """Types of the events on it that name the list, in order."""


@dataclass(frozen=True)
class Done:
    """Events of one type."""

    type: str
    events: int
    people: int


@dataclass(frozen=True)
class Span:
    """Events within one stretch of time."""

    begins_ms: int
    events: int


@dataclass(frozen=True)
class Audience:
    """What became of one item lately."""

    exposures: int
    """Answers that were looked at."""
    since_ms: int | None
    """When the oldest of them was given."""
    beside: int
    """Answers that tell how all items fare."""
    shown: int
    """Times that the item was in them."""
    people: int
    """Known people who were shown it."""
    events: int
    """On the item, by anybody."""
    actors: int
    """People who did something with it."""
    types: tuple[Done, ...]
    """The most frequent first."""
    places: tuple[Place, ...]
    span_ms: int
    spans: tuple[Span, ...]
    """Events over time, without gaps."""
    showings: tuple[Showing, ...]
    """The latest first."""


class Audiences:
    """Reads audiences from a store."""

    def __init__(self, store: Store, signals: Signals) -> None:
        self._store, self._signals = store, signals
        self._beside: tuple[float, int, dict[int, float]] = float("-inf"), 0, {}
        self._lock = Lock()

    def of(self, item_id: str, n: int) -> Audience:
        """What became of one item, with the `n` latest showings."""
        showings = self._store.showings(EXPOSURES, item_id)
        events = self._store.latest_of_each([item_id], EVENTS)
        beside, others = self._others()
        span_ms, spans = over_time(events)
        by_type = events.group_by("type").agg(pl.len().alias("events"), pl.col("user_id").n_unique().alias("people"))
        return Audience(
            showings.exposures,
            showings.since_ms,
            beside,
            showings.shown.height,
            showings.shown["user_id"].drop_nulls().n_unique(),
            events.height,
            events["user_id"].n_unique(),
            tuple(Done(*row) for row in by_type.sort(["events", "type"], descending=[True, False]).rows()),
            tuple(places(showings, self._signals, others)),
            span_ms,
            spans,
            tuple(_latest(showings, n)),
        )

    def _others(self) -> tuple[int, dict[int, float]]:
        """How many answers were looked at, and the rate of all items at each place."""
        with self._lock:
            if time.monotonic() - self._beside[0] > KEPT_S:
                showings = self._store.showings(BESIDE)
                rates = {one.position: one.rate for one in places(showings, self._signals, {})}
                self._beside = time.monotonic(), showings.exposures, rates
            return self._beside[1:]


def places(showings: Showings, signals: Signals, others: Mapping[int, float]) -> Iterator[Place]:
    """How what was shown fares at each place; `others` are rates to set beside it."""
    led = showings.answers.filter(signals.expression() > 0).select("request_id", "item_id").unique()
    led = led.with_columns(pl.lit(True).alias("wanted"))
    told = showings.shown.join(led, on=["request_id", "item_id"], how="left").with_columns(
        pl.col("wanted").fill_null(False)
    )
    of_place = told.group_by("rank").agg(pl.len().alias("shown"), pl.col("wanted").sum()).sort("rank")
    for position, shown, wanted in of_place.head(PLACES).rows():
        yield Place(position, shown, wanted, wanted / shown, *wilson(wanted, shown), others.get(position))


def over_time(events: pl.DataFrame) -> tuple[int, tuple[Span, ...]]:
    """How long each stretch is, `MOST_SPANS` at most, and the events within each; those without a time are left out."""
    times = events["time_ms"].drop_nulls()
    if times.is_empty():
        return UNITS_MS[0], ()
    first, last = int(times.min()), int(times.max())  # type: ignore[arg-type] # integers, as the schema says
    fits = (unit for unit in UNITS_MS if last // unit - first // unit < MOST_SPANS)
    unit = next(fits, UNITS_MS[-1] * -(-(last - first) // (UNITS_MS[-1] * (MOST_SPANS - 1))))
    edges = [unit * place for place in range(first // unit, last // unit + 2)]
    counts: dict[int, int] = dict((times // unit * unit).value_counts().rows())
    return unit, tuple(Span(begin, counts.get(begin, 0)) for begin, _ in pairwise(edges))


def _latest(showings: Showings, n: int) -> Iterator[Showing]:
    did: dict[str, list[str]] = defaultdict(list)
    for request_id, type_ in showings.answers.select("request_id", "type").rows():
        did[request_id].append(type_)
    columns = ("request_id", "user_id", "time_ms", "surface", "rank")
    for request_id, user_id, time_ms, surface, rank in showings.shown.select(columns).head(n).rows():
        yield Showing(request_id, user_id, time_ms, surface, rank, tuple(did.get(request_id, ())))
