"""Blending: the scores of several sources on one scale, with the parts kept so that they can be explained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from serendip.data.arrays import BoolArray, FloatArray
from serendip.models import Model
from serendip.retrieval import top_k


@dataclass(frozen=True)
class Part:
    """What one source says of every item."""

    name: str
    scores: FloatArray  # (B, N)
    weight: float
    candidates: int
    """How many of its best items enter the pool."""
    model: Model | None = None
    """The model that scored, where one did."""


@dataclass(frozen=True)
class Blend:
    """The total of each item and what it is made of: total = sum over s of factors[s] * parts[s].scores."""

    total: FloatArray  # (B, N) float32, -inf where an item is no candidate
    parts: tuple[Part, ...]  # S
    factors: FloatArray  # (S, B): weight over scale; 0 where a source has nothing to say


def blend(parts: Sequence[Part], allowed: BoolArray) -> Blend:
    """Weighted sum of the parts, each divided by its largest score among the allowed items of the query.

    A source whose largest score is not positive has nothing to say. The candidates of a query are the union of
    each source's best allowed items with a positive score; everything else is left out.

    Args:
        allowed: (B, N), the items that may be listed.
    """
    factors = np.zeros((len(parts), len(allowed)), np.float32)
    total = np.zeros(allowed.shape, np.float32)
    chosen = np.zeros(allowed.shape, bool)
    for factor, part in zip(factors, parts, strict=True):
        eligible = np.where(allowed & (part.scores > 0), part.scores, -np.inf)
        largest = eligible.max(axis=1, initial=-np.inf)  # (B,)
        speaks = np.isfinite(largest)
        factor[speaks] = part.weight / largest[speaks]
        total += part.scores * factor[:, None]
        rows, best = top_k(eligible, part.candidates)
        queries, places = np.nonzero(np.isfinite(best))
        chosen[queries, rows[queries, places]] = True
    return Blend(np.where(chosen, total, np.float32(-np.inf)), tuple(parts), factors)
