"""Queries: a batch of people asking now, in columns; what models compute on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from serendip.data.arrays import BoolArray, FloatArray, IntArray, Sparse
from serendip.data.signals import effective, latest_ratings, weight_matrix
from serendip.data.words import NOTHING, Words


@dataclass(frozen=True, eq=False)
class Queries:
    """Histories as values and offsets; the history of query b is the slice `offsets[b]:offsets[b + 1]`.

    Within a history, events are in time order. Items that the vocabulary does not know are left out before.
    """

    offsets: IntArray  # (B + 1,) int64
    item_rows: IntArray  # (E,) int32
    times_ms: IntArray  # (E,) int64
    signals: FloatArray  # (E,) float32: what each event says, see data.signals
    values: FloatArray | None = None  # (E,) float32: the rating of each event, NaN where absent; None: none has one
    asked_ms: IntArray | None = None  # (B,) int64: when each asks; None: not known
    words: tuple[str, ...] | None = None  # (B,): what each asks for in words, empty: nothing; None: nobody does
    said: Words | None = None  # what each said before, by query; None: nobody did

    @classmethod
    def of_histories(
        cls,
        histories: Sequence[tuple[IntArray, IntArray, FloatArray]],
        values: Sequence[FloatArray] | None = None,
    ) -> Queries:
        """From one (item rows, times in ms, signals) triple per query, and perhaps the ratings of each."""
        lengths = [len(items) for items, _, _ in histories]

        def joined(parts: Iterable[ArrayLike], dtype: type) -> np.ndarray:
            return np.concatenate([np.empty(0, dtype), *map(np.asarray, parts)]).astype(dtype)

        return cls(
            np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
            joined((items for items, _, _ in histories), np.int32),
            joined((times for _, times, _ in histories), np.int64),
            joined((signals for _, _, signals in histories), np.float32),
            None if values is None else joined(values, np.float32),
        )

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def at(self, asked_ms: IntArray | None) -> Queries:
        """The same histories, asked at `asked_ms` (B,); what was found out about them stays known."""
        other = copy(self)
        object.__setattr__(other, "asked_ms", asked_ms)
        return other

    def saying(self, words: tuple[str, ...]) -> Queries:
        """The same histories, asking for `words` (B,) as well."""
        other = self.at(self.asked_ms)
        object.__setattr__(other, "words", words)
        return other

    def having_said(self, said: Words | None) -> Queries:
        """The same histories of people who said this before."""
        other = self.at(self.asked_ms)
        object.__setattr__(other, "said", said if said is not None and len(said) else None)
        return other

    def of_items(self, n_items: int) -> Queries:
        """Without what happened at items from row `n_items` on."""
        kept = self.item_rows < n_items
        return self if kept.all() else self._with(kept, self.item_rows, self.said)  # words of an item remain words

    def renumbered(self, rows: IntArray) -> Queries:
        """The same by the rows of another vocabulary: `rows` (N,) are its rows of our items, -1 where it has none."""
        found = rows[self.item_rows].astype(np.int32)
        about = np.append(rows, NOTHING)  # what is about no item stays so
        said = None if self.said is None else self.said.owned(None, about[self.said.item_rows])
        return self._with(found >= 0, found, said)

    def _with(self, kept: BoolArray, item_rows: IntArray, said: Words | None) -> Queries:
        """Some of the events (E,), with these `item_rows` (E,)."""
        return Queries(
            np.concatenate([[0], np.cumsum(kept)])[self.offsets],
            item_rows[kept],
            self.times_ms[kept],
            self.signals[kept],
            None if self.values is None else self.values[kept],
            self.asked_ms,
            self.words,
            said,
        )

    def differs(self, other: Queries) -> BoolArray:
        """Whose history in `other`, of the same people, is another one, (B,).

        Raises:
            ValueError: the batches differ in length.
        """
        if len(self) != len(other):
            raise ValueError(f"{len(self)} histories cannot be compared with {len(other)}")
        found: BoolArray = np.diff(self.offsets) != np.diff(other.offsets)  # (B,)
        own, theirs = ~found[self.query_rows], ~found[other.query_rows]
        unequal = np.zeros(np.count_nonzero(own), np.bool_)
        for name in ("item_rows", "times_ms", "signals"):
            unequal |= getattr(self, name)[own] != getattr(other, name)[theirs]
        found[self.query_rows[own][unequal]] = True
        return found

    def of_queries(self, chosen: IntArray) -> Queries:
        """The histories of `chosen` rows of the batch, in that order."""
        lengths = np.diff(self.offsets)[chosen]
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        events = np.arange(offsets[-1]) + np.repeat(self.offsets[chosen] - offsets[:-1], lengths)
        return Queries(
            offsets,
            self.item_rows[events],
            self.times_ms[events],
            self.signals[events],
            None if self.values is None else self.values[events],
            None if self.asked_ms is None else self.asked_ms[chosen],
            said=None if self.said is None else self.said.of_owners(chosen),
        )

    @cached_property
    def query_rows(self) -> IntArray:
        """Which query each event belongs to, (E,) int32."""
        return np.repeat(np.arange(len(self), dtype=np.int32), np.diff(self.offsets))

    @cached_property
    def weights(self) -> FloatArray:
        """What each event contributes once repeats are collapsed, (E,) float32; their sum per pair is `matrix`."""
        return effective(self.query_rows, self.item_rows, self.signals)

    def recent(self, memory: float | None) -> FloatArray:
        """`weights` that fade, w_e exp(-d_e / memory), (E,) float32, where d_e events that count came after event e.

        None: nothing fades.
        """
        if memory is None:
            return self.weights
        counts = self.weights > 0
        so_far = np.cumsum(counts)
        total = np.concatenate([[0], so_far])[self.offsets[1:]]  # (B,)
        after = total[self.query_rows] - so_far
        return (self.weights * np.exp(-after / memory)).astype(np.float32)

    def spoken(self, memory: float | None) -> tuple[Words, FloatArray]:
        """The words that count, and how much each does, (W,): as an event of its signal, fading as in `recent`.

        Words about an item of the history count as long as the item does.
        """
        if self.said is None:
            return Words.nothing(), np.empty(0, np.float32)
        counts, met = self.weights > 0, _keys(np.stack([self.query_rows, self.item_rows]))
        about = _keys(np.stack([self.said.owners, np.maximum(self.said.item_rows, 0)]))
        unwanted = (self.said.item_rows >= 0) & np.isin(about, met) & ~np.isin(about, met[counts])
        said = self.said[self.said.counted() & ~unwanted]
        if memory is None:
            return said, said.signals
        so_far = np.concatenate([[0], np.cumsum(counts)])
        after = so_far[self.offsets[said.owners + 1]] - so_far[self._places_after(said)]
        return said, (said.signals * np.exp(-after / memory)).astype(np.float32)

    def _places_after(self, said: Words) -> IntArray:
        """Where in the events the first stands that came after each of the words, (W,)."""
        found = np.empty(len(said), np.int64)
        for place, (owner, time_ms) in enumerate(zip(said.owners.tolist(), said.times_ms.tolist(), strict=True)):
            start, end = self.offsets[owner], self.offsets[owner + 1]
            found[place] = start + np.searchsorted(self.times_ms[start:end], time_ms, "right")
        return found

    def ratings(self, liked: float) -> FloatArray:
        """The rating of each event that counts once pairs are collapsed, (E,) float32, NaN for the others.

        The latest rating of a pair counts; where there is none, a preference counts as a rating of `liked`.
        """
        rated = np.full(len(self.item_rows), np.nan, np.float32) if self.values is None else self.values
        found = latest_ratings(self.query_rows, self.item_rows, rated)
        pairs = np.stack([self.query_rows, self.item_rows])
        known = np.isin(_keys(pairs), _keys(pairs[:, np.isfinite(found)]))
        return np.where((self.weights > 0) & ~known, np.float32(liked), found)

    def matrix(self, n_items: int, memory: float | None = None) -> Sparse:
        """The collapsed preferences, sparse (B, N) float32: the same rule as `Dataset.matrix`.

        With a `memory` they fade as in `recent`.
        """
        return weight_matrix(self.query_rows, self.item_rows, self.recent(memory), (len(self), n_items))

    def __getitem__(self, queries: slice) -> Queries:
        """A contiguous part of the batch."""
        start, stop, step = queries.indices(len(self))
        if step != 1:
            raise ValueError("queries are sliced without a step")
        stop = max(start, stop)
        events = slice(self.offsets[start], self.offsets[stop])
        return Queries(
            self.offsets[start : stop + 1] - self.offsets[start],
            self.item_rows[events],
            self.times_ms[events],
            self.signals[events],
            None if self.values is None else self.values[events],
            None if self.asked_ms is None else self.asked_ms[start:stop],
            None if self.words is None else self.words[start:stop],
            None if self.said is None else self.said.of_owners(np.arange(start, stop)),
        )


def _keys(pairs: IntArray) -> IntArray:
    """One number per column of (2, E), (E,) int64."""
    return np.asarray(pairs[0].astype(np.int64) << 32 | pairs[1])
