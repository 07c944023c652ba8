"""Opinions: what one source says of the items for one history, and the cheapest way to ask each kind of model.

A model that scores all alike is asked once; one that is an item map is followed from the history; one of vectors, over
a large catalogue, is searched by its index; every other scores the whole catalogue. All four say the same thing, save
that an index may miss a few of the best. Where scores are logits, what is said are the chances that they stand for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from serendip.data import Queries
from serendip.data.arrays import BoolArray, FloatArray, IntArray, Sparse
from serendip.data.vocabulary import UNKNOWN
from serendip.models import Embeds, Maps, Model
from serendip.retrieval import Index, Reached, top_k


class Opinion(Protocol):
    """What a source says of the items, for one query."""

    def best(self, allowed: BoolArray, k: int) -> tuple[IntArray, FloatArray]:
        """Rows and scores of its `k` best items that are `allowed` (N,) and score above 0, best first."""
        ...

    def of(self, rows: IntArray) -> FloatArray:
        """Its scores of `rows` (C,), float32."""
        ...


class Speaker(Protocol):
    """A fitted model, asked in the way that suits it."""

    def opinions(self, queries: Queries) -> Iterator[Opinion]:
        """One for each query."""
        ...


def speaker(model: Model, index: Index | None = None) -> Speaker:
    """The cheapest way to ask `model`; with an `index` over its vectors, by that."""
    if not model.personalised:
        return Alike(model)
    known: object = model
    if isinstance(known, Maps):
        return Following(*known.item_map())
    if index is not None and isinstance(known, Embeds):
        return Searching(known, index)
    return Scoring(model)


@dataclass(frozen=True)
class Dense:
    """A score for every item."""

    scores: FloatArray  # (N,)

    def best(self, allowed: BoolArray, k: int) -> tuple[IntArray, FloatArray]:
        eligible = np.where(allowed & (self.scores > 0), self.scores, np.float32(-np.inf))
        rows, scores = top_k(eligible[None, :], k)
        found = rows[0] != UNKNOWN
        return rows[0][found], scores[0][found]

    def of(self, rows: IntArray) -> FloatArray:
        return self.scores[rows]


class Scoring:
    """Asks for all scores."""

    def __init__(self, model: Model) -> None:
        self._model = model

    def opinions(self, queries: Queries) -> Iterator[Opinion]:
        return map(Dense, self._model.score(queries))


class Chances:
    """Asks for all scores, which are logits, and says the chances that they stand for."""

    def __init__(self, model: Model, power: float) -> None:
        self._model, self._power = model, power

    def opinions(self, queries: Queries) -> Iterator[Opinion]:
        return (Dense(chances(scores, self._power)) for scores in self._model.score(queries))


def chances(logits: FloatArray, power: float) -> FloatArray:
    """exp(power (logit - largest)), (N,); 0 where a logit is 0, which is one that is not known."""
    known = logits != 0
    above = np.float32(power) * (logits - logits.max(where=known, initial=-np.inf))
    found: FloatArray = np.exp(above, where=known, out=np.zeros_like(logits))
    return found


class Alike:
    """The same scores whoever asks: sorted once."""

    def __init__(self, model: Model) -> None:
        nobody = Queries.of_histories([(np.empty(0, np.int32), np.empty(0, np.int64), np.empty(0, np.float32))])
        self._scores = model.score(nobody)[0]
        everything = np.ones(len(self._scores), bool)
        self._order, self._sorted = Dense(self._scores).best(everything, len(self._scores))

    def opinions(self, queries: Queries) -> Iterator[Opinion]:
        return iter([self] * len(queries))

    def best(self, allowed: BoolArray, k: int) -> tuple[IntArray, FloatArray]:
        looked = 4 * k  # most of the best may be listed, as a rule
        while True:
            places = np.flatnonzero(allowed[self._order[:looked]])[:k]
            if len(places) == k or looked >= len(self._order):
                return self._order[places], self._sorted[places]
            looked *= 4

    def of(self, rows: IntArray) -> FloatArray:
        return np.asarray(self._scores[rows])


@dataclass(frozen=True)
class _Followed:
    reached: Reached

    def best(self, allowed: BoolArray, k: int) -> tuple[IntArray, FloatArray]:
        return self.reached.best(k, allowed)

    def of(self, rows: IntArray) -> FloatArray:
        return self.reached.scores(rows)


class Following:
    """Follows an item map (N, N) from the items of the history."""

    def __init__(self, item_map: Sparse, memory: float | None) -> None:
        self._map, self._memory = item_map, memory

    def opinions(self, queries: Queries) -> Iterator[Opinion]:
        recent = queries.recent(self._memory)
        for start, stop in zip(queries.offsets[:-1], queries.offsets[1:], strict=True):
            yield _Followed(Reached.of(self._map, queries.item_rows[start:stop], recent[start:stop]))


@dataclass(frozen=True)
class _Searched:
    vector: FloatArray  # (D,)
    items: FloatArray  # (N, D)
    index: Index

    def best(self, allowed: BoolArray, k: int) -> tuple[IntArray, FloatArray]:
        (rows,), _ = self.index.search(self.vector[None], k, allowed, above=0)
        rows = rows[rows != UNKNOWN]
        scores = self.of(rows)  # by the vectors themselves, of which an index may know short codes only
        rows, scores = rows[scores > 0], scores[scores > 0]
        order = np.argsort(-scores, kind="stable")
        return rows[order], scores[order]

    def of(self, rows: IntArray) -> FloatArray:
        return np.asarray(self.items[rows] @ self.vector)


class Searching:
    """Looks the nearest items up in an index; those that came after it was built are added to it."""

    def __init__(self, model: Embeds, index: Index) -> None:
        self._model, self._items = model, model.item_vectors()
        self._index = index.add(self._items[len(index) :]) if len(index) < len(self._items) else index

    def opinions(self, queries: Queries) -> Iterator[Opinion]:
        for vector in self._model.query_vectors(queries):
            yield _Searched(vector, self._items, self._index)
