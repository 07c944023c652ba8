"""Biased MF: a rating is the mean, plus how kind the person is, how good the item is, and how they fit.

r_ui = mean + b_u + b_i + p_u · q_i, learned from ratings alone by minimising
Σ_ui (r_ui - mean - b_u - b_i - p_u · q_i)² + λ (|p_u|² + |q_i|²) + λ_b (b_u² + b_i²), a sum over ratings, so the pull
grows with the evidence. Koren, Bell and Volinsky, "Matrix factorization techniques for recommender systems", IEEE
Computer 42(8), 2009.

`sgd` goes from rating to rating. People and items are divided into 8 groups each, and blocks that share neither are
worked on side by side: Gemulla, Nijkamp, Haas and Sismanis, "Large-scale matrix factorization with distributed
stochastic gradient descent", KDD 2011; the division does not depend on the number of threads. `als` solves for people
and items by turns: Zhou, Wilkinson, Schreiber and Pan, AAIM 2008.

Only mean, b_i and q_i are kept. Whoever asks is folded in from the ratings of their history by the same regression: for
`als` exactly the person that it would learn next; for `sgd`, which stops before it has arrived, with one pull more,
1 / Σ of the learning rates, which is what stopping amounts to (`algebra.fold_in`). People learned from are so foretold
by 0.002 RMSE worse on ml-100k than by what `sgd` itself had learned of them. A score is b_u + b_i + p_u · q_i.

Use it where ratings are to be foretold. To rank what people want, models of what they choose are better.

With width D: an epoch of `sgd` O(E·D), of `als` O(E·D² + (U + N)·D³); memory 4 (U + N)·D bytes while fitting, 4 N·D
kept. A question costs O(T·D² + D³), its scores O(N·D).
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Literal, Self

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from serendip.algebra.compiled import compiled
from serendip.algebra.fold_in import folded
from serendip.algebra.rated import Rated, RatedItems, Scale, pull, with_ones
from serendip.data import Dataset, Queries
from serendip.data.arrays import FloatArray, IntArray, Sparse
from serendip.models.base import ModelConfig, NotSearched, Search, Weights, fitted
from serendip.training import FitOptions, one_blas_thread

GROUPS = 8  # of people and of items
WORTH_THREADS = 40_000_000  # numbers moved in an epoch; below, handing blocks to threads takes longer than it saves
SPREAD = 0.1  # of the factors before the first epoch


class BiasedMfConfig(ModelConfig):
    solver: Annotated[Literal["sgd", "als"], NotSearched("settings of one say little about the other")] = "sgd"
    """`sgd` or `als`."""
    # Chosen on validation folds of ml-100k and ml-1m, between what is best for each: λ 0.09 and 0.06.
    embedding_size: Annotated[int, Search(16, 256, log=True)] = Field(100, ge=1)
    """D, the width of the factors."""
    epochs: Annotated[int, Search(10, 100, log=True)] = Field(40, ge=1)
    """Passes over the ratings; `als` needs fewer."""
    learning_rate: Annotated[float, Search(0.002, 0.03, log=True)] = Field(0.015, gt=0)
    """Size of a step in the first epoch of `sgd`."""
    decay: Annotated[float, Search(0.9, 1)] = Field(0.95, gt=0, le=1)
    """Each epoch of `sgd` takes steps of so much of the size of the one before."""
    l2: Annotated[float, Search(0.01, 0.3, log=True)] = Field(0.07, gt=0)
    """λ, the pull of the factors towards 0, for each rating."""
    bias_l2: Annotated[float, Search(0.001, 0.1, log=True)] = Field(0.005, gt=0)
    """λ_b, that of b_u and b_i."""


class BiasedMf:
    Config = BiasedMfConfig
    personalised = True

    def __init__(self, config: BiasedMfConfig = BiasedMfConfig()) -> None:
        self.config = config
        self._items: RatedItems | None = None

    def fit(self, dataset: Dataset, options: FitOptions = FitOptions()) -> Self:
        ratings = dataset.ratings()
        scale = Scale.of(dataset, ratings)
        learned = _Factors.drawn(ratings, self.config.embedding_size, options.generator())
        if ratings.nnz:
            learn = _descended if self.config.solver == "sgd" else _alternated
            learned = learn(learned, ratings, scale.mean, self.config, options)
        self._items = RatedItems.of(ratings, learned.items, learned.item_bias, scale)
        return self

    def score(self, queries: Queries, rows: IntArray | None = None) -> FloatArray:
        items, rated = fitted(self._items), self._rated(queries)
        scores = items.above(self._people(rated), rows)
        scores[rated.lengths == 0] = 0
        return scores

    def rate(self, queries: Queries, rows: IntArray) -> FloatArray:
        """The mean and the score, within the range of ratings: see `models.base.Rates`."""
        return fitted(self._items).foretold(self._people(self._rated(queries)), rows)

    def _rated(self, queries: Queries) -> Rated:
        return fitted(self._items).rated(queries)

    def _people(self, rated: Rated) -> FloatArray:
        """b_u and p_u, (B, 1 + D)."""
        with one_blas_thread():
            return fitted(self._items).people(rated, _pull(self.config))

    def weights(self) -> Weights:
        return dict(fitted(self._items).arrays())

    def restore(self, weights: Weights) -> Self:
        self._items = RatedItems.restored(weights)
        return self


@dataclass(frozen=True, eq=False)
class _Factors:
    people: FloatArray  # P, (U, D) float32
    items: FloatArray  # Q, (N, D) float32
    person_bias: FloatArray  # (U,) float32
    item_bias: FloatArray  # (N,) float32

    @classmethod
    def drawn(cls, ratings: Sparse, width: int, generator: np.random.Generator) -> Self:
        """Items at random, people at 0: what says nothing about the ratings adds nothing to them."""
        n_users, n_items = ratings.shape
        items = SPREAD * generator.standard_normal((n_items, width), np.float32)
        return cls(
            np.zeros((n_users, width), np.float32),
            items,
            np.zeros(n_users, np.float32),
            np.zeros(n_items, np.float32),
        )


def _pull(config: BiasedMfConfig) -> tuple[FloatArray, FloatArray]:
    path = None if config.solver == "als" else float(_steps(config).sum())
    return pull(config.l2, config.bias_l2, config.embedding_size, path)


def _steps(config: BiasedMfConfig) -> FloatArray:
    """The learning rate of each epoch."""
    return np.asarray(config.learning_rate * config.decay ** np.arange(config.epochs))


def _alternated(start: _Factors, ratings: Sparse, mean: float, config: BiasedMfConfig, options: FitOptions) -> _Factors:
    """People given items, then items given people, `epochs` times."""
    by_item = sp.csr_array(ratings.T)
    items, item_bias = start.items, start.item_bias
    people, person_bias = start.people, start.person_bias

    def side(given: Sparse, features: FloatArray, bias: FloatArray) -> tuple[FloatArray, FloatArray]:
        targets = given.data - np.float32(mean) - bias[given.indices]
        found = folded(
            given.indptr, given.indices, targets, with_ones(features), _pull(config), None, options.n_threads
        )
        return found[:, 1:], found[:, 0]

    with options.limited(blas=1):
        for epoch in range(config.epochs):
            options.progress("biased MF", epoch, config.epochs)
            people, person_bias = side(ratings, items, item_bias)
            items, item_bias = side(by_item, people, person_bias)
    options.progress("biased MF", config.epochs, config.epochs)
    return _Factors(people, items, person_bias, item_bias)


@dataclass(frozen=True, eq=False)
class _Blocks:
    """Ratings by block: those of group g of people and group (g + s) % GROUPS of items are block s, g."""

    users: IntArray  # (E,) int32
    items: IntArray  # (E,) int32
    ratings: FloatArray  # (E,) float32
    offsets: IntArray  # (GROUPS + 1,) for each s: (GROUPS, GROUPS + 1)

    @classmethod
    def of(cls, ratings: Sparse, generator: np.random.Generator) -> Self:
        users = np.repeat(np.arange(ratings.shape[0], dtype=np.int32), np.diff(ratings.indptr))
        items = ratings.indices.astype(np.int32)
        of_users = _groups(users, ratings.shape[0], generator)
        of_items = _groups(items, ratings.shape[1], generator)
        block = (of_items[items] - of_users[users]) % GROUPS * GROUPS + of_users[users]
        order = generator.permutation(len(items))
        order = order[np.argsort(block[order].astype(np.uint8), kind="stable")]
        ends = np.concatenate([[0], np.cumsum(np.bincount(block, minlength=GROUPS * GROUPS))])
        offsets = ends[np.arange(GROUPS)[:, None] * GROUPS + np.arange(GROUPS + 1)]
        return cls(users[order], items[order], ratings.data[order].astype(np.float32), offsets)


def _groups(rows: IntArray, size: int, generator: np.random.Generator) -> IntArray:
    """A group for each of `size` rows at random, so that each group has about as many ratings, (size,)."""
    order = generator.permutation(size)
    counts = np.bincount(rows, minlength=size)[order]
    group = np.empty(size, np.int64)
    group[order] = np.minimum((np.cumsum(counts) - counts) * GROUPS // max(1, len(rows)), GROUPS - 1)
    return group


def _descended(start: _Factors, ratings: Sparse, mean: float, config: BiasedMfConfig, options: FitOptions) -> _Factors:
    generator = options.generator()
    blocks = _Blocks.of(ratings, generator)
    small = ratings.nnz * config.embedding_size < WORTH_THREADS
    with ThreadPoolExecutor(options.n_threads) as threads:  # kept: to start some for each shift takes longer than that
        side_by_side = map if small or options.n_threads == 1 else threads.map
        for epoch, step in enumerate(_steps(config)):
            options.progress("biased MF", epoch, config.epochs)
            numbers = np.array([mean, step, config.l2, config.bias_l2], np.float32)

            def work(block: tuple[int, int], numbers: FloatArray = numbers) -> None:
                _descend(
                    *block,
                    blocks.users,
                    blocks.items,
                    blocks.ratings,
                    start.people,
                    start.items,
                    start.person_bias,
                    start.item_bias,
                    numbers,
                )

            for shift in generator.permutation(GROUPS):
                list(side_by_side(work, pairwise(blocks.offsets[shift].tolist())))
    options.progress("biased MF", config.epochs, config.epochs)
    return start


@compiled
def _descend(
    start: int,
    stop: int,
    users: IntArray,
    items: IntArray,
    ratings: FloatArray,
    people: FloatArray,
    things: FloatArray,
    person_bias: FloatArray,
    item_bias: FloatArray,
    numbers: FloatArray,
) -> None:
    """A step down for each rating from `start` to `stop`; `numbers` are mean, step, λ and λ_b."""
    mean, step, l2, bias_l2 = numbers[0], numbers[1], numbers[2], numbers[3]
    for place in range(start, stop):
        user, item = users[place], items[place]
        p, q = people[user], things[item]
        off = ratings[place] - mean - person_bias[user] - item_bias[item]
        for d in range(len(p)):
            off -= p[d] * q[d]
        person_bias[user] += step * (off - bias_l2 * person_bias[user])
        item_bias[item] += step * (off - bias_l2 * item_bias[item])
        for d in range(len(p)):
            here = p[d]
            p[d] += step * (off * q[d] - l2 * here)
            q[d] += step * (off * here - l2 * q[d])
