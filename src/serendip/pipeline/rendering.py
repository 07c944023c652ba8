"""Rendering: scores become recommendations, each with the causes that add up to its score."""

from __future__ import annotations

import numpy as np

from serendip.data import Queries, Query, Recommendation
from serendip.data.arrays import FloatArray, IntArray
from serendip.explanation import NAMED, Share, reasons_of
from serendip.models import Attributes
from serendip.pipeline.blending import Blend, Part
from serendip.pipeline.catalogue import Catalogue
from serendip.pipeline.history import History


def render(
    catalogue: Catalogue, rows: IntArray, blended: Blend, asked: Queries, history: History, query: Query
) -> tuple[Recommendation, ...]:
    """The items at `rows` (K,), in that order. `asked` is the batch of one that was scored."""
    weighted = np.stack(
        [part.scores[0, rows] * factor[0] for part, factor in zip(blended.parts, blended.factors, strict=True)]
    )  # (S, K)
    personal = len(asked.item_rows) > 0
    shares = _unattributed(blended, weighted, personal)
    rest = _add_history(shares, _by_event(blended, asked, rows), catalogue, history, query) if personal else None
    ids = catalogue.vocabulary.ids(rows)
    return tuple(
        Recommendation(
            item_id=ids[place],
            rank=place + 1,
            score=float(weighted[:, place].sum()),
            source=blended.parts[int(np.argmax(weighted[:, place]))].name,
            reasons=reasons_of(
                shares[place], query.language, query.text or "", 0.0 if rest is None else float(rest[place])
            ),
            attributes=catalogue.records[row],
        )
        for place, row in enumerate(rows)
    )


def _unattributed(blended: Blend, weighted: FloatArray, personal: bool) -> list[list[Share]]:
    """For each listed item, one share per part that does not say which events of the history caused it."""
    shares: list[list[Share]] = [[] for _ in range(weighted.shape[1])]
    for part, scores in zip(blended.parts, weighted, strict=True):
        if personal and _attributing(part):
            continue
        code = _code(part)
        for of_item, score in zip(shares, scores, strict=True):
            of_item.append(Share(code, float(score)))
    return shares


def _by_event(blended: Blend, asked: Queries, rows: IntArray) -> FloatArray:
    """What each event of the history adds to each listed item, over all parts, (E, K)."""
    total = np.zeros((len(asked.item_rows), len(rows)))
    for part, factor in zip(blended.parts, blended.factors, strict=True):
        model = _attributing(part)
        if model and factor[0]:
            total += factor[0] * model.contributions(asked, rows[None, :])
    return total


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
