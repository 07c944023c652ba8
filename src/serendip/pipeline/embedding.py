"""Embedding: vectors of items as a pipeline knows them, so that near ones are alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from serendip.data.arrays import FloatArray, IntArray
from serendip.data.attributes import attribute_frame
from serendip.features.item_vectors import ATTRIBUTES, ItemVectors
from serendip.models import Embeds

if TYPE_CHECKING:
    from serendip.pipeline.pipeline import Pipeline


@dataclass(frozen=True, eq=False)
class Embedding:
    """Some items by their vectors."""

    source: str | None
    """The source whose model has them; None: they are made of what is said of the items."""
    rows: IntArray
    """Those that have a vector, (N,), in the order that was asked for."""
    vectors: FloatArray
    """(N, D) float32."""


def embedding(pipeline: Pipeline, rows: IntArray) -> Embedding:
    """Vectors of `rows`: of the heaviest source whose model has any, else of the attributes of the items."""
    for source in sorted(pipeline.recipe.sources, key=lambda source: -source.weight):
        model: object = pipeline.models[source.name]
        if isinstance(model, Embeds):
            known = rows[rows < len(pipeline.learned)]
            return _told(source.name, known, model.item_vectors()[known])
    return _told(None, rows, _of_attributes(pipeline, rows))


def _of_attributes(pipeline: Pipeline, rows: IntArray) -> FloatArray:
    records = [pipeline.catalogue.records[row] for row in rows.tolist()]
    if not any(records):
        return np.zeros((len(rows), 1), np.float32)
    table = attribute_frame("item_id", list(zip(pipeline.items.ids(rows), records, strict=True)))
    found = ItemVectors(ATTRIBUTES).fit_encode(table)
    return found.get(ATTRIBUTES, np.zeros((len(rows), 1), np.float32))


def _told(source: str | None, rows: IntArray, vectors: FloatArray) -> Embedding:
    """Without items of which nothing is known."""
    told = vectors.any(axis=1)
    return Embedding(source, rows[told], vectors[told])
