"""How regret grows: learners are told from those who never learn."""

from __future__ import annotations

import numpy as np
import pytest

from serendip.evaluation.experiments import growth, learning


@pytest.mark.parametrize(("power", "slope"), [(0.0, 1.0), (-0.5, 0.5), (-0.25, 0.75)])
def test_the_slope_is_that_of_the_sum(power: float, slope: float) -> None:
    assert growth(np.arange(1, 20_001) ** power) == pytest.approx(slope, abs=0.02)


def test_luck_does_not_hide_who_never_learns() -> None:
    losses = np.random.default_rng(0).exponential(1.0, 2_000)
    assert growth(losses) == pytest.approx(1.0, abs=0.05)
    assert learning(growth(losses)) == "never"


def test_who_stops_losing_learns() -> None:
    losses = np.where(np.arange(2_000) < 200, 1.0, 0.0)
    assert growth(losses) < 0.4
    assert [learning(slope) for slope in (0.2, 0.6, 0.7, 0.95)] == ["learns", "learns", "slowly", "never"]


def test_nothing_lost_has_no_slope() -> None:
    assert np.isnan(growth(np.zeros(100)))
    assert np.isnan(growth(np.ones(1)))
    assert learning(float("nan")) == "learns"
