"""Tracing: what every step of a request decided, for whoever wants to know why a list is as it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from serendip.data import Query, Recommendations
from serendip.pipeline.blending import Part
from serendip.pipeline.course import Course
from serendip.pipeline.filters import Filter
from serendip.pipeline.rendering import render
from serendip.pipeline.rules import NO_RULES, Rules

if TYPE_CHECKING:
    from serendip.pipeline.pipeline import Pipeline


MOST_TOLD = 1_000
"""Candidates of one source."""


@dataclass(frozen=True)
class Candidate:
    """An item that a source proposed before the filters."""

    item_id: str
    score: float
    """In the units of the source."""
    dropped_by: str | None
    """The first filter that does not let it through."""


@dataclass(frozen=True)
class SourceTrace:
    """What one source proposed."""

    name: str
    factor: float
    """What its scores are multiplied by in the blend: its weight over its largest score that may be listed."""
    candidates: tuple[Candidate, ...]
    """Best first, at most `MOST_TOLD`: a search proposes the whole catalogue."""


@dataclass(frozen=True)
class FilterTrace:
    """What one filter did."""

    name: str
    lets_through: int
    """Items of the whole catalogue."""
    dropped: tuple[str, ...]
    """Candidates of any source that it does not let through."""


@dataclass(frozen=True)
class Ranked:
    """A candidate in the order of the blend."""

    item_id: str
    score: float
    shares: dict[str, float]
    """What each source adds; the score is their sum."""
    listed_at: int | None
    """Its rank in the list; None: it is not in the list."""


@dataclass(frozen=True)
class Trace:
    """The way of one request."""

    events: int
    """Of the history that counted."""
    sources: tuple[SourceTrace, ...]
    filters: tuple[FilterTrace, ...]
    ranking: tuple[Ranked, ...]
    """What re-ranking chose from, best first, then what a rule pinned; an item whose place here is not its
    rank was moved."""
    pinned: tuple[str, ...]
    """What a rule of the shop put in its place."""
    item_ids: tuple[str, ...]
    """The list."""
    warnings: tuple[str, ...]
    degraded: tuple[str, ...]


def trace(pipeline: Pipeline, query: Query, rules: Rules = NO_RULES) -> Trace:
    """The way of `query` through `pipeline` as `recommend` goes it, under the rules of a shop.

    Raises:
        InputError: a filter of the query makes no sense.
    """
    return traced(pipeline, query, rules)[1]


def traced(pipeline: Pipeline, query: Query, rules: Rules = NO_RULES) -> tuple[Recommendations, Trace]:
    """The list for `query`, as `recommend` has it where nothing is left to chance, and its way.

    Raises:
        InputError: a filter of the query makes no sense.
    """
    course = pipeline.course(query, rules)
    items = render(course)
    found = Recommendations(items, tuple(course.warnings), tuple(course.degraded))
    return found, _told(pipeline, course)


def _told(pipeline: Pipeline, course: Course) -> Trace:
    filters = _each(course)
    parts = course.blend.parts if course.blend else tuple(pipeline.parts(course))
    factors = course.blend.factors.tolist() if course.blend else [0.0] * len(parts)
    sources = tuple(_source(course, filters, part, factor) for part, factor in zip(parts, factors, strict=True))
    return Trace(
        len(course.history.item_ids),
        sources,
        _filters(course, filters, sources),
        _ranking(course),
        tuple(course.catalogue.vocabulary.ids(course.pinned)),
        tuple(course.catalogue.vocabulary.ids(course.rows)),
        tuple(course.warnings),
        tuple(course.degraded),
    )


def _each(course: Course) -> list[Filter]:
    """All filters, each rule of the shop on its own."""
    return [part for one in course.filters for part in ([one] if one.parts is None else one.parts(course.catalogue))]


def _source(course: Course, filters: Sequence[Filter], part: Part, factor: float) -> SourceTrace:
    everything = np.ones(len(course.catalogue), bool)
    rows, scores = part.opinion.best(everything, min(part.candidates, MOST_TOLD))
    dropped: list[str | None] = [None] * len(rows)
    for one in reversed(filters):  # the first that objects is named
        for place in np.flatnonzero(~one.keeps(rows)):
            dropped[place] = one.name
    ids = course.catalogue.vocabulary.ids(rows)
    found = zip(ids, scores.tolist(), dropped, strict=True)
    return SourceTrace(part.name, factor, tuple(Candidate(*one) for one in found))


def _filters(course: Course, filters: Sequence[Filter], sources: Sequence[SourceTrace]) -> tuple[FilterTrace, ...]:
    proposed = list(dict.fromkeys(candidate.item_id for source in sources for candidate in source.candidates))
    rows = course.catalogue.vocabulary.rows(proposed)
    everything = np.arange(len(course.catalogue))
    return tuple(
        FilterTrace(
            one.name,
            int(one.keeps(everything).sum()),
            tuple(item_id for item_id, kept in zip(proposed, one.keeps(rows), strict=True) if not kept),
        )
        for one in filters
    )


def _ranking(course: Course) -> tuple[Ranked, ...]:
    if course.blend is None:
        return ()
    rows = np.concatenate([course.pool, course.pinned])
    weighted = course.blend.weighted(rows)  # (S, P)
    rank = {row: place for place, row in enumerate(course.rows.tolist(), 1)}
    names = [part.name for part in course.blend.parts]
    ids = course.catalogue.vocabulary.ids(rows)
    return tuple(
        Ranked(item_id, float(sum(shares)), dict(zip(names, shares, strict=True)), rank.get(row))
        for item_id, row, shares in zip(ids, rows.tolist(), weighted.T.tolist(), strict=True)
    )
