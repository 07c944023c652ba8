"""Ranking: the best of the blend, put in order by a model that is too slow to score the whole catalogue.

What the model says of them becomes one more part of the blend, which says nothing of all others, so that a total is
still the sum of its parts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from serendip.data import Queries
from serendip.data.arrays import BoolArray, FloatArray, IntArray
from serendip.models import Model
from serendip.pipeline.blending import Blend, Part
from serendip.pipeline.opinions import chances
from serendip.pipeline.recipe import Ranking
from serendip.retrieval import best_of


@dataclass(frozen=True)
class Ranker:
    """A fitted model that ranks, and the items that it knows: the first `n_items`."""

    model: Model
    settings: Ranking
    n_items: int

    def __call__(self, blends: Sequence[Blend], queries: Queries) -> list[Blend]:
        """The same blends, one of each query, with what the model says of the best of each."""
        best = [self._best(blend) for blend in blends]
        rows = np.zeros((len(best), max(map(len, best), default=0)), np.int32)
        for place, chosen in enumerate(best):
            rows[place, : len(chosen)] = chosen
        scores = self.model.score(queries.of_items(self.n_items), rows)
        return [
            self._added(blend, chosen, said[: len(chosen)])
            for blend, chosen, said in zip(blends, best, scores, strict=True)
        ]

    def _best(self, blend: Blend) -> IntArray:
        """Ascending, at most as many as are ranked."""
        known = blend.rows < self.n_items
        depth = self.settings.depth
        return np.sort(best_of(blend.rows[known], blend.total[known], depth, self.n_items)[0])

    def _added(self, blend: Blend, rows: IntArray, scores: FloatArray) -> Blend:
        settings = self.settings
        ranked = Ranked(rows, chances(scores, settings.chances))
        factor = np.float32(settings.weight if ranked.scores.any() else 0)
        part = Part(settings.name, ranked, settings.weight, settings.depth, self.model)
        total = blend.total + factor * ranked.of(blend.rows)
        return Blend(blend.rows, total, (*blend.parts, part), np.append(blend.factors, factor))


@dataclass(frozen=True)
class Ranked:
    """Scores of some items; of all others it says nothing."""

    rows: IntArray  # (C,), ascending
    scores: FloatArray  # (C,)

    def best(self, allowed: BoolArray, k: int) -> tuple[IntArray, FloatArray]:
        chosen = np.flatnonzero(allowed[self.rows])
        order = chosen[np.argsort(-self.scores[chosen], kind="stable")][:k]
        return self.rows[order], self.scores[order]

    def of(self, rows: IntArray) -> FloatArray:
        if not len(self.rows):
            return np.zeros(len(rows), np.float32)
        place = np.minimum(np.searchsorted(self.rows, rows), len(self.rows) - 1)
        return np.where(self.rows[place] == rows, self.scores[place], np.float32(0))
