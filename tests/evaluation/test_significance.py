"""Intervals that hold what they promise, differences that are paired, p-values that do not cry wolf."""

from __future__ import annotations

import numpy as np
import pytest

from serendip.evaluation.significance import bootstrap, estimate, holm, p_value


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    generator = np.random.default_rng(0)
    samples = generator.exponential(size=(200, 300))  # 300 samples of 200 people, true mean 1
    held = 0
    for column in range(300):
        sample = samples[:, column]
        interval = estimate(sample.mean(), bootstrap(sample[:, None], column, 400)[:, 0])
        held += interval.low <= 1.0 <= interval.high
    assert 0.90 <= held / 300 <= 0.98


def test_resamples_agree_with_the_textbook_error() -> None:
    values = np.random.default_rng(1).normal(size=(400, 1))
    assert bootstrap(values).std() == pytest.approx(values.std() / np.sqrt(400), rel=0.1)


def test_columns_see_the_same_people_so_that_differences_are_paired() -> None:
    """Two models that differ by a constant differ surely, however much people vary; unpaired it would drown."""
    people = np.random.default_rng(2).normal(size=100)
    resampled = bootstrap(np.stack([people + 0.01, people], axis=1))
    paired = resampled[:, 0] - resampled[:, 1]
    assert p_value(paired) < 0.01
    unpaired = resampled[:, 0] - bootstrap(people[:, None], seed=9)[:, 0]
    assert p_value(unpaired) > 0.5


def test_p_values_of_equals_are_small_no_more_often_than_chance() -> None:
    generator = np.random.default_rng(3)
    small = 0
    for seed in range(200):
        differences = bootstrap(generator.normal(size=(80, 1)), seed, 200)[:, 0]
        small += p_value(differences) < 0.05
    assert small <= 20


def test_missing_values_are_left_out() -> None:
    values = np.array([[1.0, np.nan], [1.0, 3.0], [1.0, 3.0], [1.0, np.nan]])
    resampled = bootstrap(values, resamples=50)
    assert (resampled[:, 0] == 1.0).all()
    assert set(resampled[:, 1][np.isfinite(resampled[:, 1])]) == {3.0}
    nothing = estimate(float("nan"), bootstrap(np.full((3, 1), np.nan), resamples=5)[:, 0])
    assert (nothing.low, nothing.high) == (None, None)


def test_large_crowds_are_resampled_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(4).random((50, 2))
    whole = bootstrap(values, resamples=30)
    monkeypatch.setattr("serendip.evaluation.significance.COUNTS_AT_ONCE", 50 * 4)
    assert np.allclose(bootstrap(values, resamples=30), whole)


def test_holm_by_hand() -> None:
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert holm([0.6, 0.9]) == [1.0, 1.0]
    assert holm([]) == []
