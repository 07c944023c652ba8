"""Factorisation machine: a rating from every column that describes the pair, and from every pair of columns.

    r = w + Σ_c x_c b_c + Σ_{c < c'} (v_c · v_c') x_c x_c',  the second sum as ½ Σ_d ((Σ_c x_c v_cd)² - Σ_c x_c² v_cd²)

so that it costs O(D) per column and not per pair: Rendle, "Factorization machines", ICDM 2010, equations 1 and 5. The
columns are the person, the item, its attributes, the history (each item that the person has rated, at 1 / √n of n) and
the context: how long the history is, to the nearest power of 2.

It learns by stochastic gradient descent, one rating after the other, those of a person together: their history's sum
then moves with each rating, and its columns once, by equal shares of the whole way (as if each had moved with it).
The learning rate falls to 0 along a line. Whoever asks has no column, and gets one: b and v of a person are a ridge
regression from the ratings they bring, with the rest as it was learned.

Use it for ratings where items have attributes, and where the Bayesian form is too slow or too large.

With width D and F columns of an item: an epoch O(E·D·F); memory 4 (U + 2 N)·D bytes while fitting, 8 N·D kept. A
question costs O(T·D² + D³ + N·D).
"""

from __future__ import annotations

from dataclasses import astuple
from typing import Annotated, Self

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from serendip.algebra.compiled import compiled
from serendip.algebra.rated import Rated, Scale
from serendip.algebra.sampling import add_up, draw
from serendip.data import Dataset, Queries
from serendip.data.arrays import BoolArray, FloatArray, IntArray, Sparse
from serendip.features.columns import blocks
from serendip.models.base import ModelConfig, Search, Weights, fitted
from serendip.training import FitOptions, one_blas_thread

LENGTHS = 32  # contexts: histories of up to 2^31 ratings
FAINT = 1e-6  # a pull on people without a rating, so that there is one solution
START = 0.05  # spread of the vectors before the first epoch


class FmConfig(ModelConfig):
    # RMSE on the validation part of the second fold of ml-100k, 16 wide: 0.9123 with l2 0.05, 0.8999 with 0.08, 0.8989
    # with 0.1, 0.9003 with 0.12, 0.9041 with 0.15, where 60 epochs, twice the rate, and a third or three times the
    # bias_l2 change less than 0.001; with l2 0.1, 0.9016 at width 8 and 0.8968 at 32; 0.9014 after 20 epochs.
    embedding_size: Annotated[int, Search(4, 64, log=True)] = Field(32, ge=1)
    """D, the width of the vectors."""
    epochs: Annotated[int, Search(10, 60)] = Field(30, ge=1)
    """Passes over the ratings."""
    learning_rate: Annotated[float, Search(0.002, 0.05, log=True)] = Field(0.01, gt=0, le=1)
    """Of the first epoch."""
    l2: Annotated[float, Search(0.01, 0.3, log=True)] = Field(0.1, gt=0)
    """λ: the pull of a vector towards 0, with each rating that it takes part in."""
    bias_l2: Annotated[float, Search(0.0005, 0.1, log=True)] = Field(0.01, gt=0)
    """The same for the b of a column."""


