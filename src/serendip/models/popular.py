"""Popular: what most people want, all time or lately.

score_i = Σ_u 2^(-age_ui / half-life) / U, over the people u who want item i, where U is the number of people who
want anything at all and age_ui is counted from the newest event of the data to the event by which u wants i.
Without a half-life each person counts 1 and the score is the share of people who want the item, 0 to 1; with one
it is at most that share. A person counts once for an item, however often they come back: repeats and scripts lift
nothing. Events without a time are infinitely old once a half-life is set and others have one.

The floor that every other model must beat, and what is left where nothing is known of a person. Under a split by
time the recent form is hard to beat: Ji, Sun, Zhang and Li, "A re-visit of the popularity baseline in recommender
systems", SIGIR 2020.

Fit O(E log E), memory O(E); a batch of scores O(B·N).
"""

from __future__ import annotations

from typing import Annotated, Self

import numpy as np
from pydantic import Field

from serendip.data import Dataset, Queries
from serendip.data.arrays import FloatArray, IntArray
from serendip.data.signals import effective
from serendip.models.base import ModelConfig, Search, Weights, fitted
from serendip.training import FitOptions

DAY_MS = 86_400_000


class PopularConfig(ModelConfig):
    half_life_days: Annotated[float | None, Search(1, 1_000, log=True)] = Field(None, gt=0)
    """After so many days a preference counts half; None: all time counts alike."""


class Popular:
    Config = PopularConfig
    personalised = False

    def __init__(self, config: PopularConfig = PopularConfig()) -> None:
        self.config = config
        self._shares: FloatArray | None = None  # (N,)

    def fit(self, dataset: Dataset, options: FitOptions = FitOptions()) -> Self:
        events = dataset.events
        wanted = np.flatnonzero(effective(events.user_rows, events.item_rows, events.signals) > 0)  # one per pair
        counts = self._recency(events.times_ms)[wanted]
        people = max(1, len(np.unique(events.user_rows[wanted])))
        shares = np.bincount(events.item_rows[wanted], counts, minlength=dataset.n_items) / people
        self._shares = shares.astype(np.float32)
        return self

    def _recency(self, times_ms: IntArray) -> FloatArray:
        """What an event of each time counts, (E,)."""
        if self.config.half_life_days is None or not len(times_ms):
            return np.ones(len(times_ms))
        age_days = (times_ms.max() - times_ms) / DAY_MS
        return np.asarray(np.exp2(-age_days / self.config.half_life_days))

    def score(self, queries: Queries, rows: IntArray | None = None) -> FloatArray:
        shares = fitted(self._shares)
        return np.tile(shares, (len(queries), 1)) if rows is None else shares[rows]

    def weights(self) -> Weights:
        return {"shares": fitted(self._shares)}

    def restore(self, weights: Weights) -> Self:
        self._shares = weights["shares"]
        return self
