"""SVD++: a rating is the mean, two biases and a fit, and what somebody has turned to at all tells of their taste too.

r_ui = mean + b_u + b_i + q_i · (p_u + z_u), z_u = |N(u)|^-1/2 Σ_{j in N(u)} y_j, where N(u) are the items that u has
rated or likes, learned by stochastic descent on Σ_ui (off_ui)² + λ (|p_u|² + |q_i|² + Σ_{j in N(u)} |y_j|²) +
λ_b (b_u² + b_i²), a sum over ratings, with λ_y for y. Koren, "Factorization meets the neighborhood: a multifaceted
collaborative filtering model", KDD 2008, equation 15. `flipped` adds the same for items: q_i + |N(i)|^-1/2 Σ_v x_v over
the people v who rated i (Rendle, Zhang and Koren, "On the difficulty of evaluating baselines", 2019). Even
epochs then go through people and move p, q, y and the biases, odd ones through items and move p, q, x and the biases.

Each rating of a person moves all their y_j, which done one by one is O(|N(u)|·D). But all of them shrink by the same
factor and move by the same step, so while a person's ratings are gone through only z_u is moved, as the moves of the
y_j move it; afterwards each y_j gets all that was due in one step. The result is the same, for O(D) a rating.

Only mean, b_i, q_i (with what its raters add) and y_j are kept. Whoever asks is folded in: z_u is the sum over their
history, likes without a rating included, and b_u and p_u are a ridge regression of what the rest leaves over, its pull
growing with their ratings as in training, plus 1 / Σ of the learning rates, which is what stopping early amounts to
(`algebra.fold_in`). People learned from are so foretold by 0.002 RMSE worse on ml-100k than by what the descent itself
had learned of them. A score is what is added to the mean.

Use it where ratings are to be foretold. To rank what people want, models of what they choose are better.

With width D: an epoch O(E·D) on one thread, since each person's y_j meet everybody else's; memory 8 (U + N)·D bytes
while fitting, 8 N·D kept. A question costs O(T·D² + D³), its scores O(N·D).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Self

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from serendip.algebra.compiled import compiled
from serendip.algebra.rated import Rated, RatedItems, Scale, pull
from serendip.data import Dataset, Queries
from serendip.data.arrays import FloatArray, IntArray, Sparse
from serendip.models.base import ModelConfig, NotSearched, Search, Weights, fitted
from serendip.training import FitOptions, one_blas_thread

SPREAD = 0.1  # of q before the first epoch


class SvdppConfig(ModelConfig):
    # Chosen on validation folds of ml-100k and ml-1m, between what is best for each: λ 0.18 and λ_y 0.002 for the
    # first, 0.12 and 0.0007 for the second. Longer histories want a smaller λ_y, since each rating pulls.
    embedding_size: Annotated[int, Search(10, 200, log=True)] = Field(50, ge=1)
    """D, the width of the factors."""
    epochs: Annotated[int, Search(10, 100, log=True)] = Field(30, ge=1)
    """Passes over the ratings."""
    learning_rate: Annotated[float, Search(0.002, 0.02, log=True)] = Field(0.007, gt=0)
    """Size of a step in the first epoch."""
    decay: Annotated[float, Search(0.9, 1)] = Field(1.0, gt=0, le=1)
    """Each epoch takes steps of so much of the size of the one before."""
    l2: Annotated[float, Search(0.02, 0.3, log=True)] = Field(0.15, gt=0)
    """λ, the pull of p and q towards 0, for each rating."""
    implicit_l2: Annotated[float, Search(0.0002, 0.05, log=True)] = Field(0.001, gt=0)
    """λ_y, that of y and x."""
    bias_l2: Annotated[float, Search(0.001, 0.1, log=True)] = Field(0.005, gt=0)
    """λ_b, that of b_u and b_i."""
    flipped: Annotated[bool, NotSearched("off only to compare with the model of the paper")] = True
    """Whether who rated an item tells of it, as what a person rated tells of them."""


class Svdpp:
    Config = SvdppConfig
    personalised = True

    def __init__(self, config: SvdppConfig = SvdppConfig()) -> None:
        self.config = config
        self._items: RatedItems | None = None
        self._implicit = np.empty((0, 0), np.float32)  # y_j, (N, D)

    def fit(self, dataset: Dataset, options: FitOptions = FitOptions()) -> Self:
        ratings = dataset.ratings()
        scale = Scale.of(dataset, ratings)
        people, things = _sides(ratings, dataset.matrix(), self.config, options.generator())
        if ratings.nnz:
            _descended(people, things, scale.mean, self.config, options)
        self._items = RatedItems.of(ratings, things.whole(), things.bias, scale)
        self._implicit = people.implicit
        return self

    def score(self, queries: Queries, rows: IntArray | None = None) -> FloatArray:
        items = fitted(self._items)
        rated = items.rated(queries)
        scores = items.above(self._people(rated), rows)
        scores[rated.lengths == 0] = 0
        return scores

    def rate(self, queries: Queries, rows: IntArray) -> FloatArray:
        """The mean and the score, within the range of ratings: see `models.base.Rates`."""
        items = fitted(self._items)
        return items.foretold(self._people(items.rated(queries)), rows)

    def _people(self, rated: Rated) -> FloatArray:
        """b_u and p_u + z_u, (B, 1 + D): the regression starts from 0 and z_u."""
        config, shape = self.config, (len(rated.lengths), len(self._implicit))
        taste = _shares(sp.csr_array((rated.ratings, rated.items, rated.offsets), shape=shape)) @ self._implicit
        prior = np.column_stack([np.zeros(len(taste), np.float32), taste])
        strength = pull(config.l2, config.bias_l2, config.embedding_size, float(_steps(config).sum()))
        with one_blas_thread():
            return fitted(self._items).people(rated, strength, prior)

    def weights(self) -> Weights:
        return fitted(self._items).arrays() | {"implicit": self._implicit}

    def restore(self, weights: Weights) -> Self:
        self._items, self._implicit = RatedItems.restored(weights), weights["implicit"]
        return self


@dataclass(eq=False)
class _Side:
    """People or items, and what is learned of them; the other side are items or people."""

    ratings: Sparse  # (R, C)
    shares: Sparse  # |N(r)|^-1/2 for each of N(r), (R, C)
    own: FloatArray  # p or q, (R, D)
    bias: FloatArray  # (R,)
    implicit: FloatArray  # y or x of the other side, (C, D)

    @classmethod
    def of(cls, ratings: Sparse, turned_to: Sparse, own: FloatArray) -> Self:
        implicit = np.zeros((ratings.shape[1], own.shape[1]), np.float32)
        return cls(ratings, _shares(turned_to), own, np.zeros(len(own), np.float32), implicit)

    def taste(self) -> FloatArray:
        """z, (R, D)."""
        return np.asarray(self.shares @ self.implicit)

    def whole(self) -> FloatArray:
        return self.own + self.taste()

    def descend(self, other: _Side, order: IntArray, numbers: FloatArray) -> None:
        """One pass over the rows in `order`; the implicit part of the other side stays as it is."""
        taste = other.taste()
        whole = other.own + taste
        ratings, shares = self.ratings, self.shares
        cells = ratings.indptr.astype(np.int64), ratings.indices.astype(np.int32), ratings.data
        others = shares.indptr.astype(np.int64), shares.indices.astype(np.int32)
        _descend(order, *cells, *others, self.own, self.bias, self.implicit, whole, taste, other.bias, numbers)
        other.own[:] = whole - taste


def _sides(ratings: Sparse, wanted: Sparse, config: SvdppConfig, generator: np.random.Generator) -> tuple[_Side, _Side]:
    """People and items before the first epoch: items at random, so that they can tell apart, everything else 0."""
    turned_to = _turned_to(ratings, wanted)
    n_users, n_items = ratings.shape
    things = SPREAD * generator.standard_normal((n_items, config.embedding_size), np.float32)
    people = np.zeros((n_users, config.embedding_size), np.float32)
    return (
        _Side.of(ratings, turned_to, people),
        _Side.of(sp.csr_array(ratings.T), sp.csr_array(turned_to.T), things),
    )


def _descended(people: _Side, things: _Side, mean: float, config: SvdppConfig, options: FitOptions) -> None:
    """Both sides learn in their place."""
    generator = options.generator()
    for epoch, step in enumerate(_steps(config)):
        options.progress("SVD++", epoch, config.epochs)
        numbers = np.array([mean, step, config.l2, config.implicit_l2, config.bias_l2], np.float32)
        side, other = (things, people) if config.flipped and epoch % 2 else (people, things)
        side.descend(other, generator.permutation(np.flatnonzero(np.diff(side.ratings.indptr))), numbers)
    options.progress("SVD++", config.epochs, config.epochs)


def _steps(config: SvdppConfig) -> FloatArray:
    """The learning rate of each epoch."""
    return np.asarray(config.learning_rate * config.decay ** np.arange(config.epochs))


def _shares(turned_to: Sparse) -> Sparse:
    """|N(r)|^-1/2 at each cell of row r, (R, C)."""
    lengths = np.diff(turned_to.indptr)
    values = np.repeat(lengths.clip(1) ** -0.5, lengths).astype(np.float32)
    return sp.csr_array((values, turned_to.indices, turned_to.indptr), shape=turned_to.shape)


def _turned_to(ratings: Sparse, wanted: Sparse) -> Sparse:
    """N(u): a cell for each pair that is rated or wanted, (U, N)."""
    cells = [one.copy() for one in (ratings, wanted)]
    for one in cells:
        one.data = np.ones_like(one.data)  # a rating of 0 is one too
    return sp.csr_array(cells[0] + cells[1])


@compiled
def _gather(rows: IntArray, vectors: FloatArray, share: np.float32, found: FloatArray) -> None:
    found[:] = 0
    for row in rows:
        for d in range(len(found)):
            found[d] += vectors[row, d]
    for d in range(len(found)):
        found[d] *= share


@compiled
def _spread(rows: IntArray, vectors: FloatArray, kept: np.float32, added: FloatArray) -> None:
    for row in rows:
        for d in range(len(added)):
            vectors[row, d] = kept * vectors[row, d] + added[d]


@compiled
def _descend(
    order: IntArray,
    offsets: IntArray,
    columns: IntArray,
    ratings: FloatArray,
    implicit_offsets: IntArray,
    implicit_columns: IntArray,
    own: FloatArray,
    bias: FloatArray,
    implicit: FloatArray,
    others: FloatArray,
    fixed: FloatArray,
    other_bias: FloatArray,
    numbers: FloatArray,
) -> None:
    """A step down for each rating, row after row; `numbers` are mean, step, λ, λ_y and λ_b."""
    mean, step, l2, implicit_l2, bias_l2 = numbers[0], numbers[1], numbers[2], numbers[3], numbers[4]
    width = own.shape[1]
    shrunk = np.float32(1) - step * implicit_l2
    before, taste = np.empty(width, np.float32), np.empty(width, np.float32)
    for row in order:
        known = implicit_columns[implicit_offsets[row] : implicit_offsets[row + 1]]
        share = np.float32(1 / np.sqrt(len(known)))
        _gather(known, implicit, share, before)
        taste[:] = before
        p = own[row]
        kept = np.float32(1)
        for place in range(offsets[row], offsets[row + 1]):
            column = columns[place]
            q, f = others[column], fixed[column]
            off = ratings[place] - mean - bias[row] - other_bias[column]
            for d in range(width):
                off -= (p[d] + taste[d]) * q[d]
            bias[row] += step * (off - bias_l2 * bias[row])
            other_bias[column] += step * (off - bias_l2 * other_bias[column])
            for d in range(width):
                here, there = q[d], p[d] + taste[d]
                p[d] += step * (off * here - l2 * p[d])
                taste[d] = shrunk * taste[d] + step * off * here
                q[d] += step * (off * there - l2 * (here - f[d]))
            kept *= shrunk
        for d in range(width):
            before[d] = share * (taste[d] - kept * before[d])
        _spread(known, implicit, kept, before)