class Fm:
    Config = FmConfig
    personalised = True

    def __init__(self, config: FmConfig = FmConfig()) -> None:
        self.config = config
        self._scale: Scale | None = None
        self._learned: Weights = {}

    def fit(self, dataset: Dataset, options: FitOptions = FitOptions()) -> Self:
        config, generator = self.config, options.generator()
        ratings = dataset.ratings()  # (U, N)
        self._scale = Scale.of(dataset, ratings)
        ratings.data -= np.float32(self._scale.mean)
        known = np.bincount(ratings.indices, minlength=dataset.n_items) > 0
        columns = _columns(dataset, known)

        def new(rows: int) -> FloatArray:
            table = START * generator.standard_normal((rows, 1 + config.embedding_size), np.float32)
            table[:, 0] = 0
            return table

        tables = (new(dataset.n_users), new(columns.shape[1]), new(dataset.n_items), new(LENGTHS))
        pull = self._pull()
        for epoch in range(config.epochs):
            options.progress("FM", epoch, config.epochs)
            people = generator.permutation(dataset.n_users)
            rate = config.learning_rate * (1 - epoch / config.epochs)
            learn(people, *_shuffled(ratings, generator), *_cells(columns), *tables, pull, rate)
        options.progress("FM", config.epochs, config.epochs)
        _, items, history, context = tables
        history[~known] = 0  # what nobody has taught anything says nothing
        context[np.setdiff1d(np.arange(LENGTHS), _context(np.diff(ratings.indptr)))] = 0
        context[0] = 0
        sums = _with_pairs(columns @ items, columns.power(2) @ np.square(items[:, 1:])).astype(np.float32)
        self._learned = {"items": sums, "history": history, "lengths": context, "known": known}
        return self

    def _pull(self) -> FloatArray:
        """λ of a b and of each number of a v, (1 + D,)."""
        pull = np.full(1 + self.config.embedding_size, self.config.l2, np.float32)
        pull[0] = self.config.bias_l2
        return pull

    def rate(self, queries: Queries, rows: IntArray) -> FloatArray:
        scale = fitted(self._scale)
        rated: FloatArray = np.clip(scale.mean + self._above(queries, rows)[0], scale.low, scale.high)
        return rated.astype(np.float32)

    def score(self, queries: Queries, rows: IntArray | None = None) -> FloatArray:
        above, told = self._above(queries, rows)
        return np.where(told[:, None], above, 0).astype(np.float32)

    def _above(self, queries: Queries, rows: IntArray | None) -> tuple[FloatArray, BoolArray]:
        """How far the expected ratings lie above the mean, and whether a history says anything, (B,)."""
        scale, learned = fitted(self._scale), self._learned
        rated = Rated.of(queries, learned["known"], scale)
        items = learned["items"]
        people = self._people(rated)
        told = np.diff(rated.offsets) > 0
        if rows is None:
            return people[:, :1] + items[:, 0] + people[:, 1:] @ items[:, 1:].T, told
        own = items[rows]
        return people[:, :1] + own[:, :, 0] + (own[:, :, 1:] @ people[:, 1:, None])[:, :, 0], told

    def _people(self, rated: Rated) -> FloatArray:
        """All that does not depend on the item, and what its vector meets, (B, 1 + D)."""
        items = self._learned["items"]
        known = self._of_history(rated)  # without a column of their own
        who, lengths = np.repeat(np.arange(len(known)), np.diff(rated.offsets)), np.diff(rated.offsets)
        left = rated.ratings - np.float32(fitted(self._scale).mean) - known[who, 0]
        left -= np.einsum("ed,ed->e", items[rated.items, 1:], known[who, 1:])
        own, width = np.zeros_like(known), known.shape[1]
        gram = np.empty((*known.shape, width), np.float32)
        with one_blas_thread():
            add_up(rated.offsets, rated.items, left, items, gram, own, 0, len(known))
            gram += lengths[:, None, None].astype(np.float32) * np.diag(self._pull())
            nothing = (np.zeros_like(known), FAINT * np.eye(width), 1.0, np.zeros(known.shape))
            draw(gram, own.copy(), *nothing, own, 0, len(known))
        return known + own

    def _of_history(self, rated: Rated) -> FloatArray:
        """The sums over the columns of the history and the context, with their pairs, (B, 1 + D)."""
        lengths = np.diff(rated.offsets)
        shares = np.repeat(1 / np.sqrt(np.maximum(lengths, 1)), lengths).astype(np.float32)
        history, context = self._learned["history"], self._learned["lengths"]
        bags = sp.csr_array((shares, rated.items, rated.offsets), shape=(len(lengths), len(history)))
        length = context[_context(lengths)]
        squares = bags.power(2) @ np.square(history[:, 1:]) + np.square(length[:, 1:])
        return _with_pairs(bags @ history + length, squares).astype(np.float32)

    def weights(self) -> Weights:
        return {"scale": np.array(astuple(fitted(self._scale))), **self._learned}

    def restore(self, weights: Weights) -> Self:
        self._scale = Scale(*weights["scale"].tolist())
        self._learned = {name: array for name, array in weights.items() if name != "scale"}
        return self


