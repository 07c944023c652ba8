"""Ratings: how far predictions are off, and two simple predictors that every other one must beat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from benchmarks.cases import Fold
from serendip.data import Dataset, Queries
from serendip.data.arrays import FloatArray, IntArray
from serendip.errors import InputError
from serendip.evaluation import Estimate
from serendip.evaluation.rankers import ModelRanker, entrants
from serendip.evaluation.significance import bootstrap, estimate
from serendip.evaluation.specification import parse
from serendip.models import Rates
from serendip.training import FitOptions


@dataclass
class GlobalMean:
    """Everybody rates everything alike."""

    _mean: float = field(default=0.0, init=False)

    def fit(self, dataset: Dataset, options: FitOptions = FitOptions()) -> Self:
        self._mean = float(np.mean(dataset.events.values, dtype=np.float64))
        return self

    def rate(self, queries: Queries, rows: IntArray) -> FloatArray:
        return np.full(rows.shape, self._mean, np.float32)


@dataclass
class Bias:
    """mean + b_u + b_i: some people are kind, some items are good.

    Each bias is the damped mean of what the other leaves over, found by turns; that of a person comes from the
    history that is handed in. Koren, "Factor in the neighbors: scalable and accurate collaborative filtering", ACM
    TKDD 4(1), 2010, section 2.1.
    """

    damping_users: float = 15.0
    damping_items: float = 10.0
    epochs: int = 10
    _mean: float = field(default=0.0, init=False)
    _items: FloatArray = field(default_factory=lambda: np.empty(0), init=False)  # (N,)

    def fit(self, dataset: Dataset, options: FitOptions = FitOptions()) -> Self:
        events = dataset.events
        values = events.values.astype(np.float64)
        self._mean = float(values.mean())
        self._items = np.zeros(dataset.n_items)
        for _ in range(self.epochs):
            people = self._of_people(events.user_rows, events.item_rows, values, dataset.n_users)
            left = values - self._mean - people[events.user_rows]
            self._items = _damped_means(events.item_rows, left, dataset.n_items, self.damping_items)
        return self

    def rate(self, queries: Queries, rows: IntArray) -> FloatArray:
        assert queries.values is not None
        people = self._of_people(queries.query_rows, queries.item_rows, queries.values, len(queries))
        return np.asarray(self._mean + people[:, None] + self._items[rows], np.float32)

    def _of_people(self, owners: IntArray, item_rows: IntArray, values: FloatArray, size: int) -> FloatArray:
        return _damped_means(owners, values - self._mean - self._items[item_rows], size, self.damping_users)


def _damped_means(rows: IntArray, values: FloatArray, size: int, damping: float) -> FloatArray:
    return np.bincount(rows, values, minlength=size) / (np.bincount(rows, minlength=size) + damping)


BASELINES: dict[str, Any] = {"global_mean": GlobalMean, "bias": Bias}


def rater(text: str) -> tuple[Any, dict[str, Any]]:
    """A baseline such as `bias?epochs=20` or a model that satisfies `serendip.models.Rates`, and its settings in full.

    Raises:
        InputError: there is no such baseline or model, it does not rate, or it has no such setting.
    """
    name, settings = parse(text)
    if name in BASELINES:
        try:
            made = BASELINES[name](**settings)
        except TypeError:
            raise InputError(f"{text}: {name} has no such setting") from None
        return made, {key: value for key, value in vars(made).items() if not key.startswith("_")}
    entrant = entrants([text])[0]
    model = entrant.ranker.model if isinstance(entrant.ranker, ModelRanker) else entrant.ranker
    if not isinstance(model, Rates):
        raise InputError(f"{name} predicts no ratings; the baselines {', '.join(BASELINES)} do")
    return model, entrant.config


def figures(folds: Sequence[Fold], predictions: Sequence[FloatArray]) -> dict[str, Estimate]:
    """RMSE and MAE, each the mean over the folds, with bootstrap intervals over people.

    Args:
        predictions: For each fold, those of its test events in their order, (E,).

    Raises:
        ValueError: a prediction is missing or not a number.
    """
    pairs = zip(folds, predictions, strict=True)
    squared, absolute, counts = zip(*(_errors(fold, predicted) for fold, predicted in pairs), strict=True)
    errors = np.stack([*squared, *absolute, *counts], axis=1)  # (U, 3 F) sums per person
    resampled = bootstrap(errors)  # (R, 3 F)
    true, means = _of_folds(errors.mean(axis=0)[None], len(folds)), _of_folds(resampled, len(folds))
    return {name: estimate(float(true[name][0]), means[name]) for name in ("rmse", "mae")}


def _errors(fold: Fold, predicted: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Sums of squared errors and of absolute errors, and the number of ratings, per person, (U,) each."""
    events, n_users = fold.test.events, fold.test.n_users
    off = np.asarray(predicted, np.float64) - events.values
    if off.shape != events.values.shape or not np.isfinite(off).all():
        raise ValueError("every test rating needs a prediction")
    counts = np.bincount(events.user_rows, minlength=n_users).astype(np.float64)
    return _per_person(fold, off**2), _per_person(fold, np.abs(off)), counts


def _per_person(fold: Fold, values: FloatArray) -> FloatArray:
    return np.bincount(fold.test.events.user_rows, values, minlength=fold.test.n_users).astype(np.float64)


def _of_folds(sums: FloatArray, n_folds: int) -> dict[str, FloatArray]:
    """From sums (R, 3 F): squared and absolute errors and counts of each fold; the figures, (R,)."""
    squared, absolute, counts = np.split(sums, 3, axis=1)
    assert squared.shape[1] == n_folds
    return {"rmse": np.sqrt(squared / counts).mean(axis=1), "mae": (absolute / counts).mean(axis=1)}
