"""Ratings: the simple predictors, and the figures over folds."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import ratings
from benchmarks.cases import Fold
from serendip.data import Dataset, InputError, Tables, event_frame
from serendip.data.splits import k_fold
from serendip.metrics import mae, rmse

N_PEOPLE, N_ITEMS = 40, 30


@pytest.fixture(scope="module")
def rated() -> Dataset:
    """Everybody rates everything with 3 + b_u + b_i."""
    people, items = (grid.ravel() for grid in np.mgrid[:N_PEOPLE, :N_ITEMS])
    values = 3 + np.linspace(-1, 1, N_PEOPLE)[people] + np.linspace(-0.5, 0.5, N_ITEMS)[items]
    frame = event_frame(
        {
            "user_id": [f"p{person}" for person in people],
            "item_id": [f"i{item}" for item in items],
            "type": ["rating"] * len(people),
            "value": values.tolist(),
        }
    )
    return Dataset.from_tables(Tables(frame))


def test_biases_are_found(rated: Dataset) -> None:
    model, config = ratings.rater("bias?damping_users=0&damping_items=0&epochs=30")
    assert config == {"damping_users": 0, "damping_items": 0, "epochs": 30}
    model.fit(rated)
    rows = np.tile(np.arange(N_ITEMS), (2, 1))
    expected = rated.events.values.reshape(N_PEOPLE, N_ITEMS)[[3, 17]]
    found = model.rate(rated.histories(np.array([3, 17])), rows)
    assert np.abs(found - expected).max() < 1e-3
    mean, _ = ratings.rater("global_mean")
    assert np.abs(mean.fit(rated).rate(rated.histories(np.array([3, 17])), rows) - expected).max() > 0.5


def test_figures_are_means_over_the_folds(rated: Dataset) -> None:
    folds = [Fold.of(split) for split in k_fold(rated, 3)]
    generator = np.random.default_rng(0)
    predicted = [fold.test.events.values + generator.normal(size=len(fold.test.events)) for fold in folds]
    figures = ratings.figures(folds, predicted)
    pairs = [(guess, fold.test.events.values) for guess, fold in zip(predicted, folds, strict=True)]
    assert figures["rmse"].mean == pytest.approx(np.mean([rmse(*pair) for pair in pairs]))
    assert figures["mae"].mean == pytest.approx(np.mean([mae(*pair) for pair in pairs]))
    low, high = figures["rmse"].low, figures["rmse"].high
    assert low is not None
    assert high is not None
    assert low < 1 < high


def test_a_missing_prediction_is_refused(rated: Dataset) -> None:
    folds = [Fold.of(split) for split in k_fold(rated, 2)]
    predicted = [fold.test.events.values.copy() for fold in folds]
    predicted[1][5] = np.nan
    with pytest.raises(ValueError, match="every test rating"):
        ratings.figures(folds, predicted)


def test_a_model_that_does_not_rate_is_refused() -> None:
    with pytest.raises(InputError, match="popular predicts no ratings; the baselines global_mean, bias do"):
        ratings.rater("popular")
    with pytest.raises(InputError, match="bias has no such setting"):
        ratings.rater("bias?colour=1")
