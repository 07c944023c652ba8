"""Offer: what can be recommended and who speaks of it, changed as one so that no request sees half of a change.

Items that were added after the fit stand behind those that were fitted. A source whose model takes new items
(`models.AddsItems`) speaks of them by what they are; every other source says nothing of them, and words find them all
the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any

import numpy as np

from serendip.data import HistoryEvent, Queries, Signals, Vocabulary
from serendip.data.arrays import BoolArray, FloatArray, IntArray
from serendip.data.attributes import attribute_frame
from serendip.models import AddsItems, Attributes, Model
from serendip.pipeline.catalogue import Catalogue, may_be_shown
from serendip.pipeline.history import History
from serendip.pipeline.opinions import Opinion, Speaker
from serendip.pipeline.ranking import Ranker


@dataclass(frozen=True)
class Offer:
    """The items, their attributes, and the sources as they can be asked about all of them."""

    catalogue: Catalogue
    models: Mapping[str, Any]
    """What scored, by the name of the source: whether it is personalised, and perhaps what each event adds."""
    speakers: Mapping[str, Speaker]
    reader: Callable[[Sequence[HistoryEvent]], History]
    """Reads histories; the same object as long as the items are the same, so that what it read can be kept."""
    ranker: Ranker | None = None
    """Puts the best in order, where the recipe has a ranking."""

    @classmethod
    def of(
        cls,
        catalogue: Catalogue,
        models: Mapping[str, Any],
        speakers: Mapping[str, Speaker],
        signals: Signals,
        ranker: Ranker | None = None,
    ) -> Offer:
        items = catalogue.vocabulary
        return cls(catalogue, models, speakers, lambda events: History.of(events, items, signals), ranker)


def newcomers(known: Vocabulary, attributes: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """The items that are on offer and not `known`, with their attributes."""
    return {id_: record for id_, record in attributes.items() if id_ not in known and record and may_be_shown(record)}


def grown(model: Model, items: Mapping[str, Mapping[str, Any]]) -> Model | None:
    """A copy of `model` that knows `items` too; None where it cannot take any."""
    if not isinstance(model, AddsItems):
        return None
    longer = copy(model)
    assert isinstance(longer, AddsItems)
    longer.add_items(attribute_frame("item_id", list(items.items())))
    return longer


@dataclass(frozen=True)
class _OfFirst:
    opinion: Opinion
    n_items: int

    def best(self, allowed: BoolArray, k: int) -> tuple[IntArray, FloatArray]:
        return self.opinion.best(allowed[: self.n_items], k)

    def of(self, rows: IntArray) -> FloatArray:
        scores, known = np.zeros(len(rows), np.float32), rows < self.n_items
        scores[known] = self.opinion.of(rows[known])
        return scores


class FirstItems:
    """A speaker of a model that knows the first `n_items` only: of those that came later it says nothing."""

    def __init__(self, speaker: Speaker, n_items: int) -> None:
        self._speaker, self._n_items = speaker, n_items

    def opinions(self, queries: Queries) -> Iterator[Opinion]:
        return (_OfFirst(opinion, self._n_items) for opinion in self._speaker.opinions(queries.of_items(self._n_items)))


class FirstOfModel:
    """What there is to know of such a model beside what it says."""

    def __init__(self, model: Model) -> None:
        self.personalised = model.personalised


class FirstAttributed(FirstOfModel):
    """One whose scores are sums over events: events and candidates that came later add nothing."""

    def __init__(self, model: Model, n_items: int) -> None:
        super().__init__(model)
        assert isinstance(model, Attributes)
        self._model, self._n_items = model, n_items

    def contributions(self, queries: Queries, rows: IntArray) -> FloatArray:
        found = np.zeros((len(queries.item_rows), rows.shape[1]), np.float32)
        known = queries.item_rows < self._n_items
        clipped = np.minimum(rows, self._n_items - 1)
        found[known] = self._model.contributions(queries.of_items(self._n_items), clipped)
        return found * (rows < self._n_items)[queries.query_rows]


def of_first(model: Model, n_items: int) -> FirstOfModel:
    """`model`, which knows the first `n_items`, as what stands behind a source of all items."""
    return FirstAttributed(model, n_items) if isinstance(model, Attributes) else FirstOfModel(model)
