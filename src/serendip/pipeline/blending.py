"""Blending: the scores of several sources on one scale, with the parts kept so that they can be explained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from serendip.data.arrays import BoolArray, FloatArray, IntArray
from serendip.pipeline.opinions import Opinion
from serendip.pipeline.recipe import Source


@dataclass(frozen=True)
class Part:
    """What one source says for one query."""

    name: str
    opinion: Opinion
    weight: float
    candidates: int
    """How many of its best items enter the pool."""
    model: Any = None
    """What scored, where a model did: whether it is personalised, and perhaps what each event adds."""


@dataclass(frozen=True)
class Blend:
    """The total of each candidate and what it is made of: total = sum over s of factors[s] * parts[s].of(rows)."""

    rows: IntArray  # (C,), the candidates, ascending
    total: FloatArray  # (C,) float32
    parts: tuple[Part, ...]  # S
    factors: FloatArray  # (S,) float32: weight over scale; 0 where a source has nothing to say

    def weighted(self, rows: IntArray) -> FloatArray:
        """What each part adds to each of `rows` (K,), candidates or not, (S, K)."""
        shares = [part.opinion.of(rows) * factor for part, factor in zip(self.parts, self.factors, strict=True)]
        return np.stack(shares) if shares else np.zeros((0, len(rows)), np.float32)

    def of(self, rows: IntArray) -> Blend:
        """The same of other candidates, (C,), ascending."""
        return Blend(rows, self.weighted(rows).sum(axis=0, dtype=np.float32), self.parts, self.factors)


def weighed(sources: Sequence[Source], said: Mapping[str, Opinion], n: int, models: Mapping[str, Any]) -> list[Part]:
    """What the sources that answered say, by name, each as a part; `n` items are asked for."""
    return [
        Part(one.name, said[one.name], one.weight, max(one.candidates, n), models[one.name])
        for one in sources
        if one.name in said
    ]


def blend(parts: Sequence[Part], allowed: BoolArray) -> Blend:
    """Weighted sum of the parts, each divided by its largest score among the allowed items.

    A source whose largest score is not positive has nothing to say. The candidates are the union of each source's
    best allowed items with a positive score; everything else is left out.

    Args:
        allowed: (N,), the items that may be listed.
    """
    factors = np.zeros(len(parts), np.float32)
    chosen = [np.empty(0, np.int32)]
    for place, part in enumerate(parts):
        rows, scores = part.opinion.best(allowed, part.candidates)
        if len(rows):
            factors[place] = part.weight / scores[0]
            chosen.append(rows)
    rows = _distinct(np.sort(np.concatenate(chosen)))
    return Blend(rows, np.zeros(0, np.float32), tuple(parts), factors).of(rows)


def _distinct(ordered: IntArray) -> IntArray:
    """`np.unique` of what is in order, without its detours."""
    first = np.ones(len(ordered), bool)
    np.not_equal(ordered[1:], ordered[:-1], out=first[1:])
    distinct: IntArray = ordered[first]
    return distinct
