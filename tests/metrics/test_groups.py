"""Means of groups and the gap between them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from serendip.metrics import gap, group_means


def test_each_group_has_the_mean_of_its_people() -> None:
    values = np.array([1.0, 0.0, np.nan, 0.5, 9.0])
    means = group_means(values, np.array([0, 0, 0, 1, -1]), 3)
    assert means[:2].tolist() == [0.5, 0.5]
    assert math.isnan(means[2])


def test_the_gap_is_between_the_best_and_the_worst_served() -> None:
    assert gap(np.array([0.3, np.nan, 0.1, 0.2])) == pytest.approx(0.2)
    assert math.isnan(gap(np.array([0.3, np.nan])))
