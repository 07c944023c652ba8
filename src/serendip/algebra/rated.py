"""Rated: what ratings say, those learned from and those of a history."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from serendip.data import Dataset, Queries
from serendip.data.arrays import BoolArray, FloatArray, IntArray


@dataclass(frozen=True)
class Scale:
    """The ratings learned from, in numbers; all 0 where there are none."""

    mean: float
    low: float
    high: float
    liked: float
    """What a like without a rating counts as: the mean of the ratings that say as much."""

    @classmethod
    def of(cls, dataset: Dataset) -> Self:
        given = dataset.ratings().data.astype(np.float64)
        if not len(given):
            return cls(0.0, 0.0, 0.0, 0.0)
        events = dataset.events
        liked = events.ratings[(events.signals > 0) & np.isfinite(events.ratings)].astype(np.float64)
        return cls(*map(float, (given.mean(), given.min(), given.max(), liked.mean() if len(liked) else given.max())))

    @classmethod
    def restored(cls, numbers: FloatArray) -> Self:
        return cls(*numbers.tolist())

    def numbers(self) -> FloatArray:
        """To be saved, (4,) float64."""
        return np.array([self.mean, self.low, self.high, self.liked])


@dataclass(frozen=True, eq=False)
class Rated:
    """The ratings of some histories, history after history."""

    offsets: IntArray  # (B + 1,)
    items: IntArray  # (E,) int32
    ratings: FloatArray  # (E,) float32

    @classmethod
    def of(cls, queries: Queries, known: BoolArray, scale: Scale) -> Self:
        """Those that count of items that are `known` (N,): the latest of each pair, or a like in its place."""
        found = queries.ratings(scale.liked)
        kept = np.flatnonzero(np.isfinite(found) & known[queries.item_rows])
        lengths = np.bincount(queries.query_rows[kept], minlength=len(queries))
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        return cls(offsets, queries.item_rows[kept], found[kept])
