"""Rendering: scores become recommendations, each with the causes that add up to its score."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from serendip.data import EXPLORATION, Reason, Recommendation
from serendip.data.arrays import FloatArray
from serendip.explanation import NAMED, Share, reasons_of, say
from serendip.models import Attributes
from serendip.pipeline.blending import Part
from serendip.pipeline.course import Course, Draws
from serendip.pipeline.rules import BOOST, BURY, PIN


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
            of_item.append(_by_rule(score) if code == BOOST else Share(code, score))
    rest = _add_history(shares, by_event, course) if len(by_event) else [0.0] * len(rows)
    totals, strongest = weighted.sum(axis=0).tolist(), weighted.argmax(axis=0).tolist()
    ids = catalogue.vocabulary.ids(rows)
    items = tuple(
        Recommendation(
            item_id=ids[place],
            rank=place + 1,
            score=totals[place],
            source=query.order if query.order == "newest" else blended.parts[strongest[place]].name,
            reasons=reasons_of(shares[place], query.language, query.text or "", rest[place]),
            attributes=catalogue.records[row],
        )
        for place, row in enumerate(rows)
    )
    if len(course.pinned):
        items = tuple(_in_place(items, set(catalogue.vocabulary.ids(course.pinned)), query.language))
    return items if course.draws is None else tuple(_by_chance(items, course.draws, query.language))


def _by_rule(score: float) -> Share:
    """What boosts add, which is always named."""
    return Share(BOOST if score > 0 else BURY, score, named=True)


def _in_place(items: Sequence[Recommendation], pinned: set[str], language: str) -> Iterator[Recommendation]:
    """The same, with those that a rule put in their places named as that."""
    why = Reason(PIN, say(PIN, language), 0.0)
    for item in items:
        yield replace(item, source=PIN, reasons=(why, *item.reasons)) if item.item_id in pinned else item


def _by_chance(items: Sequence[Recommendation], draws: Draws, language: str) -> Iterator[Recommendation]:
    """The same, with the chances of their places, and what is explored named as that."""
    new = Reason(EXPLORATION, say(EXPLORATION, language), 0.0)
    columns = (draws.chances.tolist(), draws.explorations.tolist(), draws.explored.tolist())
    for item, chance, exploration, explored in zip(items, *columns, strict=True):
        told = replace(item, propensity=chance, exploration=exploration)
        yield replace(told, source=EXPLORATION, reasons=(new, *item.reasons)) if explored else told


def _contributions(part: Part, factor: float, course: Course) -> FloatArray | None:
    """What each event of the history adds to each listed item by this part, (E, K); None: it does not say."""
    model = _attributing(part)
    if model is None or not len(course.asked.item_rows):
        return None
    if not factor:
        return np.zeros((len(course.asked.item_rows), len(course.rows)))
    rows = course.rows[None, :]
    found: FloatArray | None = course.guard(
        f"the source {part.name}", lambda: model.contributions(course.asked, rows), course.degraded
    )
    return found


def _add_history(shares: list[list[Share]], by_event: FloatArray, course: Course) -> list[float]:
    """Add the strongest few items of the history to each listed item's shares; returns what the rest adds, (K,)."""
    history, language = course.history, course.query.language
    events, added, rest = history.strongest(by_event, NAMED)
    rows = history.rows.tolist()
    for of_item, chosen, contributions in zip(shares, events.tolist(), added.tolist(), strict=True):
        for event, contribution in zip(chosen, contributions, strict=True):
            if event >= 0:
                title = course.catalogue.title(rows[event], language)
                of_item.append(Share(history.types[event], contribution, history.item_ids[event], title))
    return list(rest.tolist())


def _attributing(part: Part) -> Attributes | None:
    model: object = part.model
    return model if isinstance(model, Attributes) else None


def _code(part: Part) -> str:
    """The reason that stands for a whole part."""
    if part.model is None:
        return part.name
    return "model" if part.model.personalised else "popular"
