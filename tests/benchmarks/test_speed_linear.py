"""The contest of speed runs at a small size, and its generated preferences look like preferences."""

from __future__ import annotations

import numpy as np

from benchmarks.speed_linear import contest, preferences, sparse


def test_generated_preferences_are_of_the_size_and_the_shape_asked_for() -> None:
    data = preferences(500, 1_000, 20_000)
    assert data.n_items == 1_000  # also those that nobody wants
    assert 10_000 < len(data.events) <= 20_500
    people = np.sort(np.bincount(data.matrix().indices, minlength=1_000))[::-1]
    assert people[:100].sum() > 0.25 * people.sum()


def test_a_contest_says_how_it_ended() -> None:
    found = contest(60, 1, 1)
    assert found["median_ratio_by_processor_seconds"] > 0
    assert found["lapack_rows"] == 60


def test_the_memory_of_a_sparse_fit_is_told() -> None:
    found = sparse(200, 1)
    assert found["fit"]["peak_mb"] > 0
    assert found["reached"]
