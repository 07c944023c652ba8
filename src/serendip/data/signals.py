"""Signals: how much an event of each type says that a person wants a thing.

A pair of person and item counts once, with its strongest event: repeats add nothing, so that ten views or a
thousand clicks by a script weigh as much as one (a purchase outranks any number of views).
A veto (`hide`, `dislike`) as the last word on a pair sets it to nothing. An `undo` does too, whatever the weights are,
and where a list is made the person has not even met the thing: see `standing`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import numpy as np
import polars as pl
import scipy.sparse as sp
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

from serendip.data.arrays import FloatArray, IntArray, Sparse

RATING = "rating"
UNDO = "undo"
"""Takes back all that a person did with a thing before; nothing in the log is ever changed."""
DEFAULT_WEIGHTS = {
    "view": 0.2,
    "click": 0.3,
    "listen": 0.3,
    "cart": 0.7,
    "bookmark": 0.7,
    "like": 1.0,
    "purchase": 1.0,
    "rating": 1.0,
    "search": 1.0,
    "skip": 0.0,
    "dislike": -1.0,
    "hide": -1.0,
}


Weight = Annotated[float, Field(ge=-1000, le=1000)]
"""Bounded, because models square weights and add them up in float32."""


class Signals(BaseModel):
    """Weights of event types and what a rating must reach; one declaration, kept in `settings.toml`.

    A positive weight is a preference of that strength, zero is known but no preference, a negative weight is a veto.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    weights: dict[str, Weight] = Field(default_factory=lambda: dict(DEFAULT_WEIGHTS))
    """Weight of each event type; a type that is not named here weighs 0."""

    liked_from: FiniteFloat = 4.0
    """A `rating` with at least this value is a preference; below it the item is known, not liked."""

    def of(self, types: Sequence[str], values: Sequence[float | None]) -> FloatArray:
        """The signal of each event, shape (E,), float32; for the few events of a request, faster than `expression`."""
        signals = (self._of_one(type_, value) for type_, value in zip(types, values, strict=True))
        return np.fromiter(signals, np.float32, len(types))

    def _of_one(self, type_: str, value: float | None) -> float:
        if type_ == UNDO:
            return -1.0
        if type_ == RATING and value is not None and value < self.liked_from:
            return 0.0
        return self.weights.get(type_, 0.0)

    def expression(self) -> pl.Expr:
        """The signal as a polars expression over the columns `type` and `value`."""
        weight = pl.col("type").replace_strict(
            list(self.weights), list(self.weights.values()), default=0.0, return_dtype=pl.Float64
        )
        # A rating without a value counts as a like; NaN compares as large in polars, so it is nulled first.
        value = pl.col("value").fill_nan(None).fill_null(float("inf"))
        disliked = (pl.col("type") == RATING) & (value < self.liked_from)
        taken_back = pl.when(pl.col("type") == UNDO).then(-1.0)
        return taken_back.when(disliked).then(0.0).otherwise(weight).alias("signal")


def standing(item_ids: Sequence[str], types: Sequence[str]) -> list[int]:
    """The places of the events of one person, in time order, that no later `undo` took back.

    >>> standing(["tea", "cup", "tea", "cup"], ["like", "like", "undo", "view"])
    [1, 3]
    """
    if UNDO not in types:
        return list(range(len(types)))
    undone = {item: place for place, (item, type_) in enumerate(zip(item_ids, types, strict=True)) if type_ == UNDO}
    return [place for place, item in enumerate(item_ids) if place > undone.get(item, -1)]


def effective(entities: IntArray, items: IntArray, signals: FloatArray) -> FloatArray:
    """What each event contributes once pairs are collapsed, shape (E,), float32.

    For each pair (entity, item) the strongest event keeps its signal (the latest of equals), the others get 0;
    a pair whose last event is a veto gets 0 throughout. Events must be in time order.
    """
    weights = np.zeros(len(items), dtype=np.float32)
    if not len(items):
        return weights
    pairs = entities.astype(np.int64) * (int(items.max()) + 2) + items + 1  # an item may be unknown, which is -1
    order = np.argsort(pairs, kind="stable")  # by pair, then by time
    pairs, pair_signals = pairs[order], signals[order]
    starts = np.flatnonzero(np.r_[True, pairs[1:] != pairs[:-1]])
    ends = np.r_[starts[1:], len(items)]
    group = np.repeat(np.arange(len(starts)), ends - starts)
    strongest = np.maximum.reduceat(pair_signals, starts)
    strongest[(pair_signals[ends - 1] < 0) | (strongest < 0)] = 0.0
    wins = np.flatnonzero(pair_signals == strongest[group])
    keeper = np.full(len(starts), -1)
    keeper[group[wins]] = wins  # the last write is the latest event
    kept = keeper[keeper >= 0]
    weights[order[kept]] = pair_signals[kept]
    return weights


def preference_matrix(entities: IntArray, items: IntArray, signals: FloatArray, shape: tuple[int, int]) -> Sparse:
    """The collapsed preferences as a sparse float32 matrix of the given shape, indices sorted."""
    return weight_matrix(entities, items, effective(entities, items, signals), shape)


def weight_matrix(entities: IntArray, items: IntArray, weights: FloatArray, shape: tuple[int, int]) -> Sparse:
    """What `effective` events contribute (above 0) as a sparse float32 matrix of the given shape, indices sorted."""
    kept = weights > 0
    cells = (weights[kept], (entities[kept], items[kept]))
    matrix = sp.csr_array(cells, shape=shape, dtype=np.float32)
    matrix.sort_indices()
    return matrix


def latest_ratings(entities: IntArray, items: IntArray, ratings: FloatArray) -> FloatArray:
    """The latest rating of each pair (entity, item) at its event, NaN elsewhere, (E,) float32. In time order."""
    latest = np.full(len(items), np.nan, np.float32)
    rated = np.flatnonzero(np.isfinite(ratings))
    order = rated[np.lexsort((rated, items[rated], entities[rated]))]  # by pair, then by time
    changes = (entities[order][1:] != entities[order][:-1]) | (items[order][1:] != items[order][:-1])
    last = order[np.concatenate([changes, np.ones(min(1, len(order)), np.bool_)])]
    latest[last] = ratings[last]
    return latest
