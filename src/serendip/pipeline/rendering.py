"""Rendering: scores become recommendations, each with the causes that add up to its score."""

from __future__ import annotations

import numpy as np

from serendip.data import Query, Recommendation
from serendip.data.arrays import FloatArray
from serendip.explanation import NAMED, Share, reasons_of
from serendip.models import Attributes
from serendip.pipeline.blending import Part
from serendip.pipeline.catalogue import Catalogue
from serendip.pipeline.course import Course
from serendip.pipeline.history import History


def render(course: Course) -> tuple[Recommendation, ...]:
    """The items of `course.rows` (K,), in that order."""
    rows, blended, catalogue, query = course.rows, course.blend, course.catalogue, course.query
    if blended is None or not len(rows):
        return ()
    weighted = blended.weighted(rows)  # (S, K)
    shares: list[list[Share]] = [[] for _ in rows]
    by_event = np.zeros((len(course.asked.item_rows), len(rows)))
    for part, factor, scores in zip(blended.parts, blended.factors, weighted, strict=True):
        found = _contributions(part, float(factor), course)
        if found is not None:
            by_event += factor * found
            continue
        code = _code(part)
        for of_item, score in zip(shares, scores.tolist(), strict=True):
            of_item.append(Share(code, score))
    rest = _add_history(shares, by_event, catalogue, course.history, query) if len(by_event) else np.zeros(len(rows))
    totals, strongest = weighted.sum(axis=0).tolist(), weighted.argmax(axis=0).tolist()
    ids = catalogue.vocabulary.ids(rows)
    return tuple(
        Recommendation(
            item_id=ids[place],
            rank=place + 1,
            score=totals[place],
            source=blended.parts[strongest[place]].name,
            reasons=reasons_of(shares[place], query.language, query.text or "", float(rest[place])),
            attributes=catalogue.records[row],
        )
        for place, row in enumerate(rows)
    )


def _contributions(part: Part, factor: float, course: Course) -> FloatArray | None:
    """What each event of the history adds to each listed item by this part, (E, K); None: it does not say."""
    model = _attributing(part)
    if model is None or not len(course.asked.item_rows):
        return None
    if not factor:
        return np.zeros((len(course.asked.item_rows), len(course.rows)))
    rows = course.rows[None, :]
    found: FloatArray | None = course.guard(part.name, lambda: model.contributions(course.asked, rows), course.degraded)
    return found


def _add_history(
    shares: list[list[Share]], by_event: FloatArray, catalogue: Catalogue, history: History, query: Query
) -> FloatArray:
    """Add the strongest few items of the history to each listed item's shares; returns what the rest adds, (K,)."""
    events, by_item = history.by_item(by_event)  # (J,), (J, K)
    strongest = np.argsort(-by_item, axis=0, kind="stable")[:NAMED]  # (<= NAMED, K)
    for of_item, chosen, contributions in zip(shares, strongest.T, by_item.T, strict=True):
        for place in chosen:
            event = events[place]
            title = catalogue.title(catalogue.vocabulary.row(event.item_id), query.language)
            of_item.append(Share(event.type, float(contributions[place]), event.item_id, title))
    rest: FloatArray = by_item.sum(axis=0) - np.take_along_axis(by_item, strongest, axis=0).sum(axis=0)
    return rest


def _attributing(part: Part) -> Attributes | None:
    model: object = part.model
    return model if isinstance(model, Attributes) else None


def _code(part: Part) -> str:
    """The reason that stands for a whole part."""
    if part.model is None:
        return part.name
    return "model" if part.model.personalised else "popular"
