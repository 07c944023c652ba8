"""Stages: how many candidates each step of a list leaves, on average over some people."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import asdict, dataclass
from threading import Lock
from typing import Any

import numpy as np

from serendip.data import Query
from serendip.pipeline import Pipeline
from serendip.pipeline.asking import unguarded
from serendip.pipeline.course import Course
from serendip.serving.control.sampling import recent_people
from serendip.serving.shop_rules import ShopRules
from serendip.store import Store

PEOPLE = 20
AT_MOST_S = 2.0
KEPT_S = 30.0
"""What was counted holds so long."""
LENGTH = 10


@dataclass(frozen=True)
class SourceCount:
    """What one source proposes, on average."""

    name: str
    proposed: float
    dropped: float
    """Of these, what the filters do not let through."""


@dataclass(frozen=True)
class FilterCount:
    """What one filter does, on average."""

    name: str
    dropped: float
    """Candidates of any source."""
    lets_through: float
    """Items of the whole catalogue."""


@dataclass(frozen=True)
class Counts:
    """What each step leaves, on average over people."""

    people: int
    events: float
    """Of the history that counts."""
    items: int
    """On offer, before the filters."""
    sources: list[SourceCount]
    filters: list[FilterCount]
    blended: float
    """Candidates that are left to the blend."""
    considered: float
    """Of these, what re-ranking chooses from."""
    moved: float
    """Items of the list that stand elsewhere than the blend had them."""
    listed: float

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


class Stages:
    """Counts for the pipeline in service, kept for a moment."""

    def __init__(self, store: Store, rules: ShopRules) -> None:
        self._store, self._rules = store, rules
        self._lock = Lock()
        self._kept: tuple[float, str, Counts | None] = (float("-inf"), "", None)

    def counts(self, version: str, served: Pipeline) -> Counts | None:
        """Over the people who did something last; None where nobody did."""
        with self._lock:
            at_s, of, found = self._kept
            if of != version or time.monotonic() - at_s >= KEPT_S:
                found = self._counted(served)
                self._kept = time.monotonic(), version, found
        return found

    def _counted(self, served: Pipeline) -> Counts | None:
        pipeline = copy(served)  # so that nothing of this is timed, guarded or cached
        pipeline.lookup, pipeline.guard, pipeline.clock = self._store.history, unguarded, _unheard
        tallies: list[_Tally] = []
        until_s = time.monotonic() + AT_MOST_S
        for user_id in recent_people(self._store, PEOPLE):
            if tallies and time.monotonic() > until_s:
                break
            query = Query(user=user_id, n=LENGTH)
            course = pipeline.course(query, self._rules.now.on(query.surface))
            if course.blend is not None:
                tallies.append(_tally(course))
        return _averaged(tallies, len(pipeline.items)) if tallies else None


@dataclass(frozen=True)
class _Tally:
    """The numbers of one course."""

    plain: tuple[int, ...]  # events, blended, considered, moved, listed
    sources: dict[str, tuple[int, int]]
    filters: dict[str, tuple[int, int]]


def _tally(course: Course) -> _Tally:
    assert course.blend is not None
    everything = np.ones(len(course.catalogue), bool)
    proposed = {one.name: one.opinion.best(everything, one.candidates)[0] for one in course.blend.parts}
    together = np.unique(np.concatenate([np.empty(0, np.int32), *proposed.values()]))
    whole = np.arange(len(course.catalogue))
    first = course.pool[: len(course.rows)]
    moved = int(np.count_nonzero(first != course.rows[: len(first)]))
    plain = (len(course.history.item_ids), len(course.blend.rows), len(course.pool), moved, len(course.rows))
    return _Tally(
        plain,
        {name: (len(rows), int(np.count_nonzero(~course.allowed[rows]))) for name, rows in proposed.items()},
        {one.name: (int((~one.keeps(together)).sum()), int(one.keeps(whole).sum())) for one in course.filters},
    )


def _averaged(tallies: Sequence[_Tally], n_items: int) -> Counts:
    events, blended, considered, moved, listed = np.mean([one.plain for one in tallies], axis=0).tolist()
    sources = (SourceCount(name, *two) for name, two in _means([one.sources for one in tallies]))
    filters = (FilterCount(name, *two) for name, two in _means([one.filters for one in tallies]))
    return Counts(len(tallies), events, n_items, list(sources), list(filters), blended, considered, moved, listed)


def _means(tables: Sequence[dict[str, tuple[int, int]]]) -> Iterator[tuple[str, list[float]]]:
    """Over everybody; who has nothing under a name counts as nothing."""
    for name in dict.fromkeys(name for one in tables for name in one):
        yield name, np.mean([one.get(name, (0, 0)) for one in tables], axis=0).tolist()


def _unheard(step: str, seconds: float) -> None:
    pass
