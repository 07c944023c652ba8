"""Intervals of rates."""

from __future__ import annotations

import numpy as np
import pytest

from serendip.metrics import wilson


def test_the_interval_is_where_the_rate_could_have_been() -> None:
    """Its bounds are the rates at which the score test just does not reject."""
    for hits, tries in ((3, 40), (0, 7), (20, 21)):
        for bound in wilson(hits, tries):
            if 0 < bound < 1:
                assert abs(hits / tries - bound) == pytest.approx(1.959964 * np.sqrt(bound * (1 - bound) / tries))


def test_it_covers_the_truth_as_often_as_it_says() -> None:
    hits = np.random.default_rng(0).binomial(50, 0.1, 4_000)
    inside = [low <= 0.1 <= high for low, high in (wilson(int(one), 50) for one in hits)]
    assert np.mean(inside) == pytest.approx(0.95, abs=0.03)


def test_nothing_tried_is_nothing_known() -> None:
    assert wilson(0, 0) == (0.0, 1.0)
