"""Popular: what most people want, all time or lately.

score_i = Σ_u 2^(-age_ui / half-life) / U, over the people u who want item i, where U is the number of people who
want anything at all and age_ui is counted from the newest event of the data to the event by which u wants i.
Without a half-life each person counts 1 and the score is the share of people who want the item, 0 to 1; with one
it is at most that share. A person counts once for an item, however often they come back: repeats and scripts lift
nothing. Events without a time are infinitely old once a half-life is set and others have one.

The floor that every other model must beat, and what is left where nothing is known of a person. Under a split by
time the recent form is hard to beat: Ji, Sun, Zhang and Li, "A re-visit of the popularity baseline in recommender
systems", SIGIR 2020.

New events are learned exactly (`learn`): what was counted grows older by one factor, and theirs is added.

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
        self._counts: FloatArray | None = None  # (N,) float64: what the people who want each item add up to
        self._people = 0  # who want anything at all
        self._newest_ms = 0  # the time of the newest event, from which ages are counted

    def fit(self, dataset: Dataset, options: FitOptions = FitOptions()) -> Self:
        events = dataset.events
        wanted = effective(events.user_rows, events.item_rows, events.signals) > 0  # one per pair
        self._newest_ms = int(events.times_ms.max()) if len(events) else 0
        counts = self._recency(events.times_ms[wanted])
        counts = np.bincount(events.item_rows[wanted], counts, minlength=dataset.n_items).astype(np.float64)
        return self._counted(counts, len(np.unique(events.user_rows[wanted])))

    def learn(self, before: Queries, after: Queries) -> Self:
        """See `models.base.Learns`; exact to float32.

        Raises:
            ValueError: the batches differ in length.
            RuntimeError: nothing has been learned yet, or it was saved by a version that did not keep the counts.
        """
        if self._counts is None and self._shares is not None:
            raise RuntimeError("popular was saved without its counts: fit it again")
        counts, people, newest_ms = fitted(self._counts), self._people, self._newest_ms
        changed = np.flatnonzero(before.differs(after))
        old, new = before.of_queries(changed), after.of_queries(changed)
        self._newest_ms = int(new.times_ms.max(initial=newest_ms))
        counts = counts * self._recency(np.array([newest_ms]))
        for batch, sign in ((old, -1), (new, 1)):
            wanted = batch.weights > 0
            added = self._recency(batch.times_ms[wanted])
            counts = counts + sign * np.bincount(batch.item_rows[wanted], added, minlength=len(counts))
            people += sign * len(np.unique(batch.query_rows[wanted]))
        return self._counted(np.maximum(counts, 0), people)  # what is taken away may leave a trace of rounding

    def _counted(self, counts: FloatArray, people: int) -> Self:
        self._counts, self._people = counts, people
        self._shares = (counts / max(1, people)).astype(np.float32)
        return self

    def _recency(self, times_ms: IntArray) -> FloatArray:
        """What an event of each time counts, (E,)."""
        if self.config.half_life_days is None:
            return np.ones(len(times_ms))
        return np.asarray(np.exp2((times_ms - self._newest_ms) / DAY_MS / self.config.half_life_days))

    def score(self, queries: Queries, rows: IntArray | None = None) -> FloatArray:
        shares = fitted(self._shares)
        return np.tile(shares, (len(queries), 1)) if rows is None else shares[rows]

    def weights(self) -> Weights:
        shares = {"shares": fitted(self._shares)}
        if self._counts is None:
            return shares
        told = {"people": np.array([self._people]), "newest_ms": np.array([self._newest_ms])}
        return shares | {"counts": self._counts} | told

    def restore(self, weights: Weights) -> Self:
        self._shares, self._counts = weights["shares"], weights.get("counts")  # none: saved before models learned
        if self._counts is not None:
            self._people, self._newest_ms = int(weights["people"][0]), int(weights["newest_ms"][0])
        return self
