"""Queries: a batch of people asking now, in columns; what models compute on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from serendip.data.arrays import FloatArray, IntArray, Sparse
from serendip.data.signals import effective, preference_matrix


@dataclass(frozen=True, eq=False)
class Queries:
    """Histories as values and offsets; the history of query b is the slice `offsets[b]:offsets[b + 1]`.

    Within a history, events are in time order. Items that the vocabulary does not know are left out before.
    """

    offsets: IntArray  # (B + 1,) int64
    item_rows: IntArray  # (E,) int32
    times_ms: IntArray  # (E,) int64
    signals: FloatArray  # (E,) float32: what each event says, see data.signals
    values: FloatArray | None = None  # (E,) float32: the rating of each event, NaN where absent; None: not handed in

    @classmethod
    def of_histories(cls, histories: Sequence[tuple[IntArray, IntArray, FloatArray]]) -> Queries:
        """From one (item rows, times in ms, signals) triple per query."""
        lengths = [len(items) for items, _, _ in histories]

        def joined(column: int, dtype: type) -> np.ndarray:
            parts = [np.asarray(history[column]) for history in histories]
            return np.concatenate([np.empty(0, dtype), *parts]).astype(dtype)

        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        return cls(offsets, joined(0, np.int32), joined(1, np.int64), joined(2, np.float32))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @cached_property
    def query_rows(self) -> IntArray:
        """Which query each event belongs to, (E,) int32."""
        return np.repeat(np.arange(len(self), dtype=np.int32), np.diff(self.offsets))

    @cached_property
    def weights(self) -> FloatArray:
        """What each event contributes once repeats are collapsed, (E,) float32; their sum per pair is `matrix`."""
        return effective(self.query_rows, self.item_rows, self.signals)

    def matrix(self, n_items: int) -> Sparse:
        """The collapsed preferences, sparse (B, N) float32: the same rule as `Dataset.matrix`."""
        return preference_matrix(self.query_rows, self.item_rows, self.signals, (len(self), n_items))

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
        )
