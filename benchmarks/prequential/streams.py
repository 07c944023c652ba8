"""Streams: a log in the order of time, where it is cut, and which of its later events are to be foretold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from benchmarks.cases import data_root
from serendip.data import Dataset, Queries
from serendip.data.arrays import BoolArray, IntArray
from serendip.data.readers import read
from serendip.errors import InputError
from serendip.world import generate

START = 0.7
"""The share of the events that everybody has learned before the first is foretold."""


@dataclass(frozen=True, eq=False)
class Stream:
    """All events of a log; those before `start` are known to everybody."""

    name: str
    dataset: Dataset
    start: int

    @classmethod
    def of(cls, name: str, dataset: Dataset, share: float = START) -> Stream:
        return cls(name, dataset, round(share * len(dataset.events)))

    @cached_property
    def met_before(self) -> IntArray:
        """How many events of the same person came before each event, (E,)."""
        rows = self.dataset.events.user_rows
        order = np.argsort(rows, kind="stable")
        counts = np.bincount(rows, minlength=self.dataset.n_users)
        found = np.empty(len(rows), np.int64)
        found[order] = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
        return found

    @cached_property
    def asked(self) -> IntArray:
        """Positions of the events to be foretold, (Q,): somebody wants an item that they had no event with before."""
        events = self.dataset.events
        keys = events.user_rows.astype(np.int64) * self.dataset.n_items + events.item_rows
        first = np.zeros(len(keys), np.bool_)
        first[np.unique(keys, return_index=True)[1]] = True
        return np.flatnonzero(first & (events.signals > 0) & (np.arange(len(keys)) >= self.start))

    @cached_property
    def known_people(self) -> BoolArray:
        """Who wanted something before the start, (U,)."""
        events = self.dataset.events
        wanted = events.user_rows[: self.start][events.signals[: self.start] > 0]
        return np.bincount(wanted, minlength=self.dataset.n_users) > 0

    def until(self, position: int) -> Dataset:
        """Everything up to the event at `position`, which is not in it."""
        return self.dataset.with_events(np.arange(position))

    def histories(self, positions: IntArray, frozen: bool = False) -> Queries:
        """What the person of each of the events at `positions` did before it; `frozen`: before the start."""
        events = self.dataset.events
        users = events.user_rows[positions]
        lengths = self.met_before[positions]
        if frozen:
            at_start = np.bincount(events.user_rows[: self.start], minlength=self.dataset.n_users)
            lengths = np.minimum(lengths, at_start[users])
        everything = self._everything
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        chosen = np.arange(offsets[-1]) + np.repeat(everything.offsets[users] - offsets[:-1], lengths)
        return Queries(
            offsets,
            everything.item_rows[chosen],
            everything.times_ms[chosen],
            everything.signals[chosen],
            None if everything.values is None else everything.values[chosen],
            events.times_ms[positions],
        )

    @cached_property
    def _everything(self) -> Queries:
        return self.dataset.histories()


def _movielens() -> Dataset:
    return Dataset.from_tables(read("movielens", data_root() / "ml-100k").tables)


def _demo() -> Dataset:
    return Dataset.from_tables(generate(0).tables())


STREAMS: dict[str, Callable[[], Dataset]] = {"ml-100k": _movielens, "demo": _demo}


def stream(name: str) -> Stream:
    """A stream by its name.

    Raises:
        InputError: there is none of that name.
    """
    if name not in STREAMS:
        raise InputError(f"there is no stream {name!r}; there are {', '.join(STREAMS)}")
    return Stream.of(name, STREAMS[name]())
