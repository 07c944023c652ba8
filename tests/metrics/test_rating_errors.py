"""RMSE and MAE."""

from __future__ import annotations

import math

import numpy as np
import pytest

from serendip.metrics import mae, rmse


def test_errors_in_rating_units() -> None:
    predicted, given = np.array([3.0, 5.0, 1.0]), np.array([4.0, 5.0, 3.0])
    assert mae(predicted, given) == pytest.approx(1.0)
    assert rmse(predicted, given) == pytest.approx(math.sqrt(5 / 3))


def test_small_types_do_not_overflow() -> None:
    assert rmse(np.full(3, 300, np.float16), np.full(3, 0, np.float16)) == pytest.approx(300.0)


def test_shapes_must_match_and_no_ratings_have_no_error() -> None:
    with pytest.raises(ValueError, match="cannot be compared"):
        rmse(np.zeros((3, 1)), np.zeros(3))
    assert math.isnan(mae(np.zeros(0), np.zeros(0)))
    assert math.isnan(rmse(np.zeros(0), np.zeros(0)))
