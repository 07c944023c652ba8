"""The contract of a model: a Protocol, not a tree. A model is one file in this folder."""

from __future__ import annotations

from typing import Any, ClassVar, Protocol, Self, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from serendip.data import Dataset, Queries
from serendip.data.arrays import FloatArray, IntArray
from serendip.training import FitOptions

T = TypeVar("T")
Weights = dict[str, NDArray[Any]]


class ModelConfig(BaseModel):
    """Hyper-parameters of a model, each declared once; unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


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
