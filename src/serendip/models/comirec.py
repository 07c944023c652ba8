"""ComiRec: several vectors are found in a history, one per interest; an item is as good as for the one it suits best.

    v_k = Σ_t a_kt q_t,   a_k = softmax_t(W₂ tanh(W₁ (q_t + p_t)))_k,   s_i = max_k v_k · q_i

with p_t a vector for how long ago event t was: Cen, Zhang, Zou, Zhou, Yang and Tang, "Controllable multi-interest
framework for recommendation", KDD 2020, in its form with self-attention (ComiRec-SA). The interest that is nearest to
what came next learns from it; the others do not. Items that are hard to tell from it count for more, and interests that
look at a single event cost something: Xie, Gao, Zhou, Ye, Hua, Kim and Wu, "Rethinking multi-interest learning for
candidate matching in recommender systems", RecSys 2023 (REMI). See `training.interests`.

Use it as a source of candidates for people who come for several unlike things: a single vector lies between them, near
none. An interest is a mean of item vectors, which knows little of their order. The score is no product of two vectors,
so an index has to be asked once per interest.

With width D, K interests, histories of T events at most, P pieces of history that are learned from in an epoch (`cuts`
per person at most) and C candidates: an epoch O(P·(T·D² + K·T·D + C·D)); memory O(N·D) and what a batch needs, 12 N·D
bytes while fitting. A question costs O(T·D² + K·N·D).
"""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field

from serendip.data import Dataset, Queries
from serendip.data.arrays import FloatArray, IntArray
from serendip.models.base import NotSearched, Search, Weights, fitted, take
from serendip.training import FitOptions
from serendip.training.interests import InterestLesson, InterestReader, InterestsConfig, TaughtInterests


class ComiRecConfig(InterestsConfig):
    learning_rate: Annotated[float, Search(3e-4, 5e-3, log=True)] = Field(5e-3, gt=0)
    """The largest; it falls to 0 along half a cosine."""
    negatives: Annotated[int | None, NotSearched("a trade of time for accuracy")] = Field(512, ge=1)
    """Items drawn for each step, beside the answers of the others; None: all there are, at several times the cost."""
    max_history: Annotated[int, NotSearched("a bound on time and memory")] = Field(50, ge=2)
    """Only the last so many events of a history are read."""


class ComiRec:
    Config = ComiRecConfig
    personalised = True

    def __init__(self, config: ComiRecConfig = ComiRecConfig()) -> None:
        self.config = config
        self._taught: TaughtInterests | None = None

    def _build(self, n_items: int) -> InterestReader:
        return InterestReader(n_items, self.config)

    def fit(self, dataset: Dataset, options: FitOptions = FitOptions()) -> Self:
        self._taught = TaughtInterests.by(self._build, dataset, self.config, options, "comirec", InterestLesson)
        return self

    def score(self, queries: Queries, rows: IntArray | None = None) -> FloatArray:
        return take(fitted(self._taught).score(queries), rows)

    def interests(self, queries: Queries) -> FloatArray:
        """What an index of `item_vectors` is asked with, one vector per interest, (B, K, D) float32."""
        return fitted(self._taught).interests(queries)

    def item_vectors(self) -> FloatArray:
        """(N, D) float32."""
        return fitted(self._taught).item_vectors()

    def weights(self) -> Weights:
        return fitted(self._taught).weights()

    def restore(self, weights: Weights) -> Self:
        self._taught = TaughtInterests.restored(self._build, weights, self.config)
        return self
