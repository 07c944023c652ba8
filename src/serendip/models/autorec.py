"""AutoRec: an autoencoder over ratings, of all that an item was given or of all that a person gave.

A row of ratings r (less their mean, 0 where there is none) goes through one hidden layer and comes out whole:

    e = σ(V r + m),   r̂_c = W_c · e + b_c + w · e + c

where Σ (r - r̂)² over the ratings there are, and λ |V|² + Σ_c (μ + ν n_c) |W_c|² + λ_b |b|², are made small together:
Sedhain, Menon, Sanner and Xie, "AutoRec: autoencoders meet collaborative filtering", WWW 2015, equations 1 and 2. Ours
are w and c, which all columns share, so that who has rated little is foretold what most say; ν, a pull that grows with
the n_c ratings of a column; and that part of r is left out of what is read while learning.

Where rows are `items`, a column is a person, and W_u and b_u are what the model knows of them. Given the e of all items
these are a ridge regression of the person's ratings, with the same pulls: so they are not kept, and whoever asks
is given the ones that their history leads to (`algebra.fold_in`); r̂_ui = mean + b_u + b_i + W_u · e_i with
b_i = w · e_i + c, a factorisation whose items are read from their ratings. Where rows are `people`, a history is read
as it is. A score is what is added to the mean.

Use it where ratings are to be foretold; rows of items are the better ones, since an item has more ratings than a
person: RMSE 0.913 on ml-100k, of people 0.919 (validation part of the first fold, λ 50). To rank what people want,
models of what they choose are better.

With width D: an epoch O(U·N·D); memory 32·D bytes for each column while fitting, 4 N·D kept for items, 8 N·D for
people. A question costs O(T·D² + D³) for items, O(T·D) for people, its scores O(N·D).
"""

from __future__ import annotations

from typing import Annotated, Literal, Protocol, Self, cast

import numpy as np
import scipy.sparse as sp
import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from serendip.algebra.rated import Rated, RatedItems, Scale
from serendip.data import Dataset, Queries
from serendip.data.arrays import FloatArray, IntArray, Sparse
from serendip.models.base import ModelConfig, NotSearched, Search, Weights, fitted, take
from serendip.training import FitOptions, losses, one_blas_thread
from serendip.training.loop import Schedule
from serendip.training.profiles import FirstLayer, ProfileLesson, ProfileNet, Profiles, Taught, among, places, teach
from serendip.training.session import torch_session

STRIP = 512
"""Rows that are read at once after learning."""


class AutoRecConfig(ModelConfig):
    reads: Annotated[Literal["items", "people"], NotSearched("two models")] = "items"
    """What a row is: all ratings of one of the `items`, or of one of the `people`."""
    embedding_size: Annotated[int, Search(50, 500, log=True)] = Field(200, ge=1)
    """D, the width of the hidden layer."""
    epochs: Annotated[int, Search(20, 200, log=True)] = Field(30, ge=1)
    """Passes over all ratings."""
    learning_rate: Annotated[float, Search(3e-4, 1e-2, log=True)] = Field(5e-3, gt=0)
    """The largest; it falls to 0 along half a cosine."""
    l2: Annotated[float, Search(5.0, 500.0, log=True)] = Field(100.0, gt=0)
    """λ, the pull of V towards 0."""
    column_l2: Annotated[float, Search(1.0, 200.0, log=True)] = Field(20.0, gt=0)
    """μ, that of each W_c."""
    rating_l2: Annotated[float, Search(0.02, 1.0, log=True)] = Field(0.2, ge=0)
    """ν, that of each W_c for each rating in its column."""
    bias_l2: Annotated[float, Search(0.5, 50.0, log=True)] = Field(5.0, gt=0)
    """λ_b, that of the biases of columns."""
    dropout: Annotated[float, Search(0.0, 0.8)] = Field(0.2, ge=0, lt=1)
    """Share of the ratings of a row that is left out at random of what is read while learning."""
    batch_size: Annotated[int, NotSearched("a trade of time for accuracy")] = Field(64, ge=1)
    """Rows of a step, fewer where there are few."""


class _Net(ProfileNet):
    def __init__(self, config: AutoRecConfig, counts: IntArray) -> None:
        """`counts` (C,) are the ratings in each column."""
        super().__init__()
        n_columns = len(counts)
        self.config, self.n_ratings = config, max(1, int(counts.sum()))
        self.aside.register_buffer("pull", torch.from_numpy(_pull(config, counts)))
        self.first = FirstLayer(n_columns, config.embedding_size)  # V, m
        self.out = nn.Linear(config.embedding_size, n_columns)  # W, b
        self.shared = nn.Linear(config.embedding_size, 1)  # w, c

    def hidden(self, rows: Profiles) -> Tensor:
        """e, (B, D)."""
        read = functional.dropout(rows.values, self.config.dropout, self.training)
        return torch.sigmoid(self.first(rows, read))

    def forward(self, rows: Profiles) -> Tensor:
        """r̂ less the mean, (B, C)."""
        found = self.hidden(rows)
        return cast(Tensor, self.out(found) + self.shared(found))

    def loss(self, people: Profiles, part: str, generator: np.random.Generator) -> Tensor:
        found = self(people)[people.rows, people.columns]
        held = cast(Tensor, self.aside.pull) @ self.out.weight.square().sum(1)
        pull = self.config.l2 * self.first.items.weight.square().sum() + held
        pull = pull + self.config.bias_l2 * self.out.bias.square().sum()
        return losses.squared_error(found, people.values) + pull / self.n_ratings


