"""The contract of a model: a Protocol, not a tree. A model is one file in this folder."""

from __future__ import annotations

from typing import Any, ClassVar, Protocol, Self, TypeVar, runtime_checkable

import numpy as np
import polars as pl
from numpy.typing import NDArray

from serendip.data import Dataset, Queries
from serendip.data.arrays import FloatArray, IntArray, Sparse
from serendip.training import FitOptions
from serendip.training.settings import ModelConfig as ModelConfig
from serendip.training.settings import NotSearched as NotSearched
from serendip.training.settings import Search as Search

T = TypeVar("T")
Weights = dict[str, NDArray[Any]]


class Model(Protocol):
    """Answers from the history it is handed; it never asks who the person is.

    Scores are finite; larger is better; seen items are scored like any other (leaving them out is a filter's work).
    A history may hold any item of the fitted vocabulary, those without a single event in training included.
    """

    Config: ClassVar[type[ModelConfig]]
    personalised: ClassVar[bool]
    """True: an empty history scores 0 for every item. False: the scores are the same whatever the history."""

    def __init__(self, config: Any = ...) -> None: ...

    @property
    def config(self) -> ModelConfig: ...

    def fit(self, dataset: Dataset, options: FitOptions = FitOptions()) -> Self:
        """Learn from `dataset`, which stays as it is; returns itself."""
        ...

    def score(self, queries: Queries, rows: IntArray | None = None) -> FloatArray:
        """Scores of all items, (B, N) float32, or of the candidates `rows` (B, C) of each query, (B, C) float32.

        The caller may write into the result.

        Raises:
            RuntimeError: nothing has been learned yet.
        """
        ...

    def weights(self) -> Weights:
        """What was learned, as named arrays; with `config`, all there is to save."""
        ...

    def restore(self, weights: Weights) -> Self:
        """Take what was learned from `weights` instead of `fit`; returns itself."""
        ...


@runtime_checkable
class Attributes(Protocol):
    """A model whose score is a sum over the events of the history."""

    def contributions(self, queries: Queries, rows: IntArray) -> FloatArray:
        """What each event adds to each candidate of its query, (E, C) float32 for `rows` (B, C).

        Over the events of one query each column adds up to `score(queries, rows)` of that query.
        """
        ...


@runtime_checkable
class Embeds(Protocol):
    """A model whose score is the product of a vector of the query and one of the item, so that it can be indexed."""

    def query_vectors(self, queries: Queries) -> FloatArray:
        """(B, D) float32."""
        ...

    def item_vectors(self) -> FloatArray:
        """(N, D) float32; `query_vectors(queries) @ item_vectors().T` is `score(queries)`."""
        ...


@runtime_checkable
class Maps(Protocol):
    """A model whose score is what a sparse map leads to from the items of the history, and 0 for all others."""

    def item_map(self) -> tuple[Sparse, float | None]:
        """The map (N, N) and the memory: `score(queries)` is `queries.matrix(N, memory) @ map`.

        Raises:
            RuntimeError: nothing has been learned yet.
        """
        ...


@runtime_checkable
class Rates(Protocol):
    """A model that also says how somebody would rate a thing, from the ratings in the history that it is handed.

    One that learns from ratings alone scores by how far its rating lies above the average; its scores are 0 where the
    history holds nothing that it was taught about, and everywhere where nobody has rated anything.
    """

    def rate(self, queries: Queries, rows: IntArray) -> FloatArray:
        """The ratings expected for the candidates `rows` (B, C) of each query, (B, C) float32, finite.

        In the units of the ratings learned from, which stand in `queries.values`, and within their range; an empty
        history is answered too. 0 where nobody has rated anything.
        """
        ...


@runtime_checkable
class Forgets(Protocol):
    """A model that can be told that histories were other than it was fitted on, without fitting again."""

    def exchange(self, before: Queries, after: Queries) -> Self:
        """Put what the histories `after` teach in the place of what the histories `before` taught; returns itself.

        Query b of both is the same person: an empty one after forgets them, an empty one before learns somebody new,
        and one event more or less learns or forgets that event. What was learned differs from `fit` on the changed
        data by 1e-8 at most, as long as the same items take part.

        Raises:
            ValueError: the batches differ in length.
            RuntimeError: nothing has been learned yet.
        """
        ...


@runtime_checkable
class Learns(Protocol):
    """A model that takes in what people did since it was fitted, without fitting again."""

    def learn(self, before: Queries, after: Queries) -> Self:
        """Learn that the histories `before`, which the model was fitted on, have become `after`; returns itself.

        Everybody is in both batches, whether or not their history changed; query b of both is the same person, and who
        is new has an empty one before. Items that nobody had wanted take part as soon as somebody does, as far as a
        bound on how many take part leaves room. What is learned scores as `fit` on the changed data does, exactly or
        nearly, as the model says; it can be saved, forget and learn again.

        Raises:
            ValueError: the batches differ in length.
            RuntimeError: nothing has been learned yet, or what it takes was not kept.
        """
        ...


@runtime_checkable
class AddsItems(Protocol):
    """A model that takes items that it was not fitted on, from what they are."""

    def add_items(self, items: pl.DataFrame) -> Self:
        """Give the next rows to `items`, a table like `Dataset.items.attributes`, the id first; returns itself.

        They score and count in histories as items of the catalogue do that nobody had met, as far as their words and
        labels were known at the time of `fit`; what was learned, and so every other score, stays as it is. One table
        and its parts one after another come to the same.

        Raises:
            RuntimeError: nothing has been learned yet.
        """
        ...


@runtime_checkable
class Imitates(Protocol):
    """A model whose `fit` also learns from what a slower one says of candidates, where `FitOptions.teacher` is one."""

    imitates: ClassVar[bool]
    """True: it says so, and that is all."""


def take(scores: FloatArray, rows: IntArray | None) -> FloatArray:
    """All of (B, N) or, with candidates (B, C), only theirs."""
    return scores if rows is None else np.take_along_axis(scores, rows, axis=1)


def fitted(learned: T | None) -> T:
    """What was learned.

    Raises:
        RuntimeError: nothing has been learned yet.
    """
    if learned is None:
        raise RuntimeError("the model has learned nothing yet: call fit, or restore saved weights, first")
    return learned
