"""Walk: one model along a stream in four ways, and how often it had foretold what came next.

- `stale`: fitted at the start, and asked with the histories of then;
- `live`: the same model, asked with the histories of now;
- `update`: it also learns the new events (`models.Learns`), every few of them;
- `refit`: it is also fitted anew, every so many.

Whoever has no preference yet, as far as the way knows, is listed what is popular, which learns as the model does.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import scipy.sparse as sp

from benchmarks.prequential.streams import Stream
from serendip import models
from serendip.data import Queries
from serendip.data.arrays import FloatArray, IntArray, Sparse
from serendip.evaluation.rankers import ModelRanker
from serendip.evaluation.specification import parse
from serendip.models import Model
from serendip.training import FitOptions

WAYS = ("stale", "live", "update", "refit")
DEPTH = 10
AT_ONCE = 500  # events foretold together, while the model stays as it is
FLOOR = "popular"


@dataclass(frozen=True)
class Pace:
    """How often models learn, in events."""

    update: int = 250
    refit: int = 1_000


@dataclass
class Walked:
    """What one way found out."""

    places: IntArray  # (Q,) where in the list the right item stood, from 1; 0: not in it
    seconds: list[float] = field(default_factory=list)
    """Of each update or refit."""

    @property
    def hits(self) -> FloatArray:
        """1 where the right item was listed, (Q,)."""
        return (self.places > 0).astype(np.float64)

    @property
    def gains(self) -> FloatArray:
        """NDCG of each list with one right item, (Q,)."""
        return np.where(self.places > 0, 1 / np.log2(np.maximum(self.places, 1) + 1), 0.0)


def ways_of(name: str) -> tuple[str, ...]:
    """The ways that a model can go."""
    return WAYS if isinstance(made(name), models.Learns) else tuple(way for way in WAYS if way != "update")


def made(name: str) -> Model:
    return models.make(*parse(name))


def walk(stream: Stream, name: str, way: str, pace: Pace, options: FitOptions) -> Walked:
    """Foretell every event of `stream` that is to be foretold, in order."""
    step = {"update": pace.update, "refit": pace.refit}.get(way, len(stream.dataset.events))
    pair = [made(name), made(FLOOR)]
    for model in pair:
        model.fit(stream.until(stream.start), options)
    walked = Walked(np.zeros(len(stream.asked), np.int64))
    learned = stream.start
    for first, last in _stretches(stream, step):
        if first > learned:
            started_s = time.perf_counter()
            _learn(pair, stream, learned, first, way, options)
            walked.seconds.append(time.perf_counter() - started_s)
            learned = first
        within = np.flatnonzero((stream.asked >= first) & (stream.asked < last))
        for start in range(0, len(within), AT_ONCE):
            some = within[start : start + AT_ONCE]
            walked.places[some] = _places(pair, stream, stream.asked[some], way == "stale")
    return walked


def _stretches(stream: Stream, step: int) -> Iterator[tuple[int, int]]:
    total = len(stream.dataset.events)
    return ((first, min(first + step, total)) for first in range(stream.start, total, step))


def _learn(pair: list[Model], stream: Stream, known: int, now: int, way: str, options: FitOptions) -> None:
    before, after = stream.until(known), stream.until(now)
    for model in pair:
        if way == "refit":
            model.fit(after, options)
        else:
            assert isinstance(model, models.Learns)
            model.learn(before.histories(), after.histories())


def _places(pair: list[Model], stream: Stream, positions: IntArray, frozen: bool) -> IntArray:
    """Where the items of the events at `positions` stand in the lists for their people, (Q,)."""
    n_items = stream.dataset.n_items
    asked = stream.histories(positions, frozen)
    # What somebody met is not listed again in any way: a stale list differs by its taste alone.
    seen = _seen(stream.histories(positions), n_items)
    lists = ModelRanker(pair[0]).rank(asked, DEPTH, seen)
    strangers = np.flatnonzero(np.diff(asked.matrix(n_items).indptr) == 0)
    if len(strangers):
        lists[strangers] = ModelRanker(pair[1]).rank(asked.of_queries(strangers), DEPTH, seen[strangers])
    right = lists == stream.dataset.events.item_rows[positions][:, None]
    return np.where(right.any(axis=1), right.argmax(axis=1) + 1, 0)


def _seen(histories: Queries, n_items: int) -> Sparse:
    """Every item of each history, (B, N)."""
    keys = np.unique(histories.query_rows.astype(np.int64) * n_items + histories.item_rows)
    rows, columns = np.divmod(keys, n_items)
    return sp.csr_array((np.ones(len(keys), bool), (rows, columns)), shape=(len(histories), n_items))