class AutoRec:
    Config = AutoRecConfig
    personalised = True

    def __init__(self, config: AutoRecConfig = AutoRecConfig()) -> None:
        self.config = config
        self._learned: _Learned | None = None

    def fit(self, dataset: Dataset, options: FitOptions = FitOptions()) -> Self:
        ratings = dataset.ratings()
        kind = _OfItems.of if self.config.reads == "items" else _OfPeople.of
        self._learned = kind(ratings, Scale.of(dataset, ratings), self.config, options)
        return self

    def score(self, queries: Queries, rows: IntArray | None = None) -> FloatArray:
        rated, above = fitted(self._learned).above(queries)
        above[rated.lengths == 0] = 0
        return take(above, rows)

    def rate(self, queries: Queries, rows: IntArray) -> FloatArray:
        """The mean and the score, within the range of ratings: see `models.base.Rates`."""
        learned = fitted(self._learned)
        _, above = learned.above(queries)
        scale = learned.scale
        return np.asarray(np.clip(take(above, rows) + np.float32(scale.mean), scale.low, scale.high), np.float32)

    def weights(self) -> Weights:
        return fitted(self._learned).arrays()

    def restore(self, weights: Weights) -> Self:
        kind = _OfItems.restored if self.config.reads == "items" else _OfPeople.restored
        self._learned = kind(weights, self.config)
        return self


class _Learned(Protocol):
    """What is kept of either form."""

    scale: Scale

    def above(self, queries: Queries) -> tuple[Rated, FloatArray]:
        """What the histories say, and how far ratings of all items lie above the mean, (B, N)."""
        ...

    def arrays(self) -> Weights:
        """To be saved."""
        ...


class _OfItems:
    """Items by their hidden layer; people are folded in."""

    def __init__(self, items: RatedItems, config: AutoRecConfig) -> None:
        self.items, self.scale = items, items.scale
        numbers = np.ones(1 + config.embedding_size)
        each, once = config.rating_l2 * numbers, config.column_l2 * numbers
        each[0], once[0] = 0, config.bias_l2
        self._pull = each, once

    @classmethod
    def of(cls, ratings: Sparse, scale: Scale, config: AutoRecConfig, options: FitOptions) -> Self:
        rows = _centred(sp.csr_array(ratings[np.diff(ratings.indptr) > 0].T), scale)  # (N, U)
        net = _taught(rows, config, options)
        with torch.inference_mode():
            parts = [net.hidden(Profiles.of(rows[start : start + STRIP])) for start in range(0, rows.shape[0], STRIP)]
            hidden = torch.cat([torch.empty(0, config.embedding_size), *parts])
            bias = net.shared(hidden)[:, 0]
        return cls(RatedItems.of(ratings, hidden.numpy(), bias.numpy(), scale), config)

    def above(self, queries: Queries) -> tuple[Rated, FloatArray]:
        rated = self.items.rated(queries)
        with one_blas_thread():
            return rated, self.items.above(self.items.people(rated, self._pull))

    def arrays(self) -> Weights:
        return dict(self.items.arrays())

    @classmethod
    def restored(cls, weights: Weights, config: AutoRecConfig) -> Self:
        return cls(RatedItems.restored(weights), config)


class _OfPeople:
    """A network that reads the ratings of a history."""

    def __init__(self, taught: Taught, scale: Scale) -> None:
        self.taught, self.scale = taught, scale

    @classmethod
    def of(cls, ratings: Sparse, scale: Scale, config: AutoRecConfig, options: FitOptions) -> Self:
        place = places(ratings)
        return cls(Taught(_taught(_centred(among(ratings, place), scale), config, options), place), scale)

    def above(self, queries: Queries) -> tuple[Rated, FloatArray]:
        rated = Rated.of(queries, self.taught.place >= 0, self.scale)
        cells = (rated.ratings, rated.items, rated.offsets)
        matrix = sp.csr_array(cells, shape=(len(queries), len(self.taught.place)))
        return rated, self.taught.read(_centred(matrix, self.scale))

    def arrays(self) -> Weights:
        scale = self.scale
        return self.taught.weights() | {"scale": np.array([scale.mean, scale.low, scale.high, scale.liked])}

    @classmethod
    def restored(cls, weights: Weights, config: AutoRecConfig) -> Self:
        learned = {name: value for name, value in weights.items() if name != "scale"}
        return cls(
            Taught.restored(lambda width: _Net(config, np.zeros(width, np.int64)), learned),
            Scale(*weights["scale"].tolist()),
        )


def _pull(config: AutoRecConfig, counts: IntArray) -> FloatArray:
    """Of the W_c of columns that hold so many ratings (C,), (C,) float32."""
    return (config.column_l2 + config.rating_l2 * counts).astype(np.float32)


def _centred(ratings: Sparse, scale: Scale) -> Sparse:
    """Less the mean; what is 0 then is still a rating."""
    return sp.csr_array(
        (ratings.data - np.float32(scale.mean), ratings.indices, ratings.indptr), shape=ratings.shape, dtype=np.float32
    )


def _taught(rows: Sparse, config: AutoRecConfig, options: FitOptions) -> _Net:
    """A network that has learned the `rows` (R, C)."""
    with torch_session(options, rows.nnz) as device:
        counts = np.bincount(rows.indices, minlength=max(1, rows.shape[1]))
        net = _Net(config, counts).to(device)
        lesson = ProfileLesson(net, rows[np.diff(rows.indptr) > 0], config.batch_size, device)
        teach(lesson, Schedule(config.epochs, config.learning_rate), options, "AutoRec", config)
    return net.to("cpu").eval()
