"""How far predicted ratings are from given ones, in rating units; both arguments (E,), NaN where there are none."""

from __future__ import annotations

import numpy as np

from serendip.data.arrays import FloatArray


def rmse(predicted: FloatArray, given: FloatArray) -> float:
    """Root of the mean squared error; over all ratings, not averaged per person."""
    return float(np.sqrt(np.mean(np.square(_errors(predicted, given))))) if len(given) else float("nan")


def mae(predicted: FloatArray, given: FloatArray) -> float:
    """Mean absolute error."""
    return float(np.mean(np.abs(_errors(predicted, given)))) if len(given) else float("nan")


def _errors(predicted: FloatArray, given: FloatArray) -> FloatArray:
    if predicted.shape != given.shape:
        raise ValueError(f"{predicted.shape} predictions cannot be compared with {given.shape} ratings")
    return predicted.astype(np.float64) - given
