"""Dataset: who did what when, what things are, how they are linked; frozen and columnar."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import polars as pl
import scipy.sparse as sp

from serendip.data.arrays import BoolArray, FloatArray, IntArray, Sparse
from serendip.data.past import Past
from serendip.data.queries import Queries
from serendip.data.query import NO_ITEM, HistoryEvent
from serendip.data.signals import RATING, Signals, latest_ratings, preference_matrix
from serendip.data.tables import Tables, empty_relations
from serendip.data.vocabulary import Vocabulary
from serendip.data.words import NOTHING, Words


@dataclass(frozen=True, eq=False)
class Events:
    """Events in stable order of (time, original row); events without a time keep their original order, first."""

    user_rows: IntArray  # (E,) int32
    item_rows: IntArray  # (E,) int32
    times_ms: IntArray  # (E,) int64; 0 where absent
    signals: FloatArray  # (E,) float32, see data.signals
    values: FloatArray  # (E,) float32, NaN where absent
    types: pl.Series  # (E,) the type of each event, as text

    def __len__(self) -> int:
        return len(self.item_rows)

    @cached_property
    def ratings(self) -> FloatArray:
        """The values of ratings, (E,) float32, NaN for events of other types: their value is no opinion."""
        return np.where((self.types == RATING).to_numpy(), self.values, np.float32("nan"))

    def __getitem__(self, which: BoolArray | IntArray) -> Events:
        """The events at a mask or at ascending positions; a part of an ordered log stays in order."""
        return Events(
            self.user_rows[which],
            self.item_rows[which],
            self.times_ms[which],
            self.signals[which],
            self.values[which],
            self.types.filter(which) if which.dtype == np.bool_ else self.types[which],
        )


@dataclass(frozen=True, eq=False)
class Entities:
    """Items or people: their vocabulary and, row by row, their attributes."""

    vocabulary: Vocabulary
    attributes: pl.DataFrame  # the id column first, then attributes; one row per id, in vocabulary order

    def __len__(self) -> int:
        return len(self.vocabulary)


def _nothing_said() -> pl.DataFrame:
    columns = {"type": pl.String, "value": pl.Float64, "time_ms": pl.Int64, "signal": pl.Float32, "text": pl.String}
    return pl.DataFrame(schema={"user_row": pl.Int32, "item_row": pl.Int32, **columns})


@dataclass(frozen=True, eq=False)
class Dataset:
    """What models learn from. Nothing in it changes: a split or a filter makes another one over the same rows.

    >>> from serendip.data import Tables, event_frame
    >>> events = event_frame({"user_id": ["ann", "bo"], "item_id": ["tea", "tea"], "type": ["like", "like"]})
    >>> Dataset.from_tables(Tables(events)).matrix().shape
    (2, 1)
    """

    events: Events
    items: Entities
    users: Entities
    relations: pl.DataFrame = field(default_factory=empty_relations)
    signals: Signals = field(default_factory=Signals)
    said: pl.DataFrame = field(default_factory=_nothing_said)
    """What people said: `user_row`, `item_row`, `type`, `value`, `time_ms`, `signal`, `text`, by person and time; a
    part of the events goes with what each said until their last event in it."""

    @classmethod
    def from_tables(cls, tables: Tables, signals: Signals | None = None) -> Dataset:
        """Ids become rows here, once. Items and users that occur only in events get empty attributes."""
        signals = signals or Signals()
        users = _entities(tables.users, "user_id", tables.events)
        told = tables.events.with_columns(signals.expression()).sort("time_ms", nulls_last=False, maintain_order=True)
        ordered = told.filter(pl.col("item_id") != NO_ITEM)
        items = _entities(tables.items, "item_id", tables.events.filter(pl.col("item_id") != NO_ITEM))
        events = Events(
            users.vocabulary.rows(ordered["user_id"]),
            items.vocabulary.rows(ordered["item_id"]),
            ordered["time_ms"].fill_null(0).to_numpy(),
            ordered["signal"].to_numpy().astype(np.float32),
            ordered["value"].fill_null(float("nan")).to_numpy().astype(np.float32),
            ordered["type"],
        )
        said = _said(told.filter(pl.col("text").is_not_null()), items.vocabulary, users.vocabulary)
        return cls(events, items, users, tables.relations, signals, said)

    @property
    def n_items(self) -> int:
        return len(self.items)

    @property
    def n_users(self) -> int:
        return len(self.users)

    def with_events(self, which: BoolArray | IntArray) -> Dataset:
        """The same people and items with a part of the events, and what was said until then."""
        events, said = self.events[which], self.said
        if not said.is_empty():
            last_ms = np.full(self.n_users, -1, np.int64)
            np.maximum.at(last_ms, events.user_rows, events.times_ms)
            said = said.filter(said["time_ms"].to_numpy() <= last_ms[said["user_row"].to_numpy()])
        return replace(self, events=events, said=said)

    def liked(self) -> Dataset:
        """Only the events that say that somebody wants something (signal above 0)."""
        return self.with_events(self.events.signals > 0)

    def matrix(self) -> Sparse:
        """Preferences, sparse (U, N) float32, each pair once with its strongest event."""
        return self._matrix.copy()

    @cached_property
    def _matrix(self) -> Sparse:
        events = self.events
        return preference_matrix(events.user_rows, events.item_rows, events.signals, (self.n_users, self.n_items))

    def ratings(self) -> Sparse:
        """The latest rating of each pair that has one, sparse (U, N) float32; a rating of 0 is stored too."""
        events = self.events
        latest = latest_ratings(events.user_rows, events.item_rows, events.ratings)
        kept = np.isfinite(latest)
        cells = (latest[kept], (events.user_rows[kept], events.item_rows[kept]))
        found = sp.csr_array(cells, shape=(self.n_users, self.n_items), dtype=np.float32)
        found.sort_indices()
        return found

    @cached_property
    def _by_user(self) -> tuple[IntArray, IntArray]:
        """Positions of the events grouped by user in time order, and where each user's group starts, (U + 1,)."""
        order = np.argsort(self.events.user_rows, kind="stable")
        counts = np.bincount(self.events.user_rows, minlength=self.n_users)
        return order, np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)

    def histories(self, user_rows: IntArray | None = None) -> Queries:
        """Everything each of `user_rows` (default: everybody) did, as a batch of queries in that order."""
        order, starts = self._by_user
        if user_rows is None:
            chosen, offsets = order, starts
        else:
            lengths = starts[user_rows + 1] - starts[user_rows]
            offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
            within = np.arange(offsets[-1]) - np.repeat(offsets[:-1], lengths)
            chosen = order[np.repeat(starts[user_rows], lengths) + within]
        events = self.events
        return Queries(
            offsets,
            events.item_rows[chosen],
            events.times_ms[chosen],
            events.signals[chosen],
            events.ratings[chosen],
        ).having_said(self.words if user_rows is None else self.words.of_owners(user_rows))

    @cached_property
    def words(self) -> Words:
        """What people said, by their rows."""
        said = self.said
        about = (said["user_row"].to_numpy(), said["item_row"].to_numpy(), said["time_ms"].to_numpy())
        return Words.of(*about, said["signal"].to_numpy(), said["text"].to_list())

    def history(self, user_id: str) -> Past:
        """Everything one person did, oldest first; empty for somebody unknown."""
        row = self.users.vocabulary.row(user_id)
        if row < 0:
            return Past(())
        order, starts = self._by_user
        own = self.events[order[starts[row] : starts[row + 1]]]
        values = (None if np.isnan(value) else float(value) for value in own.values)
        times_ms = (time or None for time in own.times_ms.tolist())
        done = zip(self.items.vocabulary.ids(own.item_rows), own.types, values, times_ms, strict=True)
        return Past(done, said=tuple(self._sayings(row)))

    def _sayings(self, user_row: int) -> Iterator[HistoryEvent]:
        for _, item_row, type_, value, time_ms, _, text in self.said.filter(pl.col("user_row") == user_row).iter_rows():
            item_id = NO_ITEM if item_row == NOTHING else self.items.vocabulary.ids([item_row])[0]
            yield HistoryEvent.model_construct(
                item_id=item_id, type=type_, value=value, timestamp=time_ms or None, text=text
            )


def _said(events: pl.DataFrame, items: Vocabulary, users: Vocabulary) -> pl.DataFrame:
    """Events with a text, in order of time, as `Dataset.said`."""
    return events.select(
        pl.Series("user_row", users.rows(events["user_id"]), pl.Int32),
        pl.Series("item_row", items.rows(events["item_id"]), pl.Int32),
        "type",
        "value",
        pl.col("time_ms").fill_null(0),
        pl.col("signal").cast(pl.Float32),
        "text",
    ).sort("user_row", maintain_order=True)


def _entities(frame: pl.DataFrame, id_column: str, events: pl.DataFrame) -> Entities:
    known = frame.unique(id_column, keep="last", maintain_order=True)
    seen = events.select(id_column).unique(maintain_order=True)
    extra = seen.join(known.select(id_column), on=id_column, how="anti", maintain_order="left")
    attributes = pl.concat([known, extra], how="diagonal")
    return Entities(Vocabulary(attributes[id_column]), attributes)
