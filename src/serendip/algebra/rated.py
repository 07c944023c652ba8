"""Rated: what ratings say, those learned from and those of a history, and items that foretell them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from serendip.algebra.fold_in import folded
from serendip.data import Dataset, Queries
from serendip.data.arrays import BoolArray, FloatArray, IntArray, Sparse


@dataclass(frozen=True)
class Scale:
    """The ratings learned from, in numbers; all 0 where there are none."""

    mean: float = 0.0
    low: float = 0.0
    high: float = 0.0
    liked: float = 0.0
    """What a like without a rating counts as: the mean of the ratings that say as much."""

    @classmethod
    def of(cls, dataset: Dataset, ratings: Sparse) -> Self:
        """Of the `ratings` of a dataset, which are not gathered again for it."""
        given = ratings.data.astype(np.float64)
        if not len(given):
            return cls()
        events = dataset.events
        liked = events.ratings[(events.signals > 0) & np.isfinite(events.ratings)].astype(np.float64)
        return cls(*map(float, (given.mean(), given.min(), given.max(), liked.mean() if len(liked) else given.max())))


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

    @property
    def lengths(self) -> IntArray:
        """Of the histories, (B,)."""
        return np.diff(self.offsets)


@dataclass(frozen=True, eq=False)
class RatedItems:
    """All that is kept where a rating is mean + b_u + b_i + p_u · q_i and people are folded in."""

    factors: FloatArray  # 1 and q_i, the 1 standing beside b_u, (N, 1 + D); all 0 for an item that nobody has rated
    bias: FloatArray  # b_i, (N,)
    scale: Scale

    @classmethod
    def of(cls, ratings: Sparse, factors: FloatArray, bias: FloatArray, scale: Scale) -> Self:
        """From q (N, D) and b_i, learned from `ratings`; of other items nothing is kept."""
        known = (np.bincount(ratings.indices, minlength=ratings.shape[1]) > 0).astype(np.float32)
        return cls(with_ones(factors * known[:, None], known), (bias * known).astype(np.float32), scale)

    @classmethod
    def restored(cls, arrays: dict[str, FloatArray]) -> Self:
        return cls(arrays["factors"], arrays["bias"], Scale(*arrays["scale"].tolist()))

    def arrays(self) -> dict[str, FloatArray]:
        """To be saved."""
        scale = self.scale
        numbers = np.array([scale.mean, scale.low, scale.high, scale.liked])
        return {"factors": self.factors, "bias": self.bias, "scale": numbers}

    def rated(self, queries: Queries) -> Rated:
        """What histories say of items that somebody has rated."""
        return Rated.of(queries, self.factors[:, 0] > 0, self.scale)

    def people(self, rated: Rated, pull: tuple[FloatArray, FloatArray], prior: FloatArray | None = None) -> FloatArray:
        """b_u and p_u, (B, 1 + D), from as much as their items leave over: see `algebra.fold_in`."""
        targets = rated.ratings - np.float32(self.scale.mean) - self.bias[rated.items]
        return folded(rated.offsets, rated.items, targets, self.factors, pull, prior)

    def above(self, people: FloatArray, rows: IntArray | None = None) -> FloatArray:
        """How far ratings lie above the mean, (B, N), or (B, C) of the candidates `rows`."""
        if rows is None:
            return np.asarray(people @ self.factors.T + self.bias)
        return np.asarray((self.factors[rows] @ people[:, :, None])[:, :, 0] + self.bias[rows])

    def foretold(self, people: FloatArray, rows: IntArray) -> FloatArray:
        """The ratings of `rows` (B, C), within the range of those given, (B, C) float32."""
        scale = self.scale
        rated = np.clip(self.above(people, rows) + np.float32(scale.mean), scale.low, scale.high)
        return np.asarray(rated, np.float32)


def pull(l2: float, bias_l2: float, width: int, path: float | None = None) -> tuple[FloatArray, FloatArray]:
    """Of b_u and p_u, (1 + D,) each: for each rating, and once.

    The second is 1 / `path`, the sum of the learning rates of a descent that stopped early: so much longer a person
    would have had to walk, and as much does a regression without it overshoot. None: there was no descent.
    """
    each = np.full(1 + width, l2)
    each[0] = bias_l2
    return each, np.full(1 + width, 0.0 if path is None else 1 / path)


def with_ones(factors: FloatArray, ones: FloatArray | None = None) -> FloatArray:
    """The factors after a column of ones, or of what stands in their place, float32."""
    first = np.ones(len(factors), np.float32) if ones is None else ones
    return np.ascontiguousarray(np.column_stack([first, factors]), np.float32)