def _columns(dataset: Dataset, known: BoolArray) -> Sparse:
    """The columns of each item: its own, where somebody has rated it, and those of its attributes, (N, F)."""
    own = sp.diags_array(known.astype(np.float32))
    columns = sp.csr_array(sp.hstack([own, *blocks(dataset.items.attributes)]), dtype=np.float32)
    columns.eliminate_zeros()
    return columns


def _cells(matrix: Sparse) -> tuple[IntArray, IntArray, FloatArray]:
    return matrix.indptr, matrix.indices, matrix.data


def _shuffled(ratings: Sparse, generator: np.random.Generator) -> tuple[IntArray, IntArray, FloatArray]:
    """The cells of the ratings, each row in an order of chance."""
    rows = np.repeat(np.arange(ratings.shape[0]), np.diff(ratings.indptr))
    order = np.argsort(rows + generator.random(ratings.nnz))
    return ratings.indptr, ratings.indices[order], ratings.data[order]


def _context(lengths: IntArray) -> IntArray:
    """The column of histories of so many ratings: none, and then one for each power of 2."""
    return np.where(lengths > 0, 1 + np.rint(np.log2(np.maximum(lengths, 1))), 0).astype(np.int64)


def _with_pairs(sums: FloatArray, squares: FloatArray) -> FloatArray:
    """Σ x (b, v) of some columns, (n, 1 + D), with what the pairs of these columns make added to b; from Σ x² v²."""
    pairs = (np.square(sums[:, 1:]) - squares).sum(axis=1) / 2
    return np.column_stack([sums[:, 0] + pairs, sums[:, 1:]])


@compiled
def learn(
    order: IntArray,
    starts: IntArray,
    rated: IntArray,
    values: FloatArray,
    offsets: IntArray,
    columns: IntArray,
    shares: FloatArray,
    people: FloatArray,
    items: FloatArray,
    history: FloatArray,
    context: FloatArray,
    pull: FloatArray,
    rate: float,
) -> None:
    """One pass over the ratings of the people in `order`; the tables hold (b, v) of each column, (columns, 1 + D)."""
    width = len(pull)
    for person in order:
        cells = slice(starts[person], starts[person + 1])
        count = cells.stop - cells.start
        if count == 0:
            continue
        share = np.float32(1 / np.sqrt(count))
        bag, squares = np.zeros(width, np.float32), np.zeros(width, np.float32)
        for item in rated[cells]:
            for d in range(width):
                bag[d] += share * history[item, d]
                squares[d] += (share * history[item, d]) ** 2
        before = bag.copy()
        own, length = people[person], context[1 + int(np.rint(np.log2(count)))]
        for cell in range(cells.start, cells.stop):
            some = slice(offsets[rated[cell]], offsets[rated[cell] + 1])
            step(values[cell], columns[some], shares[some], items, own, length, bag, squares, count, pull, rate)
        for d in range(width):
            way = share * (bag[d] - before[d])
            for item in rated[cells]:
                history[item, d] += way - rate * pull[d] * history[item, d]


@compiled
def step(
    value: float,
    columns: IntArray,
    shares: FloatArray,
    items: FloatArray,
    own: FloatArray,
    length: FloatArray,
    bag: FloatArray,
    squares: FloatArray,
    count: int,
    pull: FloatArray,
    rate: float,
) -> None:
    """One rating: all columns of the pair go down the slope of ½ error² + ½ λ (b, v)²."""
    width = len(own)
    total = own + length + bag
    left = np.square(own) + np.square(length) + squares
    for place in range(len(columns)):
        for d in range(width):
            part = shares[place] * items[columns[place], d]
            total[d] += part
            left[d] += part * part
    error = value - total[0]
    for d in range(1, width):
        error -= (total[d] * total[d] - left[d]) / 2
    for d in range(width):
        whole = total[d] if d else np.float32(1)
        alone = np.float32(1 if d else 0)  # a column makes no pair with itself
        own_, length_, bag_ = own[d], length[d], bag[d]
        own[d] += rate * (error * (whole - alone * own_) - pull[d] * own_)
        length[d] += rate * (error * (whole - alone * length_) - pull[d] * length_)
        bag[d] += rate * error * (whole - alone * bag_ / count)
        for place in range(len(columns)):
            x, v = shares[place], items[columns[place], d]
            items[columns[place], d] += rate * (error * x * (whole - alone * x * v) - pull[d] * v)
